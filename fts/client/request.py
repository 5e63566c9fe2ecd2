"""A request, before anything is sent: what is asked, in which words, and how the answer reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote
from uuid import UUID

import numpy as np
import pyarrow as pa

from fts.client.records import Page
from fts.errors import InvalidInput, RequestFailed
from fts.models.curve import read_curve
from fts.models.instant import write_instant

Answer = TypeVar("Answer")
Row = TypeVar("Row")
Id: TypeAlias = "str | UUID"
Instant: TypeAlias = "datetime | str"

JSON = "application/json"
LINES = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
DEMAND_COLUMNS = {
    "id": pa.string(),
    "app_data": pa.string(),
    "rates": pa.list_(pa.float64()),
    "prices": pa.list_(pa.float64()),
    "constant": pa.bool_(),
}
PORTFOLIO_COLUMNS = {
    "id": pa.string(),
    "app_data": pa.string(),
    "demand": pa.map_(pa.string(), pa.float64()),
    "basis": pa.map_(pa.string(), pa.float64()),
}
"""The columns of a table of bids; ``app_data`` is JSON, and a constant curve two rates with one price twice."""


@dataclass(frozen=True)
class Request(Generic[Answer]):
    """What is asked of an exchange.

    Attributes
    ----------
    method, path : str
    query : mapping of str to str
    content : bytes, optional
        The body.
    kind : str, optional
        The media type of the body.
    entry : str, optional
        Which entry of the reply is the answer; None: all of it.
    refuses : mapping of int to exception
        What a status means to this request alone.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    kind: str | None = None
    entry: str | None = None
    refuses: Mapping[int, type[RequestFailed]] = field(default_factory=dict)

    @property
    def repeatable(self) -> bool:
        """Whether it does the same when it arrives twice."""
        return self.method in ("GET", "PUT", "DELETE")

    @property
    def headers(self) -> dict[str, str]:
        """What is said about the body."""
        return {} if self.kind is None else {"Content-Type": self.kind}

    def read(self, kind: str, content: bytes) -> Answer:
        """The answer, from the media type and body of a reply."""
        told: Any = json.loads(content) if kind.startswith(JSON) else content.decode()
        answer: Answer = told if self.entry is None else told[self.entry]
        return answer


def get(path: str, **query: Any) -> Request[Any]:
    """A request that reads; what is None is not asked for."""
    given = {name.rstrip("_"): _word(value) for name, value in query.items() if value is not None}
    return Request("GET", path, given)


def send(method: str, path: str, body: Any, **more: Any) -> Request[Any]:
    """A request that sends a value as JSON; None is the null curve.

    Raises
    ------
    InvalidInput
        The body cannot be written as JSON.
    """
    return Request(method, path, content=write_json(body), kind=JSON, **more)


def send_rows(
    path: str, rows: Any, shape: Callable[[Mapping[str, Any]], Any], columns: Mapping[str, pa.DataType]
) -> Request[Any]:
    """A request that sends many rows: a table as an Arrow stream, anything else as one line of JSON for each row.

    Parameters
    ----------
    path : str
    rows : iterable of mapping, or table
    shape : callable
        What a row is as JSON.
    columns : mapping
        The columns that a table may have, and their types.

    Raises
    ------
    InvalidInput
        A row cannot be sent; the message counts from 1, as the exchange does.
    """
    if hasattr(rows, "__arrow_c_stream__"):
        return Request("POST", path, content=_stream(pa.table(rows), columns), kind=ARROW, entry="ids")
    return Request("POST", path, content=b"".join(_lines(rows, shape)), kind=LINES, entry="ids")


def next_page(request: Request[Page[Row]], page: Page[Row]) -> Request[Page[Row]] | None:
    """The request for the page after this one; None: this was the last."""
    more = page.get("more")
    return None if more is None else replace(request, query={**request.query, **more})


def path(*parts: Id) -> str:
    """A path of these parts, whatever stands in them."""
    return "".join(f"/{quote(str(part), safe=':')}" for part in parts)


def instant(value: Instant | None) -> str | None:
    """An instant as a text; a text as it is."""
    return write_instant(value) if isinstance(value, datetime) else value


def curve(value: Any) -> Any:
    """A curve in any of its forms as JSON.

    Raises
    ------
    InvalidCurve
    """
    read = read_curve(value)
    return None if read is None else read.to_json()


def weights(value: Any) -> Any:
    """Weights in any of their forms as JSON."""
    return {str(name): weight for name, weight in value.items()} if isinstance(value, Mapping) else value


def write_json(value: Any) -> bytes:
    """A value as JSON: NumPy's numbers, UUIDs and aware datetimes too.

    Raises
    ------
    InvalidInput
    """
    try:
        return json.dumps(value, default=_plain, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"this cannot be sent as JSON: {error}") from error


def _lines(rows: Iterable[Mapping[str, Any]], shape: Callable[[Mapping[str, Any]], Any]) -> Iterable[bytes]:
    for k, row in enumerate(rows, 1):
        try:
            yield write_json(shape(row)) + b"\n"
        except InvalidInput as error:
            raise InvalidInput(f"row {k}: {error}") from error


def _stream(table: pa.Table, columns: Mapping[str, pa.DataType]) -> bytes:
    unknown = [name for name in table.column_names if name not in columns]
    if unknown:
        raise InvalidInput(f"the table has a column {unknown[0]!r}; it may have {', '.join(columns)}")
    try:
        table = table.cast(pa.schema([(name, columns[name]) for name in table.column_names]))
    except pa.ArrowException as error:
        raise InvalidInput(f"the table's columns are of another type: {error}") from error
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return write_instant(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, np.number):
        return value.item()
    raise TypeError(f"{value!r:.60} is no number, text, list or mapping")
