"""Route that runs the batches of a span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fts.errors import InvalidInput, InvalidInstant
from fts.models.timestamps import parse_duration, parse_instant
from fts.ports.application import Application
from fts.server.context import RequestContext
from fts.server.errors import BadRequest
from fts.server.limits import Limits
from fts.server.request_body import Body, read_fields
from fts.server.responses import EmptyReply
from fts.server.route import Route
from fts.server.schemas import ref
from fts.server.v0 import authorization

EXAMPLE = {"from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z", "by": "15m"}


@dataclass(frozen=True)
class SolveSpanRequest:
    """Span of time whose batches are to be run.

    Attributes
    ----------
    from_ : datetime or None
        None: the default of ``Market.solve_span``.
    thru : datetime
    by : timedelta or None
        Length of a batch; None: the whole span.
    """

    from_: datetime | None
    thru: datetime
    by: timedelta | None


def _body(application: Application) -> Body:
    return Body(_parse, ref("NewSpan"), EXAMPLE)


def _parse(value: Any, application: Application, limits: Limits) -> SolveSpanRequest:
    fields = read_fields(value, "thru")
    from_, by = _text(fields, "from"), _text(fields, "by")
    thru = _text(fields, "thru")
    if thru is None:
        raise InvalidInput("'thru' is null; give the instant until which batches are to be run")
    return SolveSpanRequest(
        None if from_ is None else parse_instant(from_), parse_instant(thru), None if by is None else parse_duration(by)
    )


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{name!r} is {value!r:.60}; it must be a text")
    return value


def _solve(context: RequestContext) -> None:
    span: SolveSpanRequest = context.body
    try:
        context.market.v0.solve_span(span.from_, span.thru, span.by)
    except InvalidInstant as error:
        raise BadRequest(str(error)) from error


ROUTES = (
    Route(
        "POST",
        "/admin/auctions/solve",
        "Run the batches of a span",
        EmptyReply("every whole slice was run and stored, those that cannot be cleared with their reason", 202),
        _solve,
        body=_body,
        no_timeout=True,
        missing_token_error=authorization.MISSING_TOKEN_ERROR,
        authorize=authorization.run_batch,
        error_responses=authorization.NO_OPERATOR
        | {
            400: "a bad token, a body that cannot be read, or a span that is empty or has too many slices",
            409: "some of the span was solved before; nothing was run",
        },
    ),
)
