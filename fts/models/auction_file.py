"""Auction files: the JSON format that flow-trading programs exchange."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import IOBase, TextIOBase
from pathlib import Path
from typing import IO, Any, NoReturn

import pyarrow as pa

from fts.errors import InvalidAuction, InvalidCurve, InvalidFile, InvalidWeights
from fts.models.columns import Columns, Ids, floats, ids
from fts.models.curve import Constant, Curve, Point, read_curve, read_points
from fts.models.portfolio import read_parts


def read(file: str | Path | IO[str] | IO[bytes]) -> Any:
    """Return the parsed content of a JSON file; every number is a float64.

    Raises
    ------
    InvalidFile
        The file cannot be read, is no JSON, or holds NaN or Infinity.
    """
    return parsed(*content_of(file))


def content_of(file: str | Path | IO[str] | IO[bytes]) -> tuple[str | bytes, str]:
    """Return the whole content of a file, and its name.

    Raises
    ------
    InvalidFile
        The file cannot be read.
    """
    if not isinstance(file, (str, Path)):
        if not hasattr(file, "read"):
            raise InvalidFile(f"cannot read {file!r}: give a path or a file that is open for reading")
        return file.read(), getattr(file, "name", "the input")
    try:
        return Path(file).read_bytes(), str(file)
    except OSError as error:
        raise InvalidFile(f"cannot read {file}: {error.strerror}") from error


def parsed(content: str | bytes, name: str) -> Any:
    """Return the JSON value in the content of a file; every number is a float64.

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
        if not isinstance(file, TextIOBase) and (isinstance(file, IOBase) or not hasattr(file, "write")):
            raise InvalidFile(f"cannot write {file!r}: give a path or a file that is open for writing text")
        file.write(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidFile(f"cannot write {file}: {error.strerror}") from error


def parts_of(value: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the demand curves and portfolios in the content of an auction file.

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
    for name, given in (("demands", demands), ("portfolios", portfolios)):
        if not isinstance(given, Mapping):
            raise InvalidAuction(f"{name} must be a mapping by id, not {given!r}")
    numbers: list[float] = []
    counts, constant = [], []
    for name, value in demands.items():
        try:
            points, is_constant = _points_of(value)
        except InvalidCurve as error:
            raise InvalidCurve(f"demand {name!r}: {error}") from error
        for point in points:
            numbers.extend(point)
        counts.append(len(points))
        constant.append(is_constant)
    weights, basis = [], []
    for name, value in portfolios.items():
        try:
            demand_weights, basis_weights = read_parts(value)
        except (InvalidAuction, InvalidWeights) as error:
            raise type(error)(f"portfolio {name!r}: {error}") from error
        weights.append(demand_weights)
        basis.append(basis_weights)
    rates_and_prices = floats(numbers)
    return Columns.of_groups(
        demand_ids=_names("demand", demands),
        counts=counts,
        point_rates=floats(rates_and_prices[::2]),
        point_prices=floats(rates_and_prices[1::2]),
        constant=constant,
        portfolio_ids=_names("portfolio", portfolios),
        weights=weights,
        basis=basis,
    )


def _points_of(value: Any) -> tuple[tuple[Point, ...], bool]:
    """Read the points of a curve, without an object in between, and whether it is a constant."""
    if type(value) is Curve:
        return value.points, False
    if type(value) is list or type(value) is tuple:
        return read_points(value), False
    curve = read_curve(value)
    return () if curve is None else curve.points, isinstance(curve, Constant)


def _names(what: str, things: Mapping[str, Any]) -> Ids:
    try:
        return ids(list(things))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidAuction(f"every {what} id is a text; convert yours with str()") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that a file may hold")


def _short(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
