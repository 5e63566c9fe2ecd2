"""``fts token``: make access tokens for an exchange."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from fts.server.jwt_application import write_token
from fts.server.settings import read_secret


def register(subparsers: Any) -> None:
    """Add the parser of ``fts token``."""
    parser = subparsers.add_parser(
        "token",
        help="make access tokens for an exchange",
        description="Print tokens that an exchange with the same secret accepts, each of a new bidder.",
    )
    parser.add_argument("--secret", metavar="TEXT", help="the exchange's secret (better: APP_SECRET)")
    parser.add_argument("--admin", action="store_true", help="may also manage products and run batches")
    parser.add_argument("--days", type=_days, default=30.0, metavar="N", help="validity in days (default: 30)")
    parser.add_argument("--count", type=_count, default=1, metavar="N", help="number of tokens (default: 1)")
    parser.add_argument("--bidder", type=UUID, metavar="UUID", help="id of the bidder (default: a new one)")
    parser.add_argument("--csv", action="store_true", help="print bidder and token as CSV")


def run(args: argparse.Namespace) -> int:
    """Print tokens, one per line."""
    secret = read_secret(args.secret, os.environ)
    issued = datetime.now(UTC)
    expires = issued + timedelta(days=args.days)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    if args.csv:
        rows.writerow(["bidder", "token"])
    for _ in range(args.count):
        bidder = args.bidder or uuid4()
        token = write_token(secret, bidder, admin=args.admin, issued=issued, expires=expires)
        rows.writerow([bidder, token] if args.csv else [token])
    return 0


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days <= 36525:
        raise ValueError
    return days


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count
