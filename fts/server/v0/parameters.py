"""Query parameters of ``/v0``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from fts.errors import InvalidInput
from fts.server.parameters import AFTER, CURSOR, INSTANT, Parameter

MILLISECOND = timedelta(milliseconds=1)
LAST = datetime.max.replace(tzinfo=UTC)


def read_inclusive(text: str) -> datetime:
    """Parse an inclusive ``before``; returns the first instant after it.

    If it has at most three digits of a second, it includes its whole millisecond, because clients that count in
    milliseconds cut off the rest.

    Raises
    ------
    InvalidInstant
    """
    instant = INSTANT.parse(text)
    digits = text.partition(".")[2]
    count = len(digits) - len(digits.lstrip("0123456789"))
    included = MILLISECOND if count <= 3 else datetime.resolution
    return LAST if instant > LAST - included else instant + included


def _choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise InvalidInput(f"{text!r} is not one of {', '.join(words)}")
        return text

    return read


def _text(text: str) -> str:
    return text


_INSTANT = {"type": "string", "format": "date-time"}
_PORTFOLIO = ("exclude", "include", "expand")
_GROUP = ("exclude", "include")

BEFORE = Parameter(
    read_inclusive,
    _INSTANT,
    "only what has this instant or an earlier one; with at most three digits of a second its whole millisecond",
)
PAGE: Mapping[str, Parameter] = {"before": BEFORE, "after": AFTER}
PORTFOLIO = Parameter(
    _choice(*_PORTFOLIO),
    {"type": "string", "enum": list(_PORTFOLIO), "default": "exclude"},
    "whether the portfolio is shown: as it was written, or in the products that trade now",
)
GROUP = Parameter(
    _choice(*_GROUP),
    {"type": "string", "enum": list(_GROUP), "default": "exclude"},
    "whether the group is shown",
)
KIND = Parameter(_text, {"type": "string"}, "only products of this kind: FORWARD, OPTION or another text")
STARTED = Parameter(read_inclusive, _INSTANT, "only products whose delivery starts at this instant or earlier")
ENDING = Parameter(AFTER.parse, _INSTANT, "only products whose delivery ends at this instant or later")
PRODUCTS: Mapping[str, Parameter] = {"kind": KIND, "before": STARTED, "after": ENDING, "cursor": CURSOR}
