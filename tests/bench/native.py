"""Clearing alone: the native engine, cold and warm, beside Clarabel called directly and the engines through CVXPY.

One process clears each market with all of them in turns, each on one thread; ``peers.py`` says what each is timed with,
``market.py``, ``forward.py`` and ``shapes.py`` what the markets are. A warm start has the outcome of the market before
1 % of its bids changed, and must give the cold answer. ``ratio`` is the better Clarabel's time over the row's; a goal
is met only with an exact answer. ``worst`` is the largest of the certificate's imbalance, domain, consistency and gap.
Peak memory is that of the whole process (bids, libraries and all) in the first solve, counted anew for each; where that
takes under a second, it is not timed. Short solves are called up to 200 times a round. An engine that takes over 20 s,
and a Clarabel that takes half as long again as the other, run once. Status 1 where the native answer is not exact or
the warm one is another.

    python tests/bench/native.py [first letters of cases …] [--rounds 5] [--scale 0.1] [--alone] [--cpu] [--csv file]
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
from forward import forward_market
from machine import Memory, blas, versions
from market import Columns, before_change, columns, five_prices, groups_of_three
from peers import Case, Clock, Run, calls_per_round, clarabel_direct, clarabel_settings, native, through_cvxpy
from shapes import (
    different_profiles,
    one_product,
    open_prices,
    order_books,
    paired_groups,
    shared_demand,
    substitution_groups,
    tied_books,
)

from fts.models.auction import Auction
from fts.models.certificate import Certificate
from fts.models.columns import Floats
from fts.models.outcome import Outcome

Size = Callable[[int], int]
Solver = Callable[[int], Run]
"""A run of so many calls."""
ONE_RUN_SECONDS = 20.0
"""An engine that takes longer runs once."""
UNTIMED_SECONDS = 1.0
"""A first solve that takes less is not timed: much of it is what an engine does on its first use."""
BEATEN = 1.5
"""So many times the other's seconds, and one of Clarabel's direct methods runs once."""
SAME = 1e-9
"""Largest difference between a warm and a cold answer, relative to the largest price and rate."""
CLARABEL = ("qdldl", "faer")
CVXPY = ("clarabel", "piqp", "osqp", "ecos", "scs")


@dataclass(frozen=True)
class Goal:
    """What a row must reach.

    Attributes
    ----------
    ratio : float
        Least times that the better Clarabel takes as long.
    megabytes : float
        At most.
    """

    ratio: float = 0.0
    megabytes: float = np.inf

    def judged(self, row: Row) -> tuple[str, str]:
        """The goal in words, and whether the row reaches it; no word on a row without a goal or without a peer."""
        parts = []
        if self.ratio:
            parts.append((f"ratio ≥ {self.ratio:g}", row.ratio, row.ratio >= self.ratio))
        if np.isfinite(self.megabytes):
            parts.append((f"≤ {self.megabytes:g} MB", row.megabytes, row.megabytes <= self.megabytes))
        words = ", ".join(text for text, _, _ in parts)
        if parts and (not _right(row) or not all(reached for _, known, reached in parts if not np.isnan(known))):
            return words, "no"
        return words, "yes" if parts and not any(np.isnan(known) for _, known, _ in parts) else ""


@dataclass(frozen=True)
class Market:
    """A line of the list of cases."""

    text: str
    make: Callable[[Size], Columns]
    cold: Goal = Goal()
    warm: Goal = Goal()
    cvxpy: tuple[str, ...] = ()


MARKETS = {
    "two bids": Market("2 bids on one product", lambda n: one_product(2), Goal(0.25)),
    "ten bids": Market("10 bids on one product", lambda n: one_product(10), Goal(0.5)),
    "fifty bids": Market("50 bids in 40 products", lambda n: columns(40, 50), Goal(1)),
    "small": Market("40 products, 1,200 bids", lambda n: columns(n(40), n(1_200)), Goal(12), Goal(15), cvxpy=CVXPY),
    "medium": Market("100 products, 10,000 bids", lambda n: columns(n(100), n(10_000)), cvxpy=("clarabel", "piqp")),
    "sloped": Market("500 products, 100,000 bids", lambda n: columns(n(500), n(100_000)), Goal(40), Goal(80)),
    "half flat": Market("half of them flat", lambda n: columns(n(500), n(100_000), flat=0.5), Goal(18), Goal(20)),
    "all flat": Market("all of them flat", lambda n: columns(n(500), n(100_000), flat=1.0), Goal(11), Goal(11)),
    "five prices": Market("all at five prices", lambda n: five_prices(n(500), n(100_000)), Goal(12), Goal(12)),
    "groups": Market(
        "30 % in substitution groups of 3, two segments each",
        lambda n: groups_of_three(n(500), n(100_000)),
        Goal(12),
        Goal(15),
    ),
    "groups of 9": Market(
        "200 products, 12,000 bids, 30 % in substitution groups of 9",
        lambda n: substitution_groups(n(200), n(12_000), 9),
        Goal(12),
        Goal(15),
    ),
    "groups of 50": Market(
        "the same in groups of 50", lambda n: substitution_groups(n(200), n(12_000), 50), Goal(12), Goal(15)
    ),
    "pairs": Market("groups of 3, and a limit over each two of them", lambda n: paired_groups(n(200), n(12_000))),
    "battery": Market("one demand over 1,000 products, 4,000 bids", lambda n: shared_demand(n(1_000))),
    "books 100": Market("100 separate books of 20 limit orders", lambda n: order_books(n(100)), Goal(10), Goal(10)),
    "books 1,000": Market("1,000 of them", lambda n: order_books(n(1_000)), Goal(20), Goal(20)),
    "books 10,000": Market("10,000 of them", lambda n: order_books(n(10_000)), Goal(20), Goal(20)),
    "ties": Market("1,000 separate books of 4 bids at one price", lambda n: tied_books(n(1_000)), Goal(5), Goal(5)),
    "open prices": Market(
        "1,000 separate pairs of products that cannot trade", lambda n: open_prices(n(1_000)), Goal(5), Goal(5)
    ),
    "wide": Market(
        "3,000 products, 60 different profiles of all", lambda n: different_profiles(n(3_000), n(60)), Goal(3), Goal(3)
    ),
    "products": Market("2,000 products, 100,000 bids", lambda n: columns(n(2_000), n(100_000)), Goal(12)),
    "profiles": Market(
        "3,024 forward products, 50,000 bids, a tenth of 100-700 products from 200 profiles",
        lambda n: forward_market(n(48), n(720), n(50_000), profiles=n(200)),
        Goal(15),
        Goal(30),
    ),
    "different": Market(
        "the same, all profiles different",
        lambda n: forward_market(n(48), n(720), n(50_000), profiles=None),
        Goal(10),
        Goal(20),
    ),
    "million": Market(
        "500 products, 1,000,000 bids", lambda n: columns(n(500), n(1_000_000)), Goal(150, 2_000), Goal(200)
    ),
}


@dataclass
class Row:
    """A line of the table."""

    case: str
    who: str
    seconds: float
    ratio: float
    goal: str
    met: str
    canonical: float
    proof: float
    steps: int
    worst: float
    fit: float
    status: str
    megabytes: float
    differs: float
    runs: int


HEADINGS = {
    "case": "case", "who": "engine", "seconds": "median [s]", "ratio": "ratio", "goal": "goal", "met": "met",
    "canonical": "canonical [s]", "proof": "certificate [s]", "steps": "steps", "worst": "worst", "fit": "fit",
    "status": "status", "megabytes": "peak [MB]", "differs": "warm - cold", "runs": "runs",
}  # fmt: skip
FORMS = {"seconds": ".3g", "ratio": ".2f", "canonical": ".2g", "proof": ".2g", "worst": ".1e", "fit": ".1e",
         "megabytes": ".0f", "differs": ".1e"}  # fmt: skip
WIDTHS = {"case": 12, "who": 15, "goal": 24, "met": 3, "steps": 5, "status": 10, "runs": 4}


def cleared(solvers: dict[str, Solver], rounds: int) -> tuple[dict[str, list[Run]], dict[str, float]]:
    """Every engine's runs, taken in turns, and the peak memory of its first [MB]."""
    memory = Memory()
    runs: dict[str, list[Run]] = {}
    peaks, calls = {}, dict.fromkeys(solvers, 1)
    for who, solve in solvers.items():
        memory.reset()
        runs[who] = [solve(1)]
        peaks[who] = memory.peak()
        if runs[who][0].seconds < UNTIMED_SECONDS:
            calls[who] = calls_per_round(solve(1).seconds)
            runs[who] = []
    for k in range(rounds):
        for who, solve in solvers.items():
            if len(runs[who]) == k and not _once(who, runs):
                runs[who].append(solve(calls[who]))
    return runs, peaks


