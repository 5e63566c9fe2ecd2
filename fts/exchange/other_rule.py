"""Another rule of clearing: its prices and rates are taken, its certificate is computed afresh."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

from fts import _optional
from fts.errors import InvalidOutcome, NotSolved
from fts.models.auction import Auction
from fts.models.certificate import Certificate, Status
from fts.models.outcome import Outcome
from fts.ports.engine import Clearing

LARGEST_TOLERANCE = 1e-6
"""The tolerance that an outcome is judged with at most, whatever tolerance its rule names."""


def certified_rule(clearing: Clearing) -> Clearing:
    """Make a rule of clearing whose outcomes, those inside `NotSolved` too, are certified by :func:`certify_outcome`.

    Parameters
    ----------
    clearing : callable
        ``(auction) -> Outcome``; what it raises is raised again.
    """

    def clear(auction: Auction) -> Outcome:
        # A rule may change the arrays that it is given; the proof is about those of the market.
        given = deepcopy(auction)
        try:
            outcome = clearing(given)
        except NotSolved as error:
            error.outcome = _certify_reached(auction, error.outcome)
            raise
        return certify_outcome(auction, outcome, given)

    return clear


def certify_outcome(auction: Auction, outcome: Any, given: Auction | None = None) -> Outcome:
    """Certify the prices and rates that a rule of clearing returned against the auction that it was given.

    Parameters
    ----------
    auction : Auction
    outcome : Outcome
        Neither its certificate nor its ``unique`` is believed.
    given : Auction, optional
        The copy of the auction that the rule worked on: the price intervals of an outcome of that one are kept.

    Returns
    -------
    Outcome
        Its status is what the rule says where all measures prove it, at the tolerance that the outcome names, but at
        most `LARGEST_TOLERANCE`; ``other rule`` where they prove nothing or the rule says so; ``not solved`` where
        the rule says so.

    Raises
    ------
    InvalidOutcome
        It is no outcome, or one of an auction with other products, demands or portfolios.
    NotSolved
        It solves some connected parts only.
    """
    require_outcome_of(auction, outcome)
    claimed = outcome.certificate
    if not isinstance(claimed, Certificate):
        raise InvalidOutcome(f"the certificate of an outcome is a Certificate, this one is a {type(claimed).__name__}")
    if claimed.status == "partly solved":
        raise NotSolved("the rule of clearing solved some connected parts of the auction only; a batch needs all")
    tol = min(claimed.tol, LARGEST_TOLERANCE) if claimed.tol > 0 else None
    rates, prices, certified = outcome.rates, outcome.prices, _optional.load("fts.solver").certified
    demand_prices, computed = certified(auction, rates, prices, outcome.demand_prices, tol)
    if computed.status != "exact":
        # Demand prices are a part of the proof, and a rule may have none: the least-squares ones prove what can be.
        other_prices, other = certified(auction, rates, prices, None, tol)
        demand_prices, computed = (other_prices, other) if other.status == "exact" else (demand_prices, computed)
    is_same = outcome.auction is given
    return Outcome(
        auction,
        rates=rates,
        prices=prices,
        demand_prices=demand_prices,
        certificate=replace(
            computed,
            status=_judge(claimed.status, computed.status),
            iterations=claimed.iterations,
            seconds=claimed.seconds,
        ),
        solver=outcome.solver,
        price_low=outcome.price_low if is_same else None,
        price_high=outcome.price_high if is_same else None,
    )


def require_outcome_of(auction: Auction, outcome: Any) -> None:
    """Refuse what is no outcome, or the outcome of an auction with other products, demands or portfolios.

    Raises
    ------
    InvalidOutcome
    """
    if not isinstance(outcome, Outcome):
        raise InvalidOutcome(f"a rule of clearing returns an Outcome, this one returned {type(outcome).__name__}")
    other = outcome.auction
    if other is not auction and not (
        other.portfolio_ids.equals(auction.portfolio_ids)
        and other.product_ids.equals(auction.product_ids)
        and other.demand_ids.equals(auction.demand_ids)
    ):
        raise InvalidOutcome("the outcome is that of another auction; clear the auction that was given")


def _judge(claimed: Status, proved: Status) -> Status:
    if claimed in ("solved", "exact"):
        # Without fit nothing is proved here: where nothing is traded, the other measures are 0 at any price.
        return claimed if proved == "exact" else "other rule"
    return claimed if claimed == "other rule" else "not solved"


def _certify_reached(auction: Auction, reached: Any) -> Outcome | None:
    """Certify the best point that a rule reached; None where it fits the auction in no way."""
    try:
        outcome = certify_outcome(auction, reached)
    except (InvalidOutcome, NotSolved):
        return None
    certificate = replace(outcome.certificate, status="not solved")
    return Outcome(
        auction,
        rates=outcome.rates,
        prices=outcome.prices,
        demand_prices=outcome.demand_prices,
        certificate=certificate,
        solver=outcome.solver,
    )
