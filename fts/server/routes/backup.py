"""Route that sends a copy of the running market."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

from starlette.responses import Response

from fts.server import authorization
from fts.server.context import RequestContext
from fts.server.errors import RetryLater
from fts.server.responses import FileStream, StreamReply
from fts.server.route import Route

_copy_lock = threading.Lock()


def _copy(context: RequestContext) -> Response:
    # A copy takes as much space on disk as the market, so only one is made at a time.
    if not _copy_lock.acquire(blocking=False):
        raise RetryLater("another copy is being made; send the request again when it is done", 60)
    try:
        # No part of a request becomes part of a path.
        folder = tempfile.mkdtemp(prefix=".fts-backup-", dir=context.market.maintenance.folder)
        try:
            path = Path(folder, "market.duckdb")
            context.market.backup(path)
            # The file is removed while it is open, so that no copy stays behind if this process ends.
            return FileStream(path.open("rb"), context.app.limits.seconds)
        finally:
            shutil.rmtree(folder)
    finally:
        _copy_lock.release()


def _authorize_whole_market(context: RequestContext) -> None:
    """Require both operator permissions, because the copy has all bids and their history."""
    authorization.manage_products(context)
    authorization.run_batch(context)


ROUTES = (
    Route(
        "GET",
        "/backup",
        "Copy the market",
        StreamReply(
            {"type": "string", "format": "binary"},
            "a market file with everything up to now; for a token that manages products and runs batches",
            media_type="application/octet-stream",
        ),
        _copy,
        authorize=_authorize_whole_market,
        no_timeout=True,
    ),
)
