"""Rates that balance every product to rounding of its own trade."""

import numpy as np
import pytest

import fts
from fts.ports.engine import Answer
from fts.solver.canonical.balance import balanced
from fts.solver.program import program_of, tradable_part


def moved(demands: dict, bases: dict, x: list[float], held: dict[str, dict] | None = None) -> np.ndarray | None:
    """The rates after balancing; a demand has one segment at most, whose fill is its rate."""
    portfolios = {name: fts.Portfolio((held or {}).get(name, name), basis) for name, basis in bases.items()}
    auction = fts.Auction(demands, portfolios)
    program = program_of(auction, tradable_part(auction))
    rates = np.array(x)
    answer = Answer(
        rates,
        (program.W @ rates)[program.segment_demand],
        np.zeros(program.B.shape[0]),
        np.zeros(len(demands)),
        "given",
        0,
    )
    room = np.maximum(np.abs(rates), 1.0)
    found = balanced(program, answer, room, np.ones(len(demands)))
    return None if found is None else found.x


def test_a_large_trade_leaves_no_rounding_in_a_small_one():
    # 32.75 of A is bought and can come only through the spread; what that takes of B the large seller gives.
    demands = {
        "a": fts.Constant(9, 0, 32.75),
        "spread": fts.Constant(0, -40, 0),
        "s": fts.Constant(5, -1e16, 0),
        "b": fts.Constant(7, 0, 1e15),
    }
    bases = {"a": "A", "spread": {"A": 1, "B": -1}, "s": "B", "b": "B"}
    x = moved(demands, bases, [32.75, -32, -1e15, 1e15])
    assert x is not None
    assert x.tolist() == [32.75, -32.75, -1e15 - 32.75, 1e15]


def test_tied_fills_move_in_proportion_to_what_they_offer():
    demands = {"a": fts.Constant(9, 0, 4), "one": fts.Constant(5, -2, 0), "other": fts.Constant(5, -6, 0)}
    x = moved(demands, dict.fromkeys(demands, "A"), [4, -0.99, -2.97])
    assert x == pytest.approx([4, -1, -3], rel=1e-14)


def test_a_sloped_fill_stays_beside_a_flat_one():
    demands = {"a": fts.Constant(9, 0, 4), "flat": fts.Constant(5, -5, 0), "sloped": [(-2, 6), (0, 4)]}
    x = moved(demands, dict.fromkeys(demands, "A"), [4, -2.9, -1])
    assert x == pytest.approx([4, -3, -1], rel=1e-10)


def test_a_shared_demand_keeps_its_rate():
    # The two sellers trade the same rate by a demand of width 0; what one lacks the other lacks too.
    demands = {"a": fts.Constant(9, 0, 4), "s": fts.Constant(1, -9, 0), "b": fts.Constant(9, 0, 4), "tie": [(0, 0)]}
    bases = {"a": "A", "s": "A", "b": "B", "t": "B"}
    held = {"s": {"s": 1, "tie": 1}, "t": {"tie": -1}}
    x = moved(demands, bases, [4, -3.9, 4, -3.9], held)
    assert x == pytest.approx([4, -4, 4, -4], rel=1e-14)


def test_rounding_alone_moves_nothing():
    demands = {"a": fts.Constant(9, 0, 4), "s": fts.Constant(5, -9, 0)}
    assert moved(demands, dict.fromkeys(demands, "A"), [4, -4]) is None
