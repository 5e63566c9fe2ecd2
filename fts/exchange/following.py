"""Following what came of the batches: what one of them brought, and what one missed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TypeAlias

from fts.exchange.venue import Venue
from fts.models.records import BatchRecord, Row

Outcome: TypeAlias = Row[dict[str, float | None]]


class Following(Venue):
    """What those who follow a market are told.

    Lists are in the order in which the batches ran, `page_limit` long at most: a shorter one ends with the last.
    After an instant that no batch has, they are those of later instants.
    """

    def batches_since(self, instant: datetime) -> list[BatchRecord]:
        """The batches that ran after the one of an instant."""
        return self._store.read.batches_since(instant, self.page_limit)

    def product_outcomes_since(self, product: str, instant: datetime) -> list[Outcome]:
        """Price and traded volume of a product in the batches that ran after the one of an instant."""
        return self._store.read.product_outcomes_since(product, instant, self.page_limit)

    def portfolio_outcomes_since(self, portfolio: str, instant: datetime) -> list[Outcome]:
        """Price and rate of a portfolio in the batches that ran after the one of an instant."""
        return self._store.read.portfolio_outcomes_since(portfolio, instant, self.page_limit)

    def product_outcomes_of(self, instant: datetime, products: Collection[str]) -> dict[str, Outcome]:
        """Price and traded volume of these products in one batch, of those that it has an outcome for."""
        return self._store.read.product_outcomes_of(instant, products)

    def portfolio_outcomes_of(self, instant: datetime, portfolios: Collection[str]) -> dict[str, Outcome]:
        """Price and rate of these portfolios in one batch, of those that it has an outcome for."""
        return self._store.read.portfolio_outcomes_of(instant, portfolios)
