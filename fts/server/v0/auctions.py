"""The route that runs the batches of a span."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from fts.errors import InvalidInput, InvalidInstant
from fts.models.instant import read_duration, read_instant
from fts.ports.application import Application
from fts.server.body import Body, read_fields
from fts.server.limits import Limits
from fts.server.refusal import BadRequest
from fts.server.route import Call, Route
from fts.server.schemas import ref
from fts.server.v0 import permission

EXAMPLE = {"from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z", "by": "15m"}


@dataclass(frozen=True)
class Span:
    """What is to be solved.

    Attributes
    ----------
    from_, thru : datetime
    by : timedelta
    """

    from_: datetime | None
    thru: datetime
    by: timedelta | None


@dataclass(frozen=True)
class EmptyReply:
    """A reply without a body."""

    description: str
    status: int
    schema: dict[str, Any] = field(default_factory=dict)
    media_type: str = ""

    def write(self, result: Any) -> Response:
        """The response."""
        return Response(status_code=self.status)


def _span(application: Application) -> Body:
    return Body(_read, ref("NewSpan"), EXAMPLE)


def _read(value: Any, application: Application, limits: Limits) -> Span:
    given = read_fields(value, "thru")
    from_, by = _text(given, "from"), _text(given, "by")
    thru = _text(given, "thru")
    if thru is None:
        raise InvalidInput("'thru' is null; give the instant until which batches are to be run")
    return Span(
        None if from_ is None else read_instant(from_), read_instant(thru), None if by is None else read_duration(by)
    )


def _text(given: dict[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{name!r} is {value!r:.60}; it is a text")
    return value


def _solve(call: Call) -> None:
    span: Span = call.body
    try:
        call.market.solve_span(span.from_, span.thru, span.by)
    except InvalidInstant as error:
        raise BadRequest(str(error)) from error


ROUTES = (
    Route(
        "POST",
        "/admin/auctions/solve",
        "Run the batches of a span",
        EmptyReply("every whole slice was run and stored, those that cannot be cleared with their reason", 202),
        _solve,
        body=_span,
        patient=True,
        without_token=permission.MISSING,
        allows=permission.run_batch,
        refuses=permission.NO_OPERATOR
        | {
            400: "a bad token, a body that cannot be read, or a span that is empty or has too many slices",
            409: "some of the span was solved before; nothing was run",
        },
    ),
)
