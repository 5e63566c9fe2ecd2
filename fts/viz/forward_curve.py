"""Figure of prices over the time of delivery."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import pandas as pd

from fts.models.records import Units
from fts.viz import style
from fts.viz.axes import price_axis, time_axis

_MAX_LEGEND_KINDS = 8  # number of kinds that the legend names one by one
_HOURS_PER_GROUP = 6  # hours per group in the legend, if there are more kinds


def forward_curve(
    prices: pd.DataFrame,
    units: Units | None = None,
    *,
    highlight: str | None = None,
    title: str = "Prices over delivery time",
) -> hv.Overlay:
    """Draw the forward curve: one line per kind of product, a point at the middle of each delivery.

    More than a few kinds are grouped in the legend: ``workday 12–17`` are six lines of one colour.

    Parameters
    ----------
    prices : table of kind, from, thru, price
        One row per product: kind (text), start and end of delivery (instants), price [money / quantity] or NaN.
    units : Units, optional
        Units of the market, for the axes.
    highlight : str, optional
        Kind that is drawn over the others.
    title : str
        Title of the figure.
    """
    delivery, price = time_axis("delivery", "delivery"), price_axis(units)
    dimensions = (delivery, [price, hv.Dimension("kind", label="product")])
    lines = {str(kind): rows for kind, rows in _points(prices).groupby("kind")}
    kinds = sorted(lines, key=_order)
    many = len(kinds) > _MAX_LEGEND_KINDS
    blocks: dict[str, list[str]] = {}
    for kind in kinds:
        if kind != highlight:
            blocks.setdefault(_group_name(kind) if many else kind, []).append(kind)
    groups = list(dict.fromkeys(_order(kind)[0] for kind in kinds))
    layers = [style.line(hv.Curve([], *dimensions), style.GUIDE)]
    for name, members in blocks.items():
        group, number = _order(members[0])
        color = _shade(groups.index(group), number) if many else style.CYCLE[kinds.index(name) % len(style.CYCLE)]
        curve = hv.Curve(_join_with_gaps([lines[kind] for kind in members]), *dimensions, label=name)
        layers.append(style.line(curve, color, width=1.8, alpha=0.65 if many and highlight in lines else 1.0))
        if not many:
            layers.append(style.dots(hv.Scatter(lines[name], *dimensions), color, size=7))
    if highlight is not None and highlight in lines:
        rows = lines[highlight]
        layers.append(style.line(hv.Curve(rows, *dimensions, label=highlight), style.CLEARING, width=3.5))
        layers.append(style.dots(hv.Scatter(rows, *dimensions), style.CLEARING, size=7))
    return style.picture(hv.Overlay(layers), title, dates=True, height=440)


def _join_with_gaps(lines: list[pd.DataFrame]) -> pd.DataFrame:
    """Join several lines into one, with gaps between them."""
    parts = [pd.concat([line, line.iloc[-1:].assign(price=float("nan"))]) for line in lines]
    return pd.concat(parts, ignore_index=True)


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
    return frame.dropna().sort_values("delivery", kind="stable")


def _order(kind: str) -> tuple[str, int]:
    """Sort ``workday 9`` before ``workday 14``; a kind without a number comes first of its group."""
    group, _, number = kind.rpartition(" ")
    return (group, int(number)) if number.isdecimal() else (kind, -1)


def _group_name(kind: str) -> str:
    """Return the quarter of the day of an hour's kind, such as ``workday 12–17``; any other kind is its own group."""
    group, number = _order(kind)
    if number < 0:
        return kind
    first = number - number % _HOURS_PER_GROUP
    return f"{group} {first}–{first + _HOURS_PER_GROUP - 1}"


def _shade(group: int, hour: int) -> Any:
    """Compute a colour: one hue per group, dark at night and bright at noon."""
    night, noon = (("#31598c", "#4fb3ff"), ("#8f4a1c", "#ffab57"))[group % 2]
    share = 1 - abs(hour - 12) / 12 if 0 <= hour <= 24 else 0.5
    mixed = [round((1 - share) * int(night[k : k + 2], 16) + share * int(noon[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{part:02x}" for part in mixed)