def _once(who: str, runs: dict[str, list[Run]]) -> bool:
    """Whether an engine's first run was its last."""
    first = {name: made[0].seconds for name, made in runs.items() if made}
    if who not in first:
        return False
    rivals = [first[name] for name in (f"clarabel {method}" for method in CLARABEL) if name in first]
    beaten = who.startswith("clarabel") and first[who] > BEATEN * min(rivals)
    return first[who] > ONE_RUN_SECONDS or beaten


def worst(certificate: Certificate) -> float:
    """The largest of the measures that `solved` asks for."""
    return max(certificate.imbalance, certificate.domain, certificate.consistency, certificate.gap)


def difference(one: Run, other: Run) -> float:
    """The largest difference between two answers, relative to the largest price and to the largest rate."""
    return max(_difference(one.prices, other.prices), _difference(one.rates, other.rates))


def _difference(one: Floats, other: Floats) -> float:
    """Infinite where only one of them has a number."""
    known = ~np.isnan(other)
    if not np.array_equal(known, ~np.isnan(one)):
        return math.inf
    largest = float(np.abs(other[known]).max(initial=0.0))
    return float(np.abs(one[known] - other[known]).max(initial=0.0)) / (largest or 1.0)


def rows(name: str, size: Size, rounds: int, threads: int, clock: Clock, peers: tuple[str, ...]) -> Iterator[Row]:
    """The lines of one case.

    Parameters
    ----------
    name : str
    size : callable
        A number of products or bids, at the scale asked for.
    rounds, threads : int
    clock : callable
    peers : tuple of str
        Direct methods of Clarabel; goals are judged with all of them, and engines through CVXPY are run with all.
    """
    market = MARKETS[name]
    given = market.make(size)
    earlier: Outcome = Auction.from_columns(**before_change(given)).solve("native", throw=False)
    case = Case(Auction.from_columns(**given))
    del given
    solvers: dict[str, Solver] = {
        "native": partial(native, case, clock),
        "native warm": partial(native, case, clock, earlier=earlier),
    }
    for method in peers:
        solvers[f"clarabel {method}"] = partial(clarabel_direct, case, clock, method=method, threads=threads)
    if peers == CLARABEL:
        solvers |= {f"cvxpy {engine}": partial(through_cvxpy, case, clock, name=engine) for engine in market.cvxpy}
    runs, peaks = cleared(solvers, rounds)
    seconds = {who: median(run.seconds for run in made) for who, made in runs.items()}
    peer = min((seconds[f"clarabel {method}"] for method in peers), default=np.nan)
    for who, made in runs.items():
        certificate, own = made[-1].certificate, who.startswith("native")
        row = Row(
            case=name,
            who=who,
            seconds=seconds[who],
            ratio=peer / seconds[who],
            goal="",
            met="",
            canonical=median(run.canonical for run in made),
            proof=median(run.proof for run in made),
            steps=made[-1].steps,
            worst=worst(certificate),
            fit=certificate.fit,
            status=certificate.status,
            megabytes=peaks[who],
            differs=difference(made[-1], runs["native"][-1]) if who == "native warm" else np.nan,
            runs=len(made),
        )
        if own and peers in ((), CLARABEL) and size(1_000) == 1_000:
            row.goal, row.met = (market.warm if who == "native warm" else market.cold).judged(row)
        yield row


