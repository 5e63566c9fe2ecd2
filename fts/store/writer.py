"""The one writer of a market: changes that wait together are committed together, each at its own instant.

A commit waits for the disk. Whoever comes first makes the changes of all who wait by then, one after another,
and commits them at once; the others find theirs done.
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
from fts.store.book import Sheet, read_book
from fts.store.buffer import Buffer
from fts.store.changes import Changes, Group
from fts.store.file_lock import FileLock
from fts.store.statements import failures, from_utc, rows

Result = TypeVar("Result")

STEP = timedelta(microseconds=1)
# Changes closer than the clock's grain are no reason for a warning.
GRAIN = timedelta(milliseconds=10)
LOG_BYTES = 16 * 2**20
log = logging.getLogger(__name__)


class Waiting:
    """A change that waits for its turn, and then what came of it."""

    def __init__(self, make: Callable[[Changes], Any]) -> None:
        self.make = make
        self.done = False
        self.result: Any = None
        self.error: Exception | None = None

    def succeed(self, result: Any) -> None:
        """It is on disk."""
        self.result, self.done = result, True

    def fail(self, error: Exception) -> None:
        """It was not made."""
        self.error, self.done = error, True


class Writer:
    """Gives each change its instant and commits it.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Used by this writer alone.
    now : callable
        The clock, aware.
    buffer : Buffer
        What is in memory of the file; it grows when the log is folded.
    read_only : bool
    lock : FileLock, optional
        That of the file, taken again before each commit; None: in memory.
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
        buffer: Buffer,
        *,
        read_only: bool,
        lock: FileLock | None = None,
        log_bytes: int = LOG_BYTES,
    ) -> None:
        self._cursor = cursor
        self._now = now
        self._read_only = read_only
        self._lock, self._log_file, self._log_bytes = lock, None if lock is None else lock.wal, log_bytes
        self._fold_at, self._logged = log_bytes, 0
        self._buffer, self._grown = buffer, False
        self._turn = threading.RLock()
        self._changing: int | None = None
        self._door = threading.Lock()
        self._queue: list[Waiting] = []
        self._book: Sheet | None = None
        self._behind = False
        self.broken = False
        ((last,),) = rows(cursor, "last_instant")
        self._last = None if last is None else from_utc(last)

    @property
    def waiting(self) -> int:
        """How many changes wait for their turn."""
        return len(self._queue)

    def book(self) -> Sheet:
        """The market as of the last committed change; read from the file on first use."""
        if self._book is None:
            with self._turn:
                if self._book is None:
                    self._book = read_book(self._cursor)
        return self._book

    def write(self, change: Callable[[Changes], Result]) -> Result:
        """Make one change; when this returns, it is on disk.

        Raises
        ------
        ReadOnlyStore
        StoreError
            It could not be stored; nothing was changed.
        """
        (mine,) = self._make([change])
        if mine.error is not None:
            raise mine.error
        result: Result = mine.result
        return result

    def write_all(self, changes: Sequence[Callable[[Changes], Any]]) -> list[Any]:
        """Make changes as `write` does, and give what each of them gave, or the exception that it raised.

        Raises
        ------
        ReadOnlyStore
        """
        return [change.result if change.error is None else change.error for change in self._make(changes)]

    def next_timestamp(self) -> datetime:
        """An instant after every change so far, and before every change to come."""
        with self._turn:
            self._last = self._next()
            return self._last

    def follow(self, before: Writer) -> None:
        """Go on where the writer before stopped: give no instant that it gave, fold the log when it would have."""
        self._fold_at = before._fold_at
        given = [instant for instant in (self._last, before._last) if instant is not None]
        self._last = max(given, default=None)

    def close(self) -> None:
        """Let the change under way finish, then make no other."""
        with self._turn:
            self._cursor.close()

    def _make(self, changes: Sequence[Callable[[Changes], Any]]) -> list[Waiting]:
        if self._read_only:
            raise ReadOnlyStore("this market was opened read-only; open it without read_only to change it")
        if self._changing == threading.get_ident():
            raise StoreError("a change cannot be made inside another; make one after the other")
        mine = [Waiting(change) for change in changes]
        with self._door:
            self._queue += mine
        with self._turn:
            if not all(change.done for change in mine):
                self._changing = threading.get_ident()
                try:
                    self._commit_all()
                finally:
                    self._changing = None
                self._tidy()
        return mine

    def _commit_all(self) -> None:
        with self._door:
            waiting, self._queue = self._queue, []
        try:
            if self._lock is not None:
                self._lock.renew()
            if not self._commit(waiting):
                for change in waiting:
                    if not change.done:
                        self._commit([change], alone=True)
        except Exception as error:
            self.broken |= isinstance(error.__cause__, duckdb.FatalException)
            _fail(waiting, error)
        except BaseException:
            # Ctrl-C reached the thread that was committing for the others too.
            _fail(waiting, StoreError("storing this change was interrupted; look before you repeat it"))
            raise

    def _commit(self, waiting: Sequence[Waiting], *, alone: bool = False) -> bool:
        """Make some changes and commit them; False: one of them failed half-way, and none was made."""
        book = self.book()
        group = Group(Sheet.blank(book))
        made: list[tuple[Waiting, Any]] = []
        with failures("begin a change"):
            self._cursor.execute("BEGIN")
        try:
            for change in waiting:
                changes = Changes(self._cursor, self._next(), group)
                try:
                    result = change.make(changes)
                except Exception as error:
                    if changes.sent:
                        self._rollback()
                        if alone:
                            change.fail(error)
                        return alone
                    change.fail(error)
                else:
                    # A change that changed nothing leaves its instant to the next one.
                    self._last = changes.instant if changes.written else self._last
                    changes.settle()
                    made.append((change, result))
            group.rows.write(self._cursor)
            with failures("commit the change"):
                self._cursor.execute("COMMIT")
        except BaseException:
            self._rollback()
            # Whatever became of it, the file knows.
            self._book = None
            raise
        group.sheet.settle()
        for change, result in made:
            change.succeed(result)
        return True

    def _tidy(self) -> None:
        """Keep the log short, and what DuckDB keeps of the file small."""
        if self._log_file is None:
            return
        size = os.path.getsize(self._log_file) if os.path.exists(self._log_file) else 0
        try:
            if size >= self._fold_at:
                self._fold_log(size)
                size = 0
            # DuckDB folds the log by itself too, when nobody reads; else it is longer after every commit.
            self._grown |= size <= self._logged
            self._logged = size
            if self._grown:
                self._grown = not self._buffer.shed(self._cursor)
        except duckdb.Error as error:
            # The change is on disk already; the rest waits for a better moment.
            self.broken |= isinstance(error, duckdb.FatalException)
            log.warning("the market's file could not be tidied up yet: %s", error)

    def _fold_log(self, size: int) -> None:
        """Fold a long log into the file: DuckDB does so by itself only at a moment when nobody reads."""
        self._fold_at = size + self._log_bytes
        self._cursor.execute("CHECKPOINT")
        self._fold_at = self._log_bytes

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


def _fail(waiting: Sequence[Waiting], error: Exception) -> None:
    for change in waiting:
        if not change.done:
            change.fail(error)
