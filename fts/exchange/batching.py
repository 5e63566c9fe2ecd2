"""Running batches, and looking at those that were."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

from fts.errors import InvalidInstant, NotFound
from fts.exchange.batch import clear
from fts.exchange.given import read_aware, read_span
from fts.exchange.venue import Venue
from fts.models.auction import Auction
from fts.models.instant import write_instant
from fts.models.outcome import Outcome
from fts.models.records import BatchRecord, Page
from fts.ports.clearing import Clearing

Subscriber = Callable[[BatchRecord], Any]
log = logging.getLogger(__name__)


class Batching(Venue):
    """The batches of a market."""

    _clearing: Clearing
    _batches: threading.Lock
    _subscribers: list[Subscriber]

    def run_batch(self, instant: Any = None) -> BatchRecord:
        """Clear the market, and let the outcome hold from an instant on.

        The auction is that of the instant, or of now if that is earlier. Bids may change while it is
        cleared. A market that cannot be cleared (``cleared`` is False, ``reason`` says why) keeps its last
        prices and rates.

        Parameters
        ----------
        instant : instant, optional
            Later than every batch so far; by default now.

        Raises
        ------
        InvalidInstant
            A batch of this instant or a later one has been run.
        MissingLibrary, MissingLicence, ConfigurationError
            The solver cannot be used. The batch is recorded as not solved.
        """
        with self._batches:
            solved_at = self._store.claim()
            begins = solved_at if instant is None else read_aware(instant)
            last = self._last_batch()
            if last is not None and begins <= last.instant:
                raise InvalidInstant(
                    f"a batch of {write_instant(begins)} would not come after that of {write_instant(last.instant)}; "
                    "give a later instant"
                )
            auction = self._store.read.auction_as_of(min(begins, solved_at))
            record, outcome, fault = clear(auction, self._clearing, instant=begins, solved_at=solved_at)
            ends = self._end(last)
            self._store.write(lambda change: change.add_batch(record, outcome, ends))
            # Before the next batch may begin: everyone hears of batches in their order.
            self._publish(record)
        if fault is not None:
            raise fault
        return record

    def batches(self, before: Any = None, after: Any = None) -> Page[BatchRecord]:
        """The batches, newest first; ``before`` and ``after`` as in `product_outcomes`."""
        return self._store.read.batches(*read_span(before, after), self.page_limit)

    def batch(self, instant: Any) -> BatchRecord:
        """The batch of an instant.

        Raises
        ------
        NotFound
        """
        at = read_aware(instant)
        record = self._store.read.batch(at)
        if record is None:
            raise NotFound(f"no batch has the instant {write_instant(at)}")
        return record

    def batch_prices(self, instant: Any) -> list[dict[str, Any]]:
        """Every product's outcome of one batch: product, price (or None), rate, and its price interval.

        ``price_low`` and ``price_high`` are left out where they were not computed, and None where unlimited.

        Raises
        ------
        NotFound
        """
        prices = self._store.read.batch_prices(self.batch(instant).instant)
        return [_price_row(row) for row in prices.to_dict("records")]

    def batch_auction(self, instant: Any) -> Auction:
        """The auction that a batch cleared.

        Raises
        ------
        NotFound
        """
        batch = self.batch(instant)
        return self._store.read.auction_as_of(min(batch.instant, batch.solved_at))

    def replay(self, instant: Any) -> Outcome:
        """Clear again what the batch in force at an instant cleared.

        Raises
        ------
        NotFound
            No batch was in force.
        NotSolved, UnboundedAuction
        """
        at = read_aware(instant)
        batch = self._store.read.batch_in_force(at)
        if batch is None:
            raise NotFound(f"no batch was in force at {write_instant(at)}")
        return self._clearing(self._store.read.auction_as_of(min(batch.instant, batch.solved_at)))

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call something with the record of every batch once it is stored, until what this returns is called.

        It is called in the thread that ran the batch, before the next batch may begin: it must not run one.
        """
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def _last_batch(self) -> BatchRecord | None:
        return next(iter(self._store.read.batches(None, None, 1).results), None)

    def _end(self, last: BatchRecord | None) -> datetime | None:
        """When the outcomes of the last batch end, if the schedule was left."""
        if self.schedule is None or last is None:
            return None
        return last.instant + self.schedule.every

    def _publish(self, record: BatchRecord) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback(record)
            except Exception:
                log.exception("a subscriber to batches failed")


def _price_row(row: dict[Any, Any]) -> dict[str, Any]:
    price = row["price"]
    shown = {"product": row["product"], "price": None if np.isnan(price) else price, "rate": row["rate"]}
    for end in ("price_low", "price_high"):
        if not np.isnan(row[end]):
            shown[end] = None if np.isinf(row[end]) else row[end]
    return shown
