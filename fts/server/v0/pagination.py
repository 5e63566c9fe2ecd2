"""Pages of ``/v0``: newest first, with both ends of a span included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fts.models.records import Page, Value
from fts.models.timestamps import format_instant


def write_page(page: Page[Value], write: Callable[[Value], Any]) -> dict[str, Any]:
    """Convert a page, with the query of the next page, to its JSON.

    Parameters
    ----------
    page : Page
    write : callable
        Returns the JSON of a row.
    """
    body: dict[str, Any] = {"results": [write(row) for row in page.results]}
    if page.more is not None:
        # In this contract a page includes what has the instant `before`.
        body["more"] = {"before": format_exactly(page.more["before"] - datetime.resolution)}
        if "after" in page.more:
            body["more"]["after"] = format_instant(page.more["after"])
    return body


def format_exactly(instant: datetime) -> str:
    """Write an instant with all digits, because fewer digits would include a whole millisecond."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
