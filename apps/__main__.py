"""Command ``python -m apps``, which `fts dashboard` runs: serve the dashboards."""

from __future__ import annotations

import argparse
import os
import sys

from fts import _optional
from fts.errors import FtsError

try:
    with _optional.explained("cli.dashboard"):
        from apps.market_view import MarketFollower
        from apps.server import serve
        from fts.client import Client
except FtsError as missing:
    sys.exit(f"fts: {missing}")


def main() -> int:
    """Follow one exchange and serve its dashboard until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m apps")
    parser.add_argument("--exchange", default=os.environ.get("FTS_EXCHANGE", "http://127.0.0.1:8080"))
    parser.add_argument("--port", type=int, default=5006)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--allow-websocket-origin", action="append", default=[])
    parser.add_argument("--browser", action="store_true")
    args = parser.parse_args()
    # The token is in the environment, because other users can read the arguments of a process.
    with Client(args.exchange, os.environ.get("FTS_TOKEN") or None, timeout=10.0) as client:
        follower = MarketFollower(client)
        follower.start()
        try:
            serve(follower, args.port, args.prefix, args.allow_websocket_origin, browser=args.browser)
        finally:
            follower.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FtsError as error:
        sys.exit(f"fts: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit(130)
