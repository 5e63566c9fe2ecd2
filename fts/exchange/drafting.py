"""Changes of bids as they are asked for: read and checked, and not yet made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from fts.exchange import bids
from fts.exchange.given import read_curve, read_data, read_id, read_ids
from fts.exchange.venue import Venue
from fts.models.arguments import AppData, CurveLike, IdLike, WeightsLike
from fts.models.records import DemandRecord, PortfolioRecord
from fts.ports.store import Transaction

Result = TypeVar("Result")
Change: TypeAlias = Callable[[Transaction], Result]


class Drafting(Venue):
    """What a bid will change, for whoever makes several changes at once: see `Bidding.make`."""

    def draft_demands(
        self, demands: Iterable[tuple[AppData, CurveLike]], *, bidder: IdLike
    ) -> Change[list[DemandRecord]]:
        """Enter demands, each ``(app_data, curve)``.

        Raises
        ------
        InvalidInput, InvalidCurve
        """
        owner = read_id(bidder, "bidder")
        new = [self._new_demand(app_data, curve) for app_data, curve in demands]
        return lambda change: bids.create_demands(change, owner, new)

    def draft_curve(self, demand: IdLike, curve: CurveLike) -> Change[DemandRecord]:
        """Give a demand another curve; None ends it.

        Raises
        ------
        InvalidCurve
        """
        name, read = read_id(demand, "demand"), read_curve(curve)
        return lambda change: bids.change_demand(change, name, read)

    def draft_portfolios(
        self, portfolios: Iterable[tuple[AppData, WeightsLike, WeightsLike]], *, bidder: IdLike
    ) -> Change[list[PortfolioRecord]]:
        """Enter portfolios, each ``(app_data, demand, basis)``.

        Raises
        ------
        InvalidInput, InvalidWeights
        """
        owner = read_id(bidder, "bidder")
        new = [self._new_portfolio(app_data, demand, basis) for app_data, demand, basis in portfolios]
        return lambda change: bids.create_portfolios(change, owner, new)

    def draft_weights(
        self, portfolio: IdLike, demand: WeightsLike = None, basis: WeightsLike = None
    ) -> Change[PortfolioRecord]:
        """Give a portfolio other weights; None keeps a group, ``{}`` empties it.

        Raises
        ------
        InvalidWeights
        """
        name = read_id(portfolio, "portfolio")
        weights = None if demand is None else read_ids(demand, "demand")
        entries = None if basis is None else read_ids(basis, "basis")
        return lambda change: bids.change_portfolio(change, name, weights, entries)

    def _new_demand(self, app_data: AppData, curve: CurveLike) -> bids.NewDemand:
        data, stored = read_data(self.application.demand_data, app_data, "demand")
        return bids.NewDemand(str(self.application.generate_demand_id(data)), stored, read_curve(curve))

    def _new_portfolio(self, app_data: Any, demand: Any, basis: Any) -> bids.NewPortfolio:
        data, stored = read_data(self.application.portfolio_data, app_data, "portfolio")
        name = str(self.application.generate_portfolio_id(data))
        return bids.NewPortfolio(name, stored, read_ids(demand, "demand"), read_ids(basis, "basis"))
