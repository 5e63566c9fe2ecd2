"""Labels of products and deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

_KINDS = {"0": "forward", "1": "option"}


def product_frame(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Convert product records to a table of kind, from, thru, delivery, label by product id, in order of delivery.

    If the data of a product is not kind, from and thru, its kind is the data itself, or its id.
    """
    rows = []
    for record in records:
        data = record["app_data"]
        known = isinstance(data, Mapping)
        kind = str(data.get("kind", record["id"])) if known else str(data)
        ends: tuple[Any, Any] = (data.get("from"), data.get("thru")) if known else (None, None)
        start, end = (pd.to_datetime(instant, utc=True) for instant in ends)
        delivery = delivery_label(start, end)
        kind = _KINDS.get(kind, kind)
        label = f"{kind}, {delivery}" if delivery else kind
        rows.append((record["id"], kind, start, end, delivery, label))
    frame = pd.DataFrame(rows, columns=["product", "kind", "from", "thru", "delivery", "label"]).set_index("product")
    return frame.sort_values("from", kind="stable")


def delivery_label(start: pd.Timestamp | None, end: pd.Timestamp | None) -> str:
    """Format a time of delivery in short form: ``Dec 2026``, ``24 Dec 2026``, ``24 Dec 2026 14:00``, in UTC."""
    if start is None or end is None or pd.isna(start) or pd.isna(end):
        return ""
    length, middle = end - start, start + (end - start) / 2
    days = length / pd.Timedelta("1D")
    if 360 <= days <= 370:
        return f"{middle:%Y}"
    if 27 <= days <= 32:
        return f"{middle:%b %Y}"
    if 0.9 <= days <= 1.1:
        return f"{middle:%d %b %Y}"
    return f"{start:%d %b %Y %H:%M}" if days < 0.9 else f"{start:%d %b %Y} – {end:%d %b %Y}"


def kind_order(kind: str) -> tuple[str, int]:
    """Sort ``workday 9`` before ``workday 14``."""
    group, _, number = kind.rpartition(" ")
    return (group, int(number)) if number.isdecimal() else (kind, -1)
