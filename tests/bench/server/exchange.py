"""The exchange under load: bids, bulk, pages and batches over HTTP, every change on disk before its reply.

The exchange runs as `fts serve` in a process of its own, `wrk` (or a client) in another, on the same cores. Beside the
first row stands what people write first: FastAPI, one DuckDB commit for each bid, the same check of owner and token;
beside others the Rust server, where it is installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb
import httpx
import market as generator
import numpy as np
import plain
import pyarrow as pa
import rust
from load import BIDDERS, Exchange, serving, wrk

ARROW = "application/vnd.apache.arrow.stream"
ROWS = 20_000
UPDATE = """
local n, bids = %d, {}
for line in io.lines("%s") do
  local id, token = line:match("(%%S+) (%%S+)")
  bids[#bids + 1] = {"/demand/" .. id, {["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json"}}
end
request = function()
  n = n + 1
  local bid = bids[n %% #bids + 1]
  local body = string.format('[{"rate":0,"price":%%d},{"rate":100,"price":20}]', 30 + n %% 1000)
  return wrk.format("PUT", bid[1], bid[2], body)
end
"""
PAIRS = """
local entered, product = {}, "%s"
local headers = {["Authorization"] = "Bearer %s", ["Content-Type"] = "application/json"}
request = function()
  local demand = table.remove(entered)
  if demand then
    local body = string.format('{"app_data":{"name":"p"},"demand":"%%s","basis":"%%s"}', demand, product)
    return wrk.format("POST", "/portfolio", headers, body)
  end
  local curve = '[{"rate":0,"price":60},{"rate":100,"price":20}]'
  return wrk.format("POST", "/demand", headers, '{"app_data":{"name":"d"},"curve_data":' .. curve .. '}')
end
response = function(status, told, body)
  if status == 201 and body:find("curve_data", 1, true) then entered[#entered + 1] = body:match('"id":"([^"]+)"') end
end
"""
PAGES = """
local n, paths = 0, {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local headers = {["Authorization"] = "Bearer %s"}
request = function()
  n = n + 1
  return wrk.format("GET", paths[n %% #paths + 1], headers)
end
"""


def stream(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


class Operator:
    """Who fills a market and runs its batches."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.http = httpx.Client(base_url=exchange.url, timeout=300)
        self.admin = exchange.token(1, admin=True)

    def ask(self, method: str, path: str, token: str, **content: object) -> httpx.Response:
        """A request that must succeed."""
        headers = {"Authorization": f"Bearer {token}", **content.pop("headers", {})}  # type: ignore[dict-item]
        reply = self.http.request(method, path, headers=headers, **content)  # type: ignore[arg-type]
        if reply.status_code >= 300:
            sys.exit(f"{method} {path}: {reply.status_code} {reply.text[:300]}")
        return reply

    def product(self, kind: str) -> str:
        """A product of one hour."""
        data = {"kind": kind, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
        return str(self.ask("POST", "/product", self.admin, json=data).json()["id"])

    def rows(self, path: str, token: str, **columns: pa.Array) -> list[str]:
        """Many bids at once; their ids."""
        table, ids = pa.table(columns), []
        for start in range(0, len(table), ROWS):
            content = stream(table.slice(start, ROWS).combine_chunks())
            ids += self.ask("POST", path, token, content=content, headers={"Content-Type": ARROW}).json()["ids"]
        return ids

    def demands(self, count: int, bidder: int, price: float = 60.0) -> list[str]:
        """Demands of one bidder."""
        rates, prices = pa.array([[0.0, 100.0]] * count), pa.array([[price, 20.0]] * count)
        name = pa.array(['{"name": "d"}'] * count)
        return self.rows("/demand/bulk", self.exchange.token(bidder), app_data=name, rates=rates, prices=prices)

    def portfolios(self, demands: list[str], products: list[list[tuple[str, float]]], bidder: int) -> list[str]:
        """One portfolio for each demand."""
        kind = pa.map_(pa.string(), pa.float64())
        return self.rows(
            "/portfolio/bulk",
            self.exchange.token(bidder),
            app_data=pa.array(['{"name": "p"}'] * len(demands)),
            demand=pa.array([[(name, 1.0)] for name in demands], kind),
            basis=pa.array(products, kind),
        )


def updates(folder: Path, seconds: float) -> None:
    """Changes of single bids, by 64 clients."""
    naive = plain.run(folder, seconds, UPDATE)
    with serving(folder / "updates.duckdb") as exchange:
        operator = Operator(exchange)
        lines = [
            f"{name} {exchange.token(bidder)}" for bidder in range(BIDDERS) for name in operator.demands(20, bidder)
        ]
        bids = folder / "bids.txt"
        bids.write_text("\n".join(lines))
        load = wrk(exchange, UPDATE % (0, bids), folder, seconds)
    with duckdb.connect(str(folder / "updates.duckdb")) as connection:
        stored = connection.execute("SELECT count(*) FROM curve").fetchall()[0][0] - len(lines)
    lost = max(0, load.count - load.errors - stored)
    print(f"single-bid updates, 64 clients, durable      {load}; {lost} of {load.count} lost")
    print(f"  FastAPI with one DuckDB commit a bid       {naive}")
    if rust.installed():
        print(f"  the Rust server                            {rust.updates(folder, seconds, UPDATE)}")


def pairs(folder: Path, seconds: float) -> None:
    """Demand and portfolio one by one, into a small market and a large one."""
    with serving(folder / "pairs.duckdb") as exchange:
        operator = Operator(exchange)
        product = operator.product("pairs")
        script = PAIRS % (product, exchange.token(2))
        for size in (1_000, 100_000):
            have = len(operator.ask("GET", "/portfolio", exchange.token(2)).json()) if size > 1000 else 0
            demands = operator.demands(size - have, 2)
            operator.portfolios(demands, [[(product, 1.0)]] * len(demands), 2)
            load = wrk(exchange, script, folder, seconds)
            print(f"pairs created one by one, at {size:>7,} pairs     {load.rate / 2:,.0f} pairs/s; requests {load}")
        print(f"  memory at 100,000 pairs                    {exchange.megabytes():,.0f} MB")
    if rust.installed():
        load = rust.pairs(folder, seconds)
        print(f"  the Rust server, into an empty market      {load.rate / 2:,.0f} pairs/s; requests {load}")


def bulk(folder: Path) -> None:
    """Changes of many bids in one request, as columns and as lines."""
    with serving(folder / "bulk.duckdb") as exchange:
        operator = Operator(exchange)
        names = operator.demands(ROWS, 3)
        token, took = exchange.token(3), []
        for k in range(7):
            rates, prices = pa.array([[0.0, 100.0]] * ROWS), pa.array([[50.0 + k, 20.0]] * ROWS)
            content = stream(pa.table({"id": names, "rates": rates, "prices": prices}))
            start = time.perf_counter()
            operator.ask("POST", "/demand/bulk", token, content=content, headers={"Content-Type": ARROW})
            took.append(time.perf_counter() - start)
        print(f"bulk updates, Arrow, {ROWS:,} rows a request   {ROWS / median(took):,.0f}/s")
        lines = "\n".join(
            f'{{"id":"{n}","curve_data":[{{"rate":0,"price":40}},{{"rate":9,"price":2}}]}}' for n in names
        )
        took = []
        for _ in range(5):
            start = time.perf_counter()
            kind = {"Content-Type": "application/x-ndjson"}
            operator.ask("POST", "/demand/bulk", token, content=lines.encode(), headers=kind)
            took.append(time.perf_counter() - start)
        print(f"bulk updates, lines of JSON                  {ROWS / median(took):,.0f}/s")


def fill(operator: Operator, n_products: int, n_portfolios: int) -> None:
    """The bids of a random market in the style of the paper."""
    columns = generator.columns(n_products, n_portfolios, seed=3)
    products = [operator.product(name) for name in columns["product_ids"]]
    count = columns["point_offsets"][1:] - columns["point_offsets"][:-1]
    offsets = pa.array(columns["point_offsets"].astype(np.int32))
    assert (count == 2).all()
    demands = operator.rows(
        "/demand/bulk",
        operator.exchange.token(4),
        app_data=pa.array(['{"name": "d"}'] * n_portfolios),
        rates=pa.ListArray.from_arrays(offsets, pa.array(columns["point_rates"])),
        prices=pa.ListArray.from_arrays(offsets, pa.array(columns["point_prices"])),
    )
    basis: list[list[tuple[str, float]]] = [[] for _ in range(n_portfolios)]
    entries = (columns["basis_portfolio"], columns["basis_product"], columns["basis_value"])
    for owner, product, weight in zip(*entries, strict=True):
        basis[owner].append((products[product], float(weight)))
    operator.portfolios(demands, basis, 4)


def batches(folder: Path, n_portfolios: int, seconds: float) -> None:
    """Batches of a large market, stored; pages of their outcomes; bids while one is solved."""
    n_products = 500 if n_portfolios >= 100_000 else 100
    with serving(folder / f"batches{n_portfolios}.duckdb") as exchange:
        operator = Operator(exchange)
        fill(operator, n_products, n_portfolios)
        took = []
        for _ in range(4):
            start = time.perf_counter()
            operator.ask("POST", "/batch", operator.admin)
            took.append(time.perf_counter() - start)
        print(
            f"a batch of {n_portfolios:>7,} portfolios, {n_products} products    {median(took[1:]):.2f} s, "
            f"the first {took[0]:.2f} s"
        )
        certificate = operator.ask("GET", "/batch", operator.admin).json()["results"][0]["certificate"]
        print(f"  {certificate['status']}, fit {certificate['fit']:.1e}, gap {certificate['gap']:.1e}")
        if n_portfolios < 100_000:
            pages(operator, folder, seconds)
        else:
            while_solving(operator, folder, seconds)
    # Left out for 100,000: entering them one by one takes minutes.
    if n_portfolios < 100_000 and rust.installed():
        first, later = rust.batch(folder, n_products, n_portfolios)
        print(f"  the Rust server, a batch of {n_portfolios:,}         {later:.2f} s, the first {first:.2f} s")
        print(f"  the Rust server, pages of outcomes         {rust.pages(folder, seconds, PAGES)}")


def pages(operator: Operator, folder: Path, seconds: float) -> None:
    """Pages of outcomes of many products."""
    for _ in range(100):
        operator.ask("POST", "/batch", operator.admin)
    found = operator.ask("GET", "/product", operator.admin).json()["results"]
    paths = folder / "paths.txt"
    paths.write_text("\n".join(f"/product/{product['id']}/outcomes" for product in found))
    load = wrk(operator.exchange, PAGES % (paths, operator.exchange.token(9)), folder, seconds)
    print(f"pages of outcomes, 100 rows each             {load}")


def while_solving(operator: Operator, folder: Path, seconds: float) -> None:
    """Changes of bids while the large market is cleared again and again."""
    exchange, bids = operator.exchange, folder / "bids.txt"
    lines = [f"{name} {exchange.token(bidder)}" for bidder in range(BIDDERS) for name in operator.demands(20, bidder)]
    bids.write_text("\n".join(lines))
    alone = wrk(exchange, UPDATE % (0, bids), folder, seconds)
    done, count = threading.Event(), 0

    def solve() -> None:
        nonlocal count
        with httpx.Client(
            base_url=exchange.url, timeout=300, headers={"Authorization": f"Bearer {operator.admin}"}
        ) as http:
            while not done.is_set():
                http.post("/batch").raise_for_status()
                count += 1

    solver = threading.Thread(target=solve)
    solver.start()
    beside = wrk(exchange, UPDATE % (7, bids), folder, seconds)
    done.set()
    solver.join()
    print(f"bids with no batch                           {alone}")
    print(f"bids while batches are solved ({count} batches)     {beside}; {beside.rate / alone.rate:.0%} of that alone")


PARTS = ("updates", "pairs", "bulk", "batches")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    said = parser.parse_args()
    for part in said.parts or PARTS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if part == "updates":
                updates(folder, said.seconds)
            elif part == "pairs":
                pairs(folder, said.seconds)
            elif part == "bulk":
                bulk(folder)
            else:
                for size in (10_000, 100_000):
                    batches(folder, size, said.seconds)


if __name__ == "__main__":
    main()
