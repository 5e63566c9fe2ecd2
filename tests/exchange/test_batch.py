"""What a batch clears, stores and keeps."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from fts.errors import (
    ConfigurationError,
    InvalidInstant,
    InvalidOutcome,
    MissingLibrary,
    NotFound,
    NotSolved,
)
from fts.exchange import ForwardTerms, Market
from fts.models.auction import Auction
from fts.models.certificate import Certificate
from fts.models.outcome import Outcome
from fts.models.records import BatchRecord

HOUR = timedelta(hours=1)
MICRO = timedelta(microseconds=1)
EXAMPLE = Path(__file__).parents[1] / "golden" / "example"


def other_rule(auction, prices, rates, **more) -> Outcome:
    certificate = Certificate("other rule", 0.1, 0.2, 0.3, 0.4, 0.5, 6.0, 0.7, 8, 0.9)
    return Outcome(
        auction,
        prices=prices,
        rates=rates,
        demand_prices=np.zeros(len(auction.demand_ids)),
        certificate=certificate,
        solver="by hand",
        **more,
    )


def two_sides(market: Market, product: str, bidder: Any, seller: Any) -> tuple[str, str]:
    """A buyer at 60 - 0.4 rate and a seller of at most 80 from 5 on: they trade 80 at 28."""
    demand = market.create_demand({"name": "load"}, [(0, 60), (100, 20)], bidder=bidder)
    supply = market.create_demand({"name": "wind"}, {"price": 5, "min_rate": -80, "max_rate": 0}, bidder=seller)
    return (
        market.create_portfolio({"name": "load"}, demand.id, product, bidder=bidder).id,
        market.create_portfolio({"name": "wind"}, supply.id, product, bidder=seller).id,
    )


@pytest.fixture
def seller():
    return uuid4()


@pytest.fixture
def pair(market, noon, bidder, seller):
    return two_sides(market, noon, bidder, seller)


def test_the_golden_example_in_a_market(market, bidder) -> None:
    """Prices and rates worked out by hand: tests/golden/example."""
    auction = json.loads((EXAMPLE / "auction.json").read_text())
    expected = json.loads((EXAMPLE / "outcome.json").read_text())
    products = {
        name: market.create_product({"kind": name, "from": "2027-07-01T00:00:00Z", "thru": "2027-08-01T00:00:00Z"}).id
        for name in ("noon", "dusk")
    }
    demands = {
        name: market.create_demand({"name": name}, curve, bidder=bidder).id
        for name, curve in auction["demand_curves"].items()
    }

    def by_id(weights, ids):
        if isinstance(weights, dict):
            return {ids[name]: weight for name, weight in weights.items()}
        return [ids[name] for name in ([weights] if isinstance(weights, str) else weights)]

    portfolios = {
        name: market.create_portfolio(
            {"name": name}, by_id(group["demand"], demands), by_id(group["basis"], products), bidder=bidder
        ).id
        for name, group in auction["portfolios"].items()
    }
    batch = market.run_batch()
    assert batch.cleared and batch.certificate.solved
    prices = market.prices()
    for name, product in products.items():
        assert prices.loc[product, "price"] == pytest.approx(expected["products"][name]["price"], abs=1e-6)
        assert prices.loc[product, "rate"] == pytest.approx(expected["products"][name]["rate"], abs=1e-4)
        assert prices.loc[product, "kind"] == name
    for name, portfolio in portfolios.items():
        outcomes = market.history.portfolio_outcomes(portfolio).results
        if name == "nothing":  # no demand: not one of both groups
            assert outcomes == []
            continue
        assert outcomes[0].value["price"] == pytest.approx(expected["portfolios"][name]["price"], abs=1e-6)
        assert outcomes[0].value["rate"] == pytest.approx(expected["portfolios"][name]["rate"], abs=1e-4)
    assert (batch.products, batch.portfolios) == (2, 6)


def test_outcomes_hold_from_batch_to_batch_and_tile_time(market, clock, noon, pair, bidder) -> None:
    load, _ = pair
    instants = []
    for price in (60, 50, 40):
        clock.wait(hours=1)
        instants.append(market.run_batch().instant)
        clock.wait(minutes=1)
        (demand,) = market.portfolio(load).demand
        market.change_demand(demand, [(0, price - 10), (100, 20)])
    for rows in (market.history.product_outcomes(noon).results, market.history.portfolio_outcomes(load).results):
        assert [row.valid_from for row in rows] == instants[::-1]
        assert [row.valid_until for row in rows] == [None, *instants[:0:-1]]
    # Prices at 80 of 100: 60 - 0.8 * 40, then 50 - 0.8 * 30, 40 - 0.8 * 20.
    assert [row.value["price"] for row in market.history.product_outcomes(noon).results] == pytest.approx([24, 26, 28])
    assert [row.value["rate"] for row in market.history.product_outcomes(noon).results] == pytest.approx([80, 80, 80])
    assert market.batches().results == [market.batch(instant) for instant in instants[::-1]]


def test_positions_are_rate_times_time(market, clock, noon, dusk, pair, bidder, seller) -> None:
    _, wind = pair
    market.run_batch()
    clock.wait(hours=2)
    market.change_portfolio(wind, basis={noon: 2.0, dusk: 1.0})
    clock.wait(hours=1)
    # A buyer in noon alone: what the wind would bring to dusk nobody takes, so nothing trades from here on.
    batch = market.run_batch()
    assert batch.cleared
    clock.wait(hours=5)
    held = market.positions(bidder)
    assert held.loc[noon, "quantity"] == pytest.approx(3 * 80, rel=1e-6)
    assert held.loc[noon, "cost"] == pytest.approx(3 * 80 * 28, rel=1e-6)
    sold = market.positions(seller)
    assert sold.loc[noon, "quantity"] == pytest.approx(-240, rel=1e-6)
    assert sold.loc[noon, "cost"] == pytest.approx(-240 * 28, rel=1e-6)
    nobody = market.positions(uuid4())
    assert nobody.empty and list(nobody.columns) == ["quantity", "cost"]


def test_a_time_unit_of_a_quarter_hour_counts_four_times(clock, bidder, seller) -> None:
    with Market(application=ForwardTerms(clock), time_unit="15m") as market:
        noon = market.create_product({"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}).id
        two_sides(market, noon, bidder, seller)
        market.run_batch()
        clock.wait(hours=1)
        assert market.positions(bidder).loc[noon, "quantity"] == pytest.approx(4 * 80, rel=1e-6)


def test_positions_weigh_the_basis_of_each_batch(clock, bidder) -> None:
    def rule(auction):
        return other_rule(auction, prices=np.full(len(auction.product_ids), 10.0), rates=[3.0, -1.0])

    with Market(application=ForwardTerms(clock), clearing=rule) as market:
        products = market.create_products(
            [{"kind": k, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"} for k in ("a", "b")]
        )
        a, b = (product.id for product in products)
        demand = market.create_demand({"name": "d"}, [(-9, 9), (9, -9)], bidder=bidder).id
        first = market.create_portfolio({"name": "p"}, demand, {a: 2.0, b: -1.0}, bidder=bidder).id
        market.create_portfolio({"name": "q"}, demand, {b: 4.0}, bidder=bidder)
        assert market.run_batch().status == "other rule"
        clock.wait(minutes=30)
        market.change_portfolio(first, basis={a: 1.0})
        clock.wait(minutes=30)
        market.run_batch()
        clock.wait(hours=2)
        held = market.positions(bidder)
        # One hour of a: 3*2, b: 3*-1 - 4; then two hours of a: 3, b: -4.
        assert held["quantity"].to_dict() == pytest.approx({a: 6 + 6, b: -7 - 8})
        assert held["cost"].to_dict() == pytest.approx({a: 120, b: -150})


def test_a_batch_that_fails_keeps_the_last_outcome(market, clock, noon, pair, bidder) -> None:
    load, _ = pair
    good = market.run_batch()
    clock.wait(hours=1)
    cycle = market.create_demand({"name": "greed"}, {"price": 5}, bidder=bidder)
    market.create_portfolio({"name": "in"}, cycle.id, noon, bidder=bidder)
    giver = market.create_demand({"name": "gift"}, {"price": 1}, bidder=bidder)
    market.create_portfolio({"name": "out"}, giver.id, noon, bidder=bidder)
    failed = market.run_batch()
    assert (failed.status, failed.cleared, failed.certificate) == ("not solved", False, None)
    assert "unbounded" in failed.reason and cycle.id in failed.reason
    assert market.batch(failed.instant) == failed
    assert market.batch_prices(failed.instant) == []
    (row,) = market.history.product_outcomes(noon).results
    assert (row.valid_from, row.valid_until) == (good.instant, None)
    assert market.prices().loc[noon, "price"] == pytest.approx(28)
    assert market.replay(clock()).prices == pytest.approx([28])
    clock.wait(hours=1)
    market.delete_demand(cycle.id)
    market.delete_demand(giver.id)
    again = market.run_batch()
    assert again.cleared
    newest, oldest = market.history.product_outcomes(noon).results
    assert (oldest.valid_until, newest.valid_from) == (again.instant, again.instant)
    assert [batch.instant for batch in market.batches().results] == [again.instant, failed.instant, good.instant]


def test_an_answer_that_misses_its_tolerance_is_recorded_and_not_stored(clock, bidder, seller) -> None:
    def misses(auction):
        found = auction.solve()
        rates = 1.5 * found.rates
        certificate = auction.certify(rates, found.prices)
        return Outcome(
            auction,
            rates=rates,
            prices=found.prices,
            demand_prices=found.demand_prices,
            certificate=certificate,
            solver="native",
        )

    def throws(auction):
        raise NotSolved("the engine stopped", outcome=misses(auction))

    for rule in (throws, misses):
        with Market(application=ForwardTerms(clock), clearing=rule) as market:
            noon = market.create_product({"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}).id
            two_sides(market, noon, bidder, seller)
            record = market.run_batch()
            assert (record.status, record.solver) == ("not solved", "native")
            assert record.certificate.status == "not solved"
            assert market.batch(record.instant) == record
            assert market.prices().empty
            with pytest.raises(NotFound, match="no batch was in force"):
                market.replay(clock())


@pytest.mark.parametrize("fault", [ZeroDivisionError("by zero"), MissingLibrary("pip install it")])
def test_a_rule_that_breaks_is_recorded_and_raised(clock, bidder, seller, fault) -> None:
    def rule(auction):
        raise fault

    with Market(application=ForwardTerms(clock), clearing=rule) as market:
        seen: list[BatchRecord] = []
        market.subscribe(seen.append)
        with pytest.raises(type(fault)) as raised:
            market.run_batch()
        assert raised.value is fault
        (record,) = market.batches().results
        assert record.status == "not solved" and str(fault) in record.reason
        assert seen == [record]
        clock.wait(seconds=1)
        with pytest.raises(type(fault)):
            market.run_batch()
        assert len(market.batches().results) == 2


def test_a_rule_returns_the_outcome_of_the_auction_it_was_given(market, clock, pair) -> None:
    wrong = market.auction().solve()
    with Market(application=ForwardTerms(clock), clearing=lambda auction: wrong) as other:
        with pytest.raises(InvalidOutcome, match="another auction"):
            other.run_batch()
    number: Any = 28.0
    with Market(application=ForwardTerms(clock), clearing=lambda auction: number) as other:
        with pytest.raises(InvalidOutcome, match="returned float"):
            other.run_batch()


def test_prices_that_are_null_unlimited_or_not_computed(clock, bidder) -> None:
    def rule(auction):
        names = auction.product_ids.to_pylist()
        prices = np.where(auction.unpriced, np.nan, 7.0)
        low = [-np.inf if name == names[0] else np.nan for name in names]
        high = [7.5 if name == names[0] else np.nan for name in names]
        return other_rule(auction, prices, np.zeros(len(auction.portfolio_ids)), price_low=low, price_high=high)

    with Market(application=ForwardTerms(clock), clearing=rule) as market:
        products = market.create_products(
            [{"kind": k, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"} for k in ("a", "b", "c")]
        )
        a, b, unused = sorted(product.id for product in products)
        demand = market.create_demand({"name": "d"}, [(-9, 9), (9, -9)], bidder=bidder).id
        ended = market.create_demand({"name": "e"}, None, bidder=bidder).id
        market.create_portfolio({"name": "p"}, demand, a, bidder=bidder)
        idle = market.create_portfolio({"name": "q"}, ended, b, bidder=bidder).id
        market.create_portfolio({"name": "r"}, None, unused, bidder=bidder)
        record = market.run_batch()
        assert market.batch_prices(record.instant) == [
            {"product": a, "price": 7.0, "rate": 0.0, "price_low": None, "price_high": 7.5},
            {"product": b, "price": None, "rate": 0.0},
        ]
        assert market.history.portfolio_outcomes(idle).results[0].value == {"price": None, "rate": 0.0}
        assert market.history.product_outcomes(b).results[0].value == {"price": None, "rate": 0.0}
        assert market.history.product_outcomes(unused).results == []
        assert np.isnan(market.prices()["price"][b])
        assert market.batch(record.instant) == record


def test_an_empty_market_clears(market, clock) -> None:
    record = market.run_batch()
    assert (record.cleared, record.products, record.portfolios) == (True, 0, 0)
    assert market.prices().empty and market.batch_prices(record.instant) == []


def test_batches_come_one_after_another(market, clock, pair) -> None:
    first = market.run_batch()
    assert market.run_batch().instant > first.instant
    clock.wait(hours=1)
    due = clock() - timedelta(minutes=1)
    (demand,) = market.portfolio(pair[0]).demand
    market.change_demand(demand, [(0, 50), (100, 20)])
    third = market.run_batch(due)
    # The auction is that of the instant asked for: before the change.
    assert third.instant == due < third.solved_at
    assert market.batch_auction(due).to_json() == market.auction(as_of=first.instant).to_json()
    assert market.batch_prices(due)[0]["price"] == pytest.approx(28)
    for late in (due, due - HOUR, first.instant):
        with pytest.raises(InvalidInstant, match="would not come after"):
            market.run_batch(late)
    with pytest.raises(InvalidInstant, match="offset"):
        market.run_batch("2027-06-02T00:00:00")
    # An instant to come is cleared with the bids of now.
    coming = market.run_batch("2027-06-02T00:00:00+02:00")
    assert coming.solved_at < coming.instant
    assert market.batch_prices(coming.instant)[0]["price"] == pytest.approx(26)
    assert len(market.batches().results) == 4
    for instant in (due + MICRO, "2031-01-01T00:00:00Z"):
        with pytest.raises(NotFound, match="no batch has the instant"):
            market.batch(instant)


def test_replaying_a_batch_gives_its_outcome_again(market, clock, pair, noon) -> None:
    stored = []
    for price in (60, 50, 40):
        clock.wait(hours=1)
        (demand,) = market.portfolio(pair[0]).demand
        market.change_demand(demand, [(0, price), (100, 20)])
        record = market.run_batch()
        stored.append(
            (
                record.instant,
                market.batch_prices(record.instant)[0],
                market.history.portfolio_outcomes(pair[0]).results[0].value,
            )
        )
    clock.wait(hours=1)
    for instant, price, trade in stored:
        for at in (instant, instant + timedelta(minutes=30)):
            outcome = market.replay(at)
            assert outcome.products.loc[noon, "price"] == price["price"]
            assert outcome.products.loc[noon, "rate"] == price["rate"]
            assert outcome.portfolios.loc[pair[0], "rate"] == trade["rate"]
    with pytest.raises(NotFound):
        market.replay(stored[0][0] - MICRO)


class Slow:
    """A rule of clearing that says when it begins, and waits until it may go on."""

    def __init__(self) -> None:
        self.solving, self.go_on = threading.Event(), threading.Event()

    def __call__(self, auction):
        self.solving.set()
        assert self.go_on.wait(30)
        return auction.solve()


def test_bids_may_change_while_a_batch_is_cleared(clock, bidder, seller) -> None:
    slow = Slow()
    solving, go_on = slow.solving, slow.go_on
    with Market(application=ForwardTerms(clock), clearing=slow) as market:
        noon = market.create_product({"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}).id
        load, _ = two_sides(market, noon, bidder, seller)
        (demand,) = market.portfolio(load).demand
        records: list[Any] = []
        thread = threading.Thread(target=lambda: records.append(market.run_batch()))
        thread.start()
        assert solving.wait(30)
        changed = market.change_demand(demand, [(0, 50), (100, 20)])
        go_on.set()
        thread.join()
        assert records[0].instant < changed.valid_from
        assert market.prices().loc[noon, "price"] == pytest.approx(28)
        assert market.run_batch().cleared
        assert market.prices().loc[noon, "price"] == pytest.approx(26)


def fails(auction: Auction) -> Outcome:
    raise ZeroDivisionError


def test_with_auto_solve_every_change_of_a_bid_is_followed_by_a_batch(clock, bidder, seller, caplog) -> None:
    with Market(application=ForwardTerms(clock), auto_solve=True) as market:
        noon = market.create_product({"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}).id
        assert market.batches().results == []
        load, _ = two_sides(market, noon, bidder, seller)
        assert market.prices().loc[noon, "price"] == pytest.approx(28)
        (demand,) = market.portfolio(load).demand
        changed = market.change_demand(demand, [(0, 50), (100, 20)])
        assert market.prices().loc[noon, "price"] == pytest.approx(26)
        assert market.batches().results[0].instant > changed.valid_from
        before = len(market.batches().results)
        with caplog.at_level(logging.ERROR, "fts"):
            market.batches._clearing = fails
            assert market.delete_demand(demand).curve is None
        assert "the batch after a change failed" in caplog.text
        assert len(market.batches().results) == before + 1


def test_with_auto_solve_changes_that_wait_share_a_batch(clock, bidder, seller) -> None:
    slow = Slow()
    solving, go_on = slow.solving, slow.go_on
    with Market(application=ForwardTerms(clock), clearing=slow) as market:
        noon = market.create_product({"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}).id
        load, _ = two_sides(market, noon, bidder, seller)
        (demand,) = market.portfolio(load).demand
        market.auto_solve = True
        prices = range(40, 52)
        waiting = [threading.Thread(target=market.change_demand, args=(demand, [(0, 70), (100, 30)]))]
        waiting[0].start()
        assert solving.wait(30)
        waiting += [
            threading.Thread(target=market.change_demand, args=(demand, [(0, price), (100, 20)])) for price in prices
        ]
        for thread in waiting[1:]:
            thread.start()
        while len(market.history.curves(demand).results) < len(prices) + 2:
            time.sleep(0.01)
        go_on.set()
        for thread in waiting:
            thread.join()
        batches, curves = market.batches().results, market.history.curves(demand).results
        # The first had one of its own; a thread that was slow to ask may have another.
        assert 2 <= len(batches) < len(prices) / 2
        assert batches[0].instant > curves[0].valid_from
        assert market.prices().loc[noon, "price"] == pytest.approx(market.auction().solve().prices[0])


def test_with_auto_solve_a_batch_of_an_earlier_instant_or_a_refused_one_stands_for_no_other(
    clock, bidder, seller
) -> None:
    slow = Slow()
    solving, go_on = slow.solving, slow.go_on
    with Market(application=ForwardTerms(clock), clearing=slow, auto_solve=True) as market:
        go_on.set()
        noon = market.create_product({"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}).id
        load, _ = two_sides(market, noon, bidder, seller)
        (demand,) = market.portfolio(load).demand
        go_on.clear()
        solving.clear()
        clock.wait(minutes=1)
        running = threading.Thread(target=market.run_batch)
        running.start()
        assert solving.wait(30)
        clock.wait(minutes=1)
        due = market.now()
        clock.wait(minutes=1)
        # While one is cleared: a batch of the minute before, one that comes too late, and a change of now.
        others = [threading.Thread(target=market.run_batch, args=(due,))]
        others.append(threading.Thread(target=refused, args=(market,)))
        for thread in others:
            thread.start()
        time.sleep(0.1)
        change = threading.Thread(target=market.change_demand, args=(demand, [(0, 50), (100, 20)]))
        change.start()
        while market.demand(demand).curve.points[0][1] != 50:
            time.sleep(0.01)
        time.sleep(0.1)
        go_on.set()
        for thread in (running, change, *others):
            thread.join()
        assert market.prices().loc[noon, "price"] == pytest.approx(26)


def refused(market: Market) -> None:
    with pytest.raises(InvalidInstant):
        market.run_batch("2000-01-01T00:00:00Z")


def test_subscribers_hear_of_every_batch_once_it_is_stored(market, pair, caplog) -> None:
    heard = []

    def broken(record):
        raise RuntimeError("deaf")

    market.subscribe(broken)
    leave = market.subscribe(lambda record: heard.append(market.batch(record.instant)))
    with caplog.at_level(logging.ERROR, "fts"):
        first = market.run_batch()
    assert heard == [first]
    assert "subscriber" in caplog.text
    leave()
    leave()
    market.run_batch()
    assert heard == [first]


def test_under_a_schedule_outcomes_do_not_outlast_the_exchange(clock, bidder, seller, tmp_path) -> None:
    path = tmp_path / "market.db"
    with Market(path, application=ForwardTerms(clock), schedule="1h") as market:
        noon = market.create_product({"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}).id
        load, _ = two_sides(market, noon, bidder, seller)
        first = market.run_batch().instant
        clock.wait(minutes=30)
        assert market.positions(bidder).loc[noon, "quantity"] == pytest.approx(40, rel=1e-6)
        clock.wait(minutes=30)
        second = market.run_batch().instant
    clock.wait(hours=12)  # nobody runs the market
    with Market(path, application=ForwardTerms(clock), schedule="1h") as market:
        assert market.positions(bidder).loc[noon, "quantity"] == pytest.approx(160, rel=1e-6)
        third = market.run_batch().instant
        rows = market.history.portfolio_outcomes(load).results
        assert [(row.valid_from, row.valid_until) for row in rows] == [
            (third, None),
            (second, second + HOUR),
            (first, second),
        ]
        clock.wait(minutes=15)
        assert market.positions(bidder).loc[noon, "quantity"] == pytest.approx(180, rel=1e-6)


def test_settings_that_contradict_each_other() -> None:
    for settings in (
        {"solver": "clarabel", "clearing": lambda auction: auction.solve()},
        {"page_limit": 0},
        {"schedule": "often"},
        {"schedule": {"every": "10s", "until": "2027-06-01T00:00:00Z"}},
        {"schedule": {"every": "10s", "from": "2027-06-01"}},
        {"schedule": "1ms"},
    ):
        with pytest.raises(ConfigurationError):
            Market(**settings)


def test_a_market_shows_itself(market, pair) -> None:
    assert "no batch yet" in market._repr_html_()
    market.run_batch()
    shown = market._repr_html_()
    assert "28" in shown and "exact" in shown
