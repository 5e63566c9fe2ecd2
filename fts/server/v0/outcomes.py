"""Routes of the trades of auths and products, one per batch."""

from __future__ import annotations

from typing import Any

from fts.models.v0 import Trade
from fts.server.authorization import view_products
from fts.server.context import RequestContext
from fts.server.responses import JsonReply
from fts.server.route import Route
from fts.server.schemas import ref
from fts.server.v0 import authorization
from fts.server.v0.auths import load_owner
from fts.server.v0.pagination import write_page
from fts.server.v0.parameters import PAGE


def _of_auth(context: RequestContext) -> Any:
    trades = context.market.v0.portfolio_trades(context.resource, context.params["before"], context.params["after"])
    return write_page(trades, Trade.to_json)


def _of_product(context: RequestContext) -> Any:
    trades = context.market.v0.product_trades(context.params["id"], context.params["before"], context.params["after"])
    return write_page(trades, Trade.to_json)


ROUTES = (
    Route(
        "GET",
        "/v0/auths/{id}/outcomes",
        "Read what an auth traded",
        JsonReply(ref("TradePage"), "price and trade, batch by batch, newest first"),
        _of_auth,
        query=PAGE,
        missing_token_error=authorization.MISSING_TOKEN_ERROR,
        authorize=view_products,
        load=load_owner,
        authorize_resource=authorization.read_bid,
        error_responses=authorization.FOREIGN,
    ),
    Route(
        "GET",
        "/v0/products/{id}/outcomes",
        "Read what a product was traded at",
        JsonReply(ref("TradePage"), "price and volume, batch by batch, newest first; none for an unknown product"),
        _of_product,
        query=PAGE,
        public=True,
    ),
)
