"""Instants and durations as people and programs write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from fts.errors import InvalidInstant

Rounding: TypeAlias = Literal["up", "down"]

_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zµ]+)", re.ASCII | re.IGNORECASE)
_SECONDS = {
    **dict.fromkeys(("ms", "millis", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
}


def parse_instant(text: str, rounding: Rounding = "down") -> datetime:
    """Parse the instant that an RFC 3339 text with offset names, in UTC and whole microseconds.

    Parameters
    ----------
    text : str
        Up to nine digits of a second; such as ``2026-11-23T21:42:00.5+01:00``.
    rounding : {"up", "down"}
        Where digits below a microsecond go.

    Raises
    ------
    InvalidInstant
        The text is no instant, or has no offset.
    """
    found = _INSTANT.fullmatch(text)
    if not found:
        raise InvalidInstant(f"{text!r} is not an instant; write RFC 3339 with an offset, such as 2026-11-23T21:42:00Z")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    nanos = int((found[7] or "").ljust(9, "0"))
    try:
        offset = timedelta(0) if found[8] else timedelta(hours=int(found[10]), minutes=int(found[11]))
        if found[9] == "-":
            offset = -offset
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - offset
        up = 1 if rounding == "up" and nanos % 1000 else 0
        return whole + timedelta(microseconds=nanos // 1000 + up)
    except (ValueError, OverflowError) as error:
        raise InvalidInstant(f"{text!r} is not an instant: {error}") from error


def format_instant(instant: datetime) -> str:
    """Write an instant in UTC, ending in ``Z``; fractions of a second only where there are some.

    Raises
    ------
    InvalidInstant
        The instant has no offset.
    """
    if instant.tzinfo is None:
        raise InvalidInstant(f"{instant.isoformat()} has no offset; give an instant in UTC")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_duration(text: str) -> timedelta:
    """Parse the duration that a text such as ``15s``, ``5m``, ``1h 30m`` or ``1day`` names; ``m`` is minutes.

    Raises
    ------
    InvalidInstant
        The text is no duration, or not longer than nothing.
    """
    seconds, end = 0.0, 0
    while found := _PART.match(text, end):
        if found[2].lower() not in _SECONDS:
            break
        seconds += float(found[1]) * _SECONDS[found[2].lower()]
        end = found.end()
    try:
        duration = timedelta(seconds=seconds)
    except OverflowError:
        duration = timedelta(0)
    if end == 0 or text[end:].strip() or duration <= timedelta(0):
        raise InvalidInstant(f"{text!r} is not a duration; write something like 15s, 5m, 1h 30m or 1day")
    return duration
