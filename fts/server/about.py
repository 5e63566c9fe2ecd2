"""Routes about the exchange itself."""

from __future__ import annotations

from typing import Any

from fts import __version__
from fts.server import permission
from fts.server.reply import JsonReply, TextReply
from fts.server.route import Call, Route
from fts.server.schemas import TEXT, ref


def _market(call: Call) -> Any:
    schedule = call.market.schedule
    return {
        **call.market.units.to_json(),
        "schedule": None if schedule is None else schedule.to_json(),
        "version": __version__,
    }


ROUTES = (
    Route(
        "GET",
        "/health",
        "Is it there",
        JsonReply(ref("Health"), "it is"),
        lambda call: {"status": "ok"},
        quick=True,
        open_to_all=True,
    ),
    Route(
        "GET",
        "/market",
        "Units and schedule",
        JsonReply(ref("Market"), "units, schedule and version"),
        _market,
        quick=True,
        open_to_all=True,
    ),
    Route(
        "GET",
        "/metrics",
        "Measures for a monitor",
        TextReply(TEXT, "counts and times of this exchange in Prometheus's text format; no token needed on loopback"),
        lambda call: call.desk.metrics.text(),
        open_on_loopback=True,
        allows=permission.read_metrics,
    ),
)
