"""The process that opened a market; a forked child holds a copy of it that no file knows."""

from __future__ import annotations

import os
import threading
from types import TracebackType

from fts.errors import ForkedStore


class OwnerProcess:
    """The process in which this object was made."""

    def __init__(self) -> None:
        self._id = os.getpid()

    @property
    def is_current(self) -> bool:
        """True in the process that made this object, False in every process forked from it."""
        return os.getpid() == self._id

    def require(self) -> None:
        """Refuse to go on in another process.

        Raises
        ------
        ForkedStore
        """
        if not self.is_current:
            raise ForkedStore(
                f"the market was opened by process {self._id} and cannot be used in process {os.getpid()}, which was "
                "forked from it: nothing was read or changed; open the market in one process only, and let the others "
                "talk to it over REST"
            )


class ProcessLock:
    """A lock between threads that refuses in a forked child, where the thread that holds it may not exist."""

    def __init__(self) -> None:
        self.owner = OwnerProcess()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        """Wait for the lock.

        Raises
        ------
        ForkedStore
        """
        self.owner.require()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
