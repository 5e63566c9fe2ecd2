"""JSON schemas of the current contract, by name, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from fts.ports.application import Application

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to the schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(schema: Schema) -> Schema:
    """Build the schema of a list."""
    return {"type": "array", "items": schema}


def fields(required: dict[str, Schema], optional: dict[str, Schema] | None = None, description: str = "") -> Schema:
    """Build the schema of an object with these keys."""
    schema: Schema = {"type": "object", "properties": required | (optional or {})}
    if required:
        schema["required"] = list(required)
    if description:
        schema["description"] = description
    return schema


def null_or(schema: Schema) -> Schema:
    """Build the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _page(row: Schema, description: str) -> Schema:
    more = fields({}, {"before": ref("Instant"), "after": ref("Instant")}, "the query of the next page")
    return fields({"results": listed(row)}, {"more": more}, description)


NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string"}
VALIDITY = {"valid_from": ref("Instant"), "valid_until": null_or(ref("Instant"))}

_CURVE: Schema = {
    "description": "A demand curve: marginal price over rate. Points whose rates never fall and whose prices never "
    "rise, or one price between two rates, of which null is unlimited. Rate 0 lies inside.",
    "anyOf": [
        {"type": "array", "minItems": 1, "items": ref("Point")},
        fields({"price": NUMBER}, {"min_rate": null_or(NUMBER), "max_rate": null_or(NUMBER)}),
    ],
}
_WEIGHTS_GIVEN: Schema = {
    "description": "Weights by id; a list of ids weighs each 1, and so does one id alone.",
    "anyOf": [
        {"type": "object", "additionalProperties": NUMBER},
        listed(ref("Id")),
        ref("Id"),
        {"type": "null"},
    ],
}
_WEIGHTS: Schema = {
    "description": "Weights by id; null where there are none.",
    "anyOf": [{"type": "object", "additionalProperties": NUMBER, "minProperties": 1}, {"type": "null"}],
}
_CERTIFICATE = fields(
    {
        "status": TEXT,
        **dict.fromkeys(("imbalance", "domain", "consistency", "gap", "fit"), null_or(NUMBER)),
        "welfare": null_or(NUMBER),
        "tol": NUMBER,
        "iterations": COUNT,
        "seconds": NUMBER,
    },
    description="How far prices and rates are from clearing the auction; measures without a unit, welfare in money "
    "per time unit.",
)
_BATCH = fields(
    {
        "instant": ref("Instant"),
        "solved_at": ref("Instant"),
        "thru": null_or(ref("Instant")),
        "status": {"type": "string", "enum": ["solved", "exact", "other rule", "not solved"]},
        "solver": TEXT,
        "seconds": NUMBER,
        "products": COUNT,
        "demands": COUNT,
        "portfolios": COUNT,
    },
    {"reason": TEXT, "certificate": ref("Certificate")},
    "A batch; one that was not solved has a reason and no outcome.",
)
_AUCTION = fields(
    {
        "demand_curves": {"type": "object", "additionalProperties": null_or(ref("Curve"))},
        "portfolios": {
            "type": "object",
            "additionalProperties": fields({"demand": ref("WeightsGiven"), "basis": ref("WeightsGiven")}),
        },
    },
    description="An auction file.",
)

