"""Bodies of requests: JSON, strictly, and what it means in the market."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from fts.errors import InvalidCurve, InvalidInput
from fts.exchange.given import read_curve, read_ids
from fts.models.curve import DemandCurve
from fts.ports.application import Application
from fts.server.limits import Limits
from fts.server.refusal import BadRequest, NotJson, TooLarge, TooSlow
from fts.server.unread import body_length


@dataclass(frozen=True)
class Body:
    """What a route takes.

    Attributes
    ----------
    read : callable
        ``(JSON value, application, limits) -> value``; raises `InvalidInput`.
    schema : dict
        Its JSON schema; of a body in rows, that of a row.
    example : JSON value
    forms : mapping of str to callable
        By media type, how its bytes become a value: ``(content, limits) -> value``; by default JSON.
    size : int
        How many times as large as other bodies it may be.
    """

    read: Callable[[Any, Application, Limits], Any]
    schema: dict[str, Any]
    example: Any = None
    forms: Mapping[str, Callable[[bytes, Limits], Any]] = field(default_factory=lambda: JSON)
    size: int = 1


async def receive(request: Request, body: Body, limits: Limits) -> tuple[str, bytes]:
    """The media type and the bytes of a body; nothing of a body that says it is too large is read.

    Raises
    ------
    NotJson, TooLarge, TooSlow
    """
    sent = request.headers.get("content-type", "")
    kind, most = sent.partition(";")[0].strip().lower(), limits.body * body.size
    if kind not in body.forms:
        raise NotJson(f"the body was sent as {sent or 'nothing'!r}; send it as Content-Type: {' or '.join(body.forms)}")
    if (body_length(request.scope) or 0) > most:
        raise TooLarge(f"the body is larger than {most} bytes; send less at once")
    try:
        async with asyncio.timeout(limits.seconds):
            content = bytearray()
            async for chunk in request.stream():
                if len(content) + len(chunk) > most:
                    raise TooLarge(f"the body is larger than {most} bytes; send less at once")
                content += chunk
            return kind, bytes(content)
    except TimeoutError as error:
        raise TooSlow(f"the body did not arrive within {limits.seconds:g} s; send it again") from error


def parse(content: bytes) -> Any:
    """A JSON value, in which every number is one and every text is Unicode.

    Raises
    ------
    BadRequest
        It is empty or malformed.
    InvalidInput
        It is well-formed but for a number that no float64 is: NaN, Infinity, 1e400.
    """
    if not content.strip():
        raise BadRequest("the body is empty; send JSON (null is the null curve)")
    strange: list[str] = []

    def whole(text: str) -> int:
        if math.isinf(float(text)):
            strange.append(text)
            return 0
        return int(text)

    def real(text: str) -> float:
        if math.isinf(number := float(text)):
            strange.append(text)
        return number

    def constant(text: str) -> float:
        strange.append(text)
        return 0.0

    try:
        value = json.loads(content.decode(), parse_int=whole, parse_float=real, parse_constant=constant)
        # Half of a surrogate pair is no character; nothing could store or show it.
        if b"\\ud" in content.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise BadRequest("the body is nested too deeply") from error
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if strange:
        raise InvalidInput(f"{strange[0][:40]} is no number that a market can hold; write a finite number")
    return value


JSON: Mapping[str, Callable[[bytes, Limits], Any]] = {"application/json": lambda content, limits: parse(content)}


def read_fields(value: Any, *required: str) -> dict[str, Any]:
    """A JSON object that has these keys.

    Raises
    ------
    InvalidInput
    """
    if not isinstance(value, dict):
        raise InvalidInput(f"the body must be a JSON object{' with ' + ', '.join(required) if required else ''}")
    for key in required:
        if key not in value:
            raise InvalidInput(f"the body lacks {key!r}; it must have {', '.join(required)}")
    return value


def read_app_data(kind: Any, value: Any) -> Any:
    """The value, if it is valid data of this type: strictly, a text is no number and 1 is not true.

    Raises
    ------
    InvalidInput
    """
    try:
        _adapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{place or 'app_data'}: {first['msg']}") from error
    return value


def read_demand_curve(value: Any, limits: Limits) -> DemandCurve | None:
    """A curve as the contract writes it.

    Raises
    ------
    InvalidCurve
    """
    if isinstance(value, list):
        if len(value) > limits.points:
            raise InvalidCurve(f"the curve has {len(value)} points; this exchange takes at most {limits.points}")
        for k, point in enumerate(value):
            if not isinstance(point, dict):
                raise InvalidCurve(f'point {k} of the curve is {point!r:.60}; write {{"rate": 0, "price": 60}}')
    elif value is not None and not isinstance(value, dict):
        raise InvalidCurve(f'a curve is a list of points, {{"price": …}} or null, not {value!r:.60}')
    return read_curve(value)


def read_group(value: Any, group: str) -> dict[str, float]:
    """The weights of one group of a portfolio, by canonical id.

    Raises
    ------
    InvalidWeights, UnknownReference
    """
    return read_ids(value, group)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
