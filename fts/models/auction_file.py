"""Auction files: the JSON format that flow-trading programs exchange."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
import pyarrow as pa

from fts.errors import InvalidAuction, InvalidCurve, InvalidFile, InvalidWeights
from fts.models.columns import Columns, Floats, Ids, Ints, floats, ids, ints, positions
from fts.models.curve import Constant, read_curve
from fts.models.portfolio import read_portfolio


def read(file: str | Path | IO[str] | IO[bytes]) -> Any:
    """The parsed content of a JSON file; every number is a float64.

    Raises
    ------
    InvalidFile
        The file cannot be read, is no JSON, or holds NaN or Infinity.
    """
    return parsed(*content_of(file))


def content_of(file: str | Path | IO[str] | IO[bytes]) -> tuple[str | bytes, str]:
    """The whole content of a file, and its name.

    Raises
    ------
    InvalidFile
        The file cannot be read.
    """
    if not isinstance(file, (str, Path)):
        return file.read(), getattr(file, "name", "the input")
    try:
        return Path(file).read_bytes(), str(file)
    except OSError as error:
        raise InvalidFile(f"cannot read {file}: {error.strerror}") from error


def parsed(content: str | bytes, name: str) -> Any:
    """The JSON value in the content of a file; every number is a float64.

    Raises
    ------
    InvalidFile
        The content is no JSON, or holds NaN or Infinity.
    """
    try:
        return json.loads(content, parse_int=float, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"{name} is not a JSON file: {_short(error)}") from error


def write(text: str, file: str | Path | IO[str]) -> None:
    """Write the text of a JSON file.

    Raises
    ------
    InvalidFile
        The file cannot be written.
    """
    if not isinstance(file, (str, Path)):
        file.write(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidFile(f"cannot write {file}: {error.strerror}") from error


def parts_of(value: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The demand curves and portfolios in the content of an auction file.

    Raises
    ------
    InvalidFile
        One of the two is missing or no object.
    """
    if not isinstance(value, Mapping):
        raise InvalidFile("an auction file is an object with the keys 'demand_curves' and 'portfolios'")
    for key in ("demand_curves", "portfolios"):
        if not isinstance(value.get(key), Mapping):
            raise InvalidFile(f"an auction file needs {key!r}, an object from id to what it is")
    return value["demand_curves"], value["portfolios"]


def columns_of(demands: Mapping[str, Any], portfolios: Mapping[str, Any]) -> Columns:
    """Columns of curves and portfolios given by id.

    Raises
    ------
    InvalidCurve, InvalidWeights, InvalidAuction
        A rule is broken; the message names the demand or portfolio.
    """
    rates: list[float] = []
    prices: list[float] = []
    counts, constant = [], []
    for name, value in demands.items():
        try:
            curve = read_curve(value)
        except InvalidCurve as error:
            raise InvalidCurve(f"demand {name!r}: {error}") from error
        points = () if curve is None else curve.points
        rates.extend(rate for rate, _ in points)
        prices.extend(price for _, price in points)
        counts.append(len(points))
        constant.append(isinstance(curve, Constant))
    read = []
    for name, value in portfolios.items():
        try:
            read.append(read_portfolio(value))
        except (InvalidAuction, InvalidWeights) as error:
            raise type(error)(f"portfolio {name!r}: {error}") from error
    demand_ids = _names("demand", demands)
    weight_portfolio, weight_names, weight_value = _triplets(portfolio.demand for portfolio in read)
    basis_portfolio, basis_names, basis_value = _triplets(portfolio.basis for portfolio in read)
    product_ids = basis_names.unique()
    return Columns(
        demand_ids=demand_ids,
        point_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
        point_rates=floats(rates),
        point_prices=floats(prices),
        constant=np.array(constant, dtype=bool),
        portfolio_ids=_names("portfolio", portfolios),
        weight_portfolio=weight_portfolio,
        weight_demand=positions(weight_names, demand_ids),
        weight_value=weight_value,
        product_ids=product_ids,
        basis_portfolio=basis_portfolio,
        basis_product=positions(basis_names, product_ids),
        basis_value=basis_value,
    )


def _triplets(groups: Iterable[Mapping[str, float]]) -> tuple[Ints, Ids, Floats]:
    owners: list[int] = []
    names: list[str] = []
    values: list[float] = []
    for k, group in enumerate(groups):
        owners.extend([k] * len(group))
        names.extend(group.keys())
        values.extend(group.values())
    return ints(owners), ids(names), floats(values)


def _names(what: str, things: Mapping[str, Any]) -> Ids:
    try:
        return ids(list(things))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidAuction(f"every {what} id is a text; convert yours with str()") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that a file may hold")


def _short(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
