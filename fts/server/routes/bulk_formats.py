"""Bodies of many rows: newline-delimited JSON, and Arrow streams."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa

from fts.errors import FtsError, InvalidInput
from fts.server.errors import BadRequest, PayloadTooLarge
from fts.server.limits import Limits
from fts.server.request_body import parse_json
from fts.server.routes.arrow_guard import count_rows

NDJSON, ARROW = "application/x-ndjson", "application/vnd.apache.arrow.stream"
NumberedRows: TypeAlias = list[tuple[int, Any]]
"""Number of each row, from 1, and its value."""

_WEIGHTS = pa.map_(pa.string(), pa.float64())
DEMAND_COLUMNS = {
    "id": pa.string(),
    "app_data": pa.string(),
    "rates": pa.list_(pa.float64()),
    "prices": pa.list_(pa.float64()),
    "constant": pa.bool_(),
}
PORTFOLIO_COLUMNS = {"id": pa.string(), "app_data": pa.string(), "demand": _WEIGHTS, "basis": _WEIGHTS}
"""Columns of an Arrow stream. ``app_data`` is JSON; if ``constant`` is true, two rates bound one price."""

_LINES: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def prefix_row_number(number: int, error: FtsError) -> None:
    """Put the number of the row before the message of an error."""
    error.args = (f"row {number}: {error}",)


def read_lines(content: bytes, limits: Limits) -> NumberedRows:
    """Parse the lines that are not blank.

    Raises
    ------
    BadRequest, InvalidInput, TooLarge
    """
    # The lines are counted first, because a list of many short lines is much larger than the body.
    _check_count(sum(1 for line in BytesIO(content) if line.strip()), limits)
    lines = [(number, line) for number, line in enumerate(BytesIO(content), 1) if line.strip()]
    try:
        return [(number, _LINES.decode(line)) for number, line in lines]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        # The slower parser names the error and its row.
        return [(number, _parse_line(number, line)) for number, line in lines]


def demand_rows(content: bytes, limits: Limits) -> NumberedRows:
    """Convert an Arrow stream of demands to the rows that lines would have.

    Raises
    ------
    BadRequest, InvalidInput, TooLarge
    """
    return [(number, _demand_row(number, row)) for number, row in _table(content, DEMAND_COLUMNS, limits)]


def portfolio_rows(content: bytes, limits: Limits) -> NumberedRows:
    """Convert an Arrow stream of portfolios to the rows that lines would have.

    Raises
    ------
    BadRequest, InvalidInput, TooLarge
    """
    return [(number, _portfolio_row(number, row)) for number, row in _table(content, PORTFOLIO_COLUMNS, limits)]


def decoders(arrow: Callable[[bytes, Limits], NumberedRows]) -> Mapping[str, Callable[[bytes, Limits], NumberedRows]]:
    """Return the decoders of a body of rows, by media type."""
    return {NDJSON: read_lines, ARROW: arrow}


def _check_count(count: int, limits: Limits) -> None:
    if not count:
        raise BadRequest("the body has no rows; send at least one")
    if count > limits.bulk_rows:
        raise PayloadTooLarge(f"the body has {count} rows; this exchange takes at most {limits.bulk_rows} at once")


def _parse_line(number: int, line: bytes) -> Any:
    try:
        return parse_json(line)
    except FtsError as error:
        prefix_row_number(number, error)
        raise


def _demand_row(number: int, row: dict[str, Any]) -> dict[str, Any]:
    value = _id_and_data(number, row)
    rates, prices = row.get("rates"), row.get("prices")
    if rates is None and prices is None:
        return {**value, "curve_data": None}
    if rates is None or prices is None or len(rates) != len(prices):
        raise InvalidInput(f"row {number}: rates and prices have one entry for each point, or both are null")
    curve: Any
    if row.get("constant"):
        if len(rates) != 2 or prices[0] != prices[1]:
            raise InvalidInput(f"row {number}: a constant curve has two rates, its bounds, and one price twice")
        low, high = (None if rate in (float("-inf"), float("inf")) else rate for rate in rates)
        curve = {"price": prices[0], "min_rate": low, "max_rate": high}
    else:
        curve = [{"rate": rate, "price": price} for rate, price in zip(rates, prices, strict=True)]
    return {**value, "curve_data": curve}


def _portfolio_row(number: int, row: dict[str, Any]) -> dict[str, Any]:
    value = _id_and_data(number, row)
    for group in ("demand", "basis"):
        entries = row.get(group)
        value[group] = None if entries is None else dict(entries)
        if entries is not None and len(value[group]) != len(entries):
            raise InvalidInput(f"row {number}: {group} names one id twice; add the two weights")
    return value


def _id_and_data(number: int, row: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    if row.get("id") is not None:
        value["id"] = row["id"]
    if row.get("app_data") is not None:
        value["app_data"] = _parse_line(number, row["app_data"].encode())
    return value


def _table(content: bytes, columns: Mapping[str, pa.DataType], limits: Limits) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        if not content:
            raise BadRequest("the body is empty; send an Arrow IPC stream")
        # A few bytes can describe very many rows, so the rows are counted before they are decoded.
        count = sum(count_rows(message.metadata.to_pybytes()) for message in pa.ipc.MessageReader.open_stream(content))
        _check_count(count, limits)
        with pa.ipc.open_stream(content) as stream:
            for name, kind in zip(stream.schema.names, stream.schema.types, strict=True):
                if columns.get(name) != kind:
                    known = ", ".join(f"{known} {kind}" for known, kind in columns.items())
                    raise InvalidInput(f"the column {name!r} of {kind} is not one of these: {known}")
            if len(set(stream.schema.names)) != len(stream.schema.names):
                raise InvalidInput("a column stands twice in the stream; name each once")
            table = stream.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, struct.error, IndexError, UnicodeError) as error:
        raise BadRequest(f"the body is not an Arrow IPC stream: {str(error).splitlines()[0]:.200}") from error
    return enumerate(table.to_pylist(), 1)
