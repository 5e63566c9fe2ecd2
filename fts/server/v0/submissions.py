"""Routes of submissions: all active bids of a bidder in one request."""

from __future__ import annotations

from typing import Any

from fts.errors import AlreadyExists, InvalidInput, NotFound
from fts.exchange.v0.rules import AuthChange, CostChange
from fts.models.timestamps import format_instant
from fts.models.v0 import Submission
from fts.ports.application import Application
from fts.server.context import RequestContext
from fts.server.errors import BadRequest
from fts.server.limits import Limits
from fts.server.request_body import Body, read_fields
from fts.server.responses import JsonReply
from fts.server.route import Route
from fts.server.schemas import ref
from fts.server.v0 import authorization
from fts.server.v0.auths import auth_json
from fts.server.v0.costs import cost_json
from fts.server.v0.request_body import AUTH, COST, BidKind, read_entry

OTHERS = {403: "these are another bidder's"}


def _write(submission: Submission) -> dict[str, Any]:
    return {
        "auths": [auth_json(record, submission.trades[record.id]) for record in submission.auths],
        "costs": [cost_json(record) for record in submission.costs],
        "as_of": format_instant(submission.as_of),
    }


def _body(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> tuple[list[AuthChange], list[CostChange]]:
        fields = read_fields(value, "auths", "costs")
        return _entries(fields["auths"], AUTH, limits), _entries(fields["costs"], COST, limits)

    return Body(read, ref("NewSubmission"), {"auths": [], "costs": []})


def _entries(value: Any, kind: BidKind, limits: Limits) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(f"{kind.name}s must be a list of objects with {kind.id_key!r}")
    return [read_entry(entry, kind, limits) for entry in value]


def _put(context: RequestContext) -> Any:
    auths, costs = context.body
    try:
        return _write(context.market.v0.replace_submission(auths, costs, bidder=context.bidder))
    except (InvalidInput, NotFound, AlreadyExists) as error:
        raise BadRequest(f"nothing was changed: {error}") from error


ROUTES = (
    Route(
        "GET",
        "/v0/submissions/{bidder}",
        "Read a submission",
        JsonReply(ref("Submission"), "all active auths and costs of the bidder"),
        lambda context: _write(context.market.v0.submission(context.bidder)),
        missing_token_error=authorization.MISSING_TOKEN_ERROR,
        authorize=authorization.own_bids,
        error_responses=OTHERS,
    ),
    Route(
        "PUT",
        "/v0/submissions/{bidder}",
        "Replace a submission",
        JsonReply(ref("Submission"), "what is active of the bidder now, and what was named and had stopped"),
        _put,
        body=_body,
        missing_token_error=authorization.MISSING_TOKEN_ERROR,
        authorize=authorization.own_bids,
        error_responses=OTHERS
        | {400: "a path or body that cannot be read, or an entry that is refused; nothing was changed"},
    ),
    Route(
        "DELETE",
        "/v0/submissions/{bidder}",
        "Stop a submission",
        JsonReply(ref("Submission"), "nothing is active any more"),
        lambda context: _write(context.market.v0.replace_submission([], [], bidder=context.bidder)),
        missing_token_error=authorization.MISSING_TOKEN_ERROR,
        authorize=authorization.own_bids,
        error_responses=OTHERS,
    ),
)
