"""Runner of several bots in one process: ``python -m fts.sim.bot_runner``.

It reads its configuration, one line of JSON, from standard input, and runs until that input ends or a signal stops it.
It writes one line of JSON per event: ``{"bot", "adopted"}``, ``{"bot", "instant", "changes"}``, ``{"bot", "trouble"}``.
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
from fts.models.timestamps import parse_duration, parse_instant
from fts.sim.agent import Agent
from fts.sim.bot import Bot
from fts.sim.typical_hours import TypicalHour, read_typical_hour
from fts.sim.zone import read_zone

MONTHS_PER_BATCH = 1
"""Number of months of delivery whose bids a bot revises after each batch."""
FILL_CACHE_BATCHES = 30
"""Number of batches after which a bot reads the fills of a month again; its positions change slowly."""
RETRY_SECONDS = 1.0
"""Pause before a request to an exchange that did not respond is sent again [s]."""

Report = Callable[[Mapping[str, Any]], None]


class PriceCache:
    """Cache of the prices of the last batch, which are read once for all bots."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instant: str | None = None
        self._prices: dict[str, float] = {}

    def prices(self, client: Client, instant: str) -> dict[str, float]:
        """Return the prices of the batch at an instant, by product id [EUR/MWh]."""
        with self._lock:
            if instant != self._instant:
                rows = client.batch_prices(instant)
                self._prices = {row["product"]: row["price"] for row in rows if row["price"] is not None}
                self._instant = instant
            return self._prices


def run_bots(config: Mapping[str, Any], report: Report) -> list[threading.Thread]:
    """Start a thread for every bot.

    Parameters
    ----------
    config : mapping
        ``url`` of the exchange; ``folder`` and ``seed`` of the zone; ``every`` [s] and ``time_unit`` of the
        market; ``bots``, a list of ``{name, token, positions, since}``.
    report : callable
        Called with each event.
    """
    zone = read_zone(Path(config["folder"]), config["seed"])
    agents = {agent.name: agent for agent in zone.agents}
    with Client(config["url"], config["bots"][0]["token"]) as client:
        deliveries = [
            read_typical_hour(record["id"], record["app_data"], zone.clock) for record in client.iter_products()
        ]
    threads, price_cache = [], PriceCache()
    for turn, bot in enumerate(config["bots"]):
        bot_config = {**config, **bot, "turn": turn}
        thread = threading.Thread(
            target=_run_bot, args=(agents[bot["name"]], bot_config, deliveries, price_cache, report), daemon=True
        )
        thread.start()
        threads.append(thread)
    return threads


def _run_bot(
    agent: Agent, bot_config: Mapping[str, Any], deliveries: list[TypicalHour], price_cache: PriceCache, report: Report
) -> None:
    with Client(bot_config["url"], bot_config["token"]) as client:
        time_unit, since = parse_duration(bot_config["time_unit"]), parse_instant(bot_config["since"])
        bot = Bot(agent, client, deliveries, time_unit, bot_config["positions"], since)
        bot.set_first_month(bot_config["turn"])
        max_age = FILL_CACHE_BATCHES * timedelta(seconds=bot_config["every"])

        def report_status(trouble: str | None) -> None:
            if trouble is not None:
                report({"bot": agent.name, "trouble": trouble})

        while True:
            try:
                report({"bot": agent.name, "adopted": bot.load_bids()})
                for event in client.events(on_status=report_status):
                    if event["status"] != "not solved":
                        instant: datetime = parse_instant(event["instant"])
                        prices = price_cache.prices(client, event["instant"])
                        changes = bot.respond(instant, prices, MONTHS_PER_BATCH, bot_config["every"] / 2, max_age)
                        report({"bot": agent.name, "instant": event["instant"], "changes": changes})
            except RequestFailed as error:
                report({"bot": agent.name, "trouble": str(error)})
                time.sleep(RETRY_SECONDS)


def main(lines: TextIO, reports: TextIO) -> None:
    """Run the bots of the configuration on the first line until the input ends."""
    lock = threading.Lock()

    def report(event: Mapping[str, Any]) -> None:
        with lock:
            print(json.dumps(event), file=reports, flush=True)

    first = lines.readline()
    if first:
        run_bots(json.loads(first), report)
        lines.read()


def run_process() -> None:
    """Run the bots of standard input, and end the process."""
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        main(sys.stdin, sys.stdout)
    except FtsError as error:
        sys.exit(str(error))
    # Running requests are aborted; the exchange has stored all changes that it acknowledged.
    os._exit(0)


if __name__ == "__main__":
    run_process()
