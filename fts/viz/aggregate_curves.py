"""Aggregate supply and demand of one product, from bids for portfolios of products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.errors import UnknownReference
from fts.models.auction import Auction
from fts.models.columns import Floats, Ints
from fts.models.outcome import Outcome

_FLAT_TOLERANCE = 1e-9  # relative: a segment whose price changes by less is drawn flat
_NOISE_TOLERANCE = 1e-7  # relative to the curve: a smaller rate counts as 0


@dataclass(frozen=True)
class MarketCurves:
    """Rates of one product that would be bought and sold at each of its prices.

    Attributes
    ----------
    demand_rates, demand_prices : (n,) [quantity / time], [money / quantity]
        Corners of the demand curve: rates rise, prices fall. An unlimited end has an infinite rate.
    supply_rates, supply_prices : (m,) [quantity / time], [money / quantity]
        Corners of the supply curve: rates and prices rise.
    price : float
        Clearing price [money / quantity]; NaN if only idle portfolios hold the product.
    volume : float
        Traded volume [quantity / time].
    """

    demand_rates: Floats
    demand_prices: Floats
    supply_rates: Floats
    supply_prices: Floats
    price: float
    volume: float


def market_curves(auction: Auction, outcome: Outcome, product: str) -> MarketCurves:
    """Compute aggregate demand and supply of a product as functions of its price, all else at the clearing.

    Each portfolio that holds the product responds by itself. The prices of its other products, and the rates of other
    portfolios that share its demand, stay at the clearing. With basis weight ``b`` of the product, demand weights
    ``w``, and the cost ``c = Σ b' · price'`` of the rest of its basis, a rate ``x`` trades ``b·x`` of the product. The
    product price of this rate is ``(Σ w · curve(w·x + others) − c) / b``. Demand is the sum of what portfolios buy,
    supply the sum of what they sell. The two cross at the clearing price and the traded volume.

    Parameters
    ----------
    auction : Auction
    outcome : Outcome
        Outcome of the auction.
    product : str
        Id of the product.

    Raises
    ------
    UnknownReference
        The auction has no such product.
    """
    names = auction.product_ids.to_pylist()
    if product not in names:
        raise UnknownReference(f"the auction has no product {product!r}; it has {', '.join(names[:10])}")
    p = names.index(product)
    low_rates, high_rates, low_prices, high_prices = _segments(auction, outcome, p)
    # A segment runs from (low_rate, high_price) to (high_rate, low_price).
    zero = _price_at_zero(low_rates, high_rates, low_prices, high_prices)
    bought, sold = high_rates > 0, low_rates < 0
    demand = _aggregate(
        top=np.where(low_rates < 0, zero, high_prices)[bought],
        bottom=low_prices[bought],
        width=(high_rates - np.maximum(low_rates, 0))[bought],
    )
    supply = _aggregate(
        top=-np.where(high_rates > 0, zero, low_prices)[sold],
        bottom=-high_prices[sold],
        width=(np.minimum(high_rates, 0) - low_rates)[sold],
    )
    return MarketCurves(
        demand_rates=demand[0],
        demand_prices=demand[1],
        supply_rates=supply[0],
        supply_prices=-supply[1],
        price=float(outcome.prices[p]),
        volume=float(outcome.volumes[p]),
    )


def _segments(auction: Auction, outcome: Outcome, p: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Compute the linear segments of all portfolios' curves of product p: rates and prices at both ends."""
    basis = auction.basis.tocsr()
    holders = basis.indices[basis.indptr[p] : basis.indptr[p + 1]]
    amounts = basis.data[basis.indptr[p] : basis.indptr[p + 1]]
    ends: list[tuple[Floats, Floats]] = [(np.empty((0, 2)), np.empty((0, 2)))]
    for i, amount in zip(holders.tolist(), amounts.tolist(), strict=True):
        if auction.idle[i]:
            continue
        rates, prices = _portfolio_curve(auction, outcome, i)
        rest = outcome.portfolio_prices[i] - amount * outcome.prices[p]
        traded, values = amount * rates, (prices - rest) / amount
        ends.append((traded, values) if amount > 0 else (traded[:, ::-1], values[:, ::-1]))
        first, last = float(ends[-1][0].min()), float(ends[-1][0].max())
        # If other portfolios of its demand leave it no rate 0, its smallest rate is traded at any price.
        if first > 0:
            ends.append((np.array([[0.0, first]]), np.array([[np.inf, np.inf]])))
        if last < 0:
            ends.append((np.array([[last, 0.0]]), np.array([[-np.inf, -np.inf]])))
    rates = np.concatenate([rate for rate, _ in ends])
    prices = np.concatenate([price for _, price in ends])
    wide = rates[:, 1] > rates[:, 0]
    return rates[wide, 0], rates[wide, 1], prices[wide, 1], prices[wide, 0]


