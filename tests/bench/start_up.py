"""How long it takes until something can be typed, and until a first auction is cleared, in fresh processes.

``import fts`` and ``fts --help`` beside ``import cvxpy``; and a script that reads an auction of 40 products and 1,200
bids from its file and clears it (native engine, certificate included) beside one that imports CVXPY, loads the
program's arrays and has Clarabel solve it. Each figure is the median over whole processes, taken in turns so that a
busy machine is busy for all of them, after one run that is not counted.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from market import columns
from scipy.sparse import csc_array, hstack, save_npz, vstack

from fts.models.auction import Auction
from fts.solver.program import program_of

ROUNDS = 15
PYTHON = sys.executable
OURS = """
import fts
assert fts.Auction.read_json("auction.json").solve("native").certificate.status == "exact"
"""
PEERS = """
import cvxpy
import numpy as np
from scipy.sparse import load_npz

constraints, segments = load_npz("constraints.npz"), np.load("segments.npz")
fills = cvxpy.Variable(len(segments["c"]))
rates = cvxpy.Variable(constraints.shape[1] - fills.size)
gains = segments["c"] @ fills - cvxpy.sum(cvxpy.multiply(segments["s"] / 2, cvxpy.square(fills)))
problem = cvxpy.Problem(
    cvxpy.Maximize(gains),
    [constraints @ cvxpy.hstack([rates, fills]) == 0, fills >= segments["lo"], fills <= segments["hi"]],
)
problem.solve(solver="CLARABEL")
assert problem.status == "optimal"
"""
COMMANDS = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "import fts": [PYTHON, "-c", "import fts"],
    "fts --help": [str(Path(PYTHON).with_name("fts")), "--help"],
    "import cvxpy": [PYTHON, "-c", "import cvxpy"],
    "first clearing": [PYTHON, "-c", OURS],
    "the same, cvxpy": [PYTHON, "-c", PEERS],
}
BESIDE = {"first clearing": "the same, cvxpy"}
"""Whose peer is not ``import cvxpy``."""


def write_market(folder: Path) -> None:
    """A small auction as a file, and as the arrays of its program: no bid there is unlimited."""
    auction = Auction.from_columns(**columns(40, 1_200))
    auction.write_json(folder / "auction.json")
    p = program_of(auction)
    K, D = len(p.c), p.W.shape[0]
    G = csc_array((np.ones(K), (p.segment_demand, np.arange(K))), shape=(D, K))
    constraints = vstack([hstack([p.B, csc_array((p.B.shape[0], K))]), hstack([-p.W, G])], format="csc")
    np.savez(folder / "segments.npz", lo=p.lo, hi=p.hi, c=p.c, s=p.s)
    save_npz(folder / "constraints.npz", constraints)


def seconds(command: list[str], folder: Path) -> float:
    """Wall-clock time of one process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_market(folder)
        for command in COMMANDS.values():  # the one earlier run
            seconds(command, folder)
        times: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(ROUNDS):
            for name, command in COMMANDS.items():
                times[name].append(seconds(command, folder))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"start-up, median of {ROUNDS} fresh processes [s]")
    for name, median in medians.items():
        peer = BESIDE.get(name, "import cvxpy")
        print(f"  {name:<16}{median:8.3f}   {median / medians[peer]:6.1%} of {peer}")


if __name__ == "__main__":
    main()
