"""Random markets of the whole language: shared demands, flat and stepped curves, any sign, other units."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import fts

# The families, their judge and hunt.py are scripts: they find each other in their own folder.
sys.path.insert(0, str(Path(__file__).parent))


def market(seed: int, units: bool = True) -> fts.Auction:
    """A market with small integers (exact ties) or real numbers; demands and products may be in odd units."""
    rng = np.random.default_rng(seed)
    n_products, n_demands, n_portfolios = rng.integers(1, 8), rng.integers(1, 25), rng.integers(1, 40)
    ties = bool(rng.random() < 0.5)
    odd = units and rng.random() < 0.3
    unit = 10.0 ** rng.uniform(-9, 9, n_demands) if odd else np.ones(n_demands)
    product_unit = float(10.0 ** rng.uniform(-9, 9)) if odd else 1.0

    def price(d: int) -> float:
        return (float(rng.integers(-3, 6)) if ties else float(20 + 10 * rng.normal())) / unit[d]

    demands: dict[str, Any] = {}
    for d in range(n_demands):
        kind = rng.random()
        if kind < 0.35:
            n = int(rng.integers(1, 5))
            q = np.sort(rng.integers(-4, 5, n).astype(float) if ties else 3 * rng.normal(size=n))
            q -= q[rng.integers(n)]
            p = np.sort([price(d) for _ in range(n)])[::-1]
            demands[f"d{d}"] = fts.Curve([(float(a) * unit[d], float(b)) for a, b in zip(q, p, strict=True)])
        elif kind < 0.7:
            size, at = float(rng.integers(1, 5)) * unit[d], price(d)
            drop = (float(rng.integers(0, 4)) if ties else abs(4 * rng.normal())) / unit[d]
            buys = rng.random() < 0.5
            demands[f"d{d}"] = [(0.0, at), (size, at - drop)] if buys else [(-size, at + drop), (0.0, at)]
        else:
            low = None if rng.random() < 0.1 else -float(rng.integers(0, 4)) * unit[d]
            high = None if rng.random() < 0.1 else float(rng.integers(0, 4)) * unit[d]
            demands[f"d{d}"] = fts.Constant(price(d), low, high)
    portfolios = {}
    for i in range(n_portfolios):
        many = 1 if rng.random() < 0.6 else int(rng.integers(1, 4))
        chosen = rng.integers(0, n_demands, many)
        weights = {f"d{k}": float(rng.choice([1, 1, 2, -1, 0.5])) * float(unit[k]) for k in chosen}
        basis = {
            f"p{k}": (float(rng.choice([1, 1, -1, 2])) if ties else float(rng.normal())) * product_unit
            for k in rng.integers(0, n_products, rng.integers(1, 4))
        }
        portfolios[f"x{i}"] = fts.Portfolio(weights, basis)
    return fts.Auction(demands, portfolios)
