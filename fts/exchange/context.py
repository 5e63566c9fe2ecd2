"""The state that all parts of a market share: its options, its terms and its store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from fts.errors import ConfigurationError
from fts.exchange.schedule import Schedule, ScheduleLike
from fts.models.records import Units
from fts.ports.application import Terms
from fts.ports.engine import Clearing
from fts.ports.store import MarketReader, Store

PAGE_LIMIT = 100
"""Most rows of one page of a list, unless a market says otherwise."""


@dataclass(frozen=True)
class MarketOptions:
    """The options of one market.

    Attributes
    ----------
    solver : str or None
        An engine of :func:`fts.engines`; None: the default one.
    clearing : callable or None
        Another rule of clearing.
    page_limit : int
        Rows of a page.
    auto_solve : bool
        True: a batch follows every change of a bid.
    time_unit, quantity_unit, money_unit : str or None
        None: those of the file.
    schedule : Schedule or None
        The grid on which batches run.

    Raises
    ------
    ConfigurationError
        The options contradict each other.
    """

    solver: str | None = None
    clearing: Clearing | None = None
    page_limit: int = PAGE_LIMIT
    auto_solve: bool = False
    time_unit: str | None = None
    quantity_unit: str | None = None
    money_unit: str | None = None
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        if self.solver is not None and self.clearing is not None:
            raise ConfigurationError("give a market a solver or another rule of clearing, not both")
        if self.page_limit < 1:
            raise ConfigurationError(f"page_limit is {self.page_limit}; a page has at least one row")


class MarketKeywords(TypedDict, total=False):
    """The options of one market as keyword arguments; see `MarketOptions`."""

    solver: str | None
    clearing: Clearing | None
    page_limit: int
    auto_solve: bool
    time_unit: str | None
    quantity_unit: str | None
    money_unit: str | None
    schedule: ScheduleLike


class MarketContext:
    """The store, the terms and the options of one market.

    Parameters
    ----------
    store : Store
        Is opened here.
    application : Terms
        Data types, ids and clock.
    options : MarketOptions

    Attributes
    ----------
    units : Units
        Those of the file.
    """

    def __init__(self, store: Store, application: Terms, options: MarketOptions) -> None:
        self.store, self.application, self.options = store, application, options
        self.units: Units = store.open(options.time_unit, options.quantity_unit, options.money_unit, application.now)

    @property
    def read(self) -> MarketReader:
        """Return what the market holds, as of the last committed change."""
        return self.store.read

    def now(self) -> datetime:
        """Return an instant later than every change so far, even if the clock stood still or was set back."""
        return self.store.next_timestamp()
