"""The default terms of a market: forwards and options between two instants, bids with a name."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictStr, model_validator

from fts.errors import InvalidInput
from fts.exchange.ids import product_id, time_ordered
from fts.models.timestamps import format_instant, parse_instant


def _instant(value: Any) -> datetime:
    if isinstance(value, str):
        return parse_instant(value)
    if isinstance(value, datetime):
        return parse_instant(format_instant(value))
    raise InvalidInput("an instant is a text with an offset, such as 2026-12-01T00:00:00Z")


def _kind(value: Any) -> int | str:
    if isinstance(value, str) or (type(value) is int and value in (0, 1)):
        return value
    raise InvalidInput("kind is 0 (forward), 1 (option) or a text")


Instant = Annotated[datetime, BeforeValidator(_instant), PlainSerializer(format_instant, return_type=str)]
Kind = Annotated[int | str, BeforeValidator(_kind)]


class BidData(BaseModel):
    """The name of a demand or of a portfolio."""

    name: StrictStr


class ProductData(BaseModel):
    """The kind of a product, and the span of its delivery."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    kind: Kind = Field(description="0 (forward), 1 (option) or a text")
    from_: Instant = Field(alias="from", description="start of delivery")
    thru: Instant = Field(description="end of delivery, later than its start")

    @model_validator(mode="after")
    def _forwards(self) -> ProductData:
        if self.from_ >= self.thru:
            raise InvalidInput("delivery ends after it starts: from < thru")
        return self


class ForwardTerms:
    """The default terms; part of :class:`fts.ports.application.Application`.

    Parameters
    ----------
    now : callable, optional
        The clock; by default that of the machine.
    seed : int, optional
        Of the ids of bids, where a history must come out the same twice; by default they cannot be guessed.
    """

    demand_data: Any = BidData
    portfolio_data: Any = BidData
    product_data: Any = ProductData

    def __init__(self, now: Callable[[], datetime] | None = None, seed: int | None = None) -> None:
        self._now = now
        self._bits = secrets.randbits if seed is None else Random(seed).getrandbits

    def now(self) -> datetime:
        """Return the time of the market's clock."""
        return datetime.now(UTC) if self._now is None else self._now()

    def generate_demand_id(self, data: Any) -> UUID:
        """Return a time-ordered id."""
        return time_ordered(self.now(), self._bits(62))

    def generate_portfolio_id(self, data: Any) -> UUID:
        """Return a time-ordered id."""
        return time_ordered(self.now(), self._bits(62))

    def generate_product_id(self, data: Any) -> UUID:
        """Return an id that is a function of kind, from and thru, so that one product cannot be created twice."""
        return product_id(data.kind, data.from_, data.thru)
