"""The demands and portfolios of a market."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from fts.exchange import rules
from fts.exchange.commands import Command, Commands
from fts.exchange.context import MarketContext
from fts.exchange.parsing import parse_bidders, parse_id
from fts.models.arguments import IdLike
from fts.models.records import DemandRecord, PortfolioRecord

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class MarketBids(Commands):
    """The demands and portfolios of a market, and the commands that change them.

    Parameters
    ----------
    context : MarketContext
    after_change : callable
        Is called after changes are committed, in a market with ``auto_solve``.
    """

    def __init__(self, context: MarketContext, after_change: Callable[[], None]) -> None:
        super().__init__(context)
        self._after_change = after_change

    def demand(self, demand: IdLike) -> DemandRecord:
        """Return one demand.

        Raises
        ------
        NotFound
        """
        return rules.demand_of(self._context.read, parse_id(demand, "demand"))

    def demands(self, bidders: IdLike | Collection[IdLike]) -> list[DemandRecord]:
        """Return the active demands of a bidder, or of several."""
        return self._context.read.demands(parse_bidders(bidders))

    def bidder_of_demand(self, demand: IdLike) -> str:
        """Return the bidder of a demand, without reading the whole record.

        Raises
        ------
        NotFound
        """
        return rules.bidder_of_demand(self._context.read, parse_id(demand, "demand"))

    def portfolio(self, portfolio: IdLike, *, expand: bool = False) -> PortfolioRecord:
        """Return one portfolio; with ``expand`` its basis in the products that trade now.

        Raises
        ------
        NotFound
        """
        name, read = parse_id(portfolio, "portfolio"), self._context.read
        return rules.expanded_portfolio(read, name) if expand else rules.portfolio_of(read, name)

    def portfolios(self, bidders: IdLike | Collection[IdLike]) -> list[PortfolioRecord]:
        """Return the portfolios with a demand or a basis of a bidder, or of several."""
        return self._context.read.portfolios(parse_bidders(bidders))

    def bidder_of_portfolio(self, portfolio: IdLike) -> str:
        """Return the bidder of a portfolio, without reading the whole record.

        Raises
        ------
        NotFound
        """
        return rules.bidder_of_portfolio(self._context.read, parse_id(portfolio, "portfolio"))

    def execute(self, command: Command[Result]) -> Result:
        """Execute one command and commit it; raises what the command raised."""
        (result,) = self.commit_together([command])
        if isinstance(result, Exception):
            raise result
        record: Result = result
        return record

    def commit_together(self, commands: Sequence[Command[Any]]) -> list[Any]:
        """Execute commands, each at its own instant, and commit them together.

        Returns
        -------
        list
            The result of each command, or the exception that it raised.
        """
        results = self._context.store.write_all(commands)
        if self._context.options.auto_solve and not all(isinstance(result, Exception) for result in results):
            # The changes are stored and acknowledged, even if the batch fails.
            try:
                self._after_change()
            except Exception:
                log.exception("the batch after a change failed")
        return results
