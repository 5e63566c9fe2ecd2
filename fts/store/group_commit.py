"""Group commit: changes that are queued together are committed together, each at its own instant.

A commit costs one flush to disk. The first thread to take the commit lock applies all queued changes, each in its own
layer of the order book, and commits once; the other threads return as soon as theirs is committed.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import duckdb

from fts.errors import ReadOnlyStore, StoreError
from fts.store.file_lock import FileLock
from fts.store.order_book import BookLayer, load_order_book
from fts.store.page_cache import PageCache
from fts.store.queries import fetch_rows, from_utc, translate_errors
from fts.store.transaction import CommitGroup, DuckTransaction

Result = TypeVar("Result")

TICK = timedelta(microseconds=1)
# A clock that is behind by less than this is not logged, because clocks tick in steps.
CLOCK_TOLERANCE = timedelta(milliseconds=10)
DEFAULT_LOG_BYTES = 16 * 2**20
log = logging.getLogger(__name__)


class PendingChange:
    """Queued change, and its result once it is done."""

    def __init__(self, change: Callable[[DuckTransaction], Any]) -> None:
        self.change = change
        self.done = False
        self.result: Any = None
        self.error: Exception | None = None

    def succeed(self, result: Any) -> None:
        """Record the result of a change that is on disk."""
        self.result, self.done = result, True

    def fail(self, error: Exception) -> None:
        """Record the error of a change that was not made."""
        self.error, self.done = error, True


class GroupCommitter:
    """Orders and commits the changes of one market.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Cursor that only this object uses.
    now : callable
        Clock of the market; aware instants.
    page_cache : PageCache
        Page cache of the file; it grows with each checkpoint.
    read_only : bool
    lock : FileLock, optional
        Lock of the file, renewed before each commit; None in memory.
    log_bytes : int
        Size of the write-ahead log at which a checkpoint merges it into the file [bytes].

    Attributes
    ----------
    broken : bool
        True after a fatal error of DuckDB, such as a full disk during a checkpoint; the file must be opened again.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        now: Callable[[], datetime],
        page_cache: PageCache,
        *,
        read_only: bool,
        lock: FileLock | None = None,
        log_bytes: int = DEFAULT_LOG_BYTES,
    ) -> None:
        self._cursor = cursor
        self._now = now
        self._read_only = read_only
        self._lock, self._log_file, self._log_bytes = lock, None if lock is None else lock.wal, log_bytes
        self._checkpoint_bytes, self._last_log_bytes = log_bytes, 0
        self._page_cache, self._cache_grew = page_cache, False
        self._commit_lock = threading.RLock()
        self._changing: int | None = None
        self._queue_lock = threading.Lock()
        self._queue: list[PendingChange] = []
        self._book: BookLayer | None = None
        self._behind = False
        self.broken = False
        ((last,),) = fetch_rows(cursor, "last_instant")
        self._last = None if last is None else from_utc(last)

    @property
    def n_pending(self) -> int:
        """Number of queued changes."""
        return len(self._queue)

    def book(self) -> BookLayer:
        """Return the order book after the last committed change; it is loaded on first use."""
        if self._book is None:
            with self._commit_lock:
                if self._book is None:
                    self._book = load_order_book(self._cursor)
        return self._book

    def write(self, change: Callable[[DuckTransaction], Result]) -> Result:
        """Make one change; it is on disk when this returns.

        Raises
        ------
        ReadOnlyStore
        StoreError
            The change could not be stored; nothing was changed.
        """
        (submitted,) = self._submit([change])
        if submitted.error is not None:
            raise submitted.error
        result: Result = submitted.result
        return result

    def write_all(self, changes: Sequence[Callable[[DuckTransaction], Any]]) -> list[Any]:
        """Make changes as `write` does; returns the result of each, or the exception that it raised.

        Raises
        ------
        ReadOnlyStore
        """
        return [change.result if change.error is None else change.error for change in self._submit(changes)]

    def next_timestamp(self) -> datetime:
        """Return an instant after all changes so far and before all later changes."""
        with self._commit_lock:
            self._last = self._next_instant()
            return self._last

    def resume_from(self, previous: GroupCommitter) -> None:
        """Continue after an earlier committer of the file: with later instants, and its checkpoint size."""
        self._checkpoint_bytes = previous._checkpoint_bytes
        given = [instant for instant in (self._last, previous._last) if instant is not None]
        self._last = max(given, default=None)

    def close(self) -> None:
        """Let the running commit finish, and make no further change."""
        with self._commit_lock:
            self._cursor.close()

    def _submit(self, changes: Sequence[Callable[[DuckTransaction], Any]]) -> list[PendingChange]:
        if self._read_only:
            raise ReadOnlyStore("this market was opened read-only; open it without read_only to change it")
        if self._changing == threading.get_ident():
            raise StoreError("a change cannot be made inside another; make one after the other")
        submitted = [PendingChange(change) for change in changes]
        with self._queue_lock:
            self._queue += submitted
        with self._commit_lock:
            if not all(change.done for change in submitted):
                self._changing = threading.get_ident()
                try:
                    self._commit_all()
                finally:
                    self._changing = None
                self._maintain()
        return submitted

    def _commit_all(self) -> None:
        with self._queue_lock:
            batch, self._queue = self._queue, []
        try:
            if self._lock is not None:
                self._lock.renew()
            if not self._commit(batch):
                for change in batch:
                    if not change.done:
                        self._commit([change], alone=True)
        except Exception as error:
            self.broken |= isinstance(error.__cause__, duckdb.FatalException)
            _fail(batch, error)
        except BaseException:
            # Ctrl-C reached the thread that was committing for all.
            _fail(batch, StoreError("storing this change was interrupted; look before you repeat it"))
            raise

    def _commit(self, batch: Sequence[PendingChange], *, alone: bool = False) -> bool:
        """Apply changes and commit them; returns False if one failed after a flush, so that none was made."""
        book = self.book()
        group = CommitGroup(BookLayer.empty(book))
        applied: list[tuple[PendingChange, Any]] = []
        with translate_errors("begin a change"):
            self._cursor.execute("BEGIN")
        try:
            for change in batch:
                changes = DuckTransaction(self._cursor, self._next_instant(), group)
                try:
                    result = change.change(changes)
                except Exception as error:
                    if changes.flushed:
                        self._rollback()
                        if alone:
                            change.fail(error)
                        return alone
                    change.fail(error)
                else:
                    # If a change wrote nothing, the next one may have the same instant.
                    self._last = changes.instant if changes.is_dirty else self._last
                    changes.apply_to_group()
                    applied.append((change, result))
            group.rows.write(self._cursor)
            with translate_errors("commit the change"):
                self._cursor.execute("COMMIT")
        except BaseException:
            self._rollback()
            # The state of the file is unknown here; the order book is loaded again.
            self._book = None
            raise
        group.layer.merge_into_parent()
        for change, result in applied:
            change.succeed(result)
        return True

    def _maintain(self) -> None:
        """Run a checkpoint if the log is long, and evict pages if the cache grew."""
        if self._log_file is None:
            return
        size = os.path.getsize(self._log_file) if os.path.exists(self._log_file) else 0
        try:
            if size >= self._checkpoint_bytes:
                self._checkpoint(size)
                size = 0
            # If the log did not grow, DuckDB has run a checkpoint by itself, which fills the page cache.
            self._cache_grew |= size <= self._last_log_bytes
            self._last_log_bytes = size
            if self._cache_grew:
                self._cache_grew = not self._page_cache.evict(self._cursor)
        except duckdb.Error as error:
            # The change is on disk already; the maintenance is tried again after a later commit.
            self.broken |= isinstance(error, duckdb.FatalException)
            log.warning("the market's file could not be tidied up yet: %s", error)

    def _checkpoint(self, size: int) -> None:
        """Merge the log into the file; DuckDB does this by itself only at a moment without readers."""
        self._checkpoint_bytes = size + self._log_bytes
        self._cursor.execute("CHECKPOINT")
        self._checkpoint_bytes = self._log_bytes

    def _rollback(self) -> None:
        try:
            self._cursor.execute("ROLLBACK")
        except duckdb.Error as error:
            # DuckDB itself ends a transaction whose commit failed.
            log.debug("nothing to roll back: %s", error)

    def _next_instant(self) -> datetime:
        now = self._now().astimezone(UTC)
        if self._last is None or now > self._last:
            self._behind = False
            return now
        if self._last - now > CLOCK_TOLERANCE and not self._behind:
            self._behind = True
            log.warning("the clock went back to %s; changes go on from %s, 1 µs apart", now, self._last)
        return self._last + TICK


def _fail(batch: Sequence[PendingChange], error: Exception) -> None:
    for change in batch:
        if not change.done:
            change.fail(error)
