"""A forward market of electricity as columns: typical hours of months, the hours of one month, and wide portfolios."""

from __future__ import annotations

import numpy as np
from market import Columns, bids

DAY_TYPES = ("workday", "weekend")
HOURS = 24


def forward_market(
    months: int = 48,
    hours: int = 720,
    portfolios: int = 50_000,
    wide: float = 0.1,
    profiles: int | None = 200,
    seed: int = 5,
) -> Columns:
    """The columns of an auction of typical hours, single hours, blocks of hours and load profiles.

    Products are the 24 hours of two day types in each month, then the single hours of the month in delivery. Most bids
    are for one product or a block or spread of up to five neighbours; the wide ones are load profiles over 100 to 700
    products in a row (fewer where the market is smaller).

    Parameters
    ----------
    months, hours : int
        Months with typical hours; single hours.
    portfolios : int
    wide : float
        Share of the bids that are load profiles.
    profiles : int, optional
        How many different load profiles there are; None: each bid has its own.
    seed : int
    """
    rng = np.random.default_rng(seed)
    names, fundamental, load = _products(rng, months, hours)
    n_wide = int(wide * portfolios)
    narrow = _blocks(rng, len(names), portfolios - n_wide)
    many = n_wide if profiles is None else min(profiles, n_wide)
    shapes = [_profile(rng, load) for _ in range(many)]
    chosen = np.arange(n_wide) if profiles is None else rng.integers(0, many, n_wide)
    wide_products = [shapes[k][0] for k in chosen]
    owner = np.repeat(np.arange(portfolios - n_wide, portfolios), [len(one) for one in wide_products])
    basis = (
        np.concatenate([narrow[0], owner]),
        np.concatenate([narrow[1], *wide_products]),
        np.concatenate([narrow[2], *(shapes[k][1] for k in chosen)]),
    )
    return bids(rng, names, fundamental, basis, per_norm=True)


def _products(rng: np.random.Generator, months: int, hours: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Name, fundamental price and typical load of every product."""
    months_of = np.repeat(np.arange(months), len(DAY_TYPES) * HOURS)
    type_of = np.tile(np.repeat(np.arange(len(DAY_TYPES)), HOURS), months)
    hour_of = np.tile(np.arange(HOURS), months * len(DAY_TYPES))
    names = [
        f"{month:02d} {DAY_TYPES[kind]} {hour:02d}"
        for month, kind, hour in zip(months_of, type_of, hour_of, strict=True)
    ] + [f"hour {k:04d}" for k in range(hours)]
    month = np.append(months_of, np.zeros(hours))
    kind = np.append(type_of, np.arange(hours) // HOURS % 7 >= 5).astype(float)
    hour = np.append(hour_of, np.arange(hours) % HOURS)
    # Dear in winter, in the morning and in the evening, cheaper at weekends.
    day = np.exp(-((hour - 8) ** 2) / 8) + 1.4 * np.exp(-((hour - 19) ** 2) / 10)
    load = 0.45 + 0.3 * day + 0.1 * np.cos(2 * np.pi * month / 12) - 0.1 * kind
    return names, 20 + 70 * load + rng.normal(0, 2, len(names)), load


def _blocks(rng: np.random.Generator, products: int, portfolios: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Single products, and blocks or spreads of up to five neighbours."""
    size = np.where(rng.random(portfolios) < 0.5, 1, rng.integers(2, 6, portfolios))
    portfolio = np.repeat(np.arange(portfolios), size)
    within = np.arange(len(portfolio)) - np.repeat(np.cumsum(size) - size, size)
    product = (np.repeat(rng.integers(0, products, portfolios), size) + within) % products
    spread = np.repeat(rng.random(portfolios) < 0.25, size) & (within % 2 == 1)
    return portfolio, product, np.where(spread, -1.0, 1.0)


def _profile(rng: np.random.Generator, load: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Products of one load profile, and the load in each."""
    count = min(int(rng.integers(100, 701)), len(load))
    product = (rng.integers(len(load)) + np.arange(count)) % len(load)
    return product, np.round(load[product] * rng.uniform(0.6, 1.4, count), 3)
