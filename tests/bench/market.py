"""Random markets in the style of the flow-trading paper, as columns: what the benchmarks clear."""

from __future__ import annotations

from typing import Any

import numpy as np


def columns(products: int, portfolios: int, seed: int = 0, flat: float = 0.0) -> dict[str, Any]:
    """The columns of an auction, for ``Auction.from_columns``.

    Every product has a fundamental price. Every bidder wants one portfolio, a single product or a handful of them with
    weights of both signs, around a private price near its fundamental value, along a line from its largest purchase
    to its largest sale (or one-sided).

    Parameters
    ----------
    products, portfolios : int
    seed : int
    flat : float
        Share of bids that are flat.
    """
    rng = np.random.default_rng(seed)
    fundamental = rng.uniform(20, 80, products)
    size = np.where(rng.random(portfolios) < 0.5, 1, rng.integers(2, 6, portfolios))
    portfolio = np.repeat(np.arange(portfolios), size)
    # Distinct products of a portfolio: a random start and distinct steps around the circle.
    step = rng.integers(1, max(2, products // 6), len(portfolio))
    first = np.cumsum(size) - size
    step[first] = rng.integers(0, products, portfolios)
    walked = np.cumsum(step)
    product = (walked - np.repeat(walked[first] - step[first], size)) % products
    weight = np.round(rng.uniform(0.2, 1.0, len(product)), 3) * np.where(rng.random(len(product)) < 0.75, 1, -1)
    weight[first] = 1.0
    value = np.bincount(portfolio, weights=weight * fundamental[product], minlength=portfolios)

    price = value + rng.normal(0, 8, portfolios)
    reach, slope = rng.uniform(1, 20, portfolios), rng.uniform(2, 20, portfolios)
    slope[rng.random(portfolios) < flat] = 0.0
    side = rng.integers(-1, 2, portfolios)
    low, high = np.where(side > 0, 0.0, -reach), np.where(side < 0, 0.0, reach)
    names = np.arange(portfolios).astype(str)
    return {
        "demand_ids": np.char.add("d", names).tolist(),
        "point_offsets": np.arange(portfolios + 1) * 2,
        "point_rates": np.column_stack([low, high]).ravel(),
        "point_prices": np.column_stack([price + slope / 2, price - slope / 2]).ravel(),
        "constant": np.zeros(portfolios, dtype=bool),
        "portfolio_ids": np.char.add("b", names).tolist(),
        "weight_portfolio": np.arange(portfolios),
        "weight_demand": np.arange(portfolios),
        "weight_value": np.ones(portfolios),
        "product_ids": [f"p{k:05d}" for k in range(products)],
        "basis_portfolio": portfolio,
        "basis_product": product,
        "basis_value": weight,
    }
