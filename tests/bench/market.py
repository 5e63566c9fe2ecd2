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
    rates = np.column_stack([low, high])
    prices = np.column_stack([price + slope / 2, price - slope / 2])
    return private_demands(rates, prices, product_ids, basis)


def private_demands(
    rates: np.ndarray, prices: np.ndarray, product_ids: list[str], basis: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> Columns:
    """Columns of portfolios that have a demand of their own each.

    Parameters
    ----------
    rates : (I, n) [quantity / time]
        Of the n points of every curve.
    prices : (I, n) [money / quantity]
    product_ids : list of str
    basis : portfolio, product, weight, each (N,)
        Portfolios are numbered from 0 without a gap.
    """
    portfolios, points = rates.shape
    names = np.arange(portfolios).astype(str)
    return {
        "demand_ids": np.char.add("d", names).tolist(),
        "point_offsets": np.arange(portfolios + 1) * points,
        "point_rates": rates.ravel(),
        "point_prices": prices.ravel(),
        "constant": np.zeros(portfolios, dtype=bool),
        "portfolio_ids": np.char.add("b", names).tolist(),
        "weight_portfolio": np.arange(portfolios),
        "weight_demand": np.arange(portfolios),
        "weight_value": np.ones(portfolios),
        "product_ids": product_ids,
        "basis_portfolio": basis[0],
        "basis_product": basis[1],
        "basis_value": basis[2],
    }


def add_shared_limits(market: Columns, limits: np.ndarray, portfolio: np.ndarray, limit: np.ndarray) -> Columns:
    """The market with further demands at price 0, each of which bounds the sum of some portfolios' rates.

    Parameters
    ----------
    market : columns
    limits : (n,) [quantity / time]
        Largest purchase and largest sale of each further demand.
    portfolio, limit : (N,)
        Which portfolio is in which further demand, by position.
    """
    n, first = len(limits), len(market["demand_ids"])
    offsets = market["point_offsets"]
    return market | {
        "demand_ids": [*market["demand_ids"], *(f"d{first + k}" for k in range(n))],
        "point_offsets": np.append(offsets, offsets[-1] + 2 * np.arange(1, n + 1)),
        "point_rates": np.append(market["point_rates"], np.column_stack([-limits, limits]).ravel()),
        "point_prices": np.append(market["point_prices"], np.zeros(2 * n)),
        "constant": np.append(market["constant"], np.ones(n, dtype=bool)),
        "weight_portfolio": np.append(market["weight_portfolio"], portfolio),
        "weight_demand": np.append(market["weight_demand"], first + limit),
        "weight_value": np.append(market["weight_value"], np.ones(len(portfolio))),
    }


def add_groups(market: Columns, size: int, share: float = 0.3) -> Columns:
    """The market with a share of its portfolios in groups of so many that substitute each other.

    The rates of a group together stay within half of what its portfolios could trade each by itself. There is at least
    one group.
    """
    groups = max(1, int(share * len(market["portfolio_ids"])) // size)
    n = groups * size
    reach = np.maximum.reduceat(np.abs(market["point_rates"]), market["point_offsets"][:-1])[:n]
    return add_shared_limits(
        market, reach.reshape(groups, size).sum(axis=1) / 2, np.arange(n), np.repeat(np.arange(groups), size)
    )


def five_prices(products: int, portfolios: int) -> Columns:
    """All bids flat, at five prices in the whole market."""
    made = columns(products, portfolios, seed=3, flat=1.0)
    price = made["point_prices"][::2]
    step = np.round((price - price.mean()) / price.std()).clip(-2, 2) * price.std() + price.mean()
    made["point_prices"] = np.repeat(np.round(step), 2)
    return made


def groups_of_three(products: int, portfolios: int, share: float = 0.3) -> Columns:
    """A share of the portfolios in groups of three under a common limit; two segments per curve."""
    made = columns(products, portfolios, seed=4)
    rates, prices = made["point_rates"].reshape(-1, 2), made["point_prices"].reshape(-1, 2)
    middle = np.column_stack([rates[:, 0], rates.mean(axis=1), rates[:, 1]])
    bend = np.column_stack([prices[:, 0], prices.mean(axis=1) + 0.2 * (prices[:, 0] - prices[:, 1]), prices[:, 1]])
    made["point_rates"], made["point_prices"] = middle.ravel(), bend.ravel()
    made["point_offsets"] = np.arange(portfolios + 1) * 3
    return add_groups(made, 3, share)


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
