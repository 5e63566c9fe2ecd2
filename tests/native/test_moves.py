"""Least moves under few rows: in the space of the rows as in all unknowns, and nearest prices of wide portfolios."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

import fts
from fts.solver.canonical.lexicographic_lsq import Objective, null_space
from fts.solver.canonical.moves import Moves, RowMoves, n_coordinates

PRODUCTS = 250


def rows_and_levels(seed: int) -> tuple[np.ndarray, np.ndarray, list[Objective]]:
    """Three equations of rank two and five limits over thirty unknowns with wishes of three levels."""
    rng = np.random.default_rng(seed)
    equations, limits = rng.normal(size=(3, 30)), rng.normal(size=(5, 30))
    equations[2] = equations[0] - 2 * equations[1]
    # The last level has fewer unknowns than there are rows.
    chosen, weight = rng.permutation(np.repeat([0, 1, 2], [14, 14, 2])), 10.0 ** rng.uniform(-2, 2, 30)
    return equations, limits, [Objective(weight * (chosen == number), rng.normal(size=30)) for number in range(3)]


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_moves_in_the_space_of_the_rows_are_those_of_all_unknowns(seed: int, is_first: bool) -> None:
    equations, limits, levels = rows_and_levels(seed)
    assert n_coordinates(levels, 8) == 18
    of_all = Moves(equations, limits, levels, null_space(equations))
    of_rows = RowMoves(equations, limits, levels)
    now, low, high = np.zeros(30), np.full(5, -0.1), np.array([0.1, 0.0, np.inf, 1.0, 0.5])
    first = of_all.nearest(now, low, high, 1e-14, is_first=True)
    assert first is not None
    if is_first:
        assert of_rows.nearest(now, low, high, 1e-14, is_first=True) == pytest.approx(first, abs=1e-10)
        return
    # Once at the best point, other limits move it on.
    through = limits @ first
    later = [moves.nearest(first, 0.5 * low - through, 2 * high - through, 1e-14, is_first=False)
             for moves in (of_all, of_rows)]  # fmt: skip
    assert later[1] == pytest.approx(later[0], abs=1e-10)


def test_what_is_missing_in_equations_is_restored_by_the_least_move() -> None:
    equations, limits, _ = rows_and_levels(1)
    missing = equations @ np.random.default_rng(0).normal(size=30)
    move = RowMoves(equations, limits, [Objective(np.ones(30), np.zeros(30))]).restored(missing)
    assert move == pytest.approx(np.linalg.pinv(equations) @ missing, abs=1e-12)


def wide_market(seed: int, n: int) -> tuple[fts.Auction, np.ndarray, np.ndarray, np.ndarray]:
    """Profiles of all products that cannot trade, in turn of a buyer, a seller, and a bidder that does both.

    Their prices are at least, at most and exactly those of their curves at rate 0.
    """
    rng = np.random.default_rng(seed)
    B = np.round(rng.uniform(0.5, 1.5, (n, PRODUCTS)), 3)
    price, side = 30 * B.sum(axis=1) * rng.uniform(0.95, 1.05, n), np.resize([1, -1, 0], n)
    ends = {1: (0.0, 3.0), -1: (-3.0, 0.0), 0: (-2.0, 2.0)}
    demands = {f"d{i}": fts.Curve([(q, float(price[i] * (1 - 0.1 * q))) for q in ends[side[i]]]) for i in range(n)}
    portfolios = {
        f"x{i}": fts.Portfolio(f"d{i}", {f"p{j:03d}": float(b) for j, b in enumerate(B[i])}) for i in range(n)
    }
    return fts.Auction(demands, portfolios), B, price, side


@pytest.mark.parametrize("share", [0.0, 0.7, 0.98, 1.0])
@pytest.mark.parametrize("distance", [1.0, 1e6])
@pytest.mark.parametrize("n", [3, 60])
def test_prices_of_wide_portfolios_are_the_nearest_to_references(n: int, distance: float, share: float) -> None:
    auction, B, price, side = wide_market(n, n)
    rng = np.random.default_rng(7)
    known = rng.random(PRODUCTS) < share
    reference = np.where(known, 30.0 + distance * rng.normal(size=PRODUCTS), np.nan)
    outcome = auction.solve(reference=reference)
    assert outcome.certificate.status == "exact" and outcome.unique == (False, True)
    assert (outcome.rates == 0).all()
    rounding = 1e-13 * distance
    gap = (B @ outcome.prices - price) / price
    assert gap[side == 0] == pytest.approx(0, abs=rounding)
    assert (side * gap >= -rounding).all()
    # Nearest: the way from the references is made of rows that hold the prices, each pushing to its own side.
    held = np.abs(gap) <= rounding
    ways = np.vstack([B[held & (side >= 0)], -B[held & (side <= 0)]])
    moved = np.where(known, outcome.prices - reference, 0.0)
    force, left = nnls(ways.T, moved)
    assert left <= 1e-10 * max(distance, float(np.linalg.norm(moved)))
    # Of these the prices without a reference are nearest to 0: what holds the others holds these on both sides.
    ways = np.vstack([ways, -ways[force > 1e-9 * force.max(initial=0.0)]])
    assert nnls(ways[:, ~known].T, outcome.prices[~known])[1] <= 1e-10 * distance


def test_references_far_away_and_an_earlier_outcome_give_the_same_prices() -> None:
    auction, *_ = wide_market(5, 40)
    cold = auction.solve(reference=np.full(PRODUCTS, 20.0))
    far = auction.solve(reference=np.full(PRODUCTS, 1e7))
    assert far.certificate.status == "exact"
    warm = auction.solve(reference=np.full(PRODUCTS, 20.0), warm=far)
    assert warm.prices == pytest.approx(cold.prices, rel=1e-12)
