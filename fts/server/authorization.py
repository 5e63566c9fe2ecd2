"""Authorization: the application decides if a token has a permission."""

from __future__ import annotations

from uuid import UUID

from fts.errors import NotPermitted
from fts.server.context import RequestContext

REASONS = "it has expired, is not signed by this exchange, or names no bidder; ask the operator for a new one"


def create_bid(context: RequestContext) -> None:
    """Require that the token may create bids, and set the bidder of the new bid."""
    bidder = context.app.application.can_create_bid(context.token)
    if bidder is None:
        raise NotPermitted(f"this token may not bid: {REASONS}")
    context.bidder = str(bidder)


def query_bid(context: RequestContext) -> None:
    """Require that the token may list bids, and set the bidders whose bids it may list."""
    bidders = context.app.application.can_query_bid(context.token)
    if not bidders:
        raise NotPermitted(f"this token may not list bids: {REASONS}")
    context.bidders = [str(bidder) for bidder in bidders]


def read_bid(context: RequestContext) -> None:
    """Require that the token may read the bid that the path names."""
    if not context.app.application.can_read_bid(context.token, UUID(context.owner)):
        raise NotPermitted(f"this token may not read this bid: it is another bidder's, or {REASONS}")


def update_bid(context: RequestContext) -> None:
    """Require that the token may change the bid that the path names."""
    if not context.app.application.can_update_bid(context.token, UUID(context.owner)):
        raise NotPermitted(f"this token may not change this bid: it is another bidder's, or {REASONS}")


def view_products(context: RequestContext) -> None:
    """Require that the token may read products, prices and batches."""
    if not context.app.application.can_view_products(context.token):
        raise NotPermitted(f"this token is not valid here: {REASONS}")


def manage_products(context: RequestContext) -> None:
    """Require that the token may create products."""
    if not context.app.application.can_manage_products(context.token):
        raise NotPermitted(f"this token may not manage products: it is not an admin's, or {REASONS}")


def read_metrics(context: RequestContext) -> None:
    """Require that the token may run batches; a request from this machine needs no token."""
    if context.token:
        run_batch(context)


def run_batch(context: RequestContext) -> None:
    """Require that the token may run a batch and read its auction."""
    if not context.app.application.can_run_batch(context.token):
        raise NotPermitted(f"this token may not run batches: it is not an admin's, or {REASONS}")
