"""Prices and volumes over batches."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd

from fts.models.columns import Floats
from fts.models.records import Units
from fts.viz import style
from fts.viz.axes import price_axis, rate_axis, time_axis


def price_history(
    outcomes: pd.DataFrame, units: Units | None = None, *, title: str = "Price", height: int = 300
) -> hv.Overlay:
    """Draw a product's clearing price from batch to batch; it holds until the next one.

    Parameters
    ----------
    outcomes : table of valid_from, valid_until, price
        One row per outcome: instants (no end yet: null), price [money / quantity].
    units : Units, optional
        Of the market, for the axes.
    title : str
        Heading of the picture.
    height : int
        In the browser [pixels].
    """
    return _held(outcomes, "price", price_axis(units), style.CLEARING, title, height)


def volume_history(
    outcomes: pd.DataFrame, units: Units | None = None, *, title: str = "Traded volume", height: int = 300
) -> hv.Overlay:
    """Draw a product's traded volume from batch to batch.

    Parameters
    ----------
    outcomes : table of valid_from, valid_until, rate
        One row per outcome: instants (no end yet: null), traded volume [quantity / time].
    units : Units, optional
        Of the market, for the axes.
    title : str
        Heading of the picture.
    height : int
        In the browser [pixels].
    """
    return _held(outcomes, "rate", rate_axis(units, "volume"), style.DEMAND, title, height)


def _held(outcomes: pd.DataFrame, column: str, value: hv.Dimension, color: str, title: str, height: int) -> hv.Overlay:
    start = pd.to_datetime(outcomes["valid_from"], utc=True).dt.tz_localize(None)
    end = pd.to_datetime(outcomes["valid_until"], utc=True).dt.tz_localize(None)
    order = np.argsort(start.to_numpy(), kind="stable")
    start, end = start.iloc[order].reset_index(drop=True), end.iloc[order].reset_index(drop=True)
    values = outcomes[column].to_numpy(dtype=float)[order]
    batch = time_axis("batch", "batch")
    steps = hv.Curve(_steps(start, end, values, column), batch, value)
    marks = hv.Scatter((start.to_numpy(), values), batch, value)
    overlay = hv.Overlay([style.line(steps, color), style.dots(marks, color, size=6)])
    return style.picture(overlay, title, legend=False, dates=True, height=height, xlim=_span(start), ylim=_view(values))


def _span(start: pd.Series) -> tuple[Any, Any]:
    """Instants in view: all of them, with some room; None: as the backend likes."""
    if not len(start):
        return None, None
    first, last = start.iloc[0], start.iloc[-1]
    room = 0.03 * (last - first) if last > first else pd.Timedelta("1min")
    return (first - room).to_datetime64(), (last + room).to_datetime64()


def _view(values: Floats) -> tuple[float, float]:
    """Values in view: all of them, and never so near that a solver's last digits look like a move."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    margin = max(0.08 * (high - low), 0.005 * max(abs(low), abs(high))) or 1.0
    return low - margin, high + margin


def _steps(start: pd.Series, end: pd.Series, values: Floats, value: str) -> pd.DataFrame:
    """Two corners per outcome; where nothing held until the next one, the line is broken."""
    following = start.shift(-1)
    # The latest outcome holds still: it is drawn to its start, where its mark is.
    until = end.fillna(following).fillna(start)
    gap = (until < following).to_numpy()
    rows = pd.DataFrame(
        {
            "batch": np.column_stack([start, until, until]).ravel(),
            value: np.column_stack([values, values, np.where(gap, np.nan, values)]).ravel(),
        }
    )
    return rows
