"""The client for programs that use asyncio: the same methods, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
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
) -> Callable[Concatenate[AsyncClient, Arguments], Coroutine[Any, Any, Answer]]:
    """A method that sends what a description says."""

    @described(describe)
    async def ask(self: AsyncClient, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        return await self.ask(describe(*args, **kwargs))

    return ask


def _walking(
    describe: Callable[Arguments, Request[Page[Answer]]],
) -> Callable[Concatenate[AsyncClient, Arguments], AsyncIterator[Answer]]:
    """A method that goes through all pages."""

    @described(describe, PAGES)
    async def walk(self: AsyncClient, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> AsyncIterator[Answer]:
        request: Request[Page[Answer]] | None = describe(*args, **kwargs)
        while request is not None:
            page = await self.ask(request)
            for entry in page["results"]:
                yield entry
            request = next_page(request, page)

    return walk


class AsyncClient:
    """Everything that can be asked of an exchange over HTTP, without a thread that waits.

    The methods are those of `Client`; ask ``await client.market()``, follow ``async for event in client.events()``.

    Parameters
    ----------
    url : str
        Where the exchange is, such as ``http://127.0.0.1:8080``.
    token : str, optional
        Who you are; ``fts token`` makes one.
    timeout : float
        Longest time to wait for an answer [s].
    transport : httpx.AsyncBaseTransport, optional
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        with making(url):
            self._http = httpx.AsyncClient(**settings(url, token, timeout), transport=transport)

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def ask(self, request: Request[Answer]) -> Answer:
        """Send a request; again, where there was no answer and it does no harm."""
        patience = Patience(request)
        while True:
            try:
                with explained(self._http.base_url):
                    reply = await self._http.request(request.method, request.path, **words(request))
                return answer(request, reply)
            except RequestFailed as failure:
                pause = patience.pause(failure)
            await asyncio.sleep(pause)

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
        self, since: Instant | None = None, *, told: Callable[[str | None], None] | None = None
    ) -> AsyncGenerator[BatchEvent, None]:
        """Every batch, as ``{"instant", "status"}``, without end; cancel the task, or close it, to end it.

        A lost connection is made again and goes on where it ended: nothing is missed, nothing comes twice.

        Parameters
        ----------
        since : instant, optional
            Begin with the batches after this one; None: from now on.
        told : callable, optional
            Called with a text when the connection is lost, and with None when it is there.
        """
        return self._follow(batch_events(since), told)

    def product_events(
        self, product: Id, since: Instant | None = None, *, told: Callable[[str | None], None] | None = None
    ) -> AsyncGenerator[Row[Outcome], None]:
        """What comes of every batch for a product, as in `product_outcomes`; parameters as of `events`."""
        return self._follow(product_events(product, since), told)

    def portfolio_events(
        self, portfolio: Id, since: Instant | None = None, *, told: Callable[[str | None], None] | None = None
    ) -> AsyncGenerator[Row[Outcome], None]:
        """What comes of every batch for a portfolio, as in `portfolio_outcomes`; parameters as of `events`."""
        return self._follow(portfolio_events(portfolio, since), told)

    async def _follow(
        self, stream: Stream[Answer], told: Callable[[str | None], None] | None
    ) -> AsyncGenerator[Answer, None]:
        trail = Trail(stream, told)
        while True:
            try:
                if trail.last is None:
                    trail.start(await self.ask(stream.newest))
                async with self._lines(stream, trail) as lines:
                    trail.there()
                    async for line in lines:
                        event = trail.read(line)
                        if event is not None:
                            yield event
                pause = trail.lost()
            except RequestFailed as failure:
                pause = trail.lost(failure)
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def _lines(self, stream: Stream[Any], trail: Trail[Any]) -> AsyncIterator[AsyncIterator[str]]:
        timeout = patient(self._http.timeout, SILENCE)
        with explained(self._http.base_url):
            async with self._http.stream("GET", stream.path, headers=trail.headers, timeout=timeout) as reply:
                if reply.is_error:
                    await reply.aread()
                    raise refusal_of(reply.status_code, reply.content, reply.headers)
                yield reply.aiter_lines()
