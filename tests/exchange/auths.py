"""Auths as the exchange sees them: portfolios whose own demand is named after them, with limits."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fts.exchange import Market
from fts.models.curve import read_curve


def limit(market: Market, portfolio: str, low: float | None, high: float | None) -> None:
    """From now on the portfolio may never trade less than ``low`` or more than ``high``."""

    def change(changes: Any) -> None:
        cursor, at = changes._cursor, changes.instant.replace(tzinfo=None)
        changes.write()
        values = {"portfolio": portfolio, "low": low, "high": high, "at": at}
        cursor.execute(
            "UPDATE auth_limit SET valid_until = $at WHERE portfolio = $portfolio AND valid_until IS NULL",
            {"at": at, "portfolio": portfolio},
        )
        cursor.execute("INSERT INTO auth_limit VALUES ($portfolio, $low, $high, 'demand', $at, NULL)", values)

    market._store.write(change)


def auth(market: Market, curve: Any, product: str, bidder: Any, low: Any = None, high: Any = None) -> str:
    """A portfolio that is named by its id, with its own demand, within limits."""
    portfolio, own, data = str(uuid4()), str(uuid4()), read_curve(curve)

    def change(changes: Any) -> None:
        changes.add_demand(own, str(bidder), {"name": portfolio})
        changes.replace_curve(own, data)
        changes.add_portfolio(portfolio, str(bidder), {"name": portfolio})
        changes.replace_demand(portfolio, {own: 1.0})
        changes.replace_basis(portfolio, {product: 1.0})

    market._store.write(change)
    if low is not None or high is not None:
        limit(market, portfolio, low, high)
    return portfolio
