"""A bot at a real exchange: it enters, adopts, fills, revises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fts.client import Client
from fts.models.curve import Curve
from fts.models.portfolio import Portfolio
from fts.models.timestamps import parse_instant
from fts.server import local
from fts.sim.agent import Bids
from fts.sim.bot import Bot, traded_quantity
from fts.sim.typical_hours import read_typical_hour

HOUR = timedelta(hours=1)


@pytest.fixture
def now():
    """The exchange's batches are at the time of the machine; deliveries that have begun are not bid for."""
    return datetime(2096, 11, 23, 21, tzinfo=UTC)


def row(begin, end, rate):
    return {"valid_from": begin, "valid_until": end, "value": {"price": 50.0, "rate": rate}}


def test_fills_are_rate_times_time():
    rows = [
        row("2026-11-23T10:30:00Z", None, -8.0),
        row("2026-11-23T10:00:00Z", "2026-11-23T10:30:00Z", 10.0),
        row("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z", 6.0),
    ]
    until = datetime(2026, 11, 23, 10, 45, tzinfo=UTC)
    assert traded_quantity(rows, None, until, HOUR) == 6 * 1 + 10 * 0.5 - 8 * 0.25
    assert (
        traded_quantity(rows, datetime(2026, 11, 23, 9, 30, tzinfo=UTC), until, HOUR) == 6 * 0.5 + 10 * 0.5 - 8 * 0.25
    )
    assert traded_quantity(rows, datetime(2026, 11, 23, 10, 15, tzinfo=UTC), until, timedelta(minutes=15)) == 10 - 8
    assert traded_quantity(rows, until, until, HOUR) == 0


class Buyer:
    """Bids for the first product of a month: one more EUR for every MWh it is short of 100."""

    name = "buyer"

    def bids(self, view):
        product = view.deliveries[0].product
        held = view.positions.get(product, 0.0)
        name = f"{view.deliveries[0].month} all"
        return Bids({name: Curve([(0, 150 - held), (10, 50 - held)])}, {name: Portfolio(name, {product: 2.0})})


class Seller:
    """Sells anything at 40 to 60."""

    name = "seller"

    def bids(self, view):
        product = view.deliveries[0].product
        name = f"{view.deliveries[0].month} all"
        return Bids({name: Curve([(-100, 60), (0, 40)])}, {name: Portfolio(name, product)})


@pytest.fixture
def exchange(zone, now):
    with local() as url, Client(url, url.token(admin=True)) as admin:
        deliveries = [
            replace(d, product=admin.create_product(d.app_data())["id"])
            for d in zone.deliveries(now, 2)
            if d.kind in ("workday 1", "workday 2")
        ]
        yield url, admin, deliveries


def test_a_bot_enters_its_bids_once_and_adopts_them(exchange, now):
    url, admin, deliveries = exchange
    with Client(url, url.token()) as client:
        bot = Bot(Buyer(), client, deliveries, HOUR)
        assert bot.load_bids() == 0
        assert bot.submit_all(now) == 4  # a demand and a portfolio for each of two months
        assert bot.submit_all(now) == 0
        again = Bot(Buyer(), client, deliveries, HOUR)
        assert again.load_bids() == 4
        assert again.submit_all(now) == 0
        assert len(client.demands()) == len(client.portfolios()) == 2


def test_a_bot_counts_its_fills_and_revises_by_them(exchange, now):
    url, admin, deliveries = exchange
    product = deliveries[0].product
    with Client(url, url.token()) as client, Client(url, url.token()) as other:
        bot = Bot(Buyer(), client, deliveries, timedelta(milliseconds=10))
        bot.load_bids()
        bot.submit_all(now)
        Bot(Seller(), other, deliveries, HOUR).submit_all(now)
        first, second = parse_instant(admin.run_batch()), parse_instant(admin.run_batch())
        assert bot.months == ["2096-12", "2097-01"]
        assert bot.respond(second, {}, months=1, seconds=60) == 1
        # 1 unit of the portfolio is 2 MWh: (150 − 10 z)/2 = 40 + 20/100 · 2 z.
        rate = (150 / 2 - 40) / (10 / 2 + 0.4)
        held = 2 * rate * ((second - first) / timedelta(milliseconds=10))
        assert bot.positions[product] == pytest.approx(held, rel=1e-6)
        (changed,) = [d for d in client.demands() if d["app_data"]["name"] == "2096-12 all"]
        assert changed["curve_data"][0]["price"] == pytest.approx(150 - held, rel=1e-6)
        # The next month's turn; and nothing is counted twice.
        bot.respond(second, {}, months=1, seconds=60)
        bot.respond(second, {}, months=1, seconds=60)
        assert bot.positions[product] == pytest.approx(held, rel=1e-6)


def test_a_statement_is_where_a_new_bot_goes_on(exchange, now):
    url, admin, deliveries = exchange
    product = deliveries[0].product
    unit = timedelta(milliseconds=10)
    with Client(url, url.token()) as client, Client(url, url.token()) as other:
        old = Bot(Buyer(), client, deliveries, unit)
        old.load_bids()
        old.submit_all(now)
        Bot(Seller(), other, deliveries, HOUR).submit_all(now)
        first, second = parse_instant(admin.run_batch()), parse_instant(admin.run_batch())
        middle = first + (second - first) / 2
        old.read_fills("2096-12", second)
        new = Bot(Buyer(), client, deliveries, unit, {product: 1000.0}, since=middle)
        new.load_bids()
        new.read_fills("2096-12", second)
        assert new.positions[product] == pytest.approx(1000 + old.positions[product] / 2, rel=1e-3)


def test_a_delivery_that_began_is_withdrawn_from_the_exchange(exchange, now):
    url, admin, deliveries = exchange
    with Client(url, url.token()) as client:
        bot = Bot(Buyer(), client, deliveries, HOUR)
        bot.load_bids()
        bot.submit_all(now)
        december = min(d.start for d in deliveries)
        assert bot.revise("2096-12", december, {}) == 2
        assert [d["app_data"]["name"] for d in client.demands()] == ["2097-01 all"]
        assert [p["app_data"]["name"] for p in client.portfolios()] == ["2097-01 all"]


def test_deliveries_are_read_from_the_exchange(exchange, zone):
    url, admin, deliveries = exchange
    read = {read_typical_hour(r["id"], r["app_data"], zone.clock) for r in admin.iter_products()}
    assert read == set(deliveries)
