"""Pages of the older contract: newest first, and what has one instant stays on one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from fts.models.records import Page, Value


def page_by_instant(
    rows: Sequence[Value], limit: int, after: datetime | None, instant_of: Callable[[Value], datetime]
) -> Page[Value]:
    """Return a page of rows, which is longer than the limit only where its last rows have one instant.

    Parameters
    ----------
    rows : sequence
        Newest first; one more than ``limit`` if there are so many.
    limit : int
    after : datetime, optional
        As in the call that asks for the page.
    instant_of : callable
        The instant by which a row is ordered.
    """
    end = min(limit, len(rows))
    while end < len(rows) and instant_of(rows[end]) == instant_of(rows[end - 1]):
        end += 1
    if end == len(rows):
        return Page(list(rows))
    more = {"before": instant_of(rows[end]) + datetime.resolution}
    return Page(list(rows[:end]), more if after is None else more | {"after": after})
