"""Every engine gives the native engine's answer, to 1e-9, on every golden auction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fts
from fts.solver import solve

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*/auction.json"))
ENGINES = [name for name, row in fts.engines().iterrows() if row["installed"] and name not in ("native", "mosek")]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.parent.name)
def test_an_engine_gives_the_answer_of_the_native_one(engine, file):
    auction = fts.Auction.read_json(file)
    ours, theirs = solve(auction, "native"), solve(auction, engine)
    assert ours.certificate.status == theirs.certificate.status == "exact"
    assert ours.unique == theirs.unique
    largest = np.abs(np.nan_to_num(ours.prices)).max(initial=1e-300)
    assert np.nan_to_num(theirs.prices) == pytest.approx(np.nan_to_num(ours.prices), rel=1e-9, abs=1e-9 * largest)
    traded = np.abs(ours.rates).max(initial=1e-300)
    assert theirs.rates == pytest.approx(ours.rates, rel=1e-9, abs=1e-9 * traded)
    for ours_end, theirs_end in ((ours.price_low, theirs.price_low), (ours.price_high, theirs.price_high)):
        assert np.array_equal(np.isnan(ours_end), np.isnan(theirs_end))
        known = np.isfinite(ours_end)
        assert theirs_end[known] == pytest.approx(ours_end[known], rel=1e-9, abs=1e-9 * largest)
