"""Listing products and finding them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fts.errors import InvalidInput
from fts.exchange import bids
from fts.exchange.given import optional_instant, read_data, read_id, read_ratio, read_span
from fts.exchange.products import listed
from fts.exchange.venue import Venue
from fts.models.arguments import AppData, IdLike, InstantLike
from fts.models.records import Page, ProductRecord, Row


class Listing(Venue):
    """The products of a market."""

    def create_product(self, app_data: AppData, *, product: IdLike | None = None) -> ProductRecord:
        """List a product.

        Parameters
        ----------
        app_data : JSON value
            By default ``{"kind", "from", "thru"}``.
        product : id, optional
            By default the application's: a function of the data, so that a product is not made twice.

        Raises
        ------
        InvalidInput
            The data are not what the application asks for.
        AlreadyExists
        """
        new = self._new_product(app_data)
        if product is not None:
            new = replace(new, id=read_id(product, "product"))
        return self._store.write(lambda change: bids.create_products(change, [new]))[0]

    def create_products(self, app_data: Iterable[AppData]) -> list[ProductRecord]:
        """List products, all or none, at one instant.

        Raises
        ------
        InvalidInput, AlreadyExists
        """
        new = [self._new_product(data) for data in app_data]
        return self._store.write(lambda change: bids.create_products(change, new))

    def split_product(self, product: IdLike, children: Iterable[tuple[AppData, float]]) -> list[ProductRecord]:
        """Split a product into finer ones, such as a month into days.

        From this instant whoever trades the product trades its children; portfolios are not rewritten, and
        what was held of the product counts as that much of each child.

        Parameters
        ----------
        product : id
            One that was not split before.
        children : iterable of (app_data, ratio)
            One unit of the product is ``ratio`` > 0 units of this child.

        Raises
        ------
        InvalidInput
            There are no children, or one of them is not valid.
        NotFound, AlreadyPartitioned, AlreadyExists
        """
        name = read_id(product, "product")
        new = [(self._new_product(data), read_ratio(ratio)) for data, ratio in children]
        if not new:
            raise InvalidInput("a product is split into at least one other; list them")
        return self._store.write(lambda change: bids.split_product(change, name, new))

    def product(self, product: IdLike) -> ProductRecord:
        """One product.

        Raises
        ------
        NotFound
        """
        return bids.product_of(self._store.read, read_id(product, "product"))

    def products(
        self,
        kind: int | str | None = None,
        from_: InstantLike | None = None,
        thru: InstantLike | None = None,
        cursor: str | None = None,
    ) -> tuple[list[ProductRecord], str | None]:
        """One page of the products, by start and end of delivery.

        Parameters
        ----------
        kind : int or str, optional
            Only this kind.
        from_, thru : instant, optional
            Only what is delivered from here, and until there.
        cursor : str, optional
            What the page before ended with.

        Returns
        -------
        list of ProductRecord
        str or None
            The cursor of the next page; None: this was the last.
        """
        found = listed(
            self._store.read.products(), kind=kind, from_=optional_instant(from_), thru=optional_instant(thru)
        )
        start = 0
        if cursor is not None:
            places = [k for k, record in enumerate(found) if record.id == cursor]
            if not places:
                raise InvalidInput(f"{cursor!r} is no cursor of this list; begin again without one")
            start = places[0] + 1
        page = found[start : start + self.page_limit]
        return page, page[-1].id if start + len(page) < len(found) else None

    def product_outcomes(
        self, product: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Row[dict[str, float | None]]]:
        """Price and traded volume of a product, batch by batch, newest first.

        Parameters
        ----------
        product : id
        before, after : instant, optional
            ``valid_from`` is earlier than ``before`` and not earlier than ``after``.

        Raises
        ------
        NotFound
        """
        name, read = read_id(product, "product"), self._store.read
        bids.check_there("product", name, read.missing_products([name]))
        return read.product_outcomes(name, *read_span(before, after), self.page_limit)

    def _new_product(self, app_data: AppData) -> bids.NewProduct:
        data, stored = read_data(self.application.product_data, app_data, "product")
        return bids.NewProduct(str(self.application.generate_product_id(data)), stored)
