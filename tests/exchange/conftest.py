"""A market with a clock that stands still until it is told to go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from fts.exchange import ForwardTerms, Market

NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def wait(self, **span: float) -> datetime:
        self.time += timedelta(**span)
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def market(clock: Clock) -> Iterator[Market]:
    with Market(application=ForwardTerms(now=clock)) as market:
        yield market


@pytest.fixture
def bidder() -> UUID:
    return uuid4()


@pytest.fixture
def noon(market: Market) -> str:
    return market.create_product({"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}).id


@pytest.fixture
def dusk(market: Market) -> str:
    return market.create_product({"kind": 0, "from": "2027-07-01T18:00:00Z", "thru": "2027-07-01T19:00:00Z"}).id
