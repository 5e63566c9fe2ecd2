"""Properties of the native engine on random markets of the whole language."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fts
from fts.errors import NotSolved, UnboundedAuction
from fts.solver import solve

_SPEC = importlib.util.spec_from_file_location("native_markets", Path(__file__).parent / "conftest.py")
_MARKETS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MARKETS)
market = _MARKETS.market

SEEDS = st.integers(0, 10**6)


def cleared(auction: fts.Auction, engine: str = "native", **options) -> fts.Outcome:
    try:
        return solve(auction, engine, **options)
    except NotSolved as error:
        return error.outcome
    except UnboundedAuction:
        assume(False)
        raise


def same(first: fts.Outcome, second: fts.Outcome) -> None:
    """The same prices and rates, each to 1e-8 of what is typical for it in this market."""
    p, q = first.products.price, second.products.price.reindex(first.products.index)
    assert np.array_equal(p.isna(), q.isna())
    basis = first.auction.basis
    owner = np.repeat(np.arange(basis.shape[1]), np.diff(basis.indptr))
    worth = np.array([max((abs(c.prices)).max() for c in first.auction.demands.values())] * basis.shape[1])
    weights = first.auction.weights
    if weights.nnz:
        curve = np.maximum.reduceat(np.abs(first.auction.point_prices), first.auction.point_offsets[:-1])
        worth = abs(weights).T @ curve
    # What cancels in a portfolio's price leaves the rounding of its products' prices.
    worth = np.maximum(worth, abs(basis).T @ np.abs(np.nan_to_num(p.to_numpy())))
    level = np.zeros(len(p))
    np.maximum.at(level, basis.indices, worth[owner] / np.abs(basis.data))
    assert np.nan_to_num(np.abs((p - q).to_numpy()) - 1e-8 * level).max(initial=0) <= 0
    x, y = first.portfolios.rate, second.portfolios.rate.reindex(first.portfolios.index)
    flow = abs(basis) @ np.abs(first.rates)
    reach = np.zeros(len(x))
    np.maximum.at(reach, owner, flow[basis.indices] / np.abs(basis.data))
    # Rates that are rounding of 0 are measured against what the portfolio could trade.
    bounds = (first.auction.min_rates, first.auction.max_rates)
    ends = np.maximum(*(np.where(np.isfinite(bound), np.abs(bound), 0) for bound in bounds))
    room = np.zeros(len(x))
    bidder = np.repeat(np.arange(weights.shape[1]), np.diff(weights.indptr))
    np.maximum.at(room, bidder, ends[weights.indices] / np.abs(weights.data))
    assert (np.abs((x - y).to_numpy()) <= 1e-8 * np.maximum(reach, 1e-6 * room)).all()


# 300 markets, and 10,000 in `make soak`.
@settings(max_examples=3 * settings.default.max_examples)
@given(SEEDS)
def test_every_market_is_proved_to_rounding_without_a_number_that_is_none(seed):
    outcome = cleared(market(seed))
    found = outcome.certificate
    assert found.status == "exact"
    assert max(found.imbalance, found.domain, found.consistency, found.gap, found.fit) < 1e-9
    assert np.isfinite(outcome.rates).all() and np.isfinite(found.welfare)
    assert np.isnan(outcome.prices).tolist() == outcome.auction.unpriced.tolist()
    low, high = outcome.price_low, outcome.price_high
    assert not (low > outcome.prices + 1e-9 * np.abs(outcome.prices)).any()
    assert not (high < outcome.prices - 1e-9 * np.abs(outcome.prices)).any()


@settings(max_examples=settings.default.max_examples // 2)
@given(SEEDS)
def test_welfare_is_that_of_clarabel(seed):
    auction = market(seed, units=False)
    ours, theirs = cleared(auction), cleared(auction, "clarabel")
    assume(theirs.certificate.solved)
    assert ours.certificate.welfare == pytest.approx(theirs.certificate.welfare, rel=1e-7, abs=1e-7)


@given(SEEDS)
def test_the_order_of_bids_does_not_matter(seed):
    auction = market(seed)
    first = cleared(auction)
    demands, portfolios = list(auction.demands.items()), list(auction.portfolios.items())
    rng = np.random.default_rng(seed)
    rng.shuffle(demands)
    rng.shuffle(portfolios)
    same(first, cleared(fts.Auction(dict(demands), dict(portfolios))))


@pytest.mark.parametrize("seed", [18, 330, 390, 593, 849, 922, 1093, 1283, 1871, 2551, 3081, 8492])
def test_markets_with_far_or_narrow_choices_have_one_answer(seed):
    # Prices that are open for ever, bounds that leave no room between them, cycles: once the order of bids decided.
    auction = market(seed)
    first = solve(auction, "native")
    demands, portfolios = list(auction.demands.items()), list(auction.portfolios.items())
    rng = np.random.default_rng(seed)
    rng.shuffle(demands)
    rng.shuffle(portfolios)
    same(first, solve(fts.Auction(dict(demands), dict(portfolios)), "native"))


@given(SEEDS, st.integers(-6, 6))
def test_the_unit_of_a_portfolio_does_not_matter(seed, power):
    auction, k = market(seed, units=False), 2.0**power
    rescaled = {
        name: fts.Portfolio({d: w * k for d, w in p.demand.items()}, {b: w * k for b, w in p.basis.items()})
        for name, p in auction.portfolios.items()
    }
    first, second = cleared(auction), cleared(fts.Auction(dict(auction.demands), rescaled))
    second = fts.Outcome(
        auction,
        rates=second.rates * k,
        prices=second.prices,
        demand_prices=second.demand_prices,
        certificate=second.certificate,
        solver="native",
    )
    same(first, second)


@settings(max_examples=settings.default.max_examples // 2)
@given(SEEDS)
def test_a_warm_start_does_not_change_the_answer(seed):
    auction = market(seed)
    cold = cleared(auction)
    same(cold, cleared(auction, warm=cold))


@settings(max_examples=settings.default.max_examples // 2)
@given(SEEDS)
def test_a_warm_start_after_bids_came_and_went(seed):
    auction = market(seed, units=False)
    earlier = cleared(auction)
    kept = dict(list(auction.portfolios.items())[1:])
    kept["new"] = next(iter(auction.portfolios.values()))
    changed = fts.Auction(dict(auction.demands), kept)
    same(cleared(changed), cleared(changed, warm=earlier))


def test_a_profit_without_limit_is_found_where_the_simplex_method_gives_up():
    # HiGHS ends with "not set" on the linear program of this market, with its presolve.
    with pytest.raises(UnboundedAuction, match="'d1'"):
        solve(market(239464), "native")


@pytest.mark.parametrize("seed", [51, 183, 479, 850, 857, 1153])
def test_rates_that_cancel_in_a_demand_are_no_profit_in_any_order(seed):
    # Rounding of 1e-16 in a demand's rate once looked like a profit without limit, in one order of the bids.
    auction = market(seed)
    demands, portfolios = list(auction.demands.items()), list(auction.portfolios.items())
    rng = np.random.default_rng(seed)
    rng.shuffle(demands)
    rng.shuffle(portfolios)
    for one in (auction, fts.Auction(dict(demands), dict(portfolios))):
        assert solve(one, "native").certificate.solved


def uneven(seed: int) -> fts.Auction:
    """Bids whose rates differ by seven orders of magnitude, and their prices by four."""
    rng = np.random.default_rng(seed)
    n_products = int(rng.integers(2, 8))
    demands: dict[str, fts.Curve | fts.Constant] = {}
    portfolios = {}
    for k in range(int(rng.integers(4, 40))):
        size, price, slope = 10 ** rng.uniform(-3, 4), 10 ** rng.uniform(-1, 2), rng.uniform(0, 1)
        kind = rng.choice(["flat", "through zero", "steps"], p=[0.3, 0.4, 0.3])
        if kind == "flat":
            low, high = (side * size if rng.random() < 0.5 else 0.0 for side in (-1, 1))
            demands[f"d{k}"] = fts.Constant(price, low, high)
        elif kind == "through zero":
            demands[f"d{k}"] = fts.Curve([(-size, price + slope * size), (0, price), (size, price - slope * size)])
        else:
            demands[f"d{k}"] = fts.Curve([(0, price), (size, price), (size, 0), (2 * size, -3)])
        held = rng.choice(n_products, int(rng.integers(1, min(n_products, 3) + 1)), replace=False)
        weights = {f"d{k}": 1.0}
        if rng.random() < 0.3:
            weights[f"d{rng.integers(0, k + 1)}"] = float(rng.choice([1.0, -1.0, 2.0]))
        basis = {f"p{p}": float(rng.choice([1.0, -1.0, 0.5, 2.0])) for p in held}
        portfolios[f"b{k}"] = fts.Portfolio(weights, basis)
    return fts.Auction(demands, portfolios)


@pytest.mark.parametrize("seed", range(120))
def test_bids_of_very_different_sizes(seed):
    outcome = cleared(uneven(seed))
    assert outcome.certificate.status == "exact"
    if seed % 4 == 0:
        theirs = cleared(uneven(seed), "clarabel").certificate
        assert outcome.certificate.welfare == pytest.approx(theirs.welfare, rel=1e-7, abs=1e-7)
