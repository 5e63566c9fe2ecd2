"""What an exchange looks like now, kept up to date by its events."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from apps.product import product_frame
from fts.client import Client
from fts.errors import FtsError, InvalidOutcome, RequestFailed
from fts.models.auction import Auction
from fts.models.outcome import Outcome
from fts.models.records import Units

log = logging.getLogger(__name__)

REFUSED = (400, 401, 403)
"""Answers to a token that is missing, bad or may not see the market."""
RETRY = 1.0
"""Pause before an exchange that was never there is asked again [s]."""


@dataclass(frozen=True)
class Seen:
    """An exchange at one moment.

    Attributes
    ----------
    units : Units
    products : table of kind, from, thru, label, by product id
    batch : dict or None
        The latest batch, as `GET /batch/{instant}` shows it; None: no batch yet.
    prices : table of price, rate, by product id
        Of the latest batch that cleared.
    cleared : str or None
        The instant of that batch.
    outcome : Outcome or None
        Its clearing; for operators only, whose token reads auctions.
    operator : bool
        Whether the token reads auctions.
    lost : str or None
        Why the exchange cannot be seen now; None: it can.
    refused : bool
        Whether it is there, and refuses the token.
    """

    units: Units = Units()
    products: pd.DataFrame = field(default_factory=lambda: product_frame([]))
    batch: dict[str, Any] | None = None
    prices: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"price": [], "rate": []}))
    cleared: str | None = None
    outcome: Outcome | None = None
    operator: bool = True
    lost: str | None = "connecting to the exchange"
    refused: bool = False


class Feed:
    """Follows one exchange for all pages that show it.

    Parameters
    ----------
    client : Client
        Of the exchange, with the token whose view this is.

    Attributes
    ----------
    seen : Seen
        The latest view; it is replaced, never changed.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen = Seen()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._watchers: dict[int, Callable[[Seen], None]] = {}
        self._thread = threading.Thread(target=self._run, name="fts-feed", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()

    def watch(self, watcher: Callable[[Seen], None]) -> Callable[[], None]:
        """Call `watcher` with every new view, from the feed's thread; returns what ends it."""
        with self._lock:
            self._watchers[id(watcher)] = watcher

        def unwatch() -> None:
            with self._lock:
                self._watchers.pop(id(watcher), None)

        return unwatch

    def outcomes(self, product: str) -> pd.DataFrame:
        """The latest outcomes of a product: valid_from, valid_until, price, rate, newest first.

        Raises
        ------
        RequestFailed
            The exchange refuses, or does not answer.
        """
        rows = self.client.product_outcomes(product)["results"]
        return pd.DataFrame(
            [{"valid_from": row["valid_from"], "valid_until": row["valid_until"], **row["value"]} for row in rows],
            columns=["valid_from", "valid_until", "price", "rate"],
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._load()
                self._follow()
            except FtsError as error:
                refused = isinstance(error, RequestFailed) and error.status in REFUSED
                self._show(lost=str(error), refused=refused)
                self._stop.wait(RETRY)

    def _follow(self) -> None:
        since = None if self.seen.batch is None else self.seen.batch["instant"]
        for _ in self.client.events(since=since, stop=self._stop, on_status=self._told):
            self._load()

    def _told(self, lost: str | None) -> None:
        """The connection is lost, or there again; what changed meanwhile is read anew."""
        if lost is not None:
            self._show(lost=lost, refused=False)
        elif self.seen.lost is not None:
            self._load()

    def _load(self) -> None:
        market = self.client.market()
        units = Units(**{name: market[name] for name in ("time_unit", "quantity_unit", "money_unit")})
        batches = self.client.batches()["results"]
        latest = batches[0] if batches else None
        cleared = next((batch["instant"] for batch in batches if batch["status"] != "not solved"), None)
        prices = self.seen.prices
        if cleared is not None and cleared != self.seen.cleared:
            rows = self.client.batch_prices(cleared)
            prices = pd.DataFrame(rows, columns=["product", "price", "rate"]).set_index("product").astype(float)
        products = self.seen.products
        if self.seen.lost is not None or not prices.index.isin(products.index).all():
            products = product_frame(list(self.client.iter_products()))
        known = self.seen.outcome if cleared == self.seen.cleared else None
        self._show(
            units=units, products=products, batch=latest, prices=prices, cleared=cleared, outcome=known, lost=None
        )
        if cleared is not None and known is None and self.seen.operator and self._watchers:
            self._clear(cleared, prices)

    def clear(self) -> None:
        """Work out the clearing of the latest batch, if nobody watched when it came."""
        seen = self.seen
        if seen.outcome is None and seen.cleared is not None and seen.operator and seen.lost is None:
            try:
                self._clear(seen.cleared, seen.prices)
            except FtsError as error:
                log.warning("the clearing of %s is not known: %s", seen.cleared, error)

    def _clear(self, instant: str, prices: pd.DataFrame) -> None:
        """Read the auction of a batch and find its rates; the prices are the exchange's."""
        try:
            auction = Auction.from_json(self.client.batch_auction(instant))
        except RequestFailed as error:
            if error.status in (401, 403):
                self._show(operator=False)
                return
            raise
        solved = auction.solve(throw=False)
        wanted = prices["price"].reindex(auction.product_ids.to_pylist()).to_numpy(dtype=float)
        try:
            # Any clearing prices fit any optimal rates: those that the exchange published are shown.
            outcome = Outcome(
                auction,
                rates=solved.rates,
                prices=wanted,
                demand_prices=solved.demand_prices,
                certificate=solved.certificate,
                solver=solved.solver,
            )
        except InvalidOutcome:
            outcome = solved
        if self.seen.cleared == instant:
            self._show(outcome=outcome)

    def _show(self, **changes: Any) -> None:
        self.seen = replace(self.seen, **changes)
        with self._lock:
            watchers = list(self._watchers.values())
        for watcher in watchers:
            watcher(self.seen)
