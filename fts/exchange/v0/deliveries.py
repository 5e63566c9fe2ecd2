"""Products as deliveries: of a kind, from one instant until another, the finer ones inside the coarser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fts.errors import InvalidInput, NotFound
from fts.exchange import rules
from fts.exchange.context import MarketContext
from fts.exchange.products import Products, span_of
from fts.models.arguments import AppData, IdLike
from fts.models.records import Page
from fts.ports.store import Transaction

KINDS = {0: "FORWARD", 1: "OPTION"}
"""The kinds that are numbers in the market, by name."""
NUMBERS = {name: number for number, name in KINDS.items()}


@dataclass(frozen=True)
class Delivery:
    """A product of the default data: what is delivered, and when.

    Attributes
    ----------
    id, kind : str
    from_, thru : datetime
    """

    id: str
    kind: str
    from_: datetime
    thru: datetime

    @classmethod
    def of(cls, product: str, app_data: Any) -> Delivery | None:
        """Return the delivery in the data of a product; None if they are those of another application."""
        span = span_of(app_data)
        kind = app_data.get("kind") if span is not None else None
        if span is None or not isinstance(kind, (str, int)):
            return None
        return cls(product, KINDS.get(kind, str(kind)) if isinstance(kind, int) else kind, *span)

    @property
    def order(self) -> tuple[datetime, datetime, str, str]:
        """By start, end and kind."""
        return self.from_, self.thru, self.kind, self.id

    def lies_in(self, other: Delivery) -> bool:
        """Return True if this is a part of another delivery of its kind."""
        inside = other.from_ <= self.from_ and self.thru <= other.thru
        return self.kind == other.kind and inside and (self.from_, self.thru) != (other.from_, other.thru)


class Deliveries:
    """The deliveries of a market whose products have the default data.

    Parameters
    ----------
    context : MarketContext
    products : Products
    """

    def __init__(self, context: MarketContext, products: Products) -> None:
        self._context = context
        self._products = products

    def delivery(self, product: IdLike) -> Delivery:
        """Return one product.

        Raises
        ------
        NotFound
        """
        record = self._products.product(product)
        delivery = Delivery.of(record.id, record.app_data)
        if delivery is None:
            raise NotFound(f"the product {record.id} has no kind, from and thru")
        return delivery

    def deliveries(
        self,
        kind: str | None = None,
        before: datetime | None = None,
        after: datetime | None = None,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """Return a page of the deliveries by start, end and kind.

        Parameters
        ----------
        kind : str, optional
            ``FORWARD``, ``OPTION`` or another.
        before : datetime, optional
            Only what starts before this instant.
        after : datetime, optional
            Only what ends at this instant or later.
        cursor : str, optional
            ``page.more["cursor"]`` of the page before.

        Raises
        ------
        InvalidInput
            The cursor is no product.
        """
        everything = _deliveries_in((record.id, record.app_data) for record in self._context.store.read.products())
        start = None
        if cursor is not None:
            start = next((delivery.order for delivery in everything if delivery.id == cursor), None)
            if start is None:
                raise InvalidInput(f"{cursor!r} is no cursor of this list; begin again without one")
        found = [
            delivery
            for delivery in everything
            if (kind is None or delivery.kind == kind)
            and (before is None or delivery.from_ < before)
            and (after is None or delivery.thru >= after)
            and (start is None or delivery.order > start)
        ]
        found.sort(key=lambda delivery: delivery.order)
        limit = self._context.options.page_limit
        if len(found) <= limit:
            return Page(found)
        query = {name: value for name, value in (("kind", kind), ("before", before)) if value is not None}
        # What follows starts at this instant or later, so it ends later; the cursor leaves out what was shown.
        return Page(found[:limit], query | {"after": found[limit].from_, "cursor": found[limit - 1].id})

    def create_deliveries(self, products: Iterable[AppData]) -> list[str]:
        """Create products, all or none, each as a part of the smallest one of its kind that holds it.

        A product that traded until now is split by those that lie in it, with ratio 1; one that is split
        already gets them as further parts.

        Parameters
        ----------
        products : iterable of {"kind", "from", "thru"}

        Returns
        -------
        list of str
            Their ids, in order.

        Raises
        ------
        InvalidInput, AlreadyExists
        """
        new = [self._products.new_product(_numbered(data)) for data in products]
        self._context.store.write(lambda change: _insert(change, new))
        return [product.id for product in new]


def _deliveries_in(products: Iterable[tuple[str, Any]]) -> list[Delivery]:
    found = (Delivery.of(name, app_data) for name, app_data in products)
    return [delivery for delivery in found if delivery is not None]


def _numbered(app_data: Any) -> Any:
    """Return the data with the number of its kind, if it has one."""
    if isinstance(app_data, dict) and isinstance(app_data.get("kind"), str):
        return app_data | {"kind": NUMBERS.get(app_data["kind"], app_data["kind"])}
    return app_data


def _insert(market: Transaction, products: Sequence[rules.NewProduct]) -> None:
    names = [product.id for product in products]
    rules.require_new_ids("product", names, market.missing_products(names))
    known = _deliveries_in((record.id, record.app_data) for record in market.products())
    new = {product.id: product for product in products}
    parts = _deliveries_in((product.id, product.app_data) for product in products)
    parents = _smallest_enclosing(parts, [*known, *parts])
    # The coarser first, so that what holds another is there before it.
    for part in sorted(parts, key=lambda part: part.from_ - part.thru):
        if parents[part.id] is None:
            market.add_product(part.id, new[part.id].app_data)
    children: dict[str, list[tuple[str, Any, float]]] = {}
    for part in parts:
        if (parent := parents[part.id]) is not None:
            children.setdefault(parent, []).append((part.id, new[part.id].app_data, 1.0))
    coarse = {part.id: part.from_ - part.thru for part in [*known, *parts]}
    for parent in sorted(children, key=lambda name: coarse[name]):
        market.split_product(parent, children[parent])


def _smallest_enclosing(parts: Sequence[Delivery], everything: Sequence[Delivery]) -> dict[str, str | None]:
    """Return, for each of these by id, the id of the smallest delivery that encloses it, or None."""
    wanted = {part.id for part in parts}
    found: dict[str, str | None] = {}
    begun: list[Delivery] = []
    for delivery in sorted(everything, key=lambda other: (other.kind, other.from_, other.from_ - other.thru, other.id)):
        begun = [other for other in begun if other.kind == delivery.kind and other.thru > delivery.from_]
        if delivery.id in wanted:
            holders = [other for other in begun if delivery.lies_in(other)]
            found[delivery.id] = min(holders, key=lambda other: other.thru - other.from_).id if holders else None
        begun.append(delivery)
    return found
