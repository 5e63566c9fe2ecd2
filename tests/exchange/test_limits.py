"""Limits on the quantity that a bid may ever trade."""

from __future__ import annotations

from datetime import timedelta
from math import inf
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fts.exchange import ForwardTerms, Market
from fts.exchange.trade_limits import apply_trade_limits
from fts.models.auction import Auction
from fts.models.columns import ids
from fts.models.timestamps import format_instant
from fts.models.trade_limits import RemainingLimits
from tests.exchange.auths import auth, limit
from tests.exchange.conftest import NOON, Clock
from tests.exchange.test_slices import LOAD, WIND, june


def quantities(market: Market, portfolio: str) -> list[float]:
    """What the portfolio traded, batch by batch."""
    return [round(trade.trade, 9) + 0.0 for trade in reversed(market.v0.portfolio_trades(portfolio).results)]


def domain(market: Market, instant: Any, portfolio: str) -> tuple[float, float]:
    """Between which rates the own demand of a portfolio could trade in a batch."""
    (own,) = market.portfolio(portfolio).demand
    curve = market.batch_auction(instant).demands[own]
    return curve.min_rate, curve.max_rate


def check_replay(market: Market) -> None:
    """Every batch clears again as it was stored; where it started from may show in the last digit."""
    for record in market.batches().results:
        outcome = market.replay(record.instant)
        stored = {trade["product"]: trade for trade in market.batch_prices(record.instant)}
        for name, row in outcome.products.iterrows():
            for measure in ("price", "rate"):
                if stored[name][measure] is None:
                    assert row[measure] != row[measure]
                else:
                    assert row[measure] == pytest.approx(stored[name][measure], rel=1e-9, abs=1e-9)
        for name, row in outcome.portfolios.iterrows():
            (found, *_) = market.history.portfolio_outcomes(
                str(name), before=record.instant + timedelta(microseconds=1)
            ).results
            assert found.valid_from == record.instant
            assert found.value["rate"] == pytest.approx(row["rate"], rel=1e-9, abs=1e-9)


def test_what_a_limit_leaves_is_a_domain() -> None:
    curves = {"a": LOAD, "b": WIND, "c": {"price": 1}, "d": LOAD}
    auction = Auction(curves, {name: {"demand": name, "basis": "x"} for name in curves})
    room = RemainingLimits(ids(["c", "gone", "a", "b"]), np.array([-6, -1, 2, -inf]), np.array([inf, 1, 10, -3]))
    found = apply_trade_limits(auction, room, 0.5)
    # Half a time unit: rates may be twice what is left. A limit that is passed leaves 0.
    assert found.min_rates.tolist() == [0, -80, -12, 0]
    assert found.max_rates.tolist() == [20, 0, inf, 100]


def test_a_short_slice_makes_no_rate_larger_than_a_bid_may_name() -> None:
    auction = Auction({"c": {"price": 1}}, {"p": {"demand": "c", "basis": "x"}})
    found = apply_trade_limits(auction, RemainingLimits(ids(["c"]), np.array([-inf]), np.array([1e30])), 1e-6)
    assert (found.min_rates.tolist(), found.max_rates.tolist()) == ([-inf], [1e30])


def test_slices_reach_the_limit_in_the_third(market, noon) -> None:
    """80 an hour at 28 while there is room: 40, 40, then 20 of 100 are left, at the seller's price of 5."""
    load, wind = auth(market, LOAD, noon, uuid4(), high=100), auth(market, WIND, noon, uuid4())
    records = market.v0.solve_span(june("13:00"), june("15:00"), "30m")
    assert quantities(market, load) == [40, 40, 20, 0]
    assert quantities(market, wind) == [-40, -40, -20, 0]
    prices = [market.batch_prices(record.instant)[0]["price"] for record in records]
    assert prices == pytest.approx([28, 28, 5, 5])
    ends = [domain(market, record.instant, load)[1] for record in records]
    # 100, 60 and 20 over half an hour, of which the curve takes 100.
    assert ends == pytest.approx([100, 100, 40, 0], abs=1e-9)
    assert ends[3] == 0
    check_replay(market)
    # At the cut the curve has the price that it had there: 60 - 0.4 * 40.
    (own,) = market.portfolio(load).demand
    assert market.batch_auction(records[2].instant).demands[own].points[-1] == pytest.approx((40, 44))


