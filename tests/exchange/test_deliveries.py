"""Deliveries in a market whose file was not always theirs, and many of them at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from fts.errors import NotFound
from fts.exchange import ForwardTerms, Market
from fts.models.timestamps import format_instant

YEAR = datetime(2027, 1, 1, tzinfo=UTC)


class Named(ForwardTerms):
    """Products that are texts."""

    product_data = str

    def generate_product_id(self, data: str) -> UUID:
        return uuid4()


def span(begin: datetime, hours: int) -> dict[str, object]:
    return {"kind": 0, "from": format_instant(begin), "thru": format_instant(begin + timedelta(hours=hours))}


def test_products_of_another_application_are_no_deliveries(tmp_path: Path) -> None:
    with Market(tmp_path / "market.db", application=Named()) as market:
        other = market.create_product("gas").id
    with Market(tmp_path / "market.db") as market:
        assert market.v0.deliveries().results == []
        with pytest.raises(NotFound, match="kind"):
            market.v0.delivery(other)
        (day,) = market.v0.create_deliveries([span(YEAR, 24)])
        assert [delivery.id for delivery in market.v0.deliveries()] == [day]
        assert market.product(other).basis == {other: 1}


def test_a_year_in_days_in_hours_at_once(market: Market) -> None:
    days = [span(YEAR + timedelta(days=k), 24) for k in range(20)]
    hours = [span(YEAR + timedelta(hours=k), 1) for k in range(480)]
    names = market.v0.create_deliveries([*hours, *days, span(YEAR, 480)])
    assert market.product(names[-1]).basis == dict.fromkeys(sorted(names[:480]), 1)
    for k, day in enumerate(names[480:-1]):
        assert market.product(day).basis == dict.fromkeys(sorted(names[24 * k : 24 * k + 24]), 1)
        assert market.product(day).parent == (names[-1], 1)
    # Written in memory and in the file alike.
    assert {record.id: record.basis for record in market._context.store.read.products()} == {
        name: market.product(name).basis for name in names
    }
