"""What an exchange answers: the JSON objects of its contract, typed."""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

Value = TypeVar("Value")
Json: TypeAlias = Any
Curve: TypeAlias = Any
"""Points ``[{"rate", "price"}, …]``, or one price ``{"price", "min_rate"?, "max_rate"?}``."""
Weights: TypeAlias = dict[str, float]


class Health(TypedDict):
    """That the exchange is there."""

    status: Literal["ok"]


class Market(TypedDict):
    """Units, schedule and version of a market."""

    time_unit: str
    quantity_unit: str
    money_unit: str
    schedule: dict[str, str] | None
    version: str


class Product(TypedDict):
    """A product, where it was split from, and one unit of it in the products that trade now."""

    id: str
    app_data: Json
    parent: tuple[str, float]
    basis: Weights


class Demand(TypedDict):
    """A demand; without a curve it is inactive."""

    id: str
    valid_from: str
    valid_until: str | None
    bidder_id: str
    app_data: Json
    curve_data: Curve | None
    portfolios: Weights | None


class Portfolio(TypedDict):
    """A portfolio; empty weights are None."""

    id: str
    valid_from: str
    valid_until: str | None
    bidder_id: str
    app_data: Json
    demand: Weights | None
    basis: Weights | None


class Row(TypedDict, Generic[Value]):
    """One line of a history: a value and how long it held."""

    valid_from: str
    valid_until: str | None
    value: Value


class Outcome(TypedDict):
    """Price [money/quantity], None where nobody could trade; and rate [quantity/time], of a product its volume."""

    price: float | None
    rate: float


class Page(TypedDict, Generic[Value]):
    """One page of a list; ``more`` is the arguments of the call for the next one."""

    results: list[Value]
    more: NotRequired[dict[str, str]]


class Batch(TypedDict):
    """A batch; one that was not solved has a reason and no outcome."""

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
    """Price and volume of a product in one batch; the ends of its interval where they were computed."""

    product: str
    price: float | None
    rate: float
    price_low: NotRequired[float | None]
    price_high: NotRequired[float | None]


class BatchEvent(TypedDict):
    """That a batch ran."""

    instant: str
    status: str
