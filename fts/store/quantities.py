"""Queries of traded quantities: remaining limits, trades, and the spans of batches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from fts.models.trade_limits import RemainingLimits
from fts.models.v0 import Trade
from fts.store.cursor import CursorReader
from fts.store.queries import Thing, from_utc, optional_from_utc, optional_utc, to_utc


class QuantityReader(CursorReader):
    """Reads quantities; part of :class:`fts.ports.store.MarketReader`."""

    def remaining_limits(self, at: datetime, begins: datetime, solved_at: datetime) -> RemainingLimits | None:
        """Read the remaining limits of a batch; None if there are no limits."""
        if not self._rows("limits_exist", at=to_utc(at)):
            return None
        found = self._table("remaining_limits", at=to_utc(at), begins=to_utc(begins), solved=to_utc(solved_at))
        low, high = (np.asarray(found[name], dtype=np.float64) for name in ("low", "high"))
        return RemainingLimits(found["demand"].combine_chunks().cast(pa.string()), low, high)

    def product_trades(self, product: str, before: datetime | None, after: datetime | None, limit: int) -> list[Trade]:
        """List price and quantity of a product per batch, newest first."""
        return self._trades("product", product, before, after, limit)

    def portfolio_trades(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> list[Trade]:
        """List price and quantity of a portfolio per batch, newest first."""
        return self._trades("portfolio", portfolio, before, after, limit)

    def product_trades_of(self, instant: datetime, thru: datetime, products: Collection[str]) -> dict[str, Trade]:
        """Read price and quantity of these products in a batch until ``thru``; those without a price are left out."""
        found = self._rows("product_trades_of", instant=to_utc(instant), thru=to_utc(thru), ids=list(products))
        return {row[0]: _trade(row) for row in found}

    def bidder_trades_of(self, instant: datetime, thru: datetime, bidders: Collection[str]) -> dict[str, list[Trade]]:
        """Read price and quantity of the auths of these bidders in a batch until ``thru``."""
        trades: dict[str, list[Trade]] = {bidder: [] for bidder in bidders}
        found = self._rows("bidder_trades_of", instant=to_utc(instant), thru=to_utc(thru), bidders=list(bidders))
        for *row, bidder in found:
            trades[bidder].append(_trade(row))
        return trades

    def closed_batches(self, instant: datetime | None = None) -> list[tuple[datetime, datetime]]:
        """List begin and end of the batches whose end became known by the batch of an instant; None: the latest."""
        found = self._rows("closed_batches", instant=optional_utc(instant))
        return [(from_utc(begins), from_utc(ends)) for begins, ends in found]

    def overlapping_batches(self, from_: datetime, thru: datetime) -> list[tuple[datetime, bool, datetime | None]]:
        """List the cleared batches that overlap a span, newest first: begin, True if the end was given, end."""
        found = self._rows("overlapping_batches", begins=to_utc(from_), ends=to_utc(thru))
        return [(from_utc(begins), given, optional_from_utc(ends)) for begins, given, ends in found]

    def last_slice_end(self, before: datetime) -> datetime | None:
        """Read the end of the last batch before an instant that was given an end."""
        found = self._rows("last_slice_end", before=to_utc(before))
        return from_utc(found[0][0]) if found else None

    def last_run(self) -> datetime | None:
        """Read the instant of the last batch that was not given an end."""
        ((instant,),) = self._rows("last_run")
        return optional_from_utc(instant)

    def next_cleared(self, instant: datetime) -> datetime | None:
        """Read the instant of the first later batch with an outcome."""
        ((found,),) = self._rows("next_cleared", instant=to_utc(instant))
        return optional_from_utc(found)

    def _trades(
        self, thing: Thing, key: str, before: datetime | None, after: datetime | None, limit: int
    ) -> list[Trade]:
        found = self._rows(
            "trades", thing=thing, id=key, before=optional_utc(before), after=optional_utc(after), limit=limit
        )
        return [_trade(row) for row in found]


def _trade(row: Sequence[Any]) -> Trade:
    name, valid_from, thru, price, trade = row
    return Trade(name, from_utc(valid_from), from_utc(thru), price, trade)
