"""DuckDB connections of one open market, which are closed together, and never by a forked child."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
import time
import weakref

import duckdb

from fts.errors import StoreError
from fts.ports.process import OwnerProcess
from fts.store.file_lock import FileLock

# Time that a running query has when the file is closed, and time between two checks [s].
CLOSING_SECONDS, STEP_SECONDS = 30.0, 0.005
log = logging.getLogger(__name__)


class Connections:
    """Connection to the market's file, its cursors, and the lock of the file.

    Parameters
    ----------
    connection : DuckDBPyConnection
    lock : FileLock
        Released once everything is closed.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, lock: FileLock) -> None:
        self.lock = lock
        self._owner = OwnerProcess()
        self._connection = connection
        self._cursors: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
        self._changing = threading.Lock()
        _forks.add(self)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Make a cursor, which is closed with the others."""
        cursor = self._connection.cursor()
        with self._changing:
            self._cursors.add(cursor)
        return cursor

    def all(self) -> list[duckdb.DuckDBPyConnection]:
        """List the cursors that are in use, and the connection."""
        with self._changing:
            return [*self._cursors, self._connection]

    def close(self) -> None:
        """Close everything once the running queries have ended, then release the lock.

        Does nothing in a forked child: closing would write the file, which is the parent's.

        Raises
        ------
        StoreError
            A query does not end.
        """
        if not self._owner.is_current:
            return
        for one in self.all():
            _close_when_idle(one)
        self.lock.release()

    def give_up(self) -> None:
        """Close everything when the store was dropped; errors are logged, because there is no caller."""
        try:
            self.close()
        except StoreError as error:
            log.error("%s", error)


class _Forks:
    """Keeps the connections of this process from being destroyed in the children that are forked from it.

    DuckDB writes the file when the last connection is destroyed, and waits for threads that a child does not have.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[Connections] = weakref.WeakSet()
        self._kept: list[duckdb.DuckDBPyConnection] = []

    def add(self, connections: Connections) -> None:
        """Register the connections of another market."""
        with self._lock:
            self._open.add(connections)

    def before(self) -> None:
        """Keep a reference to every connection, because a child drops those of other threads at its start."""
        with self._lock:
            self._kept = [one for connections in tuple(self._open) for one in connections.all()]

    def after_in_parent(self) -> None:
        """Drop the references."""
        self._kept = []

    def after_in_child(self) -> None:
        """Keep the references for ever, even beyond the end of the interpreter."""
        # Another thread of the parent may have held the lock.
        self._lock = threading.Lock()
        for one in self._kept:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))
        self._open = weakref.WeakSet()


_forks = _Forks()
os.register_at_fork(before=_forks.before, after_in_parent=_forks.after_in_parent, after_in_child=_forks.after_in_child)


def _close_when_idle(connection: duckdb.DuckDBPyConnection) -> None:
    """Close a connection once the query that another thread runs on it has ended: DuckDB refuses a busy one."""
    end = time.monotonic() + CLOSING_SECONDS
    while True:
        try:
            connection.close()
            return
        except duckdb.Error as error:
            if time.monotonic() > end:
                raise StoreError(f"could not close the market file: {error}") from error
            time.sleep(STEP_SECONDS)
