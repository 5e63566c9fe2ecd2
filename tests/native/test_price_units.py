"""Lower medians of what products are worth, against sorted values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array, random_array

from fts.solver.compiled import unsigned_entries
from fts.solver.medians import medians


@pytest.mark.parametrize("decimals", [0, 1, 15])
@pytest.mark.parametrize("seed", range(10))
def test_medians_are_the_lower_ones_of_positive_values(seed: int, decimals: int) -> None:
    rng = np.random.default_rng(seed)
    B = csc_array(random_array((20, 60), density=rng.uniform(0.05, 1), rng=rng))
    B.data = np.round(B.data - 0.5, decimals) + (0.25 if decimals < 15 else 0.0)
    worth = np.where(rng.random(60) < 0.2, 0.0, np.round(rng.uniform(0, 9, 60), decimals))
    found = medians(*unsigned_entries(B), worth, 20)
    for p, row in enumerate(B.toarray()):
        said = np.sort(worth[(row != 0) & (worth > 0)] / np.abs(row[(row != 0) & (worth > 0)]))
        assert found[p] == (said[(len(said) - 1) // 2] if len(said) else 0.0)
