"""Bodies of many rows: newline-delimited JSON, and columns as an Arrow stream."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa

from fts.errors import FtsError, InvalidInput
from fts.server.body import parse
from fts.server.limits import Limits
from fts.server.refusal import BadRequest, TooLarge

NDJSON, ARROW = "application/x-ndjson", "application/vnd.apache.arrow.stream"
Rows: TypeAlias = list[tuple[int, Any]]
"""Each row's number, from 1, and its value."""

_WEIGHTS = pa.map_(pa.string(), pa.float64())
DEMAND_COLUMNS = {
    "id": pa.string(),
    "app_data": pa.string(),
    "rates": pa.list_(pa.float64()),
    "prices": pa.list_(pa.float64()),
    "constant": pa.bool_(),
}
PORTFOLIO_COLUMNS = {"id": pa.string(), "app_data": pa.string(), "demand": _WEIGHTS, "basis": _WEIGHTS}
"""The columns of an Arrow stream. ``app_data`` is JSON; where ``constant`` is true, two rates bound one price."""

_LINES: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def name_row(number: int, error: FtsError) -> None:
    """Let an error say in which row it was."""
    error.args = (f"row {number}: {error}",)


def read_lines(content: bytes, limits: Limits) -> Rows:
    """The values of the lines that are not blank.

    Raises
    ------
    BadRequest, InvalidInput, TooLarge
    """
    # Counted first: a body of nothing but short lines would be many times as large in a list.
    _check_count(sum(1 for line in BytesIO(content) if line.strip()), limits)
    lines = [(number, line) for number, line in enumerate(BytesIO(content), 1) if line.strip()]
    try:
        return [(number, _LINES.decode(line)) for number, line in lines]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        # The careful reader knows what exactly is wrong, and in which row.
        return [(number, _parsed(number, line)) for number, line in lines]


def demand_rows(content: bytes, limits: Limits) -> Rows:
    """The rows of an Arrow stream of demands, as lines would have them.

    Raises
    ------
    BadRequest, InvalidInput, TooLarge
    """
    return [(number, _demand(number, row)) for number, row in _table(content, DEMAND_COLUMNS, limits)]


def portfolio_rows(content: bytes, limits: Limits) -> Rows:
    """The rows of an Arrow stream of portfolios, as lines would have them.

    Raises
    ------
    BadRequest, InvalidInput, TooLarge
    """
    return [(number, _portfolio(number, row)) for number, row in _table(content, PORTFOLIO_COLUMNS, limits)]


def forms(arrow: Callable[[bytes, Limits], Rows]) -> Mapping[str, Callable[[bytes, Limits], Rows]]:
    """Both forms of a body of rows."""
    return {NDJSON: read_lines, ARROW: arrow}


def _check_count(count: int, limits: Limits) -> None:
    if not count:
        raise BadRequest("the body has no rows; send at least one")
    if count > limits.bulk_rows:
        raise TooLarge(f"the body has {count} rows; this exchange takes at most {limits.bulk_rows} at once")


def _parsed(number: int, line: bytes) -> Any:
    try:
        return parse(line)
    except FtsError as error:
        name_row(number, error)
        raise


def _demand(number: int, row: dict[str, Any]) -> dict[str, Any]:
    value = _identity(number, row)
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


def _portfolio(number: int, row: dict[str, Any]) -> dict[str, Any]:
    value = _identity(number, row)
    for group in ("demand", "basis"):
        entries = row.get(group)
        value[group] = None if entries is None else dict(entries)
        if entries is not None and len(value[group]) != len(entries):
            raise InvalidInput(f"row {number}: {group} names one id twice; add the two weights")
    return value


def _identity(number: int, row: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    if row.get("id") is not None:
        value["id"] = row["id"]
    if row.get("app_data") is not None:
        value["app_data"] = _parsed(number, row["app_data"].encode())
    return value


def _table(content: bytes, columns: Mapping[str, pa.DataType], limits: Limits) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        if not content:
            raise BadRequest("the body is empty; send an Arrow IPC stream")
        # A few bytes can say that they stand for many; nothing is unpacked before that is ruled out.
        count = sum(_rows_of(message.metadata.to_pybytes()) for message in pa.ipc.MessageReader.open_stream(content))
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


def _rows_of(metadata: bytes) -> int:
    """How many rows a message of an Arrow stream brings, from its flatbuffer; compressed ones are refused."""
    message = _Flat(metadata, struct.unpack_from("<I", metadata)[0])
    kind, header = message.byte(1), message.table(2)
    if kind == _SCHEMA or header is None:
        return 0
    if kind != _RECORD_BATCH:
        raise InvalidInput("the Arrow stream holds something else than plain columns; write it without dictionaries")
    if header.place(3):
        raise InvalidInput("the Arrow stream is compressed; write it without compression")
    if (count := header.long(0)) < 0:
        raise struct.error("a number of rows below 0")
    return count


_SCHEMA, _RECORD_BATCH = 1, 3


class _Flat:
    """A table of a flatbuffer: fields by number, absent ones 0."""

    def __init__(self, content: bytes, start: int) -> None:
        self._content, self._start = content, start
        self._fields = start - struct.unpack_from("<i", content, start)[0]
        if start < 0 or self._fields < 0:
            raise struct.error("an offset before the beginning")
        self._size = struct.unpack_from("<H", content, self._fields)[0]

    def place(self, field: int) -> int:
        """Where a field is; 0: absent."""
        at = 4 + 2 * field
        offset: int = struct.unpack_from("<H", self._content, self._fields + at)[0] if at < self._size else 0
        return self._start + offset if offset else 0

    def byte(self, field: int) -> int:
        """A field of one byte."""
        return self._content[place] if (place := self.place(field)) else 0

    def long(self, field: int) -> int:
        """A field of eight bytes, signed."""
        value: int = struct.unpack_from("<q", self._content, place)[0] if (place := self.place(field)) else 0
        return value

    def table(self, field: int) -> _Flat | None:
        """A field that is a table."""
        if not (place := self.place(field)):
            return None
        offset: int = struct.unpack_from("<I", self._content, place)[0]
        return _Flat(self._content, place + offset)
