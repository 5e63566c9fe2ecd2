"""What must not move an answer, and what must move it exactly so: units, halves, bids that are no news."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import fts

_SPEC = importlib.util.spec_from_file_location("random_markets", Path(__file__).parent / "test_random_markets.py")
_RANDOM = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_RANDOM)
cleared, market, same, SEEDS = _RANDOM.cleared, _RANDOM.market, _RANDOM.same, _RANDOM.SEEDS


_BUILT = importlib.util.spec_from_file_location("built", Path(__file__).parents[1] / "solver" / "conftest.py")
_MARKETS = importlib.util.module_from_spec(_BUILT)
sys.modules["built"] = _MARKETS
_BUILT.loader.exec_module(_MARKETS)


def scaled(curve: fts.Curve | fts.Constant, k: float) -> fts.Curve | fts.Constant:
    """A demand counted in units of 1/k: rates times k, prices through k."""
    if isinstance(curve, fts.Constant):
        return fts.Constant(curve.price / k, curve.min_rate * k, curve.max_rate * k)
    return fts.Curve([(rate * k, price / k) for rate, price in curve.points])


def in_other_names(outcome: fts.Outcome, auction: fts.Auction, rates: np.ndarray, prices: np.ndarray) -> fts.Outcome:
    return fts.Outcome(
        auction,
        rates=rates,
        prices=prices,
        demand_prices=np.nan_to_num(outcome.demand_prices[: len(auction.demand_ids)]),
        certificate=outcome.certificate,
        solver=outcome.solver,
    )


@given(SEEDS, st.integers(-6, 6))
def test_the_unit_of_a_demand_does_not_matter(seed, power):
    auction, k = market(seed, units=False), 2.0**power
    demands = {name: scaled(curve, k) for name, curve in auction.demands.items()}
    portfolios = {
        name: fts.Portfolio({d: weight * k for d, weight in p.demand.items()}, p.basis)
        for name, p in auction.portfolios.items()
    }
    same(cleared(auction), cleared(fts.Auction(demands, portfolios)))


@given(SEEDS, st.integers(-6, 6))
def test_the_unit_of_a_product_does_not_matter_where_the_answer_is_unique(seed, power):
    # Every product of these markets has a sloped bid of its own.
    auction, k = _MARKETS.build(seed).auction, 2.0**power
    first = cleared(auction)
    assert first.unique.prices
    assume(first.unique.quantities)
    name = auction.product_ids[seed % len(auction.product_ids)].as_py()
    portfolios = {
        i: fts.Portfolio(p.demand, {b: weight * (k if b == name else 1) for b, weight in p.basis.items()})
        for i, p in auction.portfolios.items()
    }
    second = cleared(fts.Auction(dict(auction.demands), portfolios))
    prices = np.where(np.array(auction.product_ids.to_pylist()) == name, second.prices * k, second.prices)
    same(first, in_other_names(second, auction, second.rates, prices))


# In the first the corrector leads in circles, in the other the method ends at prices of 1e12 that nothing holds.
@example(427)
@example(12775)
@given(SEEDS)
def test_a_bid_in_two_halves_is_the_same_bid(seed):
    auction = market(seed, units=False)
    users = np.bincount(auction.weights.indices, minlength=len(auction.demand_ids))
    demands, portfolios = dict(auction.demands), dict(auction.portfolios)
    bounds = np.isfinite(auction.min_rates) & np.isfinite(auction.max_rates)
    own = np.diff(auction.weights.indptr) == 1
    entry = auction.weights.indices[auction.weights.indptr[:-1][own]]
    own[own] = (users[entry] == 1) & bounds[entry]
    own &= ~auction.idle
    assume(own.any())
    i = int(np.flatnonzero(own)[0])
    name = auction.portfolio_ids[i].as_py()
    ((demand, weight),) = portfolios[name].demand.items()
    half = demands[demand]
    half = (
        fts.Constant(half.price, half.min_rate / 2, half.max_rate / 2)
        if isinstance(half, fts.Constant)
        else fts.Curve([(rate / 2, price) for rate, price in half.points])
    )
    demands[demand] = demands["other half"] = half
    portfolios["other half"] = fts.Portfolio({"other half": weight}, portfolios[name].basis)
    whole, halves = cleared(auction), cleared(fts.Auction(demands, portfolios))
    assert halves.rates[-1] == pytest.approx(halves.rates[i], rel=1e-8, abs=1e-9)
    rates = halves.rates[:-1].copy()
    rates[i] *= 2
    same(whole, in_other_names(halves, auction, rates, halves.prices))


@given(SEEDS)
def test_a_bid_that_nobody_meets_moves_nothing_where_prices_are_unique(seed):
    auction = market(seed, units=False)
    first = cleared(auction)
    assume(first.unique.prices and len(first.prices))
    p = seed % len(first.prices)
    assume(np.isfinite(first.prices[p]))
    # It buys a unit below the price.
    demands = {**auction.demands, "late": fts.Constant(float(first.prices[p]) - 1.0, 0, 3)}
    portfolios = {**auction.portfolios, "late": fts.Portfolio("late", auction.product_ids[p].as_py())}
    second = cleared(fts.Auction(demands, portfolios))
    assert second.rates[-1] == 0
    same(first, in_other_names(second, auction, second.rates[:-1], second.prices))
