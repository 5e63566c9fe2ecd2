"""What the JSON of ``/v0`` looks like, for its OpenAPI document: one name for each shape."""

from __future__ import annotations

from fts.server.schemas import NUMBER, TEXT, Schema, fields, listed, null_or, ref


def page(row: Schema, description: str) -> Schema:
    """A page of such rows."""
    more = fields({}, {"before": ref("Instant"), "after": ref("Instant")}, "the query of the next page")
    return fields({"results": listed(row)}, {"more": more}, description)


SHAPES: dict[str, Schema] = {
    "Delivery": fields(
        {"id": ref("Id"), "kind": TEXT, "from": ref("Instant"), "thru": ref("Instant")},
        description="A product: FORWARD, OPTION or another kind, and from when until when it is delivered.",
    ),
    "NewDelivery": fields({"kind": TEXT, "from": ref("Instant"), "thru": ref("Instant")}),
    "DeliveryPage": fields(
        {"results": listed(ref("Delivery"))},
        {
            "more": fields(
                {},
                {"kind": TEXT, "before": ref("Instant"), "after": ref("Instant"), "cursor": TEXT},
                "the query of the next page",
            )
        },
        "By start and end of delivery, and kind.",
    ),
    "Bounds": fields(
        {},
        {"min_trade": null_or(NUMBER), "max_trade": null_or(NUMBER)},
        "Of the quantity that is ever traded: min_trade <= max_trade; null is unlimited.",
    ),
}
