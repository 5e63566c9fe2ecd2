"""Compiled loops of the canonical step, against dense matrices and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import market

from fts.ports.engine import Answer
from fts.solver.canonical.min_norm_rates import _equations
from fts.solver.canonical.ties import largest_lengths, lengths, quotes, tied_segments
from fts.solver.program import has_private_demand, program_of

SEEDS = pytest.mark.parametrize("seed", range(30))


@SEEDS
def test_quotes_are_the_ends_of_bids_for_one_product(seed: int) -> None:
    program, rng = program_of(market(seed)), np.random.default_rng(seed)
    B, W = program.B.toarray(), program.W.toarray()
    low = np.where(rng.random(len(W)) < 0.2, -np.inf, rng.normal(size=len(W)))
    high = np.where(rng.random(len(W)) < 0.2, np.inf, np.maximum(low, -9.0) + rng.random(len(W)))
    least, most, only = quotes(program, low, high)
    is_single = has_private_demand(program.W) & (np.count_nonzero(B, axis=0) == 1)
    for p, row in enumerate(B):
        ends = []
        for i in np.flatnonzero((row != 0) & is_single):
            (d,) = np.flatnonzero(W[:, i])
            ends.append(sorted([low[d] * W[d, i] / row[i], high[d] * W[d, i] / row[i]]))
        assert least[p] == pytest.approx(max([a for a, _ in ends], default=-np.inf), rel=1e-15)
        assert most[p] == pytest.approx(min([b for _, b in ends], default=np.inf), rel=1e-15)
        assert only[p] == is_single[row != 0].all()


@SEEDS
def test_flat_segments_at_the_price_of_their_demand_are_tied(seed: int) -> None:
    program, rng = program_of(market(seed)), np.random.default_rng(seed)
    D = program.W.shape[0]
    unit = 10.0 ** rng.uniform(-3, 3, D)
    lam = np.zeros(D)
    # About half of the demands have the price of one of their segments, off by up to a tie.
    for k in rng.permutation(len(program.c))[: len(program.c) // 2]:
        d = program.segment_demand[k]
        lam[d] = program.c[k] + rng.choice([0.0, 0.9e-11, 1.1e-11]) * unit[d]
    answer = Answer(np.zeros(program.B.shape[1]), np.zeros(len(program.c)), np.zeros(program.B.shape[0]), lam, "", 0)
    tied = tied_segments(program, answer, unit, np.full(D, 1e-300))
    for k, d in enumerate(program.segment_demand):
        width = program.hi[k] - program.lo[k]
        is_flat = program.s[k] == 0 or not np.isfinite(width) or program.s[k] * width <= 1e-12 * unit[d]
        assert tied[k] == (is_flat and abs(program.c[k] - lam[d]) <= 1e-11 * unit[d])


@SEEDS
def test_lengths_are_those_of_dense_columns(seed: int) -> None:
    program = program_of(market(seed))
    B, W = program.B.toarray(), program.W.toarray()
    assert lengths(program.B) == pytest.approx(np.linalg.norm(B, axis=0), rel=1e-15)
    ratio = np.divide(np.linalg.norm(B, axis=0), np.abs(W), out=np.zeros_like(W), where=W != 0)
    assert largest_lengths(program.B, program.W) == pytest.approx(ratio.max(axis=1, initial=0), rel=1e-14)


@SEEDS
def test_equations_of_rates_and_pieces_are_the_dense_blocks(seed: int) -> None:
    program, rng = program_of(market(seed)), np.random.default_rng(seed)
    (P, n), D = program.B.shape, program.W.shape[0]
    demand = rng.integers(0, max(D, 1), 7 if D else 0)
    made = _equations(program.B, program.W, demand)
    pieces = np.zeros((D, len(demand)))
    pieces[demand, np.arange(len(demand))] = -1
    expected = np.block([[program.B.toarray(), np.zeros((P, len(demand)))], [program.W.toarray(), pieces]])
    assert made.shape == (P + D, n + len(demand)) and (made.toarray() == expected).all()
    made.check_format(full_check=True)
