"""Figure of supply and demand of one product, with its clearing."""

from __future__ import annotations

import math

import holoviews as hv
import numpy as np

from fts.models.auction import Auction
from fts.models.columns import Floats, floats
from fts.models.outcome import Outcome
from fts.models.records import Units
from fts.viz import style
from fts.viz.aggregate_curves import MarketCurves, market_curves
from fts.viz.axes import price_axis, price_unit, rate_axis, rate_unit

_MAX_VIEW_RATIO = 5.0  # of the traded volume: right end of the initial view, if the curves reach much further
_PRICE_VIEW = (0.8, 1.2)  # of the traded volume: the initial view has the prices of these rates


def supply_demand(
    auction: Auction, outcome: Outcome, product: str, units: Units | None = None, title: str | None = None
) -> hv.Overlay:
    """Draw supply and demand of one product, crossing at its clearing.

    The curves are those of :func:`fts.viz.market_curves`: the response of each portfolio that holds the product to its
    price, with all other prices and rates at the clearing.

    Parameters
    ----------
    auction : Auction
    outcome : Outcome
        Outcome of the auction.
    product : str
        Id of the product.
    units : Units, optional
        Units of the market, for the axes.
    title : str, optional
        Name of the product; by default its id.

    Raises
    ------
    UnknownReference
        The auction has no such product.
    """
    curves = market_curves(auction, outcome, product)
    right, low, high = _initial_view(curves)
    rate, price = rate_axis(units), price_axis(units)
    demand = _corners_to_draw(
        curves.demand_rates, curves.demand_prices, right, first=high, last=low, idle=curves.volume == 0
    )
    supply = _corners_to_draw(
        curves.supply_rates, curves.supply_prices, right, first=low, last=high, idle=curves.volume == 0
    )
    layers = [
        style.line(hv.Curve(demand, rate, price, label="demand"), style.DEMAND),
        style.line(hv.Curve(supply, rate, price, label="supply"), style.SUPPLY),
    ]
    mark = [] if math.isnan(curves.price) else [(curves.volume, curves.price)]
    guide = [(0.0, curves.price), *mark, (curves.volume, low)] if mark else []
    layers.append(style.line(hv.Curve(guide, rate, price), style.GUIDE, dash="dotted", width=1.5))
    marked = hv.Scatter(mark, rate, price, label="clearing")
    layers.append(style.dots(marked, style.CLEARING, marker="diamond", size=14))
    return style.picture(
        hv.Overlay(layers),
        f"{product if title is None else title}: {_clearing_text(curves, units)}",
        xlim=(0.0, right),
        ylim=(low, high),
        height=420,
    )


def _clearing_text(curves: MarketCurves, units: Units | None) -> str:
    if math.isnan(curves.price):
        return "no price"
    return f"{curves.volume:.4g} {rate_unit(units)} at {curves.price:.4g} {price_unit(units)}"


def _initial_view(curves: MarketCurves) -> tuple[float, float, float]:
    """Compute the initial view: right end of the rates, and both ends of the prices."""
    rates = np.concatenate([curves.demand_rates, curves.supply_rates, [curves.volume]])
    widest = float(rates[np.isfinite(rates)].max())
    if curves.volume > 0:
        widest = min(max(widest, 1.5 * curves.volume), _MAX_VIEW_RATIO * curves.volume)
    right = 1.06 * widest or 1.0
    both = ((curves.demand_rates, curves.demand_prices), (curves.supply_rates, curves.supply_prices))
    if curves.volume > 0:
        # If one bid asks a hundred times the price for its last unit, the range of all prices would hide the crossing.
        in_view = [_interpolate(*curve, np.linspace(*_PRICE_VIEW, 21) * curves.volume) for curve in both]
    else:
        in_view = [prices[np.isfinite(prices) & (rates <= right)] for rates, prices in both]
    prices = np.concatenate([*in_view, [] if math.isnan(curves.price) else [curves.price]])
    if not len(prices):
        return right, 0.0, 1.0
    low, high = float(prices.min()), float(prices.max())
    margin = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    return right, low - margin, high + margin


def _interpolate(rates: Floats, prices: Floats, targets: Floats) -> Floats:
    """Interpolate a curve's prices at some rates; rates beyond its end are left out."""
    finite = np.isfinite(rates) & np.isfinite(prices)
    if not finite.any():
        return prices[np.isfinite(prices)]
    rates, prices = rates[finite], prices[finite]
    return floats(np.interp(targets[targets <= rates[-1]], rates, prices))


def _corners_to_draw(rates: Floats, prices: Floats, right: float, *, first: float, last: float, idle: bool) -> Floats:
    """Compute the corners to draw: ends continue vertically, and an unlimited end continues beyond the right edge."""
    if not len(rates):
        return np.array([[0.0, first], [0.0, last]])
    corners = np.column_stack([rates, prices])
    if idle or rates[0] > 0:
        corners = np.vstack([[rates[0], first], corners])
    corners = corners[np.isfinite(corners[:, 1])]
    if np.isinf(rates[-1]):
        corners[-1, 0] = max(10 * right, 10 * float(rates[np.isfinite(rates)].max()))
        return corners
    return np.vstack([corners, [rates[-1], last]])
