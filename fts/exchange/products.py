"""Listing products."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fts.errors import InvalidInstant
from fts.models.instant import read_instant
from fts.models.records import ProductRecord


def listed(
    products: Sequence[ProductRecord], *, kind: Any = None, from_: datetime | None = None, thru: datetime | None = None
) -> list[ProductRecord]:
    """Products of a kind delivered within a span, by start, end and kind.

    Parameters
    ----------
    products : sequence of ProductRecord
        In order of creation, which those without a span keep, at the end.
    kind : int or str, optional
        0 and "0" find the same.
    from_, thru : datetime, optional
        Only what starts at ``from_`` or later, and ends by ``thru``.
    """
    spans = [span_of(record.app_data) for record in products]
    chosen = [
        (span, str(_kind(record)), k)
        for k, (record, span) in enumerate(zip(products, spans, strict=True))
        if (kind is None or str(_kind(record)) == str(kind))
        and (from_ is None or (span is not None and span[0] >= from_))
        and (thru is None or (span is not None and span[1] <= thru))
    ]
    dated = sorted((span, name, k) for span, name, k in chosen if span is not None)
    return [products[k] for _, _, k in dated] + [products[k] for span, _, k in chosen if span is None]


def _kind(record: ProductRecord) -> Any:
    return record.app_data.get("kind") if isinstance(record.app_data, dict) else None


def span_of(data: Any) -> tuple[datetime, datetime] | None:
    """From when until when a product with these data is delivered; None: they do not say."""
    if not isinstance(data, dict) or not isinstance(data.get("from"), str) or not isinstance(data.get("thru"), str):
        return None
    try:
        return read_instant(data["from"]), read_instant(data["thru"])
    except InvalidInstant:
        return None
