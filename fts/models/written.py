"""Auction files in the forms programs write, read in bulk: columns straight from the bytes of the file.

What breaks a rule, or is written in a rarer form, is left to the careful reader (``auction_file``), which names the
place. The two agree wherever this one gives an answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from itertools import chain

import msgspec
import numpy as np

from fts.models.columns import Columns, Floats, Ids, Ints, ids, positions
from fts.models.weights import read_weights

# An integer that says -0, which msgspec reads as 0; a float that says so keeps its sign.
_MINUS_ZERO = re.compile(rb"-0[\s,\]}]")


class _Point(msgspec.Struct, gc=False):
    rate: float
    price: float


class _Constant(msgspec.Struct, gc=False):
    price: float
    min_rate: float | None = None
    max_rate: float | None = None


_Curve = list[_Point] | _Constant | None
_Weights = dict[str, float] | list[str] | str | None


class _Portfolio(msgspec.Struct, gc=False):
    demand: _Weights
    basis: _Weights


class _Auction(msgspec.Struct, gc=False):
    demand_curves: dict[str, _Curve]
    portfolios: dict[str, _Portfolio]


_FILE = msgspec.json.Decoder(_Auction)


def columns_in(content: str | bytes) -> Columns | None:
    """Columns of an auction file, or None where it must be read with care.

    Parameters
    ----------
    content : str or bytes
        The whole file.

    Returns
    -------
    Columns or None
        Not yet checked: see :meth:`fts.models.columns.Columns.check`.
    """
    try:
        written = content.encode() if isinstance(content, str) else content
        # msgspec looks into ignored values for their end, not for their text.
        if not written.isascii():
            written.decode()
        if _MINUS_ZERO.search(written):
            return None
        auction = _FILE.decode(written)
    except (UnicodeError, msgspec.MsgspecError, RecursionError):
        return None
    curves = auction.demand_curves.values()
    # A list without a point is no curve, null is an inactive one.
    if any(curve == [] for curve in curves):
        return None
    portfolios = auction.portfolios.values()
    demand_ids = ids(list(auction.demand_curves))
    offsets, rates, prices = _points(curves)
    weight_portfolio, weight_names, weight_value = _triplets([portfolio.demand for portfolio in portfolios])
    basis_portfolio, basis_names, basis_value = _triplets([portfolio.basis for portfolio in portfolios])
    product_ids = basis_names.unique()
    return Columns(
        demand_ids=demand_ids,
        point_offsets=offsets,
        point_rates=rates,
        point_prices=prices,
        constant=np.array([type(curve) is _Constant for curve in curves], dtype=bool),
        portfolio_ids=ids(list(auction.portfolios)),
        weight_portfolio=weight_portfolio,
        weight_demand=positions(weight_names, demand_ids),
        weight_value=weight_value,
        product_ids=product_ids,
        basis_portfolio=basis_portfolio,
        basis_product=positions(basis_names, product_ids),
        basis_value=basis_value,
    )


def _points(curves: Collection[_Curve]) -> tuple[Ints, Floats, Floats]:
    """Offsets, rates and prices of the points of all curves; a constant has two, its ends."""
    groups = [curve if isinstance(curve, list) else _ends(curve) for curve in curves]
    points = list(chain.from_iterable(groups))
    return (
        np.append(0, np.cumsum([len(group) for group in groups])).astype(np.int64),
        np.array([point.rate for point in points], dtype=np.float64),
        np.array([point.price for point in points], dtype=np.float64),
    )


def _ends(curve: _Constant | None) -> list[_Point]:
    if curve is None:
        return []
    low = -math.inf if curve.min_rate is None else curve.min_rate
    high = math.inf if curve.max_rate is None else curve.max_rate
    return [_Point(low, curve.price), _Point(high, curve.price)]


def _triplets(written: Collection[_Weights]) -> tuple[Ints, Ids, Floats]:
    """Owner, name and value of every weight."""
    groups = [group if isinstance(group, dict) else read_weights(group) for group in written]
    counts = [len(group) for group in groups]
    return (
        np.repeat(np.arange(len(groups)), counts),
        ids(list(chain.from_iterable(groups))),
        np.fromiter(chain.from_iterable(map(dict.values, groups)), dtype=np.float64),
    )
