"""Loops over bids as machine code: the one home of numba.

A compiled function is translated at its first call and kept beside its file, or in the user's cache where that folder
cannot be written (``NUMBA_CACHE_DIR`` names another); where neither can, it is translated anew in every process. It
sums in the order in which its loops are written, so an answer is the same, bit for bit, in every run.

What is kept is known by the file's date alone: a compiled function calls only those of its own file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Floats, floats

Loop = TypeVar("Loop", bound=Callable[..., Any])
Short = NDArray[np.int32]


def compiled(loop: Loop) -> Loop:
    """A function of arrays and numbers, translated at its first call; divisions by 0 give inf or NaN as in numpy."""
    options: Any = {"error_model": "numpy", "nogil": True}
    try:
        made: Loop = numba.njit(cache=True, **options)(loop)
    except RuntimeError:  # there is no folder that it could be kept in
        made = numba.njit(**options)(loop)
    return made


def entries(matrix: csc_array | csr_array) -> tuple[Short, Short, Floats]:
    """Where the columns (or rows) of a sparse matrix begin, the other index of each entry, and the entries.

    Always of one kind of number, so that a loop is translated once.
    """
    return (
        matrix.indptr.astype(np.int32, copy=False),
        matrix.indices.astype(np.int32, copy=False),
        floats(matrix.data),
    )
