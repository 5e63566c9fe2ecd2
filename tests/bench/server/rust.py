"""The peer that bidder programs know: `ftdemo` 0.3, the Rust server of crates.io, under the same loads.

Install it with ``cargo install ftdemo --version 0.3.0``; where it is not on the PATH its rows are left out, which is
said. It speaks an earlier dialect of the contract: a creation tells its id only, and groups have other names. It writes
to SQLite, and does not wait for the disk.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
import market as generator
from load import BIDDERS, Exchange, Load, wrk

CONFIG = """
[server]
bind_address = "127.0.0.1:{port}"
page_limit = 100
[database]
database_path = "{file}"
create_if_missing = true
"""
PAIRS = """
local entered, product = {}, "%s"
local headers = {["Authorization"] = "Bearer %s", ["Content-Type"] = "application/json"}
request = function()
  local demand = table.remove(entered)
  if demand then
    local groups = string.format('"demand_group":{"%%s":1},"product_group":{"%%s":1}', demand, product)
    return wrk.format("POST", "/portfolio", headers, '{"app_data":null,' .. groups .. '}')
  end
  local curve = '[{"rate":0,"price":60},{"rate":100,"price":20}]'
  return wrk.format("POST", "/demand", headers, '{"app_data":null,"curve_data":' .. curve .. '}')
end
response = function(status, told, body)
  local demand = body:match('"demand_id":"([^"]+)"')
  if status == 201 and demand then entered[#entered + 1] = demand end
end
"""


def installed() -> bool:
    """Whether it is there; says so where it is not."""
    there = shutil.which("ftdemo") is not None
    if not there:
        print("  the Rust server                            not measured: cargo install ftdemo --version 0.3.0")
    return there


@contextmanager
def serving(folder: Path) -> Iterator[Exchange]:
    """`ftdemo serve` on a free port, its market in a file."""
    secret = secrets.token_hex(32)
    file = folder / f"{secret[:8]}.sqlite"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "rust.toml"
    config.write_text(CONFIG.format(port=port, file=file))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    command = ["ftdemo", "serve", "--config", str(config)]
    environment |= {"APP_SECRET": secret}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, text=True) as process:
        exchange = Exchange(f"http://127.0.0.1:{port}", file, secret, process)
        try:
            for _ in range(200):
                try:
                    httpx.get(f"{exchange.url}/health").raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            else:
                sys.exit("ftdemo does not answer")
            yield exchange
        finally:
            process.terminate()


class Operator:
    """Who fills its market, bid by bid, and runs its batches."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange, self.admin = exchange, exchange.token(1, admin=True)
        self.http = httpx.Client(base_url=exchange.url, timeout=300)

    def ask(self, path: str, token: str, value: object = None) -> httpx.Response:
        """A creation that must succeed."""
        reply = self.http.post(path, json=value, headers={"Authorization": f"Bearer {token}"})
        return reply.raise_for_status()

    def product(self, kind: str) -> str:
        """A product of one hour."""
        data = {"kind": kind, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
        return self.ask("/product", self.admin, data).text

    def demand(self, token: str, points: list[tuple[float, float]]) -> str:
        """A demand of the bidder of a token."""
        curve = [{"rate": rate, "price": price} for rate, price in points]
        return str(self.ask("/demand", token, {"app_data": None, "curve_data": curve}).json()["demand_id"])

    def portfolio(self, token: str, demand: str, products: dict[str, float]) -> None:
        """A portfolio of one demand."""
        groups = {"demand_group": {demand: 1.0}, "product_group": products}
        self.ask("/portfolio", token, {"app_data": None, **groups})


def updates(folder: Path, seconds: float, script: str) -> Load:
    """Changes of single bids, by 64 clients."""
    with serving(folder) as exchange:
        operator, lines = Operator(exchange), []
        for bidder in range(BIDDERS):
            token = exchange.token(bidder)
            lines += [f"{operator.demand(token, [(0, 60), (100, 20)])} {token}" for _ in range(20)]
        bids = folder / "rust.txt"
        bids.write_text("\n".join(lines))
        return wrk(exchange, script % (0, bids), folder, seconds)


def pairs(folder: Path, seconds: float) -> Load:
    """Demand and portfolio one by one, into an empty market."""
    with serving(folder) as exchange:
        product = Operator(exchange).product("pairs")
        return wrk(exchange, PAIRS % (product, exchange.token(2)), folder, seconds)


def batch(folder: Path, n_products: int, n_portfolios: int) -> tuple[float, float]:
    """The first batch of a random market, and the median of the next three [s]."""
    columns = generator.columns(n_products, n_portfolios, seed=3)
    basis: list[dict[str, float]] = [{} for _ in range(n_portfolios)]
    entries = (columns["basis_portfolio"], columns["basis_product"], columns["basis_value"])
    with serving(folder) as exchange:
        operator, token = Operator(exchange), exchange.token(4)
        products = [operator.product(name) for name in columns["product_ids"]]
        for owner, product, weight in zip(*entries, strict=True):
            basis[owner][products[product]] = float(weight)
        rates, prices = columns["point_rates"].tolist(), columns["point_prices"].tolist()
        for k, held in enumerate(basis):
            points = list(zip(rates[2 * k : 2 * k + 2], prices[2 * k : 2 * k + 2], strict=True))
            operator.portfolio(token, operator.demand(token, points), held)
        took = []
        for _ in range(4):
            start = time.perf_counter()
            operator.ask("/batch", operator.admin)
            took.append(time.perf_counter() - start)
    return took[0], median(took[1:])


def pages(folder: Path, seconds: float, script: str) -> Load:
    """Pages of outcomes of many products, after a hundred batches."""
    with serving(folder) as exchange:
        operator, token = Operator(exchange), exchange.token(4)
        products = [operator.product(f"hour {k}") for k in range(100)]
        for product in products:
            for points in ([(0.0, 60.0), (100.0, 20.0)], [(-100.0, 70.0), (0.0, 10.0)]):
                operator.portfolio(token, operator.demand(token, points), {product: 1.0})
        for _ in range(100):
            operator.ask("/batch", operator.admin)
        paths = folder / "rust_paths.txt"
        paths.write_text("\n".join(f"/product/{product}/outcomes" for product in products))
        return wrk(exchange, script % (paths, exchange.token(9)), folder, seconds)
