"""A market in the terminal: a table of forward prices and one line for each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from fts.sim.typical_hours import TypicalHour, by_month, is_peak

MOVED = 1e-6
"""Smallest change of a price that counts as a move, relative to the price."""

_ROWS: tuple[tuple[str, Callable[[TypicalHour], bool]], ...] = (
    ("base, all hours", lambda delivery: True),
    ("peak, workday 8-20", is_peak),
    ("workday, other hours", lambda delivery: delivery.day_type == "workday" and not is_peak(delivery)),
    ("weekend", lambda delivery: delivery.day_type == "weekend"),
)


def price_table(deliveries: Sequence[TypicalHour], prices: Mapping[str, float], unit: str) -> str:
    """Forward prices by month: means over the hours of each row, then each month's dearest and cheapest hour.

    Parameters
    ----------
    deliveries : sequence of Delivery
        The products.
    prices : mapping
        Product id -> price.
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
    """One batch: instant, status, share of prices that moved, the biggest move, bids revised for it, seconds.

    Parameters
    ----------
    deliveries : sequence of Delivery
        The products.
    before, after : mapping
        Product id -> price, of the batch before and of this one.
    batch : mapping
        The batch as the exchange shows it.
    revised : int
        Bids that changed since the batch before.
    """
    clock = str(batch["instant"])[11:19]
    status = str(batch["status"])
    seconds = f"{batch['seconds']:.2f} s"
    if status == "not solved":
        return f"{clock}  {status}: {batch.get('reason')}"
    common = [delivery for delivery in deliveries if delivery.product in before and delivery.product in after]
    moves = {delivery: after[delivery.product] - before[delivery.product] for delivery in common}
    moved = [d for d, move in moves.items() if abs(move) > MOVED * max(abs(before[d.product]), 1.0)]
    if not moved:
        return f"{clock}  {status:<7} {0:>4} %  {'no price moved':<47} {revised:>8} {seconds:>8}"
    most = max(moved, key=lambda delivery: abs(moves[delivery]))
    where = f"{datetime.strptime(most.month, '%Y-%m'):%b %Y} {most.kind}h"
    what = f"{before[most.product]:.2f} → {after[most.product]:.2f}  ({moves[most]:+.2f})"
    share = round(100 * len(moved) / len(common))
    return f"{clock}  {status:<7} {share:>4} %  {where:<20} {what:<26} {revised:>8} {seconds:>8}"


def batch_heading(unit: str) -> str:
    """The heading of the batch lines: instants are UTC, `revised` counts bids, `cleared` is the time it took."""
    move = f"biggest move, {unit}"
    return f"{'UTC':<8}  {'status':<7} {'moved':>6}  {move:<47} {'revised':>8} {'cleared':>8}"


def _line(label: str, cells: Sequence[str]) -> str:
    return f"{label:<20}" + "".join(f"{cell:>6}" for cell in cells)


def _mean(deliveries: Iterable[TypicalHour], prices: Mapping[str, float]) -> str:
    chosen = list(deliveries)
    hours = sum(delivery.hours for delivery in chosen)
    return f"{sum(prices[d.product] * d.hours for d in chosen) / hours:.1f}" if hours else "-"
