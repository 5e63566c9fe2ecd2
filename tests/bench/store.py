"""A batch from the market's file and back: the bids gathered from DuckDB, cleared, certified, the outcome on disk.

* 100,000 portfolios in 500 products by the native engine. The peer does by hand what cannot be left out: the same
  rows scanned to Arrow as they stand, the auction cleared by the same engine, as many rows inserted and committed.
* 10,000 portfolios in 100 products by Clarabel through CVXPY. The peer: CVXPY's own compilation and solve (Clarabel,
  the same tolerances) of the same auction, and nothing else.

Ours and the peer in turns in one process; medians. ``--cpu`` counts processor time, for a busy machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent))

import duckdb
import market as generator
import numpy as np
import pyarrow as pa
from machine import blas

from fts.exchange import Market
from fts.models.auction import Auction
from fts.models.outcome import Outcome
from fts.solver.cvxpy_engine import OPTIONS

ROUNDS = 7
clock = time.process_time if "--cpu" in sys.argv else time.perf_counter


def fill(market: Market, n_products: int, n_portfolios: int) -> None:
    """Enter the bids of a random market."""
    columns = generator.columns(n_products, n_portfolios, seed=3)
    products = market.create_products(
        [
            {"kind": name, "from": "2027-01-01T00:00:00Z", "thru": "2027-02-01T00:00:00Z"}
            for name in columns["product_ids"]
        ]
    )
    bidder = uuid4()
    points = np.column_stack([columns["point_rates"], columns["point_prices"]]).reshape(-1, 2, 2).tolist()
    demands = market.create_demands(
        [({"name": name}, curve) for name, curve in zip(columns["demand_ids"], points, strict=True)], bidder=bidder
    )
    basis: list[dict[str, float]] = [{} for _ in range(n_portfolios)]
    for owner, product, weight in zip(
        columns["basis_portfolio"], columns["basis_product"], columns["basis_value"], strict=True
    ):
        basis[owner][products[product].id] = float(weight)
    market.create_portfolios(
        [
            ({"name": name}, demand.id, entries)
            for name, demand, entries in zip(columns["portfolio_ids"], demands, basis, strict=True)
        ],
        bidder=bidder,
    )


def seconds(work: Callable[[], object]) -> float:
    """Time of one call."""
    begin = clock()
    work()
    return clock() - begin


class Cvxpy:
    """The peer of the smaller case: nothing but CVXPY's compilation and solve."""

    def __init__(self, file: Path, auction: Auction) -> None:
        self.auction = auction

    def turn(self) -> dict[str, float]:
        """One turn, by part [s]."""
        problem = self.auction.problem()
        return {
            "CVXPY's compilation and solve": seconds(
                lambda: problem.solve(solver="CLARABEL", **OPTIONS["CLARABEL"](1e-9))
            )
        }

    def close(self) -> None:
        """Nothing is open."""


class Raw:
    """The peer of the larger case: scan, solve and insert by hand, in a copy of the market's file."""

    TABLES = ("curve", "portfolio_demand", "portfolio_product", "portfolio", "demand")

    def __init__(self, file: Path, auction: Auction) -> None:
        self.auction = auction
        copy = file.with_name("raw.db")
        copy.write_bytes(file.read_bytes())
        self.connection = duckdb.connect(str(copy))
        self.outcome: Outcome = auction.solve("native")

    def turn(self) -> dict[str, float]:
        """One turn, by part [s]."""
        return {
            "Arrow scan": seconds(self._scan),
            "native solve": seconds(self._solve),
            "insert": seconds(self._insert),
        }

    def close(self) -> None:
        """Close the copy."""
        self.connection.close()

    def _scan(self) -> None:
        for table in self.TABLES:
            # Data for the application is not read by a batch either.
            columns = "id" if table in ("portfolio", "demand") else "* EXCLUDE (valid_from, valid_until)"
            self.connection.sql(f"SELECT {columns} FROM {table}").to_arrow_table()

    def _solve(self) -> None:
        self.outcome = self.auction.solve("native")

    def _insert(self) -> None:
        rows = pa.table(
            {
                "portfolio": self.outcome.auction.portfolio_ids,
                "price": self.outcome.portfolio_prices,
                "rate": self.outcome.rates,
            }
        )
        self.connection.execute("BEGIN")
        self.connection.register("raw_rows", rows)
        self.connection.execute(
            "INSERT INTO portfolio_outcome SELECT portfolio::UUID, price, rate, now()::TIMESTAMP, NULL FROM raw_rows"
        )
        self.connection.unregister("raw_rows")
        self.connection.execute("COMMIT")


def measure(
    n_products: int, n_portfolios: int, solver: str, peer: type[Cvxpy | Raw], most: float, limit: float | None = None
) -> bool:
    """Print one case; whether its goals are met."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "market.db"
        with Market(file) as market:
            entering = seconds(lambda: fill(market, n_products, n_portfolios))
            auction = market.auction()
        other = peer(file, auction)
        other.turn()
        with Market(file, solver=solver) as market:
            if not market.run_batch().cleared:
                raise SystemExit("the batch was not solved")
            ours, gather, clear, theirs = [], [], [], []
            for _ in range(ROUNDS):
                theirs.append(other.turn())
                ours.append(seconds(market.run_batch))
                gather.append(seconds(market.auction))
                clear.append(seconds(partial(auction.solve, solver)))
            record = market.batches().results[0]
        other.close()
    total, alone = median(ours), median(sum(parts.values()) for parts in theirs)
    print(f"batch of {record.portfolios:,} portfolios in {record.products} products by {solver} ({record.status})")
    print(f"  entered before                      {entering:7.3f} s")
    print(f"  whole batch                         {total:7.3f} s")
    print(f"    gathered from DuckDB              {median(gather):7.3f} s")
    print(f"    cleared and certified             {median(clear):7.3f} s")
    rest = [o - g - c for o, g, c in zip(ours, gather, clear, strict=True)]
    print(f"    stored and committed              {median(rest):7.3f} s")
    print(f"  peer                                {alone:7.3f} s")
    for name in theirs[0]:
        print(f"    {name:<34}{median(parts[name] for parts in theirs):7.3f} s")
    goals = f"at most {most:g}" if limit is None else f"at most {most:g}, and {limit:g} s"
    print(f"  ratio {total / alone:.2f} (goal: {goals}); slowest batch {max(ours):.3f} s")
    return total <= most * alone and (limit is None or total <= limit)


def main() -> int:
    """Measure and print; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", action="store_true", help="processor time of all threads")
    parser.add_argument("--threads", type=int, help="of BLAS; by default 2, and 1 with --cpu: waiting counts")
    asked = parser.parse_args()
    kind = "processor" if asked.cpu else "wall"
    threads = asked.threads or (1 if asked.cpu else min(2, os.cpu_count() or 1))
    print(f"{blas(threads)}; load {os.getloadavg()[0]:.1f}; {kind} time, median of {ROUNDS} turns")
    met = [
        measure(500, 100_000, "native", Raw, most=3, limit=1.5),
        measure(100, 10_000, "clarabel", Cvxpy, most=2),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
