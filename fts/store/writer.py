"""The one writer of a market: every change goes through it, one after another, each at its own instant."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import duckdb

from fts.errors import ReadOnlyStore, StoreError
from fts.store.changes import Changes
from fts.store.statements import failures, from_utc, rows

Result = TypeVar("Result")

STEP = timedelta(microseconds=1)
# Changes closer than the clock's grain are no reason for a warning.
GRAIN = timedelta(milliseconds=10)
LOG_BYTES = 16 * 2**20
log = logging.getLogger(__name__)


class Writer:
    """Gives each change its instant and commits it.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Used by this writer alone.
    now : callable
        The clock, aware.
    read_only : bool
    log_file : path, optional
        Where DuckDB logs what is not in the file yet; None: nowhere.
    log_bytes : int
        How long the log may grow before it is folded into the file.

    Attributes
    ----------
    broken : bool
        DuckDB gave the file up until it is opened again, as it does when the disk is full while the log is folded.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        now: Callable[[], datetime],
        *,
        read_only: bool,
        log_file: str | None = None,
        log_bytes: int = LOG_BYTES,
    ) -> None:
        self._cursor = cursor
        self._now = now
        self._read_only = read_only
        self._log_file, self._log_bytes = log_file, log_bytes
        self._fold_at = log_bytes
        self._lock = threading.RLock()
        self._changing = False
        self._behind = False
        self.broken = False
        ((last,),) = rows(cursor, "last_instant")
        self._last = None if last is None else from_utc(last)

    def write(self, change: Callable[[Changes], Result]) -> Result:
        """Make one change; when this returns, it is on disk.

        Raises
        ------
        ReadOnlyStore
        StoreError
            It could not be stored; nothing was changed.
        """
        if self._read_only:
            raise ReadOnlyStore("this market was opened read-only; open it without read_only to change it")
        with self._lock:
            if self._changing:
                raise StoreError("a change cannot be made inside another; make one after the other")
            self._changing = True
            try:
                result = self._commit(change)
            finally:
                self._changing = False
            self._fold_log()
            return result

    def claim(self) -> datetime:
        """An instant after every change so far, and before every change to come."""
        with self._lock:
            self._last = self._next()
            return self._last

    def follow(self, before: Writer) -> None:
        """Go on where the writer before stopped: give no instant that it gave, fold the log when it would have."""
        self._fold_at = before._fold_at
        given = [instant for instant in (self._last, before._last) if instant is not None]
        self._last = max(given, default=None)

    def close(self) -> None:
        """Let the change under way finish, then make no other."""
        with self._lock:
            self._cursor.close()

    def _commit(self, change: Callable[[Changes], Result]) -> Result:
        instant = self._next()
        with failures("begin a change"):
            self._cursor.execute("BEGIN")
        try:
            changes = Changes(self._cursor, instant)
            result = change(changes)
            changes.write()
            with failures("commit the change"):
                self._cursor.execute("COMMIT")
        except BaseException:
            self._rollback()
            raise
        # A change that changed nothing leaves its instant to the next one.
        self._last = instant if changes.written else self._last
        return result

    def _fold_log(self) -> None:
        """Fold a long log into the file: DuckDB does so by itself only at a moment when nobody reads."""
        if self._log_file is None or not os.path.exists(self._log_file):
            return
        size = os.path.getsize(self._log_file)
        if size < self._fold_at:
            return
        try:
            self._cursor.execute("CHECKPOINT")
            self._fold_at = self._log_bytes
        except duckdb.Error as error:
            # The change is on disk already; the log waits for a better moment.
            self._fold_at = size + self._log_bytes
            self.broken = isinstance(error, duckdb.FatalException)
            log.warning("the market's log of %d bytes could not be folded into its file yet: %s", size, error)

    def _rollback(self) -> None:
        try:
            self._cursor.execute("ROLLBACK")
        except duckdb.Error as error:
            # DuckDB itself ends a transaction whose commit failed.
            log.debug("nothing to roll back: %s", error)

    def _next(self) -> datetime:
        now = self._now().astimezone(UTC)
        if self._last is None or now > self._last:
            self._behind = False
            return now
        if self._last - now > GRAIN and not self._behind:
            self._behind = True
            log.warning("the clock went back to %s; changes go on from %s, 1 µs apart", now, self._last)
        return self._last + STEP
