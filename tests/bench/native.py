"""Clearing alone: the native engine, cold and warm, beside Clarabel called directly and the engines through CVXPY.

One process clears each market with all of them in turns; ``peers.py`` says what each is timed with, ``market.py`` and
``forward.py`` what the markets are. A warm start has the outcome of the market before 1 % of its bids changed, and must
give the cold answer. ``ratio`` is the better Clarabel's time over the row's. ``worst`` is the largest of the
certificate's imbalance, domain, consistency and gap; no goal is met with a worse certificate than Clarabel's. Peak
memory is that of the whole process (bids, libraries and all) in the first solve, counted anew for each. A peer that
takes over a minute, or half as long again as the other Clarabel, runs once; where a solve takes milliseconds there are
five times as many rounds. Status 1 where the native answer is not exact or the warm one is another.

    python tests/bench/native.py [first letters of cases …] [--rounds 5] [--scale 0.1] [--alone] [--cpu] [--csv file]
"""

from __future__ import annotations

import argparse
import csv
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
from peers import Case, Clock, Run, clarabel_direct, clarabel_settings, native, through_cvxpy

from fts.models.auction import Auction
from fts.models.certificate import Certificate
from fts.models.outcome import Outcome
from fts.solver.threads import FEW

Size = Callable[[int], int]
SLOW = 60.0
"""A peer that takes longer [s] runs once."""
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
    seconds, megabytes : float
        At most.
    times, of : float, str
        At most so many times the seconds of the native engine, cold, in another case.
    """

    ratio: float = 0.0
    seconds: float = np.inf
    megabytes: float = np.inf
    times: float = np.inf
    of: str = ""

    def judged(self, row: Row, others: dict[str, float]) -> tuple[str, str]:
        """The goal in words, and whether the row reaches it."""
        parts = []
        if self.ratio:
            parts.append((f"ratio ≥ {self.ratio:g}", row.ratio, row.ratio >= self.ratio))
        if np.isfinite(self.seconds):
            parts.append((f"≤ {self.seconds * 1e3:g} ms", row.seconds, row.seconds <= self.seconds))
        if np.isfinite(self.megabytes):
            parts.append((f"≤ {self.megabytes:g} MB", row.megabytes, row.megabytes <= self.megabytes))
        if self.of:
            whole = others.get(self.of, np.nan)
            parts.append((f"≤ {self.times:g} × {self.of}", whole, row.seconds <= self.times * whole))
        words = ", ".join(text for text, _, _ in parts)
        if not all(reached for _, known, reached in parts if not np.isnan(known)):
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
    rounds: int = 1
    """How many times the asked number of rounds: milliseconds need more of them."""


MARKETS = {
    "small": Market(
        "40 products, 1,200 bids",
        lambda n: columns(n(40), n(1_200)),
        Goal(ratio=3, seconds=0.010),
        cvxpy=CVXPY,
        rounds=5,
    ),
    "medium": Market("100 products, 10,000 bids", lambda n: columns(n(100), n(10_000)), cvxpy=("clarabel", "piqp")),
    "sloped": Market(
        "500 products, 100,000 bids", lambda n: columns(n(500), n(100_000)), Goal(ratio=30), Goal(ratio=100)
    ),
    "half flat": Market("half of them flat", lambda n: columns(n(500), n(100_000), flat=0.5), Goal(ratio=20)),
    "all flat": Market("all of them flat", lambda n: columns(n(500), n(100_000), flat=1.0), Goal(ratio=12)),
    "five prices": Market("all at five prices", lambda n: five_prices(n(500), n(100_000)), Goal(ratio=6)),
    "groups": Market(
        "30 % in substitution groups of 3, two segments each",
        lambda n: groups_of_three(n(500), n(100_000)),
        Goal(ratio=12),
    ),
    "products": Market("2,000 products, 100,000 bids", lambda n: columns(n(2_000), n(100_000)), Goal(ratio=12)),
    "profiles": Market(
        "3,024 forward products, 50,000 bids, a tenth of 100-700 products from 200 profiles",
        lambda n: forward_market(n(48), n(720), n(50_000), profiles=n(200)),
        Goal(ratio=10),
    ),
    "different": Market(
        "the same, all profiles different",
        lambda n: forward_market(n(48), n(720), n(50_000), profiles=None),
        Goal(ratio=5),
    ),
    "million": Market(
        "500 products, 1,000,000 bids",
        lambda n: columns(n(500), n(1_000_000)),
        Goal(megabytes=2_000, times=11, of="sloped"),
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
FORMS = {"seconds": ".4f", "ratio": ".2f", "canonical": ".4f", "proof": ".4f", "worst": ".1e", "fit": ".1e",
         "megabytes": ".0f", "differs": ".1e"}  # fmt: skip
WIDTHS = {"case": 11, "who": 15, "goal": 24, "met": 3, "steps": 5, "status": 10, "runs": 4}


def cleared(solvers: dict[str, Callable[[], Run]], rounds: int) -> tuple[dict[str, list[Run]], dict[str, float]]:
    """Every engine's runs, taken in turns, and the peak memory of its first [MB]."""
    memory = Memory()
    runs: dict[str, list[Run]] = {who: [] for who in solvers}
    peaks = {}
    for k in range(rounds):
        for who, solve in solvers.items():
            if k == 0:
                memory.reset()
            elif not who.startswith("native") and _once(who, runs):
                continue
            runs[who].append(solve())
            if k == 0:
                peaks[who] = memory.peak()
    return runs, peaks


