"""Products held in one proportion are one row, and their prices are chosen as if they were not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array

import fts
from fts.solver.native.presolve_rows import merge_proportional

MONTH = {"h1": 1.0, "h2": 2.0}


def month(**bids: tuple[float, float, float, float]) -> fts.Auction:
    """Bids for the two hours of a month that nobody has split: rate and price at both ends of a line."""
    return fts.Auction(
        {name: [(q0, p0), (q1, p1)] for name, (q0, p0, q1, p1) in bids.items()},
        {name: fts.Portfolio(name, MONTH) for name in bids},
    )


def test_proportional_rows_are_one() -> None:
    rows = np.array([[1.0, 0.0, -3.0], [2.0, 5.0, 0.0], [0.1, 0.0, -0.3], [1.0, 0.0, 3.0], [-4.0, -10.0, 0.0]])
    merged = merge_proportional(csc_array(rows))
    assert merged.row.tolist() == [0, 1, 0, 2, 1]
    assert merged.ratio.tolist() == pytest.approx([1.0, 1.0, 0.1, 1.0, -2.0], rel=1e-15)
    assert merged.B.toarray()[merged.row] * merged.ratio[:, None] == pytest.approx(rows, rel=1e-15)


def test_splitting_keeps_what_a_row_is_worth() -> None:
    merged = merge_proportional(csc_array(np.array([[1.0, -3.0], [0.1, -0.3], [5.0, 1.0]])))
    assert merged.joined(merged.split(np.array([7.0, -2.0]))) == pytest.approx([7.0, -2.0], rel=1e-15)


def test_nearly_proportional_rows_stay_apart() -> None:
    assert merge_proportional(csc_array(np.array([[1.0, 3.0], [1.0, 3.0 + 1e-12]]))).B.shape == (2, 2)


def test_prices_of_unsplit_hours_are_nearest_to_nought_or_to_the_references() -> None:
    # Buyer: price 10 - x, seller: 2 - x, so the month costs 6 and 4 are traded; h1 + 2 h2 = 6.
    auction = month(buyer=(0.0, 10.0, 6.0, 4.0), seller=(-6.0, 8.0, 0.0, 2.0))
    outcome = auction.solve("native")
    assert outcome.certificate.status == "exact"
    assert outcome.rates == pytest.approx([4.0, -4.0], rel=1e-12)
    assert outcome.prices == pytest.approx([1.2, 2.4], rel=1e-12)
    assert not outcome.unique.prices
    near = auction.solve("native", reference={"h1": 3.0, "h2": 0.0})
    assert near.prices == pytest.approx([3.6, 1.2], rel=1e-12)
