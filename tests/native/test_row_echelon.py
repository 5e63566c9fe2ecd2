"""Products combined so that nearly dependent rows are far from dependent."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hunt import failures
from scipy.sparse import csc_array

from fts.ports.engine import Program
from fts.solver.native.row_echelon import combined_products


def program_of(B: list[list[float]]) -> Program:
    n = len(B[0])
    return Program(csc_array(B), csc_array(np.eye(n)), np.arange(n), -np.ones(n), np.ones(n), np.zeros(n), np.ones(n))


def test_two_rows_that_differ_by_a_millionth() -> None:
    # Row 2 less row 1 is (0, 1e-6, 0): portfolio 2 is balanced alone, and portfolios 1 and 3 balance each other.
    B = [[1.0, 1.0, 1.0], [1.0, 1.000001, 1.0]]
    combined = combined_products(program_of(B), np.ones(2), np.ones(3))
    rows = combined.program.B.toarray()
    assert np.linalg.cond(rows) < 4
    assert np.abs(rows @ [1.0, 0.0, -1.0]).max() == 0
    # The same rows in fractions, by Cramer's rule: T = rows · B⁻¹ on the first two portfolios.
    a, b, c, d = (Fraction(B[p][i]) for p in range(2) for i in range(2))
    for t, row in zip(combined.combination, rows, strict=True):
        first, second = Fraction(float(row[0])), Fraction(float(row[1]))
        det = a * d - b * c
        expected = ((first * d - second * c) / det, (second * a - first * b) / det)
        assert [float(v) for v in t] == pytest.approx([float(v) for v in expected], rel=1e-9, abs=1e-9)


def test_a_row_that_is_the_sum_of_others_is_left_out_and_has_a_price_of_zero_or_a_share() -> None:
    combined = combined_products(program_of([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.ones(3), np.ones(2))
    assert combined.program.B.shape == (2, 2)
    prices = combined.combination.T @ np.array([3.0, 5.0])
    # Portfolios see the same prices either way.
    assert np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]) @ prices == pytest.approx(
        combined.program.B.toarray().T @ [3.0, 5.0], rel=1e-15
    )


@pytest.mark.parametrize("seed", [109, 139, 143, 151, 243, 399, 683])
def test_near_parallel_portfolios_that_were_not_solved(seed: int) -> None:

    assert [str(one) for one in failures("near-parallel", seed)] == []
