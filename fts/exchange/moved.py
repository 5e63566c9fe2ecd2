"""The names of 0.1 that moved to a part of the market. This file goes with the next release."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from fts.models.records import Page

MOVED = {
    "make": "bids.commit_together",
    "draft_demands": "bids.demands_command",
    "draft_curve": "bids.curve_command",
    "draft_portfolios": "bids.portfolios_command",
    "draft_weights": "bids.weights_command",
    "bidder_of_demand": "bids.bidder_of_demand",
    "bidder_of_portfolio": "bids.bidder_of_portfolio",
    "last_run": "batches.last_run",
    "remember": "maintenance.warm_cache",
    "folder": "maintenance.folder",
    "curve_history": "history.curves",
    "demand_history": "history.demand_weights",
    "basis_history": "history.basis",
    **{
        name: f"history.{name}"
        for name in (
            *("product_outcomes", "product_outcomes_since", "product_outcomes_of"),
            *("portfolio_outcomes", "portfolio_outcomes_since", "portfolio_outcomes_of", "batches_since"),
        )
    },
    "listed": "v0.closed_batches",
    **{
        name: f"v0.{name}"
        for name in (
            *("auth", "create_auth", "change_auth", "bidder_of_auth", "auth_versions", "auth_history"),
            *("cost", "create_cost", "change_cost", "bidder_of_cost", "cost_versions", "cost_history"),
            *("portfolio_of_auth", "submission", "replace_submission", "traded", "solve_span"),
            *("product_trades", "product_trades_of", "portfolio_trades", "bidder_trades_of"),
            *("delivery", "deliveries", "create_deliveries"),
        )
    },
}
"""Names of 0.1 and where the calls are now; the old names work for one release."""
LISTS = frozenset(
    (
        *("auth_versions", "auth_history", "cost_versions", "cost_history", "deliveries"),
        *("product_trades", "portfolio_trades"),
    )
)
"""Calls that returned a list with the first entry of the next page at its end; now they return a page."""
SINCE = frozenset(("batches_since", "product_outcomes_since", "portfolio_outcomes_since"))
"""Calls that returned the list of a page's results."""


def find_moved(market: Any, name: str) -> Any:
    """Find what a name of 0.1 stands for, and warn."""
    warnings.warn(
        f"Market.{name} is now Market.{MOVED[name]}; the old name ends with the next release",
        DeprecationWarning,
        stacklevel=3,
    )
    found = attrgetter(MOVED[name])(market)
    if name in LISTS:
        return lambda *args, **named: _with_next(found, args, named)
    return (lambda *args, **named: found(*args, **named).results) if name in SINCE else found


def _with_next(call: Callable[..., Page[Any]], args: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
    page = call(*args, **named)
    if page.more is None:
        return page.results
    # The thing or the bidder is the first argument, or named; a list of deliveries has neither.
    thing = {key: value for key, value in named.items() if key not in ("kind", "before", "after", "cursor")}
    return page.results + call(*([] if "cursor" in page.more else args[:1]), **thing, **page.more).results[:1]
