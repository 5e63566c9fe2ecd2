"""Prices over the time of delivery."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import pandas as pd

from fts.models.records import Units
from fts.viz import style
from fts.viz.axes import price_axis, time_axis

_FEW = 8  # kinds that a legend can name


def forward_curve(
    prices: pd.DataFrame,
    units: Units | None = None,
    *,
    highlight: str | None = None,
    title: str = "Prices over delivery time",
) -> hv.Overlay:
    """Draw the forward curve: one line per kind of product, a point at the middle of each delivery.

    Parameters
    ----------
    prices : table of kind, from, thru, price
        One row per product: its kind (text), when it delivers (instants), its price [money / quantity], NaN for none.
    units : Units, optional
        Of the market, for the axes.
    highlight : str, optional
        The kind to draw over the others.
    title : str
        Heading of the picture.
    """
    delivery, price = time_axis("delivery", "delivery"), price_axis(units)
    frame = _points(prices)
    kinds = sorted(frame["kind"].unique(), key=_order)
    groups = list(dict.fromkeys(_group(kind) for kind in kinds))
    many = len(kinds) > _FEW
    layers = [style.line(hv.Curve([], delivery, price), style.GUIDE)]
    for kind in sorted(kinds, key=lambda kind: kind == highlight):
        rows = frame.loc[frame["kind"] == kind, ["delivery", "price"]].dropna()
        chosen = kind == highlight
        if many:
            color = style.CLEARING if chosen else _shade(groups.index(_group(kind)), _order(kind)[1])
        else:
            color = style.CYCLE[kinds.index(kind) % len(style.CYCLE)]
        named = chosen or not many or _order(kind)[1] in (0, 6, 12, 18)
        faint = highlight is not None and not chosen
        curve = hv.Curve(rows, delivery, price, label=kind if named else "")
        layers.append(style.line(curve, color, width=3.5 if chosen else 1.8, alpha=0.45 if faint and many else 1.0))
        if chosen or not many:
            layers.append(style.dots(hv.Scatter(rows, delivery, price), color, size=7))
    return style.picture(hv.Overlay(layers), title, dates=True)


def _points(prices: pd.DataFrame) -> pd.DataFrame:
    start = pd.to_datetime(prices["from"], utc=True)
    middle = start + (pd.to_datetime(prices["thru"], utc=True) - start) / 2
    frame = pd.DataFrame(
        {
            "kind": prices["kind"].astype(str).to_numpy(),
            "delivery": middle.dt.tz_localize(None).to_numpy(),
            "price": prices["price"].to_numpy(dtype=float),
        }
    )
    return frame.sort_values("delivery", kind="stable")


def _order(kind: str) -> tuple[str, int]:
    """Sort ``workday 9`` before ``workday 14``; a kind without a number comes first of its group."""
    group, _, number = kind.rpartition(" ")
    return (group, int(number)) if number.isdecimal() else (kind, -1)


def _group(kind: str) -> str:
    return _order(kind)[0]


def _shade(group: int, hour: int) -> Any:
    """Night to noon to night in one hue per group."""
    night, noon = (("#31598c", "#4fb3ff"), ("#8f4a1c", "#ffab57"))[group % 2]
    share = 1 - abs(hour - 12) / 12 if 0 <= hour <= 24 else 0.5
    mixed = [round((1 - share) * int(night[k : k + 2], 16) + share * int(noon[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{part:02x}" for part in mixed)
