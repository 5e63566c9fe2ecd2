"""ASGI application with the routes, events and schedule of one market."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Unpack

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from fts import __version__
from fts.exchange.context import MarketKeywords, MarketOptions
from fts.exchange.market import Market
from fts.exchange.schedule import run_schedule
from fts.ports.application import Application
from fts.ports.store import Store
from fts.server.broadcast import EventBroadcaster
from fts.server.context import AppContext
from fts.server.endpoint import Endpoint
from fts.server.errors import json_error
from fts.server.fast_path import ExchangeApp
from fts.server.jwt_application import is_nonblocking
from fts.server.limits import Limits
from fts.server.metrics import Metrics
from fts.server.openapi import openapi_document
from fts.server.rate_limit import RateLimiter
from fts.server.request_log import REQUEST_ID_HEADER, RequestLogMiddleware
from fts.server.response_cache import ResponseCache
from fts.server.route import Route
from fts.server.routes import backup, batches, bulk, demands, events, info, portfolios, products
from fts.server.swagger_ui import page_routes, swagger_ui_routes
from fts.server.unread_bodies import UnreadBodyMiddleware
from fts.server.v0 import events as v0_events
from fts.server.v0 import routes as v0_routes
from fts.server.v0.schemas import SCHEMAS
from fts.server.write_batcher import WriteBatcher

ROUTES: Sequence[Route] = (
    *info.ROUTES,
    *products.ROUTES,
    *demands.ROUTES,
    *portfolios.ROUTES,
    *bulk.ROUTES,
    *batches.ROUTES,
    *events.ROUTES,
    *backup.ROUTES,
)
CORS_HEADERS = ("Authorization", "Content-Type", "Last-Event-ID")
MAX_WORKERS = 32
"""Number of requests that may use the market at the same time; further ones wait."""


def create_app(
    store: Store,
    application: Application,
    *,
    options: MarketOptions | None = None,
    limits: Limits | None = None,
    origins: Sequence[str] = ("*",),
    **keywords: Unpack[MarketKeywords],
) -> FastAPI:
    """Create the ASGI application of an exchange.

    The market is ``app.state.market``. Its schedule runs, and its file is closed, with the application's lifespan.

    Parameters
    ----------
    store : Store
        Storage of the market, such as ``DuckStore("market.duckdb")``.
    application : Application
        Data types, ids and permissions, such as ``JwtApplication(secret)``.
    options : MarketOptions, optional
        Options of the market.
    limits : Limits, optional
        Bounds on the size and the rate of requests.
    origins : sequence of str
        Origins whose web pages may call the exchange; by default all.
    **keywords
        Options of the market by name, as those of :class:`fts.Market`, which replace those of ``options``: ``solver``,
        ``clearing``, ``page_limit``, ``auto_solve``, ``time_unit``, ``quantity_unit``, ``money_unit``, ``schedule``.

    Raises
    ------
    StoreBusy, SchemaMismatch, UnitsMismatch, ReadOnlyStore, StoreError
        The file cannot be used.
    ConfigurationError
        The settings contradict each other.
    """
    market = Market(store=store, application=application, **{**vars(options or MarketOptions()), **keywords})
    context = _make_context(market, application, limits or Limits())
    app = ExchangeApp(
        title="fts exchange",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(context),
    )
    app.add_exception_handler(HTTPException, _unknown_route)
    app.state.market, app.state.broadcaster = market, context.broadcaster
    endpoints = _add_routes(app, context)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["*"],
        allow_headers=list(CORS_HEADERS),
        expose_headers=["Retry-After", REQUEST_ID_HEADER],
    )
    app.add_middleware(UnreadBodyMiddleware)
    app.add_middleware(RequestLogMiddleware, metrics=context.metrics)
    app.mount_fast_path(endpoints, lambda respond: RequestLogMiddleware(UnreadBodyMiddleware(respond), context.metrics))
    return app


def _make_context(market: Market, application: Application, limits: Limits) -> AppContext:
    """Create the objects that the routes share, and subscribe them to the batches."""
    pool = ThreadPoolExecutor(MAX_WORKERS, thread_name_prefix="fts-market")
    broadcaster = EventBroadcaster(
        v0_events.combine_builders(events.event_builder(market), v0_events.event_builder(market))
    )
    write_batcher, response_cache = WriteBatcher(market, pool), ResponseCache()
    metrics = Metrics(market.counts, lambda: broadcaster.subscribers, lambda: write_batcher.n_pending)
    market.subscribe(metrics.record_batch)
    market.subscribe(response_cache.clear)
    return AppContext(
        market=market,
        application=application,
        broadcaster=broadcaster,
        limits=limits,
        pool=pool,
        write_batcher=write_batcher,
        nonblocking=is_nonblocking(application),
        response_cache=response_cache,
        rate_limiter=RateLimiter(limits.rate),
        metrics=metrics,
    )


def _add_routes(app: ExchangeApp, context: AppContext) -> list[Endpoint]:
    """Add the routes and explorers of both contracts; returns the endpoints."""
    application = context.application
    both = v0_routes.is_served_by(application)
    endpoints = [Endpoint(route, context) for route in (*ROUTES, *(v0_routes.ROUTES if both else ()))]
    app.router.routes.extend(_starlette_routes(endpoints))
    app.router.routes.extend(swagger_ui_routes(openapi_document(application, ROUTES)))
    if both:
        v0_document = openapi_document(application, v0_routes.ROUTES, SCHEMAS, v0_routes.DESCRIPTION)
        app.router.routes.extend(page_routes(v0_document, "rapidoc", "api-docs/openapi.json"))
    return endpoints


def _starlette_routes(endpoints: Sequence[Endpoint]) -> list[Path]:
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.route.path, {})[endpoint.route.method] = endpoint
    paths = []
    for path, methods in by_path.items():
        served = Path(path, _dispatch(methods))
        # Starlette adds HEAD to GET; a HEAD of the events would never end.
        served.methods = set(methods)
        paths.append(served)
    return paths


def _dispatch(endpoints: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        return await endpoints[request.method].respond(request)

    return respond


def _unknown_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    messages = {
        404: f"this exchange serves nothing at {request.url.path}; see /docs",
        405: f"{request.method} is not served at {request.url.path}; see /docs",
    }
    response = json_error(status, messages.get(status, str(getattr(error, "detail", error))))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


def _lifespan(context: AppContext) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loop, market, stop = asyncio.get_running_loop(), context.market, threading.Event()
        context.broadcaster.open()
        unsubscribe = market.subscribe(context.broadcaster.publish)
        await loop.run_in_executor(context.pool, market.maintenance.warm_cache)
        schedule_thread = await loop.run_in_executor(context.pool, _start_schedule, market, stop)
        try:
            yield
        finally:
            stop.set()
            if schedule_thread is not None:
                await loop.run_in_executor(context.pool, schedule_thread.join)
            unsubscribe()
            context.broadcaster.close()
            await loop.run_in_executor(context.pool, context.broadcaster.join)
            await loop.run_in_executor(context.pool, market.close)
            context.pool.shutdown()

    return lifespan


def _start_schedule(market: Market, stop: threading.Event) -> threading.Thread | None:
    if market.schedule is None:
        return None
    args = (market.schedule, market.run_batch, stop, market.application.now, market.batches.last_run())
    schedule_thread = threading.Thread(target=run_schedule, args=args, name="fts-schedule")
    schedule_thread.start()
    return schedule_thread
