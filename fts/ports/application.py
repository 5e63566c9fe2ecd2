"""The application port: what an operator may want to change about a market, as one object."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


class Terms(Protocol):
    """The data types, the ids and the clock of a market.

    Attributes
    ----------
    demand_data, portfolio_data, product_data : type
        The type of ``app_data``: any type that pydantic validates, a bare ``UUID`` or ``str`` too.
    """

    demand_data: Any
    portfolio_data: Any
    product_data: Any

    def now(self) -> datetime:
        """Return the time of the market's clock, aware."""
        ...

    def generate_demand_id(self, data: Any) -> UUID:
        """Return an id for a new demand with this (validated) data."""
        ...

    def generate_portfolio_id(self, data: Any) -> UUID:
        """Return an id for a new portfolio with this (validated) data."""
        ...

    def generate_product_id(self, data: Any) -> UUID:
        """Return an id for a new product; if it is a function of the data, a product cannot be created twice."""
        ...


class Application(Terms, Protocol):
    """Terms, and the permissions of tokens.

    ``token`` is the text after ``Bearer ``, unparsed. Methods are plain, not async. The exchange in Python
    (``fts.Market``) takes ``bidder=`` and asks none of these; the server asks all of them.
    """

    def can_create_bid(self, token: str) -> UUID | None:
        """Return the bidder of a new bid; None: refused."""
        ...

    def can_query_bid(self, token: str) -> Sequence[UUID]:
        """Return the bidders whose bids may be listed; empty: refused."""
        ...

    def can_read_bid(self, token: str, bidder: UUID) -> bool:
        """Return True if a bid of this bidder may be read."""
        ...

    def can_update_bid(self, token: str, bidder: UUID) -> bool:
        """Return True if a bid of this bidder may be changed."""
        ...

    def can_view_products(self, token: str) -> bool:
        """Return True if products, prices and batches may be read."""
        ...

    def can_manage_products(self, token: str) -> bool:
        """Return True if products may be created and split."""
        ...

    def can_run_batch(self, token: str) -> bool:
        """Return True if a batch may be run and its auction read."""
        ...
