"""What happens to a market while a batch is being cleared: it happens after that batch, and all of it is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from fts import Auction, Constant, Outcome
from fts.errors import NotFound
from fts.exchange import Market
from fts.models.arguments import CurveLike

MONTH = {"kind": 0, "from": "2027-06-01T00:00:00Z", "thru": "2027-07-01T00:00:00Z"}
DAYS = [
    ({"kind": 0, "from": f"2027-06-{day:02}T00:00:00Z", "thru": f"2027-06-{day + 1:02}T00:00:00Z"}, 1.0)
    for day in (1, 2)
]


class Slow:
    """A rule of clearing that waits until it is told to go on."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, auction: Auction) -> Outcome:
        self.begun.set()
        assert self.go.wait(30)
        outcome: Outcome = auction.solve()
        return outcome


@pytest.fixture
def rule() -> Slow:
    return Slow()


@pytest.fixture
def crossing(rule: Slow) -> Iterator[tuple[Market, str, dict[str, tuple[str, str]]]]:
    """A market in which a load buys 80 of a month from wind, at 28."""
    with Market(clearing=rule) as market:
        month = market.create_product(MONTH).id
        bids = {}
        curves: dict[str, CurveLike] = {"load": [(0, 60), (100, 20)], "wind": Constant(5, -80, 0)}
        for name, curve in curves.items():
            bidder = uuid4()
            demand = market.create_demand({"name": name}, curve, bidder=bidder).id
            bids[name] = (demand, market.create_portfolio({"name": name}, demand, month, bidder=bidder).id)
        yield market, month, bids


def during(market: Market, rule: Slow, act: Callable[[], Any]) -> Any:
    """The record of a batch, and what was done while it was cleared."""
    records: list[Any] = []
    batch = threading.Thread(target=lambda: records.append(market.run_batch()))
    batch.start()
    assert rule.begun.wait(30)
    done = act()
    assert not records, "the batch is under way"
    rule.go.set()
    batch.join()
    return records[0], done


def test_a_product_split_during_a_batch_keeps_the_price_of_the_whole(crossing, rule) -> None:
    market, month, bids = crossing
    record, days = during(market, rule, lambda: market.split_product(month, DAYS))
    assert days[0].created > record.solved_at
    (row,) = market.batch_prices(record.instant)
    assert row["product"] == month and row["price"] == pytest.approx(28)
    assert market.batch_auction(record.instant).product_ids.to_pylist() == [month]
    # The next one trades the days, whose prices add up to what the month is worth.
    later = market.run_batch()
    prices = {row["product"]: row["price"] for row in market.batch_prices(later.instant)}
    assert set(prices) == {day.id for day in days} and sum(prices.values()) == pytest.approx(28)
    held = market.positions(market.bids.bidder_of_demand(bids["load"][0]))
    assert set(held.index) == {day.id for day in days} and (held["quantity"] > 0).all()


def test_a_bid_deleted_during_a_batch_trades_in_it_and_in_none_after(crossing, rule) -> None:
    market, _, bids = crossing
    demand, portfolio = bids["load"]
    record, _ = during(market, rule, lambda: (market.delete_demand(demand), market.delete_portfolio(portfolio)))
    (row,) = market.history.portfolio_outcomes(portfolio).results
    assert row.valid_from == record.instant and row.value["rate"] == pytest.approx(80)
    market.run_batch()
    # It is not in the second batch, which ended what it had.
    (row,) = market.history.portfolio_outcomes(portfolio).results
    assert row.valid_until is not None
    assert market.demand(demand).curve is None and market.portfolio(portfolio).basis == {}


def test_a_bid_made_during_a_batch_waits_for_the_next(crossing, rule) -> None:
    market, month, _ = crossing
    bidder = uuid4()

    def enter() -> str:
        demand = market.create_demand({"name": "late"}, Constant(100, 0, 10), bidder=bidder).id
        return market.create_portfolio({"name": "late"}, demand, month, bidder=bidder).id

    record, late = during(market, rule, enter)
    assert (
        market.history.portfolio_outcomes(late).results == [] and market.portfolio(late).valid_from > record.solved_at
    )
    market.run_batch()
    assert market.history.portfolio_outcomes(late).results[0].value["rate"] == pytest.approx(10)


def test_two_changes_of_one_bid_at_once_are_made_one_after_the_other() -> None:
    with Market() as market:
        bidder = uuid4()
        demand = market.create_demand({"name": "d"}, [(0, 1)], bidder=bidder).id
        start = threading.Barrier(8)
        told: list[tuple[Any, float]] = []

        def change(price: float) -> None:
            start.wait()
            for k in range(10):
                record = market.change_demand(demand, [(0, price + k)])
                told.append((record.valid_from, record.curve.points[0][1]))

        threads = [threading.Thread(target=change, args=(100.0 * k,)) for k in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({instant for instant, _ in told}) == 80
        page = market.history.curves(demand)
        rows = page.results
        while page.more is not None:
            page = market.history.curves(demand, **page.more)
            rows += page.results
        assert [(row.valid_from, row.value.points[0][1]) for row in rows[:-1]] == sorted(told, reverse=True)
        assert all(older.valid_until == newer.valid_from for newer, older in zip(rows, rows[1:], strict=False))


def test_a_thing_that_is_not_there_stays_refused_while_others_are_stored(crossing, rule) -> None:
    market, _, _ = crossing

    def ask() -> None:
        with pytest.raises(NotFound):
            market.change_demand(uuid4(), None)

    during(market, rule, ask)
