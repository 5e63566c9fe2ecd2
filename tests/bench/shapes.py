"""Markets of one extreme kind each, as columns: tiny ones, separate books, ties, open prices, shared demands."""

from __future__ import annotations

import numpy as np
from market import Columns, add_groups, add_shared_limits, bids, columns, private_demands


def one_product(n_bids: int, seed: int = 0) -> Columns:
    """Sloped bids of buyers and sellers in turn on one product: the smallest auctions, where a fixed cost shows."""
    rng = np.random.default_rng(seed)
    side = np.where(np.arange(n_bids) % 2, 1.0, -1.0)
    reach, slope = rng.uniform(1, 20, n_bids), rng.uniform(2, 20, n_bids)
    price = 50 + 5 * side + rng.normal(0, 2, n_bids)
    rates = np.column_stack([np.minimum(side * reach, 0), np.maximum(side * reach, 0)])
    prices = np.column_stack([price + slope / 2, price - slope / 2])
    return private_demands(rates, prices, ["p0"], (np.arange(n_bids), np.zeros(n_bids, dtype=int), np.ones(n_bids)))


def order_books(books: int, n_bids: int = 20, seed: int = 0) -> Columns:
    """Separate books of limit orders at whole ticks: an exchange where no bid spans two products."""
    rng = np.random.default_rng(seed)
    n = books * n_bids
    quantity, price = rng.integers(1, 10, n).astype(float), rng.integers(45, 56, n).astype(float)
    return _limit_orders(np.where(np.arange(n) % 2, quantity, -quantity), price, n_bids)


def tied_books(books: int) -> Columns:
    """Separate books of two buyers and two sellers at one price: any trade clears, and the answer is the least."""
    return _limit_orders(np.tile([3.0, 4.0, -5.0, -6.0], books), np.full(4 * books, 10.0), 4)


def open_prices(pairs: int) -> Columns:
    """Pairs of products held only together, by a seller and a buyer that cannot meet: no trade, and no single price.

    The seller's portfolio is one of each product, the buyer's has half as much again of the second.
    """
    n = 2 * pairs
    quantity, price = np.tile([-2.0, 2.0], pairs), np.tile([10.0, 15.0], pairs)
    weight = np.tile([1.0, 1.0, 1.0, 1.5], pairs)
    product = 2 * np.repeat(np.arange(pairs), 4) + np.tile([0, 1], n)
    return private_demands(
        np.column_stack([np.minimum(quantity, 0), np.maximum(quantity, 0)]),
        np.column_stack([price, price]),
        _product_ids(n),
        (np.repeat(np.arange(n), 2), product, weight),
    )


def substitution_groups(products: int, portfolios: int, size: int) -> Columns:
    """A random market, 30 % of its bids in groups of a size: bidders with many alternatives and one need."""
    return add_groups(columns(products, portfolios, seed=4), size)


def paired_groups(products: int, portfolios: int) -> Columns:
    """Groups of three, and a second limit over each two of them: bids in two shared demands each."""
    made = substitution_groups(products, portfolios, 3)
    pairs = max(1, int(0.3 * portfolios) // 6)
    return add_shared_limits(made, np.full(pairs, 15.0), np.arange(6 * pairs), np.repeat(np.arange(pairs), 6))


def different_profiles(products: int, portfolios: int, seed: int = 0) -> Columns:
    """Bids for all products at once, each with weights of its own: load profiles over a year of hours.

    With fewer bids than products no two profiles meet: nothing can trade, and many prices clear the market.
    """
    rng = np.random.default_rng(seed)
    basis = (
        np.repeat(np.arange(portfolios), products),
        np.tile(np.arange(products), portfolios),
        np.round(rng.uniform(0.5, 1.5, portfolios * products), 3),
    )
    return bids(rng, _product_ids(products), np.full(products, 30.0), basis)


def long_curves(points: int, seed: int = 0) -> Columns:
    """A buyer and a seller of one product, each with a curve of so many points: a whole market's bids in one curve."""
    rng = np.random.default_rng(seed)
    rates = np.cumsum(rng.uniform(0, 1, (2, points)), axis=1)
    rates = np.stack([rates[0] - rates[0, 0], rates[1] - rates[1, -1]])
    prices = np.sort(rng.uniform(0, 100, (2, points)))[:, ::-1]
    return private_demands(rates, prices, ["p0"], (np.arange(2), np.zeros(2, dtype=int), np.ones(2)))


def shared_demand(products: int, seed: int = 0) -> Columns:
    """A battery over so many hours: three bids in each hour, and a fourth within the battery's power and its energy.

    The fourth bids of all hours share one demand, which bounds the sum of their rates.
    """
    rng = np.random.default_rng(seed)
    n = 4 * products
    basis = (np.arange(n), np.repeat(np.arange(products), 4), np.ones(n))
    made = bids(rng, _product_ids(products), np.full(products, 50.0), basis)
    made["point_rates"].reshape(-1, 2)[3::4] = (-5, 5)
    made["point_prices"].reshape(-1, 2)[3::4] = 0
    return add_shared_limits(made, np.array([products / 2]), np.arange(3, n, 4), np.zeros(products, dtype=int))


def _limit_orders(quantity: np.ndarray, price: np.ndarray, per_product: int) -> Columns:
    """Flat bids on single products, so many in a row on each; sales have negative quantities."""
    n = len(quantity)
    return private_demands(
        np.column_stack([np.minimum(quantity, 0), np.maximum(quantity, 0)]),
        np.column_stack([price, price]),
        _product_ids(n // per_product),
        (np.arange(n), np.repeat(np.arange(n // per_product), per_product), np.ones(n)),
    )


def _product_ids(products: int) -> list[str]:
    return [f"p{k:06d}" for k in range(products)]
