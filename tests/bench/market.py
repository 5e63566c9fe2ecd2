"""Random markets in the style of the flow-trading paper, as columns: what the benchmarks clear."""

from __future__ import annotations

from typing import Any

import numpy as np

Columns = dict[str, Any]


def columns(products: int, portfolios: int, seed: int = 0, flat: float = 0.0) -> Columns:
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
    return bids(rng, [f"p{k:05d}" for k in range(products)], fundamental, (portfolio, product, weight), flat)


def bids(
    rng: np.random.Generator,
    product_ids: list[str],
    fundamental: np.ndarray,
    basis: tuple[np.ndarray, np.ndarray, np.ndarray],
    flat: float = 0.0,
    per_norm: bool = False,
) -> Columns:
    """One private demand for each portfolio, around its fundamental value.

    Parameters
    ----------
    rng : Generator
    product_ids : list of str
    fundamental : (P,) [money / quantity]
    basis : portfolio, product, weight, each (N,)
        Portfolios are numbered from 0 without a gap.
    flat : float
        Share of bids that are flat.
    per_norm : bool
        Prices vary with the norm of a portfolio's basis and rates with its inverse, so that a bid for hundreds of
        products is about as large, in money, as one for a single product.
    """
    portfolio, product, weight = basis
    portfolios = int(portfolio[-1]) + 1
    value = np.bincount(portfolio, weights=weight * fundamental[product], minlength=portfolios)
    norm = np.sqrt(np.bincount(portfolio, weights=weight**2)) if per_norm else 1.0
    price = value + norm * rng.normal(0, 8, portfolios)
    reach, slope = rng.uniform(1, 20, portfolios) / norm, rng.uniform(2, 20, portfolios) * norm
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
        "product_ids": product_ids,
        "basis_portfolio": portfolio,
        "basis_product": product,
        "basis_value": weight,
    }


def five_prices(products: int, portfolios: int) -> Columns:
    """All bids flat, at five prices in the whole market."""
    made = columns(products, portfolios, seed=3, flat=1.0)
    price = made["point_prices"][::2]
    step = np.round((price - price.mean()) / price.std()).clip(-2, 2) * price.std() + price.mean()
    made["point_prices"] = np.repeat(np.round(step), 2)
    return made


def groups_of_three(products: int, portfolios: int, share: float = 0.3) -> Columns:
    """A share of the portfolios in groups that substitute each other under a common limit; two segments per curve."""
    made = columns(products, portfolios, seed=4)
    n = int(share * portfolios) // 3 * 3
    groups = n // 3
    rates, prices = made["point_rates"].reshape(-1, 2), made["point_prices"].reshape(-1, 2)
    middle = np.column_stack([rates[:, 0], rates.mean(axis=1), rates[:, 1]])
    bend = np.column_stack([prices[:, 0], prices.mean(axis=1) + 0.2 * (prices[:, 0] - prices[:, 1]), prices[:, 1]])
    made["point_rates"], made["point_prices"] = middle.ravel(), bend.ravel()
    made["point_offsets"] = np.arange(portfolios + 1) * 3
    # The common limit of a group: its rates together, at no price, within a half of what the three could trade.
    reach = np.abs(rates[:n]).max(axis=1).reshape(groups, 3).sum(axis=1) / 2
    made["demand_ids"] = [*made["demand_ids"], *(f"g{k}" for k in range(groups))]
    made["point_offsets"] = np.append(made["point_offsets"], made["point_offsets"][-1] + 2 * np.arange(1, groups + 1))
    made["point_rates"] = np.append(made["point_rates"], np.column_stack([-reach, reach]).ravel())
    made["point_prices"] = np.append(made["point_prices"], np.zeros(2 * groups))
    made["constant"] = np.append(made["constant"], np.ones(groups, dtype=bool))
    made["weight_portfolio"] = np.append(made["weight_portfolio"], np.arange(n))
    made["weight_demand"] = np.append(made["weight_demand"], portfolios + np.repeat(np.arange(groups), 3))
    made["weight_value"] = np.ones(portfolios + n)
    return made


def before_change(market: Columns, share: float = 0.01, seed: int = 7) -> Columns:
    """The same market before a share of its bids got their present prices and rates.

    Parameters
    ----------
    market : columns
    share : float
        Of the portfolios; their own demands had a price up to a tenth higher or lower and half to twice the rates.
    seed : int
    """
    rng = np.random.default_rng(seed)
    n = len(market["portfolio_ids"])  # the first demands are the portfolios' own
    chosen = rng.choice(n, max(1, int(share * n)), replace=False)
    shift, stretch = np.zeros(len(market["demand_ids"])), np.ones(len(market["demand_ids"]))
    shift[chosen], stretch[chosen] = rng.uniform(-0.1, 0.1, len(chosen)), rng.uniform(0.5, 2.0, len(chosen))
    points = np.diff(market["point_offsets"])
    first = market["point_prices"][market["point_offsets"][:-1]]
    return market | {
        "point_prices": market["point_prices"] + np.repeat(shift * np.abs(first), points),
        "point_rates": market["point_rates"] * np.repeat(stretch, points),
    }
