"""``fts demo``: a living market in one command."""

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
from fts.cli.children import LOCALHOST, Child, Children, free_port
from fts.cli.private import keep_private
from fts.cli.sample import OpenMarket, open_market
from fts.cli.screen import Screen
from fts.cli.terminal import progress, say, seconds, state
from fts.client import Client
from fts.errors import ConfigurationError, InvalidInstant, RequestFailed
from fts.models.instant import read_duration, write_instant

PATIENCE = 60.0
"""Seconds an exchange may take to answer for the first time."""
HEAD_START = 20.0
"""Seconds that the exchange has the machine to itself, at most: the first prices come before anything else."""
GLANCE = 0.2
"""Seconds between two looks at the children."""


def register(subparsers: Any) -> None:
    """Add the parser of ``fts demo``."""
    parser = subparsers.add_parser(
        "demo",
        help="a living market: exchange, simulated bidders, dashboard and JupyterLab",
        description="A forward market of one zone with a dozen simulated bidders: starts an exchange, the bidders' "
        "bots, the dashboard and JupyterLab on this machine, and stops them together on Ctrl-C. Started again on "
        "the same file it goes on where it stopped.",
    )
    parser.add_argument(
        "--database",
        type=Path,
        metavar="FILE",
        default=Path("fts-demo/market.duckdb"),
        help="market file, made when it is not there; secret and logs are kept beside it (default: %(default)s)",
    )
    parser.add_argument("--every", default="10s", metavar="TIME", help="time between batches (default: %(default)s)")
    parser.add_argument(
        "--months", type=int, default=12, metavar="N", help="months of delivery that trade, 1 to 36 (default: 12)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the bidders' news (default: 1)")
    parser.add_argument("--no-lab", action="store_true", help="start no JupyterLab")
    parser.add_argument("--no-dashboard", action="store_true", help="start no dashboard")
    ports = parser.add_argument_group("where it listens; a port that is taken gives way to the next free one")
    ports.add_argument("--port", type=int, default=8080, metavar="N", help="exchange (default: %(default)s)")
    ports.add_argument("--dashboard-port", type=int, default=5006, metavar="N", help="dashboard (default: %(default)s)")
    ports.add_argument("--lab-port", type=int, default=8888, metavar="N", help="JupyterLab (default: %(default)s)")
    proxy = parser.add_argument_group("behind a proxy")
    proxy.add_argument("--root-path", default="", metavar="PATH", help="path of the exchange, which the proxy strips")
    proxy.add_argument("--prefix", default="", metavar="PATH", help="path of the dashboard, which the proxy keeps")
    proxy.add_argument(
        "--allow-websocket-origin",
        action="append",
        default=[],
        metavar="HOST",
        help="host[:port] under which the dashboard answers too",
    )


def run(args: argparse.Namespace) -> int:
    """Run the market until Ctrl-C."""
    keep_private()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # Everything is on this machine: a proxy for the internet is not asked for it.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"localhost,{LOCALHOST},{os.environ.get('NO_PROXY', '')}"
    try:
        every = read_duration(args.every)
    except InvalidInstant as error:
        raise ConfigurationError(f"--every {args.every}: {error}") from error
    if not 1 <= args.months <= 36:
        raise ConfigurationError(f"--months {args.months}: between 1 and 36 months trade")
    try:
        market = open_market(args.database, every, args.months, args.seed)
        with Children() as children:
            try:
                return live(market, children, args)
            finally:
                say("\nStopping …")
    except KeyboardInterrupt:
        say(f"Stopped. The market is kept in {args.database}; start again to go on with it.")
        return 0


def live(market: OpenMarket, children: Children, args: argparse.Namespace) -> int:
    """Serve a market, let the bots bid, show the batches; returns when the exchange ends.

    Parameters
    ----------
    market : OpenMarket
    children : Children
        Starts the processes.
    args : argparse.Namespace
        Ports and paths.
    """
    ports = Ports(args)
    url = f"http://localhost:{ports.exchange}"
    exchange = start_exchange(market, children, ports.exchange, args.root_path)
    if not answers(url, exchange):
        if exchange.process.poll() is None:
            say(f"The exchange did not answer within {PATIENCE:g} s; its log is {exchange.log}.")
        else:
            report(exchange)
        return 1
    state("exchange", f"{url}   (API explorer: {url}/docs)")
    news: queue.Queue[Mapping[str, Any]] = queue.Queue()
    threading.Thread(target=follow, args=(market, url, news), daemon=True).start()
    start_bots(market, children, url, news)
    state("bots", f"{len(market.statements)} bidders over REST, each with a token of its own\n")
    progress(f"the first batch is at the next full {seconds(market.every)} …")
    screen = Screen(market)
    first, alone = True, time.monotonic() + HEAD_START
    while True:
        with contextlib.suppress(queue.Empty):
            screen.show(news.get(timeout=GLANCE))
        if first and (screen.prices or time.monotonic() > alone):
            first = False
            start_seen(market, children, url, ports, args)
            screen.head()
        for child in children.ended():
            report(child)
            if child is exchange:
                return 1


