"""What all parts of a market share: its memory, its terms, its time."""

from __future__ import annotations

from datetime import datetime

from fts.exchange.schedule import Schedule
from fts.models.records import Units
from fts.ports.application import Terms
from fts.ports.store import Store


class Venue:
    """The ground a market stands on.

    Attributes
    ----------
    application : Terms
        Data types, ids and clock.
    units : Units
    schedule : Schedule or None
    page_limit : int
        Rows of a page of history.
    """

    application: Terms
    units: Units
    schedule: Schedule | None
    page_limit: int
    _store: Store

    def now(self) -> datetime:
        """The market's time: later than every change so far, even where the clock stood still or went back."""
        return self._store.claim()
