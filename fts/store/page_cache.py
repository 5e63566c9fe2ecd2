"""Page cache of a market file. By itself, DuckDB keeps every page that it ever read or wrote."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

DEFAULT_KEPT_BYTES = 32 * 2**20
# To raise the limit again needs memory too.
MIN_KEPT_BYTES = 2**20
BLOCK_INTERVAL_SECONDS, BLOCK_SECONDS = 10.0, 0.1
"""Time between two moments in which new readers are blocked, and longest duration of one [s]."""
log = logging.getLogger(__name__)


class PageCache:
    """Bounds DuckDB's page cache: evicts pages by lowering ``memory_limit`` for a moment without readers.

    A query at that moment could fail for lack of memory. So eviction waits for a moment without readers, and readers
    wait for the eviction (milliseconds). If there is always a reader, new readers are blocked at intervals until the
    running ones have ended.

    Parameters
    ----------
    kept_bytes : int
        Size of the cache after an eviction [bytes]; at least a megabyte.
    block_interval : float
        Shortest time between two moments in which readers are blocked [s].
    """

    def __init__(self, kept_bytes: int = DEFAULT_KEPT_BYTES, *, block_interval: float = BLOCK_INTERVAL_SECONDS) -> None:
        self._kept_bytes = max(kept_bytes, MIN_KEPT_BYTES)
        self._block_interval, self._block_at = block_interval, 0.0
        self._condition = threading.Condition()
        self._readers, self._is_blocked, self._is_lowered = 0, False, False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Prevent evictions during a query."""
        with self._condition:
            while self._is_blocked:
                self._condition.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    def evict(self, cursor: duckdb.DuckDBPyConnection) -> bool:
        """Evict pages beyond the bound; returns False if there are readers, and must then be called again.

        Raises
        ------
        duckdb.Error
        """
        with self._condition:
            if self._readers and not self._block_readers():
                return False
            self._restore_limit(cursor)
            used = dict(cursor.execute("SELECT tag, memory_usage_bytes FROM duckdb_memory()").fetchall())
            pages = used.pop("BASE_TABLE", 0)
            if pages > self._kept_bytes:
                self._is_lowered = True
                # Memory that is not used for pages of the file is not bounded.
                limit = sum(used.values()) + self._kept_bytes
                try:
                    cursor.execute(f"SET memory_limit = '{limit}B'")
                except duckdb.OutOfMemoryException as error:
                    log.debug("not all pages could be given up: %s", error)
                finally:
                    self._restore_limit(cursor)
            return True

    def _block_readers(self) -> bool:
        """Block new readers; returns True once the running ones have ended, False if they take too long."""
        now = time.monotonic()
        if now < self._block_at:
            return False
        self._block_at, self._is_blocked = now + self._block_interval, True
        try:
            return self._condition.wait_for(lambda: not self._readers, BLOCK_SECONDS)
        finally:
            self._is_blocked = False
            self._condition.notify_all()

    def _restore_limit(self, cursor: duckdb.DuckDBPyConnection) -> None:
        if self._is_lowered:
            cursor.execute("RESET memory_limit")
            self._is_lowered = False
