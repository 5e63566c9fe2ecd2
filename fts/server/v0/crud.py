"""Routes that auths and costs share; a `Resource` holds their differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fts.exchange.v0.contract import V0
from fts.models.records import Page
from fts.models.timestamps import format_instant
from fts.models.v0 import Version
from fts.ports.application import Application
from fts.server.authorization import view_products
from fts.server.context import RequestContext
from fts.server.parameters import Parameter
from fts.server.request_body import Body
from fts.server.responses import JsonReply
from fts.server.route import Route
from fts.server.schemas import ref
from fts.server.v0 import authorization
from fts.server.v0.pagination import write_page
from fts.server.v0.parameters import PAGE
from fts.server.v0.request_body import BidKind, BidRequest, read_change, read_new


@dataclass(frozen=True)
class Resource:
    """One kind of bid of ``/v0``.

    Attributes
    ----------
    kind : BidKind
        Names and parsers of its bodies.
    name_with_article : str
    schema_name : str
        Name in the OpenAPI document.
    query : mapping of str to Parameter
        Parameters that select the members of a response.
    example : JSON value
        Body that creates one.
    unknown_member : str
        Reason of the error if a member is unknown.
    create : callable
        ``(market, bidder, id or None, request) -> record``
    change : callable
        ``(market, id, data or None) -> record``
    read : callable
        ``(market, id) -> record``
    bidder_of : callable
        ``(market, id) -> bidder``, from memory.
    versions, history : callable
        ``(market, bidder or id, before, after) -> Page of Version``
    write : callable
        ``(context, record) -> JSON``
    """

    kind: BidKind
    name_with_article: str
    schema_name: str
    query: Mapping[str, Parameter]
    example: dict[str, Any]
    unknown_member: str
    create: Callable[[V0, str, str | None, BidRequest], Any]
    change: Callable[[V0, str, Any], Any]
    read: Callable[[V0, str], Any]
    bidder_of: Callable[[V0, str], str]
    versions: Callable[[V0, str, Any, Any], Page[Version]]
    history: Callable[[V0, str, Any, Any], Page[Version]]
    write: Callable[[RequestContext, Any], Any]

    def load(self, context: RequestContext) -> Any:
        """Load the record that the path names."""
        record = self.read(context.market.v0, context.params["id"])
        context.owner = record.bidder_id
        return record

    def load_owner(self, context: RequestContext) -> str:
        """Load the bidder only, for the authorization; the whole record takes longer."""
        name: str = context.params["id"]
        context.owner = self.bidder_of(context.market.v0, name)
        return name

    def load_unless_new(self, context: RequestContext) -> str:
        """Load the owner, unless the body creates the bid."""
        name: str = context.params["id"]
        return name if context.body.members is not None else self.load_owner(context)

    def post(self, context: RequestContext) -> Any:
        """Create a bid."""
        return self.write(context, self.create(context.market.v0, context.bidder, context.body.id, context.body))

    def put(self, context: RequestContext) -> Any:
        """Create, change or stop a bid."""
        request: BidRequest = context.body
        if request.members is not None:
            return self.write(context, self.create(context.market.v0, context.bidder, context.resource, request))
        return self.write(context, self.change(context.market.v0, context.resource, request.data))

    def delete(self, context: RequestContext) -> Any:
        """Stop a bid."""
        return self.write(context, self.change(context.market.v0, context.resource, None))

    def list_versions(self, context: RequestContext) -> Any:
        """List a page of the bidder's bids by their last change."""
        found = self.versions(context.market.v0, context.bidder, context.params["before"], context.params["after"])
        return write_page(found, lambda row: {self.kind.id_key: row.id, "version": format_instant(row.version)})

    def list_history(self, context: RequestContext) -> Any:
        """List a page of the history of a bid."""
        found = self.history(context.market.v0, context.resource, context.params["before"], context.params["after"])
        return write_page(found, Version.to_json)

    def creation_body(self, application: Application) -> Body:
        """Declare the body that creates a bid."""
        schema_name = ref(f"New{self.schema_name}")
        return Body(lambda value, application, limits: read_new(value, self.kind, limits), schema_name, self.example)

    def change_body(self, application: Application) -> Body:
        """Declare the body that creates, changes or stops a bid."""
        schema_name, example = ref(f"{self.schema_name}Change"), {"data": self.example["data"]}
        return Body(lambda value, application, limits: read_change(value, self.kind, limits), schema_name, example)


def crud_routes(resource: Resource) -> tuple[Route, ...]:
    """Create the routes of one kind of bid."""
    names, name_with_article, path = f"{resource.kind.name}s", resource.name_with_article, f"/v0/{resource.kind.name}s"
    record, unknown_member, taken = (
        ref(resource.schema_name),
        {422: f"the body is not valid, or {resource.unknown_member}"},
        {409: "its id is taken"},
    )
    return (
        Route(
            "GET",
            path,
            f"List {names}",
            JsonReply(
                ref(f"{resource.schema_name}List"), f"ids and versions of the bidder's {names}, stopped ones too"
            ),
            resource.list_versions,
            query=PAGE,
            missing_token_error=authorization.MISSING_TOKEN_ERROR,
            authorize=authorization.bidder,
            error_responses=authorization.NO_BIDDER,
        ),
        Route(
            "POST",
            path,
            f"Create {name_with_article}",
            JsonReply(record, f"the new {resource.kind.name}"),
            resource.post,
            body=resource.creation_body,
            query=resource.query,
            missing_token_error=authorization.MISSING_TOKEN_ERROR,
            authorize=authorization.bidder,
            error_responses=authorization.NO_BIDDER | unknown_member | taken,
        ),
        Route(
            "GET",
            f"{path}/{{id}}",
            f"Read {name_with_article}",
            JsonReply(record, f"the {resource.kind.name}"),
            lambda context: resource.write(context, context.resource),
            query=resource.query,
            missing_token_error=authorization.MISSING_TOKEN_ERROR,
            authorize=view_products,
            load=resource.load,
            load_nonblocking=False,
            authorize_resource=authorization.read_bid,
            error_responses=authorization.FOREIGN,
        ),
        Route(
            "PUT",
            f"{path}/{{id}}",
            f"Create, change or stop {name_with_article}",
            JsonReply(record, f"the {resource.kind.name} as it is now"),
            resource.put,
            body=resource.change_body,
            query=resource.query,
            missing_token_error=authorization.MISSING_TOKEN_ERROR,
            authorize=authorization.bidder,
            load=resource.load_unless_new,
            authorize_resource=authorization.update_bid,
            error_responses=authorization.FOREIGN | unknown_member | taken,
        ),
        Route(
            "DELETE",
            f"{path}/{{id}}",
            f"Stop {name_with_article}",
            JsonReply(record, f"the {resource.kind.name}, stopped; its history stays"),
            resource.delete,
            query=resource.query,
            missing_token_error=authorization.MISSING_TOKEN_ERROR,
            authorize=view_products,
            load=resource.load_owner,
            authorize_resource=authorization.update_bid,
            error_responses=authorization.FOREIGN,
        ),
        Route(
            "GET",
            f"{path}/{{id}}/history",
            f"Read the history of {name_with_article}",
            JsonReply(ref(f"{resource.schema_name}History"), "its data, newest first; null where it was stopped"),
            resource.list_history,
            query=PAGE,
            missing_token_error=authorization.MISSING_TOKEN_ERROR,
            authorize=view_products,
            load=resource.load_owner,
            authorize_resource=authorization.read_bid,
            error_responses=authorization.FOREIGN,
        ),
    )
