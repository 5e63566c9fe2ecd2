"""Looking after a market's file: how much is in it, copies of it, and the whole of it for other programs."""

from __future__ import annotations

from fts.exchange.venue import Venue


class Keeping(Venue):
    """What whoever runs a market does with its file."""

    def counts(self) -> dict[str, int]:
        """How much was ever stored: products, demands, portfolios, curves, weights."""
        return self._store.read.counts()
