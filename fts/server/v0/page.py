"""Pages as ``/v0`` writes them: newest first, with both ends of a span included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from fts.models.instant import write_instant

Value = TypeVar("Value")


def page(
    rows: Sequence[Value],
    limit: int,
    instant_of: Callable[[Value], datetime],
    write: Callable[[Value], Any],
    after: datetime | None,
) -> dict[str, Any]:
    """A page of rows, and the query of the next one; rows of one instant stay together.

    Parameters
    ----------
    rows : sequence
        Newest first; one more than ``limit`` if there are so many.
    limit : int
    instant_of, write : callable
        What a row is ordered by, and its JSON.
    after : datetime, optional
        As it was asked for.
    """
    end = min(limit, len(rows))
    while end < len(rows) and instant_of(rows[end]) == instant_of(rows[end - 1]):
        end += 1
    shown: dict[str, Any] = {"results": [write(row) for row in rows[:end]]}
    if end < len(rows):
        shown["more"] = {"before": write_exactly(instant_of(rows[end]))}
        if after is not None:
            shown["more"]["after"] = write_instant(after)
    return shown


def write_exactly(instant: datetime) -> str:
    """An instant with all its digits, since fewer would include a whole millisecond."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
