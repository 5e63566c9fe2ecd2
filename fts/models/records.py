"""Records of a market: products, bids, batches, and pages of their histories.

Ids are UUIDs in their canonical text, instants are aware datetimes in UTC. Every record writes itself as
the JSON object that the REST contract shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from fts.models.certificate import Certificate
from fts.models.curve import Constant, Curve
from fts.models.timestamps import format_instant

Value = TypeVar("Value")
Json: TypeAlias = Any


@dataclass(frozen=True)
class Units:
    """The units of the rates, quantities and prices of a market.

    Attributes
    ----------
    time_unit : str
        A duration such as ``1h``; rates are quantity per this time.
    quantity_unit : str
        Such as ``MWh``.
    money_unit : str
        Such as ``EUR``; prices are money per quantity.
    """

    time_unit: str = "1h"
    quantity_unit: str = "MWh"
    money_unit: str = "EUR"

    def to_json(self) -> dict[str, str]:
        """Return the three units by name."""
        return {"time_unit": self.time_unit, "quantity_unit": self.quantity_unit, "money_unit": self.money_unit}


@dataclass(frozen=True)
class ProductRecord:
    """A product, with its place among coarser and finer ones.

    Attributes
    ----------
    id : str
    app_data : JSON value
        What the application knows about it; by default ``kind``, ``from``, ``thru``.
    parent : (str, float)
        The product it was split from and how much of it one unit of the parent is; a root is its own, ratio 1.
    basis : dict of str to float
        One unit of it in the products that trade now; itself, until it is split.
    created : datetime
    """

    id: str
    app_data: Json
    parent: tuple[str, float]
    basis: Mapping[str, float]
    created: datetime

    def to_json(self) -> dict[str, Json]:
        """Return the record as the REST contract shows it."""
        return {"id": self.id, "app_data": self.app_data, "parent": list(self.parent), "basis": dict(self.basis)}


@dataclass(frozen=True)
class DemandRecord:
    """A demand and the portfolios that refer to it.

    Attributes
    ----------
    id, bidder_id : str
    valid_from : datetime
        The last change of anything the record shows.
    valid_until : datetime or None
    app_data : JSON value
    curve : Curve, Constant or None
        None: inactive.
    portfolios : dict of str to float
        Weight of this demand in each portfolio that refers to it.
    """

    id: str
    valid_from: datetime
    valid_until: datetime | None
    bidder_id: str
    app_data: Json
    curve: Curve | Constant | None
    portfolios: Mapping[str, float]

    def to_json(self) -> dict[str, Json]:
        """Return the record as the REST contract shows it."""
        return {
            "id": self.id,
            **_validity(self.valid_from, self.valid_until),
            "bidder_id": self.bidder_id,
            "app_data": self.app_data,
            "curve_data": None if self.curve is None else self.curve.to_json(),
            "portfolios": dict(self.portfolios) or None,
        }


@dataclass(frozen=True)
class PortfolioRecord:
    """A portfolio: a direction of trade and the demands that value it.

    Attributes
    ----------
    id, bidder_id : str
    valid_from : datetime
        The last change of anything the record shows.
    valid_until : datetime or None
    app_data : JSON value
    demand : dict of str to float
        Demand to weight; empty: none.
    basis : dict of str to float
        Product to weight; empty: none.
    """

    id: str
    valid_from: datetime
    valid_until: datetime | None
    bidder_id: str
    app_data: Json
    demand: Mapping[str, float]
    basis: Mapping[str, float]

    def to_json(self) -> dict[str, Json]:
        """Return the record as the REST contract shows it."""
        return {
            "id": self.id,
            **_validity(self.valid_from, self.valid_until),
            "bidder_id": self.bidder_id,
            "app_data": self.app_data,
            "demand": dict(self.demand) or None,
            "basis": dict(self.basis) or None,
        }


@dataclass(frozen=True)
class BatchRecord:
    """One batch: when it was, what it cleared, and the proof of its outcome.

    Attributes
    ----------
    instant : datetime
        From here its outcomes hold, until the next batch that cleared.
    solved_at : datetime
        When it was run; the auction is that of ``min(instant, solved_at)``.
    thru : datetime or None
        The end of its outcomes, where the batch was given one.
    status : {"solved", "exact", "other rule", "not solved"}
        ``not solved`` stored no outcome: the one before stays valid.
    reason : str or None
        Why it was not solved.
    solver : str
        The engine or rule that cleared it; empty where none came to an answer.
    certificate : Certificate or None
    seconds : float
        Wall time of clearing [s].
    products, demands, portfolios : int
        How many of each took part.
    duration : float or None
        The time that limits on total trade counted for it [time unit]: that of its slice, or a step of the
        schedule; None: one time unit.
    """

    instant: datetime
    solved_at: datetime
    thru: datetime | None
    status: str
    reason: str | None
    solver: str
    certificate: Certificate | None
    seconds: float
    products: int
    demands: int
    portfolios: int
    duration: float | None = None

    @property
    def cleared(self) -> bool:
        """True if the batch stored an outcome."""
        return self.status != "not solved"

    def to_json(self) -> dict[str, Json]:
        """Return the record as JSON; ``reason`` and ``certificate`` are left out where there is none."""
        record: dict[str, Json] = {
            "instant": format_instant(self.instant),
            "solved_at": format_instant(self.solved_at),
            "thru": None if self.thru is None else format_instant(self.thru),
            "status": self.status,
        }
        if self.reason is not None:
            record["reason"] = self.reason
        record |= {
            "solver": self.solver,
            "seconds": self.seconds,
            "products": self.products,
            "demands": self.demands,
            "portfolios": self.portfolios,
        }
        if self.certificate is not None:
            record["certificate"] = {
                name: None if isinstance(value, float) and value != value else value
                for name, value in self.certificate.to_json().items()
            }
        return record


@dataclass(frozen=True)
class HistoryRow(Generic[Value]):
    """One line of a history: a value and how long it held.

    Attributes
    ----------
    valid_from : datetime
    valid_until : datetime or None
        None: still.
    value : a curve, weights, or ``{"price": …, "rate": …}``
    """

    valid_from: datetime
    valid_until: datetime | None
    value: Value

    def to_json(self) -> dict[str, Json]:
        """Return the row as the REST contract shows it."""
        return {**_validity(self.valid_from, self.valid_until), "value": _json(self.value)}


OutcomeRow: TypeAlias = HistoryRow[dict[str, float | None]]
"""Price and rate of a product or a portfolio in one batch, while they held."""


@dataclass(frozen=True)
class Page(Generic[Value]):
    """One page of a list or of a history; iterating over it gives its results.

    Attributes
    ----------
    results : list of HistoryRow or of records
    more : dict, or None
        The arguments with which the same call returns the next page; None: this was the last.
    """

    results: list[Value]
    more: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[Value]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def to_json(self) -> dict[str, Json]:
        """Return the page as the REST contract shows it; ``more`` is left out on the last one."""
        page: dict[str, Json] = {"results": [_json(result) for result in self.results]}
        if self.more is not None:
            page["more"] = {
                name: format_instant(value) if isinstance(value, datetime) else value
                for name, value in self.more.items()
            }
        return page


def _validity(valid_from: datetime, valid_until: datetime | None) -> dict[str, Json]:
    return {
        "valid_from": format_instant(valid_from),
        "valid_until": None if valid_until is None else format_instant(valid_until),
    }


def _json(value: Any) -> Json:
    return value.to_json() if hasattr(value, "to_json") else value
