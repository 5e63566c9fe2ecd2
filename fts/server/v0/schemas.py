"""JSON schemas of ``/v0``, by name, for its OpenAPI document."""

from __future__ import annotations

from fts.server.schemas import NUMBER, TEXT, Schema, fields, listed, null_or, ref


def page_schema(row: Schema, description: str) -> Schema:
    """Build the schema of a page of rows."""
    more = fields({}, {"before": ref("Instant"), "after": ref("Instant")}, "the query of the next page")
    return fields({"results": listed(row)}, {"more": more}, description)


def _change(members: str, data: str) -> Schema:
    return {
        "description": f"With a {members} it is made, with data alone changed; null stops it.",
        "anyOf": [fields({"data": ref(data)}, {members: null_or(_MEMBERS_GIVEN)}), {"type": "null"}],
    }


def _entry(name: str, members: str, data: str) -> Schema:
    kept = fields({name: ref("Id")}, {"data": {"type": "null"}, members: {"type": "null"}})
    return {"anyOf": [fields({name: ref("Id"), "data": ref(data)}, {members: null_or(_MEMBERS_GIVEN)}), kept]}


_MEMBERS: Schema = {"description": "Weights by id.", "type": "object", "additionalProperties": NUMBER}
_MEMBERS_GIVEN: Schema = {
    "description": "Weights by id; a list of ids weighs each 1, and so does one id alone.",
    "anyOf": [{"type": "object", "additionalProperties": NUMBER}, listed(ref("Id")), ref("Id")],
}
_LIMIT: Schema = {"description": "null: unlimited", **null_or(NUMBER)}
_BOUNDS: dict[str, Schema] = {"min_trade": _LIMIT, "max_trade": _LIMIT}

SCHEMAS: dict[str, Schema] = {
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
    "Auth": fields(
        {
            "bidder_id": ref("Id"),
            "auth_id": ref("Id"),
            "data": null_or(ref("AuthData")),
            "version": ref("Instant"),
            "trade": NUMBER,
        },
        {"portfolio": _MEMBERS},
        "A portfolio with its own demand. `trade` is what it has traded; stopped, its data are null.",
    ),
    "AuthData": fields({"demand": ref("Curve"), "min_rate": _LIMIT, "max_rate": _LIMIT} | _BOUNDS),
    "NewAuthData": {
        "description": "The demand; or, as older clients write, the rates between which it trades while some cost "
        "refers to it. min_trade and max_trade limit the quantity that is ever traded: min_trade <= max_trade.",
        "anyOf": [fields({"demand": ref("Curve")}, _BOUNDS), fields({"min_rate": _LIMIT, "max_rate": _LIMIT}, _BOUNDS)],
    },
    "NewAuth": fields({"portfolio": _MEMBERS_GIVEN, "data": ref("NewAuthData")}, {"auth_id": null_or(ref("Id"))}),
    "AuthChange": _change("portfolio", "NewAuthData"),
    "AuthList": page_schema(fields({"auth_id": ref("Id"), "version": ref("Instant")}), "Auths, last change first."),
    "AuthHistory": page_schema(
        fields({"data": null_or(ref("AuthData")), "version": ref("Instant")}), "Data of an auth, newest first."
    ),
    "Cost": fields(
        {"bidder_id": ref("Id"), "cost_id": ref("Id"), "data": null_or(ref("CostData")), "version": ref("Instant")},
        {"group": _MEMBERS},
        "A demand that a group of auths shares; stopped, its data are null.",
    ),
    "CostData": {
        "description": "The demand, or the curve alone; told again in the form it was written in.",
        "anyOf": [fields({"demand": ref("Curve")}), ref("Curve")],
    },
    "NewCost": fields({"group": _MEMBERS_GIVEN, "data": ref("CostData")}, {"cost_id": null_or(ref("Id"))}),
    "CostChange": _change("group", "CostData"),
    "CostList": page_schema(fields({"cost_id": ref("Id"), "version": ref("Instant")}), "Costs, last change first."),
    "CostHistory": page_schema(
        fields({"data": null_or(ref("CostData")), "version": ref("Instant")}), "Data of a cost, newest first."
    ),
    "Submission": fields({"auths": listed(ref("Auth")), "costs": listed(ref("Cost")), "as_of": ref("Instant")}),
    "TradePage": page_schema(
        fields({"from": ref("Instant"), "thru": ref("Instant"), "price": null_or(NUMBER), "trade": NUMBER}),
        "trade = rate × (thru − from) in the market's time unit; of an auth + bought, of a product the volume.",
    ),
    "NewSpan": fields(
        {"thru": ref("Instant")},
        {"from": null_or(ref("Instant")), "by": null_or(TEXT)},
        "Every whole slice of the length `by`, such as 15s, 5m, 1h 30m or 1day, is one batch; by default the span is "
        "one. `from` is by default the end of the last slice before `thru`, else thru − by, else now.",
    ),
    "NewSubmission": fields(
        {
            "auths": listed(_entry("auth_id", "portfolio", "NewAuthData")),
            "costs": listed(_entry("cost_id", "group", "CostData")),
        },
        description="All that is to be active. An id alone is kept, with data it is changed, with a portfolio or a "
        "group as well it is made; what is not listed stops.",
    ),
}
