"""How long it takes until something can be typed: ``import fts`` and ``fts --help`` beside ``import cvxpy``.

Each figure is the median over fresh processes, taken in turns so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
PYTHON = sys.executable
COMMANDS = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "import fts": [PYTHON, "-c", "import fts"],
    "fts --help": [str(Path(PYTHON).with_name("fts")), "--help"],
    "import cvxpy": [PYTHON, "-c", "import cvxpy"],
}
PEER = "import cvxpy"


def seconds(command: list[str]) -> float:
    """Wall-clock time of one process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    for command in COMMANDS.values():  # once for the file system's cache
        seconds(command)
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    peer = statistics.median(times[PEER])
    print(f"start-up, median of {ROUNDS} fresh processes [s]")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"  {name:<16}{median:8.3f}   {median / peer:6.1%} of {PEER}")


if __name__ == "__main__":
    main()
