"""Auths with limits, in few words."""

from __future__ import annotations

from typing import Any

from fts.exchange import Market


def auth(market: Market, curve: Any, product: str, bidder: Any, low: Any = None, high: Any = None) -> str:
    """An auth of one product, which may never trade less than ``low`` or more than ``high``."""
    data = {"demand": curve, "min_trade": low, "max_trade": high}
    return market.v0.create_auth(data, {product: 1.0}, bidder=bidder).id


def limit(market: Market, name: str, low: float | None, high: float | None) -> None:
    """From now on it may never trade less than ``low`` or more than ``high``."""
    (own,) = market.portfolio(name).demand
    market.v0.change_auth(name, {"demand": market.demand(own).curve, "min_trade": low, "max_trade": high})
