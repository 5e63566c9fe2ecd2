"""``fts solve`` on a JSON file, the whole process and its pieces, beside plain ``json.loads`` of the same file.

The process starts Python, imports, reads the file, clears with the native engine, certifies, and writes the outcome.
The pieces are taken in one more process of the same words; each line is the median of fresh processes, in turns.
Another size: ``files.py 500 100000``; ``--cpu`` counts processor time, for a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

import market
from machine import blas

import fts

ROUNDS, GOAL = 5, 1.7
#: What ``fts solve`` does, with the clock read in between.
PIECES = """
import json, sys, time
clock = time.process_time if sys.argv[3] == "cpu" else time.perf_counter
ticks = [clock()]
import fts.cli.solve, fts.solver
ticks.append(clock())
auction = fts.Auction.read_json(sys.argv[1])
ticks.append(clock())
outcome = auction.solve("native")
ticks.append(clock())
outcome.write_json(sys.argv[2])
ticks.append(clock())
print(json.dumps([end - begin for begin, end in zip(ticks, ticks[1:])]))
"""
#: The peer: the parsed file as Python objects, and nothing else.
PEER = """
import json, sys, time
clock = time.process_time if sys.argv[2] == "cpu" else time.perf_counter
begin = clock()
with open(sys.argv[1], "rb") as file:
    json.loads(file.read())
print(clock() - begin)
"""


def process(command: list[str], cpu: bool) -> float:
    """Time of one process [s], its own threads and start included."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used if cpu else wall


def told(script: str, *words: str) -> str:
    """What a fresh process prints."""
    return subprocess.run([sys.executable, "-c", script, *words], check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Measure and print; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("products", nargs="?", type=int, default=500)
    parser.add_argument("portfolios", nargs="?", type=int, default=100_000)
    parser.add_argument("--cpu", action="store_true", help="processor time of all threads")
    parser.add_argument("--threads", type=int, help="of BLAS; by default 2, and 1 with --cpu: waiting counts")
    arguments = parser.parse_args()
    kind = "cpu" if arguments.cpu else "wall"
    threads = arguments.threads or (1 if arguments.cpu else min(2, os.cpu_count() or 1))
    # The processes to come read this when they load their libraries.
    os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    print(f"{blas(threads)}; load {os.getloadavg()[0]:.1f}; {kind} time, median of {ROUNDS} processes")
    with tempfile.TemporaryDirectory() as folder:
        auction, outcome = Path(folder) / "auction.json", Path(folder) / "outcome.json"
        fts.Auction.from_columns(**market.columns(arguments.products, arguments.portfolios)).write_json(auction)
        print(f"{arguments.products} products, {arguments.portfolios:,} bids: {auction.stat().st_size / 1e6:.1f} MB")
        words = ["solve", str(auction), "-o", str(outcome), "--solver", "native"]
        command = [str(Path(sys.executable).with_name("fts")), *words]
        process(command, arguments.cpu)  # once for the file system's cache
        whole, peer, pieces = [], [], []
        for _ in range(ROUNDS):
            whole.append(process(command, arguments.cpu))
            peer.append(float(told(PEER, str(auction), kind)))
            pieces.append(json.loads(told(PIECES, str(auction), str(outcome), kind)))
    total, alone = median(whole), median(peer)
    print(f"fts solve, whole process          {total:6.3f} s")
    for name, seconds in zip(("import", "read", "solve and certify", "write"), zip(*pieces, strict=True), strict=True):
        print(f"  {name:<32}{median(seconds):6.3f} s")
    print(f"peer: json.loads of the same file {alone:6.3f} s")
    print(f"ratio {total / alone:.2f}; goal: at most {GOAL:g} s for 500 products and 100,000 bids")
    return 0 if total <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
