"""Clearing alone, without a store: our whole solve beside CVXPY's own compilation and solve of the same program.

Ours: columns to arrays, unboundedness, scaling, CVXPY with Clarabel, reading the answer, certificate, outcome.
The peer: CVXPY's compilation and solve (Clarabel, the same tolerances) of the program as it is, and nothing else.
Both in turns in one process; medians. Name another size on the command line: ``clearing.py 500 100000``.
"""

from __future__ import annotations

import ctypes
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

# A kernel or cache size chosen for another machine would measure that machine; BLAS reads this when it is loaded.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import market  # noqa: E402
import numpy as np  # noqa: E402

import fts  # noqa: E402
import fts.solver  # noqa: E402
from fts.solver.cvxpy_engine import OPTIONS  # noqa: E402

ROUNDS = 5
SIZES = ((20, 1_000), (100, 10_000))


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def blas() -> str:
    """The kernel and thread count of the linear algebra that is loaded."""
    for file in Path(np.__file__).parents[1].glob("numpy.libs/*openblas*"):
        library = ctypes.CDLL(str(file))
        library.scipy_openblas_get_corename64_.restype = ctypes.c_char_p
        kernel = library.scipy_openblas_get_corename64_().decode()
        return f"OpenBLAS, kernel {kernel}, {library.scipy_openblas_get_num_threads64_()} threads"
    return str(np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"])


def peer(auction: fts.Auction, tol: float) -> None:
    """CVXPY's own compilation and solve."""
    auction.problem().solve(solver="CLARABEL", **OPTIONS["CLARABEL"](tol))


def measure(products: int, portfolios: int, flat: float) -> str:
    """One line of the table."""
    auction = fts.Auction.from_columns(**market.columns(products, portfolios, seed=3, flat=flat))
    outcome = auction.solve()
    peer(auction, 1e-9)
    ours, alone, proof = [], [], []
    for _ in range(ROUNDS):
        ours.append(seconds(auction.solve))
        alone.append(seconds(lambda: peer(auction, 1e-9)))
        proof.append(seconds(lambda: fts.solver.certify(auction, outcome.rates, outcome.prices, outcome.demand_prices)))
    mine, theirs, certificate = map(statistics.median, (ours, alone, proof))
    return (
        f"{products:>8} {portfolios:>10,} {flat:>5.0%} {mine:>9.3f} {theirs:>9.3f} {mine / theirs:>6.2f} "
        f"{certificate:>11.4f}  {outcome.certificate.status}"
    )


def main() -> None:
    """Measure and print."""
    print(f"numpy: {blas()}")
    print("products portfolios  flat  ours [s] CVXPY [s]  ratio  certify [s]  status")
    asked = [(int(sys.argv[1]), int(sys.argv[2]))] if len(sys.argv) == 3 else SIZES
    for products, portfolios in asked:
        for flat in (0.0, 0.5):
            print(measure(products, portfolios, flat), flush=True)


if __name__ == "__main__":
    main()
