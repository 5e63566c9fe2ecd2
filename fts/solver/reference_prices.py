"""Prices to stay near to, as people give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fts.errors import ConfigurationError
from fts.models.auction import Auction
from fts.models.columns import Floats
from fts.models.parse_number import parse_number, parse_numbers


def reference_prices(auction: Auction, given: Any) -> Floats:
    """Compute the reference price of every product, (n_products,) [money / quantity]; NaN where none is given.

    Parameters
    ----------
    auction : Auction
    given : mapping or Series of product to price, or (n_products,)
        A product that the auction does not have is ignored.

    Raises
    ------
    ConfigurationError
        A price is infinite or no number, or the sizes do not fit.
    """
    if isinstance(given, (Mapping, pd.Series)):
        known = given.to_dict() if isinstance(given, pd.Series) else given
        prices = np.full(len(auction.product_ids), np.nan)
        for p, name in enumerate(auction.product_ids.to_pylist()):
            if name in known and known[name] is not None:
                prices[p] = _price(name, known[name])
        return prices
    name = "reference, if it is no mapping of product to price,"
    prices = parse_numbers(given, len(auction.product_ids), name, ConfigurationError)
    if np.isinf(prices).any():
        raise ConfigurationError("reference holds an infinite price; NaN is no reference")
    return prices


def _price(name: str, value: Any) -> float:
    price = parse_number(value)
    if price is None or np.isinf(price):
        raise ConfigurationError(f"the reference price of {name!r} is {value!r}; it must be a finite number, or NaN")
    return price
