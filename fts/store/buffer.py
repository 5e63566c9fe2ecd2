"""What DuckDB keeps in memory of a market's file: by itself, every page that it ever read or wrote."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

KEPT_BYTES = 32 * 2**20
# Raising the limit again takes memory too.
LEAST_BYTES = 2**20
log = logging.getLogger(__name__)


class Buffer:
    """Knows who reads, and gives pages up when nobody does.

    DuckDB gives pages up when its limit of memory is lowered. A reader at that moment could be refused memory, so
    readers wait for it (milliseconds), and it waits for a moment without readers.

    Parameters
    ----------
    kept_bytes : int
        How much of the file may stay in memory; at least a megabyte does.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = max(kept_bytes, LEAST_BYTES)
        self._door = threading.Lock()
        self._readers = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the limit as it is meanwhile."""
        with self._door:
            self._readers += 1
        try:
            yield
        finally:
            with self._door:
                self._readers -= 1

    def shed(self, cursor: duckdb.DuckDBPyConnection) -> bool:
        """Give pages up; False: somebody reads, ask again later.

        Raises
        ------
        duckdb.Error
        """
        with self._door:
            if self._readers:
                return False
            used = dict(cursor.execute("SELECT tag, memory_usage_bytes FROM duckdb_memory()").fetchall())
            pages = used.pop("BASE_TABLE", 0)
            if pages > self._kept_bytes:
                # What is not a page of the file stays as it is.
                limit = sum(used.values()) + self._kept_bytes
                try:
                    cursor.execute(f"SET memory_limit = '{limit}B'")
                except duckdb.OutOfMemoryException as error:
                    log.debug("not all pages could be given up: %s", error)
                finally:
                    cursor.execute("RESET memory_limit")
            return True
