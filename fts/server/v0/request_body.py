"""Request bodies of ``/v0``, which create, change, keep or stop bids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fts.errors import InvalidInput
from fts.exchange.parsing import parse_id
from fts.exchange.v0.parsing import parse_auth_data, parse_cost_data
from fts.exchange.v0.rules import AuthChange, CostChange
from fts.models.v0 import AuthData, CostData
from fts.server.limits import Limits
from fts.server.request_body import read_demand_curve, read_fields, read_group


@dataclass(frozen=True)
class BidKind:
    """Names and parsers of one kind of bid.

    Attributes
    ----------
    name, id_key, members : str
        ``auth``, ``auth_id``, ``portfolio``; of a cost ``cost``, ``cost_id``, ``group``.
    group : str
        Name of the members in errors.
    parse_data : callable
    change : type
    """

    name: str
    id_key: str
    members: str
    group: str
    parse_data: Callable[..., AuthData | CostData]
    change: Callable[..., Any]


AUTH = BidKind("auth", "auth_id", "portfolio", "basis", parse_auth_data, AuthChange)
COST = BidKind("cost", "cost_id", "group", "group", parse_cost_data, CostChange)


@dataclass(frozen=True)
class BidRequest:
    """Parsed body of a bid.

    Attributes
    ----------
    id : str or None
        None: the exchange chooses the id.
    data : AuthData, CostData or None
        None: the bid stops, or stays as it is.
    members : dict of str to float, or None
        Members of a new bid; None: the bid exists.
    """

    id: str | None
    data: Any
    members: Mapping[str, float] | None


def read_new(value: Any, kind: BidKind, limits: Limits) -> BidRequest:
    """Parse a new bid: ``{id?, members, data}``.

    Raises
    ------
    InvalidInput
    """
    fields = read_fields(value, kind.members, "data")
    name = fields.get(kind.id_key)
    return BidRequest(
        None if name is None else parse_id(name, kind.name),
        _data(fields, kind, limits),
        _members(fields[kind.members], kind),
    )


def read_change(value: Any, kind: BidKind, limits: Limits) -> BidRequest:
    """Parse a bid to be created ``{members, data}``, changed ``{data}``, or stopped ``null``.

    Raises
    ------
    InvalidInput
    """
    if value is None:
        return BidRequest(None, None, None)
    fields = read_fields(value, "data")
    members = fields.get(kind.members)
    return BidRequest(None, _data(fields, kind, limits), None if members is None else _members(members, kind))


def read_entry(value: Any, kind: BidKind, limits: Limits) -> Any:
    """Parse one entry of a submission, which creates, changes, or keeps (``{id}``) a bid.

    Returns an `AuthChange` or `CostChange`.

    Raises
    ------
    InvalidInput
    """
    fields = read_fields(value, kind.id_key)
    name, members = parse_id(fields[kind.id_key], kind.name), fields.get(kind.members)
    if members is None and fields.get("data") is None:
        return kind.change(name, None)
    read_fields(value, "data")
    return kind.change(name, _data(fields, kind, limits), None if members is None else _members(members, kind))


def _data(fields: Mapping[str, Any], kind: BidKind, limits: Limits) -> AuthData | CostData:
    return kind.parse_data(fields["data"], partial(read_demand_curve, limits=limits))


def _members(value: Any, kind: BidKind) -> dict[str, float]:
    if value is None:
        raise InvalidInput(f"the {kind.members} of the {kind.name} is null; write {{}} for an empty one")
    return read_group(value, kind.group)
