"""Request bodies: strict JSON, and its conversion to data of the market."""

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
from fts.exchange.parsing import parse_curve, parse_weights
from fts.models.curve import DemandCurve
from fts.ports.application import Application
from fts.server.errors import BadRequest, PayloadTooLarge, RequestTimeout, UnsupportedMediaType
from fts.server.limits import Limits
from fts.server.unread_bodies import body_length


@dataclass(frozen=True)
class Body:
    """Body that a route takes.

    Attributes
    ----------
    parse : callable
        ``(JSON value, application, limits) -> value``; raises `InvalidInput`.
    schema : dict
        JSON schema of the body; of a row, if the body has many rows.
    example : JSON value
    decoders : mapping of str to callable
        ``(content, limits) -> value`` by media type; by default JSON.
    size_factor : int
        Factor on the largest size of a body.
    """

    parse: Callable[[Any, Application, Limits], Any]
    schema: dict[str, Any]
    example: Any = None
    decoders: Mapping[str, Callable[[bytes, Limits], Any]] = field(default_factory=lambda: JSON_DECODER)
    size_factor: int = 1


async def receive(request: Request, body: Body, limits: Limits) -> tuple[str, bytes]:
    """Read a body; returns its media type and content. If its stated length is too large, it is not read.

    Raises
    ------
    NotJson, TooLarge, TooSlow
    """
    content_type = request.headers.get("content-type", "")
    media_type, max_bytes = content_type.partition(";")[0].strip().lower(), limits.body * body.size_factor
    if media_type not in body.decoders:
        raise UnsupportedMediaType(
            f"the body was sent as {content_type or 'nothing'!r}; send it as Content-Type: {' or '.join(body.decoders)}"
        )
    if (body_length(request.scope) or 0) > max_bytes:
        raise PayloadTooLarge(f"the body is larger than {max_bytes} bytes; send less at once")
    try:
        async with asyncio.timeout(limits.seconds):
            content = bytearray()
            async for chunk in request.stream():
                if len(content) + len(chunk) > max_bytes:
                    raise PayloadTooLarge(f"the body is larger than {max_bytes} bytes; send less at once")
                content += chunk
            return media_type, bytes(content)
    except TimeoutError as error:
        raise RequestTimeout(f"the body did not arrive within {limits.seconds:g} s; send it again") from error


def parse_json(content: bytes) -> Any:
    """Parse strict JSON: every number is finite and every text is valid Unicode.

    Raises
    ------
    BadRequest
        The body is empty or malformed.
    InvalidInput
        The body has a number that no float64 holds: NaN, Infinity, 1e400.
    """
    if not content.strip():
        raise BadRequest("the body is empty; send JSON (null is the null curve)")
    non_finite: list[str] = []

    def whole(text: str) -> int:
        if math.isinf(float(text)):
            non_finite.append(text)
            return 0
        return int(text)

    def real(text: str) -> float:
        if math.isinf(number := float(text)):
            non_finite.append(text)
        return number

    def constant(text: str) -> float:
        non_finite.append(text)
        return 0.0

    try:
        value = json.loads(content.decode(), parse_int=whole, parse_float=real, parse_constant=constant)
        # Half of a surrogate pair is no character, and cannot be stored.
        if b"\\ud" in content.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise BadRequest("the body is nested too deeply") from error
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if non_finite:
        raise InvalidInput(f"{non_finite[0][:40]} is not a number that float64 can hold; write a finite number")
    return value


JSON_DECODER: Mapping[str, Callable[[bytes, Limits], Any]] = {
    "application/json": lambda content, limits: parse_json(content)
}


def read_fields(value: Any, *required: str) -> dict[str, Any]:
    """Require a JSON object with these keys.

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


def read_app_data(media_type: Any, value: Any) -> Any:
    """Validate data of this type strictly: a text is no number, and 1 is not true.

    Raises
    ------
    InvalidInput
    """
    try:
        _type_adapter(media_type).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{place or 'app_data'}: {first['msg']}") from error
    return value


def read_demand_curve(value: Any, limits: Limits) -> DemandCurve | None:
    """Parse a demand curve.

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
    return parse_curve(value)


def read_group(value: Any, group: str) -> dict[str, float]:
    """Parse the weights of one group of a portfolio, by canonical id.

    Raises
    ------
    InvalidWeights, UnknownReference
    """
    return parse_weights(value, group)


@cache
def _type_adapter(media_type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(media_type)
