"""Client of an exchange; every call is a method."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx

from fts.client import calls
from fts.client._httpx import (
    client_kwargs,
    copy_signature,
    httpx_kwargs,
    parse_response,
    streaming_timeout,
    translate_errors,
    translate_url_errors,
)
from fts.client._old_names import old_name, status_callback
from fts.client.errors import error_of
from fts.client.request import Id, Instant, Request, next_page
from fts.client.retry import RetryPolicy
from fts.client.sse import READ_TIMEOUT_SECONDS, EventCursor, Stream, batch_events, portfolio_events, product_events
from fts.client.types import BatchEvent, HistoryEntry, PageReply, PriceAndRate
from fts.errors import RequestFailed

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
ALL_PAGES = "Iterate over all pages of:\n\n"


def _method(
    build: Callable[Arguments, Request[Result]],
) -> Callable[Concatenate[Client, Arguments], Result]:
    """Make the method that sends one call."""

    @copy_signature(build)
    def ask(self: Client, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return self.send(build(*args, **kwargs))

    return ask


def _paginated(
    build: Callable[Arguments, Request[PageReply[Result]]],
) -> Callable[Concatenate[Client, Arguments], Iterator[Result]]:
    """Make the method that iterates over all pages of a call."""

    @copy_signature(build, ALL_PAGES)
    def walk(self: Client, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Iterator[Result]:
        request: Request[PageReply[Result]] | None = build(*args, **kwargs)
        while request is not None:
            page = self.send(request)
            yield from page["results"]
            request = next_page(request, page)

    return walk


class Client:
    """Client of an exchange over HTTP.

    Records and pages are the JSON objects of the contract. A page is ``{"results": […]}``; if more rows follow, its
    ``"more"`` has the arguments of the next call: ``client.batches(**page["more"])``. The methods named ``iter_…``
    iterate over all pages. Several threads may share a client.

    Parameters
    ----------
    url : str
        Address of the exchange, such as ``http://127.0.0.1:8080``.
    token : str, optional
        Token of the bidder or operator; ``fts token`` makes one.
    timeout : float
        Longest time to wait for a response [s].
    transport : httpx.BaseTransport, optional
        Transport instead of the network, as for tests.

    Raises
    ------
    RequestFailed
        Raised by every method if the exchange refuses; ``status``, ``detail`` and the class give the reason.
    NoAnswer
        Raised by every method if no response comes.
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
        with translate_url_errors(url):
            self._http = httpx.Client(**client_kwargs(url, token, timeout), transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, request: Request[Result]) -> Result:
        """Send a request; without a response, it is sent again if that is safe."""
        retry_policy = RetryPolicy(request)
        while True:
            try:
                with translate_errors(self._http.base_url):
                    reply = self._http.request(request.method, request.path, **httpx_kwargs(request))
                return parse_response(request, reply)
            except RequestFailed as failure:
                pause = retry_policy.pause(failure)
            time.sleep(pause)

    health = _method(calls.health)
    market = _method(calls.market)

    products = _method(calls.products)
    iter_products = _paginated(calls.products)
    create_product = _method(calls.create_product)
    product = _method(calls.product)
    split_product = _method(calls.split_product)
    product_outcomes = _method(calls.product_outcomes)
    iter_product_outcomes = _paginated(calls.product_outcomes)

    create_demand = _method(calls.create_demand)
    demands = _method(calls.demands)
    demand = _method(calls.demand)
    change_demand = _method(calls.change_demand)
    delete_demand = _method(calls.delete_demand)
    send_demands = _method(calls.send_demands)
    curve_history = _method(calls.curve_history)
    iter_curves = _paginated(calls.curve_history)

    create_portfolio = _method(calls.create_portfolio)
    portfolios = _method(calls.portfolios)
    portfolio = _method(calls.portfolio)
    change_portfolio = _method(calls.change_portfolio)
    delete_portfolio = _method(calls.delete_portfolio)
    send_portfolios = _method(calls.send_portfolios)
    demand_history = _method(calls.demand_history)
    iter_demand_weights = _paginated(calls.demand_history)
    basis_history = _method(calls.basis_history)
    iter_bases = _paginated(calls.basis_history)
    portfolio_outcomes = _method(calls.portfolio_outcomes)
    iter_portfolio_outcomes = _paginated(calls.portfolio_outcomes)

    run_batch = _method(calls.run_batch)
    batches = _method(calls.batches)
    iter_batches = _paginated(calls.batches)
    batch = _method(calls.batch)
    batch_prices = _method(calls.batch_prices)
    batch_auction = _method(calls.batch_auction)

    each_product = old_name("each_product", iter_products, "iter_products")
    each_product_outcome = old_name("each_product_outcome", iter_product_outcomes, "iter_product_outcomes")
    each_curve = old_name("each_curve", iter_curves, "iter_curves")
    each_demand_weights = old_name("each_demand_weights", iter_demand_weights, "iter_demand_weights")
    each_basis = old_name("each_basis", iter_bases, "iter_bases")
    each_portfolio_outcome = old_name("each_portfolio_outcome", iter_portfolio_outcomes, "iter_portfolio_outcomes")
    each_batch = old_name("each_batch", iter_batches, "iter_batches")
    ask = old_name("ask", send, "send")

    def events(
        self,
        since: Instant | None = None,
        *,
        stop: threading.Event | None = None,
        on_status: Callable[[str | None], None] | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> Generator[BatchEvent, None, None]:
        """Follow all batches, as ``{"instant", "status"}``; the iterator does not end by itself.

        A lost connection is made again and continues after the last event, so that no event is missed or repeated.

        Parameters
        ----------
        since : instant, optional
            Begin after this batch; by default with the next batch.
        stop : threading.Event, optional
            Ends the iterator when set; checked when the exchange sends a line, at the latest after 15 s.
        on_status : callable, optional
            Called with a text when the connection is lost, and with None when it is made.
        told : callable, optional
            Old name of ``on_status``.
        """
        return self._follow(batch_events(since), stop or threading.Event(), status_callback(on_status, told))

    def product_events(
        self,
        product: Id,
        since: Instant | None = None,
        *,
        stop: threading.Event | None = None,
        on_status: Callable[[str | None], None] | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> Generator[HistoryEntry[PriceAndRate], None, None]:
        """Follow the outcomes of a product, as in `product_outcomes`; parameters as of `events`."""
        return self._follow(product_events(product, since), stop or threading.Event(), status_callback(on_status, told))

    def portfolio_events(
        self,
        portfolio: Id,
        since: Instant | None = None,
        *,
        stop: threading.Event | None = None,
        on_status: Callable[[str | None], None] | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> Generator[HistoryEntry[PriceAndRate], None, None]:
        """Follow the outcomes of a portfolio, as in `portfolio_outcomes`; parameters as of `events`."""
        return self._follow(
            portfolio_events(portfolio, since), stop or threading.Event(), status_callback(on_status, told)
        )

    def _follow(
        self, stream: Stream[Result], stop: threading.Event, on_status: Callable[[str | None], None] | None
    ) -> Generator[Result, None, None]:
        cursor = EventCursor(stream, on_status)
        while not stop.is_set():
            try:
                if cursor.last is None:
                    cursor.start_after(self.send(stream.newest))
                with self._lines(stream, cursor) as lines:
                    cursor.connected()
                    for line in lines:
                        event = cursor.feed_line(line)
                        if event is not None:
                            yield event
                        if stop.is_set():
                            return
                pause = cursor.disconnected()
            except RequestFailed as failure:
                pause = cursor.disconnected(failure)
            stop.wait(pause)

    @contextmanager
    def _lines(self, stream: Stream[Any], cursor: EventCursor[Any]) -> Iterator[Iterator[str]]:
        timeout = streaming_timeout(self._http.timeout, READ_TIMEOUT_SECONDS)
        with (
            translate_errors(self._http.base_url),
            self._http.stream("GET", stream.path, headers=cursor.headers, timeout=timeout) as reply,
        ):
            if reply.is_error:
                reply.read()
                raise error_of(reply.status_code, reply.content, reply.headers)
            yield reply.iter_lines()
