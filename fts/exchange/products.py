"""The products of a market: creating, splitting and listing them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from fts.errors import InvalidInput, InvalidInstant
from fts.exchange import rules
from fts.exchange.context import MarketContext
from fts.exchange.parsing import parse_app_data, parse_id, parse_optional_instant, parse_ratio
from fts.models.arguments import AppData, IdLike, InstantLike
from fts.models.records import Page, ProductRecord
from fts.models.timestamps import parse_instant


class ProductPage(Page[ProductRecord]):
    """A page of products. For one release it is also the pair ``(products, cursor)``, which it was in 0.1."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self._pair())

    def __getitem__(self, k: int) -> Any:
        return self._pair()[k]

    def _pair(self) -> tuple[list[ProductRecord], str | None]:
        warnings.warn(
            "market.products() returns a page: read page.results and page.more; that it is a pair (products, cursor) "
            "ends with the next release",
            DeprecationWarning,
            stacklevel=3,
        )
        return self.results, None if self.more is None else self.more["cursor"]


class Products:
    """The products of a market; calling it lists them.

    Parameters
    ----------
    context : MarketContext
    """

    def __init__(self, context: MarketContext) -> None:
        self._context = context

    def __call__(
        self,
        kind: int | str | None = None,
        from_: InstantLike | None = None,
        thru: InstantLike | None = None,
        cursor: str | None = None,
    ) -> ProductPage:
        """Return one page of the products, by start and end of delivery.

        Parameters
        ----------
        kind : int or str, optional
            Only this kind.
        from_, thru : instant, optional
            Only what is delivered from here, and until there.
        cursor : str, optional
            ``page.more["cursor"]`` of the page before.

        Raises
        ------
        InvalidInput
            The cursor is not one of this list.
        """
        found = delivered_within(
            self._context.read.products(),
            kind=kind,
            from_=parse_optional_instant(from_),
            thru=parse_optional_instant(thru),
        )
        start = 0
        if cursor is not None:
            places = [k for k, record in enumerate(found) if record.id == cursor]
            if not places:
                raise InvalidInput(f"{cursor!r} is no cursor of this list; begin again without one")
            start = places[0] + 1
        page = found[start : start + self._context.options.page_limit]
        return ProductPage(page, {"cursor": page[-1].id} if start + len(page) < len(found) else None)

    def product(self, product: IdLike) -> ProductRecord:
        """Return one product.

        Raises
        ------
        NotFound
        """
        return rules.product_of(self._context.read, parse_id(product, "product"))

    def create(self, app_data: AppData, *, product: IdLike | None = None) -> ProductRecord:
        """Create a product; its id is by default the application's.

        Raises
        ------
        InvalidInput, AlreadyExists
        """
        new = self.new_product(app_data)
        if product is not None:
            new = replace(new, id=parse_id(product, "product"))
        return self._context.store.write(lambda transaction: rules.create_products(transaction, [new]))[0]

    def create_all(self, app_data: Iterable[AppData]) -> list[ProductRecord]:
        """Create products, all or none, at one instant.

        Raises
        ------
        InvalidInput, AlreadyExists
        """
        new = [self.new_product(data) for data in app_data]
        return self._context.store.write(lambda transaction: rules.create_products(transaction, new))

    def split(self, product: IdLike, children: Iterable[tuple[AppData, float]]) -> list[ProductRecord]:
        """Split a product into finer ones, such as a month into days.

        From this instant a portfolio on the product trades its children. Portfolios are not rewritten, and a position
        in the product counts as that much of each child.

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
        name = parse_id(product, "product")
        new = [(self.new_product(data), parse_ratio(ratio)) for data, ratio in children]
        if not new:
            raise InvalidInput("a product is split into at least one other; list them")
        return self._context.store.write(lambda transaction: rules.split_product(transaction, name, new))

    def new_product(self, app_data: AppData) -> rules.NewProduct:
        """Validate the data of a product and give it an id; nothing is stored.

        Raises
        ------
        InvalidInput
        """
        application = self._context.application
        data, stored = parse_app_data(application.product_data, app_data, "product")
        return rules.NewProduct(str(application.generate_product_id(data)), stored)


def delivered_within(
    products: Sequence[ProductRecord],
    *,
    kind: int | str | None = None,
    from_: datetime | None = None,
    thru: datetime | None = None,
) -> list[ProductRecord]:
    """Return the products of a kind delivered within a span, by start, end and kind.

    Parameters
    ----------
    products : sequence of ProductRecord
        In order of creation, which those without a span keep, at the end.
    kind : int or str, optional
        0 and "0" find the same.
    from_, thru : datetime, optional
        Only what starts at ``from_`` or later, and ends by ``thru``.
    """
    spans = [span_of(record.app_data) for record in products]
    chosen = [
        (span, str(_kind(record)), k)
        for k, (record, span) in enumerate(zip(products, spans, strict=True))
        if (kind is None or str(_kind(record)) == str(kind))
        and (from_ is None or (span is not None and span[0] >= from_))
        and (thru is None or (span is not None and span[1] <= thru))
    ]
    dated = sorted((span, name, k) for span, name, k in chosen if span is not None)
    return [products[k] for _, _, k in dated] + [products[k] for span, _, k in chosen if span is None]


def _kind(record: ProductRecord) -> Any:
    return record.app_data.get("kind") if isinstance(record.app_data, dict) else None


def span_of(data: Any) -> tuple[datetime, datetime] | None:
    """Return start and end of the delivery of a product with these data; None if the data do not say."""
    if not isinstance(data, dict) or not isinstance(data.get("from"), str) or not isinstance(data.get("thru"), str):
        return None
    try:
        return parse_instant(data["from"]), parse_instant(data["thru"])
    except InvalidInstant:
        return None
