"""The exchange: what can be done in a market, once, for Python and for HTTP alike."""

from __future__ import annotations

from fts.exchange.forward import BidData, ForwardTerms, ProductData
from fts.exchange.market import Market
from fts.exchange.schedule import Schedule

__all__ = ["BidData", "ForwardTerms", "Market", "ProductData", "Schedule"]
