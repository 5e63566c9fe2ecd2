"""Slices: batches of a given length, one after another."""

from __future__ import annotations

from datetime import datetime, timedelta

from fts.errors import InvalidInstant, SpanTaken
from fts.exchange.batches import Batches
from fts.exchange.context import MarketContext
from fts.exchange.parsing import parse_any_instant, parse_optional_instant
from fts.models.arguments import InstantLike
from fts.models.records import BatchRecord
from fts.models.timestamps import format_instant, parse_duration

MAX_SLICES = 10_000
"""Largest number of slices in one request; a mistaken unit of time could ask for millions."""


class Slices:
    """Batches of a given length, one after another.

    Parameters
    ----------
    context : MarketContext
    batches : Batches
        Clears and stores each slice.
    """

    def __init__(self, context: MarketContext, batches: Batches) -> None:
        self._context, self._batches = context, batches

    def run(
        self, from_: InstantLike | None = None, thru: InstantLike | None = None, by: timedelta | str | None = None
    ) -> list[BatchRecord]:
        """Run a batch for every whole slice of a span, each with the auction as of its own begin.

        A slice holds until its own end, or until a later batch inside it; it may lie in the future. What remains of
        the span behind the last whole slice is left alone. A slice that cannot be cleared is recorded, and
        the next one runs.

        Parameters
        ----------
        from_ : instant, optional
            By default the end of the last slice before ``thru``, else ``thru − by``, else now.
        thru : instant
        by : timedelta or text, optional
            Length of a slice, such as ``15s``; by default the whole span.

        Returns
        -------
        list of BatchRecord

        Raises
        ------
        InvalidInstant
            The span is empty, one of its ends or ``by`` cannot be read, or it has too many slices.
        SpanTaken
            Some of it was solved before; nothing was run.
        MissingLibrary, MissingLicence, ConfigurationError
            The solver cannot be used; later slices are not run.
        """
        end = parse_any_instant(thru)
        length = by if by is None or isinstance(by, timedelta) else parse_duration(by)
        records: list[BatchRecord] = []
        with self._batches.lock:
            start = self._start(parse_optional_instant(from_), end, length)
            slices = _slices(start, end, end - start if length is None else length)
            self._check_free(start, end)
            self._check_begins({begins for begins, _ in slices}, start, end)
            for begins, ends in slices:
                record, fault = self._batches.clear_and_store(begins, self._context.now(), ends)
                records.append(record)
                if fault is not None:
                    raise fault
        return records

    def _start(self, from_: datetime | None, thru: datetime, by: timedelta | None) -> datetime:
        if by is not None and by <= timedelta(0):
            raise InvalidInstant("a slice is longer than nothing; give a duration such as 15s")
        if from_ is None:
            from_ = self._context.read.last_slice_end(thru)
        if from_ is None and by is not None:
            from_ = thru - by
        if from_ is None:
            from_ = self._context.now()
        if from_ >= thru:
            raise InvalidInstant(
                f"the span from {format_instant(from_)} thru {format_instant(thru)} is empty; from < thru"
            )
        return from_

    def _check_free(self, from_: datetime, thru: datetime) -> None:
        last = self._context.read.last_run()
        for begins, given, ends in self._context.read.overlapping_batches(from_, thru):
            # The last batch that was given no end ends wherever the next one begins.
            if given or begins >= from_ or begins != last:
                end = "the next batch" if ends is None else format_instant(ends)
                raise SpanTaken(
                    f"a batch holds from {format_instant(begins)} until {end}, inside the span from "
                    f"{format_instant(from_)} thru {format_instant(thru)}; give a span that nothing was solved for"
                )

    def _check_begins(self, begins: set[datetime], from_: datetime, thru: datetime) -> None:
        """Refuse the instant of a batch that failed: no other batch may have it."""
        for record in self._context.read.batches(thru, from_, MAX_SLICES).results:
            if record.instant in begins:
                raise SpanTaken(
                    f"the batch of {format_instant(record.instant)} was run and not solved; a batch has an instant of "
                    "its own: begin elsewhere"
                )


def _slices(from_: datetime, thru: datetime, by: timedelta) -> list[tuple[datetime, datetime]]:
    count = (thru - from_) // by
    if count > MAX_SLICES:
        raise InvalidInstant(
            f"the span has {count} slices of {by}; ask for at most {MAX_SLICES} at once, or for longer ones"
        )
    return [(from_ + k * by, from_ + (k + 1) * by) for k in range(count)]