def line(row: Row | None) -> str:
    """A row as text; None gives the headings."""
    cells = []
    for field in fields(Row):
        name = field.name
        width = WIDTHS.get(name, len(HEADINGS[name]))
        value = HEADINGS[name] if row is None else getattr(row, name)
        if isinstance(value, float):
            value = "" if np.isnan(value) else format(value, FORMS[name])
        left = name in ("case", "who", "goal", "met", "status")
        cells.append(str(value).ljust(width) if left else str(value).rjust(width))
    return "  ".join(cells).rstrip()


def about(threads: int, clock: Clock) -> str:
    """The machine, the libraries and how each peer is set."""
    kind = "processor time of all threads" if clock is process_time else "wall time"
    return "\n".join(
        [
            f"{datetime.now(UTC):%d %B %Y}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {kind}",
            versions("numpy", "scipy", "clarabel", "cvxpy", *CVXPY[1:]),
            blas(threads),
            f"native: auction.solve() of a built auction, {threads} {'thread' if threads == 1 else 'threads'}",
            f"clarabel: called directly, {threads} {'thread' if threads == 1 else 'threads'}, its own settings:",
            *(f"  {text.strip().rstrip(',')}" for text in str(clarabel_settings("faer", threads)).splitlines()
              if text.strip().startswith(("max_iter", "tol_gap", "tol_feas", "reduced_tol_gap"))),
            f"cvxpy: at the tolerances of fts.engines(); {', '.join(CVXPY)}",
        ]
    )  # fmt: skip