def _portfolio_curve(auction: Auction, outcome: Outcome, i: int) -> tuple[Floats, Floats]:
    """Compute the marginal value of a portfolio over its rates, as segments: (n, 2) rates and (n, 2) prices."""
    span = slice(auction.weights.indptr[i], auction.weights.indptr[i + 1])
    own: list[tuple[float, Floats, Floats]] = []
    for d, weight in zip(auction.weights.indices[span].tolist(), auction.weights.data[span].tolist(), strict=True):
        points = slice(auction.point_offsets[d], auction.point_offsets[d + 1])
        rate_of_others = outcome.demand_rates[d] - weight * outcome.rates[i]
        bounds = auction.point_rates[points]
        size = np.abs(bounds[np.isfinite(bounds)]).max(initial=abs(weight * outcome.rates[i]))
        # Rounding errors of the solver count as 0.
        others = rate_of_others if abs(rate_of_others) > _NOISE_TOLERANCE * size else 0.0
        rates = (bounds - others) / weight
        values = weight * auction.point_prices[points]
        own.append((weight, rates, values) if weight > 0 else (weight, rates[::-1], values[::-1]))
    first = max(rates[0] for _, rates, _ in own)
    last = min(rates[-1] for _, rates, _ in own)
    corners = np.unique(np.concatenate([rates for _, rates, _ in own]))
    # Rounding errors of the solver can make a domain of one point empty.
    corners = corners[(corners >= first) & (corners <= last)] if first < last else np.array([(first + last) / 2])
    if len(corners) == 1:
        # The rates of others leave it one rate only, at every price.
        return np.full((1, 2), corners[0]), np.zeros((1, 2))
    ends = np.column_stack([corners[:-1], corners[1:]])
    value = np.zeros_like(ends)
    for _, rates, values in own:
        value += _values(rates, values, ends)
    return ends, value


def _values(rates: Floats, values: Floats, ends: Floats) -> Floats:
    """Evaluate a curve at both ends of segments that each lie within one of its pieces."""
    if np.isinf(rates).any():  # a constant
        return np.full_like(ends, values[0])
    piece: Ints = np.clip(np.searchsorted(rates, ends[:, 1], side="left") - 1, 0, len(rates) - 2)
    left, width = rates[piece], rates[piece + 1] - rates[piece]
    slope = np.divide(values[piece + 1] - values[piece], width, out=np.zeros(len(piece)), where=width > 0)
    value: Floats = slope[:, None] * (ends - left[:, None])
    return value + values[piece][:, None]


def _price_at_zero(low: Floats, high: Floats, bottom: Floats, top: Floats) -> Floats:
    """Compute the price at rate 0 of segments that cross it; for other segments, their upper price."""
    crosses = (low < 0) & (high > 0) & np.isfinite(low) & np.isfinite(high)
    drop = np.subtract(bottom, top, out=np.zeros(len(low)), where=crosses)
    share = np.divide(-low, high - low, out=np.zeros(len(low)), where=crosses)
    zero: Floats = top + share * drop
    return zero


def _aggregate(top: Floats, bottom: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Add up segments whose rate grows by `width` while the price falls from `top` to `bottom`.

    Returns the corners of the sum: rates from 0 upwards, prices downwards.
    """
    at_any_price = np.isposinf(top)
    start = float(width[at_any_price].sum())
    top, bottom, width = top[~at_any_price], bottom[~at_any_price], width[~at_any_price]
    if not len(top):
        return np.array([start][: int(start > 0)]), np.array([np.inf][: int(start > 0)])
    scale = np.maximum(np.abs(top), np.abs(bottom))
    flat = (top - bottom <= _FLAT_TOLERANCE * scale) | np.isinf(width)
    prices = np.unique(np.concatenate([top, bottom[~flat]]))[::-1]
    jump, density = np.zeros(len(prices)), np.zeros(len(prices))
    np.add.at(jump, _index_of(prices, top[flat]), width[flat])
    speed = width[~flat] / (top[~flat] - bottom[~flat])
    np.add.at(density, _index_of(prices, top[~flat]), speed)
    np.add.at(density, _index_of(prices, bottom[~flat]), -speed)
    # The sum never falls; rounding errors below 0 are cut off.
    increase = np.maximum(np.append(0.0, np.cumsum(density)[:-1] * -np.diff(prices)), 0.0)
    # Two corners at each price: before and after its flat segments.
    rates = start + np.cumsum(np.column_stack([increase, jump]).ravel())
    corners = np.repeat(prices, 2)
    changed = np.append(True, (np.diff(rates) != 0) | (np.diff(corners) != 0))
    # Corners after an unlimited bid are left out.
    finite = np.append(True, np.isfinite(rates[:-1]))
    return rates[changed & finite], corners[changed & finite]


def _index_of(prices: Floats, targets: Floats) -> Ints:
    index: Ints = len(prices) - 1 - np.searchsorted(prices[::-1], targets)
    return index
