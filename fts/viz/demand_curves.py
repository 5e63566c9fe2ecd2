"""Figure of demand curves."""

from __future__ import annotations

from collections.abc import Mapping

import holoviews as hv
import numpy as np

from fts.models.columns import Floats
from fts.models.curve import DemandCurve
from fts.models.records import Units
from fts.viz import style
from fts.viz.axes import price_axis, rate_axis


def demand_curve(curve: DemandCurve, units: Units | None = None, title: str = "demand curve") -> hv.Overlay:
    """Draw one demand curve: marginal price over rate.

    Parameters
    ----------
    curve : Curve or Constant
    units : Units, optional
        Units of the market, for the axes.
    title : str
        Title, such as the bidder's name for the curve.
    """
    return _picture({title: curve}, units, title, legend=False)


def demand_curves(curves: Mapping[str, DemandCurve], units: Units | None = None) -> hv.Overlay:
    """Draw several demand curves in one figure.

    Parameters
    ----------
    curves : mapping of name to Curve or Constant
        Curves by name, such as ``auction.demands``.
    units : Units, optional
        Units of the market, for the axes.
    """
    return _picture(curves, units, "demand curves", legend=len(curves) <= 12)


def _picture(curves: Mapping[str, DemandCurve], units: Units | None, title: str, *, legend: bool) -> hv.Overlay:
    rate = rate_axis(units, "rate (+ buys, - sells)")
    price = price_axis(units, "marginal price")
    low, high = _rate_range(curves)
    layers = [style.line(hv.Curve([(0.0, np.nan)], rate, price), style.GUIDE)]
    for k, (name, curve) in enumerate(curves.items()):
        color = style.CYCLE[k % len(style.CYCLE)]
        layers.append(style.line(hv.Curve(_clip(curve, low, high), rate, price, label=name), color))
        ends = np.isfinite(curve.rates)
        points = np.column_stack([curve.rates[ends], curve.prices[ends]])
        layers.append(style.dots(hv.Scatter(points, rate, price), color))
    layers.append(style.rate_zero())
    margin = 0.05 * (high - low)
    return style.picture(hv.Overlay(layers), title, legend=legend, xlim=(low - margin, high + margin))


def _rate_range(curves: Mapping[str, DemandCurve]) -> tuple[float, float]:
    """Compute the range of rates: those of all points, and a margin if a curve is unlimited."""
    rates = np.concatenate([curve.rates for curve in curves.values()] or [np.zeros(1)])
    finite = np.append(rates[np.isfinite(rates)], 0.0)
    low, high = float(finite.min()), float(finite.max())
    more = 0.5 * (high - low) or 1.0
    return (low - more if np.isneginf(rates).any() else low), (high + more if np.isposinf(rates).any() else high)


def _clip(curve: DemandCurve, low: float, high: float) -> Floats:
    return np.column_stack([np.clip(curve.rates, low, high), curve.prices])
