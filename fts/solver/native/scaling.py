"""Units in which every price is about 1 and every quantity is money."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Floats
from fts.ports.engine import Program


@dataclass(frozen=True)
class Scales:
    """Typical sizes of a program's variables.

    Attributes
    ----------
    price : (P,) [money / quantity]
        A typical price of each product.
    rate : (I,) [quantity / money]
        Rate of each portfolio that trades one unit of money at typical prices.
    demand_price : (D,) [money / quantity]
        A typical price of each demand's quantity.
    """

    price: Floats
    rate: Floats
    demand_price: Floats


def scales_of(program: Program) -> Scales:
    """Typical prices from the curves: each product's is the geometric mean of what the portfolios holding it say."""
    B, W = program.B, program.W
    n_products, n_portfolios = B.shape
    curve_price = _curve_prices(program)
    demand_column = np.repeat(np.arange(n_portfolios), np.diff(W.indptr))
    worth = np.bincount(demand_column, weights=np.abs(W.data) * curve_price[W.indices], minlength=n_portfolios)
    count = np.diff(B.indptr)
    # A portfolio's voice is shared by its products; one without a quote has none.
    voice = np.where(worth > 0, 1.0 / np.maximum(count, 1), 0.0)
    share = np.repeat(voice, count)
    logs = np.repeat(np.log(np.where(worth > 0, worth, 1.0)), count) - np.log(np.abs(B.data))
    weight = np.bincount(B.indices, weights=share, minlength=n_products)
    total = np.bincount(B.indices, weights=share * logs, minlength=n_products)
    some = weight > 0
    log_price = np.where(some, total / np.where(some, weight, 1.0), total.sum() / weight.sum() if some.any() else 0.0)
    price = np.exp(np.clip(log_price, -300, 300))
    square = csc_array((B.data**2, B.indices, B.indptr), shape=B.shape)
    length = np.sqrt(square.T @ price**2)
    rate = 1.0 / np.where(length > 0, length, 1.0)
    demand_price = np.zeros(W.shape[0])
    np.maximum.at(demand_price, W.indices, 1.0 / (np.abs(W.data) * rate[demand_column]))
    return Scales(price, rate, np.where(demand_price > 0, demand_price, 1.0))


def scaled(program: Program, scales: Scales) -> Program:
    """The same program in the units of its scales."""
    B, W = program.B, program.W
    unit = scales.demand_price[program.segment_demand]
    return Program(
        B=_short(B.data * scales.price[B.indices] * np.repeat(scales.rate, np.diff(B.indptr)), B),
        W=_short(W.data * scales.demand_price[W.indices] * np.repeat(scales.rate, np.diff(W.indptr)), W),
        segment_demand=program.segment_demand,
        lo=program.lo * unit,
        hi=program.hi * unit,
        c=program.c / unit,
        s=program.s / unit**2,
    )


def _short(data: Floats, like: csc_array) -> csc_array:
    """The same pattern with other entries; short indices, because products with it are bound by memory."""
    return csc_array((data, like.indices.astype(np.int32), like.indptr.astype(np.int32)), shape=like.shape)


def segment_sizes(program: Program) -> Floats:
    """How much each segment may trade, (K,) [money in scaled units]; unlimited ones take the market's scale."""
    width = program.hi - program.lo
    finite = np.isfinite(width)
    if finite.all():
        return width
    # An unlimited sloped segment has a scale of its own: the rate at which its price has fallen by itself.
    sloped = ~finite & (program.s > 0)
    width = np.where(sloped, np.maximum(np.abs(program.c), 1e-3) / np.where(sloped, program.s, 1.0), width)
    finite |= sloped
    W = program.W
    n_portfolios, n_demands = W.shape[1], W.shape[0]
    limited = np.ones(n_demands, dtype=bool)
    limited[program.segment_demand[~finite]] = False
    offer = np.bincount(program.segment_demand[finite], weights=width[finite], minlength=n_demands)
    column = np.repeat(np.arange(n_portfolios), np.diff(W.indptr))
    room = np.full(n_portfolios, np.inf)
    limit = np.where(limited, offer, np.inf)
    np.minimum.at(room, column, limit[W.indices] / np.abs(W.data))
    # What the limited portfolios can trade of each product is the scale of those that are not limited.
    B = program.B
    entry = np.repeat(np.arange(n_portfolios), np.diff(B.indptr))
    known = np.isfinite(room) & (room > 0)
    if known.any():
        typical = np.zeros(B.shape[0])
        np.maximum.at(typical, B.indices, np.where(known[entry], np.abs(B.data) * np.where(known, room, 0)[entry], 0))
        typical = np.where(typical > 0, typical, np.exp(np.mean(np.log(room[known]))))
    else:
        typical = np.full(B.shape[0], max(1.0, float(width[finite].max(initial=0.0))))
    reach = np.zeros(n_portfolios)
    np.maximum.at(reach, entry, typical[B.indices])
    room = np.where(known, room, reach)
    by_demand = np.zeros(n_demands)
    np.maximum.at(by_demand, W.indices, np.abs(W.data) * room[column])
    size = np.where(finite, width, by_demand[program.segment_demand])
    return np.where(size > 0, size, 1.0)


def _curve_prices(program: Program) -> Floats:
    """A typical |price| of each curve: at the middle of its segments, by what they offer, with half of their drop."""
    n_demands = program.W.shape[0]
    lo, hi = program.lo, program.hi
    finite = np.isfinite(lo) & np.isfinite(hi)
    width = np.where(finite, np.where(finite, hi, 0) - np.where(finite, lo, 0), 0.0)
    middle = np.where(finite, (np.where(finite, hi, 0) + np.where(finite, lo, 0)) / 2, 0.0)
    typical = np.abs(program.c - program.s * middle) + program.s * width / 2
    largest = np.bincount(program.segment_demand, weights=width, minlength=n_demands)[program.segment_demand]
    share = np.where(finite, width, np.where(largest > 0, largest, 1.0))
    total = np.bincount(program.segment_demand, weights=share, minlength=n_demands)
    price = np.bincount(program.segment_demand, weights=share * typical, minlength=n_demands)
    return price / np.where(total > 0, total, 1.0)
