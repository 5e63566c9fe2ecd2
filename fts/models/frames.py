"""Tables in and out: pandas, polars and Arrow, a hundred thousand bids without an object per bid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fts.errors import InvalidAuction
from fts.models.columns import Columns, Floats, floats, positions
from fts.models.id_text import id_texts, plain_values

COLUMNS = {
    "points": {"demand": pa.string(), "rate": pa.float64(), "price": pa.float64()},
    "constants": {
        "demand": pa.string(),
        "min_rate": pa.float64(),
        "max_rate": pa.float64(),
        "price": pa.float64(),
    },
    "weights": {"portfolio": pa.string(), "demand": pa.string(), "weight": pa.float64()},
    "basis": {"portfolio": pa.string(), "product": pa.string(), "weight": pa.float64()},
}
BOUNDS = ("min_rate", "max_rate")


def read_frames(*, points: Any, constants: Any, weights: Any, basis: Any) -> Columns:
    """Columns from the four tables of an auction.

    Raises
    ------
    InvalidAuction
        A table or column is missing or has another type, or a demand stands in both curve tables.
    """
    point = _read("points", points)
    constant = _read("constants", constants)
    weight = _read("weights", weights)
    entry = _read("basis", basis)

    sloped = pc.unique(point["demand"])
    both = pc.is_in(constant["demand"], value_set=sloped)
    if pc.any(both).as_py():
        name = constant["demand"].filter(both)[0].as_py()
        raise InvalidAuction(f"demand {name!r} stands in points and in constants; keep one of them")
    demand_ids = pa.concat_arrays([sloped, constant["demand"]])
    owner = positions(point["demand"], sloped)
    order = np.argsort(owner, kind="stable")
    counts = np.append(np.bincount(owner, minlength=len(sloped)), np.full(len(constant["demand"]), 2))
    ends = np.column_stack([_bound(constant["min_rate"], -np.inf), _bound(constant["max_rate"], np.inf)]).ravel()

    portfolio_ids = pc.unique(pa.concat_arrays([weight["portfolio"], entry["portfolio"]]))
    product_ids = pc.unique(entry["product"])
    weight_demand = positions(weight["demand"], demand_ids)
    return Columns(
        demand_ids=demand_ids,
        point_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
        point_rates=np.append(_reals(point["rate"])[order], ends),
        point_prices=np.append(_reals(point["price"])[order], np.repeat(_reals(constant["price"]), 2)),
        constant=np.repeat([False, True], [len(sloped), len(constant["demand"])]),
        portfolio_ids=portfolio_ids,
        weight_portfolio=positions(weight["portfolio"], portfolio_ids),
        weight_demand=weight_demand,
        weight_value=_reals(weight["weight"]),
        product_ids=product_ids,
        basis_portfolio=positions(entry["portfolio"], portfolio_ids),
        basis_product=positions(entry["product"], product_ids),
        basis_value=_reals(entry["weight"]),
        undefined_ids=weight["demand"].filter(pa.array(weight_demand < 0)),
    )


def write_frames(columns: Columns, kind: str) -> dict[str, Any]:
    """Return the four tables of an auction, as pandas frames or Arrow tables.

    Raises
    ------
    InvalidAuction
        ``kind`` is neither ``"pandas"`` nor ``"arrow"``.
    """
    counts = np.diff(columns.point_offsets)
    owner = np.repeat(np.arange(len(counts)), counts)
    sloped = ~columns.constant[owner]
    first = columns.point_offsets[:-1][columns.constant]
    last = columns.point_offsets[1:][columns.constant] - 1
    tables = {
        "points": pa.table(
            {
                "demand": columns.demand_ids.take(pa.array(owner[sloped])),
                "rate": columns.point_rates[sloped],
                "price": columns.point_prices[sloped],
            }
        ),
        "constants": pa.table(
            {
                "demand": columns.demand_ids.filter(pa.array(columns.constant)),
                "min_rate": _unbound(columns.point_rates[first]),
                "max_rate": _unbound(columns.point_rates[last]),
                "price": columns.point_prices[first],
            }
        ),
        "weights": pa.table(
            {
                "portfolio": columns.portfolio_ids.take(pa.array(columns.weight_portfolio)),
                "demand": columns.demand_ids.take(pa.array(columns.weight_demand)),
                "weight": columns.weight_value,
            }
        ),
        "basis": pa.table(
            {
                "portfolio": columns.portfolio_ids.take(pa.array(columns.basis_portfolio)),
                "product": columns.product_ids.take(pa.array(columns.basis_product)),
                "weight": columns.basis_value,
            }
        ),
    }
    if kind == "arrow":
        return tables
    if kind == "pandas":
        return {name: table.to_pandas() for name, table in tables.items()}
    raise InvalidAuction(f"frames come as 'pandas' or 'arrow', not {kind!r}")


def _read(name: str, table: Any) -> dict[str, pa.Array]:
    schema = COLUMNS[name]
    if table is None:
        return {column: pa.array([], kind) for column, kind in schema.items()}
    columns = _columns_of(name, table)
    read = {}
    for column, kind in schema.items():
        found = [values for label, values in columns if label == column]
        if not found:
            raise InvalidAuction(
                f"the table {name} needs a column {column!r}; it has {[label for label, _ in columns]}"
            )
        if len(found) > 1:
            raise InvalidAuction(f"the table {name} has {len(found)} columns {column!r}; keep one of them")
        place = f"column {column!r} of {name}"
        cells = _cells(found[0], place)
        if cells.null_count and column not in BOUNDS:
            row = int(np.flatnonzero(pc.is_null(cells).to_numpy(zero_copy_only=False))[0])
            raise InvalidAuction(f"{place} is null in row {row}; fill it or leave the row out")
        read[column] = id_texts(cells, place) if kind == pa.string() else _numbers(cells, place)
    lengths = {column: len(cells) for column, cells in read.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidAuction(f"the columns of {name} have different lengths: {lengths}")
    return read


def _columns_of(name: str, table: Any) -> list[tuple[Any, Any]]:
    """Label and values of every column; a label may occur twice."""
    if isinstance(table, pd.DataFrame):
        return [(label, table.iloc[:, k]) for k, label in enumerate(table.columns)]
    if isinstance(table, Mapping):
        return list(table.items())
    try:
        arrow = pa.table(table)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise InvalidAuction(f"{name} is no table; give pandas, polars or Arrow") from error
    return list(zip(arrow.column_names, arrow.columns, strict=True))


def _cells(values: Any, place: str) -> pa.Array:
    """Return a column as one Arrow array; categories become the values that they stand for."""
    try:
        cells = values if isinstance(values, pa.ChunkedArray) else pa.array(values, from_pandas=True)
        chunks = cells.chunks if isinstance(cells, pa.ChunkedArray) else [cells]
        return pa.chunked_array([plain_values(chunk) for chunk in chunks] or [[]]).combine_chunks()
    except (TypeError, ValueError, OverflowError, pa.ArrowException) as error:
        raise InvalidAuction(f"{place} {_mixture(values) or f'cannot be read: {error}'}") from error


def _mixture(values: Any) -> str:
    """Sentence on the first value whose type differs from that of the first one; empty if there is none."""
    if not isinstance(values, Iterable):
        return ""
    kinds = [(row, type(value)) for row, value in enumerate(values) if not _is_missing(value)]
    for row, kind in kinds:
        if kind is not kinds[0][1]:
            return (
                f"mixes types: {kinds[0][1].__name__} in row {kinds[0][0]} and {kind.__name__} in row {row}; "
                "convert it to one type"
            )
    return ""


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def _numbers(cells: pa.Array, place: str) -> pa.Array:
    try:
        return cells.cast(pa.float64())
    except pa.ArrowException as error:
        raise InvalidAuction(f"{place} does not hold numbers: {error}") from error


def _reals(cells: pa.Array) -> Floats:
    return floats(cells.to_numpy(zero_copy_only=False))


def _bound(cells: pa.Array, unlimited: float) -> Floats:
    return floats(pc.fill_null(cells, unlimited).to_numpy(zero_copy_only=False))


def _unbound(rates: Floats) -> pa.Array:
    return pa.array(rates, mask=np.isinf(rates))
