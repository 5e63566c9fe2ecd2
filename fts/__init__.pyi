from . import bundled as bundled
from . import errors as errors
from .exchange import Market as Market
from .models import Auction as Auction
from .models import Certificate as Certificate
from .models import Constant as Constant
from .models import Curve as Curve
from .models import Outcome as Outcome
from .models import Portfolio as Portfolio
from .models import read_curve as read_curve
from .models import read_duration as read_duration
from .models import read_instant as read_instant
from .models import read_weights as read_weights
from .models import write_instant as write_instant
from .solver import engines as engines

__version__: str
__all__: list[str]
