"""The application: routes, events and the schedule around one market, for any ASGI server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from fts import __version__
from fts.exchange.market import Market
from fts.exchange.schedule import keep
from fts.ports.application import Application
from fts.ports.clearing import Clearing
from fts.ports.store import Store
from fts.server import about, backup, batches, bulk, demands, events, portfolios, products
from fts.server.document import document
from fts.server.endpoint import Endpoint
from fts.server.explorer import explored, explorer
from fts.server.feed import Feed
from fts.server.intake import Intake
from fts.server.journal import HEADER as REQUEST_ID
from fts.server.journal import Journal
from fts.server.jwt_application import answers_from_memory
from fts.server.limits import Limits
from fts.server.metrics import Metrics
from fts.server.quota import Quota
from fts.server.refusal import refusal
from fts.server.route import Desk, Route
from fts.server.shelf import Shelf
from fts.server.shortcut import Exchange
from fts.server.unread import UnreadBodies
from fts.server.v0 import contract, streams
from fts.server.v0.shapes import SHAPES

ROUTES: Sequence[Route] = (
    *about.ROUTES,
    *products.ROUTES,
    *demands.ROUTES,
    *portfolios.ROUTES,
    *bulk.ROUTES,
    *batches.ROUTES,
    *events.ROUTES,
    *backup.ROUTES,
)
HEADERS = ("Authorization", "Content-Type", "Last-Event-ID")
WORKERS = 32
"""How many requests may use the market at one time; others wait their turn."""


def create_app(
    store: Store,
    application: Application,
    *,
    solver: str | None = None,
    clearing: Clearing | None = None,
    page_limit: int = 100,
    auto_solve: bool = False,
    time_unit: str | None = None,
    quantity_unit: str | None = None,
    money_unit: str | None = None,
    schedule: Any = None,
    limits: Limits | None = None,
    origins: Sequence[str] = ("*",),
) -> FastAPI:
    """An exchange over HTTP, ready for any ASGI server.

    The market is ``app.state.market``. Its schedule runs, and its file is closed, with the application's lifespan.

    Parameters
    ----------
    store : Store
        The market's memory, such as ``DuckStore("market.duckdb")``.
    application : Application
        What things are called, and who may do what; such as ``JwtApplication(secret)``.
    solver : str, optional
        An engine of :func:`fts.engines`.
    clearing : callable, optional
        Another rule of clearing, ``(auction) -> Outcome``, whose certificate is computed afresh.
    page_limit : int
        Rows of a page.
    auto_solve : bool
        Run a batch after every change of a bid.
    time_unit, quantity_unit, money_unit : str, optional
        None: those of the file; of a new one ``1h``, ``MWh``, ``EUR``.
    schedule : Schedule, str or mapping, optional
        Batches run at ``from + k·every``; such as ``"10s"``. None: only when someone asks for one.
    limits : Limits, optional
        How much one request may bring.
    origins : sequence of str
        Web pages of which origins may call the exchange; by default any.

    Raises
    ------
    StoreBusy, SchemaMismatch, UnitsMismatch, ReadOnlyStore, StoreError
        The file cannot be used.
    ConfigurationError
        The settings contradict each other.
    """
    market = Market(
        store=store,
        application=application,
        solver=solver,
        clearing=clearing,
        page_limit=page_limit,
        auto_solve=auto_solve,
        time_unit=time_unit,
        quantity_unit=quantity_unit,
        money_unit=money_unit,
        schedule=schedule,
    )
    desk = _desk(market, application, limits or Limits())
    app = Exchange(
        title="fts exchange",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(desk),
    )
    app.add_exception_handler(HTTPException, _not_served)
    app.state.market, app.state.feed = market, desk.feed
    endpoints = _add_routes(app, desk)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["*"],
        allow_headers=list(HEADERS),
        expose_headers=["Retry-After", REQUEST_ID],
    )
    app.add_middleware(UnreadBodies)
    app.add_middleware(Journal, metrics=desk.metrics)
    app.offer(endpoints, lambda answer: Journal(UnreadBodies(answer), desk.metrics))
    return app


def _desk(market: Market, application: Application, limits: Limits) -> Desk:
    """What the routes work with; it hears of every batch."""
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="fts-market")
    feed = Feed(streams.joined(events.writer(market), streams.writer(market)))
    intake, shelf = Intake(market, pool), Shelf()
    metrics = Metrics(market.counts, lambda: feed.readers, lambda: intake.waiting)
    market.subscribe(metrics.cleared)
    market.subscribe(shelf.clear)
    return Desk(
        market=market,
        application=application,
        feed=feed,
        limits=limits,
        pool=pool,
        intake=intake,
        quick=answers_from_memory(application),
        shelf=shelf,
        quota=Quota(limits.rate),
        metrics=metrics,
    )


def _add_routes(app: Exchange, desk: Desk) -> list[Endpoint]:
    """Serve both contracts, each with its explorer, and give what answers."""
    application = desk.application
    both = contract.served_by(application)
    endpoints = [Endpoint(route, desk) for route in (*ROUTES, *(contract.ROUTES if both else ()))]
    app.router.routes.extend(_paths(endpoints))
    app.router.routes.extend(explorer(document(application, ROUTES)))
    if both:
        old = document(application, contract.ROUTES, SHAPES, contract.DESCRIPTION)
        app.router.routes.extend(explored(old, "rapidoc", "api-docs/openapi.json"))
    return endpoints


def _paths(endpoints: Sequence[Endpoint]) -> list[Path]:
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.route.path, {})[endpoint.route.method] = endpoint
    paths = []
    for path, methods in by_path.items():
        served = Path(path, _by_method(methods))
        # Starlette adds HEAD to GET; a HEAD of the events would never end.
        served.methods = set(methods)
        paths.append(served)
    return paths


def _by_method(endpoints: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await endpoints[request.method].answer(request)

    return answer


def _not_served(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    told = {
        404: f"this exchange serves nothing at {request.url.path}; see /docs",
        405: f"{request.method} is not served at {request.url.path}; see /docs",
    }
    response = refusal(status, told.get(status, str(getattr(error, "detail", error))))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


def _lifespan(desk: Desk) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loop, market, stop = asyncio.get_running_loop(), desk.market, threading.Event()
        desk.feed.open()
        unsubscribe = market.subscribe(desk.feed.publish)
        await loop.run_in_executor(desk.pool, market.remember)
        keeper = await loop.run_in_executor(desk.pool, _keeper, market, stop)
        try:
            yield
        finally:
            stop.set()
            if keeper is not None:
                await loop.run_in_executor(desk.pool, keeper.join)
            unsubscribe()
            desk.feed.end()
            await loop.run_in_executor(desk.pool, desk.feed.join)
            await loop.run_in_executor(desk.pool, market.close)
            desk.pool.shutdown()

    return lifespan


def _keeper(market: Market, stop: threading.Event) -> threading.Thread | None:
    if market.schedule is None:
        return None
    args = (market.schedule, market.run_batch, stop, market.application.now, market.last_run())
    keeper = threading.Thread(target=keep, args=args, name="fts-schedule")
    keeper.start()
    return keeper
