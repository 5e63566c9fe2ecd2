"""``fts backup``: copy a market, running or not."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from fts.client.download import download_market
from fts.errors import ConfigurationError, StoreBusy
from fts.server.jwt_application import write_token
from fts.server.settings import read_secret
from fts.store.backup import copy_file

SHORT = timedelta(minutes=5)
"""How long the token that is made for one copy is valid."""


def register(subparsers: Any) -> None:
    """Add the parser of ``fts backup``."""
    parser = subparsers.add_parser(
        "backup",
        help="copy a market, running or not",
        description="Copy a market with its whole history to a new file. A market that runs is named by the URL of "
        "its exchange and goes on meanwhile; that takes an admin's token (FTS_TOKEN), or the exchange's secret "
        "(APP_SECRET). One that does not run is named by its file.",
    )
    parser.add_argument("market", help="URL of a running exchange, or the market's file")
    parser.add_argument("copy", help="where the copy goes; nothing may be there")
    parser.add_argument("--token", metavar="TEXT", help="an admin's token (better: FTS_TOKEN)")


def run(args: argparse.Namespace) -> int:
    """Copy."""
    if args.market.startswith(("http://", "https://")):
        download_market(args.market, _token(args.token), args.copy)
        return 0
    try:
        copy_file(args.market, args.copy)
    except StoreBusy as error:
        raise StoreBusy(
            f"{args.market} is open in a running exchange; name its URL instead: fts backup URL COPY"
        ) from error
    return 0


def _token(said: str | None) -> str:
    token = said or os.environ.get("FTS_TOKEN")
    if token:
        return token
    if not {"APP_SECRET", "API_SECRET"} & set(os.environ):
        raise ConfigurationError("copying a running market takes an admin's token: FTS_TOKEN=$(fts token --admin)")
    now = datetime.now(UTC)
    return write_token(read_secret(None, os.environ), uuid4(), admin=True, issued=now, expires=now + SHORT)
