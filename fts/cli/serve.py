"""``fts serve``: run an exchange over HTTP."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fts.cli.console import keep_private
from fts.errors import ConfigurationError
from fts.models.auction import Auction
from fts.models.curve import Constant
from fts.models.portfolio import Portfolio
from fts.models.records import BatchRecord
from fts.models.timestamps import format_instant
from fts.server.app import create_app
from fts.server.jwt_application import JwtApplication
from fts.server.request_log import LOGGER, JsonLines
from fts.server.settings import Settings, read_secret, read_settings
from fts.server.uvicorn_server import ExchangeServer, open_socket, url_of
from fts.store import DuckStore

log = logging.getLogger(__name__)


def register(subparsers: Any) -> None:
    """Add the parser of ``fts serve``."""
    parser = subparsers.add_parser(
        "serve",
        help="run an exchange over HTTP",
        description="Run an exchange over HTTP, on this machine only unless --host is given. An option has precedence "
        "over the environment (APP_SERVER__PAGE_LIMIT, APP_DATABASE__DATABASE_PATH, APP_SCHEDULE__EVERY, …), which has "
        "precedence over the file. On SIGTERM or Ctrl-C, accepted requests are finished first.",
    )
    parser.add_argument("--config", metavar="FILE", help="settings as TOML (default: the file that APP_CONFIG names)")
    parser.add_argument("--secret", metavar="TEXT", help="signs tokens, 32 bytes or more (better: APP_SECRET)")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port, 0 for any free port (default: 8080)")
    parser.add_argument("--database", metavar="FILE", help="the market's file (default: memory, lost at the end)")
    parser.add_argument("--every", metavar="TIME", help="run a batch every 10s, 5m, 1h, … (default: on request only)")
    parser.add_argument("--from", dest="start", metavar="INSTANT", help="an instant of that grid (default: 1970-01-01)")
    parser.add_argument("--auto-solve", action="store_true", default=None, help="run a batch after every change")
    parser.add_argument("--log", choices=("text", "json"), help="json: one line per request (default: text)")
    parser.add_argument("--solver", metavar="NAME", help="engine that clears (default: native)")
    parser.add_argument("--root-path", default="", metavar="PATH", help="path under which a proxy serves this")


def run(args: argparse.Namespace) -> int:
    """Run the server until a signal stops it."""
    command_line = {
        ("database", "database_path"): args.database,
        ("schedule", "every"): args.every,
        ("schedule", "from"): args.start,
        ("server", "auto_solve"): args.auto_solve,
        ("server", "log"): args.log,
    }
    keep_private()
    settings = read_settings(args.config, os.environ, command_line)
    # If a public key verifies the tokens, another service makes them, and this exchange has no secret.
    secret = read_secret(args.secret, os.environ) if settings.algorithm == "HS256" else None
    host = args.host or settings.host
    listener = open_socket(host, settings.port if args.port is None else args.port)
    try:
        serve(settings, secret, listener, solver=args.solver, root_path=args.root_path)
    finally:
        listener.close()
    return 0


def serve(
    settings: Settings, secret: str | None, listener: Any, *, solver: str | None = None, root_path: str = ""
) -> None:
    """Serve on a socket until a signal stops the server.

    Parameters
    ----------
    settings : Settings
    secret : str or None
        Secret that signs HS256 tokens.
    listener : socket
    solver : str, optional
        Engine; if it cannot be used, the error is raised at the start.
    root_path : str
        Prefix that a proxy strips from the path.

    Raises
    ------
    ConfigurationError, MissingLibrary, MissingLicence, StoreError
        The exchange cannot start with these settings.
    """
    application = JwtApplication(
        secret,
        algorithm=settings.algorithm,
        public_key=settings.public_key,
        audience=settings.audience,
        issuer=settings.issuer,
    )
    if solver is None:
        threading.Thread(target=warm_up, name="fts-solver").start()
    else:
        warm_up(solver)
    app = create_app(
        _store(settings),
        application,
        options=replace(settings.market, solver=solver),
        limits=settings.limits,
        origins=settings.origins,
    )
    configure_logging(settings.log)
    app.state.market.subscribe(print_batch)
    server = ExchangeServer(
        app, app.state.broadcaster, root_path=root_path, ready=lambda: print_addresses(settings, url_of(listener))
    )
    # The server sends the signal again once it has stopped; by then there is nothing left to stop.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    with _gc_tuned_for_server():
        server.run(sockets=[listener])
    if not server.started:
        raise ConfigurationError("the exchange did not start; its log says why")


def warm_up(solver: str | None = None) -> None:
    """Solve an auction of two bids, so that the solver's libraries are loaded before the first batch.

    Parameters
    ----------
    solver : str, optional
        Engine of the market.

    Raises
    ------
    ConfigurationError, MissingLibrary, MissingLicence
        The engine cannot be used.
    """
    demands = {"load": [(0, 60), (100, 20)], "wind": Constant(5, min_rate=-80, max_rate=0)}
    Auction(demands, {name: Portfolio(name, "noon") for name in demands}).solve(solver=solver)


@contextmanager
def _gc_tuned_for_server() -> Iterator[None]:
    """Collect garbage less often, because the many bids in memory would be searched each time."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        # Some libraries check for leaked objects at the end.
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def configure_logging(form: str) -> None:
    """Log to standard error: warnings as text, or all messages as lines of JSON.

    Parameters
    ----------
    form : {"text", "json"}
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    if form == "json":
        for name in (LOGGER, __name__):
            logging.getLogger(name).setLevel(logging.INFO)


def print_addresses(settings: Settings, url: str) -> None:
    """Print the addresses of the exchange and its file."""
    schedule = settings.market.schedule
    when = "on request" if schedule is None else f"every {schedule.to_json()['every']}"
    print_status(f"exchange  {url}")
    print_status(f"explorer  {url}/docs")
    print_status(f"market    {settings.database}, a batch {when}")


def print_batch(record: BatchRecord) -> None:
    """Print the result of a batch in one line."""
    result = f"{record.products} prices" if record.cleared else " ".join(str(record.reason).split())
    print_status(f"batch     {format_instant(record.instant)}  {record.status}  {result}  {record.seconds:.2f} s")


def print_status(line: str) -> None:
    """Print or log a status line on standard error; standard output is for results."""
    if log.isEnabledFor(logging.INFO):
        log.info(" ".join(line.split()))
    else:
        print(line, file=sys.stderr, flush=True)


def _store(settings: Settings) -> DuckStore:
    database = settings.database
    if database != ":memory:" and not settings.create_if_missing and not Path(database).exists():
        raise ConfigurationError(
            f"the market file {database} does not exist; name another, or set create_if_missing = true"
        )
    return DuckStore(database)
