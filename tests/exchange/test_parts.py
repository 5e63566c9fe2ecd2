"""A market made of parts: what each part does, and the names of 0.1, which warn for one release."""

from __future__ import annotations

import inspect
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import pytest

from fts.errors import ConfigurationError
from fts.exchange import ForwardTerms, Market
from fts.exchange.context import MarketKeywords, MarketOptions
from fts.exchange.moved import LISTS, MOVED, SINCE
from fts.models.records import BatchRecord

NOON = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
HALVES = [
    ({"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T12:30:00Z"}, 1.0),
    ({"kind": 0, "from": "2027-06-01T12:30:00Z", "thru": "2027-06-01T13:00:00Z"}, 1.0),
]
FLAT = (
    *("create_product", "create_products", "create_demand", "create_demands", "create_portfolio", "create_portfolios"),
    *("split_product", "change_demand", "change_portfolio", "delete_demand", "delete_portfolio", "product", "products"),
    *("demand", "demands", "portfolio", "portfolios", "batch", "batches", "batch_prices", "batch_auction", "run_batch"),
    *("prices", "positions", "auction", "replay", "subscribe", "now", "counts", "backup", "export", "close"),
)


def test_a_market_inherits_from_nothing_but_has_the_daily_calls(market) -> None:
    assert len(Market.__mro__) <= 3
    assert all(callable(getattr(market, name)) for name in FLAT)
    assert market.units.money_unit == "EUR"


def test_parts_that_were_calls_still_answer(market, clock) -> None:
    noon = market.create_product(NOON)
    assert market.products(kind=0).results == [noon] and market.products(kind=1).results == []
    assert market.products().more is None
    batch = market.batches.run()
    assert market.batches().results == [batch] == [market.batch(batch.instant)]
    assert list(market.batches()) == [batch] and len(market.batches(before=batch.instant)) == 0


def test_a_part_does_what_the_daily_call_does(market) -> None:
    noon = market.create_product(NOON)
    halves = market.products.split(noon.id, HALVES)
    assert [half.parent for half in halves] == [(noon.id, 1.0), (noon.id, 1.0)]
    assert market.product(noon.id).basis == {half.id: 1.0 for half in halves}
    heard: list[BatchRecord] = []
    stop = market.batches.subscribe(heard.append)
    first = market.run_batch()
    stop()
    market.run_batch()
    assert heard == [first]


def test_commands_commit_together_each_at_its_own_instant(market, bidder) -> None:
    demand = market.create_demand({"name": "load"}, [(0, 60), (100, 20)], bidder=bidder)
    unknown = str(UUID(int=9))
    first, second, failed = market.bids.commit_together(
        [
            market.bids.curve_command(demand.id, [(0, 50), (100, 20)]),
            market.bids.curve_command(demand.id, None),
            market.bids.curve_command(unknown, None),
        ]
    )
    assert first.valid_from < second.valid_from
    assert unknown in str(failed) and isinstance(failed, LookupError)
    curves = market.history.curves(demand.id).results
    assert [row.value.points[0] for row in curves] == [(0.0, 50.0), (0.0, 60.0)]


@pytest.mark.parametrize("name", MOVED)
def test_a_name_of_the_first_release_warns_and_names_the_new_one(market, name) -> None:
    with pytest.warns(DeprecationWarning, match=f"Market.{name} is now Market.{MOVED[name]};"):
        old = getattr(market, name)
    new = attrgetter(MOVED[name])(market)
    assert name == "folder" or inspect.ismethod(new)
    assert old == new or name in LISTS | SINCE


def test_what_was_a_list_is_one_under_its_old_name(clock, bidder) -> None:
    with Market(application=ForwardTerms(clock), page_limit=2) as market:
        days = [datetime(2027, 6, day, tzinfo=UTC) for day in range(1, 5)]
        made = [market.create_product({"kind": 0, "from": a, "thru": b}) for a, b in zip(days, days[1:], strict=False)]
        auths = [market.v0.create_auth({"demand": [(0, 9), (1, 0)]}, made[0].id, bidder=bidder) for _ in range(4)]
        instants = [market.run_batch().instant for _ in range(4)]
        # A type checker knows the new names only.
        old: Any = market
        with pytest.warns(DeprecationWarning, match="v0"):
            # Two of a page, and the first of the next one.
            assert [delivery.id for delivery in old.deliveries("FORWARD")] == [record.id for record in made]
            assert [row.id for row in old.auth_versions(bidder)] == [auth.id for auth in auths[:0:-1]]
            assert len(old.auth_versions(bidder=bidder, after=auths[2].version)) == 2
        with pytest.warns(DeprecationWarning, match=r"history\.batches_since"):
            assert [record.instant for record in old.batches_since(instants[0])] == instants[1:3]


def test_a_name_that_was_never_there_is_an_attribute_error(market) -> None:
    with pytest.raises(AttributeError, match="'Market' object has no attribute 'prodcuts'"):
        market.prodcuts  # noqa: B018  (the look-up itself is the test)


def test_a_page_of_products_is_a_pair_for_one_release(market) -> None:
    noon = market.create_product(NOON)
    with pytest.warns(DeprecationWarning, match=r"read page\.results and page\.more"):
        products, cursor = market.products()
    assert (products, cursor) == ([noon], None)
    with pytest.warns(DeprecationWarning, match="pair"):
        assert market.products()[0] == [noon]


def test_more_of_a_page_is_the_query_of_the_next(clock) -> None:
    with Market(page_limit=2) as market:
        days = [datetime(2027, 6, day, tzinfo=UTC) for day in range(1, 7)]
        made = [market.create_product({"kind": 0, "from": a, "thru": b}) for a, b in zip(days, days[1:], strict=False)]
        page, walked = market.products(kind=0), []
        while page.more is not None:
            walked += page.results
            page = market.products(kind=0, **page.more)
        assert walked + page.results == made
        instants = [market.run_batch().instant for _ in range(5)]
        batches, begun = market.history.batches_since(instants[0]), []
        while batches.more is not None:
            begun += [record.instant for record in batches]
            batches = market.history.batches_since(**batches.more)
        assert begun + [record.instant for record in batches] == instants[1:]


def test_options_contradict_each_other() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        MarketOptions(solver="native", clearing=lambda auction: auction.solve())
    with pytest.raises(ConfigurationError, match="page_limit is 0"):
        MarketOptions(page_limit=0)


def test_options_have_the_same_names_everywhere() -> None:
    names = {field.name for field in fields(MarketOptions)}
    assert set(MarketKeywords.__annotations__) == names
    assert set(inspect.signature(Market).parameters) == names | {"path", "store", "application"}
