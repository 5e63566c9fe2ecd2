"""A batch of 10,000 portfolios in 100 products, from the market's file and back, beside CVXPY alone.

Ours: the bids gathered from DuckDB, cleared by Clarabel through CVXPY, certified, the outcome committed to disk.
The peer: CVXPY's own compilation and solve (Clarabel, the same tolerances) of the same auction, and nothing else.
Both in turns in one process; medians.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import market as generator
import numpy as np

from fts.exchange import Market
from fts.solver.cvxpy_engine import OPTIONS

PRODUCTS, PORTFOLIOS, ROUNDS, GOAL = 100, 10_000, 7, 2.0


def fill(market: Market) -> None:
    """Enter the bids of a random market."""
    columns = generator.columns(PRODUCTS, PORTFOLIOS, seed=3)
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
    basis: list[dict[str, float]] = [{} for _ in range(PORTFOLIOS)]
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
    """Wall-clock time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> int:
    """Measure and print; 1 where the goal is missed."""
    with tempfile.TemporaryDirectory() as folder, Market(Path(folder) / "market.db") as market:
        print(f"entering {PORTFOLIOS:,} bids: {seconds(lambda: fill(market)):.2f} s")
        if not market.run_batch().certificate:
            raise SystemExit("the batch was not solved")
        auction = market.auction()
        auction.problem().solve(solver="CLARABEL", **OPTIONS["CLARABEL"](1e-9))
        ours, gather, clear, peer = [], [], [], []
        for _ in range(ROUNDS):
            problem = auction.problem()
            peer.append(seconds(lambda problem=problem: problem.solve(solver="CLARABEL", **OPTIONS["CLARABEL"](1e-9))))
            ours.append(seconds(market.run_batch))
            clear.append(market.batches().results[0].seconds)
            gather.append(seconds(market.auction))
        total, alone = statistics.median(ours), statistics.median(peer)
        record = market.batches().results[0]
        print(
            f"batch of {record.portfolios:,} portfolios in {record.products} products ({record.status}): {total:.3f} s"
        )
        print(f"  gathered from DuckDB              {statistics.median(gather):.3f} s")
        print(f"  cleared and certified             {statistics.median(clear):.3f} s")
        rest = [o - g - c for o, g, c in zip(ours, gather, clear, strict=True)]
        print(f"  stored and committed              {statistics.median(rest):.3f} s")
        print(f"peer: CVXPY's compilation and solve {alone:.3f} s")
        print(f"ratio {total / alone:.2f} (goal: at most {GOAL:g})")
    return 0 if total <= GOAL * alone else 1


if __name__ == "__main__":
    sys.exit(main())
