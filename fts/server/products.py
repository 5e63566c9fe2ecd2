"""Routes about products."""

from __future__ import annotations

from typing import Any

from fts.errors import InvalidInput
from fts.ports.application import Application
from fts.server import permission
from fts.server.body import Body, read_app_data
from fts.server.parameter import CURSOR, FROM, KIND, PAGE, THRU
from fts.server.refusal import BadRequest
from fts.server.route import Call, JsonReply, Route
from fts.server.schemas import ref

EXAMPLE = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}


def _data(application: Application) -> Body:
    return Body(
        lambda value, application, limits: read_app_data(application.product_data, value), ref("ProductData"), EXAMPLE
    )


def _create(call: Call) -> Any:
    return call.market.create_product(call.body)


def find(call: Call) -> Any:
    """The product that the path names."""
    return call.market.product(call.given["id"])


def _list(call: Call) -> Any:
    given = call.given
    try:
        products, cursor = call.market.products(given["kind"], given["from"], given["thru"], given["cursor"])
    except InvalidInput as error:
        raise BadRequest(str(error)) from error
    page: dict[str, Any] = {"results": [product.to_json() for product in products]}
    if cursor is not None:
        page["more"] = {"cursor": cursor}
    return page


def _outcomes(call: Call) -> Any:
    return call.market.product_outcomes(call.thing.id, call.given["before"], call.given["after"])


ROUTES = (
    Route(
        "GET",
        "/product",
        "List products",
        JsonReply(ref("ProductPage"), "products by start of delivery"),
        _list,
        query={"kind": KIND, "from": FROM, "thru": THRU, "cursor": CURSOR},
        allows=permission.view_products,
    ),
    Route(
        "POST",
        "/product",
        "Create a product",
        JsonReply(ref("Product"), "the new product", status=201),
        _create,
        body=_data,
        allows=permission.manage_products,
        refuses={409: "this product is there already"},
    ),
    Route(
        "GET",
        "/product/{id}",
        "Read a product",
        JsonReply(ref("Product"), "the product"),
        lambda call: call.thing,
        allows=permission.view_products,
        finds=find,
    ),
    Route(
        "GET",
        "/product/{id}/outcomes",
        "Read the prices of a product",
        JsonReply(ref("OutcomePage"), "price and traded volume, batch by batch, newest first"),
        _outcomes,
        query=PAGE,
        allows=permission.view_products,
        finds=find,
    ),
)
