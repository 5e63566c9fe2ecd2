"""A canonical answer in prices instead of deviations, and without its rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fts.models.columns import Floats
from fts.ports.engine import Answer, Program
from fts.solver.canonical.canonical import Canonical
from fts.solver.canonical.ties import price_intervals, quotes
from fts.solver.deviations import MONEY_ROUNDING, Deviations
from fts.solver.native.equilibration import Scales
from fts.solver.program import has_private_demand

NOISE_SHARES = (1e-14, 0.0, 1e-12, 1e-10)
"""Shares of usual rates and prices that may be rounding of 0, the likeliest first."""
REST = 1e-12
"""All trade of a product is rounding of 0 if it is this share of what the smallest of its portfolios could trade."""
NUMBER = 1e-13
"""A price this near to a quote that determines it, in shares of the dispersion of prices, is the quote."""
FAINT = 1e-9
"""A share of the largest price of a part below which a price may be the rounding of 0."""


def without_rounding(deviations: Deviations, made: Canonical, scales: Scales, room: Floats) -> Iterator[Canonical]:
    """Compute the canonical answer in prices instead of deviations, with more or less of it taken for rounding of 0.

    Parameters
    ----------
    deviations : Deviations
    made : Canonical
    scales : Scales
    room : (I,) [quantity / time]
        How much each portfolio may trade.
    """
    for noise in NOISE_SHARES:
        yield _restored(deviations, made, scales, room, noise)


def _restored(deviations: Deviations, made: Canonical, scales: Scales, room: Floats, noise: float) -> Canonical:
    """Compute the canonical answer in prices instead of deviations; rates and prices that are only rounding are 0.

    `noise` is a share of rooms, and of the dispersion and the level of prices, that is rounding.
    """
    x = np.where(np.abs(made.answer.x) <= noise * room, 0.0, made.answer.x)
    answer = replace(made.answer, x=without_resting(deviations.program, x, room) if noise > 0 else x)
    answer = replace(answer, x=rates_at_kinks(deviations.program, answer))
    restored = deviations.restored(answer)
    quoted = _quotes(deviations.program, answer, scales, deviations.rounding)
    numbers = _quotes(deviations.source, answer, scales, deviations.rounding)
    prices = restored.prices
    level = np.abs(deviations.prices) + np.abs(answer.prices)
    rounding = np.maximum(NUMBER * scales.price, MONEY_ROUNDING * level)
    for quote, number in zip(quoted, numbers, strict=True):
        near = np.isfinite(quote)
        near[near] = np.abs(answer.prices[near] - quote[near]) <= rounding[near]
        prices = np.where(near, number, prices)
    prices = zero_noise(prices, noise * (scales.price + np.abs(deviations.prices)))
    prices = zero_noise(prices, _price_rounding(deviations.source, prices, level))
    own = zero_noise(restored.demand_prices, noise * (scales.demand_price + np.abs(deviations.demand_prices)))
    determined = made.price_low == made.price_high
    low, high = (
        np.where(determined, prices, np.where(np.isnan(end), np.nan, number))
        for end, number in zip((made.price_low, made.price_high), numbers, strict=True)
    )
    return replace(made, answer=replace(restored, prices=prices, demand_prices=own), price_low=low, price_high=high)


def without_resting(program: Program, x: Floats, room: Floats) -> Floats:
    """Rates without those in products of which only rounding of 0 is traded.

    What goes in a circle adds up several such roundings.

    Parameters
    ----------
    program : Program
    x, room : (I,) [quantity / time]
        Rates of portfolios, and how much each may trade.
    """
    faint = (x != 0) & (np.abs(x) <= REST * room)
    if not faint.any():
        return x
    B = program.B
    owner = np.repeat(np.arange(B.shape[1]), np.diff(B.indptr))
    traded, least = np.zeros(B.shape[0]), np.full(B.shape[0], np.inf)
    np.add.at(traded, B.indices, np.abs(B.data * x[owner]))
    could = np.abs(B.data) * room[owner]
    np.minimum.at(least, B.indices, np.where(could > 0, could, np.inf))
    still = traded <= REST * np.where(np.isfinite(least), least, 0.0)
    resting = np.bincount(owner, weights=still[B.indices], minlength=B.shape[1]) > 0
    return np.where(resting & faint, 0.0, x)


def _price_rounding(program: Program, prices: Floats, level: Floats) -> Floats:
    """Compute the rounding of prices that are next to nothing beside others, (P,); 0 for all other prices.

    A price is not known better than the money in any portfolio that holds the product, at the levels (P,) of the prices
    that were computed with.
    """
    rounding = np.zeros(len(prices))
    faint = np.abs(prices) <= FAINT * level.max(initial=0.0)
    if not (faint & (prices != 0)).any():
        return rounding
    B = program.B
    at = np.flatnonzero(faint[B.indices])
    owner = np.repeat(np.arange(B.shape[1]), np.diff(B.indptr))[at]
    money = abs(B).T @ level
    least = np.full(len(prices), np.inf)
    np.minimum.at(least, B.indices[at], money[owner] / np.abs(B.data[at]))
    return np.where(faint & np.isfinite(least), MONEY_ROUNDING * least, 0.0)


def zero_noise(values: Floats, noise: Floats) -> Floats:
    """Values with 0 where they are at most the noise."""
    return np.where(np.abs(values) <= noise, 0.0, values)


def _quotes(program: Program, answer: Answer, scales: Scales, rounding: Floats) -> tuple[Floats, Floats]:
    """Compute the interval that each product's own bids leave it at the fills of an answer, (P,) each."""
    low, high = price_intervals(program, answer, scales.demand_price, rounding)
    least, most, _ = quotes(program, low, high)
    return least, most


def rates_at_kinks(program: Program, answer: Answer) -> Floats:
    """Rates; those of portfolios whose own demand stands at a bound or a kink are exactly what its fills add up to."""
    single = np.flatnonzero(has_private_demand(program.W))
    n_demands = program.W.shape[0]
    inside = (answer.y > program.lo) & (answer.y < program.hi)
    at_kink = np.bincount(program.segment_demand, weights=inside, minlength=n_demands) == 0
    rates = np.bincount(program.segment_demand, weights=answer.y, minlength=n_demands)
    entry = program.W.indptr[:-1][single]
    demand = program.W.indices[entry]
    x = answer.x.copy()
    x[single] = np.where(at_kink[demand], rates[demand] / program.W.data[entry], x[single])
    return x
