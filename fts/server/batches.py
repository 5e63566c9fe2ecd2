"""Routes about batches, and what is told of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fts.errors import NotSolved
from fts.models.instant import write_instant
from fts.models.records import BatchRecord, Page
from fts.server import permission
from fts.server.parameter import PAGE
from fts.server.reply import JsonReply, TextReply
from fts.server.route import Call, Route
from fts.server.schemas import listed, ref

WITHHELD = "the market could not be cleared; a token that may run batches is told why"


def _run(call: Call) -> str:
    record = call.market.run_batch()
    instant = write_instant(record.instant)
    if not record.cleared:
        raise NotSolved(f"the batch of {instant} was not solved, the last prices stay: {record.reason}")
    return instant


def _find(call: Call) -> Any:
    return call.market.batch(call.given["instant"])


def _list(call: Call) -> Page[BatchRecord]:
    page = call.market.batches(call.given["before"], call.given["after"])
    return replace(page, results=[_shown(call, record) for record in page.results])


def _shown(call: Call, record: BatchRecord) -> BatchRecord:
    """The record as this token may see it: the reason of a failure names bids, and bids are their bidders' own."""
    if not record.reason or call.desk.application.can_run_batch(call.token):
        return record
    return replace(record, reason=WITHHELD)


ROUTES = (
    Route(
        "GET",
        "/batch",
        "List batches",
        JsonReply(ref("BatchPage"), "batches, newest first"),
        _list,
        query=PAGE,
        allows=permission.view_products,
    ),
    Route(
        "POST",
        "/batch",
        "Run a batch",
        TextReply(ref("Instant"), "its instant, the valid_from of its outcomes"),
        _run,
        allows=permission.run_batch,
        refuses={422: "the market cannot be cleared; the batch is stored with this reason"},
        patient=True,
    ),
    Route(
        "GET",
        "/batch/{instant}",
        "Read a batch",
        JsonReply(ref("Batch"), "the batch, with the proof of its outcome"),
        lambda call: _shown(call, call.thing),
        allows=permission.view_products,
        finds=_find,
        finds_quickly=False,
    ),
    Route(
        "GET",
        "/batch/{instant}/prices",
        "Read all prices of a batch",
        JsonReply(listed(ref("Price")), "every product's price, volume and price interval"),
        lambda call: call.market.batch_prices(call.thing.instant),
        until_batch=True,
        allows=permission.view_products,
        finds=_find,
        finds_quickly=False,
    ),
    Route(
        "GET",
        "/batch/{instant}/auction",
        "Read the auction of a batch",
        JsonReply(ref("Auction"), "the auction that it cleared, as a file"),
        lambda call: call.market.batch_auction(call.thing.instant),
        allows=permission.run_batch,
        finds=_find,
        finds_quickly=False,
    ),
)
