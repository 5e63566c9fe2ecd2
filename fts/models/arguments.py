"""Types of arguments: the written forms of curves, weights, ids and instants that a call accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from fts.models.curve import Constant, Curve

PointLike: TypeAlias = Sequence[float] | Mapping[str, float]
"""A point ``(rate, price)`` or ``{"rate": …, "price": …}``; rate [quantity / time], price [money / quantity]."""

CurveLike: TypeAlias = Curve | Constant | Iterable[PointLike] | Mapping[str, float | None] | None
"""A curve, its points, ``{"price", "min_rate"?, "max_rate"?}``, or None for an inactive demand."""

IdLike: TypeAlias = UUID | str
"""A UUID, or its text."""

WeightsLike: TypeAlias = IdLike | Iterable[IdLike] | Mapping[str, float] | Mapping[UUID, float] | None
"""One id (weight 1), several ids (weight 1 each), a mapping of id to weight, or None for no weights."""

InstantLike: TypeAlias = datetime | str
"""A datetime with an offset, or an RFC 3339 text such as ``2027-06-01T12:00:00Z``."""

AppData: TypeAlias = object
"""Data of the application: any value that its type (`demand_data`, `portfolio_data`, `product_data`) validates."""
