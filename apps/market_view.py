"""Current state of an exchange, updated by its events."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from apps.product_labels import product_frame
from fts.client import Client
from fts.errors import FtsError, InvalidOutcome, RequestFailed
from fts.models.auction import Auction
from fts.models.outcome import Outcome
from fts.models.records import Units

log = logging.getLogger(__name__)

TOKEN_ERRORS = (400, 401, 403)
"""Statuses of a token that is missing, invalid or without the permission."""
RETRY_SECONDS = 1.0
"""Pause before the next attempt to connect [s]."""


@dataclass(frozen=True)
class MarketView:
    """State of an exchange at one moment.

    Attributes
    ----------
    units : Units
    products : table of kind, from, thru, label, by product id
    batch : dict or None
        Latest batch, as `GET /batch/{instant}` returns it; None: no batch yet.
    prices : table of price, rate, by product id
        Prices and volumes of the latest batch that cleared.
    cleared : str or None
        Instant of that batch.
    outcome : Outcome or None
        Its outcome; None without an operator's token, because only that reads auctions.
    operator : bool
        True if the token reads auctions.
    lost : str or None
        Reason why there is no connection; None: connected.
    refused : bool
        True if the exchange refuses the token.
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


class MarketFollower:
    """Follows one exchange for all pages.

    Parameters
    ----------
    client : Client
        Client of the exchange, with the token of the dashboard.

    Attributes
    ----------
    view : MarketView
        Latest state; it is replaced, never changed.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.view = MarketView()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._watchers: dict[int, Callable[[MarketView], None]] = {}
        self._thread = threading.Thread(target=self._run, name="fts-follower", daemon=True)

    def start(self) -> None:
        """Start the thread that follows the exchange."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stop.set()

    def watch(self, watcher: Callable[[MarketView], None]) -> Callable[[], None]:
        """Call `watcher` with every new state, in the follower's thread; returns a function that ends it."""
        with self._lock:
            self._watchers[id(watcher)] = watcher

        def unwatch() -> None:
            with self._lock:
                self._watchers.pop(id(watcher), None)

        return unwatch

    def outcomes(self, product: str) -> pd.DataFrame:
        """Read the latest outcomes of a product: valid_from, valid_until, price, rate, newest first.

        Raises
        ------
        RequestFailed
            The exchange refuses the request, or does not respond.
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
                refused = isinstance(error, RequestFailed) and error.status in TOKEN_ERRORS
                self._show(lost=str(error), refused=refused)
                self._stop.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        since = None if self.view.batch is None else self.view.batch["instant"]
        for _ in self.client.events(since=since, stop=self._stop, on_status=self._on_status):
            self._load()

    def _on_status(self, lost: str | None) -> None:
        """Record that the connection is lost or made; once it is made, read the state again."""
        if lost is not None:
            self._show(lost=lost, refused=False)
        elif self.view.lost is not None:
            self._load()

    def _load(self) -> None:
        market = self.client.market()
        units = Units(**{name: market[name] for name in ("time_unit", "quantity_unit", "money_unit")})
        batches = self.client.batches()["results"]
        latest = batches[0] if batches else None
        cleared = next((batch["instant"] for batch in batches if batch["status"] != "not solved"), None)
        prices = self.view.prices
        if cleared is not None and cleared != self.view.cleared:
            rows = self.client.batch_prices(cleared)
            prices = pd.DataFrame(rows, columns=["product", "price", "rate"]).set_index("product").astype(float)
        products = self.view.products
        if self.view.lost is not None or not prices.index.isin(products.index).all():
            products = product_frame(list(self.client.iter_products()))
        outcome = self.view.outcome if cleared == self.view.cleared else None
        self._show(
            units=units, products=products, batch=latest, prices=prices, cleared=cleared, outcome=outcome, lost=None
        )
        if cleared is not None and outcome is None and self.view.operator and self._watchers:
            self._clear(cleared, prices)

    def clear(self) -> None:
        """Compute the outcome of the latest batch, if no page watched when it came."""
        view = self.view
        if view.outcome is None and view.cleared is not None and view.operator and view.lost is None:
            try:
                self._clear(view.cleared, view.prices)
            except FtsError as error:
                log.warning("the outcome of the batch of %s cannot be computed: %s", view.cleared, error)

    def _clear(self, instant: str, prices: pd.DataFrame) -> None:
        """Read the auction of a batch and solve it for its rates; the prices are those of the exchange."""
        try:
            auction = Auction.from_json(self.client.batch_auction(instant))
        except RequestFailed as error:
            if error.status in (401, 403):
                self._show(operator=False)
                return
            raise
        solved = auction.solve(throw=False)
        published = prices["price"].reindex(auction.product_ids.to_pylist()).to_numpy(dtype=float)
        try:
            # All clearing prices support all optimal rates, so the published prices are shown.
            outcome = Outcome(
                auction,
                rates=solved.rates,
                prices=published,
                demand_prices=solved.demand_prices,
                certificate=solved.certificate,
                solver=solved.solver,
            )
        except InvalidOutcome:
            outcome = solved
        if self.view.cleared == instant:
            self._show(outcome=outcome)

    def _show(self, **changes: Any) -> None:
        self.view = replace(self.view, **changes)
        with self._lock:
            watchers = list(self._watchers.values())
        for watcher in watchers:
            watcher(self.view)
