"""What stands in the path, the query and the headers of a request, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from fts.errors import InvalidInput
from fts.exchange.given import CANONICAL
from fts.models.instant import read_instant
from fts.server.refusal import BadRequest

Schema = dict[str, Any]
_UUID = TypeAdapter(UUID)


@dataclass(frozen=True)
class Parameter:
    """One thing that a path or query says.

    Attributes
    ----------
    read : callable
        Its value from its text; raises `InvalidInput`.
    schema : dict
        Its JSON schema.
    description : str
    """

    read: Callable[[str], Any]
    schema: Schema
    description: str


def read_uuid(text: Any) -> str:
    """A UUID, in its canonical text.

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


def _down(text: str) -> Any:
    return _instant(text, "down")


def _up(text: str) -> Any:
    return _instant(text, "up")


def _instant(text: str, rounding: Any) -> Any:
    hint = "; write the + of its offset as %2B" if " " in text else ""
    try:
        return read_instant(text, rounding)
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
INSTANT = Parameter(_down, _INSTANT, "the instant of the batch, with an offset")
BEFORE = Parameter(_up, _INSTANT, "only what begins before this instant")
AFTER = Parameter(_up, _INSTANT, "only what begins at this instant or later")
FROM = Parameter(_down, _INSTANT, "only products delivered from this instant on")
THRU = Parameter(_down, _INSTANT, "only products delivered until this instant")
KIND = Parameter(_kind, {"type": "string"}, "only products of this kind: 0 (forward), 1 (option) or a text")
EXPAND = Parameter(_flag, {"type": "boolean"}, "whether the basis is shown in the products that trade now")
CURSOR = Parameter(_text, {"type": "string"}, "where the page before ended, from its `more`")

LAST_EVENT = Parameter(_down, _INSTANT, "the id of the last event that is known: what came after it is sent first")

IN_PATH: Mapping[str, Parameter] = {"id": ID, "instant": INSTANT, "bidder": ID}
PAGE: Mapping[str, Parameter] = {"before": BEFORE, "after": AFTER}


def read_parameters(
    request: Request, query: Mapping[str, Parameter], header: Mapping[str, Parameter]
) -> dict[str, Any]:
    """What path, query and headers say; a parameter of the query or a header that is absent is None.

    Raises
    ------
    BadRequest
        One of them cannot be read, or stands there twice.
    """
    given: dict[str, Any] = {}
    for name, text in request.path_params.items():
        given[name] = _read(name, IN_PATH[name], text)
    for name, parameter in query.items():
        given[name] = _read_one(name, parameter, request.query_params.getlist(name))
    for name, parameter in header.items():
        given[name] = _read_one(name, parameter, request.headers.getlist(name))
    return given


def _read_one(name: str, parameter: Parameter, texts: Sequence[str]) -> Any:
    if len(texts) > 1:
        raise BadRequest(f"{name!r} is given {len(texts)} times; give it once")
    return _read(name, parameter, texts[0]) if texts else None


def _read(name: str, parameter: Parameter, text: str) -> Any:
    try:
        return parameter.read(text)
    except InvalidInput as error:
        raise BadRequest(f"{name}: {error}") from error
