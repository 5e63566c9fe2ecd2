"""Requests to an exchange: how they are built, and how their responses are parsed."""

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

from fts.client.types import PageReply
from fts.errors import InvalidInput, RequestFailed
from fts.models.curve import read_curve
from fts.models.timestamps import format_instant

Result = TypeVar("Result")
Item = TypeVar("Item")
Id: TypeAlias = "str | UUID"
Instant: TypeAlias = "datetime | str"

JSON = "application/json"
NDJSON = "application/x-ndjson"
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
"""Columns of a table of bids; ``app_data`` is JSON. A constant curve has two rates, its bounds, and its price twice."""


@dataclass(frozen=True)
class Request(Generic[Result]):
    """One request to an exchange.

    Attributes
    ----------
    method, path : str
    query : mapping of str to str
    content : bytes, optional
        Body of the request.
    media_type : str, optional
        Media type of the body.
    entry : str, optional
        Key of the result in the response; None: the whole response.
    errors : mapping of int to exception
        Errors of statuses that differ from those of other requests.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    media_type: str | None = None
    entry: str | None = None
    errors: Mapping[int, type[RequestFailed]] = field(default_factory=dict)

    @property
    def is_idempotent(self) -> bool:
        """True if a second arrival changes nothing."""
        return self.method in ("GET", "PUT", "DELETE")

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the body."""
        return {} if self.media_type is None else {"Content-Type": self.media_type}

    def parse(self, media_type: str, content: bytes) -> Result:
        """Parse a response.

        Parameters
        ----------
        media_type : str
        content : bytes
        """
        value: Any = json.loads(content) if media_type.startswith(JSON) else content.decode()
        parse_response: Result = value if self.entry is None else value[self.entry]
        return parse_response


def get_request(path: str, **query: Any) -> Request[Any]:
    """Build a request that reads; a parameter that is None is left out."""
    parameters = {name.rstrip("_"): _query_text(value) for name, value in query.items() if value is not None}
    return Request("GET", path, parameters)


def json_request(method: str, path: str, body: Any, **more: Any) -> Request[Any]:
    """Build a request with a JSON body; None is the null curve.

    Raises
    ------
    InvalidInput
        The body cannot be written as JSON.
    """
    return Request(method, path, content=encode_json(body), media_type=JSON, **more)


def bulk_request(
    path: str, rows: Any, to_json: Callable[[Mapping[str, Any]], Any], columns: Mapping[str, pa.DataType]
) -> Request[Any]:
    """Build a request with many rows: a table as an Arrow stream, other rows as one line of JSON each.

    Parameters
    ----------
    path : str
    rows : iterable of mapping, or table
    to_json : callable
        Converts a row to its JSON.
    columns : mapping
        Columns that a table may have, and their types.

    Raises
    ------
    InvalidInput
        A row cannot be sent; the message counts from 1, as the exchange does.
    """
    if hasattr(rows, "__arrow_c_stream__"):
        return Request("POST", path, content=_stream(pa.table(rows), columns), media_type=ARROW, entry="ids")
    return Request("POST", path, content=b"".join(_lines(rows, to_json)), media_type=NDJSON, entry="ids")


def next_page(request: Request[PageReply[Item]], page: PageReply[Item]) -> Request[PageReply[Item]] | None:
    """Build the request for the next page; returns None after the last one."""
    more = page.get("more")
    return None if more is None else replace(request, query={**request.query, **more})


def join_path(*parts: Id) -> str:
    """Join the parts of a path; each part is quoted."""
    return "".join(f"/{quote(str(part), safe=':')}" for part in parts)


def instant_text(value: Instant | None) -> str | None:
    """Convert an instant to text; a text stays as it is."""
    return format_instant(value) if isinstance(value, datetime) else value


def curve_json(value: Any) -> Any:
    """Convert a curve of any form to JSON.

    Raises
    ------
    InvalidCurve
    """
    parse = read_curve(value)
    return None if parse is None else parse.to_json()


def weights_json(value: Any) -> Any:
    """Convert weights of any form to JSON."""
    return {str(name): weight for name, weight in value.items()} if isinstance(value, Mapping) else value


def encode_json(value: Any) -> bytes:
    """Encode a value as JSON, including NumPy numbers, UUIDs and aware datetimes.

    Raises
    ------
    InvalidInput
    """
    try:
        return json.dumps(value, default=_json_default, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"this cannot be sent as JSON: {error}") from error


def _lines(rows: Iterable[Mapping[str, Any]], to_json: Callable[[Mapping[str, Any]], Any]) -> Iterable[bytes]:
    for k, row in enumerate(rows, 1):
        try:
            yield encode_json(to_json(row)) + b"\n"
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


def _query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _json_default(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, np.number):
        return value.item()
    raise TypeError(f"{value!r:.60} is no number, text, list or mapping")
