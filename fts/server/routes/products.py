"""Routes of products."""

from __future__ import annotations

from typing import Any

from fts.errors import InvalidInput
from fts.exchange.parsing import parse_ratio
from fts.ports.application import Application
from fts.server import authorization
from fts.server.context import RequestContext
from fts.server.errors import BadRequest
from fts.server.limits import Limits
from fts.server.parameters import CURSOR, FROM, KIND, PAGE, THRU
from fts.server.request_body import Body, read_app_data, read_fields
from fts.server.responses import JsonReply
from fts.server.route import Route
from fts.server.schemas import listed, ref

EXAMPLE = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
HALF = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T12:30:00Z"}


def _creation_body(application: Application) -> Body:
    return Body(
        lambda value, application, limits: read_app_data(application.product_data, value), ref("ProductData"), EXAMPLE
    )


def _create(context: RequestContext) -> Any:
    return context.market.create_product(context.body)


def _split_body(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> list[tuple[Any, float]]:
        if not isinstance(value, list):
            raise InvalidInput("the body must be a list of {app_data, ratio}")
        if not value:
            raise BadRequest("the list is empty; a product is split into at least one other")
        kind = application.product_data
        parts = [read_fields(part, "app_data", "ratio") for part in value]
        return [(read_app_data(kind, part["app_data"]), parse_ratio(part["ratio"])) for part in parts]

    return Body(read, {**listed(ref("Part")), "minItems": 1}, [{"app_data": HALF, "ratio": 1}])


def load(context: RequestContext) -> Any:
    """Load the product that the path names."""
    return context.market.product(context.params["id"])


def _load_id(context: RequestContext) -> Any:
    return context.market.product(context.params["id"]).id


def _list(context: RequestContext) -> Any:
    params = context.params
    try:
        return context.market.products(params["kind"], params["from"], params["thru"], params["cursor"])
    except InvalidInput as error:
        raise BadRequest(str(error)) from error


def _outcomes(context: RequestContext) -> Any:
    return context.market.history.product_outcomes(
        context.resource.id, context.params["before"], context.params["after"]
    )


ROUTES = (
    Route(
        "GET",
        "/product",
        "List products",
        JsonReply(ref("ProductPage"), "products by start of delivery"),
        _list,
        query={"kind": KIND, "from": FROM, "thru": THRU, "cursor": CURSOR},
        authorize=authorization.view_products,
    ),
    Route(
        "POST",
        "/product",
        "Create a product",
        JsonReply(ref("Product"), "the new product", status=201),
        _create,
        body=_creation_body,
        authorize=authorization.manage_products,
        error_responses={409: "this product is there already"},
    ),
    Route(
        "GET",
        "/product/{id}",
        "Read a product",
        JsonReply(ref("Product"), "the product"),
        lambda context: context.resource,
        nonblocking=True,
        authorize=authorization.view_products,
        load=load,
    ),
    Route(
        "POST",
        "/product/{id}",
        "Split a product",
        JsonReply(listed(ref("Product")), "the new products, in order", status=201),
        lambda context: context.market.split_product(context.resource, context.body),
        body=_split_body,
        authorize=authorization.manage_products,
        load=_load_id,
        error_responses={403: "it is split already", 409: "one of the new products is there already"},
    ),
    Route(
        "GET",
        "/product/{id}/outcomes",
        "Read the prices of a product",
        JsonReply(ref("OutcomePage"), "price and traded volume, batch by batch, newest first"),
        _outcomes,
        cache_until_batch=True,
        query=PAGE,
        authorize=authorization.view_products,
        load=load,
    ),
)
