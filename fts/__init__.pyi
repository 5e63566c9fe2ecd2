from . import bundled as bundled
from . import client as client
from . import errors as errors
from . import server as server
from . import sim as sim
from . import viz as viz
from .errors import FtsError as FtsError
from .exchange import Market as Market
from .models.auction import Auction as Auction
from .models.certificate import Certificate as Certificate
from .models.curve import Constant as Constant
from .models.curve import Curve as Curve
from .models.curve import read_curve as read_curve
from .models.outcome import Outcome as Outcome
from .models.portfolio import Portfolio as Portfolio
from .models.records import Units as Units
from .models.timestamps import format_instant as format_instant
from .models.timestamps import parse_duration as parse_duration
from .models.timestamps import parse_instant as parse_instant
from .models.weights import read_weights as read_weights
from .solver import engines as engines

__version__: str
__all__: list[str]
