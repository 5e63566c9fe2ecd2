"""Cost of a cold clearing over the size of the market: does it grow in proportion to the size?

Each series doubles one size. The table ends with the exponent of each series: the slope of log cost over log size, by
least squares over the larger half of its sizes. 1 is in proportion. Costs are processor time of one thread, the median
of some rounds; short solves are called many times a round. Status 1 where an answer is not exact.

    python tests/bench/scaling.py [--rounds 3] [--largest 64000] [--png file]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
from machine import blas
from market import Columns, columns
from matplotlib.figure import Figure
from peers import Case, calls_per_round, native
from shapes import different_profiles, long_curves, order_books

from fts.models.auction import Auction

PROFILES = 50
"""Wide bids of a market of profiles."""


@dataclass(frozen=True)
class Series:
    """Markets of one kind, each twice as large as the one before.

    Attributes
    ----------
    make : callable
        The market of a size.
    unit : str
        What the size counts.
    smallest, largest : int
    """

    make: Callable[[int], Columns]
    unit: str
    smallest: int
    largest: int

    def sizes(self, most: int) -> list[int]:
        """Doubling sizes up to the largest, and to at most so many."""
        doublings = int(np.log2(max(min(self.largest, most) / self.smallest, 1)))
        return [self.smallest * 2**k for k in range(doublings + 1)]


SERIES = {
    "sloped bids of one market": Series(partial(columns, 100), "bids", 2_000, 128_000),
    "flat bids of one market": Series(partial(columns, 100, flat=1.0), "bids", 2_000, 128_000),
    "separate books": Series(order_books, "books of 20 bids", 100, 12_800),
    "points of one curve": Series(long_curves, "points", 1_000, 128_000),
    "weights of wide profiles": Series(
        lambda n: different_profiles(n // PROFILES, PROFILES), "weights that are not 0", 5_000, 160_000
    ),
}


def exponent(sizes: list[int], costs: list[float]) -> float:
    """Slope of log cost over log size over the larger half, (n,) each; NaN for a single size."""
    first = min(len(sizes) // 2, len(sizes) - 2)
    if first < 0:
        return float("nan")
    return float(np.polyfit(np.log(sizes[first:]), np.log(costs[first:]), 1)[0])


def cost(market: Columns, rounds: int) -> tuple[float, str]:
    """Median processor time of a cold solve [s], and the status of its certificate."""
    case = Case(Auction.from_columns(**market))
    native(case, process_time, 1)  # what is loaded on first use
    calls = calls_per_round(native(case, process_time, 1).seconds)
    runs = [native(case, process_time, calls) for _ in range(rounds)]
    return median(run.seconds for run in runs), runs[-1].certificate.status


def draw(file: Path, costs: dict[str, tuple[list[int], list[float]]]) -> None:
    """A panel for each series, both axes logarithmic, with a line in proportion to the size."""
    figure = Figure(figsize=(4 * len(costs), 3.6), layout="constrained")
    panels = figure.subplots(1, len(costs), squeeze=False)[0]
    for axes, (name, (sizes, seconds)) in zip(panels, costs.items(), strict=True):
        axes.loglog(sizes, seconds, "o-", label="measured")
        axes.loglog(sizes, seconds[-1] * np.array(sizes) / sizes[-1], "--", color="grey", label="in proportion")
        axes.set(title=f"{name}\nexponent {exponent(sizes, seconds):.2f}", xlabel=f"size [{SERIES[name].unit}]")
        axes.set_xticks(sizes[::3], [f"{size:,}" for size in sizes[::3]])
        axes.set_xticks(sizes, [""] * len(sizes), minor=True)
        axes.set_ylabel("processor time of a cold clearing [s]")
        axes.grid(which="both", alpha=0.3)
        axes.legend()
    figure.savefig(file, format="png", dpi=120)


def main() -> int:
    """Print the table, and draw it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--largest", type=int, default=sys.maxsize, help="size at which every series ends")
    parser.add_argument("--png", type=Path, help="draw the costs into this file")
    asked = parser.parse_args()
    print(f"cold clearing over size, processor time; {blas(1)}")
    costs: dict[str, tuple[list[int], list[float]]] = {}
    statuses = set()
    for name, series in SERIES.items():
        sizes, seconds = series.sizes(asked.largest), []
        print(f"\n{name}\n{series.unit:>20}  cost [s]  cost / size [µs]  status")
        for size in sizes:
            measured, status = cost(series.make(size), asked.rounds)
            seconds.append(measured)
            statuses.add(status)
            print(f"{size:>20,}  {measured:8.3g}  {measured / size * 1e6:16.3g}  {status}", flush=True)
        costs[name] = sizes, seconds
        print(f"exponent {exponent(sizes, seconds):.2f}", flush=True)
    print("\nexponents: " + "; ".join(f"{name} {exponent(*series):.2f}" for name, series in costs.items()))
    if asked.png:
        draw(asked.png, costs)
    return 0 if statuses == {"exact"} else 1


if __name__ == "__main__":
    sys.exit(main())
