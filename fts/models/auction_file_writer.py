"""Auction and outcome files as text, straight from columns: to the letter what ``json.dumps`` writes of the values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from json.encoder import encode_basestring

import numpy as np

from fts.models.columns import Columns, Floats, Ids, Ints


def auction_text(columns: Columns) -> str:
    """Return the text of an auction file.

    Parameters
    ----------
    columns : Columns
        Checked; weights in the order of the portfolios.
    """
    names = _names(columns.demand_ids)
    curves = zip(names, _curves(columns), strict=True)
    demands = _groups(columns.weight_portfolio, columns.weight_demand, columns.weight_value, names, columns)
    products = _names(columns.product_ids)
    bases = _groups(columns.basis_portfolio, columns.basis_product, columns.basis_value, products, columns)
    portfolios = (
        (name, f'{{\n      "demand": {demand},\n      "basis": {basis}\n    }}')
        for name, demand, basis in zip(_names(columns.portfolio_ids), demands, bases, strict=True)
    )
    return _file(("demand_curves", curves), ("portfolios", portfolios))


def outcome_text(portfolios: tuple[Ids, Floats, Floats], products: tuple[Ids, Floats, Floats]) -> str:
    """Return the text of an outcome file.

    Parameters
    ----------
    portfolios, products : ids, prices, rates, each (n,)
        A price of NaN is none.

    Raises
    ------
    ValueError
        A number is infinite, or a rate NaN, which JSON cannot say.
    """
    return _file(("portfolios", _traded(*portfolios)), ("products", _traded(*products)))


def _traded(ids: Ids, prices: Floats, rates: Floats) -> Iterable[tuple[str, str]]:
    if np.isinf(prices).any() or not np.isfinite(rates).all():
        raise ValueError("Out of range float values are not JSON compliant")
    shown = ["null" if price != price else repr(price) for price in prices.tolist()]
    return (
        (name, f'{{\n      "price": {price},\n      "rate": {rate!r}\n    }}')
        for name, price, rate in zip(_names(ids), shown, rates.tolist(), strict=True)
    )


def _file(*groups: tuple[str, Iterable[tuple[str, str]]]) -> str:
    """Write an object of objects."""
    texts = [f'  "{key}": {_object([f"    {name}: {value}" for name, value in group], "  ")}' for key, group in groups]
    return _object(texts, "") + "\n"


def _curves(columns: Columns) -> list[str]:
    rates, prices = columns.point_rates.tolist(), columns.point_prices.tolist()
    points = [
        f'      {{\n        "rate": {rate!r},\n        "price": {price!r}\n      }}'
        for rate, price in zip(rates, prices, strict=True)
    ]
    spans = zip(columns.point_offsets[:-1].tolist(), columns.point_offsets[1:].tolist(), strict=True)
    return [
        _constant(rates[begin], rates[end - 1], prices[begin])
        if constant
        else "[\n" + ",\n".join(points[begin:end]) + "\n    ]"
        for (begin, end), constant in zip(spans, columns.constant.tolist(), strict=True)
    ]


def _constant(low: float, high: float, price: float) -> str:
    ends = ["null" if math.isinf(end) else repr(end) for end in (low, high)]
    return f'{{\n      "min_rate": {ends[0]},\n      "max_rate": {ends[1]},\n      "price": {price!r}\n    }}'


def _groups(owner: Ints, target: Ints, value: Floats, names: list[str], columns: Columns) -> list[str]:
    """Write the weights of every portfolio."""
    ends = np.cumsum(np.bincount(owner, minlength=len(columns.portfolio_ids))).tolist()
    entries = [f"        {names[k]}: {weight!r}" for k, weight in zip(target.tolist(), value.tolist(), strict=True)]
    return [_object(entries[begin:end], "      ") for begin, end in zip([0, *ends[:-1]], ends, strict=False)]


def _object(entries: list[str], indent: str) -> str:
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}" if entries else "{}"


def _names(ids: Ids) -> list[str]:
    return list(map(encode_basestring, ids.to_pylist()))
