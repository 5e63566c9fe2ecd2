"""Unknowns that equations settle and groups of those that stay, against plain rounds and a graph's components."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array, vstack
from scipy.sparse.csgraph import connected_components

from fts.solver.canonical.rank import open_groups, undetermined


def rows(rng: np.random.Generator, n: int) -> csr_array:
    """Up to thirty sparse rows over n unknowns, with entries of very different sizes."""
    made = csr_array(random_array((int(rng.integers(0, 30)), n), density=rng.choice([0.02, 0.05, 0.2]), rng=rng))
    made.data *= 10.0 ** rng.integers(-9, 2, len(made.data))
    return made


@pytest.mark.parametrize("seed", range(40))
def test_equations_with_one_unknown_left_settle_it_round_after_round(seed: int) -> None:
    rng = np.random.default_rng(seed)
    equations = rows(rng, 20)
    settled = rng.random(20) < 0.2
    left = set(np.flatnonzero(~settled).tolist())
    while True:
        found = set()
        for row in equations.toarray():
            unknown = [u for u in np.flatnonzero(row) if u in left]
            if len(unknown) == 1 and abs(row[unknown[0]]) > 1e-8 * np.abs(row).max():
                found.add(int(unknown[0]))
        if not found:
            break
        left -= found
    assert set(np.flatnonzero(undetermined(equations, settled)).tolist()) == left


@pytest.mark.parametrize("seed", range(40))
def test_groups_are_the_components_of_the_open_unknowns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    equations, limits, is_open = rows(rng, 30), rows(rng, 30), rng.random(30) < 0.7
    places = np.flatnonzero(is_open)
    touch = (vstack([equations, limits, csr_array((1, 30))]).toarray() != 0)[:, places]
    count, label = connected_components(csr_array(touch.T.astype(float) @ touch), directed=False)
    found = list(open_groups(equations, limits, is_open))
    assert len(found) == (count if len(places) else 0)
    for group in found:
        own = np.isin(places, group.unknowns)
        assert own.any() and len(set(label[own].tolist())) == 1
        seen = np.flatnonzero(touch[:, own].any(axis=1))
        n = equations.shape[0]
        assert group.equations.tolist() == seen[seen < n].tolist()
        assert group.limits.tolist() == (seen[seen >= n] - n).tolist()
