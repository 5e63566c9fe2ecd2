"""Answers of connected parts that were cleared together."""

from __future__ import annotations

from dataclasses import dataclass

from fts.models.columns import Flags, Floats, Ints


@dataclass(frozen=True)
class ClearedParts:
    """The canonical answers of some connected parts, in the order of their numbers; every bid has a demand of its own.

    Attributes
    ----------
    numbers : (n,)
        Of the parts.
    products, portfolios, demands : (P',), (I',), (I',)
        Positions in the whole program, part by part; portfolio ``i`` has the demand ``i`` for itself.
    label : (P',)
        Which of the parts each product belongs to: 0 to n - 1.
    portfolio_label : (I',)
    rates : (I',) [quantity / time]
    prices, price_low, price_high : (P',) [money / quantity]
        NaN where an end of the interval was not computed.
    demand_prices : (I',) [money / quantity]
    unique_price, unique_rate : (n,)
        Whether it is proved that there was no choice.
    found : (n,)
        Whether a canonical answer was found; otherwise the numbers of the part mean nothing.
    """

    numbers: Ints
    products: Ints
    portfolios: Ints
    demands: Ints
    label: Ints
    portfolio_label: Ints
    rates: Floats
    prices: Floats
    price_low: Floats
    price_high: Floats
    demand_prices: Floats
    unique_price: Flags
    unique_rate: Flags
    found: Flags
