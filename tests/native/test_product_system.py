"""The eliminated system against the whole one, solved as a dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array

from fts.solver.native.elimination import Elimination
from fts.solver.native.factorization import LowRankFactor
from fts.solver.native.normal_matrix import NormalMatrix, Outer


def sparse(rng: np.random.Generator, rows: int, columns: int, share: float) -> csc_array:
    """A random matrix; every column has an entry."""
    filled = rng.random((rows, columns)) < share
    filled[rng.integers(0, rows, columns), np.arange(columns)] = True
    return csc_array(np.where(filled, rng.normal(size=(rows, columns)), 0.0))


@pytest.mark.parametrize(
    ("products", "portfolios", "share"), [(8, 60, 0.3), (300, 200, 0.5), (1_500, 700, 0.0004), (600, 700, 0.01)]
)
@pytest.mark.parametrize("blocks_are_long", [False, True])
def test_the_product_matrix_is_what_it_says(
    products: int, portfolios: int, share: float, blocks_are_long: bool
) -> None:
    rng = np.random.default_rng(products)
    C = sparse(rng, products, portfolios, share)
    weights, diagonal = rng.random(portfolios), 1.0 + rng.random(products)
    # Blocks of a few rows and of half of the rows: multiplied entry by entry and as dense columns.
    rows = [np.sort(rng.choice(products, n, replace=False)) for n in (2, 3, 4) + (products // 2,) * blocks_are_long]
    width = np.arange(1, len(rows) + 1)
    values = [rng.uniform(-1, 1, (len(r), k)) / (10 * len(r)) for r, k in zip(rows, width, strict=True)]
    outer = Outer(
        np.append(0, np.cumsum([len(r) for r in rows])), np.concatenate(rows), width,
        np.append(0, np.cumsum([v.size for v in values])),
    )  # fmt: skip
    matrix = C.toarray() @ np.diag(weights) @ C.toarray().T + np.diag(diagonal)
    for r, v in zip(rows, values, strict=True):
        matrix[np.ix_(r, r)] -= v @ v.T
    right = rng.normal(size=products)
    normal = NormalMatrix(C, outer)
    assert normal.is_dense == (products < 1_500 or blocks_are_long)
    found = normal.factor(weights, np.concatenate([v.ravel() for v in values]), diagonal).solve(right)
    assert matrix @ found == pytest.approx(right, abs=1e-9)


def test_wide_columns_in_one_proportion_are_one_profile() -> None:
    rng = np.random.default_rng(1)
    profiles = rng.normal(size=(120, 3))
    C = csc_array(np.column_stack([profiles, 2.0 * profiles, -0.5 * profiles, np.eye(120)]))
    weights = rng.random(C.shape[1])
    matrix = (C.toarray() * weights) @ C.toarray().T
    right = rng.normal(size=120)
    assert matrix @ NormalMatrix(C).factor(weights, np.empty(0), np.zeros(120)).solve(right) == pytest.approx(
        right, abs=1e-8
    )


@pytest.mark.parametrize(("products", "size"), [(4, 3), (60, 9), (60, 50), (900, 3), (900, 9), (900, 50)])
@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("bare", [False, True])
def test_shared_demands_are_solved_as_in_the_whole_system(products: int, size: int, chained: bool, bare: bool) -> None:
    # Portfolios with a demand each in groups that share another; chained, the first is in all; bare, the last has
    # none for itself.
    n = max(2, 60 // size) * size
    rng = np.random.default_rng(2)
    B = sparse(rng, products, n, 0.5 if products < 10 else 2 / products)
    groups = np.kron(np.eye(n // size), rng.uniform(0.5, 2.0, (1, size)) * rng.choice([-1.0, 1.0], (1, size)))
    groups[1:, 0] = 0.7 if chained else 0.0
    own = np.eye(n)[: n - bare]
    W = np.vstack([own, groups])
    e = Elimination(B, csc_array(W), np.full(n, 1e-6), np.zeros(len(W), dtype=bool))
    g = rng.uniform(0.5, 2.0, len(W))
    e.factor(g)
    # What products miss is what portfolios can trade.
    a, b, t = rng.normal(size=n), B @ rng.normal(size=n), rng.normal(size=len(groups))
    step = e.solve(a, b, t, rounds=3)
    q = np.full(n, 1e-3)  # the proximal term
    q[: len(own)] += 1.0 / g[: len(own)]
    S = groups
    assert q * step.x + B.T @ step.prices - S.T @ step.shared == pytest.approx(a, abs=1e-7)
    assert B @ step.x == pytest.approx(b, abs=1e-7)
    assert S @ step.x + g[len(own) :] * step.shared == pytest.approx(t, abs=1e-7)


@pytest.mark.parametrize("least", [1.0, 1e-9])
def test_few_columns_of_several_entries_are_solved_in_their_own_space(least: float) -> None:
    # Every product has a column of its own; `least` is how much the first of them weighs.
    rng = np.random.default_rng(4)
    C = csc_array(np.hstack([np.eye(300), rng.uniform(0.5, 1.5, (300, 20))]))
    weights, diagonal = rng.uniform(1.0, 2.0, 320), np.zeros(300)
    weights[0] = least
    right = rng.normal(size=300)
    factor = NormalMatrix(C).factor(weights, np.empty(0), diagonal)
    assert isinstance(factor, LowRankFactor) == (least == 1.0)
    matrix = (C.toarray() * weights) @ C.toarray().T
    assert matrix @ factor.solve(right) == pytest.approx(right, abs=1e-9 / least**0.5)
