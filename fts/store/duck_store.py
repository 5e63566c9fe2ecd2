"""Store of a market in one DuckDB file; see ``README.md`` for its tables."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import duckdb

from fts.errors import StoreError
from fts.models.records import Units
from fts.ports.process import OwnerProcess
from fts.store.backup import copy_market
from fts.store.connections import Connections
from fts.store.export import export_market
from fts.store.file_lock import MEMORY
from fts.store.group_commit import DEFAULT_LOG_BYTES, GroupCommitter
from fts.store.market_file import connect, ensure_schema
from fts.store.page_cache import DEFAULT_KEPT_BYTES, PageCache
from fts.store.queries import to_utc
from fts.store.reader import DuckReader
from fts.store.transaction import DuckTransaction

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class DuckStore:
    """Storage of a market in one DuckDB file; the port is :class:`fts.ports.store.Store`.

    One process may open the file; any number of its threads may read and write.

    Parameters
    ----------
    path : str or path
        File of the market, created if it does not exist; ``":memory:"`` is lost at the end.
    read_only : bool
        Read an existing market only.
    log_bytes : int
        Size of the write-ahead log at which a checkpoint merges it into the file [bytes].
    kept_bytes : int
        Size of the page cache after a checkpoint [bytes].

    Examples
    --------
    >>> store = DuckStore(":memory:")
    >>> store.open(time_unit="1h").quantity_unit
    'MWh'
    >>> store.close()
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = MEMORY,
        *,
        read_only: bool = False,
        log_bytes: int = DEFAULT_LOG_BYTES,
        kept_bytes: int = DEFAULT_KEPT_BYTES,
    ) -> None:
        self.path = os.fspath(path)
        # The working directory may change before the file is opened again.
        self._absolute = self.path if self.path == MEMORY else os.path.abspath(self.path)
        self._read_only = read_only
        self._log_bytes = log_bytes
        self._open_lock = threading.RLock()
        self._copy_lock = threading.Lock()
        self._connections: Connections | None = None
        self._writer: GroupCommitter | None = None
        self._page_cache = PageCache(kept_bytes)
        self._closed = False
        self._clock: Callable[[], datetime] = _now
        self._previous_writer: GroupCommitter | None = None
        self._local = threading.local()
        self._owner: OwnerProcess | None = None

    def open(
        self,
        time_unit: str | None = None,
        quantity_unit: str | None = None,
        money_unit: str | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> Units:
        """Open the file, or create it; the units of a file are fixed when it is created.

        Parameters
        ----------
        time_unit, quantity_unit, money_unit : str, optional
            By default those of the file; in a new file ``1h``, ``MWh``, ``EUR``.
        now : callable, optional
            Clock of the market.

        Raises
        ------
        StoreBusy
            The file is open elsewhere.
        SchemaMismatch
            The file is no market, or of another version.
        UnitsMismatch
            The file has other units.
        ReadOnlyStore, StoreError
        """
        wanted = {"time_unit": time_unit, "quantity_unit": quantity_unit, "money_unit": money_unit}
        self._require_owner()
        with self._open_lock:
            if self._closed or self._writer is not None:
                raise StoreError("this store was opened before; make another DuckStore")
            self._owner = OwnerProcess()
            clock = self._clock = now or self._clock
            connections = connect(self._absolute, read_only=self._read_only)
            try:
                cursor = connections.cursor()
                units = ensure_schema(cursor, self.path, wanted, now=to_utc(clock()), read_only=self._read_only)
                self._writer = GroupCommitter(
                    cursor,
                    clock,
                    self._page_cache,
                    read_only=self._read_only,
                    lock=connections.lock,
                    log_bytes=self._log_bytes,
                )
            except BaseException:
                connections.close()
                raise
            if self._previous_writer is not None:
                self._writer.resume_from(self._previous_writer)
            self._connections = connections
            # If a market is dropped without being closed, its file is released too.
            self._finalizer = weakref.finalize(self, connections.give_up)
            self._finalizer.atexit = False
            return units

    @property
    def read(self) -> DuckReader:
        """Reader of the market for the calling thread."""
        self._require_owner()
        records: DuckReader | None = getattr(self._local, "records", None)
        if records is None or self._closed:
            self._open_writer()
            with self._open_lock:
                if self._connections is None:
                    raise StoreError("the market is closed; open it again")
                cursor = self._connections.cursor()
            # A weak reference: a store that is dropped releases its file at once.
            store = weakref.proxy(self)
            reading = partial(_reading, self._owner, self._page_cache)
            records = self._local.records = DuckReader(cursor, lambda: store._open_writer().book(), reading=reading)
        return records

    def write(self, change: Callable[[DuckTransaction], Result]) -> Result:
        """Make one change; it is on disk when this returns.

        ``change`` reads and writes through its transaction and does nothing else. If it raises, nothing was changed.

        Raises
        ------
        ReadOnlyStore, StoreError
        """
        with self._using_writer() as writer:
            return writer.write(change)

    def write_all(self, changes: Sequence[Callable[[DuckTransaction], Any]]) -> list[Any]:
        """Make changes as `write` does, each at its own instant, and commit them together.

        Returns
        -------
        list
            Result of each change, or the exception that it raised.

        Raises
        ------
        ReadOnlyStore
        """
        with self._using_writer() as writer:
            return writer.write_all(changes)

    def warm_cache(self) -> None:
        """Load the order book into memory, so that the first change need not wait for it."""
        self._open_writer().book()

    def next_timestamp(self) -> datetime:
        """Return an instant after all changes so far and before all later changes."""
        return self._open_writer().next_timestamp()

    @property
    def folder(self) -> str | None:
        """Folder of the file; None in memory."""
        return None if self.path == MEMORY else os.path.dirname(os.path.realpath(self._absolute))

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the present state of the market while it runs; see `copy_market`."""
        with self._cursor() as cursor:
            copy_market(cursor, path)

    def export(self, folder: str | os.PathLike[str]) -> None:
        """Write the present state of the market as Parquet files; see `export_market`."""
        with self._cursor() as cursor:
            export_market(cursor, folder)

    def close(self) -> None:
        """Let the running change finish and close the file; a second call does nothing.

        In a forked child it does nothing, because the file is the parent's.
        """
        if self._owner is not None and not self._owner.is_current:
            return
        with self._copy_lock, self._open_lock:
            connections, self._connections, self._closed = self._connections, None, True
        if connections is None or self._writer is None:
            return
        self._writer.close()
        connections.close()
        self._finalizer.detach()

    @contextmanager
    def _using_writer(self) -> Iterator[GroupCommitter]:
        writer = self._open_writer()
        try:
            yield writer
        finally:
            if writer.broken:
                self._reopen(writer)

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor to a long task; one at a time, and the file is closed after it."""
        self._open_writer()
        with self._copy_lock:
            with self._open_lock:
                if self._connections is None:
                    raise StoreError("the market is closed; open it again")
                cursor = self._connections.cursor()
            try:
                with self._page_cache.reading():
                    yield cursor
            finally:
                cursor.close()

    def _reopen(self, broken: GroupCommitter) -> None:
        """Open the file again after a fatal error of DuckDB; all acknowledged changes are in it."""
        with self._copy_lock, self._open_lock:
            if self._writer is not broken or self._connections is None:
                return
            log.error("DuckDB gave up the market file %s; it is opened again", self.path)
            connections = self._connections
            # A later reader waits for the lock and gets a new cursor.
            self._connections = self._writer = None
            self._local, self._previous_writer = threading.local(), broken
            broken.close()
            try:
                connections.close()
                self._finalizer.detach()
                self.open()
            except StoreError as error:
                log.error("the market file %s could not be opened again, and will be tried: %s", self.path, error)

    def _require_owner(self) -> None:
        # Before any lock, because in a forked child the thread that holds it may not exist.
        if self._owner is not None:
            self._owner.require()

    def _open_writer(self) -> GroupCommitter:
        self._require_owner()
        with self._open_lock:
            if self._closed:
                raise StoreError("the market is closed; open it again")
            if self._writer is None:
                self.open()
            writer = self._writer
        if writer is None:
            raise StoreError("the market is closed; open it again")
        return writer


@contextmanager
def _reading(owner: OwnerProcess | None, page_cache: PageCache) -> Iterator[None]:
    """Require the process that opened the file, and keep its page cache during a query."""
    if owner is not None:
        owner.require()
    with page_cache.reading():
        yield


def _now() -> datetime:
    return datetime.now(UTC)
