from .context import MarketOptions as MarketOptions
from .market import Market as Market
from .schedule import Schedule as Schedule
from .terms import BidData as BidData
from .terms import ForwardTerms as ForwardTerms
from .terms import ProductData as ProductData

__all__: list[str]
