"""Another rule of clearing is measured by the market: nothing is exact because the rule says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from fts import Auction
from fts.errors import InvalidOutcome, NotSolved
from fts.exchange import ForwardTerms, Market
from fts.models.arguments import CurveLike
from fts.models.certificate import Certificate
from fts.models.outcome import Outcome, Unique

PERFECT = Certificate("exact", 0.0, 0.0, 0.0, 0.0, 0.0, 1e6, 1e-9, 3, 0.5)
HOUR = {"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}


@contextmanager
def market_of(clock: Any, rule: Callable[[Auction], Any]) -> Iterator[Market]:
    """A buyer at 60 - 0.4 rate and a seller of at most 80 from 5 on, who would trade 80 at 28 with a gain of 3120."""
    with Market(application=ForwardTerms(clock), clearing=rule) as market:
        noon = market.create_product(HOUR).id
        wind = {"price": 5, "min_rate": -80, "max_rate": 0}
        curves: dict[str, CurveLike] = {"load": [(0, 60), (100, 20)], "wind": wind}
        for name, curve in curves.items():
            bidder = uuid4()
            demand = market.create_demand({"name": name}, curve, bidder=bidder)
            market.create_portfolio({"name": name}, demand.id, noon, bidder=bidder)
        yield market


def outcome_that(auction: Auction, bought: float, sold: float, price: float, certificate: Any = PERFECT) -> Outcome:
    """The outcome in which the load buys and the wind sells, with the certificate that a rule makes up."""
    is_load = auction.weights.T @ auction.constant == 0
    return Outcome(
        auction,
        rates=np.where(is_load, bought, -sold),
        prices=[price],
        demand_prices=[price, price],
        certificate=certificate,
        solver="says so",
        unique=Unique(True, True),
    )


# Imbalance |50 - 80| / (50 + 80); at price 40 the load wants 50 and not 80, and at any price above 5 the wind wants 80.
LIES = {"imbalance": (50, 80, 28), "gap": (80, 80, 40), "no trade": (0, 0, 28), "too much": (100, 100, 20)}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("status", ["exact", "solved", "other rule"])
def test_a_rule_that_lies_is_another_rule(clock: Any, lie: str, status: Any) -> None:
    def rule(auction: Auction) -> Outcome:
        return outcome_that(auction, *LIES[lie], replace(PERFECT, status=status))

    with market_of(clock, rule) as market:
        record = market.run_batch()
        assert record.status == "other rule" and record.certificate.status == "other rule"
        assert market.batch(record.instant) == record
        assert market.replay(record.instant).certificate.status == "other rule"
        assert market.replay(record.instant).unique == Unique(False, False)
        measures = record.certificate
        if lie == "imbalance":
            assert measures.imbalance == pytest.approx(30 / 130, rel=1e-12)
        if lie == "too much":
            assert measures.domain > 0.1
        assert max(measures.imbalance, measures.domain, measures.gap, measures.fit) > 1e-3
        # ∫(60 - 0.4 z) of what is bought, less 5 a unit of what is sold.
        bought, sold, _ = LIES[lie]
        if lie != "too much":
            assert measures.welfare == pytest.approx(60 * bought - 0.2 * bought**2 - 5 * sold, rel=1e-12)


@pytest.mark.parametrize("demand_prices", [28.0, 0.0])
def test_a_rule_that_clears_is_proved_by_the_market(clock: Any, demand_prices: float) -> None:
    poor = Certificate("exact", 0.9, 0.9, 0.9, 0.9, 0.9, -7.0, 0.0)

    def rule(auction: Auction) -> Outcome:
        outcome = outcome_that(auction, 80, 80, 28, poor)
        outcome.demand_prices[:] = demand_prices
        return outcome

    with market_of(clock, rule) as market:
        record = market.run_batch()
        assert record.status == "exact"
        assert record.certificate.imbalance == 0 and record.certificate.fit < 1e-12
        assert record.certificate.welfare == pytest.approx(3120, rel=1e-12)
        assert record.certificate.tol == 1e-9


@pytest.mark.parametrize("tol", [1.0, np.inf, 1e300])
def test_a_rule_cannot_make_its_tolerance_large(clock: Any, tol: float) -> None:
    # One part in ten thousand less is sold than bought.
    with market_of(clock, lambda auction: outcome_that(auction, 80, 79.992, 28, replace(PERFECT, tol=tol))) as market:
        record = market.run_batch()
        assert (record.status, record.certificate.tol) == ("other rule", 1e-6)


def test_a_rule_that_says_not_solved_is_believed(clock: Any) -> None:
    with market_of(
        clock, lambda auction: outcome_that(auction, 80, 80, 28, replace(PERFECT, status="not solved"))
    ) as m:
        assert m.run_batch().status == "not solved"
        assert m.prices().empty


def test_the_outcome_of_an_auction_with_the_same_names_is_measured_against_this_one(clock: Any) -> None:
    """Where the wind could sell only 40, the price is 60 - 0.4 · 40 = 44; here the wind may sell 80."""

    def rule(auction: Auction) -> Outcome:
        other: Outcome = auction.within(np.full(2, -40.0), np.full(2, np.inf)).solve()
        assert other.certificate.status == "exact" and other.prices == pytest.approx([44])
        return other

    with market_of(clock, rule) as market:
        record = market.run_batch()
        assert record.status == "other rule"
        # At 44 the wind misses (44 - 5) · 40 of what it would gain, which is a large part of what is paid.
        assert record.certificate.gap > 0.1
        assert record.certificate.welfare == pytest.approx(60 * 40 - 0.2 * 40**2 - 5 * 40, rel=1e-12)
        assert market.prices()["price"].tolist() == pytest.approx([44])
        assert market.prices()["price_low"].isna().all()


def test_a_rule_that_changes_the_auction_it_was_given_is_measured_against_the_market_s(clock: Any) -> None:
    def rule(auction: Auction) -> Outcome:
        auction.point_prices += 10
        outcome: Outcome = auction.solve()
        assert outcome.prices == pytest.approx([38])
        return outcome

    with market_of(clock, rule) as market:
        record = market.run_batch()
        assert record.status == "other rule"
        assert market.auction().point_prices.max() == 60


def test_a_rule_s_error_cannot_carry_a_proof(clock: Any) -> None:
    def rule(auction: Auction) -> Outcome:
        raise NotSolved("stopped", outcome_that(auction, 50, 80, 28))

    with market_of(clock, rule) as market:
        record = market.run_batch()
        assert (record.status, record.certificate.status) == ("not solved", "not solved")
        assert record.certificate.imbalance == pytest.approx(30 / 130, rel=1e-12)


def test_an_error_with_the_outcome_of_another_auction_keeps_its_reason(clock: Any) -> None:
    other = Auction({"a": [(-1, 1), (1, -1)]}, {}).solve()

    def rule(auction: Auction) -> Outcome:
        raise NotSolved("stopped", other)

    with market_of(clock, rule) as market:
        record = market.run_batch()
        assert (record.status, record.reason, record.certificate) == ("not solved", "stopped", None)


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        (28.0, "returned float"),
        (Auction({"a": [(-1, 1), (1, -1)]}, {}).solve(), "another auction"),
    ],
)
def test_what_is_no_outcome_of_this_auction_is_refused(clock: Any, returned: Any, why: str) -> None:
    with market_of(clock, lambda auction: returned) as market:
        with pytest.raises(InvalidOutcome, match=why):
            market.run_batch()
        assert market.prices().empty


def test_a_certificate_is_a_certificate(clock: Any) -> None:
    def rule(auction: Auction) -> Outcome:
        outcome = outcome_that(auction, 80, 80, 28)
        outcome.certificate = "exact"  # type: ignore[assignment]
        return outcome

    with market_of(clock, rule) as market, pytest.raises(InvalidOutcome, match="is a Certificate, this one is a str"):
        market.run_batch()


def test_numbers_that_a_rule_changed_after_they_were_checked_are_checked_again(clock: Any) -> None:
    def rule(auction: Auction) -> Outcome:
        outcome = outcome_that(auction, 80, 80, 28)
        outcome.rates[:] = np.nan
        return outcome

    with market_of(clock, rule) as market, pytest.raises(InvalidOutcome, match="must be a finite number"):
        market.run_batch()


def test_slices_are_measured_too(clock: Any) -> None:
    with market_of(clock, lambda auction: outcome_that(auction, 50, 80, 28)) as market:
        clock.wait(hours=1)
        records = market.v0.solve_span("2027-06-01T12:15:00Z", "2027-06-01T12:45:00Z", "15m")
        assert [record.status for record in records] == ["other rule", "other rule"]


def test_the_native_rule_passed_by_hand_is_exact(clock: Any) -> None:
    with market_of(clock, lambda auction: auction.solve()) as market:
        record = market.run_batch()
        assert record.status == "exact"
        assert market.prices()["price"].tolist() == pytest.approx([28])


def test_a_rule_that_solves_some_parts_only_solves_no_batch(clock: Any) -> None:
    with market_of(clock, lambda auction: auction.solve(throw=False)) as market:
        night = market.create_product(HOUR | {"from": "2027-07-01T22:00:00Z", "thru": "2027-07-01T23:00:00Z"}).id
        # An unlimited buyer at 10 and an unlimited seller at 5: the part of the night has no largest gain.
        for name, curve in {"rich": {"price": 10, "min_rate": 0}, "cheap": {"price": 5, "max_rate": 0}}.items():
            bidder = uuid4()
            demand = market.create_demand({"name": name}, curve, bidder=bidder)
            market.create_portfolio({"name": name}, demand.id, night, bidder=bidder)
        record = market.run_batch()
        assert record.status == "not solved" and "some connected parts" in record.reason
        assert market.prices().empty
