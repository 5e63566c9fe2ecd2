"""A market in the words of the older contract."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from fts.exchange.bids import MarketBids
from fts.exchange.context import MarketContext
from fts.exchange.parsing import parse_id, parse_span
from fts.exchange.products import Products
from fts.exchange.slices import Slices
from fts.exchange.v0.auths import Auths
from fts.exchange.v0.deliveries import Deliveries
from fts.exchange.v0.pages import page_by_instant
from fts.models.arguments import IdLike, InstantLike
from fts.models.records import BatchRecord, Page
from fts.models.v0 import Trade


class V0(Auths, Deliveries):
    """Auths, costs, submissions, deliveries, spans of slices, and trades.

    Parameters
    ----------
    context : MarketContext
    bids : MarketBids
    products : Products
    slices : Slices
    """

    def __init__(self, context: MarketContext, bids: MarketBids, products: Products, slices: Slices) -> None:
        Auths.__init__(self, context, bids)
        Deliveries.__init__(self, context, products)
        self._slices = slices

    def solve_span(
        self,
        from_: InstantLike | None = None,
        thru: InstantLike | None = None,
        by: timedelta | str | None = None,
    ) -> list[BatchRecord]:
        """Run a batch for every whole slice of a span; see `Slices.run`.

        Raises
        ------
        InvalidInstant, SpanTaken, MissingLibrary, MissingLicence, ConfigurationError
        """
        return self._slices.run(from_, thru, by)

    def product_trades(
        self, product: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Trade]:
        """Return price and quantity of a product in the batches with a price and a known end, newest first.

        There are none for a product that does not exist.

        Parameters
        ----------
        product : id
        before, after : instant, optional
            The batch begins before ``before``, and at ``after`` or later.
        """
        return self._page(self._context.read.product_trades, parse_id(product, "product"), before, after)

    def portfolio_trades(
        self, portfolio: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Trade]:
        """Return price and quantity of a portfolio in the batches with a known end; as `product_trades`."""
        return self._page(self._context.read.portfolio_trades, parse_id(portfolio, "portfolio"), before, after)

    def traded(self, auths: Iterable[IdLike]) -> dict[str, float]:
        """Return the quantity that each auth has traded in the batches that have begun: ``Σ rate × time``, + bought.

        A batch whose end is known counts as a whole, another until now.
        """
        return self._context.read.traded_quantities([parse_id(auth, "auth") for auth in auths], self._context.now())

    def closed_batches(self, instant: datetime | None = None) -> list[tuple[datetime, datetime]]:
        """Return begin and end of the batches whose end became known by the batch of an instant.

        These are that batch itself, if it was given an end, and the one before, which it ended. None: the latest
        batch whose end is known.
        """
        return self._context.read.closed_batches(instant)

    def product_trades_of(self, begins: datetime, ends: datetime, products: Collection[str]) -> dict[str, Trade]:
        """Return price and quantity of products in one of the `closed_batches`, for those with a price."""
        return self._context.read.product_trades_of(begins, ends, products)

    def bidder_trades_of(self, begins: datetime, ends: datetime, bidders: Collection[str]) -> dict[str, list[Trade]]:
        """Return price and quantity of the auths of bidders in one of the `closed_batches`."""
        return self._context.read.bidder_trades_of(begins, ends, bidders)

    def _page(
        self,
        trades: Callable[[str, datetime | None, datetime | None, int], list[Trade]],
        name: str,
        before: InstantLike | None,
        after: InstantLike | None,
    ) -> Page[Trade]:
        limit, (until, since) = self._context.options.page_limit, parse_span(before, after)
        return page_by_instant(trades(name, until, since, limit + 1), limit, since, lambda trade: trade.from_)
