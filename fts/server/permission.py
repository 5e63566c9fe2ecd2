"""Asking the application whether a token allows something."""

from __future__ import annotations

from uuid import UUID

from fts.errors import NotPermitted
from fts.server.route import Call

REASONS = "it has expired, is not signed by this exchange, or names no bidder; ask the operator for a new one"


def create_bid(call: Call) -> None:
    """Whose bid this would be."""
    bidder = call.desk.application.can_create_bid(call.token)
    if bidder is None:
        raise NotPermitted(f"this token may not bid: {REASONS}")
    call.bidder = str(bidder)


def query_bid(call: Call) -> None:
    """Whose bids may be listed."""
    bidders = call.desk.application.can_query_bid(call.token)
    if not bidders:
        raise NotPermitted(f"this token may not list bids: {REASONS}")
    call.bidders = [str(bidder) for bidder in bidders]


def read_bid(call: Call) -> None:
    """The bid that was found may be read."""
    if not call.desk.application.can_read_bid(call.token, UUID(call.owner)):
        raise NotPermitted(f"this token may not read this bid: it is another bidder's, or {REASONS}")


def update_bid(call: Call) -> None:
    """The bid that was found may be changed."""
    if not call.desk.application.can_update_bid(call.token, UUID(call.owner)):
        raise NotPermitted(f"this token may not change this bid: it is another bidder's, or {REASONS}")


def view_products(call: Call) -> None:
    """Products, prices and batches may be read."""
    if not call.desk.application.can_view_products(call.token):
        raise NotPermitted(f"this token is not valid here: {REASONS}")


def manage_products(call: Call) -> None:
    """Products may be made."""
    if not call.desk.application.can_manage_products(call.token):
        raise NotPermitted(f"this token may not manage products: it is not an admin's, or {REASONS}")


def read_metrics(call: Call) -> None:
    """The exchange's own measures may be read: from this machine by anyone, else by who may run batches."""
    if call.token:
        run_batch(call)


def run_batch(call: Call) -> None:
    """A batch may be run, and its auction read."""
    if not call.desk.application.can_run_batch(call.token):
        raise NotPermitted(f"this token may not run batches: it is not an admin's, or {REASONS}")
