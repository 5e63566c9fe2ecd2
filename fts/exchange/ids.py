"""Ids of products and bids."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID, uuid5

from fts.models.timestamps import format_instant

PRODUCTS = UUID("6f1b9c1e-6b0a-5d0e-9a53-0c7c4b1d2f11")
"""The name space of product ids."""


def product_id(kind: int | str, from_: datetime, thru: datetime) -> UUID:
    """Return the id of a product, a function of its kind and of the begin and end of its delivery."""
    return uuid5(PRODUCTS, json.dumps([kind, format_instant(from_), format_instant(thru)]))


def time_ordered(instant: datetime, chance: int) -> UUID:
    """Return a UUID that sorts by time (version 7, RFC 9562 with the microseconds of method 3).

    Parameters
    ----------
    instant : datetime
    chance : int
        62 random bits.
    """
    micros = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // datetime.resolution
    millis, fraction = divmod(micros, 1000)
    return UUID(int=millis << 80 | 7 << 76 | (fraction * 4096 // 1000) << 64 | 2 << 62 | chance)
