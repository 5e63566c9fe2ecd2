"""Loops over bids as machine code: the one home of numba.

A compiled function is translated at its first call and kept beside its file, or in the user's cache where that folder
cannot be written (``NUMBA_CACHE_DIR`` names another). Where neither can be written, where the disk is full, or where a
kept file is damaged, it is translated anew: that costs time and is never an error. It sums in the order in which its
loops are written, so an answer is the same, bit for bit, in every run.

What is kept is known by the dates of the function's own file and of the files of the compiled functions that it calls,
and of those that these call. A constant of another file is used only beside a compiled function of that file.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Floats, floats

Loop = TypeVar("Loop", bound=Callable[..., Any])
Int32s = NDArray[np.int32]
Index = NDArray[np.uint32]
"""Positions for the inner loops: one that cannot be negative needs no test for it, which halves their time."""

_stamps: dict[str, tuple[float, int]] = {}
"""The date and the size of every file with compiled functions."""


def compiled(loop: Loop) -> Loop:
    """Compile a function of arrays and numbers at its first call; a division by 0 gives inf or NaN as in numpy."""
    made: Any = numba.njit(error_model="numpy", nogil=True)(loop)
    if hasattr(made, "enable_caching"):  # not where NUMBA_DISABLE_JIT leaves the function as it is
        with suppress(RuntimeError, OSError):  # there is no folder that it could be kept in, or no file
            made._cache = _Cache(loop)
    result: Loop = made
    return result


class _Damaged(Exception):
    """A kept file does not hold what was written to it."""


class _CheckedFormat(CompileResultCacheImpl):
    """Machine code with its checksum and the dates of its sources, because wrong code would end the process."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._loop = loop
        # As of now: the file may have changed by the time when the code is kept.
        state = os.stat(loop.__code__.co_filename)
        _stamps[loop.__code__.co_filename] = state.st_mtime, state.st_size

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        # A name of its own: numba's plain cache could not read these files.
        return f"{super().get_filename_base(fullname, abiflags)}-checked"

    def reduce(self, result: Any) -> tuple[str, bytes]:
        content = dumps((_source_stamps(self._loop), super().reduce(result)))
        return _checksum(content), content

    def rebuild(self, target: Any, kept: Any) -> Any:
        if not isinstance(kept, tuple) or len(kept) != 2:
            raise _Damaged("it was not written by this class")
        checksum, content = kept
        if checksum != _checksum(content):
            raise _Damaged("the checksum is that of another content")
        stamp, reduced = pickle.loads(content)
        if stamp != _source_stamps(self._loop):
            raise _Damaged("it was translated from an earlier version of a source")
        return super().rebuild(target, reduced)


class _Cache(FunctionCache):
    """Cache of one function's machine code, in which every failure counts as "not kept"."""

    _impl_class = _CheckedFormat

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
            # An index that was written without its data can name the code of other types.
            if found is None or found.signature.args == normalize_signature(sig)[0]:
                return found
        except Exception:
            pass  # reading a damaged pickle can raise anything
        self._forget()
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:
            # The disk is full, or the index is damaged and cannot be replaced.
            self._forget()

    def _forget(self) -> None:
        # To remove a file takes no room on the disk.
        with suppress(OSError):
            Path(self._cache_file._index_path).unlink()


def called_loops(loop: Any) -> list[Any]:
    """Return a compiled function and those that it calls, directly or through others, as they are written."""
    found, waiting = [loop], [loop]
    while waiting:
        one = waiting.pop()
        for name in one.__code__.co_names:
            other = getattr(one.__globals__.get(name), "py_func", None)
            if other is not None and other not in found:
                found.append(other)
                waiting.append(other)
    return found


def _source_stamps(loop: Any) -> dict[str, tuple[float, int]]:
    """Return the date and the size of every file that a compiled function is made of, as they were when it was read."""
    files = {one.__code__.co_filename for one in called_loops(loop)}
    return {Path(file).name: _stamps[file] for file in sorted(files)}


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def csc_arrays(matrix: csc_array | csr_array) -> tuple[Int32s, Int32s, Floats]:
    """Arrays of a sparse matrix: where columns (or rows) begin, the other index of each entry, and the entries.

    Always of one kind of number, so that a loop is translated once.
    """
    return (
        matrix.indptr.astype(np.int32, copy=False),
        matrix.indices.astype(np.int32, copy=False),
        floats(matrix.data),
    )


def unsigned(positions: NDArray[np.integer[Any]]) -> Index:
    """Positions as unsigned numbers, for the inner loops; the same memory where they are short."""
    return positions.astype(np.int32, copy=False).view(np.uint32)


def unsigned_entries(matrix: csc_array | csr_array) -> tuple[Index, Index, Floats]:
    """:func:`csc_arrays` with unsigned positions."""
    start, row, value = csc_arrays(matrix)
    return unsigned(start), unsigned(row), value
