"""A copy of the running market, as the reply to a request."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fts.server import permission
from fts.server.refusal import ComeBack
from fts.server.reply import StreamReply
from fts.server.route import Call, Route

CHUNK = 1 << 20
"""How much of the copy is sent at once [bytes]."""
log = logging.getLogger(__name__)
_one = threading.Lock()


def _copy(call: Call) -> Response:
    # A copy takes as much of the disk as the market; many at once would fill it.
    if not _one.acquire(blocking=False):
        raise ComeBack("a copy is being made already; ask again when it is done", 60)
    try:
        # Nothing that a request says becomes part of a path.
        folder = tempfile.mkdtemp(prefix=".fts-backup-", dir=call.market.folder)
        try:
            path = Path(folder, "market.duckdb")
            call.market.backup(path)
            # An open file needs no name; so nothing is left behind, whatever happens to this process.
            return FileStream(path.open("rb"), call.desk.limits.seconds)
        finally:
            shutil.rmtree(folder)
    finally:
        _one.release()


class FileStream(Response):
    """A reply with what is in an open file, which is closed at the end.

    Parameters
    ----------
    file : binary file
    seconds : float
        How long the reader may take for each part [s]; it is dropped then.
    """

    media_type = "application/octet-stream"

    def __init__(self, file: Any, seconds: float) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        self._file, self._seconds = file, seconds
        self.headers["content-length"] = str(os.fstat(file.fileno()).st_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it part by part."""
        with self._file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while part := await run_sync(self._file.read, CHUNK):
                try:
                    async with asyncio.timeout(self._seconds):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                except TimeoutError:
                    log.warning("who asked for a copy of the market did not read it and was dropped")
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _whole_market(call: Call) -> None:
    """The copy has every bid of every bidder, and all that was ever done."""
    permission.manage_products(call)
    permission.run_batch(call)


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
        allows=_whole_market,
        patient=True,
    ),
)