def _once(who: str, runs: dict[str, list[Run]]) -> bool:
    """Whether a peer's first run was its last."""
    first = {name: made[0].seconds for name, made in runs.items() if made}
    rivals = [first[name] for name in (f"clarabel {method}" for method in CLARABEL) if name in first]
    beaten = who.startswith("clarabel") and first[who] > BEATEN * min(rivals)
    return first[who] > SLOW or beaten


def worst(certificate: Certificate) -> float:
    """The largest of the measures that `solved` asks for."""
    return max(certificate.imbalance, certificate.domain, certificate.consistency, certificate.gap)


def _as_good(own: Certificate, peers: Certificate) -> bool:
    """Whether a goal may be reached with this certificate: a faster but worse answer does not count."""
    return worst(own) <= worst(peers) and own.fit <= peers.fit


def difference(one: Run, other: Run) -> float:
    """The largest difference between two answers, relative to the largest price and rate."""
    pairs = ((one.prices, other.prices), (one.rates, other.rates))
    return max(float(np.nanmax(np.abs(a - b)) / np.nanmax(np.abs(b))) for a, b in pairs)


def rows(
    name: str, size: Size, rounds: int, threads: int, clock: Clock, alone: bool, others: dict[str, float]
) -> Iterator[Row]:
    """The lines of one case; the seconds of the native engine, cold, are noted in `others`."""
    market = MARKETS[name]
    made = market.make(size)
    earlier: Outcome = Auction.from_columns(**before_change(made)).solve("native", throw=False)
    case = Case(Auction.from_columns(**made))
    del made
    solvers: dict[str, Callable[[], Run]] = {
        "native": partial(native, case, clock),
        "native warm": partial(native, case, clock, earlier),
    }
    if not alone:
        solvers |= {f"clarabel {method}": partial(clarabel_direct, case, clock, method, threads) for method in CLARABEL}
        solvers |= {f"cvxpy {engine}": partial(through_cvxpy, case, clock, engine) for engine in market.cvxpy}
    runs, peaks = cleared(solvers, rounds * market.rounds)
    seconds = {who: median(run.seconds for run in made) for who, made in runs.items()}
    others[name] = seconds["native"]
    rivals = [who for who in runs if who.startswith("clarabel")]
    better = min(rivals, key=seconds.__getitem__, default=None)
    peer = np.nan if better is None else seconds[better]
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
        if own and size(1_000) == 1_000:
            row.goal, row.met = (market.warm if who == "native warm" else market.cold).judged(row, others)
            if better is not None and not _as_good(certificate, runs[better][-1].certificate):
                row.met = "no"
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
            f"native: one thread up to {FEW:,} products, whatever BLAS is given",
            f"clarabel: called directly, {threads} threads (qdldl: one), its own settings:",
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
    parser.add_argument("--threads", type=int, help="of every engine; by default 2, and 1 with --cpu: waiting counts")
    parser.add_argument("--alone", action="store_true", help="without peers")
    parser.add_argument("--cpu", action="store_true", help="processor time of all threads, for a busy machine")
    parser.add_argument("--csv", type=Path)
    asked = parser.parse_args()
    names = [name for name in MARKETS if not asked.case or name.startswith(tuple(asked.case))]
    if not names:
        parser.error(f"no case begins with {' or '.join(asked.case)}; there are {', '.join(MARKETS)}")

    def size(number: int) -> int:
        return number if asked.scale == 1 else max(6, round(asked.scale * number))

    clock: Clock = process_time if asked.cpu else perf_counter
    threads = asked.threads or (1 if asked.cpu else min(2, os.cpu_count() or 1))
    print(about(threads, clock))
    Auction.from_columns(**columns(6, 60)).solve("native")  # what is loaded on first use
    table: list[Row] = []
    others: dict[str, float] = {}
    for name in names:
        print(f"\n{name}: {MARKETS[name].text}\n{line(None)}", flush=True)
        for row in rows(name, size, asked.rounds, threads, clock, asked.alone, others):
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
