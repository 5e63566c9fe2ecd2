"""Entering, changing and ending bids."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

from fts.exchange import bids
from fts.exchange.batching import Batching
from fts.exchange.drafting import Change, Drafting
from fts.exchange.given import read_bidders, read_id, read_span
from fts.models.arguments import AppData, CurveLike, IdLike, InstantLike, WeightsLike
from fts.models.curve import Constant, Curve
from fts.models.records import DemandRecord, Page, PortfolioRecord, Row

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Bidding(Batching, Drafting):
    """The demands and portfolios of a market.

    Attributes
    ----------
    auto_solve : bool
        Whether a batch follows every change of a bid.
    """

    auto_solve: bool

    def create_demand(self, app_data: AppData, curve: CurveLike, *, bidder: IdLike) -> DemandRecord:
        """Enter a demand.

        Parameters
        ----------
        app_data : JSON value
            By default ``{"name"}``.
        curve : Curve, Constant, points or None
            None: inactive for now.
        bidder : UUID

        Raises
        ------
        InvalidInput, InvalidCurve
        """
        return self.create_demands([(app_data, curve)], bidder=bidder)[0]

    def create_demands(self, demands: Iterable[tuple[AppData, CurveLike]], *, bidder: IdLike) -> list[DemandRecord]:
        """Enter demands, each ``(app_data, curve)``, all or none, at one instant.

        Raises
        ------
        InvalidInput, InvalidCurve
        """
        return self._bid(self.draft_demands(demands, bidder=bidder))

    def demand(self, demand: IdLike) -> DemandRecord:
        """One demand.

        Raises
        ------
        NotFound
        """
        return bids.demand_of(self._store.read, read_id(demand, "demand"))

    def demands(self, bidders: IdLike | Collection[IdLike]) -> list[DemandRecord]:
        """The active demands of a bidder, or of several."""
        return self._store.read.demands(read_bidders(bidders))

    def bidder_of_demand(self, demand: IdLike) -> str:
        """Whose demand it is, without reading all of it.

        Raises
        ------
        NotFound
        """
        return bids.bidder_of_demand(self._store.read, read_id(demand, "demand"))

    def change_demand(self, demand: IdLike, curve: CurveLike) -> DemandRecord:
        """Give a demand another curve; None ends it.

        Raises
        ------
        InvalidCurve, NotFound
        """
        return self._bid(self.draft_curve(demand, curve))

    def delete_demand(self, demand: IdLike) -> DemandRecord:
        """End a demand; its history stays.

        Raises
        ------
        NotFound
        """
        return self.change_demand(demand, None)

    def curve_history(
        self, demand: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Row[Curve | Constant]]:
        """The curves of a demand, newest first; ``before`` and ``after`` as in `product_outcomes`.

        Raises
        ------
        NotFound
        """
        name, read = read_id(demand, "demand"), self._store.read
        bids.check_there("demand", name, read.missing_demands([name]))
        return read.curve_history(name, *read_span(before, after), self.page_limit)

    def create_portfolio(
        self, app_data: AppData, demand: WeightsLike, basis: WeightsLike, *, bidder: IdLike
    ) -> PortfolioRecord:
        """Enter a portfolio.

        Parameters
        ----------
        app_data : JSON value
            By default ``{"name"}``.
        demand : weights
            Demands of the same bidder: ``{id: weight}``, a list of ids, one id, or None.
        basis : weights
            Products.
        bidder : UUID

        Raises
        ------
        InvalidInput, InvalidWeights
        UnknownReference
            No such product, or no such demand of this bidder.
        """
        return self.create_portfolios([(app_data, demand, basis)], bidder=bidder)[0]

    def create_portfolios(
        self, portfolios: Iterable[tuple[AppData, WeightsLike, WeightsLike]], *, bidder: IdLike
    ) -> list[PortfolioRecord]:
        """Enter portfolios, each ``(app_data, demand, basis)``, all or none, at one instant.

        Raises
        ------
        InvalidInput, InvalidWeights, UnknownReference
        """
        return self._bid(self.draft_portfolios(portfolios, bidder=bidder))

    def portfolio(self, portfolio: IdLike, *, expand: bool = False) -> PortfolioRecord:
        """One portfolio.

        Parameters
        ----------
        portfolio : id
        expand : bool
            Whether its basis is shown in the products that trade now.

        Raises
        ------
        NotFound
        """
        name, read = read_id(portfolio, "portfolio"), self._store.read
        return bids.expanded_portfolio(read, name) if expand else bids.portfolio_of(read, name)

    def portfolios(self, bidders: IdLike | Collection[IdLike]) -> list[PortfolioRecord]:
        """The portfolios with a demand or a basis of a bidder, or of several."""
        return self._store.read.portfolios(read_bidders(bidders))

    def bidder_of_portfolio(self, portfolio: IdLike) -> str:
        """Whose portfolio it is, without reading all of it.

        Raises
        ------
        NotFound
        """
        return bids.bidder_of_portfolio(self._store.read, read_id(portfolio, "portfolio"))

    def change_portfolio(
        self, portfolio: IdLike, demand: WeightsLike = None, basis: WeightsLike = None
    ) -> PortfolioRecord:
        """Give a portfolio other weights.

        Parameters
        ----------
        portfolio : id
        demand, basis : weights, optional
            None keeps the group, ``{}`` empties it.

        Raises
        ------
        NotFound, InvalidWeights, UnknownReference
        """
        if demand is None and basis is None:
            return self.portfolio(portfolio)
        return self._bid(self.draft_weights(portfolio, demand, basis))

    def delete_portfolio(self, portfolio: IdLike) -> PortfolioRecord:
        """End a portfolio, by emptying both its groups; its history stays.

        Raises
        ------
        NotFound
        """
        return self.change_portfolio(portfolio, demand={}, basis={})

    def demand_history(
        self, portfolio: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Row[dict[str, float]]]:
        """The demand weights of a portfolio, newest first; ``before`` and ``after`` as in `product_outcomes`.

        Raises
        ------
        NotFound
        """
        name, read = read_id(portfolio, "portfolio"), self._store.read
        bids.check_there("portfolio", name, read.missing_portfolios([name]))
        return read.demand_history(name, *read_span(before, after), self.page_limit)

    def basis_history(
        self, portfolio: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Row[dict[str, float]]]:
        """The basis of a portfolio, newest first; ``before`` and ``after`` as in `product_outcomes`.

        Raises
        ------
        NotFound
        """
        name, read = read_id(portfolio, "portfolio"), self._store.read
        bids.check_there("portfolio", name, read.missing_portfolios([name]))
        return read.basis_history(name, *read_span(before, after), self.page_limit)

    def portfolio_outcomes(
        self, portfolio: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Row[dict[str, float | None]]]:
        """Price and rate of a portfolio, batch by batch, newest first; spans as in `product_outcomes`.

        Raises
        ------
        NotFound
        """
        name, read = read_id(portfolio, "portfolio"), self._store.read
        bids.check_there("portfolio", name, read.missing_portfolios([name]))
        return read.portfolio_outcomes(name, *read_span(before, after), self.page_limit)

    def make(self, changes: Sequence[Change[Any]]) -> list[Any]:
        """Make changes of bids, each at its own instant, and commit them together.

        Returns
        -------
        list
            What each of them gave, or the exception that it raised.
        """
        results = self._store.write_all(changes)
        if self.auto_solve and not all(isinstance(result, Exception) for result in results):
            # The changes are stored and acknowledged, whatever becomes of the batch.
            try:
                self._follow_up()
            except Exception:
                log.exception("the batch after a change failed")
        return results

    def _bid(self, change: Change[Result]) -> Result:
        (result,) = self.make([change])
        if isinstance(result, Exception):
            raise result
        made: Result = result
        return made
