"""A client of an exchange: every route as a method."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, TypeAlias

import httpx

from fts.client.connection import Connection
from fts.client.follow import follow
from fts.models.curve import Constant, Curve, read_curve
from fts.models.instant import write_instant

Record: TypeAlias = dict[str, Any]
"""A JSON object of the contract."""
Instant: TypeAlias = "datetime | str"


class Client:
    """Everything that can be asked of an exchange over HTTP.

    Records and pages are the JSON objects of the contract. A page is ``{"results": […]}``, and where there is more,
    its ``"more"`` is the arguments of the next call: ``client.batches(**page["more"])``. Safe to use from several
    threads.

    Parameters
    ----------
    url : str
        Where the exchange is, such as ``http://127.0.0.1:8080``.
    token : str, optional
        Who you are; ``fts token`` makes one.
    timeout : float
        Longest time to wait for an answer [s].
    transport : httpx.BaseTransport, optional
        Another way to reach the exchange than the network.

    Raises
    ------
    RequestFailed
        By every method: the exchange refused; ``status`` and ``detail`` say why.
    NoAnswer
        By every method: the exchange did not answer. Reading is tried three times, a change once.
    ConfigurationError
        The URL or the token cannot be used.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url
        self._connection = Connection(url, token, timeout, transport)

    def close(self) -> None:
        """Give the connections back."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # About

    def health(self) -> Record:
        """``{"status": "ok"}``."""
        return self._get("/health")

    def market(self) -> Record:
        """Units, schedule and version."""
        return self._get("/market")

    # Products

    def products(
        self,
        kind: int | str | None = None,
        from_: Instant | None = None,
        thru: Instant | None = None,
        cursor: str | None = None,
    ) -> Record:
        """One page of the products, by start of delivery.

        Parameters
        ----------
        kind : int or str, optional
            Only this kind: 0 (forward), 1 (option) or a text.
        from_, thru : instant, optional
            Only what is delivered from here, and until there.
        cursor : str, optional
            From ``more`` of the page before.
        """
        query = {"kind": kind, "from": _instant(from_), "thru": _instant(thru), "cursor": cursor}
        return self._get("/product", query)

    def all_products(
        self, kind: int | str | None = None, from_: Instant | None = None, thru: Instant | None = None
    ) -> list[Record]:
        """Every product, page after page; parameters as of `products`."""
        page = self.products(kind, from_, thru)
        records: list[Record] = list(page["results"])
        while "more" in page:
            page = self.products(kind, from_, thru, page["more"]["cursor"])
            records += page["results"]
        return records

    def create_product(self, app_data: Any) -> Record:
        """List a product; by default ``{"kind", "from", "thru"}``, instants as texts or aware datetimes."""
        return self._change("POST", "/product", app_data)

    def product(self, product: str) -> Record:
        """One product."""
        return self._get(f"/product/{product}")

    def product_outcomes(self, product: str, before: Instant | None = None, after: Instant | None = None) -> Record:
        """Price and traded volume of a product, batch by batch, newest first.

        Parameters
        ----------
        product : str
        before, after : instant, optional
            ``valid_from`` is earlier than ``before`` and not earlier than ``after``.
        """
        return self._get(f"/product/{product}/outcomes", _span(before, after))

    # Demands

    def create_demand(self, app_data: Any, curve: Any) -> Record:
        """Enter a demand.

        Parameters
        ----------
        app_data : JSON value
            By default ``{"name"}``.
        curve : Curve, Constant, points or None
            None: inactive for now.

        Raises
        ------
        InvalidCurve
            Before anything is sent.
        """
        return self._change("POST", "/demand", {"app_data": app_data, "curve_data": _curve(curve)})

    def demands(self) -> list[Record]:
        """My active demands."""
        records: list[Record] = self._connection.get("/demand")
        return records

    def demand(self, demand: str) -> Record:
        """One demand."""
        return self._get(f"/demand/{demand}")

    def change_demand(self, demand: str, curve: Any) -> Record:
        """Give a demand another curve; None ends it.

        Raises
        ------
        InvalidCurve
            Before anything is sent.
        """
        return self._change("PUT", f"/demand/{demand}", _curve(curve))

    def delete_demand(self, demand: str) -> Record:
        """End a demand; its history stays."""
        return self._call("DELETE", f"/demand/{demand}")

    # Portfolios

    def create_portfolio(self, app_data: Any, demand: Any, basis: Any) -> Record:
        """Enter a portfolio.

        Parameters
        ----------
        app_data : JSON value
            By default ``{"name"}``.
        demand, basis : weights
            ``{id: weight}``, a list of ids, one id, or None.
        """
        return self._change("POST", "/portfolio", {"app_data": app_data, "demand": demand, "basis": basis})

    def portfolios(self) -> list[Record]:
        """My portfolios that have a demand or a basis."""
        records: list[Record] = self._connection.get("/portfolio")
        return records

    def portfolio(self, portfolio: str) -> Record:
        """One portfolio."""
        return self._get(f"/portfolio/{portfolio}")

    def change_portfolio(self, portfolio: str, demand: Any = None, basis: Any = None) -> Record:
        """Give a portfolio other weights.

        Parameters
        ----------
        portfolio : str
        demand, basis : weights, optional
            None keeps the group, ``{}`` empties it.
        """
        groups = {name: weights for name, weights in (("demand", demand), ("basis", basis)) if weights is not None}
        return self._change("PATCH", f"/portfolio/{portfolio}", groups)

    def delete_portfolio(self, portfolio: str) -> Record:
        """End a portfolio, by emptying both its groups; its history stays."""
        return self._call("DELETE", f"/portfolio/{portfolio}")

    def portfolio_outcomes(self, portfolio: str, before: Instant | None = None, after: Instant | None = None) -> Record:
        """Price and rate of a portfolio, batch by batch, newest first; a span as in `product_outcomes`."""
        return self._get(f"/portfolio/{portfolio}/outcomes", _span(before, after))

    # Batches

    def run_batch(self) -> str:
        """Run a batch; its instant."""
        instant: str = self._connection.call("POST", "/batch")
        return instant

    def batches(self, before: Instant | None = None, after: Instant | None = None) -> Record:
        """A page of batches, newest first; a span as in `product_outcomes`."""
        return self._get("/batch", _span(before, after))

    def batch(self, instant: Instant) -> Record:
        """One batch, with its certificate."""
        return self._get(f"/batch/{_instant(instant)}")

    def batch_prices(self, instant: Instant) -> list[Record]:
        """Every product's price, volume and price interval in one batch; ``pandas.DataFrame`` reads it."""
        records: list[Record] = self._connection.get(f"/batch/{_instant(instant)}/prices")
        return records

    def batch_auction(self, instant: Instant) -> Record:
        """The auction of a batch, as an auction file; ``Auction.from_json`` reads it. For who may run batches."""
        return self._get(f"/batch/{_instant(instant)}/auction")

    def events(
        self,
        since: Instant | None = None,
        *,
        stop: threading.Event | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> Iterator[Record]:
        """Every batch from now on, as ``{"instant", "status"}``, without end.

        A lost connection is made again, and what happened meanwhile is caught up with: nothing is
        missed, nothing comes twice.

        Parameters
        ----------
        since : instant, optional
            Begin with the batches after this one.
        stop : threading.Event, optional
            Ends it; looked at whenever the exchange sends something, at the latest after 15 s.
        told : callable, optional
            Called with a text when the connection is lost, and with None when it is there.

        Raises
        ------
        RequestFailed
            The exchange refuses the token.
        """
        return follow(self._connection, _instant(since), stop or threading.Event(), told or _say_nothing)

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Record:
        record: Record = self._connection.get(path, query)
        return record

    def _change(self, method: str, path: str, body: Any) -> Record:
        record: Record = self._connection.change(method, path, body)
        return record

    def _call(self, method: str, path: str) -> Record:
        record: Record = self._connection.call(method, path)
        return record


def _curve(curve: Any) -> Any:
    read: Curve | Constant | None = read_curve(curve)
    return None if read is None else read.to_json()


def _instant(instant: Instant | None) -> str | None:
    return write_instant(instant) if isinstance(instant, datetime) else instant


def _span(before: Instant | None, after: Instant | None) -> dict[str, str | None]:
    return {"before": _instant(before), "after": _instant(after)}


def _say_nothing(text: str | None) -> None:
    pass
