"""Changes of bids as commands: read and checked, and not executed yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

from fts.exchange import rules
from fts.exchange.context import MarketContext
from fts.exchange.parsing import parse_app_data, parse_curve, parse_id, parse_weights
from fts.models.arguments import AppData, CurveLike, IdLike, WeightsLike
from fts.models.records import DemandRecord, PortfolioRecord
from fts.ports.store import Transaction

Result = TypeVar("Result")
Command: TypeAlias = Callable[[Transaction], Result]
"""One change, which the store executes inside a transaction."""


class Commands:
    """Commands that change bids; several can be committed together.

    Parameters
    ----------
    context : MarketContext
    """

    def __init__(self, context: MarketContext) -> None:
        self._context = context

    def demands_command(
        self, demands: Iterable[tuple[AppData, CurveLike]], *, bidder: IdLike
    ) -> Command[list[DemandRecord]]:
        """Return the command that creates demands, each ``(app_data, curve)``.

        Raises
        ------
        InvalidInput, InvalidCurve
        """
        owner = parse_id(bidder, "bidder")
        new = [self._new_demand(app_data, curve) for app_data, curve in demands]
        return lambda transaction: rules.create_demands(transaction, owner, new)

    def curve_command(self, demand: IdLike, curve: CurveLike) -> Command[DemandRecord]:
        """Return the command that gives a demand another curve; None ends it.

        Raises
        ------
        InvalidCurve
        """
        name, read = parse_id(demand, "demand"), parse_curve(curve)
        return lambda transaction: rules.change_demand(transaction, name, read)

    def portfolios_command(
        self, portfolios: Iterable[tuple[AppData, WeightsLike, WeightsLike]], *, bidder: IdLike
    ) -> Command[list[PortfolioRecord]]:
        """Return the command that creates portfolios, each ``(app_data, demand, basis)``.

        Raises
        ------
        InvalidInput, InvalidWeights
        """
        owner = parse_id(bidder, "bidder")
        new = [self._new_portfolio(app_data, demand, basis) for app_data, demand, basis in portfolios]
        return lambda transaction: rules.create_portfolios(transaction, owner, new)

    def weights_command(
        self, portfolio: IdLike, demand: WeightsLike = None, basis: WeightsLike = None
    ) -> Command[PortfolioRecord]:
        """Return the command that gives a portfolio other weights; None keeps a group, ``{}`` empties it.

        Raises
        ------
        InvalidWeights
        """
        name = parse_id(portfolio, "portfolio")
        weights = None if demand is None else parse_weights(demand, "demand")
        entries = None if basis is None else parse_weights(basis, "basis")
        return lambda transaction: rules.change_portfolio(transaction, name, weights, entries)

    def _new_demand(self, app_data: AppData, curve: CurveLike) -> rules.NewDemand:
        application = self._context.application
        data, stored = parse_app_data(application.demand_data, app_data, "demand")
        return rules.NewDemand(str(application.generate_demand_id(data)), stored, parse_curve(curve))

    def _new_portfolio(self, app_data: AppData, demand: WeightsLike, basis: WeightsLike) -> rules.NewPortfolio:
        application = self._context.application
        data, stored = parse_app_data(application.portfolio_data, app_data, "portfolio")
        name = str(application.generate_portfolio_id(data))
        return rules.NewPortfolio(name, stored, parse_weights(demand, "demand"), parse_weights(basis, "basis"))
