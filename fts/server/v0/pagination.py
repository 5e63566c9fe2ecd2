"""Pages of ``/v0``: newest first, with both ends of a span included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from fts.models.instant import write_instant

Value = TypeVar("Value")


def make_page(
    rows: Sequence[Value],
    limit: int,
    instant_of: Callable[[Value], datetime],
    write: Callable[[Value], Any],
    after: datetime | None,
) -> dict[str, Any]:
    """Make a page of rows with the query of the next page; rows of one instant stay together.

    Parameters
    ----------
    rows : sequence
        Newest first; one more than ``limit`` if there are so many.
    limit : int
    instant_of, write : callable
        Instant that orders a row, and its JSON.
    after : datetime, optional
        Parameter of the request.
    """
    end = min(limit, len(rows))
    while end < len(rows) and instant_of(rows[end]) == instant_of(rows[end - 1]):
        end += 1
    page: dict[str, Any] = {"results": [write(row) for row in rows[:end]]}
    if end < len(rows):
        page["more"] = {"before": format_exactly(instant_of(rows[end]))}
        if after is not None:
            page["more"]["after"] = write_instant(after)
    return page


def format_exactly(instant: datetime) -> str:
    """Write an instant with all digits, because fewer digits would include a whole millisecond."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
