"""``fts demo``: a running market in one command."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import secrets
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fts import bundled
from fts._ports import LOCALHOST, free_port
from fts.cli.console import format_seconds, keep_private, print_item, print_line, show_progress
from fts.cli.demo_market import DemoMarket, open_demo_market
from fts.cli.demo_output import DemoOutput
from fts.cli.supervisor import ChildProcess, Supervisor
from fts.client import Client
from fts.errors import ConfigurationError, InvalidInstant, RequestFailed
from fts.models.timestamps import format_instant, parse_duration

START_TIMEOUT_SECONDS = 60.0
"""Time that the exchange has until its first response [s]."""
HEAD_START_SECONDS = 20.0
"""Longest time before the dashboard and JupyterLab start, so that the first batch is not delayed by them [s]."""
POLL_SECONDS = 0.2
"""Time between two checks of the child processes [s]."""


def register(subparsers: Any) -> None:
    """Add the parser of ``fts demo``."""
    parser = subparsers.add_parser(
        "demo",
        help="a running market: exchange, simulated bidders, dashboard and JupyterLab",
        description="A forward market of one zone with a dozen simulated bidders: starts an exchange, the bidders' "
        "bots, the dashboard and JupyterLab on this machine, and stops them together on Ctrl-C. Started again on "
        "the same file, it continues with its history.",
    )
    parser.add_argument(
        "--database",
        type=Path,
        metavar="FILE",
        default=Path("fts-demo/market.duckdb"),
        help="market file, created if it does not exist; secret and logs are stored beside it (default: %(default)s)",
    )
    parser.add_argument("--every", default="10s", metavar="TIME", help="time between batches (default: %(default)s)")
    parser.add_argument(
        "--months", type=int, default=12, metavar="N", help="months of delivery that trade, 1 to 36 (default: 12)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the bidders' forecasts (default: 1)")
    parser.add_argument("--no-lab", action="store_true", help="start no JupyterLab")
    parser.add_argument("--no-dashboard", action="store_true", help="start no dashboard")
    ports = parser.add_argument_group("ports; if one is taken, the next free one is used")
    ports.add_argument("--port", type=int, default=8080, metavar="N", help="exchange (default: %(default)s)")
    ports.add_argument("--dashboard-port", type=int, default=5006, metavar="N", help="dashboard (default: %(default)s)")
    ports.add_argument("--lab-port", type=int, default=8888, metavar="N", help="JupyterLab (default: %(default)s)")
    proxy = parser.add_argument_group("behind a proxy")
    proxy.add_argument("--root-path", default="", metavar="PATH", help="path of the exchange, if the proxy strips it")
    proxy.add_argument(
        "--prefix", default="", metavar="PATH", help="path of the dashboard, if the proxy does not strip it"
    )
    proxy.add_argument(
        "--allow-websocket-origin",
        action="append",
        default=[],
        metavar="HOST",
        help="host[:port] that the dashboard accepts too",
    )


def run(args: argparse.Namespace) -> int:
    """Run the market until Ctrl-C."""
    keep_private()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # All parts run on this machine, so no proxy is used.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"localhost,{LOCALHOST},{os.environ.get('NO_PROXY', '')}"
    try:
        every = parse_duration(args.every)
    except InvalidInstant as error:
        raise ConfigurationError(f"--every {args.every}: {error}") from error
    if not 1 <= args.months <= 36:
        raise ConfigurationError(f"--months {args.months}: between 1 and 36 months trade")
    try:
        market = open_demo_market(args.database, every, args.months, args.seed)
        with Supervisor() as supervisor:
            try:
                return run_market(market, supervisor, args)
            finally:
                print_line("\nStopping …")
    except KeyboardInterrupt:
        print_line(f"Stopped. The market is kept in {args.database}; start again to go on with it.")
        return 0


def run_market(market: DemoMarket, supervisor: Supervisor, args: argparse.Namespace) -> int:
    """Start the exchange and the bots, and show the batches until the exchange ends; returns the exit status.

    Parameters
    ----------
    market : DemoMarket
    supervisor : Supervisor
        Starts and stops the processes.
    args : argparse.Namespace
        Ports and paths.
    """
    ports = Ports(args)
    url = f"http://localhost:{ports.exchange}"
    exchange = start_exchange(market, supervisor, ports.exchange, args.root_path)
    if not wait_until_ready(url, exchange):
        if exchange.process.poll() is None:
            print_line(f"The exchange did not respond within {START_TIMEOUT_SECONDS:g} s; its log is {exchange.log}.")
        else:
            print_end(exchange)
        return 1
    print_item("exchange", f"{url}   (API explorer: {url}/docs)")
    reports: queue.Queue[Mapping[str, Any]] = queue.Queue()
    threading.Thread(target=follow_batches, args=(market, url, reports), daemon=True).start()
    start_bots(market, supervisor, url, reports)
    print_item("bots", f"{len(market.statements)} bidders over REST, each with a token of its own\n")
    show_progress(f"the first batch is at the next full {format_seconds(market.every)} …")
    output = DemoOutput(market)
    first, head_start_ends = True, time.monotonic() + HEAD_START_SECONDS
    while True:
        with contextlib.suppress(queue.Empty):
            output.show(reports.get(timeout=POLL_SECONDS))
        if first and (output.prices or time.monotonic() > head_start_ends):
            first = False
            start_interfaces(market, supervisor, url, ports, args)
            output.show_heading()
        for child in supervisor.pop_ended():
            print_end(child)
            if child is exchange:
                return 1


def start_interfaces(
    market: DemoMarket, supervisor: Supervisor, url: str, ports: Ports, args: argparse.Namespace
) -> None:
    """Start dashboard and JupyterLab, and print their addresses and the tokens."""
    if not args.no_dashboard:
        start_dashboard(market, supervisor, url, ports.dashboard, args)
        print_item("dashboard", f"http://localhost:{ports.dashboard}{args.prefix}   (opens in a few seconds)")
    if not args.no_lab:
        access_token = start_lab(market, supervisor, url, ports.lab)
        print_item("JupyterLab", f"http://localhost:{ports.lab}/lab?token={access_token}   (opens in a few seconds)")
    print_line(f"Token of a bidder, for you:\n{market.token('you')}")
    print_line(f"Token of the operator:\n{market.token('operator', admin=True)}\n")


class Ports:
    """Ports of exchange, dashboard and JupyterLab: the given ones, or the next free ones."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.exchange = free_port(args.port)
        self.dashboard = free_port(args.dashboard_port, taken=[self.exchange])
        self.lab = free_port(args.lab_port, taken=[self.exchange, self.dashboard])


