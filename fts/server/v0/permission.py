"""Asking the application whether a token allows something, as the ``/v0`` contract answers.

A token is bad (401) when it may not even view products; 403 is for what is someone else's.
"""

from __future__ import annotations

from uuid import UUID

from fts.errors import NotPermitted
from fts.server.permission import REASONS, view_products
from fts.server.refusal import BadRequest, NotYours
from fts.server.route import Call

MISSING = NotPermitted
"""What a request without a token is refused with."""
FOREIGN = {403: "it is another bidder's"}
NO_BIDDER = {403: "this token may not bid"}
NO_OPERATOR = {400: "a bad token, or a body that cannot be read", 401: "no token", 403: "the token is not an admin's"}


def bidder(call: Call) -> None:
    """Whose bids these are."""
    view_products(call)
    found = call.desk.application.can_create_bid(call.token)
    if found is None:
        raise NotYours("this token may not bid; ask the operator for one of a bidder")
    call.bidder = str(found)


def oneself(call: Call) -> None:
    """The bidder that the path names is who asks."""
    bidder(call)
    if call.given["bidder"] != call.bidder:
        raise NotYours("these are another bidder's; a token gives its own bidder's only")


def read_bid(call: Call) -> None:
    """The bid that was found may be read."""
    if not call.desk.application.can_read_bid(call.token, UUID(call.owner)):
        raise NotYours("this bid is another bidder's; this token may not read it")


def update_bid(call: Call) -> None:
    """The bid that was found may be changed; where none was, a new one is made."""
    if call.owner and not call.desk.application.can_update_bid(call.token, UUID(call.owner)):
        raise NotYours("this bid is another bidder's; this token may not change it")


def manage_products(call: Call) -> None:
    """Products may be made."""
    _check_operator(call, call.desk.application.can_manage_products(call.token), "manage products")


def run_batch(call: Call) -> None:
    """Batches may be run."""
    _check_operator(call, call.desk.application.can_run_batch(call.token), "run batches")


def _check_operator(call: Call, allowed: bool, what: str) -> None:
    if not call.desk.application.can_view_products(call.token):
        raise BadRequest(f"this token is not valid here: {REASONS}")
    if not allowed:
        raise NotYours(f"this token may not {what}: it is not an admin's")
