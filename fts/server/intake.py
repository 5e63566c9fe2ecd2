"""Changes on their way into the market: those that arrive while others are stored are stored together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from fts.exchange.market import Market
from fts.ports.store import Transaction


class Intake:
    """Makes changes, and tells of each once it is on disk.

    Belongs to one event loop, which it never keeps waiting.

    Parameters
    ----------
    market : Market
    pool : Executor
        Where the market is used.
    """

    def __init__(self, market: Market, pool: Executor) -> None:
        self._market, self._pool = market, pool
        self._waiting: list[tuple[Callable[[Transaction], Any], asyncio.Future[Any]]] = []
        self._storing: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many changes wait to be stored."""
        return len(self._waiting)

    async def make(self, change: Callable[[Transaction], Any]) -> Any:
        """What a change gave; raises what it raised."""
        loop = asyncio.get_running_loop()
        made: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((change, made))
        if self._storing is None:
            self._storing = loop.create_task(self._store())
        return await made

    async def _store(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                results = await loop.run_in_executor(self._pool, self._market.make, [change for change, _ in waiting])
            except Exception as error:
                results = [error] * len(waiting)
            for (_, made), result in zip(waiting, results, strict=True):
                # Whoever asked may be gone; the change is made all the same.
                if made.cancelled():
                    continue
                if isinstance(result, Exception):
                    made.set_exception(result)
                else:
                    made.set_result(result)
        self._storing = None
