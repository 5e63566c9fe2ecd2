"""Group commit of requests: commands that arrive during a commit are stored together by the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from fts.exchange.market import Market
from fts.ports.store import Transaction


class WriteBatcher:
    """Runs commands, and returns the result of each once it is on disk.

    Belongs to one event loop, which it never blocks.

    Parameters
    ----------
    market : Market
    pool : Executor
        Threads that use the market.
    """

    def __init__(self, market: Market, pool: Executor) -> None:
        self._market, self._pool = market, pool
        self._pending: list[tuple[Callable[[Transaction], Any], asyncio.Future[Any]]] = []
        self._commit_task: asyncio.Task[None] | None = None

    @property
    def n_pending(self) -> int:
        """Number of commands that wait for the next commit."""
        return len(self._pending)

    async def submit(self, command: Callable[[Transaction], Any]) -> Any:
        """Run a command and return its result; raises the error of the command."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._pending.append((command, done))
        if self._commit_task is None:
            self._commit_task = loop.create_task(self._commit())
        return await done

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            batch, self._pending = self._pending, []
            commands = [command for command, _ in batch]
            try:
                results = await loop.run_in_executor(self._pool, self._market.bids.commit_together, commands)
            except Exception as error:
                results = [error] * len(batch)
            for (_, done), result in zip(batch, results, strict=True):
                # If the request was cancelled meanwhile, its change is stored all the same.
                if done.cancelled():
                    continue
                if isinstance(result, Exception):
                    done.set_exception(result)
                else:
                    done.set_result(result)
        self._commit_task = None
