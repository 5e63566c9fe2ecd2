"""Batches of a given length, one after another, and the quantities that batches trade over time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from fts.errors import InvalidInstant, SpanTaken
from fts.exchange.batching import Batching
from fts.exchange.given import optional_instant, read_aware, read_id, read_span
from fts.models.arguments import IdLike, InstantLike
from fts.models.instant import read_duration, write_instant
from fts.models.records import BatchRecord
from fts.models.trade import Trade

MOST = 10_000
"""How many slices one request may ask for: nobody wants more, but a slip of a unit asks for millions."""


class Slicing(Batching):
    """Spans of slices, and quantities."""

    def solve_span(
        self, from_: InstantLike | None = None, thru: InstantLike | None = None, by: timedelta | str | None = None
    ) -> list[BatchRecord]:
        """Run a batch for every whole slice of a span, each with the auction as of its own begin.

        A slice holds until the next one, whatever comes of that; it may lie in the future. What remains of
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
        end = read_aware(thru)
        length = by if by is None or isinstance(by, timedelta) else read_duration(by)
        records: list[BatchRecord] = []
        with self._batches:
            start = self._start(optional_instant(from_), end, length)
            slices = _slices(start, end, end - start if length is None else length)
            self._check_free(start, end)
            self._check_begins({begins for begins, _ in slices}, start, end)
            for begins, ends in slices:
                record, fault = self._run(begins, self._store.claim(), ends)
                records.append(record)
                if fault is not None:
                    raise fault
        return records

    def last_run(self) -> datetime | None:
        """The instant of the last batch that was given no end."""
        return self._store.read.last_run()

    def product_trades(
        self, product: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> list[Trade]:
        """Price and quantity of a product in the batches with a price and a known end, newest first.

        One more than `page_limit` of them where there are so many; none for a product that is not there.

        Parameters
        ----------
        product : id
        before, after : instant, optional
            The batch begins before ``before``, and at ``after`` or later.
        """
        name = read_id(product, "product")
        return self._store.read.product_trades(name, *read_span(before, after), self.page_limit + 1)

    def portfolio_trades(
        self, portfolio: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> list[Trade]:
        """Price and quantity of a portfolio in the batches with a known end; as `product_trades`."""
        name = read_id(portfolio, "portfolio")
        return self._store.read.portfolio_trades(name, *read_span(before, after), self.page_limit + 1)

    def listed(self, instant: datetime | None = None) -> list[tuple[datetime, datetime]]:
        """From when until when batches hold, of those whose end became known by the batch of an instant.

        That batch itself, where it was given an end, and the one before, which it ended. None: the latest
        batch whose end is known.
        """
        return self._store.read.listed(instant)

    def product_trades_of(self, begins: datetime, ends: datetime, products: Collection[str]) -> dict[str, Trade]:
        """Price and quantity of products in one of the `listed` batches, of those with a price."""
        return self._store.read.product_trades_of(begins, ends, products)

    def bidder_trades_of(self, begins: datetime, ends: datetime, bidders: Collection[str]) -> dict[str, list[Trade]]:
        """Price and quantity of the auths of bidders in one of the `listed` batches."""
        return self._store.read.bidder_trades_of(begins, ends, bidders)

    def _start(self, from_: datetime | None, thru: datetime, by: timedelta | None) -> datetime:
        if by is not None and by <= timedelta(0):
            raise InvalidInstant("a slice is longer than nothing; give a duration such as 15s")
        if from_ is None:
            from_ = self._store.read.last_slice_end(thru)
        if from_ is None and by is not None:
            from_ = thru - by
        if from_ is None:
            from_ = self.now()
        if from_ >= thru:
            raise InvalidInstant(
                f"the span from {write_instant(from_)} thru {write_instant(thru)} is empty; from < thru"
            )
        return from_

    def _check_free(self, from_: datetime, thru: datetime) -> None:
        last = self._store.read.last_run()
        for begins, given, ends in self._store.read.spans(from_, thru):
            # The last batch that was given no end ends wherever the next one begins.
            if given or begins >= from_ or begins != last:
                told = "the next batch" if ends is None else write_instant(ends)
                raise SpanTaken(
                    f"a batch holds from {write_instant(begins)} until {told}, inside the span from "
                    f"{write_instant(from_)} thru {write_instant(thru)}; give a span that nothing was solved for"
                )

    def _check_begins(self, begins: set[datetime], from_: datetime, thru: datetime) -> None:
        """What was solved is out of the way; but a batch that failed keeps its instant."""
        for record in self._store.read.batches(thru, from_, MOST).results:
            if record.instant in begins:
                raise SpanTaken(
                    f"the batch of {write_instant(record.instant)} was run and not solved; a batch has an instant of "
                    "its own: begin elsewhere"
                )


def _slices(from_: datetime, thru: datetime, by: timedelta) -> list[tuple[datetime, datetime]]:
    count = (thru - from_) // by
    if count > MOST:
        raise InvalidInstant(f"the span has {count} slices of {by}; ask for at most {MOST} at once, or for longer ones")
    return [(from_ + k * by, from_ + (k + 1) * by) for k in range(count)]