def start_exchange(market: DemoMarket, supervisor: Supervisor, port: int, root_path: str) -> ChildProcess:
    """Start ``fts serve`` on the market file."""
    command = [sys.executable, "-m", "fts", "serve", "--host", LOCALHOST, "--port", str(port)]
    if root_path:
        command += ["--root-path", root_path]
    environment = {
        "APP_SECRET": market.secret,
        "APP_DATABASE__DATABASE_PATH": str(market.path),
        "APP_SCHEDULE__EVERY": format_seconds(market.every).replace(" ", ""),
    }
    return supervisor.start("exchange", command, _log(market, "exchange"), _environment(environment))


def start_bots(market: DemoMarket, supervisor: Supervisor, url: str, reports: queue.Queue[Mapping[str, Any]]) -> None:
    """Start the bidders' bots, whose reports are put into `reports`."""
    child = supervisor.start(
        "bots", [sys.executable, "-m", "fts.sim.bot_runner"], _log(market, "bots"), _environment({}), piped=True
    )
    config = {
        "url": url,
        "folder": str(bundled.folder("data")),
        "seed": market.seed,
        "every": market.every.total_seconds(),
        "time_unit": market.units["time_unit"],
        "bots": [
            {
                "name": statement.name,
                "token": market.token(statement.name),
                "positions": statement.positions,
                "since": format_instant(statement.since),
            }
            for statement in market.statements
        ],
    }
    if child.process.stdin is None or child.process.stdout is None:
        raise ConfigurationError("the bots' process has no pipes")
    with contextlib.suppress(BrokenPipeError):  # it ended at once, and is reported as such
        child.process.stdin.write(json.dumps(config) + "\n")
        child.process.stdin.flush()
    threading.Thread(target=_read_reports, args=(child, reports), daemon=True).start()


def start_dashboard(market: DemoMarket, supervisor: Supervisor, url: str, port: int, args: argparse.Namespace) -> None:
    """Start ``fts dashboard`` as the operator."""
    command = [sys.executable, "-m", "fts", "dashboard", "--url", url, "--port", str(port), "--no-browser"]
    if args.prefix:
        command += ["--prefix", args.prefix]
    for origin in args.allow_websocket_origin:
        command += ["--allow-websocket-origin", origin]
    environment = _environment({"FTS_TOKEN": market.token("operator", admin=True)})
    supervisor.start("dashboard", command, _log(market, "dashboard"), environment)


def start_lab(market: DemoMarket, supervisor: Supervisor, url: str, port: int) -> str:
    """Start ``fts lab``, whose notebooks find the exchange in ``FTS_EXCHANGE``; returns the token of its link."""
    access_token = secrets.token_urlsafe(16)
    command = [sys.executable, "-m", "fts", "lab", "--port", str(port), "--no-browser"]
    environment = _environment({"JUPYTER_TOKEN": access_token, "FTS_EXCHANGE": url, "FTS_TOKEN": market.token("you")})
    supervisor.start("JupyterLab", command, _log(market, "lab"), environment)
    return access_token


def wait_until_ready(url: str, exchange: ChildProcess) -> bool:
    """Wait until the exchange responds; returns False if it ended or took too long."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    with Client(url) as client:
        while time.monotonic() < deadline and exchange.process.poll() is None:
            try:
                client.health()
            except RequestFailed:
                time.sleep(POLL_SECONDS)
            else:
                return True
    return False


def follow_batches(market: DemoMarket, url: str, reports: queue.Queue[Mapping[str, Any]]) -> None:
    """Put every batch and its prices into `reports`."""
    with Client(url, market.token("operator", admin=True)) as client:
        for event in client.events():
            batch = client.batch(event["instant"])
            rows = [] if event["status"] == "not solved" else client.batch_prices(event["instant"])
            prices = {row["product"]: row["price"] for row in rows if row["price"] is not None}
            reports.put({"batch": batch, "prices": prices})


def print_end(child: ChildProcess) -> None:
    """Print that a child process has ended, and the end of its log."""
    print_line(f"The {child.name} ended with status {child.process.poll()}; its log is {child.log}:")
    for line in child.log_tail():
        print_line(f"  {line}")


def _read_reports(child: ChildProcess, reports: queue.Queue[Mapping[str, Any]]) -> None:
    if child.process.stdout is not None:
        with contextlib.suppress(ValueError):  # closed while it was read: everything stops
            for line in child.process.stdout:
                reports.put(json.loads(line))


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    # Settings of another exchange are left out.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "API_"))}
    return {**inherited, "PYTHONUNBUFFERED": "1", **variables}


def _log(market: DemoMarket, name: str) -> Path:
    return market.path.with_suffix(f".{name}.log")


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
