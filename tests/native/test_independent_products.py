"""Many more products than portfolios: a few products that determine the others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array

import fts
from fts.solver.native.dual_newton import clear_sloped
from fts.solver.native.independent_products import independent_products
from fts.solver.native.presolve_rows import merge_proportional
from fts.solver.program import program_of


def wide(seed: int, products: int, portfolios: int, rank: int) -> np.ndarray:
    """A matrix (P, I) of this rank, in units that differ by orders of magnitude."""
    rng = np.random.default_rng(seed)
    B = rng.normal(size=(products, rank)) @ rng.normal(size=(rank, portfolios))
    return B * 10.0 ** rng.uniform(-6, 6, (products, 1)) * 10.0 ** rng.uniform(-3, 3, portfolios)


@pytest.mark.parametrize("rank", [1, 7, 20])
def test_chosen_products_determine_the_others(rank: int) -> None:
    B = wide(rank, 400, 20, rank)
    found = independent_products(csc_array(B))
    assert found is not None
    assert len(found.chosen) == rank
    assert np.sort(np.append(found.chosen, found.others)).tolist() == list(range(400))
    made = (found.combination * found.unit[found.others, None] / found.unit[found.chosen]) @ B[found.chosen]
    assert (np.abs(made - B[found.others]).max(axis=1) <= 1e-10 * np.abs(B[found.others]).max(axis=1)).all()


def test_portfolios_are_worth_the_same_at_joined_and_at_split_prices() -> None:
    B = wide(3, 400, 20, 20)
    merging = merge_proportional(csc_array(B))
    assert merging.B.shape == (20, 20)
    prices = np.random.default_rng(1).normal(size=400) / np.abs(B).max(axis=1)
    joined = merging.joined(prices)
    assert merging.B.T @ joined == pytest.approx(B.T @ prices, rel=1e-8)
    split = merging.split(joined)
    assert B.T @ split == pytest.approx(B.T @ prices, rel=1e-8)


@pytest.mark.parametrize(("products", "portfolios"), [(100, 5), (400, 200)])
def test_few_products_stay_as_they_are(products: int, portfolios: int) -> None:
    assert independent_products(csc_array(wide(1, products, portfolios, portfolios))) is None


@pytest.mark.parametrize("rank", [3, 12, 40])
def test_a_market_of_few_wide_portfolios_clears_as_with_clarabel(rank: int) -> None:
    rng = np.random.default_rng(rank)
    shapes = rng.uniform(0.5, 1.5, (rank, 300))
    demands, portfolios = {}, {}
    for k in range(40):
        basis = np.round(rng.uniform(0.2, 1.0, rank) @ shapes, 6) if rank < 40 else np.round(shapes[k], 3)
        price = basis.sum() * rng.uniform(0.8, 1.2)
        demands[f"d{k}"] = [(-2.0, price * 1.1), (3.0, price * 0.9)]
        portfolios[f"b{k}"] = fts.Portfolio({f"p{j:03d}": v for j, v in enumerate(basis)}, {f"d{k}": 1.0})
    auction = fts.Auction(demands, portfolios)
    assert clear_sloped(program_of(auction)) is None  # its Hessian would have no inverse
    ours, theirs = auction.solve("native"), auction.solve("clarabel", throw=False)
    assert ours.certificate.status == "exact"
    assert ours.certificate.welfare == pytest.approx(theirs.certificate.welfare, rel=1e-7, abs=1e-7)
