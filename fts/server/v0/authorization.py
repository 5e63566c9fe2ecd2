"""Authorization with the statuses of ``/v0``.

A token that may not view products is invalid (401); a resource of another bidder is 403.
"""

from __future__ import annotations

from uuid import UUID

from fts.errors import NotPermitted
from fts.server.authorization import REASONS, view_products
from fts.server.context import RequestContext
from fts.server.errors import BadRequest, Forbidden

MISSING_TOKEN_ERROR = NotPermitted
"""Error of a request without a token."""
FOREIGN = {403: "it is another bidder's"}
NO_BIDDER = {403: "this token may not bid"}
NO_OPERATOR = {400: "a bad token, or a body that cannot be read", 401: "no token", 403: "the token is not an admin's"}


def bidder(context: RequestContext) -> None:
    """Require that the token may create bids, and set its bidder."""
    view_products(context)
    found = context.app.application.can_create_bid(context.token)
    if found is None:
        raise Forbidden("this token may not bid; ask the operator for one of a bidder")
    context.bidder = str(found)


def own_bids(context: RequestContext) -> None:
    """Require that the path names the token's own bidder."""
    bidder(context)
    if context.params["bidder"] != context.bidder:
        raise Forbidden("these are another bidder's; a token gives its own bidder's only")


def read_bid(context: RequestContext) -> None:
    """Require that the token may read the bid that the path names."""
    if not context.app.application.can_read_bid(context.token, UUID(context.owner)):
        raise Forbidden("this bid is another bidder's; this token may not read it")


def update_bid(context: RequestContext) -> None:
    """Require that the token may change the bid that the path names; a new bid has no owner yet."""
    if context.owner and not context.app.application.can_update_bid(context.token, UUID(context.owner)):
        raise Forbidden("this bid is another bidder's; this token may not change it")


def manage_products(context: RequestContext) -> None:
    """Require that the token may create products."""
    _require_operator(context, context.app.application.can_manage_products(context.token), "manage products")


def run_batch(context: RequestContext) -> None:
    """Require that the token may run batches."""
    _require_operator(context, context.app.application.can_run_batch(context.token), "run batches")


def _require_operator(context: RequestContext, allowed: bool, action: str) -> None:
    if not context.app.application.can_view_products(context.token):
        raise BadRequest(f"this token is not valid here: {REASONS}")
    if not allowed:
        raise Forbidden(f"this token may not {action}: it is not an admin's")
