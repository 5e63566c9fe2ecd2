"""What DuckDB keeps in memory of a market's file: by itself, every page that it ever read or wrote."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

KEPT_BYTES = 32 * 2**20
# Raising the limit again takes memory too.
LEAST_BYTES = 2**20
HOLD_EVERY, HOLD = 10.0, 0.1
"""How often readers are held up where one always reads, and how long at most [s]."""
log = logging.getLogger(__name__)


class Buffer:
    """Knows who reads, and gives pages up when nobody does.

    DuckDB gives pages up when its limit of memory is lowered. A reader at that moment could be refused memory, so
    readers wait for it (milliseconds), and it waits for a moment without readers. Where somebody always reads, new
    readers are held up now and then until there is one.

    Parameters
    ----------
    kept_bytes : int
        How much of the file may stay in memory; at least a megabyte does.
    hold_every : float
        How often readers may be held up [s].
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES, *, hold_every: float = HOLD_EVERY) -> None:
        self._kept_bytes = max(kept_bytes, LEAST_BYTES)
        self._hold_every, self._hold_at = hold_every, 0.0
        self._door = threading.Condition()
        self._readers, self._held, self._lowered = 0, False, False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the limit as it is meanwhile."""
        with self._door:
            while self._held:
                self._door.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._door:
                self._readers -= 1
                self._door.notify_all()

    def shed(self, cursor: duckdb.DuckDBPyConnection) -> bool:
        """Give pages up; False: somebody reads, ask again later.

        Raises
        ------
        duckdb.Error
        """
        with self._door:
            if self._readers and not self._alone():
                return False
            self._raise(cursor)
            used = dict(cursor.execute("SELECT tag, memory_usage_bytes FROM duckdb_memory()").fetchall())
            pages = used.pop("BASE_TABLE", 0)
            if pages > self._kept_bytes:
                self._lowered = True
                # What is not a page of the file stays as it is.
                limit = sum(used.values()) + self._kept_bytes
                try:
                    cursor.execute(f"SET memory_limit = '{limit}B'")
                except duckdb.OutOfMemoryException as error:
                    log.debug("not all pages could be given up: %s", error)
                finally:
                    self._raise(cursor)
            return True

    def _alone(self) -> bool:
        """Whether the readers of now end soon, while new ones wait."""
        now = time.monotonic()
        if now < self._hold_at:
            return False
        self._hold_at, self._held = now + self._hold_every, True
        try:
            return self._door.wait_for(lambda: not self._readers, HOLD)
        finally:
            self._held = False
            self._door.notify_all()

    def _raise(self, cursor: duckdb.DuckDBPyConnection) -> None:
        if self._lowered:
            cursor.execute("RESET memory_limit")
            self._lowered = False
