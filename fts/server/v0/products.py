"""Routes about products; only making them needs a token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fts.errors import InvalidInput
from fts.exchange.deliveries import Delivery
from fts.models.instant import write_instant
from fts.ports.application import Application
from fts.server.body import Body, read_app_data, read_fields
from fts.server.limits import Limits
from fts.server.refusal import BadRequest
from fts.server.reply import JsonReply
from fts.server.route import Call, Route
from fts.server.schemas import listed, ref
from fts.server.v0 import permission
from fts.server.v0.page import write_exactly
from fts.server.v0.parameter import PRODUCTS

EXAMPLE = {"kind": "FORWARD", "from": "2027-06-02T12:00:00Z", "thru": "2027-06-02T13:00:00Z"}


def write_delivery(delivery: Delivery) -> dict[str, Any]:
    """A product as ``/v0`` shows it."""
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "from": write_instant(delivery.from_),
        "thru": write_instant(delivery.thru),
    }


def _list(call: Call) -> Any:
    given, limit = call.given, call.market.page_limit
    try:
        found = call.market.deliveries(given["kind"], given["before"], given["after"], given["cursor"])
    except InvalidInput as error:
        raise BadRequest(str(error)) from error
    page: dict[str, Any] = {"results": [write_delivery(delivery) for delivery in found[:limit]]}
    if len(found) > limit:
        # What follows starts at this instant or later, so it ends later; the cursor leaves out what was shown.
        page["more"] = _query(given) | {"after": write_instant(found[limit].from_), "cursor": found[limit - 1].id}
    return page


def _query(given: dict[str, Any]) -> dict[str, str]:
    query = {} if given["kind"] is None else {"kind": given["kind"]}
    if given["before"] is not None:
        query["before"] = write_exactly(given["before"] - datetime.resolution)
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
        open_to_all=True,
    ),
    Route(
        "GET",
        "/v0/products/{id}",
        "Read a delivery",
        JsonReply(ref("Delivery"), "the product"),
        lambda call: write_delivery(call.thing),
        finds=lambda call: call.market.delivery(call.given["id"]),
        open_to_all=True,
    ),
    Route(
        "POST",
        "/admin/products",
        "Create deliveries",
        JsonReply(listed(ref("Id")), "their ids, in order"),
        lambda call: call.market.create_deliveries(call.body),
        body=_new,
        without_token=permission.MISSING,
        allows=permission.manage_products,
        refuses=permission.NO_OPERATOR | {409: "one of them is there already; nothing was created"},
    ),
)
