"""Routes of batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fts.errors import NotSolved
from fts.models.records import BatchRecord, Page
from fts.models.timestamps import format_instant
from fts.server import authorization
from fts.server.context import RequestContext
from fts.server.parameters import PAGE
from fts.server.responses import JsonReply, TextReply
from fts.server.route import Route
from fts.server.schemas import listed, ref

WITHHELD_REASON = "the market could not be cleared; a token that may run batches shows the reason"


def _run(context: RequestContext) -> str:
    record = context.market.run_batch()
    instant = format_instant(record.instant)
    if not record.cleared:
        raise NotSolved(f"the batch of {instant} was not solved, the last prices stay: {record.reason}")
    return instant


def _load(context: RequestContext) -> Any:
    return context.market.batch(context.params["instant"])


def _list(context: RequestContext) -> Page[BatchRecord]:
    page = context.market.batches(context.params["before"], context.params["after"])
    return replace(page, results=[_redact_reason(context, record) for record in page.results])


def _redact_reason(context: RequestContext, record: BatchRecord) -> BatchRecord:
    """Hide the reason of a failure from a token that may not run batches, because the reason names bids."""
    if not record.reason or context.app.application.can_run_batch(context.token):
        return record
    return replace(record, reason=WITHHELD_REASON)


ROUTES = (
    Route(
        "GET",
        "/batch",
        "List batches",
        JsonReply(ref("BatchPage"), "batches, newest first"),
        _list,
        query=PAGE,
        authorize=authorization.view_products,
    ),
    Route(
        "POST",
        "/batch",
        "Run a batch",
        TextReply(ref("Instant"), "its instant, the valid_from of its outcomes"),
        _run,
        authorize=authorization.run_batch,
        error_responses={422: "the market cannot be cleared; the batch is stored with this reason"},
        no_timeout=True,
    ),
    Route(
        "GET",
        "/batch/{instant}",
        "Read a batch",
        JsonReply(ref("Batch"), "the batch, with the proof of its outcome"),
        lambda context: _redact_reason(context, context.resource),
        authorize=authorization.view_products,
        load=_load,
        load_nonblocking=False,
    ),
    Route(
        "GET",
        "/batch/{instant}/prices",
        "Read all prices of a batch",
        JsonReply(listed(ref("Price")), "every product's price, volume and price interval"),
        lambda context: context.market.batch_prices(context.resource.instant),
        cache_until_batch=True,
        authorize=authorization.view_products,
        load=_load,
        load_nonblocking=False,
    ),
    Route(
        "GET",
        "/batch/{instant}/auction",
        "Read the auction of a batch",
        JsonReply(ref("Auction"), "the auction that it cleared, as a file"),
        lambda context: context.market.batch_auction(context.resource.instant),
        authorize=authorization.run_batch,
        load=_load,
        load_nonblocking=False,
    ),
)
