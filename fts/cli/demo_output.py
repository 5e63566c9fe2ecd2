"""Output of `fts demo`: a table of forward prices and one line per batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fts.cli.console import print_line
from fts.cli.demo_market import DemoMarket
from fts.sim.typical_hours import TypicalHour, by_month, is_peak

MIN_RELATIVE_MOVE = 1e-6
"""Smallest change of a price that is shown, relative to the price."""

_ROWS: tuple[tuple[str, Callable[[TypicalHour], bool]], ...] = (
    ("base, all hours", lambda delivery: True),
    ("peak, workday 8-20", is_peak),
    ("workday, other hours", lambda delivery: delivery.day_type == "workday" and not is_peak(delivery)),
    ("weekend", lambda delivery: delivery.day_type == "weekend"),
)


@dataclass
class DemoOutput:
    """Output of a running market.

    Attributes
    ----------
    market : OpenMarket
    prices : dict
        Prices of the last batch shown, by product id.
    revised : int
        Number of bids changed since then.
    """

    market: DemoMarket
    prices: dict[str, float] = field(default_factory=dict)
    revised: int = 0

    def show(self, report: Mapping[str, Any]) -> None:
        """Show a report: a batch, or an event of a bot."""
        if "batch" in report:
            self._show_batch(report["batch"], report["prices"])
        elif "trouble" in report:
            print_line(f"{report['bot']}: {report['trouble']}")
        else:
            self.revised += report.get("changes", 0)

    def show_heading(self) -> None:
        """Print the heading of the batch lines."""
        print_line(batch_heading(self.market.price_unit))

    def _show_batch(self, batch: Mapping[str, Any], prices: dict[str, float]) -> None:
        if prices and not self.prices:
            first = "First clearing prices" if self.market.new else "Clearing prices again"
            print_line(f"{first}, batch of {batch['instant'][11:19]} UTC, {batch['seconds']:.2f} s:\n")
            print_line(price_table(self.market.deliveries, prices, self.market.price_unit) + "\n")
        else:
            print_line(batch_line(self.market.deliveries, self.prices, prices, batch, self.revised))
        self.prices, self.revised = prices or self.prices, 0


def price_table(deliveries: Sequence[TypicalHour], prices: Mapping[str, float], unit: str) -> str:
    """Format forward prices by month: means over the hours of each row, and each month's highest and lowest price.

    Parameters
    ----------
    deliveries : sequence of TypicalHour
        Products.
    prices : mapping
        Prices by product id.
    unit : str
        ``EUR/MWh``
    """
    months = by_month(delivery for delivery in deliveries if delivery.product in prices)
    starts = [datetime.strptime(month, "%Y-%m") for month in months]
    years = [f"{start:%Y}" if k == 0 or start.month == 1 else "" for k, start in enumerate(starts)]
    lines = [_line("", years), _line(unit, [f"{start:%b}" for start in starts])]
    for label, belongs in _ROWS:
        lines.append(_line(label, [_mean(filter(belongs, month), prices) for month in months.values()]))
    for label, extreme in (("dearest hour", max), ("cheapest hour", min)):
        lines.append(_line(label, [f"{extreme(prices[d.product] for d in month):.1f}" for month in months.values()]))
    return "\n".join(lines)


def batch_line(
    deliveries: Sequence[TypicalHour],
    before: Mapping[str, float],
    after: Mapping[str, float],
    batch: Mapping[str, object],
    revised: int,
) -> str:
    """Format a batch: instant, status, share of changed prices, largest change, revised bids, seconds.

    Parameters
    ----------
    deliveries : sequence of TypicalHour
        Products.
    before, after : mapping
        Prices of the previous batch and of this one, by product id.
    batch : mapping
        Batch, as the exchange returns it.
    revised : int
        Number of bids that changed since the previous batch.
    """
    clock = str(batch["instant"])[11:19]
    status = str(batch["status"])
    seconds = f"{batch['seconds']:.2f} s"
    if status == "not solved":
        return f"{clock}  {status}: {batch.get('reason')}"
    common = [delivery for delivery in deliveries if delivery.product in before and delivery.product in after]
    differences = {delivery: after[delivery.product] - before[delivery.product] for delivery in common}
    changed = [d for d, move in differences.items() if abs(move) > MIN_RELATIVE_MOVE * max(abs(before[d.product]), 1.0)]
    if not changed:
        return f"{clock}  {status:<7} {0:>4} %  {'no price moved':<47} {revised:>8} {seconds:>8}"
    largest = max(changed, key=lambda delivery: abs(differences[delivery]))
    product_text = f"{datetime.strptime(largest.month, '%Y-%m'):%b %Y} {largest.kind}h"
    move_text = f"{before[largest.product]:.2f} → {after[largest.product]:.2f}  ({differences[largest]:+.2f})"
    share = round(100 * len(changed) / len(common))
    return f"{clock}  {status:<7} {share:>4} %  {product_text:<20} {move_text:<26} {revised:>8} {seconds:>8}"


def batch_heading(unit: str) -> str:
    """Format the heading of the batch lines: instants are UTC, `revised` counts bids, `cleared` is the solve time."""
    move = f"biggest move, {unit}"
    return f"{'UTC':<8}  {'status':<7} {'moved':>6}  {move:<47} {'revised':>8} {'cleared':>8}"


def _line(label: str, cells: Sequence[str]) -> str:
    return f"{label:<20}" + "".join(f"{cell:>6}" for cell in cells)


def _mean(deliveries: Iterable[TypicalHour], prices: Mapping[str, float]) -> str:
    chosen = list(deliveries)
    hours = sum(delivery.hours for delivery in chosen)
    return f"{sum(prices[d.product] * d.hours for d in chosen) / hours:.1f}" if hours else "-"
