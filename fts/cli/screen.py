"""What the terminal shows of a living market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fts.cli.sample import OpenMarket
from fts.cli.terminal import say
from fts.cli.ticker import batch_heading, batch_line, price_table


@dataclass
class Screen:
    """What the terminal shows of a living market.

    Attributes
    ----------
    market : OpenMarket
    prices : dict
        Product id -> price, of the last batch shown.
    revised : int
        Bids changed since then.
    """

    market: OpenMarket
    prices: dict[str, float] = field(default_factory=dict)
    revised: int = 0

    def show(self, report: Mapping[str, Any]) -> None:
        """Show what happened: a batch, or what a bot did."""
        if "batch" in report:
            self._batch(report["batch"], report["prices"])
        elif "trouble" in report:
            say(f"{report['bot']}: {report['trouble']}")
        else:
            self.revised += report.get("changes", 0)

    def head(self) -> None:
        """The heading of the batches to come."""
        say(batch_heading(self.market.price_unit))

    def _batch(self, batch: Mapping[str, Any], prices: dict[str, float]) -> None:
        if prices and not self.prices:
            first = "First clearing prices" if self.market.new else "Clearing prices again"
            say(f"{first}, batch of {batch['instant'][11:19]} UTC, {batch['seconds']:.2f} s:\n")
            say(price_table(self.market.deliveries, prices, self.market.price_unit) + "\n")
        else:
            say(batch_line(self.market.deliveries, self.prices, prices, batch, self.revised))
        self.prices, self.revised = prices or self.prices, 0
