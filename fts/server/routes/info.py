"""Routes of the exchange itself: health, units and schedule, metrics."""

from __future__ import annotations

from typing import Any

from fts import __version__
from fts.server import authorization
from fts.server.context import RequestContext
from fts.server.responses import JsonReply, TextReply
from fts.server.route import Route
from fts.server.schemas import TEXT, ref


def _market(context: RequestContext) -> Any:
    schedule = context.market.schedule
    return {
        **context.market.units.to_json(),
        "schedule": None if schedule is None else schedule.to_json(),
        "version": __version__,
    }


ROUTES = (
    Route(
        "GET",
        "/health",
        "Is it there",
        JsonReply(ref("Health"), "it is"),
        lambda context: {"status": "ok"},
        nonblocking=True,
        public=True,
    ),
    Route(
        "GET",
        "/market",
        "Units and schedule",
        JsonReply(ref("Market"), "units, schedule and version"),
        _market,
        nonblocking=True,
        public=True,
    ),
    Route(
        "GET",
        "/metrics",
        "Measures for a monitor",
        TextReply(TEXT, "counts and times of this exchange in Prometheus's text format; no token needed on loopback"),
        lambda context: context.app.metrics.text(),
        public_on_loopback=True,
        authorize=authorization.read_metrics,
    ),
)
