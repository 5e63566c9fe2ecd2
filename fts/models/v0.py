"""Bids in the words of the ``/v0`` contract: an auth is a portfolio with its own demand, a cost a demand of a group.

A trade is the quantity of one product or portfolio in one batch, over the time that the batch held.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID, uuid5

from fts.models.curve import Constant, Curve
from fts.models.records import Json
from fts.models.timestamps import format_instant

OWN = UUID("2d6d1f0e-52b8-5c0a-8f5b-0d1f6a2f9f5e")
"""The name space of the ids of auths' own demands."""
Form: TypeAlias = Literal["demand", "rates"]


def own_demand(auth: str) -> str:
    """Return the id of the demand that is an auth's own; a function of the auth's id."""
    return str(uuid5(OWN, auth))


@dataclass(frozen=True)
class AuthData:
    """The data of an auth: its own demand and its limits on total trade.

    Attributes
    ----------
    curve : Curve or Constant
        Its own demand.
    min_trade, max_trade : float or None
        Bounds of the quantity it ever trades; None: unlimited.
    form : {"demand", "rates"}
        How it was written: with its demand, or only with the rates between which it trades, and that only
        while some cost refers to it.
    """

    curve: Curve | Constant
    min_trade: float | None = None
    max_trade: float | None = None
    form: Form = "demand"

    def to_json(self) -> dict[str, Json]:
        """Return the data as the contract shows them; an unlimited bound is null."""
        return {
            "demand": self.curve.to_json(),
            "min_rate": _finite(self.curve.min_rate),
            "max_rate": _finite(self.curve.max_rate),
            "min_trade": self.min_trade,
            "max_trade": self.max_trade,
        }


@dataclass(frozen=True)
class CostData:
    """The data of a cost: the demand that its group shares.

    Attributes
    ----------
    curve : Curve or Constant
        The demand that the group shares.
    bare : bool
        Whether it was written as the curve alone.
    """

    curve: Curve | Constant
    bare: bool = False

    def to_json(self) -> Json:
        """Return the data in the form that they were written in."""
        return self.curve.to_json() if self.bare else {"demand": self.curve.to_json()}


@dataclass(frozen=True)
class AuthRecord:
    """An auth: what one bidder is ready to trade of one portfolio.

    Attributes
    ----------
    id, bidder_id : str
    version : datetime
        The last change of its data.
    data : AuthData or None
        None: stopped.
    basis, weights : dict of str to float
        Weights of the portfolio on products and on demands, as they hold now.
    last_basis, last_weights : dict of str to float
        The same, or the last ones where there are none now.
    """

    id: str
    bidder_id: str
    version: datetime
    data: AuthData | None
    basis: Mapping[str, float]
    weights: Mapping[str, float]
    last_basis: Mapping[str, float]
    last_weights: Mapping[str, float]

    @property
    def portfolio(self) -> Mapping[str, float]:
        """The products that it trades; of a stopped auth those it would trade again."""
        return self.last_basis if self.data is None else self.basis


@dataclass(frozen=True)
class CostRecord:
    """A cost: one demand of one bidder, shared by a group of auths.

    Attributes
    ----------
    id, bidder_id : str
    version : datetime
        The last change of its data.
    data : CostData or None
        None: stopped.
    group : dict of str to float
        Weight of each auth, stopped ones too.
    """

    id: str
    bidder_id: str
    version: datetime
    data: CostData | None
    group: Mapping[str, float]


@dataclass(frozen=True)
class Version:
    """The last change of a thing, or one line of its history.

    Attributes
    ----------
    version : datetime
    id : str
        Of the thing.
    data : AuthData, CostData or None
        As of then; None where it was stopped, or was not asked for.
    """

    version: datetime
    id: str
    data: AuthData | CostData | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the line of a history."""
        return {"data": None if self.data is None else self.data.to_json(), "version": format_instant(self.version)}


@dataclass(frozen=True)
class Submission:
    """All that one bidder asks for at an instant.

    Attributes
    ----------
    auths : list of AuthRecord
    costs : list of CostRecord
    as_of : datetime
    trades : dict of str to float
        What each auth has traded until then.
    """

    auths: list[AuthRecord]
    costs: list[CostRecord]
    as_of: datetime
    trades: Mapping[str, float]


@dataclass(frozen=True)
class Trade:
    """Price and quantity of a product or a portfolio, on ``[from, thru)``.

    Attributes
    ----------
    id : str
        Of the product or portfolio.
    from_, thru : datetime
    price : float or None
        [money / quantity]; None: it could not be traded.
    trade : float
        ``rate × (thru − from)`` [quantity]; of a portfolio + bought, of a product the volume.
    """

    id: str
    from_: datetime
    thru: datetime
    price: float | None
    trade: float

    def to_json(self) -> dict[str, Json]:
        """Return ``from``, ``thru``, ``price`` and ``trade``."""
        return {
            "from": format_instant(self.from_),
            "thru": format_instant(self.thru),
            "price": self.price,
            "trade": self.trade,
        }


def _finite(rate: Any) -> float | None:
    return float(rate) if math.isfinite(rate) else None