def test_a_seller_is_limited_from_below_and_a_limit_above_it_does_not_matter(market, noon) -> None:
    load, wind = auth(market, LOAD, noon, uuid4()), auth(market, WIND, noon, uuid4(), low=-90, high=5)
    market.v0.solve_span(june("13:00"), june("16:00"), "1h")
    assert quantities(market, wind) == [-80, -10, 0]
    # 60 - 0.4 * 10 for the last 10.
    assert [round(t.price, 6) for t in reversed(market.v0.portfolio_trades(load).results)][:2] == [28, 56]
    check_replay(market)


def test_what_was_sold_may_be_bought_back(market, clock, noon) -> None:
    trader = auth(market, [(-100, 30), (100, 20)], noon, uuid4(), low=-50, high=50)
    deep = auth(market, {"price": 40, "min_rate": -1000, "max_rate": 1000}, noon, uuid4())
    (own,) = market.portfolio(deep).demand
    market.v0.solve_span(june("13:00"), june("14:00"), "30m")
    # It sells at 40: 100 an hour for half an hour, and no more.
    assert quantities(market, trader) == [-50, 0]
    clock.wait(hours=3)
    market.change_demand(own, {"price": 10, "min_rate": -1000, "max_rate": 1000})
    market.v0.solve_span(june("15:00"), june("17:00"), "30m")
    # From -50 it may buy 100 until it holds 50, at its full speed.
    assert quantities(market, trader) == [-50, 0, 50, 50, 0, 0]
    check_replay(market)


def test_a_limit_that_is_passed_already_leaves_only_the_way_back(market, clock, noon) -> None:
    load, _ = auth(market, LOAD, noon, uuid4()), auth(market, WIND, noon, uuid4())
    market.v0.solve_span(june("13:00"), june("14:00"))
    limit(market, load, 10, 60)
    clock.wait(hours=5)
    market.v0.solve_span(june("17:00"), june("18:00"))
    assert quantities(market, load) == [80, 0]
    assert domain(market, june("17:00"), load) == (0, 0)
    # Of what held before the limit did, nothing changes.
    assert domain(market, june("13:00"), load) == (0, 100)
    check_replay(market)
    (own,) = market.portfolio(load).demand
    market.change_demand(own, [(-100, 60), (100, 20)])
    market.v0.solve_span(june("18:00"), june("19:00"))
    # It may sell until it holds 10.
    assert domain(market, june("18:00"), load) == (pytest.approx(-70), 0)


def test_without_a_schedule_a_time_unit_is_counted_and_time_beyond_it_was_traded(market, clock, noon) -> None:
    load, _ = auth(market, LOAD, noon, uuid4(), high=60), auth(market, WIND, noon, uuid4())
    clock.wait(minutes=30)
    first = market.run_batch()
    # 60 for one hour.
    assert domain(market, first.instant, load) == (0, 60)
    clock.wait(minutes=30)
    second = market.run_batch()
    assert domain(market, second.instant, load) == (0, pytest.approx(30))
    clock.wait(hours=2)
    third = market.run_batch()
    assert domain(market, third.instant, load) == (0, 0)
    assert market.v0.traded([load])[load] == pytest.approx(90)
    check_replay(market)


