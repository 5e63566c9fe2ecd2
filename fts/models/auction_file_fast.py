"""Auction files in the forms programs write, read in bulk: columns straight from the bytes of the file.

What breaks a rule, or is written in a rarer form, is left to the careful reader (``auction_file``), which names the
place. The two agree wherever this one gives an answer.
"""

from __future__ import annotations

import math
import re
from itertools import chain

import msgspec
import numpy as np

from fts.models.columns import Columns, ids
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
    groups = [curve if isinstance(curve, list) else _ends(curve) for curve in curves]
    points = list(chain.from_iterable(groups))
    return Columns.of_groups(
        demand_ids=ids(list(auction.demand_curves)),
        counts=[len(group) for group in groups],
        point_rates=np.array([point.rate for point in points], dtype=np.float64),
        point_prices=np.array([point.price for point in points], dtype=np.float64),
        constant=[type(curve) is _Constant for curve in curves],
        portfolio_ids=ids(list(auction.portfolios)),
        weights=[_by_id(portfolio.demand) for portfolio in portfolios],
        basis=[_by_id(portfolio.basis) for portfolio in portfolios],
    )


def _ends(curve: _Constant | None) -> list[_Point]:
    if curve is None:
        return []
    low = -math.inf if curve.min_rate is None else curve.min_rate
    high = math.inf if curve.max_rate is None else curve.max_rate
    return [_Point(low, curve.price), _Point(high, curve.price)]


def _by_id(weights: _Weights) -> dict[str, float]:
    return weights if isinstance(weights, dict) else read_weights(weights)
