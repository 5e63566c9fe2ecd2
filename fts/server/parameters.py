"""Parameters of the path, the query and the headers of a request, and their parsers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from fts.errors import InvalidInput
from fts.exchange.parsing import CANONICAL
from fts.models.timestamps import parse_instant
from fts.server.errors import BadRequest

Schema = dict[str, Any]
_UUID = TypeAdapter(UUID)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a path, query or header.

    Attributes
    ----------
    parse : callable
        ``(text) -> value``; raises `InvalidInput`.
    schema : dict
        JSON schema of the parameter.
    description : str
    """

    parse: Callable[[str], Any]
    schema: Schema
    description: str


def read_uuid(text: Any) -> str:
    """Parse a UUID; returns its canonical text.

    Raises
    ------
    InvalidInput
    """
    if isinstance(text, str) and CANONICAL.fullmatch(text):
        return text
    try:
        return str(_UUID.validate_python(text))
    except ValidationError as error:
        raise InvalidInput(f"{text!r} is not a UUID") from error


def _read_instant_down(text: str) -> Any:
    return _instant(text, "down")


def _read_instant_up(text: str) -> Any:
    return _instant(text, "up")


def _instant(text: str, rounding: Any) -> Any:
    hint = "; write the + of its offset as %2B" if " " in text else ""
    try:
        return parse_instant(text, rounding)
    except InvalidInput as error:
        raise InvalidInput(f"{error}{hint}") from error


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidInput(f"{text!r} is neither true nor false")
    return text == "true"


def _text(text: str) -> str:
    return text


def _kind(text: str) -> int | str:
    return int(text) if text in ("0", "1") else text


_INSTANT: Schema = {"type": "string", "format": "date-time"}
ID = Parameter(read_uuid, {"type": "string", "format": "uuid"}, "its UUID")
INSTANT = Parameter(_read_instant_down, _INSTANT, "the instant of the batch, with an offset")
BEFORE = Parameter(_read_instant_up, _INSTANT, "only what begins before this instant")
AFTER = Parameter(_read_instant_up, _INSTANT, "only what begins at this instant or later")
FROM = Parameter(_read_instant_down, _INSTANT, "only products delivered from this instant on")
THRU = Parameter(_read_instant_down, _INSTANT, "only products delivered until this instant")
KIND = Parameter(_kind, {"type": "string"}, "only products of this kind: 0 (forward), 1 (option) or a text")
EXPAND = Parameter(_flag, {"type": "boolean"}, "whether the basis is shown in the products that trade now")
CURSOR = Parameter(_text, {"type": "string"}, "where the page before ended, from its `more`")

LAST_EVENT = Parameter(
    _read_instant_down, _INSTANT, "the id of the last event that is known: what came after it is sent first"
)

PATH_PARAMETERS: Mapping[str, Parameter] = {"id": ID, "instant": INSTANT, "bidder": ID}
PAGE: Mapping[str, Parameter] = {"before": BEFORE, "after": AFTER}


def read_parameters(
    request: Request, query: Mapping[str, Parameter], header: Mapping[str, Parameter]
) -> dict[str, Any]:
    """Parse the parameters of path, query and headers; one that is absent is None.

    Raises
    ------
    BadRequest
        A parameter cannot be parsed, or is given twice.
    """
    values: dict[str, Any] = {}
    for name, text in request.path_params.items():
        values[name] = _parse(name, PATH_PARAMETERS[name], text)
    for name, parameter in query.items():
        values[name] = _parse_one(name, parameter, request.query_params.getlist(name))
    for name, parameter in header.items():
        values[name] = _parse_one(name, parameter, request.headers.getlist(name))
    return values


def _parse_one(name: str, parameter: Parameter, texts: Sequence[str]) -> Any:
    if len(texts) > 1:
        raise BadRequest(f"{name!r} is given {len(texts)} times; give it once")
    return _parse(name, parameter, texts[0]) if texts else None


def _parse(name: str, parameter: Parameter, text: str) -> Any:
    try:
        return parameter.parse(text)
    except InvalidInput as error:
        raise BadRequest(f"{name}: {error}") from error
