"""Figures of a market: pure functions from auctions, outcomes and frames to HoloViews objects.

The axes of each figure have units. It is drawn by two backends: bokeh for the browser, matplotlib for files.
"""

from __future__ import annotations

from fts.viz.aggregate_curves import MarketCurves, market_curves
from fts.viz.demand_curves import demand_curve, demand_curves
from fts.viz.explorer import explore
from fts.viz.figure import save, show
from fts.viz.forward_curve import forward_curve
from fts.viz.history import price_history, volume_history
from fts.viz.supply_demand import supply_demand

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
