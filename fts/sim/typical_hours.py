"""Typical hours: the deliveries of products, and the number of hours of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fts.errors import InvalidInput
from fts.models.timestamps import format_instant, parse_instant

DAY_TYPES = ("workday", "weekend")


@dataclass(frozen=True)
class TypicalHour:
    """Typical hour of one month, and the product that delivers it.

    One unit of the product is 1 MWh, spread evenly over the delivery's hours.

    Attributes
    ----------
    product : str
        Id of the product; empty before the product is created.
    start, thru : datetime
        Bounds of the local month, in UTC.
    month : str
        Local month, ``2027-01``.
    day_type : str
        ``workday`` (Monday to Friday) or ``weekend``.
    hour : int
        Hour of the local clock, 0–23.
    hours : int
        Number of hours of this day type and clock hour in the month.
    """

    product: str
    start: datetime
    thru: datetime
    month: str
    day_type: str
    hour: int
    hours: int

    @property
    def kind(self) -> str:
        """Kind of the product: ``workday 14``."""
        return f"{self.day_type} {self.hour}"

    @property
    def season(self) -> int:
        """Month of the year, 1–12."""
        return int(self.month[5:])

    def app_data(self) -> dict[str, str]:
        """Return the data of the product at the exchange."""
        return {"kind": self.kind, "from": format_instant(self.start), "thru": format_instant(self.thru)}


@lru_cache(maxsize=256)
def hour_counts(start: datetime, thru: datetime, zone: str) -> dict[tuple[str, int], int]:
    """Count the hours between two instants, by day type and hour of the local clock.

    The hour that is skipped in spring is not counted; the hour that is repeated in autumn is counted twice.

    Parameters
    ----------
    start, thru : datetime
        With offset, on whole hours.
    zone : str
        Time zone of the clock, ``Europe/Berlin``.

    Returns
    -------
    dict
        ``{(day type, hour): hours}``; the values add up to the hours between the two instants.
    """
    clock = ZoneInfo(zone)
    counts = {(day_type, hour): 0 for day_type in DAY_TYPES for hour in range(24)}
    instant = start.astimezone(UTC)
    while instant < thru:
        local = instant.astimezone(clock)
        counts["weekend" if local.weekday() >= 5 else "workday", local.hour] += 1
        instant += timedelta(hours=1)
    return counts


def typical_hours(first: tuple[int, int], months: int, zone: str) -> list[TypicalHour]:
    """List the typical hours of consecutive months: 48 per month, in order of month, day type, hour.

    Parameters
    ----------
    first : (year, month)
        First month of delivery.
    months : int
        Number of months.
    zone : str
        Time zone of the clock.
    """
    clock = ZoneInfo(zone)
    deliveries = []
    for ahead in range(months):
        start, thru = _month(first, ahead, clock), _month(first, ahead + 1, clock)
        label = f"{start.astimezone(clock):%Y-%m}"
        for (day_type, hour), hours in hour_counts(start, thru, zone).items():
            deliveries.append(TypicalHour("", start, thru, label, day_type, hour, hours))
    return deliveries


def month_after(instant: datetime, zone: str) -> tuple[int, int]:
    """Return the next local month: (year, month)."""
    local = instant.astimezone(ZoneInfo(zone))
    return (local.year + local.month // 12, local.month % 12 + 1)


def read_typical_hour(product: str, app_data: dict[str, object], zone: str) -> TypicalHour:
    """Parse the data of a product at the exchange.

    Raises
    ------
    InvalidInput
        The product's ``kind`` is not a typical hour such as ``workday 14``.
    """
    kind = str(app_data["kind"])
    day_type, _, hour = kind.partition(" ")
    if day_type not in DAY_TYPES or not hour.isdigit() or int(hour) > 23:
        raise InvalidInput(f"product {product} is of kind {kind!r}, not a typical hour such as 'workday 14'")
    start, thru = parse_instant(str(app_data["from"])), parse_instant(str(app_data["thru"]))
    label = f"{start.astimezone(ZoneInfo(zone)):%Y-%m}"
    hours = hour_counts(start, thru, zone)[day_type, int(hour)]
    return TypicalHour(product, start, thru, label, day_type, int(hour), hours)


def is_peak(delivery: TypicalHour) -> bool:
    """Return True if the hour is in the peak block: working days from 8 to 20 o'clock."""
    return delivery.day_type == "workday" and 8 <= delivery.hour < 20


def by_month(deliveries: Iterable[TypicalHour]) -> dict[str, tuple[TypicalHour, ...]]:
    """Group deliveries by month; the months are in order."""
    months: dict[str, list[TypicalHour]] = {}
    for delivery in deliveries:
        months.setdefault(delivery.month, []).append(delivery)
    return {month: tuple(months[month]) for month in sorted(months)}


def _month(first: tuple[int, int], ahead: int, clock: ZoneInfo) -> datetime:
    years, month = divmod(first[1] - 1 + ahead, 12)
    return datetime(first[0] + years, month + 1, 1, tzinfo=clock).astimezone(UTC)
