"""The native engine beside Clarabel called directly on the same arrays: seconds, ratio and certificate of each.

Time runs from arrays to outcome arrays. For the native engine the exact last step, the canonical step and the
certificate are inside it; for Clarabel only its own solve is, after its matrices have been put together. Clarabel runs
with its default tolerances (1e-8) and with both of its direct methods; the ratio is to the better one. Run it with

    python tests/bench/native.py [first letters of the case] [--repeat 3] [--csv file]
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

THREADS = os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")
CPU = "--cpu" in sys.argv
clock = process_time if CPU else perf_counter

import clarabel  # noqa: E402 - the number of threads is read when the libraries load
import numpy as np  # noqa: E402
from scipy import sparse  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))

from market import columns  # noqa: E402

from fts import Auction  # noqa: E402
from fts.ports.engine import Answer, Program  # noqa: E402
from fts.solver.certificate import certified  # noqa: E402
from fts.solver.program import part_of, program_of, spread  # noqa: E402
from fts.solver.reading import of_native  # noqa: E402


def five_prices(products: int, portfolios: int) -> dict[str, Any]:
    """All bids flat, each portfolio at one of five prices around its value."""
    made = columns(products, portfolios, seed=3, flat=1.0)
    price = made["point_prices"][::2]
    step = np.round((price - price.mean()) / price.std()).clip(-2, 2) * price.std() + price.mean()
    made["point_prices"] = np.repeat(np.round(step), 2)
    return made


def groups_of_three(products: int, portfolios: int, share: float = 0.3) -> dict[str, Any]:
    """A share of the portfolios in groups that substitute each other under a common limit; two segments per curve."""
    made = columns(products, portfolios, seed=4)
    n = int(share * portfolios) // 3 * 3
    groups = n // 3
    rates, prices = made["point_rates"].reshape(-1, 2), made["point_prices"].reshape(-1, 2)
    middle = np.column_stack([rates[:, 0], rates.mean(axis=1), rates[:, 1]])
    bend = np.column_stack([prices[:, 0], prices.mean(axis=1) + 0.2 * (prices[:, 0] - prices[:, 1]), prices[:, 1]])
    made["point_rates"], made["point_prices"] = middle.ravel(), bend.ravel()
    made["point_offsets"] = np.arange(portfolios + 1) * 3
    # The common limit of a group: its rates together, at no price, within a half of what the three could trade.
    reach = np.abs(rates[:n]).max(axis=1).reshape(groups, 3).sum(axis=1) / 2
    made["demand_ids"] = [*made["demand_ids"], *(f"g{k}" for k in range(groups))]
    made["point_offsets"] = np.append(made["point_offsets"], made["point_offsets"][-1] + 2 * np.arange(1, groups + 1))
    made["point_rates"] = np.append(made["point_rates"], np.column_stack([-reach, reach]).ravel())
    made["point_prices"] = np.append(made["point_prices"], np.zeros(2 * groups))
    made["constant"] = np.append(made["constant"], np.ones(groups, dtype=bool))
    made["weight_portfolio"] = np.append(made["weight_portfolio"], np.arange(n))
    made["weight_demand"] = np.append(made["weight_demand"], portfolios + np.repeat(np.arange(groups), 3))
    made["weight_value"] = np.ones(portfolios + n)
    return made


CASES = {
    "small: 40 x 1,200": lambda: columns(40, 1_200),
    "sloped: 500 x 100,000": lambda: columns(500, 100_000),
    "half flat: 500 x 100,000": lambda: columns(500, 100_000, flat=0.5),
    "all flat: 500 x 100,000": lambda: columns(500, 100_000, flat=1.0),
    "five prices: 500 x 100,000": lambda: five_prices(500, 100_000),
    "groups of three: 500 x 100,000": lambda: groups_of_three(500, 100_000),
    "2,000 x 100,000": lambda: columns(2_000, 100_000),
    "million: 500 x 1,000,000": lambda: columns(500, 1_000_000),
}


def native(auction: Auction, program: Program, warm: Answer | None = None) -> dict[str, Any]:
    """One solve of the native engine, with its certificate."""
    part = part_of(auction)
    started = clock()
    for reading in of_native(program, warm=warm):
        rates, prices, demand_prices = spread(auction, part, reading.answer)
        _, certificate = certified(auction, rates, prices, demand_prices)
        if certificate.status == "exact":
            break
    return {"seconds": clock() - started, "steps": reading.answer.iterations, "certificate": certificate,
            "outcome": (rates, prices, demand_prices)}


def peer(auction: Auction, program: Program, method: str) -> dict[str, Any]:
    """One solve of Clarabel on the same arrays."""
    p = program
    (P, I), D, K = p.B.shape, p.W.shape[0], len(p.c)  # noqa: E741 - the letters of the program
    quadratic = sparse.block_diag([sparse.csc_matrix((I, I)), sparse.diags(p.s)], format="csc")
    G = sparse.csc_matrix((np.ones(K), (p.segment_demand, np.arange(K))), shape=(D, K))
    low, high = np.flatnonzero(np.isfinite(p.lo)), np.flatnonzero(np.isfinite(p.hi))
    unit = sparse.identity(K, format="csr")
    A = sparse.vstack(
        [
            sparse.hstack([p.B, sparse.csc_matrix((P, K))]),
            sparse.hstack([-p.W, G]),
            sparse.hstack([sparse.csr_matrix((len(low), I)), -unit[low]]),
            sparse.hstack([sparse.csr_matrix((len(high), I)), unit[high]]),
        ],
        format="csc",
    )
    b = np.concatenate([np.zeros(P + D), -p.lo[low], p.hi[high]])
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.direct_solve_method, settings.max_threads = False, method, int(THREADS)
    cones = [clarabel.ZeroConeT(P + D), clarabel.NonnegativeConeT(len(low) + len(high))]
    started = clock()
    solver = clarabel.DefaultSolver(quadratic, np.append(np.zeros(I), -p.c), A, b, cones, settings)
    found = solver.solve()
    seconds = clock() - started
    x, z = np.asarray(found.x), np.asarray(found.z)
    answer = Answer(x[:I], x[I:], z[:P], z[P : P + D], str(found.status), found.iterations)
    part = part_of(auction)
    rates, prices, demand_prices = spread(auction, part, answer)
    _, certificate = certified(auction, rates, prices, demand_prices)
    return {"seconds": seconds, "steps": found.iterations, "certificate": certificate}


def rows(first: str, repeat: int, slow: float, alone: bool) -> Iterator[dict[str, Any]]:
    """One row per case."""
    for name, make in CASES.items():
        if not name.startswith(first):
            continue
        auction = Auction.from_columns(**make())
        program = program_of(auction)
        ours: list[dict[str, Any]] = []
        theirs: dict[str, list[dict[str, Any]]] = {} if alone else {"qdldl": [], "faer": []}
        for k in range(repeat):
            ours.append(native(auction, program))
            for method, runs in theirs.items():
                if k == 0 or runs[0]["seconds"] < slow:
                    runs.append(peer(auction, program, method))
        mine = median(run["seconds"] for run in ours)
        row = {"case": name, "native [s]": mine, "steps": ours[-1]["steps"], **_measures("native", ours[-1])}
        if theirs:
            best = min(theirs, key=lambda method: median(run["seconds"] for run in theirs[method]))
            row |= {"clarabel [s]": median(run["seconds"] for run in theirs[best]), "method": best}
            row |= {"ratio": row["clarabel [s]"] / mine, **_measures("clarabel", theirs[best][-1])}
        yield row


def _measures(who: str, run: dict[str, Any]) -> dict[str, Any]:
    certificate = run["certificate"]
    worst = max(certificate.imbalance, certificate.domain, certificate.consistency, certificate.gap)
    return {f"{who} worst": worst, f"{who} fit": certificate.fit, f"{who} status": certificate.status}


def main() -> None:
    """Print one line per case, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", nargs="?", default="", help="first letters of the cases to run")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--slow", type=float, default=60.0, help="a peer over this many seconds runs once")
    parser.add_argument("--alone", action="store_true", help="without Clarabel")
    parser.add_argument("--cpu", action="store_true", help="processor time of all threads, for a busy machine")
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    kind = "processor" if CPU else "wall"
    about = f"BLAS threads {THREADS}, load {os.getloadavg()[0]:.1f}, clarabel {clarabel.__version__}, default settings"
    print(f"{kind} time, {about}")
    table = []
    for row in rows(arguments.case, arguments.repeat, arguments.slow, arguments.alone):
        table.append(row)
        print("  ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
                        for key, value in row.items()), flush=True)
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, sorted({key for row in table for key in row}))
            writer.writeheader()
            writer.writerows(table)


if __name__ == "__main__":
    main()
