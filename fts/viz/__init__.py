"""Pictures of a market: pure functions from auctions, outcomes and frames to HoloViews.

Each picture carries its units on its axes and comes in two backends: bokeh for the browser, matplotlib for paper.
"""

from __future__ import annotations

from fts.viz.clearing import supply_demand
from fts.viz.demand import demand_curve, demand_curves
from fts.viz.explorer import explore
from fts.viz.figure import save, show
from fts.viz.forward import forward_curve
from fts.viz.history import price_history, volume_history
from fts.viz.market_curve import MarketCurves, market_curves

__all__ = [
    "MarketCurves",
    "demand_curve",
    "demand_curves",
    "explore",
    "forward_curve",
    "market_curves",
    "price_history",
    "save",
    "show",
    "supply_demand",
    "volume_history",
]
