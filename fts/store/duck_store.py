"""The store of a market in one DuckDB file; see ``README.md`` for its tables."""

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
from fts.store.buffer import KEPT_BYTES, Buffer
from fts.store.changes import Changes
from fts.store.connections import Connections
from fts.store.export import export_market
from fts.store.file_lock import MEMORY
from fts.store.market_file import connect, settle
from fts.store.records import Records
from fts.store.statements import to_utc
from fts.store.writer import LOG_BYTES, Writer

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class DuckStore:
    """The market's memory; the port is :class:`fts.ports.store.Store`.

    One process may have the file open, and any number of its threads may read and write.

    Parameters
    ----------
    path : str or path
        The file, made when it is not there; ``":memory:"`` is forgotten at the end.
    read_only : bool
        Only look at a market that exists.
    log_bytes : int
        How long the log beside the file may grow before it is folded into the file.
    kept_bytes : int
        How much of the file stays in memory when the log was folded.

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
        log_bytes: int = LOG_BYTES,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self.path = os.fspath(path)
        # The folder that a relative path begins at may change before the file is opened again.
        self._absolute = self.path if self.path == MEMORY else os.path.abspath(self.path)
        self._read_only = read_only
        self._log_bytes = log_bytes
        self._opening = threading.RLock()
        self._keeping = threading.Lock()
        self._connections: Connections | None = None
        self._writer: Writer | None = None
        self._buffer = Buffer(kept_bytes)
        self._closed = False
        self._clock: Callable[[], datetime] = _now
        self._before: Writer | None = None
        self._local = threading.local()
        self._owner: OwnerProcess | None = None

    def open(
        self,
        time_unit: str | None = None,
        quantity_unit: str | None = None,
        money_unit: str | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> Units:
        """Open the file, or make it; the units of a file are fixed when it is made.

        Parameters
        ----------
        time_unit, quantity_unit, money_unit : str, optional
            None: the file's own; of a new file ``1h``, ``MWh``, ``EUR``.
        now : callable, optional
            The clock.

        Raises
        ------
        StoreBusy
            The file is open elsewhere.
        SchemaMismatch
            It is no market, or one of another version.
        UnitsMismatch
            It counts in other units.
        ReadOnlyStore, StoreError
        """
        wanted = {"time_unit": time_unit, "quantity_unit": quantity_unit, "money_unit": money_unit}
        self._require_owner()
        with self._opening:
            if self._closed or self._writer is not None:
                raise StoreError("this store was opened before; make another DuckStore")
            self._owner = OwnerProcess()
            clock = self._clock = now or self._clock
            connections = connect(self._absolute, read_only=self._read_only)
            try:
                cursor = connections.cursor()
                units = settle(cursor, self.path, wanted, now=to_utc(clock()), read_only=self._read_only)
                self._writer = Writer(
                    cursor,
                    clock,
                    self._buffer,
                    read_only=self._read_only,
                    lock=connections.lock,
                    log_bytes=self._log_bytes,
                )
            except BaseException:
                connections.close()
                raise
            if self._before is not None:
                self._writer.follow(self._before)
            self._connections = connections
            # A market that was dropped without being closed does not keep its file from the next one.
            self._dropped = weakref.finalize(self, connections.give_up)
            self._dropped.atexit = False
            return units

    @property
    def read(self) -> Records:
        """What the market holds, for the thread that asks."""
        self._require_owner()
        records: Records | None = getattr(self._local, "records", None)
        if records is None or self._closed:
            self._opened()
            with self._opening:
                if self._connections is None:
                    raise StoreError("the market is closed; open it again")
                cursor = self._connections.cursor()
            # Held weakly: a store that nobody has any more gives its file up at once.
            store = weakref.proxy(self)
            reading = partial(_reading, self._owner, self._buffer)
            records = self._local.records = Records(cursor, lambda: store._opened().book(), reading=reading)
        return records

    def write(self, change: Callable[[Changes], Result]) -> Result:
        """Make one change; when this returns, it is on disk.

        ``change`` reads and writes through the transaction it is given and does nothing else. If it
        raises, nothing was changed.

        Raises
        ------
        ReadOnlyStore, StoreError
        """
        with self._writing() as writer:
            return writer.write(change)

    def write_all(self, changes: Sequence[Callable[[Changes], Any]]) -> list[Any]:
        """Make changes as `write` does, each at its own instant, and commit them together.

        Returns
        -------
        list
            What each of them gave, or the exception that it raised.

        Raises
        ------
        ReadOnlyStore
        """
        with self._writing() as writer:
            return writer.write_all(changes)

    def warm_cache(self) -> None:
        """Read what changes refer to into memory, so that the first one need not wait for it."""
        self._opened().book()

    def next_timestamp(self) -> datetime:
        """An instant after every change so far, and before every change to come."""
        return self._opened().next_timestamp()

    @property
    def folder(self) -> str | None:
        """The folder of the file; None: in memory."""
        return None if self.path == MEMORY else os.path.dirname(os.path.realpath(self._absolute))

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the market as it is now, while it goes on; see `copy_market`."""
        with self._cursor() as cursor:
            copy_market(cursor, path)

    def export(self, folder: str | os.PathLike[str]) -> None:
        """Write the market as it is now as Parquet files; see `export_market`."""
        with self._cursor() as cursor:
            export_market(cursor, folder)

    def close(self) -> None:
        """Let the change under way finish and close the file; closing twice is one closing.

        In a forked child the file is left as it is, for the parent.
        """
        if self._owner is not None and not self._owner.is_current:
            return
        with self._keeping, self._opening:
            connections, self._connections, self._closed = self._connections, None, True
        if connections is None or self._writer is None:
            return
        self._writer.close()
        connections.close()
        self._dropped.detach()

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        writer = self._opened()
        try:
            yield writer
        finally:
            if writer.broken:
                self._reopen(writer)

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for something that takes long; one at a time, and before the file is closed."""
        self._opened()
        with self._keeping:
            with self._opening:
                if self._connections is None:
                    raise StoreError("the market is closed; open it again")
                cursor = self._connections.cursor()
            try:
                with self._buffer.reading():
                    yield cursor
            finally:
                cursor.close()

    def _reopen(self, broken: Writer) -> None:
        """Open the file again after DuckDB gave it up; what was acknowledged is in it."""
        with self._keeping, self._opening:
            if self._writer is not broken or self._connections is None:
                return
            log.error("DuckDB gave up the market file %s; it is opened again", self.path)
            connections = self._connections
            # Whoever reads from here on waits for the lock, and gets a new cursor.
            self._connections = self._writer = None
            self._local, self._before = threading.local(), broken
            broken.close()
            try:
                connections.close()
                self._dropped.detach()
                self.open()
            except StoreError as error:
                log.error("the market file %s could not be opened again, and will be tried: %s", self.path, error)

    def _require_owner(self) -> None:
        # Before any lock: in a forked child the thread that holds it may not exist.
        if self._owner is not None:
            self._owner.require()

    def _opened(self) -> Writer:
        self._require_owner()
        with self._opening:
            if self._closed:
                raise StoreError("the market is closed; open it again")
            if self._writer is None:
                self.open()
            writer = self._writer
        if writer is None:
            raise StoreError("the market is closed; open it again")
        return writer


@contextmanager
def _reading(owner: OwnerProcess | None, buffer: Buffer) -> Iterator[None]:
    """Surround every reading of the file: in the process that opened it, and while its pages stay in memory."""
    if owner is not None:
        owner.require()
    with buffer.reading():
        yield


def _now() -> datetime:
    return datetime.now(UTC)
