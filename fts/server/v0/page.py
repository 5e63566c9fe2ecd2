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
    """A page of rows, and the query of the next one.

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
    shown: dict[str, Any] = {"results": [write(row) for row in rows[:limit]]}
    if len(rows) > limit:
        shown["more"] = {"before": write_exactly(instant_of(rows[limit]))}
        if after is not None:
            shown["more"]["after"] = write_instant(after)
    return shown


def write_exactly(instant: datetime) -> str:
    """An instant with all its digits, since fewer would include a whole millisecond."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
