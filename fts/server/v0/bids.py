"""Routes that auths and costs have in common: they differ in words, and in what of the market is behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fts.exchange.market import Market
from fts.models.auth import Version
from fts.models.instant import write_instant
from fts.ports.application import Application
from fts.server.body import Body
from fts.server.parameter import Parameter
from fts.server.permission import view_products
from fts.server.reply import JsonReply
from fts.server.route import Call, Route
from fts.server.schemas import ref
from fts.server.v0 import permission
from fts.server.v0.body import Given, Kind, read_change, read_new
from fts.server.v0.page import page
from fts.server.v0.parameter import PAGE


@dataclass(frozen=True)
class Bids:
    """One kind of bid.

    Attributes
    ----------
    kind : Kind
        How its bodies are read.
    a : str
        Its name with an article.
    shape : str
        Its name in the document.
    shown : mapping of str to Parameter
        What a request may say about how a record is shown.
    example : JSON value
        A new one.
    unknown : str
        What its members may name wrongly.
    create : callable
        ``(market, bidder, id or None, given) -> record``
    change : callable
        ``(market, id, data or None) -> record``
    read : callable
        ``(market, id) -> record``
    bidder_of : callable
        ``(market, id) -> bidder``, from memory.
    versions, history : callable
        ``(market, bidder or id, before, after) -> [Version, …]``
    write : callable
        ``(call, record) -> JSON``
    """

    kind: Kind
    a: str
    shape: str
    shown: Mapping[str, Parameter]
    example: dict[str, Any]
    unknown: str
    create: Callable[[Market, str, str | None, Given], Any]
    change: Callable[[Market, str, Any], Any]
    read: Callable[[Market, str], Any]
    bidder_of: Callable[[Market, str], str]
    versions: Callable[[Market, str, Any, Any], list[Version]]
    history: Callable[[Market, str, Any, Any], list[Version]]
    write: Callable[[Call, Any], Any]

    def find(self, call: Call) -> Any:
        """The record that the path names."""
        record = self.read(call.market, call.given["id"])
        call.owner = record.bidder_id
        return record

    def find_owner(self, call: Call) -> str:
        """Whose it is; the whole record takes the market longer."""
        name: str = call.given["id"]
        call.owner = self.bidder_of(call.market, name)
        return name

    def find_unless_new(self, call: Call) -> str:
        """As `find_owner`, unless the body makes it."""
        name: str = call.given["id"]
        return name if call.body.members is not None else self.find_owner(call)

    def post(self, call: Call) -> Any:
        """Make one."""
        return self.write(call, self.create(call.market, call.bidder, call.body.id, call.body))

    def put(self, call: Call) -> Any:
        """Make, change or stop one."""
        given: Given = call.body
        if given.members is not None:
            return self.write(call, self.create(call.market, call.bidder, call.thing, given))
        return self.write(call, self.change(call.market, call.thing, given.data))

    def delete(self, call: Call) -> Any:
        """Stop one."""
        return self.write(call, self.change(call.market, call.thing, None))

    def page_of(self, call: Call) -> Any:
        """A page of a bidder's, by their last change."""
        found = self.versions(call.market, call.bidder, call.given["before"], call.given["after"])
        return self._paged(call, found, lambda row: {self.kind.id_key: row.id, "version": write_instant(row.version)})

    def tell(self, call: Call) -> Any:
        """A page of the history of one."""
        found = self.history(call.market, call.thing, call.given["before"], call.given["after"])
        return self._paged(call, found, lambda row: row.to_json())

    def new(self, application: Application) -> Body:
        """A body that makes one."""
        shape = ref(f"New{self.shape}")
        return Body(lambda value, application, limits: read_new(value, self.kind, limits), shape, self.example)

    def changed(self, application: Application) -> Body:
        """A body that makes, changes or stops one."""
        shape, example = ref(f"{self.shape}Change"), {"data": self.example["data"]}
        return Body(lambda value, application, limits: read_change(value, self.kind, limits), shape, example)

    def _paged(self, call: Call, found: list[Version], write: Callable[[Version], Any]) -> Any:
        return page(found, call.market.page_limit, lambda row: row.version, write, call.given["after"])


def routes(bids: Bids) -> tuple[Route, ...]:
    """The routes of one kind of bid."""
    names, a, path = f"{bids.kind.name}s", bids.a, f"/v0/{bids.kind.name}s"
    record, unknown, taken = (
        ref(bids.shape),
        {422: f"the body is not valid, or {bids.unknown}"},
        {409: "its id is taken"},
    )
    return (
        Route(
            "GET",
            path,
            f"List {names}",
            JsonReply(ref(f"{bids.shape}List"), f"ids and versions of the bidder's {names}, stopped ones too"),
            bids.page_of,
            query=PAGE,
            without_token=permission.MISSING,
            allows=permission.bidder,
            refuses=permission.NO_BIDDER,
        ),
        Route(
            "POST",
            path,
            f"Create {a}",
            JsonReply(record, f"the new {bids.kind.name}"),
            bids.post,
            body=bids.new,
            query=bids.shown,
            without_token=permission.MISSING,
            allows=permission.bidder,
            refuses=permission.NO_BIDDER | unknown | taken,
        ),
        Route(
            "GET",
            f"{path}/{{id}}",
            f"Read {a}",
            JsonReply(record, f"the {bids.kind.name}"),
            lambda call: bids.write(call, call.thing),
            query=bids.shown,
            without_token=permission.MISSING,
            allows=view_products,
            finds=bids.find,
            finds_quickly=False,
            allows_thing=permission.read_bid,
            refuses=permission.FOREIGN,
        ),
        Route(
            "PUT",
            f"{path}/{{id}}",
            f"Create, change or stop {a}",
            JsonReply(record, f"the {bids.kind.name} as it is now"),
            bids.put,
            body=bids.changed,
            query=bids.shown,
            without_token=permission.MISSING,
            allows=permission.bidder,
            finds=bids.find_unless_new,
            allows_thing=permission.update_bid,
            refuses=permission.FOREIGN | unknown | taken,
        ),
        Route(
            "DELETE",
            f"{path}/{{id}}",
            f"Stop {a}",
            JsonReply(record, f"the {bids.kind.name}, stopped; its history stays"),
            bids.delete,
            query=bids.shown,
            without_token=permission.MISSING,
            allows=view_products,
            finds=bids.find_owner,
            allows_thing=permission.update_bid,
            refuses=permission.FOREIGN,
        ),
        Route(
            "GET",
            f"{path}/{{id}}/history",
            f"Read the history of {a}",
            JsonReply(ref(f"{bids.shape}History"), "its data, newest first; null where it was stopped"),
            bids.tell,
            query=PAGE,
            without_token=permission.MISSING,
            allows=view_products,
            finds=bids.find_owner,
            allows_thing=permission.read_bid,
            refuses=permission.FOREIGN,
        ),
    )
