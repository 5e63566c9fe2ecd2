"""Asking the application whether a token allows something."""

from __future__ import annotations

from uuid import UUID

from fts.errors import NotPermitted
from fts.server.route import Call


def create_bid(call: Call) -> None:
    """Whose bid this would be."""
    bidder = call.desk.application.can_create_bid(call.token)
    if bidder is None:
        raise NotPermitted("this token may not bid; use a valid token of a bidder")
    call.bidder = str(bidder)


def query_bid(call: Call) -> None:
    """Whose bids may be listed."""
    bidders = call.desk.application.can_query_bid(call.token)
    if not bidders:
        raise NotPermitted("this token may not list bids; use a valid token of a bidder")
    call.bidders = [str(bidder) for bidder in bidders]


def read_bid(call: Call) -> None:
    """The bid that was found may be read."""
    if not call.desk.application.can_read_bid(call.token, UUID(call.owner)):
        raise NotPermitted("this token may not read this bid; use a valid token of its bidder")


def update_bid(call: Call) -> None:
    """The bid that was found may be changed."""
    if not call.desk.application.can_update_bid(call.token, UUID(call.owner)):
        raise NotPermitted("this token may not change this bid; use a valid token of its bidder")


def view_products(call: Call) -> None:
    """Products, prices and batches may be read."""
    if not call.desk.application.can_view_products(call.token):
        raise NotPermitted("this token is not valid here; use one that this exchange accepts and that has not expired")


def manage_products(call: Call) -> None:
    """Products may be made."""
    if not call.desk.application.can_manage_products(call.token):
        raise NotPermitted("this token may not manage products; use a valid token of an admin")


def run_batch(call: Call) -> None:
    """A batch may be run, and its auction read."""
    if not call.desk.application.can_run_batch(call.token):
        raise NotPermitted("this token may not run batches; use a valid token of an admin")
