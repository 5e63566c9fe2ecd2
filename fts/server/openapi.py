"""OpenAPI document, generated from the declarations of the routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fts import __version__
from fts.ports.application import Application
from fts.server.errors import STATUS
from fts.server.parameters import PATH_PARAMETERS, Parameter
from fts.server.route import Route
from fts.server.schemas import Schema, ref, schemas_of

DESCRIPTION = (
    "An exchange for flow trading. Every id is a UUID. Instants are RFC 3339 with an offset, written in UTC. A rate "
    "is signed: + buys, - sells. Requests are checked in one order: token present (400), path and query (400), body "
    "(415, 413, 400, 422; over 16 KiB unread and 401 where the token is not valid), permission (401), existence (404), "
    "permission on the thing (401), what the body refers to (422, 409)."
)
REASONS = {
    400: "no token, or a path, query or body that cannot be read",
    401: "the token does not allow this",
    404: "no such thing",
    408: "the body did not arrive in time",
    413: "the body is too large",
    415: "the body was not sent as application/json",
    422: "the body is not valid",
    429: "the token asks too often; Retry-After says when it may again [s]",
}


def openapi_document(
    application: Application,
    routes: Sequence[Route],
    schemas: Mapping[str, Schema] | None = None,
    description: str = DESCRIPTION,
) -> dict[str, Any]:
    """Generate the OpenAPI document of these routes.

    Parameters
    ----------
    application : Application
        Its data types are part of the document.
    routes : sequence of Route
    shapes : mapping of str to schema, optional
        Further schemas that these routes name, beside those of the current contract.
    description : str
        Description of the document.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, application)
    return {
        "openapi": "3.1.0",
        "info": {"title": "fts exchange", "version": __version__, "description": description},
        "paths": paths,
        "components": {
            "schemas": schemas_of(application) | dict(schemas or {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "made by `fts token`"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route, application: Application) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.title,
        "operationId": route.title.lower().replace(" ", "_"),
        "tags": [route.path.split("/")[1]],
        "responses": _responses(route),
    }
    in_path = [
        _parameter(name, PATH_PARAMETERS[name], "path") for name in PATH_PARAMETERS if f"{{{name}}}" in route.path
    ]
    in_query = [_parameter(name, parameter, "query") for name, parameter in route.query.items()]
    in_header = [_parameter(name, parameter, "header") for name, parameter in route.header.items()]
    if in_path or in_query or in_header:
        operation["parameters"] = in_path + in_query + in_header
    if route.body is not None:
        body = route.body(application)
        content = {"schema": body.schema, "example": body.example}
        # A body that is no JSON has no JSON schema.
        shown = {kind: content if "json" in kind else {} for kind in body.decoders}
        operation["requestBody"] = {"required": True, "content": shown}
    if route.public:
        operation["security"] = []
    if route.public_on_loopback:
        operation["security"] = [{}, {"token": []}]
    return operation


def _parameter(name: str, parameter: Parameter, place: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _responses(route: Route) -> dict[str, Any]:
    reply = route.reply
    shown: dict[str, Any] = {str(reply.status): {"description": reply.description}}
    if reply.media_type:
        shown[str(reply.status)]["content"] = {reply.media_type: {"schema": reply.schema}}
    error = {"application/json": {"schema": ref("Error")}}
    for status, reason in sorted(error_statuses(route).items()):
        shown[str(status)] = {"description": reason, "content": error}
    shown["default"] = {"description": "anything else: the market file or the solver cannot be used", "content": error}
    return shown


def error_statuses(route: Route) -> Mapping[int, str]:
    """List the error statuses of a route, each with its reason."""
    statuses: set[int] = set()
    if not route.public:
        statuses |= {401, 429, STATUS[route.missing_token_error]}
    if route.query or "{" in route.path:
        statuses |= {400}
    if route.body is not None:
        statuses |= {400, 408, 413, 415, 422}
    if route.load is not None:
        statuses |= {404}
    return {status: REASONS[status] for status in statuses} | dict(route.error_responses)
