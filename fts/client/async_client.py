"""Client for programs that use asyncio, with the same methods as `Client`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
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
) -> Callable[Concatenate[AsyncClient, Arguments], Coroutine[Any, Any, Result]]:
    """Make the method that sends one call."""

    @copy_signature(build)
    async def ask(self: AsyncClient, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return await self.send(build(*args, **kwargs))

    return ask


def _paginated(
    build: Callable[Arguments, Request[PageReply[Result]]],
) -> Callable[Concatenate[AsyncClient, Arguments], AsyncIterator[Result]]:
    """Make the method that iterates over all pages of a call."""

    @copy_signature(build, ALL_PAGES)
    async def walk(self: AsyncClient, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> AsyncIterator[Result]:
        request: Request[PageReply[Result]] | None = build(*args, **kwargs)
        while request is not None:
            page = await self.send(request)
            for entry in page["results"]:
                yield entry
            request = next_page(request, page)

    return walk


class AsyncClient:
    """Client of an exchange over HTTP that does not block a thread.

    The methods are those of `Client`: ``await client.market()``, ``async for event in client.events()``.

    Parameters
    ----------
    url : str
        Address of the exchange, such as ``http://127.0.0.1:8080``.
    token : str, optional
        Token of the bidder or operator; ``fts token`` makes one.
    timeout : float
        Longest time to wait for a response [s].
    transport : httpx.AsyncBaseTransport, optional
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        with translate_url_errors(url):
            self._http = httpx.AsyncClient(**client_kwargs(url, token, timeout), transport=transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def send(self, request: Request[Result]) -> Result:
        """Send a request; without a response, it is sent again if that is safe."""
        retry_policy = RetryPolicy(request)
        while True:
            try:
                with translate_errors(self._http.base_url):
                    reply = await self._http.request(request.method, request.path, **httpx_kwargs(request))
                return parse_response(request, reply)
            except RequestFailed as failure:
                pause = retry_policy.pause(failure)
            await asyncio.sleep(pause)

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
        on_status: Callable[[str | None], None] | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> AsyncGenerator[BatchEvent, None]:
        """Follow all batches, as ``{"instant", "status"}``; to end the iterator, cancel its task or close it.

        A lost connection is made again and continues after the last event, so that no event is missed or repeated.

        Parameters
        ----------
        since : instant, optional
            Begin after this batch; by default with the next batch.
        on_status : callable, optional
            Called with a text when the connection is lost, and with None when it is made.
        told : callable, optional
            Old name of ``on_status``.
        """
        return self._follow(batch_events(since), status_callback(on_status, told))

    def product_events(
        self,
        product: Id,
        since: Instant | None = None,
        *,
        on_status: Callable[[str | None], None] | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> AsyncGenerator[HistoryEntry[PriceAndRate], None]:
        """Follow the outcomes of a product, as in `product_outcomes`; parameters as of `events`."""
        return self._follow(product_events(product, since), status_callback(on_status, told))

    def portfolio_events(
        self,
        portfolio: Id,
        since: Instant | None = None,
        *,
        on_status: Callable[[str | None], None] | None = None,
        told: Callable[[str | None], None] | None = None,
    ) -> AsyncGenerator[HistoryEntry[PriceAndRate], None]:
        """Follow the outcomes of a portfolio, as in `portfolio_outcomes`; parameters as of `events`."""
        return self._follow(portfolio_events(portfolio, since), status_callback(on_status, told))

    async def _follow(
        self, stream: Stream[Result], on_status: Callable[[str | None], None] | None
    ) -> AsyncGenerator[Result, None]:
        cursor = EventCursor(stream, on_status)
        while True:
            try:
                if cursor.last is None:
                    cursor.start_after(await self.send(stream.newest))
                async with self._lines(stream, cursor) as lines:
                    cursor.connected()
                    async for line in lines:
                        event = cursor.feed_line(line)
                        if event is not None:
                            yield event
                pause = cursor.disconnected()
            except RequestFailed as failure:
                pause = cursor.disconnected(failure)
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def _lines(self, stream: Stream[Any], cursor: EventCursor[Any]) -> AsyncIterator[AsyncIterator[str]]:
        timeout = streaming_timeout(self._http.timeout, READ_TIMEOUT_SECONDS)
        with translate_errors(self._http.base_url):
            async with self._http.stream("GET", stream.path, headers=cursor.headers, timeout=timeout) as reply:
                if reply.is_error:
                    await reply.aread()
                    raise error_of(reply.status_code, reply.content, reply.headers)
                yield reply.aiter_lines()