SCHEMAS: dict[str, Schema] = {
    "Id": {"type": "string", "format": "uuid"},
    "Instant": {"type": "string", "format": "date-time", "description": "RFC 3339, in UTC, ending in Z"},
    "Point": fields({"rate": NUMBER, "price": NUMBER}),
    "Curve": _CURVE,
    "WeightsGiven": _WEIGHTS_GIVEN,
    "Weights": _WEIGHTS,
    "Error": fields({"detail": TEXT}, description="What rule was broken, where, and what to do."),
    "Health": fields({"status": {"const": "ok"}}),
    "Market": fields(
        {
            "time_unit": TEXT,
            "quantity_unit": TEXT,
            "money_unit": TEXT,
            "schedule": null_or(fields({"from": ref("Instant"), "every": TEXT})),
            "version": TEXT,
        },
        description="Rates are quantity per time unit, prices money per quantity; batches run at from + k·every.",
    ),
    "Product": fields(
        {
            "id": ref("Id"),
            "app_data": ref("ProductData"),
            "parent": {
                "type": "array",
                "prefixItems": [ref("Id"), NUMBER],
                "minItems": 2,
                "maxItems": 2,
                "description": "the product it was split from, and how much of it one unit of that is",
            },
            "basis": {"type": "object", "additionalProperties": NUMBER},
        }
    ),
    "Part": fields(
        {"app_data": ref("ProductData"), "ratio": {"type": "number", "exclusiveMinimum": 0}},
        description="One unit of the product that is split is `ratio` units of this one.",
    ),
    "ProductPage": fields(
        {"results": listed(ref("Product"))},
        {"more": fields({"cursor": TEXT}, description="the query of the next page")},
        "By start and end of delivery.",
    ),
    "NewDemand": fields({"app_data": ref("DemandData"), "curve_data": null_or(ref("Curve"))}),
    "Demand": fields(
        {
            "id": ref("Id"),
            **VALIDITY,
            "bidder_id": ref("Id"),
            "app_data": ref("DemandData"),
            "curve_data": null_or(ref("Curve")),
            "portfolios": ref("Weights"),
        }
    ),
    "NewPortfolio": fields(
        {"app_data": ref("PortfolioData"), "demand": ref("WeightsGiven"), "basis": ref("WeightsGiven")}
    ),
    "PortfolioChange": fields(
        {},
        {"demand": ref("WeightsGiven"), "basis": ref("WeightsGiven")},
        "A group that is absent or null stays; {} or [] empties it.",
    ),
    "Portfolio": fields(
        {
            "id": ref("Id"),
            **VALIDITY,
            "bidder_id": ref("Id"),
            "app_data": ref("PortfolioData"),
            "demand": ref("Weights"),
            "basis": ref("Weights"),
        }
    ),
    "DemandRow": fields(
        {"curve_data": null_or(ref("Curve"))},
        {"id": ref("Id"), "app_data": ref("DemandData")},
        "One row: with `id` it changes the curve of this demand, without it makes a new one with `app_data`.",
    ),
    "PortfolioRow": fields(
        {},
        {"id": ref("Id"), "app_data": ref("PortfolioData")} | dict.fromkeys(("demand", "basis"), ref("WeightsGiven")),
        "One row: with `id` it changes the groups that are given, without it makes a new portfolio and needs the rest.",
    ),
    "Bulk": fields({"valid_from": ref("Instant"), "ids": listed(ref("Id"))}),
    "OutcomePage": _page(
        fields({**VALIDITY, "value": fields({"price": null_or(NUMBER), "rate": NUMBER})}),
        "Prices and rates, newest first.",
    ),
    "CurvePage": _page(fields({**VALIDITY, "value": ref("Curve")}), "Curves, newest first."),
    "WeightsPage": _page(fields({**VALIDITY, "value": ref("Weights")}), "Weights by id, newest first."),
    "Certificate": _CERTIFICATE,
    "Batch": _BATCH,
    "BatchPage": _page(ref("Batch"), "Batches, newest first."),
    "Price": fields(
        {"product": ref("Id"), "price": null_or(NUMBER), "rate": NUMBER},
        {"price_low": null_or(NUMBER), "price_high": null_or(NUMBER)},
        "Price and traded volume of a product. The ends of the interval of clearing prices are null where unlimited, "
        "and left out where they were not computed.",
    ),
    "Auction": _AUCTION,
}


def schemas_of(application: Application) -> dict[str, Schema]:
    """Collect all schemas, with those of the application's data types."""
    schemas = dict(SCHEMAS)
    kinds = {
        "ProductData": application.product_data,
        "DemandData": application.demand_data,
        "PortfolioData": application.portfolio_data,
    }
    for name, kind in kinds.items():
        try:
            schema = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
        except PydanticInvalidForJsonSchema:
            schema = {}
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
    return schemas