def main() -> int:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="cases: " + "; ".join(f"{k}: {m.text}" for k, m in MARKETS.items())
    )
    parser.add_argument("case", nargs="*", help="first letters of the cases to run; all without any")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of products and bids, for a quick look")
    parser.add_argument("--threads", type=int, default=1, help="of every engine; by default 1")
    parser.add_argument("--alone", action="store_true", help="without peers")
    parser.add_argument("--peer", choices=CLARABEL, help="one of Clarabel's methods only; judges no goal")
    parser.add_argument("--cpu", action="store_true", help="processor time of all threads, for a busy machine")
    parser.add_argument("--csv", type=Path)
    asked = parser.parse_args()
    names = [name for name in MARKETS if not asked.case or name.startswith(tuple(asked.case))]
    if not names:
        parser.error(f"no case begins with {' or '.join(asked.case)}; there are {', '.join(MARKETS)}")

    def size(number: int) -> int:
        return number if asked.scale == 1 else max(6, round(asked.scale * number))

    clock: Clock = process_time if asked.cpu else perf_counter
    peers = () if asked.alone else (asked.peer,) if asked.peer else CLARABEL
    print(about(asked.threads, clock))
    Auction.from_columns(**columns(6, 60)).solve("native")  # what is loaded on first use
    table: list[Row] = []
    for name in names:
        print(f"\n{name}: {MARKETS[name].text}\n{line(None)}", flush=True)
        for row in rows(name, size, asked.rounds, asked.threads, clock, peers):
            table.append(row)
            print(line(row), flush=True)
        if asked.csv:
            write(asked.csv, table)
    wrong = [f"{row.case}, {row.who}" for row in table if row.who.startswith("native") and not _right(row)]
    if wrong:
        print(f"\nnot exact, or warm not as cold: {'; '.join(wrong)}")
    return 1 if wrong else 0


def _right(row: Row) -> bool:
    return row.status == "exact" and not row.differs > SAME


def write(file: Path, table: list[Row]) -> None:
    """The table as CSV, numbers in full; what does not apply is empty."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([HEADINGS[field.name] for field in fields(Row)])
        for row in table:
            values = [getattr(row, field.name) for field in fields(Row)]
            writer.writerow(["" if isinstance(value, float) and np.isnan(value) else value for value in values])


if __name__ == "__main__":
    sys.exit(main())
