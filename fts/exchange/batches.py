"""The batches of a market: running, listing and following them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fts.errors import InvalidInstant, NotFound
from fts.exchange.clear import clear
from fts.exchange.context import MarketContext
from fts.exchange.other_rule import certified_rule
from fts.exchange.parsing import parse_any_instant, parse_span
from fts.exchange.trade_limits import apply_trade_limits
from fts.models.arguments import InstantLike
from fts.models.auction import Auction
from fts.models.outcome import Outcome
from fts.models.records import BatchRecord, Page
from fts.models.timestamps import format_instant, parse_duration
from fts.ports.engine import Clearing
from fts.ports.process import ProcessLock

Subscriber = Callable[[BatchRecord], Any]
log = logging.getLogger(__name__)


class Batches:
    """The batches of a market; calling it lists them.

    Parameters
    ----------
    context : MarketContext

    Attributes
    ----------
    lock : ProcessLock
        Is held while a batch is cleared and stored.
    """

    def __init__(self, context: MarketContext) -> None:
        self._context = context
        clearing = context.options.clearing
        self._clearing = None if clearing is None else certified_rule(clearing)
        self.lock = ProcessLock()
        self._last_outcome: Outcome | None = None
        # Changes before this instant are in the auction of the last batch.
        self._cleared_until = datetime.min.replace(tzinfo=UTC)
        self._subscribers: list[Subscriber] = []

    def __call__(self, before: InstantLike | None = None, after: InstantLike | None = None) -> Page[BatchRecord]:
        """Return a page of the batches, newest first, whose instant is before ``before`` and not before ``after``."""
        return self._context.read.batches(*parse_span(before, after), self._context.options.page_limit)

    def run(self, instant: InstantLike | None = None) -> BatchRecord:
        """Clear the market, and let the outcome hold from an instant on; see :meth:`Market.run_batch`.

        Raises
        ------
        InvalidInstant, MissingLibrary, MissingLicence, ConfigurationError
        """
        with self.lock:
            record, fault = self._run_now(instant)
        if fault is not None:
            raise fault
        return record

    def batch(self, instant: InstantLike) -> BatchRecord:
        """Return the batch of an instant.

        Raises
        ------
        NotFound
        """
        at = parse_any_instant(instant)
        record = self._context.read.batch(at)
        if record is None:
            raise NotFound(f"no batch has the instant {format_instant(at)}")
        return record

    def prices(self, instant: InstantLike) -> list[dict[str, Any]]:
        """Every product's outcome of one batch: product, price (or None), rate, and its price interval.

        ``price_low`` and ``price_high`` are left out where they were not computed, and None where unlimited.

        Raises
        ------
        NotFound
        """
        prices = self._context.read.batch_prices(self.batch(instant).instant)
        return [_price_row(row) for row in prices.to_dict("records")]

    def auction(self, instant: InstantLike) -> Auction:
        """Return the auction that a batch cleared.

        Raises
        ------
        NotFound
        """
        batch = self.batch(instant)
        return self._auction(batch.instant, batch.solved_at, batch.duration)

    def replay(self, instant: InstantLike) -> Outcome:
        """Clear again what the batch in force at an instant cleared.

        Raises
        ------
        NotFound
            No batch was in force.
        NotSolved, UnboundedAuction
        """
        at = parse_any_instant(instant)
        batch = self._context.read.batch_in_force(at)
        if batch is None:
            raise NotFound(f"no batch was in force at {format_instant(at)}")
        reference = _known(self._context.read.batch_prices(batch.instant), "reference")
        return self._clearing_for(reference)(self._auction(batch.instant, batch.solved_at, batch.duration))

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call a function with the record of every batch once it is stored; returns a function that ends this.

        It is called in the thread that ran the batch, before the next batch may begin: it must not run one.
        """
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def run_if_stale(self) -> None:
        """Run a batch of what was changed so far; calls that wait for it meanwhile share the next one.

        Raises
        ------
        MissingLibrary, MissingLicence, ConfigurationError
        """
        changed = self._context.now()
        with self.lock:
            fault = None if self._cleared_until > changed else self._run_now(None)[1]
        if fault is not None:
            raise fault

    def _run_now(self, instant: Any) -> tuple[BatchRecord, Exception | None]:
        """Run a batch of an instant, or of now; the caller holds the lock."""
        solved_at = self._context.now()
        begins = solved_at if instant is None else parse_any_instant(instant)
        last = self._context.read.last_run()
        if last is not None and begins <= last:
            raise InvalidInstant(
                f"a batch of {format_instant(begins)} would not come after that of {format_instant(last)}; "
                "give a later instant"
            )
        if self._context.read.batch(begins) is not None:
            raise InvalidInstant(f"a batch of {format_instant(begins)} is there already; give another instant")
        record, fault = self.clear_and_store(begins, solved_at)
        self._cleared_until = max(self._cleared_until, min(begins, solved_at))
        return record, fault

    def clear_and_store(
        self, begins: datetime, solved_at: datetime, thru: datetime | None = None
    ) -> tuple[BatchRecord, Exception | None]:
        """Clear the auction of a batch, store it and call the subscribers; the caller holds the lock."""
        step = None if self._context.options.schedule is None else self._context.options.schedule.every
        span = step if thru is None else thru - begins
        duration = None if span is None else span / parse_duration(self._context.units.time_unit)
        auction = self._auction(begins, solved_at, duration)
        reference = self._last_prices(begins)
        rule = self._clearing_for(reference, self._last_outcome)
        record, outcome, fault = clear(auction, rule, instant=begins, solved_at=solved_at)
        record = replace(record, thru=thru, duration=duration)
        previous_ends_at = self.end_of_last(begins)
        valid_until = thru if thru is not None else self._start_of_next(begins)
        self._context.store.write(
            lambda transaction: transaction.add_batch(record, outcome, previous_ends_at, valid_until, reference)
        )
        self._last_outcome = outcome or self._last_outcome
        self._publish(record)
        return record, fault

    def last_run(self) -> datetime | None:
        """Return the instant of the last batch that was given no end."""
        return self._context.read.last_run()

    def _clearing_for(self, reference: dict[str, float], warm: Outcome | None = None) -> Clearing:
        """Return the rule of clearing: the other one, or the solver with its reference prices."""
        return self._clearing or partial(_solve, solver=self._context.options.solver, reference=reference, warm=warm)

    def _last_prices(self, before: datetime) -> dict[str, float]:
        """Return the prices of the last outcome before an instant, by product, for products that had one."""
        cleared = self._context.read.last_cleared(before)
        if cleared is None or self._clearing is not None:
            return {}
        return _known(self._context.read.batch_prices(cleared.instant), "price")

    def _auction(self, begins: datetime, solved_at: datetime, duration: float | None) -> Auction:
        """Return the auction of a batch, its domains clipped to what limits on total trade leave."""
        at, read = min(begins, solved_at), self._context.read
        auction, limits = read.auction_as_of(at), read.remaining_limits(at, begins, solved_at)
        return auction if limits is None else apply_trade_limits(auction, limits, 1.0 if duration is None else duration)

    def end_of_last(self, before: datetime | None = None) -> datetime | None:
        """Return the end of the last outcome before an instant, if the market left its schedule; else None."""
        read = self._context.read
        if (
            self._context.options.schedule is None
            or (cleared := read.last_cleared(before)) is None
            or cleared.thru is not None
        ):
            return None
        last = next(iter(read.batches(before, None, 1).results))
        return last.instant + self._context.options.schedule.every

    def _start_of_next(self, begins: datetime) -> datetime | None:
        """Return the end of an outcome that is given none, if a slice follows it already; else None."""
        follows = self._context.read.next_cleared(begins)
        if follows is None or self._context.options.schedule is None:
            return follows
        return min(follows, begins + self._context.options.schedule.every)

    def _publish(self, record: BatchRecord) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback(record)
            except Exception:
                log.exception("a subscriber to batches failed")


def _known(prices: pd.DataFrame, column: str) -> dict[str, float]:
    """Return a column of prices by product, without the missing ones."""
    known = prices[["product", column]].dropna()
    return dict(zip(known["product"], known[column], strict=True))


def _solve(auction: Auction, solver: str | None, reference: dict[str, float], warm: Outcome | None) -> Outcome:
    # Where a batch starts from saves time; what it arrives at does not depend on it.
    outcome: Outcome = auction.solve(solver=solver, reference=reference, warm=warm)
    return outcome


def _price_row(row: dict[Any, Any]) -> dict[str, Any]:
    price = row["price"]
    shown = {"product": row["product"], "price": None if np.isnan(price) else price, "rate": row["rate"]}
    for end in ("price_low", "price_high"):
        if not np.isnan(row[end]):
            shown[end] = None if np.isinf(row[end]) else row[end]
    return shown
