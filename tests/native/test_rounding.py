"""Rates that are rounding of 0."""

import numpy as np
import pytest

import fts
from fts.solver.program import program_of, tradable_part
from fts.solver.rounding import without_resting


@pytest.mark.parametrize(
    ("circle", "right"),
    [
        (5e-13, 0.0),
        (2e-12, 2e-12),  # more than a millionth of a millionth of what the smallest bid for B could trade
    ],
)
def test_what_goes_in_a_circle_is_nothing_where_it_is_all_that_is_traded(circle: float, right: float) -> None:
    demands = {name: fts.Constant(0, -4, 4) for name in ("a", "b", "to", "back")}
    bases = {"a": {"A": 1}, "b": {"A": 1}, "to": {"A": -1, "B": 1}, "back": {"A": 1, "B": -1}}
    auction = fts.Auction(demands, {name: fts.Portfolio(name, basis) for name, basis in bases.items()})
    program = program_of(auction, tradable_part(auction))
    found = without_resting(program, np.array([3, -3, circle, circle]), np.array([4.0, 4.0, 4.0, 2.0]))
    assert found.tolist() == [3, -3, right, right]
