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

TOKEN_LIFETIME = timedelta(minutes=5)
"""Validity of the token that is made for one copy."""


def register(subparsers: Any) -> None:
    """Add the parser of ``fts backup``."""
    parser = subparsers.add_parser(
        "backup",
        help="copy a market, running or not",
        description="Copy a market with its whole history to a new file. For a running market, give the URL of "
        "its exchange, which continues meanwhile; this needs an admin's token (FTS_TOKEN), or the exchange's secret "
        "(APP_SECRET). For a market that does not run, give its file.",
    )
    parser.add_argument("market", help="URL of a running exchange, or the market's file")
    parser.add_argument("copy", help="file of the copy; it must not exist")
    parser.add_argument("--token", metavar="TEXT", help="an admin's token (better: FTS_TOKEN)")


def run(args: argparse.Namespace) -> int:
    """Copy the market."""
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


def _token(option: str | None) -> str:
    token = option or os.environ.get("FTS_TOKEN")
    if token:
        return token
    if not {"APP_SECRET", "API_SECRET"} & set(os.environ):
        raise ConfigurationError("a copy of a running market needs an admin's token: FTS_TOKEN=$(fts token --admin)")
    now = datetime.now(UTC)
    return write_token(read_secret(None, os.environ), uuid4(), admin=True, issued=now, expires=now + TOKEN_LIFETIME)
