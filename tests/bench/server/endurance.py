"""A hundred hours of batches, ten seconds apart, in minutes: 36,000 batches with 50 bots that revise their bids.

The schedule is the exchange's own, its step made short; every batch is on disk. Printed are the memory at a tenth and
at the end, the bytes of the file for each batch by quarter, and whether every batch fell on the grid.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np

from fts.exchange import Market
from fts.exchange.schedule import Schedule, run_schedule

BOTS = 50
PRODUCTS = 24


def resident() -> float:
    """Memory of this process [1e6 bytes]."""
    return int(re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[0]) * 1024 / 1e6


def stored(path: Path) -> int:
    """Bytes of the market's file and its log."""
    return sum(file.stat().st_size for file in (path, path.with_name(path.name + ".wal")) if file.exists())


def curve(choose: random.Random) -> list[tuple[float, float]]:
    """A bid that buys when cheap and sells when dear."""
    middle = choose.uniform(30, 50)
    return [(-50.0, middle + 25), (50.0, middle - 25)]


def main() -> None:
    """Run, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=36_000)
    parser.add_argument("--every", default="40ms")
    said = parser.parse_args()
    choose, stop = random.Random(1), threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "market.duckdb"
        schedule = Schedule(said.every)
        with Market(path, schedule=schedule) as market:
            hours = [
                {"kind": 0, "from": f"2027-06-01T{h:02}:00:00Z", "thru": f"2027-06-01T{h:02}:59:00Z"}
                for h in range(PRODUCTS)
            ]
            products = [record.id for record in market.create_products(hours)]
            bids = []
            for bot in range(BOTS):
                for product in choose.sample(products, 4):
                    demand = market.create_demand({"name": "d"}, curve(choose), bidder=UUID(int=bot))
                    market.create_portfolio({"name": "p"}, demand.id, product, bidder=UUID(int=bot))
                    bids.append(demand.id)
            instants: list[datetime] = []
            seen: list[tuple[int, float, int]] = []

            def batch(due: datetime) -> None:
                # Five bots revise a bid at once, as an exchange sees them.
                market.bids.commit_together(
                    [market.bids.curve_command(name, curve(choose)) for name in choose.sample(bids, 5)]
                )
                record = market.run_batch(due)
                assert record.cleared, record.reason
                instants.append(due)
                if len(instants) % max(1, said.batches // 40) == 0:
                    seen.append((len(instants), resident(), stored(path)))
                    print(f"  {seen[-1][0]:,} batches, {seen[-1][1]:.0f} MB, file {seen[-1][2]:,} bytes", flush=True)
                if len(instants) == said.batches:
                    stop.set()

            start = time.perf_counter()
            run_schedule(schedule, batch, stop, lambda: datetime.now(UTC))
            took = time.perf_counter() - start
            off = sum((instant - schedule.from_) % schedule.every != schedule.every * 0 for instant in instants)
            skipped = round((instants[-1] - instants[0]) / schedule.every) + 1 - len(instants)
    # The file grows in steps, as its log is folded into it: what counts is a line through all of a quarter.
    rates = [np.polyfit(part[:, 0], part[:, 2], 1)[0] for part in np.array_split(np.array(seen), 4)]
    tenth, end = seen[len(seen) // 10 - 1][1], seen[-1][1]
    print(
        f"{len(instants):,} batches, {BOTS} bots, {5 * len(instants):,} changes of bids in {took:.0f} s "
        f"({os.cpu_count()} cores)"
    )
    print(f"memory at a tenth {tenth:.0f} MB, at the end {end:.0f} MB: {end / tenth:.2f} times")
    print("bytes of the file for each batch, by quarter: " + ", ".join(f"{rate:,.0f}" for rate in rates))
    print(f"batches off the grid: {off}; instants of the grid left out because a batch took longer: {skipped}")


if __name__ == "__main__":
    main()
