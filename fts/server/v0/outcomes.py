"""Routes about what auths and products traded, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fts.models.trade import Trade
from fts.server.permission import view_products
from fts.server.reply import JsonReply
from fts.server.route import Call, Route
from fts.server.schemas import ref
from fts.server.v0 import permission
from fts.server.v0.auths import find_owner
from fts.server.v0.page import page
from fts.server.v0.parameter import PAGE


def _of_auth(call: Call) -> Any:
    return _page(call, call.market.portfolio_trades(call.thing, call.given["before"], call.given["after"]))


def _of_product(call: Call) -> Any:
    return _page(call, call.market.product_trades(call.given["id"], call.given["before"], call.given["after"]))


def _page(call: Call, trades: Sequence[Trade]) -> Any:
    return page(trades, call.market.page_limit, lambda row: row.from_, lambda row: row.to_json(), call.given["after"])


ROUTES = (
    Route(
        "GET",
        "/v0/auths/{id}/outcomes",
        "Read what an auth traded",
        JsonReply(ref("TradePage"), "price and trade, batch by batch, newest first"),
        _of_auth,
        query=PAGE,
        without_token=permission.MISSING,
        allows=view_products,
        finds=find_owner,
        allows_thing=permission.read_bid,
        refuses=permission.FOREIGN,
    ),
    Route(
        "GET",
        "/v0/products/{id}/outcomes",
        "Read what a product was traded at",
        JsonReply(ref("TradePage"), "price and volume, batch by batch, newest first; none for an unknown product"),
        _of_product,
        query=PAGE,
        open_to_all=True,
    ),
)
