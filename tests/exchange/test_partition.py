"""Splitting a product: what was written in the month trades the days, and what was held of it too."""

from __future__ import annotations

from uuid import uuid4

import pytest

from fts import Constant
from fts.errors import AlreadyExists, AlreadyPartitioned, InvalidInput, NotFound

MONTH = {"kind": 0, "from": "2027-06-01T00:00:00Z", "thru": "2027-07-01T00:00:00Z"}


def span(start: str, thru: str) -> dict[str, object]:
    return {"kind": 0, "from": f"2027-06-{start}:00:00Z", "thru": f"2027-06-{thru}:00:00Z"}


FIRST, SECOND = span("01T00", "02T00"), span("02T00", "03T00")
DAWN, NOON = span("01T00", "01T01"), span("01T01", "01T02")


@pytest.fixture
def month(market) -> str:
    return market.create_product(MONTH).id


def test_a_portfolio_of_the_month_trades_the_days(market, clock, bidder, month) -> None:
    demand = market.create_demand({"name": "load"}, Constant(60, 0, 10), bidder=bidder).id
    portfolio = market.create_portfolio({"name": "load"}, demand, {month: 2.0}, bidder=bidder)
    clock.wait(hours=1)
    before = market.now()
    clock.wait(hours=1)
    first, second = market.split_product(month, [(FIRST, 1.0), (SECOND, 0.5)])
    assert first.parent == (month, 1.0) and second.parent == (month, 0.5)
    assert first.basis == {first.id: 1.0} and market.product(second.id) == second
    assert market.product(month).basis == {first.id: 1.0, second.id: 0.5}
    auction = market.auction()
    assert auction.to_json()["portfolios"][portfolio.id]["basis"] == {first.id: 2.0, second.id: 1.0}
    assert market.auction(as_of=before).to_json()["portfolios"][portfolio.id]["basis"] == {month: 2.0}
    assert market.portfolio(portfolio.id) == portfolio, "the portfolio itself is not rewritten"
    expanded = market.portfolio(portfolio.id, expand=True)
    assert expanded.basis == {first.id: 2.0, second.id: 1.0}
    assert expanded.valid_from == first.created > portfolio.valid_from


def test_splitting_goes_down_level_by_level(market, bidder, month) -> None:
    (day,) = market.split_product(month, [(FIRST, 0.5)])
    dawn, noon = market.split_product(day.id, [(DAWN, 4.0), (NOON, 8.0)])
    assert market.product(month).basis == {dawn.id: 2.0, noon.id: 4.0}
    assert market.product(day.id).basis == {dawn.id: 4.0, noon.id: 8.0}
    both = market.create_portfolio({"name": "both"}, None, {month: 1.0, day.id: -0.5, noon.id: 1.0}, bidder=bidder).id
    assert market.portfolio(both, expand=True).basis == pytest.approx({dawn.id: 0.0, noon.id: 1.0})


def test_what_was_held_of_the_month_is_held_of_the_days(market, clock, month) -> None:
    alice, bob = uuid4(), uuid4()
    for bidder, curve in ((alice, [(0, 60), (100, 20)]), (bob, Constant(5, -80, 0))):
        demand = market.create_demand({"name": "d"}, curve, bidder=bidder)
        market.create_portfolio({"name": "p"}, demand.id, month, bidder=bidder)
    market.run_batch()
    clock.wait(hours=2)
    held = market.positions(alice)
    assert held.loc[month].to_dict() == pytest.approx({"quantity": 160.0, "cost": 160.0 * 28.0})
    first, second = market.split_product(month, [(FIRST, 1.0), (SECOND, 1.0)])
    held = market.positions(alice)
    assert held.loc[first.id, "quantity"] == pytest.approx(160.0)
    assert held.loc[second.id, "quantity"] == pytest.approx(160.0)
    assert held["cost"].sum() == pytest.approx(160.0 * 28.0)
    market.run_batch()
    prices = market.prices()["price"]
    assert prices[first.id] + prices[second.id] == pytest.approx(28.0)


def test_what_cannot_be_split(market, month) -> None:
    with pytest.raises(NotFound):
        market.split_product(uuid4(), [(FIRST, 1.0)])
    with pytest.raises(InvalidInput, match="at least one"):
        market.split_product(month, [])
    for ratio in (0, -1, float("nan"), float("inf"), True, "1", 1e31):
        with pytest.raises(InvalidInput, match="ratio"):
            market.split_product(month, [(FIRST, ratio)])
    with pytest.raises(AlreadyExists, match="nothing was created"):
        market.split_product(month, [(FIRST, 1.0), (FIRST, 1.0)])
    with pytest.raises(AlreadyExists):
        market.split_product(month, [(MONTH, 1.0)])
    assert market.product(month).basis == {month: 1.0}, "a refused split changes nothing"
    market.split_product(month, [(FIRST, 1.0)])
    with pytest.raises(AlreadyPartitioned, match=month):
        market.split_product(month, [(SECOND, 1.0)])


def test_a_child_that_comes_later_reaches_every_ancestor(market, month) -> None:
    (day,) = market.split_product(month, [(FIRST, 0.5)])
    (dawn,) = market.split_product(day.id, [(DAWN, 4.0)])
    noon = str(uuid4())
    market._context.store.write(lambda change: change.split_product(day.id, [(noon, NOON, 8.0)]))
    assert market.product(month).basis == {dawn.id: 2.0, noon: 4.0}
