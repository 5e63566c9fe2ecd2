"""The eliminated system against the whole one, solved as a dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array

from fts.solver.native.elimination import Elimination
from fts.solver.native.normal import WIDE, NormalMatrix


def sparse(rng: np.random.Generator, rows: int, columns: int, share: float) -> csc_array:
    """A random matrix; every column has an entry."""
    filled = rng.random((rows, columns)) < share
    filled[rng.integers(0, rows, columns), np.arange(columns)] = True
    return csc_array(np.where(filled, rng.normal(size=(rows, columns)), 0.0))


@pytest.mark.parametrize(
    ("products", "portfolios", "share"), [(5, 60, 0.3), (300, 200, 0.5), (500, 1_500, 0.004), (600, 700, 0.01)]
)
def test_the_product_matrix_is_what_it_says(products: int, portfolios: int, share: float) -> None:
    rng = np.random.default_rng(products)
    C = sparse(rng, products, portfolios, share)
    narrow = np.flatnonzero(np.diff(C.indptr) <= WIDE)
    pairs = narrow[: len(narrow) // 2 * 2].reshape(-1, 2)[:40]
    weights, diagonal = rng.random(portfolios), 1.0 + rng.random(products)
    # A pair weighs less than its two columns together, so the matrix stays positive definite.
    between = 0.5 * rng.uniform(-1, 1, len(pairs)) * np.sqrt(weights[pairs[:, 0]] * weights[pairs[:, 1]])
    V = np.diag(weights)
    V[pairs[:, 0], pairs[:, 1]] = V[pairs[:, 1], pairs[:, 0]] = between
    matrix = C.toarray() @ V @ C.toarray().T + np.diag(diagonal)
    right = rng.normal(size=products)
    found = NormalMatrix(C, pairs[:, 0], pairs[:, 1]).factor(weights, between, diagonal).solve(right)
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


@pytest.mark.parametrize("chained", [False, True])
def test_shared_demands_are_solved_as_in_the_whole_system(chained: bool) -> None:
    # Six portfolios with a demand each; two groups of three, or, chained, one portfolio in both.
    rng = np.random.default_rng(2)
    B = sparse(rng, 4, 6, 0.5)
    own, groups = np.eye(6), np.kron(np.eye(2), [[1.0, 2.0, -1.0]])
    groups[1, 0] = 0.7 if chained else 0.0
    W = np.vstack([own, groups])
    e = Elimination(B, csc_array(W), np.ones(6), np.zeros(8, dtype=bool))
    g = rng.uniform(0.5, 2.0, 8)
    e.factor(g)
    a, b, t = rng.normal(size=6), rng.normal(size=4), rng.normal(size=2)
    step = e.solve(a, b, t)
    q = 1e-9 + 1.0 / g[:6]
    whole = np.block(
        [
            [np.diag(q), B.toarray().T, -groups.T],
            [B.toarray(), np.zeros((4, 6))],
            [groups, np.zeros((2, 4)), np.diag(g[6:])],
        ]
    )
    assert np.concatenate([step.x, step.prices, step.shared]) == pytest.approx(
        np.linalg.solve(whole, np.concatenate([a, b, t])), rel=1e-8, abs=1e-8
    )