def start_seen(market: OpenMarket, children: Children, url: str, ports: Ports, args: argparse.Namespace) -> None:
    """Start what shows the market, and say where everything is and who may enter."""
    if not args.no_dashboard:
        start_dashboard(market, children, url, ports.dashboard, args)
        state("dashboard", f"http://localhost:{ports.dashboard}{args.prefix}   (opens in a few seconds)")
    if not args.no_lab:
        key = start_lab(market, children, url, ports.lab)
        state("JupyterLab", f"http://localhost:{ports.lab}/lab?token={key}   (opens in a few seconds)")
    say(f"Token of a bidder, for you:\n{market.token('you')}")
    say(f"Token of the operator:\n{market.token('operator', admin=True)}\n")


class Ports:
    """Where the parts listen: the ports asked for, or the next free ones."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.exchange = free_port(args.port)
        self.dashboard = free_port(args.dashboard_port, taken=[self.exchange])
        self.lab = free_port(args.lab_port, taken=[self.exchange, self.dashboard])


def start_exchange(market: OpenMarket, children: Children, port: int, root_path: str) -> Child:
    """Start ``fts serve`` on the market file."""
    command = [sys.executable, "-m", "fts", "serve", "--host", LOCALHOST, "--port", str(port)]
    if root_path:
        command += ["--root-path", root_path]
    environment = {
        "APP_SECRET": market.secret,
        "APP_DATABASE__DATABASE_PATH": str(market.path),
        "APP_SCHEDULE__EVERY": seconds(market.every).replace(" ", ""),
    }
    return children.start("exchange", command, _log(market, "exchange"), _environment(environment))


def start_bots(market: OpenMarket, children: Children, url: str, news: queue.Queue[Mapping[str, Any]]) -> None:
    """Start the bidders' bots; what they report goes to `news`."""
    child = children.start(
        "bots", [sys.executable, "-m", "fts.sim.bot_runner"], _log(market, "bots"), _environment({}), piped=True
    )
    orders = {
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
                "since": write_instant(statement.since),
            }
            for statement in market.statements
        ],
    }
    if child.process.stdin is None or child.process.stdout is None:
        raise ConfigurationError("the bots' process has no pipes")
    with contextlib.suppress(BrokenPipeError):  # it ended at once, and is reported as such
        child.process.stdin.write(json.dumps(orders) + "\n")
        child.process.stdin.flush()
    threading.Thread(target=_listen, args=(child, news), daemon=True).start()


def start_dashboard(market: OpenMarket, children: Children, url: str, port: int, args: argparse.Namespace) -> None:
    """Start ``fts dashboard`` as the operator."""
    command = [sys.executable, "-m", "fts", "dashboard", "--url", url, "--port", str(port), "--no-browser"]
    if args.prefix:
        command += ["--prefix", args.prefix]
    for origin in args.allow_websocket_origin:
        command += ["--allow-websocket-origin", origin]
    environment = _environment({"FTS_TOKEN": market.token("operator", admin=True)})
    children.start("dashboard", command, _log(market, "dashboard"), environment)


def start_lab(market: OpenMarket, children: Children, url: str, port: int) -> str:
    """Start ``fts lab``, whose notebooks find the exchange in ``FTS_EXCHANGE``; returns the token of its link."""
    key = secrets.token_urlsafe(16)
    command = [sys.executable, "-m", "fts", "lab", "--port", str(port), "--no-browser"]
    environment = _environment({"JUPYTER_TOKEN": key, "FTS_EXCHANGE": url, "FTS_TOKEN": market.token("you")})
    children.start("JupyterLab", command, _log(market, "lab"), environment)
    return key


def answers(url: str, exchange: Child) -> bool:
    """Wait until the exchange answers; false where it ended, or took too long."""
    deadline = time.monotonic() + PATIENCE
    with Client(url) as client:
        while time.monotonic() < deadline and exchange.process.poll() is None:
            try:
                client.health()
            except RequestFailed:
                time.sleep(GLANCE)
            else:
                return True
    return False


def follow(market: OpenMarket, url: str, news: queue.Queue[Mapping[str, Any]]) -> None:
    """Put every batch and its prices into `news`, as the exchange announces them."""
    with Client(url, market.token("operator", admin=True)) as client:
        for event in client.events():
            batch = client.batch(event["instant"])
            rows = [] if event["status"] == "not solved" else client.batch_prices(event["instant"])
            prices = {row["product"]: row["price"] for row in rows if row["price"] is not None}
            news.put({"batch": batch, "prices": prices})


def report(child: Child) -> None:
    """Say that a child has ended, and its last words."""
    say(f"The {child.name} ended with status {child.process.poll()}; its log is {child.log}:")
    for line in child.last_words():
        say(f"  {line}")


def _listen(child: Child, news: queue.Queue[Mapping[str, Any]]) -> None:
    if child.process.stdout is not None:
        with contextlib.suppress(ValueError):  # closed while it was read: everything stops
            for line in child.process.stdout:
                news.put(json.loads(line))


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    # Settings meant for another exchange stay outside.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "API_"))}
    return {**kept, "PYTHONUNBUFFERED": "1", **own}


def _log(market: OpenMarket, name: str) -> Path:
    return market.path.with_suffix(f".{name}.log")


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
