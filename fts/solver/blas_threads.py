"""Threads of the linear algebra: one, where the product system is so small that more are in the way.

Two threads factor 500 products half as fast as one, 1,000 as fast, and 2,000 one and a half times as fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController

MAX_PRODUCTS_ON_ONE_THREAD = 1_000
"""Up to so many products one thread is at least as fast."""


class _OneThread:
    """Every BLAS of the process on one thread while anybody asks for it.

    Solves run side by side, and a library has one number of threads for the whole process: the first to enter notes
    and sets it, the last to leave, which may be another Python thread, restores it.
    """

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._libraries: list[Any] | None = None
        self._before: list[int] = []

    def enter(self) -> None:
        with self._lock:
            if self._libraries is None:
                # Looking for the libraries takes milliseconds, so it is done once.
                self._libraries = ThreadpoolController().select(user_api="blas").lib_controllers
            if self._inside == 0:
                self._before = [library.num_threads for library in self._libraries]
                self._set([1] * len(self._before))
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._set(self._before)

    def _set(self, counts: list[int]) -> None:
        for library, count in zip(self._libraries or (), counts, strict=True):
            # threadpoolctl heeds only the Python thread that set an OpenBLAS first; the lock is our order.
            if isinstance(library, OpenBLASController):
                library.clear_controlling_thread(force=True)
            library.set_num_threads(count)
            if isinstance(library, OpenBLASController):
                library.clear_controlling_thread(force=True)


_one_thread = _OneThread()


@contextmanager
def threads_for(products: int) -> Iterator[None]:
    """Set the number of threads that suits a system of so many products, until the block ends."""
    if products > MAX_PRODUCTS_ON_ONE_THREAD:
        yield
        return
    _one_thread.enter()
    try:
        yield
    finally:
        _one_thread.leave()
