"""A client of an exchange: every call as a method."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx

from fts.client import calls
from fts.client.events import SILENCE, Stream, Trail, batch_events, portfolio_events, product_events
from fts.client.patience import Patience
from fts.client.records import BatchEvent, Outcome, Page, Row
from fts.client.refusal import refusal_of
from fts.client.request import Id, Instant, Request, next_page
from fts.client.wire import answer, described, explained, making, patient, settings, words
from fts.errors import RequestFailed

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")
PAGES = "Every entry of all pages of:\n\n"


def _asking(
    describe: Callable[Arguments, Request[Answer]],
) -> Callable[Concatenate[Client, Arguments], Answer]:
    """A method that sends what a description says."""

    @described(describe)
    def ask(self: Client, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        return self.ask(describe(*args, **kwargs))

    return ask


def _walking(
    describe: Callable[Arguments, Request[Page[Answer]]],
) -> Callable[Concatenate[Client, Arguments], Iterator[Answer]]:
    """A method that goes through all pages."""

    @described(describe, PAGES)
    def walk(self: Client, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Iterator[Answer]:
        request: Request[Page[Answer]] | None = describe(*args, **kwargs)
        while request is not None:
            page = self.ask(request)
            yield from page["results"]
            request = next_page(request, page)

    return walk


class Client:
    """Everything that can be asked of an exchange over HTTP.

    Records and pages are the JSON objects of the contract. A page is ``{"results": […]}``, and where there is more,
    its ``"more"`` is the arguments of the next call: ``client.batches(**page["more"])``; the methods named ``each_…``
    go through all pages by themselves. Safe to use from several threads.

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
        By every method: the exchange refused; ``status`` and ``detail`` say why, and so does its class.
    NoAnswer
        By every method: the exchange did not answer.
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
        with making(url):
            self._http = httpx.Client(**settings(url, token, timeout), transport=transport)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, request: Request[Answer]) -> Answer:
        """Send a request; again, where there was no answer and it does no harm."""
        patience = Patience(request)
        while True:
            try:
                with explained(self._http.base_url):
                    reply = self._http.request(request.method, request.path, **words(request))
                return answer(request, reply)
            except RequestFailed as failure:
                pause = patience.pause(failure)
            time.sleep(pause)

    health = _asking(calls.health)
    market = _asking(calls.market)

    products = _asking(calls.products)
    each_product = _walking(calls.products)
    create_product = _asking(calls.create_product)
    product = _asking(calls.product)
    split_product = _asking(calls.split_product)
    product_outcomes = _asking(calls.product_outcomes)
    each_product_outcome = _walking(calls.product_outcomes)

    create_demand = _asking(calls.create_demand)
    demands = _asking(calls.demands)
    demand = _asking(calls.demand)
    change_demand = _asking(calls.change_demand)
    delete_demand = _asking(calls.delete_demand)
    send_demands = _asking(calls.send_demands)
    curve_history = _asking(calls.curve_history)
    each_curve = _walking(calls.curve_history)

    create_portfolio = _asking(calls.create_portfolio)
    portfolios = _asking(calls.portfolios)
    portfolio = _asking(calls.portfolio)
    change_portfolio = _asking(calls.change_portfolio)
    delete_portfolio = _asking(calls.delete_portfolio)
    send_portfolios = _asking(calls.send_portfolios)
    demand_history = _asking(calls.demand_history)
    each_demand_weights = _walking(calls.demand_history)
    basis_history = _asking(calls.basis_history)
    each_basis = _walking(calls.basis_history)
    portfolio_outcomes = _asking(calls.portfolio_outcomes)
    each_portfolio_outcome = _walking(calls.portfolio_outcomes)

    run_batch = _asking(calls.run_batch)
    batches = _asking(calls.batches)
    each_batch = _walking(calls.batches)
    batch = _asking(calls.batch)
    batch_prices = _asking(calls.batch_prices)
    batch_auction = _asking(calls.batch_auction)

    def events(
        self,
        since: Instant | None = None,
        *,
        stop: threading.Event | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> Generator[BatchEvent, None, None]:
        """Every batch, as ``{"instant", "status"}``, without end.

        A lost connection is made again and goes on where it ended: nothing is missed, nothing comes twice.

        Parameters
        ----------
        since : instant, optional
            Begin with the batches after this one; None: from now on.
        stop : threading.Event, optional
            Ends it; looked at whenever the exchange sends something, at the latest after 15 s.
        told : callable, optional
            Called with a text when the connection is lost, and with None when it is there.
        """
        return self._follow(batch_events(since), stop or threading.Event(), told)

    def product_events(
        self,
        product: Id,
        since: Instant | None = None,
        *,
        stop: threading.Event | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> Generator[Row[Outcome], None, None]:
        """What comes of every batch for a product, as in `product_outcomes`; parameters as of `events`."""
        return self._follow(product_events(product, since), stop or threading.Event(), told)

    def portfolio_events(
        self,
        portfolio: Id,
        since: Instant | None = None,
        *,
        stop: threading.Event | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> Generator[Row[Outcome], None, None]:
        """What comes of every batch for a portfolio, as in `portfolio_outcomes`; parameters as of `events`."""
        return self._follow(portfolio_events(portfolio, since), stop or threading.Event(), told)

    def _follow(
        self, stream: Stream[Answer], stop: threading.Event, told: Callable[[str | None], None] | None
    ) -> Generator[Answer, None, None]:
        trail = Trail(stream, told)
        while not stop.is_set():
            try:
                if trail.last is None:
                    trail.start(self.ask(stream.newest))
                with self._lines(stream, trail) as lines:
                    trail.there()
                    for line in lines:
                        event = trail.read(line)
                        if event is not None:
                            yield event
                        if stop.is_set():
                            return
                pause = trail.lost()
            except RequestFailed as failure:
                pause = trail.lost(failure)
            stop.wait(pause)

    @contextmanager
    def _lines(self, stream: Stream[Any], trail: Trail[Any]) -> Iterator[Iterator[str]]:
        timeout = patient(self._http.timeout, SILENCE)
        with (
            explained(self._http.base_url),
            self._http.stream("GET", stream.path, headers=trail.headers, timeout=timeout) as reply,
        ):
            if reply.is_error:
                reply.read()
                raise refusal_of(reply.status_code, reply.content, reply.headers)
            yield reply.iter_lines()
