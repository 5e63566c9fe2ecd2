"""Routes about products."""

from __future__ import annotations

from typing import Any

from fts.errors import InvalidInput
from fts.exchange.given import read_ratio
from fts.ports.application import Application
from fts.server import permission
from fts.server.body import Body, read_app_data, read_fields
from fts.server.limits import Limits
from fts.server.parameter import CURSOR, FROM, KIND, PAGE, THRU
from fts.server.refusal import BadRequest
from fts.server.reply import JsonReply
from fts.server.route import Call, Route
from fts.server.schemas import listed, ref

EXAMPLE = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
HALF = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T12:30:00Z"}


def _data(application: Application) -> Body:
    return Body(
        lambda value, application, limits: read_app_data(application.product_data, value), ref("ProductData"), EXAMPLE
    )


def _create(call: Call) -> Any:
    return call.market.create_product(call.body)


def _parts(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> list[tuple[Any, float]]:
        if not isinstance(value, list):
            raise InvalidInput("the body must be a list of {app_data, ratio}")
        if not value:
            raise BadRequest("the list is empty; a product is split into at least one other")
        kind = application.product_data
        parts = [read_fields(part, "app_data", "ratio") for part in value]
        return [(read_app_data(kind, part["app_data"]), read_ratio(part["ratio"])) for part in parts]

    return Body(read, {**listed(ref("Part")), "minItems": 1}, [{"app_data": HALF, "ratio": 1}])


def find(call: Call) -> Any:
    """The product that the path names."""
    return call.market.product(call.given["id"])


def _find_id(call: Call) -> Any:
    return call.market.product(call.given["id"]).id


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
        quick=True,
        allows=permission.view_products,
        finds=find,
    ),
    Route(
        "POST",
        "/product/{id}",
        "Split a product",
        JsonReply(listed(ref("Product")), "the new products, in order", status=201),
        lambda call: call.market.split_product(call.thing, call.body),
        body=_parts,
        allows=permission.manage_products,
        finds=_find_id,
        refuses={403: "it is split already", 409: "one of the new products is there already"},
    ),
    Route(
        "GET",
        "/product/{id}/outcomes",
        "Read the prices of a product",
        JsonReply(ref("OutcomePage"), "price and traded volume, batch by batch, newest first"),
        _outcomes,
        until_batch=True,
        query=PAGE,
        allows=permission.view_products,
        finds=find,
    ),
)