def test_under_a_schedule_its_step_is_counted(clock, noon) -> None:
    with Market(application=ForwardTerms(clock), schedule="15m") as market:
        product = market.create_product({"kind": 0, "from": june("20:00"), "thru": june("21:00")}).id
        load, _ = auth(market, LOAD, product, uuid4(), high=50), auth(market, WIND, product, uuid4())
        for text in ("12:15", "12:30", "12:45", "13:45"):
            clock.time = market.run_batch(june(text)).instant
        # 20, 20, then 10 of 50 are left; the step, not the pause after it, was traded.
        assert quantities(market, load) == [20, 20, 10, 0]
        assert [domain(market, june(text), load)[1] for text in ("12:15", "12:30", "12:45")] == pytest.approx(
            [100, 100, 40]
        )
        check_replay(market)
    clock.time = NOON
    with Market(application=ForwardTerms(clock), schedule="15m") as market:
        product = market.create_product({"kind": 0, "from": june("20:00"), "thru": june("21:00")}).id
        load, _ = auth(market, LOAD, product, uuid4(), high=50), auth(market, WIND, product, uuid4())
        for text in ("12:15", "13:45", "14:00"):
            clock.time = market.run_batch(june(text)).instant
        assert quantities(market, load) == [20, 20, 10]


def test_a_batch_inside_a_slice_counts_what_later_slices_were_promised(market, clock, noon) -> None:
    load, _ = auth(market, LOAD, noon, uuid4(), high=100), auth(market, WIND, noon, uuid4())
    market.v0.solve_span(june("12:30"), june("14:00"), "30m")
    assert quantities(market, load) == [40, 40, 20]
    clock.wait(minutes=45)
    run = market.run_batch(june("12:45"))
    # The first slice traded 20 until then, 60 are promised: 20 are left, and one time unit is counted.
    assert domain(market, run.instant, load) == (0, pytest.approx(20))
    assert quantities(market, load) == [20, 5, 40, 20]
    check_replay(market)


@pytest.mark.parametrize(
    ("curve", "left"),
    [
        # 80 of 100 were promised to the later slice.
        (LOAD, 20),
        # What it will sell later may not be bought before: then it would hold more than it may.
        ([(-40, 28), (0, 28), (100, 20)], 100),
    ],
)
def test_a_gap_is_filled_with_what_later_slices_leave(market, clock, noon, curve, left) -> None:
    load, _ = auth(market, curve, noon, uuid4(), high=100), auth(market, WIND, noon, uuid4())
    if left == 100:
        # A buyer at 40 takes 40 from everyone who sells at 28.
        buyer = auth(market, {"price": 40, "min_rate": 0, "max_rate": 1000}, noon, uuid4())
    market.v0.solve_span(june("15:00"), june("16:00"))
    promised = quantities(market, load)[0]
    assert promised == (80 if left == 20 else -40)
    if left == 100:
        clock.wait(hours=2)
        market.delete_portfolio(buyer)
    market.v0.solve_span(june("14:00"), june("15:00"))
    assert domain(market, june("14:00"), load)[1] == pytest.approx(left)
    assert domain(market, june("15:00"), load)[1] == 100
    check_replay(market)


def test_a_failed_batch_trades_nothing_and_what_held_goes_on(market, clock, noon) -> None:
    load, _ = auth(market, LOAD, noon, uuid4(), high=100), auth(market, WIND, noon, uuid4())
    clock.wait(minutes=30)
    market.run_batch(june("12:30"))
    one, two = (auth(market, {"price": price}, noon, uuid4()) for price in (10, 5))
    clock.wait(minutes=30)
    assert not market.run_batch(june("13:00")).cleared
    for name in (one, two):
        market.delete_portfolio(name)
    clock.wait(minutes=15)
    last = market.run_batch(june("13:15"))
    # 80 for three quarters of an hour.
    assert domain(market, last.instant, load) == (0, pytest.approx(40))
    assert market.replay(june("13:10")).portfolios.loc[load, "rate"] == pytest.approx(80)


