"""The clearing port: a rule that turns the bids of one batch into prices and rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from fts.models.auction import Auction
from fts.models.outcome import Outcome

Clearing: TypeAlias = Callable[[Auction], Outcome]
"""``(auction) -> outcome``. A market computes the certificate of the outcome afresh.

Raises :class:`fts.errors.NotSolved` or :class:`fts.errors.UnboundedAuction`."""
