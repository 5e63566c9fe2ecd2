from .app import create_app as create_app
from .jwt_application import Application as Application
from .jwt_application import JwtApplication as JwtApplication
from .jwt_application import generate_jwt as generate_jwt
from .limits import Limits as Limits
from .local_exchange import local as local

__all__: list[str]
