"""Routes of products; only their creation needs a token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fts.errors import InvalidInput
from fts.exchange.v0.deliveries import Delivery
from fts.models.timestamps import format_instant
from fts.ports.application import Application
from fts.server.context import RequestContext
from fts.server.errors import BadRequest
from fts.server.limits import Limits
from fts.server.request_body import Body, read_app_data, read_fields
from fts.server.responses import JsonReply
from fts.server.route import Route
from fts.server.schemas import listed, ref
from fts.server.v0 import authorization
from fts.server.v0.pagination import format_exactly
from fts.server.v0.parameters import PRODUCTS

EXAMPLE = {"kind": "FORWARD", "from": "2027-06-02T12:00:00Z", "thru": "2027-06-02T13:00:00Z"}


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """Convert a product to its JSON."""
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "from": format_instant(delivery.from_),
        "thru": format_instant(delivery.thru),
    }


def _list(context: RequestContext) -> Any:
    params = context.params
    try:
        found = context.market.v0.deliveries(params["kind"], params["before"], params["after"], params["cursor"])
    except InvalidInput as error:
        raise BadRequest(str(error)) from error
    page: dict[str, Any] = {"results": [delivery_json(delivery) for delivery in found]}
    if found.more is not None:
        page["more"] = _query(params) | {"after": format_instant(found.more["after"]), "cursor": found.more["cursor"]}
    return page


def _query(params: dict[str, Any]) -> dict[str, str]:
    query = {} if params["kind"] is None else {"kind": params["kind"]}
    if params["before"] is not None:
        query["before"] = format_exactly(params["before"] - datetime.resolution)
    return query


def _new(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidInput("the body must be a list of {kind, from, thru}")
        for product in value:
            read_fields(product, "kind", "from", "thru")
        return [read_app_data(application.product_data, product) for product in value]

    return Body(read, listed(ref("NewDelivery")), [EXAMPLE])


ROUTES = (
    Route(
        "GET",
        "/v0/products",
        "List deliveries",
        JsonReply(ref("DeliveryPage"), "products by start and end of delivery"),
        _list,
        query=PRODUCTS,
        public=True,
    ),
    Route(
        "GET",
        "/v0/products/{id}",
        "Read a delivery",
        JsonReply(ref("Delivery"), "the product"),
        lambda context: delivery_json(context.resource),
        load=lambda context: context.market.v0.delivery(context.params["id"]),
        public=True,
    ),
    Route(
        "POST",
        "/admin/products",
        "Create deliveries",
        JsonReply(listed(ref("Id")), "their ids, in order"),
        lambda context: context.market.v0.create_deliveries(context.body),
        body=_new,
        missing_token_error=authorization.MISSING_TOKEN_ERROR,
        authorize=authorization.manage_products,
        error_responses=authorization.NO_OPERATOR | {409: "one of them is there already; nothing was created"},
    ),
)
