"""Lock of a market file, which has one writer in this process and all others.

DuckDB takes a POSIX record lock. The system frees it as soon as the process closes any descriptor of the file. So there
are three additions. A register of the files that this process has open is checked before a file is opened. A lock of
the other kind (``flock``) belongs to one descriptor. `FileLock.renew` takes the record lock again before each change.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fts.errors import ReadOnlyStore, StoreBusy, StoreError

MEMORY = ":memory:"
# Time that another process, which is being refused, may still hold the lock of a new file [s].
WAIT_SECONDS, LOCK_RETRY_SECONDS = 2.0, 0.01
log = logging.getLogger(__name__)

_Key = tuple[int, int] | str


class _Register:
    """Register of the market files that this process has open, by device and inode and by path."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.holders: dict[_Key, FileLock] = {}

    def leave_to_parent(self) -> None:
        """Close the descriptors that a forked child inherited; their locks are the parent's."""
        # Another thread of the parent may have held the lock.
        self.lock = threading.RLock()
        for holder in self.holders.values():
            holder.leave_to_parent()


_register = _Register()
os.register_at_fork(after_in_child=_register.leave_to_parent)


class FileLock:
    """Lock of a market file, held from before it is opened until after it is closed.

    Parameters
    ----------
    path : str
        Path of the file, which need not exist; ``":memory:"`` is never locked.
    read_only : bool
        Share the file with other processes that only read it.

    Attributes
    ----------
    path : str
        Path for messages.
    head : bytes
        First bytes of the file; empty if it does not exist.

    Raises
    ------
    StoreBusy
        The file is open in this process, under any name, or in another one.
    ReadOnlyStore
        The file may not be written.
    StoreError
        The path is not a file.
    """

    def __init__(self, path: str, *, read_only: bool) -> None:
        self.path, self._real = path, os.path.realpath(path)
        self._read_only, self._process = read_only, os.getpid()
        self._descriptor: int | None = None
        self._keys: tuple[_Key, ...] = ()
        self.head = b""
        if path == MEMORY:
            return
        with _register.lock:
            self._require_unused()
            if os.path.exists(self._real):
                self._open()
                if not self._try():
                    self._close()
                    raise busy(path)
            self._enter()

    @property
    def wal(self) -> str | None:
        """Path of the write-ahead log; None in memory."""
        return None if self.path == MEMORY else f"{self._real}.wal"

    def complete(self) -> None:
        """Lock the file after DuckDB opened it, if it did not exist before."""
        if self.path == MEMORY or self._process != os.getpid():
            return
        with _register.lock:
            if self._descriptor is None:
                self._open()
                self._enter()
            end = time.monotonic() + WAIT_SECONDS
            while not self._try():
                if time.monotonic() > end:
                    log.warning(
                        "the market file %s is locked by DuckDB alone, as its file system has only one kind of lock; "
                        "open it by no other means while the market is open",
                        self.path,
                    )
                    return
                time.sleep(LOCK_RETRY_SECONDS)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Unlock the file for a moment, because a network file system has only one kind of lock."""
        if self._descriptor is not None:
            _unlock(self._descriptor)
        yield
        self.complete()

    def renew(self) -> None:
        """Take the record lock again, which the process loses when any descriptor of the file is closed.

        Raises
        ------
        StoreBusy
            Another process took the lock meanwhile.
        """
        if self._descriptor is not None and not self._read_only and not _lock_record(self._descriptor):
            raise StoreBusy(
                f"another program opened the market file {self.path}, as closing a descriptor of it in this process "
                "allows; nothing was changed: close the file there, then try again"
            )

    def release(self) -> None:
        """Release the lock; called once DuckDB has closed the file. Does nothing in a forked child."""
        if self._process != os.getpid():
            return
        with _register.lock:
            for key in self._keys:
                _register.holders.pop(key, None)
            self._keys = ()
            if self._descriptor is not None:
                # A forked child may hold the descriptor too, and with it the lock.
                _unlock(self._descriptor)
            self._close()

    def leave_to_parent(self) -> None:
        """Close the descriptor in a forked child without releasing the lock."""
        self._close()

    def _require_unused(self) -> None:
        """Require that the file is not in the register, without opening it."""
        for key in self._names():
            holder = _register.holders.get(key)
            if holder is None:
                continue
            if holder._process == os.getpid():
                raise StoreBusy(
                    f"the market file {self.path} is open in this process already; use that market, or close it"
                )
            raise StoreBusy(
                f"the market file {self.path} was open in process {holder._process} when this process was forked from "
                "it; open it in a process that was started anew (multiprocessing: the method 'spawn')"
            )

    def _names(self) -> tuple[_Key, ...]:
        try:
            found = os.stat(self._real)
        except FileNotFoundError:
            return (self._real,)
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{self.path} is not a file; name a file for the market")
        return (self._real, (found.st_dev, found.st_ino))

    def _enter(self) -> None:
        self._keys = self._names()
        _register.holders.update(dict.fromkeys(self._keys, self))

    def _open(self) -> None:
        try:
            self._descriptor = os.open(self._real, os.O_RDONLY if self._read_only else os.O_RDWR)
        except PermissionError as error:
            raise ReadOnlyStore(f"the market file {self.path} cannot be opened: {error.strerror}") from error
        except OSError as error:
            raise StoreError(f"could not open the market file {self.path}: {error.strerror}") from error
        self.head = os.pread(self._descriptor, 16, 0)

    def _try(self) -> bool:
        return self._descriptor is None or _lock(self._descriptor, shared=self._read_only)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def busy(path: str) -> StoreBusy:
    """Build the error for a file that another process has open."""
    return StoreBusy(
        f"the market file {path} is open in another process; a market has one writer: "
        "talk to it over REST, or stop it first"
    )


def _lock(descriptor: int, *, shared: bool) -> bool:
    """Lock a descriptor; it stays locked if other descriptors of the file are closed."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        log.warning("the file system of the market cannot lock a descriptor (%s); DuckDB's lock is the only one", error)
    return True


def _unlock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock_record(descriptor: int) -> bool:
    """Take a record lock, which is DuckDB's kind, for this process; if the process has it, nothing changes."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
