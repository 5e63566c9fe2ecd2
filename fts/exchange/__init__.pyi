from .forward import BidData as BidData
from .forward import ForwardTerms as ForwardTerms
from .forward import ProductData as ProductData
from .market import Market as Market
from .schedule import Schedule as Schedule

__all__: list[str]
