"""``fts dashboard``: show a running exchange in the browser."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from fts import bundled


def register(subparsers: Any) -> None:
    """Add the parser of ``fts dashboard``."""
    parser = subparsers.add_parser(
        "dashboard",
        help="show a running exchange in the browser",
        description="Show a running exchange in the browser, on this machine only: prices over delivery time, price "
        "history, and with an operator's token supply and demand of each product. It follows the exchange's batches.",
    )
    parser.add_argument(
        "--exchange",
        "--url",
        default=os.environ.get("FTS_EXCHANGE", "http://127.0.0.1:8080"),
        metavar="URL",
        help="the exchange (default: FTS_EXCHANGE, else http://127.0.0.1:8080)",
    )
    parser.add_argument(
        "--token", metavar="TEXT", help="token of the dashboard (better: FTS_TOKEN); fts token makes one"
    )
    parser.add_argument("--port", type=int, default=5006, help="first port to try (default: 5006)")
    parser.add_argument(
        "--prefix", default="", metavar="PATH", help="path of the pages behind a proxy that does not strip it"
    )
    parser.add_argument(
        "--allow-websocket-origin",
        action="append",
        default=[],
        metavar="HOST",
        help="host[:port] that is accepted beside this machine's own names (* is any); may be repeated",
    )
    parser.add_argument("--no-browser", action="store_true", help="print the link and open no browser")


def run(args: argparse.Namespace) -> int:
    """Replace this process by the server of the dashboards."""
    folder = bundled.folder("apps").parent
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    if args.token is not None:
        environment["FTS_TOKEN"] = args.token
    command = [sys.executable, "-m", "apps", "--exchange", args.exchange, "--port", str(args.port)]
    command += ["--prefix", args.prefix] if args.prefix else []
    for origin in args.allow_websocket_origin:
        command += ["--allow-websocket-origin", origin]
    command += [] if args.no_browser else ["--browser"]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)
