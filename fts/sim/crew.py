"""Several bots in one process: ``python -m fts.sim.crew``.

It reads one line of JSON from standard input, its orders, and works until that input ends or it is told to stop. It
writes one line of JSON for everything that happens: ``{"bot", "adopted"}``, ``{"bot", "instant", "changes"}``,
``{"bot", "trouble"}``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from fts.client import Client
from fts.errors import FtsError, RequestFailed
from fts.models.instant import read_duration, read_instant
from fts.sim.agent import Agent
from fts.sim.bot import Bot
from fts.sim.delivery import Delivery, read_delivery
from fts.sim.zone import read_zone

MONTHS = 1
"""Months of delivery whose bids a bot revises after each batch."""
FRESH = 30
"""Batches after which a bot reads the fills of a month again: its positions move slowly."""
AGAIN = 1.0
"""Seconds to wait before asking an exchange again that did not answer."""

Tell = Callable[[Mapping[str, Any]], None]


class Board:
    """The public prices of the last batch, read once for all bots."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instant: str | None = None
        self._prices: dict[str, float] = {}

    def prices(self, client: Client, instant: str) -> dict[str, float]:
        """Product id -> price in the batch of an instant."""
        with self._lock:
            if instant != self._instant:
                rows = client.batch_prices(instant)
                self._prices = {row["product"]: row["price"] for row in rows if row["price"] is not None}
                self._instant = instant
            return self._prices


def work(orders: Mapping[str, Any], tell: Tell) -> list[threading.Thread]:
    """Start a thread for every bot.

    Parameters
    ----------
    orders : mapping
        ``url`` of the exchange; ``folder`` and ``seed`` of the zone; ``every`` [s] and ``time_unit`` of the
        market; ``bots``: ``{name, token, positions, since}`` each.
    tell : callable
        Gets what happens.
    """
    zone = read_zone(Path(orders["folder"]), orders["seed"])
    agents = {agent.name: agent for agent in zone.agents}
    with Client(orders["url"], orders["bots"][0]["token"]) as client:
        deliveries = [read_delivery(record["id"], record["app_data"], zone.clock) for record in client.iter_products()]
    threads, board = [], Board()
    for turn, bot in enumerate(orders["bots"]):
        order = {**orders, **bot, "turn": turn}
        thread = threading.Thread(target=_live, args=(agents[bot["name"]], order, deliveries, board, tell), daemon=True)
        thread.start()
        threads.append(thread)
    return threads


def _live(agent: Agent, order: Mapping[str, Any], deliveries: list[Delivery], board: Board, tell: Tell) -> None:
    with Client(order["url"], order["token"]) as client:
        time_unit, since = read_duration(order["time_unit"]), read_instant(order["since"])
        bot = Bot(agent, client, deliveries, time_unit, order["positions"], since)
        bot.start_at(order["turn"])
        fresh = FRESH * timedelta(seconds=order["every"])

        def told(trouble: str | None) -> None:
            if trouble is not None:
                tell({"bot": agent.name, "trouble": trouble})

        while True:
            try:
                tell({"bot": agent.name, "adopted": bot.adopt()})
                for event in client.events(on_status=told):
                    if event["status"] != "not solved":
                        instant: datetime = read_instant(event["instant"])
                        prices = board.prices(client, event["instant"])
                        changes = bot.answer(instant, prices, MONTHS, order["every"] / 2, fresh)
                        tell({"bot": agent.name, "instant": event["instant"], "changes": changes})
            except RequestFailed as error:
                tell({"bot": agent.name, "trouble": str(error)})
                time.sleep(AGAIN)


def main(orders: TextIO, reports: TextIO) -> None:
    """Work by the orders on the first line until the input ends."""
    lock = threading.Lock()

    def tell(report: Mapping[str, Any]) -> None:
        with lock:
            print(json.dumps(report), file=reports, flush=True)

    first = orders.readline()
    if first:
        work(json.loads(first), tell)
        orders.read()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        main(sys.stdin, sys.stdout)
    except FtsError as error:
        sys.exit(str(error))
    # Bots in mid-request are cut off: what the exchange acknowledged is stored, nothing else matters.
    os._exit(0)
