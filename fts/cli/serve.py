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
from pathlib import Path
from typing import Any

from fts.cli.private import keep_private
from fts.errors import ConfigurationError
from fts.models.auction import Auction
from fts.models.curve import Constant
from fts.models.instant import write_instant
from fts.models.portfolio import Portfolio
from fts.models.records import BatchRecord
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
        description="Run an exchange over HTTP, on this machine only unless --host says otherwise. What is said here "
        "beats the environment (APP_SERVER__PAGE_LIMIT, APP_DATABASE__DATABASE_PATH, APP_SCHEDULE__EVERY, …), which "
        "beats the file. SIGTERM or Ctrl-C: what was accepted is finished first.",
    )
    parser.add_argument("--config", metavar="FILE", help="settings as TOML (default: what APP_CONFIG names)")
    parser.add_argument("--secret", metavar="TEXT", help="signs tokens, 32 bytes or more (better: APP_SECRET)")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port, 0 for any free one (default: 8080)")
    parser.add_argument("--database", metavar="FILE", help="the market's file (default: memory, forgotten at the end)")
    parser.add_argument("--every", metavar="TIME", help="run a batch every 10s, 5m, 1h, … (default: only when asked)")
    parser.add_argument("--from", dest="start", metavar="INSTANT", help="an instant of that grid (default: 1970-01-01)")
    parser.add_argument("--auto-solve", action="store_true", default=None, help="run a batch after every change")
    parser.add_argument("--log", choices=("text", "json"), help="json: a line for every request (default: text)")
    parser.add_argument("--solver", metavar="NAME", help="engine that clears (default: native)")
    parser.add_argument("--root-path", default="", metavar="PATH", help="path under which a proxy serves this")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    said = {
        ("database", "database_path"): args.database,
        ("schedule", "every"): args.every,
        ("schedule", "from"): args.start,
        ("server", "auto_solve"): args.auto_solve,
        ("server", "log"): args.log,
    }
    keep_private()
    settings = read_settings(args.config, os.environ, said)
    # Tokens that a public key checks are made elsewhere; this exchange then has no secret to keep.
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
    """Serve on a socket until a signal says to stop.

    Parameters
    ----------
    settings : Settings
    secret : str or None
        Signs HS256 tokens.
    listener : socket
    solver : str, optional
        One that cannot be used is refused at once, not batch by batch.
    root_path : str
        Where a proxy serves it.

    Raises
    ------
    ConfigurationError, MissingLibrary, MissingLicence, StoreError
        The exchange cannot be run so.
    """
    application = JwtApplication(
        secret,
        algorithm=settings.algorithm,
        public_key=settings.public_key,
        audience=settings.audience,
        issuer=settings.issuer,
    )
    if solver is None:
        threading.Thread(target=warm, name="fts-solver").start()
    else:
        warm(solver)
    app = create_app(
        _store(settings),
        application,
        solver=solver,
        page_limit=settings.page_limit,
        auto_solve=settings.auto_solve,
        time_unit=settings.time_unit,
        quantity_unit=settings.quantity_unit,
        money_unit=settings.money_unit,
        schedule=settings.schedule,
        limits=settings.limits,
        origins=settings.origins,
    )
    write_logs(settings.log)
    app.state.market.subscribe(tell)
    server = ExchangeServer(
        app, app.state.broadcaster, root_path=root_path, ready=lambda: greet(settings, url_of(listener))
    )
    # The server repeats the signal once it has stopped; by then there is nothing left to end.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    with _what_stays_spared():
        server.run(sockets=[listener])
    if not server.started:
        raise ConfigurationError("the exchange did not start; its log says why")


def warm(solver: str | None = None) -> None:
    """Clear two bids, so that the first batch need not wait until the solver's libraries are loaded.

    Parameters
    ----------
    solver : str, optional
        That of the market.

    Raises
    ------
    ConfigurationError, MissingLibrary, MissingLicence
        It cannot be used.
    """
    demands = {"load": [(0, 60), (100, 20)], "wind": Constant(5, min_rate=-80, max_rate=0)}
    Auction(demands, {name: Portfolio(name, "noon") for name in demands}).solve(solver=solver)


@contextmanager
def _what_stays_spared() -> Iterator[None]:
    """Look for garbage less often than a script does: bids stay, and there are many to go through."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        # Libraries count what is left at the end, and complain.
        gc.set_threshold(*usual)
        gc.unfreeze()


def write_logs(form: str) -> None:
    """From now on, say things on standard error: warnings, or all that is done as lines of JSON.

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


def greet(settings: Settings, url: str) -> None:
    """Say where things are."""
    when = "when asked" if settings.schedule is None else f"every {settings.schedule.to_json()['every']}"
    say(f"exchange  {url}")
    say(f"explorer  {url}/docs")
    say(f"market    {settings.database}, a batch {when}")


def tell(record: BatchRecord) -> None:
    """Say in one line what became of a batch."""
    told = f"{record.products} prices" if record.cleared else " ".join(str(record.reason).split())
    say(f"batch     {write_instant(record.instant)}  {record.status}  {told}  {record.seconds:.2f} s")


def say(line: str) -> None:
    """Tell whoever watches; standard output is for what a command gives."""
    if log.isEnabledFor(logging.INFO):
        log.info(" ".join(line.split()))
    else:
        print(line, file=sys.stderr, flush=True)


def _store(settings: Settings) -> DuckStore:
    database = settings.database
    if database != ":memory:" and not settings.create_if_missing and not Path(database).exists():
        raise ConfigurationError(
            f"the market file {database} is not there; name another, or set create_if_missing = true"
        )
    return DuckStore(database)