def test_costs_and_other_portfolios_are_not_limited(market, noon) -> None:
    bidder = uuid4()
    load, _ = auth(market, LOAD, noon, bidder, high=10), auth(market, WIND, noon, uuid4())
    cost = market.create_demand({"name": "cost"}, [(-100, 50), (100, 0)], bidder=bidder).id
    (own,) = market.portfolio(load).demand
    market.change_portfolio(load, demand={own: 1, cost: 1})
    (record,) = market.v0.solve_span(june("13:00"), june("14:00"))
    curves = market.batch_auction(record.instant).demands
    assert (curves[own].max_rate, curves[cost].max_rate, curves[cost].min_rate) == (10, 100, -100)
    assert quantities(market, load) == [10]


def test_a_weight_is_between_a_limit_and_its_demand(market, noon) -> None:
    load = auth(market, [(-50, 60), (0, 60), (100, 20)], noon, uuid4(), low=-5, high=10)
    auth(market, WIND, noon, uuid4())
    (own,) = market.portfolio(load).demand
    market.change_portfolio(load, demand={own: -2.0})
    (record,) = market.v0.solve_span(june("13:00"), june("13:30"))
    # The portfolio may sell at 10 and buy at 20 an hour: its demand runs from -40 to 20.
    assert domain(market, record.instant, load) == (-40, 20)


# The cut curve's price at rate 0, where the market clears, is 0 only up to rounding.
AT_ZERO = [(0, None, None), (0, None, None), (-11, 0, None), (0, None, 0)], [(5, 3, 12), (10, 1, 6), (60, 2, 0)]
LENGTHS = st.sampled_from([5, 10, 15, 20, 30, 60])
SIZES = st.integers(0, 60)


@settings(max_examples=settings.default.max_examples // 12)
@example(*AT_ZERO)
@given(
    st.lists(
        st.tuples(st.integers(-20, 20), st.one_of(st.none(), SIZES), st.one_of(st.none(), SIZES)),
        min_size=2,
        max_size=4,
    ),
    st.lists(st.tuples(LENGTHS, st.integers(1, 4), st.integers(-20, 20)), min_size=1, max_size=4),
)
def test_nobody_ever_trades_beyond_a_limit(bids: Any, spans: Any) -> None:
    """Sloped bids around random prices, whose prices change from span to span; kept by hand beside the market."""
    clock = Clock()
    with Market(application=ForwardTerms(clock)) as market:
        product = market.create_product({"kind": 0, "from": june("20:00"), "thru": june("21:00")}).id
        limits = {}
        for price, low, high in bids:
            curve = [(-40, price + 10), (40, price - 10)]
            name = auth(market, curve, product, uuid4(), None if low is None else -low, high)
            limits[name] = (-inf if low is None else -low, inf if high is None else high)
        traded, first = dict.fromkeys(limits, 0.0), next(iter(limits))
        (own,) = market.portfolio(first).demand
        for length, count, price in spans:
            clock.wait(minutes=1)
            begin = clock.time
            market.change_demand(own, [(-40, price + 10), (40, price - 10)])
            begin += timedelta(minutes=1)
            records = market.v0.solve_span(begin, begin + count * timedelta(minutes=length), f"{length}m")
            for record in records:
                hours = length / 60
                for name, (low, high) in limits.items():
                    left, right = domain(market, record.instant, name)
                    assert left <= 0 <= right
                    assert left == pytest.approx(max(-40, min(0, (low - traded[name]) / hours)), abs=1e-9)
                    assert right == pytest.approx(min(40, max(0, (high - traded[name]) / hours)), abs=1e-9)
                    at = record.instant + timedelta(microseconds=1)
                    (row, *_) = market.history.portfolio_outcomes(name, before=at).results
                    traded[name] += row.value["rate"] * hours
                    assert low - 1e-9 <= traded[name] <= high + 1e-9
            clock.time = max(clock.time, begin + count * timedelta(minutes=length))
            assert market.v0.traded(limits) == pytest.approx(traded, abs=1e-9), format_instant(clock.time)
        check_replay(market)
