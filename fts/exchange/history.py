"""The histories of a market: curves, weights and outcomes over time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from fts.exchange import rules
from fts.exchange.context import MarketContext
from fts.exchange.parsing import parse_id, parse_span
from fts.models.arguments import IdLike, InstantLike
from fts.models.curve import Constant, Curve
from fts.models.records import BatchRecord, HistoryRow, OutcomeRow, Page, Value


class History:
    """The histories of a market, page by page.

    Those with ``before`` and ``after`` are newest first: ``valid_from`` is earlier than ``before`` and not earlier
    than ``after``. Those named ``…_since`` are in the order in which the batches ran, beginning after the batch of an
    instant (if no batch has it, with the first later one).

    Parameters
    ----------
    context : MarketContext
    """

    def __init__(self, context: MarketContext) -> None:
        self._context = context

    def curves(
        self, demand: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[HistoryRow[Curve | Constant]]:
        """Return the curves of a demand.

        Raises
        ------
        NotFound
        """
        name, read = parse_id(demand, "demand"), self._context.read
        rules.require_exists("demand", name, read.missing_demands([name]))
        return read.curve_history(name, *parse_span(before, after), self._limit)

    def demand_weights(
        self, portfolio: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[HistoryRow[dict[str, float]]]:
        """Return the weights of a portfolio on demands.

        Raises
        ------
        NotFound
        """
        return self._context.read.demand_history(self._portfolio(portfolio), *parse_span(before, after), self._limit)

    def basis(
        self, portfolio: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[HistoryRow[dict[str, float]]]:
        """Return the weights of a portfolio on products.

        Raises
        ------
        NotFound
        """
        return self._context.read.basis_history(self._portfolio(portfolio), *parse_span(before, after), self._limit)

    def product_outcomes(
        self, product: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[OutcomeRow]:
        """Return price [money / quantity] and traded volume [quantity / time] of a product, batch by batch.

        Raises
        ------
        NotFound
        """
        name, read = parse_id(product, "product"), self._context.read
        rules.require_exists("product", name, read.missing_products([name]))
        return read.product_outcomes(name, *parse_span(before, after), self._limit)

    def portfolio_outcomes(
        self, portfolio: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[OutcomeRow]:
        """Return price [money / quantity] and rate [quantity / time] of a portfolio, batch by batch.

        Raises
        ------
        NotFound
        """
        return self._context.read.portfolio_outcomes(
            self._portfolio(portfolio), *parse_span(before, after), self._limit
        )

    def batches_since(self, instant: datetime) -> Page[BatchRecord]:
        """Return the batches that ran after the batch of an instant."""
        found = self._context.read.batches_since(instant, self._limit)
        return self._page_since(found, [record.instant for record in found])

    def product_outcomes_since(self, product: str, instant: datetime) -> Page[OutcomeRow]:
        """Return price and traded volume of a product in the batches that ran after the batch of an instant."""
        found = self._context.read.product_outcomes_since(product, instant, self._limit)
        return self._page_since(found, [row.valid_from for row in found])

    def portfolio_outcomes_since(self, portfolio: str, instant: datetime) -> Page[OutcomeRow]:
        """Return price and rate of a portfolio in the batches that ran after the batch of an instant."""
        found = self._context.read.portfolio_outcomes_since(portfolio, instant, self._limit)
        return self._page_since(found, [row.valid_from for row in found])

    def product_outcomes_of(self, instant: datetime, products: Collection[str]) -> dict[str, OutcomeRow]:
        """Return price and traded volume of products in one batch, for those that have an outcome in it."""
        return self._context.read.product_outcomes_of(instant, products)

    def portfolio_outcomes_of(self, instant: datetime, portfolios: Collection[str]) -> dict[str, OutcomeRow]:
        """Return price and rate of portfolios in one batch, for those that have an outcome in it."""
        return self._context.read.portfolio_outcomes_of(instant, portfolios)

    @property
    def _limit(self) -> int:
        return self._context.options.page_limit

    def _portfolio(self, portfolio: IdLike) -> str:
        name = parse_id(portfolio, "portfolio")
        rules.require_exists("portfolio", name, self._context.read.missing_portfolios([name]))
        return name

    def _page_since(self, found: list[Value], instants: list[datetime]) -> Page[Value]:
        """Return a page whose successor begins after its last instant; a page that is not full is the last."""
        return Page(found, {"instant": instants[-1]} if len(found) == self._limit else None)
