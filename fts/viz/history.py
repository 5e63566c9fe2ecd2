"""Figures of prices and volumes over batches."""

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
    """Draw a product's clearing price over batches; each is in force until the next one.

    Parameters
    ----------
    outcomes : table of valid_from, valid_until, price
        One row per outcome: instants (no end yet: null), price [money / quantity].
    units : Units, optional
        Units of the market, for the axes.
    title : str
        Title of the figure.
    height : int
        Height in the browser [pixels].
    """
    return _step_figure(outcomes, "price", price_axis(units), style.CLEARING, title, height)


def volume_history(
    outcomes: pd.DataFrame, units: Units | None = None, *, title: str = "Traded volume", height: int = 300
) -> hv.Overlay:
    """Draw a product's traded volume over batches.

    Parameters
    ----------
    outcomes : table of valid_from, valid_until, rate
        One row per outcome: instants (no end yet: null), traded volume [quantity / time].
    units : Units, optional
        Units of the market, for the axes.
    title : str
        Title of the figure.
    height : int
        Height in the browser [pixels].
    """
    return _step_figure(outcomes, "rate", rate_axis(units, "volume"), style.DEMAND, title, height)


def _step_figure(
    outcomes: pd.DataFrame, column: str, value: hv.Dimension, color: str, title: str, height: int
) -> hv.Overlay:
    start = pd.to_datetime(outcomes["valid_from"], utc=True).dt.tz_localize(None)
    end = pd.to_datetime(outcomes["valid_until"], utc=True).dt.tz_localize(None)
    order = np.argsort(start.to_numpy(), kind="stable")
    start, end = start.iloc[order].reset_index(drop=True), end.iloc[order].reset_index(drop=True)
    values = outcomes[column].to_numpy(dtype=float)[order]
    batch = time_axis("batch", "batch")
    steps = hv.Curve(_steps(start, end, values, column), batch, value)
    marks = hv.Scatter((start.to_numpy(), values), batch, value)
    overlay = hv.Overlay([style.line(steps, color), style.dots(marks, color, size=6)])
    return style.picture(
        overlay, title, legend=False, dates=True, height=height, xlim=_time_range(start), ylim=_value_range(values)
    )


def _time_range(start: pd.Series) -> tuple[Any, Any]:
    """Compute the range of instants with a margin; None: the default of the backend."""
    if not len(start):
        return None, None
    first, last = start.iloc[0], start.iloc[-1]
    margin = 0.03 * (last - first) if last > first else pd.Timedelta("1min")
    return (first - margin).to_datetime64(), (last + margin).to_datetime64()


def _value_range(values: Floats) -> tuple[float, float]:
    """Compute the range of values, wide enough that rounding errors of the solver are not visible."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    margin = max(0.08 * (high - low), 0.005 * max(abs(low), abs(high))) or 1.0
    return low - margin, high + margin


def _steps(start: pd.Series, end: pd.Series, values: Floats, value: str) -> pd.DataFrame:
    """Build the corners of the steps; if no outcome was in force until the next one, the line has a gap."""
    following = start.shift(-1)
    # The latest outcome has no end yet; its line ends at its start, where its marker is.
    until = end.fillna(following).fillna(start)
    gap = (until < following).to_numpy()
    rows = pd.DataFrame(
        {
            "batch": np.column_stack([start, until, until]).ravel(),
            value: np.column_stack([values, values, np.where(gap, np.nan, values)]).ravel(),
        }
    )
    return rows
