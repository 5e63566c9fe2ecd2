"""Tables in and out: pandas, polars and Arrow, a hundred thousand bids without an object per bid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fts.errors import InvalidAuction
from fts.models.columns import Columns, Floats, floats, positions

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
    return Columns(
        demand_ids=demand_ids,
        point_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
        point_rates=np.append(_reals(point["rate"])[order], ends),
        point_prices=np.append(_reals(point["price"])[order], np.repeat(_reals(constant["price"]), 2)),
        constant=np.repeat([False, True], [len(sloped), len(constant["demand"])]),
        portfolio_ids=portfolio_ids,
        weight_portfolio=positions(weight["portfolio"], portfolio_ids),
        weight_demand=positions(weight["demand"], demand_ids),
        weight_value=_reals(weight["weight"]),
        product_ids=product_ids,
        basis_portfolio=positions(entry["portfolio"], portfolio_ids),
        basis_product=positions(entry["product"], product_ids),
        basis_value=_reals(entry["weight"]),
    )


def write_frames(columns: Columns, kind: str) -> dict[str, Any]:
    """The four tables of an auction, as pandas frames or Arrow tables.

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
    if isinstance(table, pd.DataFrame):
        arrow = pa.Table.from_pandas(table, preserve_index=False)
    else:
        try:
            arrow = pa.table(table)
        except (TypeError, ValueError) as error:
            raise InvalidAuction(f"{name} is no table; give pandas, polars or Arrow") from error
    read = {}
    for column, kind in schema.items():
        if column not in arrow.column_names:
            raise InvalidAuction(f"the table {name} needs a column {column!r}; it has {arrow.column_names}")
        try:
            cells = arrow[column].combine_chunks().cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidAuction(f"column {column!r} of {name} does not hold {kind}: {error}") from error
        if cells.null_count and column not in BOUNDS:
            row = int(np.flatnonzero(pc.is_null(cells).to_numpy(zero_copy_only=False))[0])
            raise InvalidAuction(f"column {column!r} of {name} is null in row {row}; fill it or leave the row out")
        read[column] = cells
    return read


def _reals(cells: pa.Array) -> Floats:
    return floats(cells.to_numpy(zero_copy_only=False))


def _bound(cells: pa.Array, unlimited: float) -> Floats:
    return floats(pc.fill_null(cells, unlimited).to_numpy(zero_copy_only=False))


def _unbound(rates: Floats) -> pa.Array:
    return pa.array(rates, mask=np.isinf(rates))
