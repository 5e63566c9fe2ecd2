"""Types of the JSON objects that an exchange returns."""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

Value = TypeVar("Value")
Json: TypeAlias = Any
Curve: TypeAlias = Any
"""Points ``[{"rate", "price"}, …]``, or one price ``{"price", "min_rate"?, "max_rate"?}``."""
Weights: TypeAlias = dict[str, float]


class Health(TypedDict):
    """State of the exchange."""

    status: Literal["ok"]


class MarketInfo(TypedDict):
    """Units, schedule and version of a market."""

    time_unit: str
    quantity_unit: str
    money_unit: str
    schedule: dict[str, str] | None
    version: str


class Product(TypedDict):
    """Product, its parent with the ratio, and one unit of it in the products that trade now."""

    id: str
    app_data: Json
    parent: tuple[str, float]
    basis: Weights


class Demand(TypedDict):
    """Demand; without a curve it is inactive."""

    id: str
    valid_from: str
    valid_until: str | None
    bidder_id: str
    app_data: Json
    curve_data: Curve | None
    portfolios: Weights | None


class PortfolioReply(TypedDict):
    """Portfolio; empty weights are None."""

    id: str
    valid_from: str
    valid_until: str | None
    bidder_id: str
    app_data: Json
    demand: Weights | None
    basis: Weights | None


class HistoryEntry(TypedDict, Generic[Value]):
    """Value of a history with its validity."""

    valid_from: str
    valid_until: str | None
    value: Value


class PriceAndRate(TypedDict):
    """Price [money/quantity], None if no bid could trade; and rate [quantity/time], of a product its volume."""

    price: float | None
    rate: float


class PageReply(TypedDict, Generic[Value]):
    """Page of a list; ``more`` has the arguments of the call for the next page."""

    results: list[Value]
    more: NotRequired[dict[str, str]]


class Batch(TypedDict):
    """Batch; if it was not solved, it has a reason and no outcome."""

    instant: str
    solved_at: str
    thru: str | None
    status: str
    reason: NotRequired[str]
    solver: str
    seconds: float
    products: int
    demands: int
    portfolios: int
    certificate: NotRequired[dict[str, Any]]


class Price(TypedDict):
    """Price and volume of a product in one batch, with the ends of its price interval if they were computed."""

    product: str
    price: float | None
    rate: float
    price_low: NotRequired[float | None]
    price_high: NotRequired[float | None]


class BatchEvent(TypedDict):
    """Event of a batch."""

    instant: str
    status: str
