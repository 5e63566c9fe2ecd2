"""Bodies of ``/v0``: bids to be made, changed, kept or stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fts.errors import InvalidInput
from fts.exchange.auth_data import read_auth_data, read_cost_data
from fts.exchange.given import read_id
from fts.exchange.submission import AuthChange, CostChange
from fts.models.auth import AuthData, CostData
from fts.server.body import read_demand_curve, read_fields, read_group
from fts.server.limits import Limits


@dataclass(frozen=True)
class Kind:
    """What a contract calls one kind of bid.

    Attributes
    ----------
    name, id_key, members : str
        ``auth``, ``auth_id``, ``portfolio``; of a cost its ``group``.
    group : str
        As errors call the members.
    read_data : callable
    change : type
    """

    name: str
    id_key: str
    members: str
    group: str
    read_data: Callable[..., AuthData | CostData]
    change: Callable[..., Any]


AUTH = Kind("auth", "auth_id", "portfolio", "basis", read_auth_data, AuthChange)
COST = Kind("cost", "cost_id", "group", "group", read_cost_data, CostChange)


@dataclass(frozen=True)
class Given:
    """What a body says of a bid.

    Attributes
    ----------
    id : str or None
        None: the exchange makes one.
    data : AuthData, CostData or None
        None: it is stopped, or kept.
    members : dict of str to float, or None
        Of a bid to be made.
    """

    id: str | None
    data: Any
    members: Mapping[str, float] | None


def read_new(value: Any, kind: Kind, limits: Limits) -> Given:
    """A bid to be made: ``{id?, members, data}``.

    Raises
    ------
    InvalidInput
    """
    fields = read_fields(value, kind.members, "data")
    name = fields.get(kind.id_key)
    return Given(
        None if name is None else read_id(name, kind.name),
        _data(fields, kind, limits),
        _members(fields[kind.members], kind),
    )


def read_change(value: Any, kind: Kind, limits: Limits) -> Given:
    """A bid to be made ``{members, data}``, changed ``{data}``, or stopped ``null``.

    Raises
    ------
    InvalidInput
    """
    if value is None:
        return Given(None, None, None)
    fields = read_fields(value, "data")
    members = fields.get(kind.members)
    return Given(None, _data(fields, kind, limits), None if members is None else _members(members, kind))


def read_entry(value: Any, kind: Kind, limits: Limits) -> Any:
    """One entry of a submission, an `AuthChange` or `CostChange`: made, changed, or kept as ``{id}``.

    Raises
    ------
    InvalidInput
    """
    fields = read_fields(value, kind.id_key)
    name, members = read_id(fields[kind.id_key], kind.name), fields.get(kind.members)
    if members is None and fields.get("data") is None:
        return kind.change(name, None)
    read_fields(value, "data")
    return kind.change(name, _data(fields, kind, limits), None if members is None else _members(members, kind))


def _data(fields: Mapping[str, Any], kind: Kind, limits: Limits) -> AuthData | CostData:
    return kind.read_data(fields["data"], partial(read_demand_curve, limits=limits))


def _members(value: Any, kind: Kind) -> dict[str, float]:
    if value is None:
        raise InvalidInput(f"the {kind.members} of the {kind.name} is null; write {{}} for an empty one")
    return read_group(value, kind.group)
