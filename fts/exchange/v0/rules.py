"""The rules of auths and costs: what may be created, changed and stopped, and which weights follow from it.

An auth is a portfolio with its own demand, a cost a demand that the portfolios of its group refer to as well. An auth
trades while it has a basis, weights and a curve. Its portfolio and the group of a cost are kept for good: what is
stopped has no weights, and gets its last ones back when it is given data again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fts.errors import InvalidInput, NotFound
from fts.exchange.parsing import unknown_reference
from fts.exchange.rules import require_new_ids
from fts.exchange.v0.parsing import updated
from fts.models.v0 import AuthData, AuthRecord, CostData, CostRecord, own_demand
from fts.ports.store import Transaction

Weights = Mapping[str, float]


@dataclass(frozen=True)
class AuthChange:
    """An auth to be created (it has a portfolio), changed, or stopped (it has no data)."""

    id: str
    data: AuthData | None
    portfolio: Weights | None = None


@dataclass(frozen=True)
class CostChange:
    """A cost to be created (it has a group), changed, or stopped (it has no data)."""

    id: str
    data: CostData | None
    group: Weights | None = None


@dataclass(frozen=True)
class Submitted:
    """The records of auths and costs after changes, by id, with the auths of each changed cost."""

    auths: Mapping[str, AuthRecord]
    costs: Mapping[str, CostRecord]


def submit(market: Transaction, bidder: str, auths: Sequence[AuthChange], costs: Sequence[CostChange]) -> Submitted:
    """Create, change and stop auths and costs of a bidder, all or none. Stopping what is stopped changes nothing.

    Raises
    ------
    InvalidInput
        Something is named twice, or rates would be laid over points.
    UnknownReference
        No such product, or no such auth of this bidder.
    NotFound
        No such auth or cost of this bidder.
    AlreadyExists
    """
    require_distinct(auths, costs)
    new_auths = [auth for auth in auths if auth.portfolio is not None]
    new_costs = [cost for cost in costs if cost.group is not None]
    # What is known from memory first: a change that fails after a query holds up all that wait with it.
    _refuse_unknown(market, bidder, new_auths, new_costs)
    names = [auth.id for auth in new_auths]
    require_new_ids("auth", names, market.missing_portfolios(names))
    require_new_ids("auth", owns := [own_demand(name) for name in names], market.missing_demands(owns))
    names = [cost.id for cost in new_costs]
    require_new_ids("cost", names, market.missing_demands(names))
    _refuse_missing("auth", market.owner_of_portfolio, bidder, [auth.id for auth in auths if auth.portfolio is None])
    _refuse_missing("cost", market.owner_of_demand, bidder, [cost.id for cost in costs if cost.group is None])

    known_costs = _by_id(market.costs([cost.id for cost in costs if cost.group is None]))
    touched = {auth.id for auth in auths if auth.portfolio is None}
    touched |= {name for cost in new_costs for name in cost.group or ()} - {auth.id for auth in new_auths}
    touched |= {name for cost in known_costs.values() for name in cost.group}
    known_auths = _by_id(market.auths(touched))
    active = market.active_demands({demand for auth in known_auths.values() for demand in auth.last_weights})
    new_cost_records = [_write_cost(market, bidder, cost, known_costs.get(cost.id)) for cost in costs]
    active = active - {cost.id for cost in costs} | {cost.id for cost in costs if cost.data is not None}
    new_auth_records = _write_auths(market, bidder, auths, new_costs, known_auths, active)
    return Submitted(_by_id(new_auth_records), _by_id(new_cost_records))


def _write_cost(market: Transaction, bidder: str, change: CostChange, known: CostRecord | None) -> CostRecord:
    if known is None:
        market.add_demand(change.id, bidder, {"name": change.id})
    elif change.data is None and known.data is None:
        return known
    market.replace_curve(change.id, None if change.data is None else change.data.curve)
    market.replace_form(change.id, change.data)
    group = known.group if known is not None else _without_zeros(change.group or {})
    return CostRecord(change.id, bidder, market.instant, change.data, group)


def _write_auths(
    market: Transaction,
    bidder: str,
    auths: Sequence[AuthChange],
    new_costs: Sequence[CostChange],
    known: Mapping[str, AuthRecord],
    active: Collection[str],
) -> list[AuthRecord]:
    joined: dict[str, dict[str, float]] = {}
    for cost in new_costs:
        for name, weight in _without_zeros(cost.group or {}).items():
            joined.setdefault(name, {})[cost.id] = weight
    changes = {auth.id: auth for auth in auths} | {name: None for name in known if name not in {a.id for a in auths}}
    records = []
    for name, change in changes.items():
        record = known.get(name) or AuthRecord(name, bidder, market.instant, None, {}, {}, {}, {})
        data, version = record.data, record.version
        if name not in known:
            market.add_portfolio(name, bidder, {"name": name})
            market.add_demand(own_demand(name), bidder, {"name": name})
        if change is not None and (change.data is not None or data is not None):
            data, version = None if change.data is None else updated(data, change.data), market.instant
            market.replace_curve(own_demand(name), None if data is None else data.curve)
            market.replace_limits(name, data)
        weights, basis = _places(record, change, data, joined.get(name, {}), active)
        if weights != record.weights:
            market.replace_demand(name, weights)
        if basis != record.basis:
            market.replace_basis(name, basis)
        last = basis or record.basis or record.last_basis, weights or record.weights or record.last_weights
        records.append(AuthRecord(name, bidder, version, data, basis, weights, *last))
    return records


def _places(
    record: AuthRecord, change: AuthChange | None, data: AuthData | None, joined: Weights, active: Collection[str]
) -> tuple[Weights, Weights]:
    """Return the weights of an auth's portfolio on demands and on products, from now on."""
    own, runs = own_demand(record.id), record.data is not None
    # With its data given again, an auth has the weights it was created with; else those that its bidder may have
    # given it by the other contract.
    held = record.weights if runs and change is None else record.last_weights
    costs = {demand: weight for demand, weight in held.items() if demand != own} | dict(joined)
    if data is None:
        # A stopped auth keeps weights only to remember a cost that came later.
        return ({own: held.get(own, 1.0)} | costs if joined else {} if runs else record.weights), {}
    basis = record.basis if runs and change is None else record.last_basis
    if change is not None and change.portfolio is not None:
        basis = _without_zeros(change.portfolio)
    trades = data.form == "demand" or any(demand in active for demand in costs)
    if runs and change is None and data.form == "demand":
        trades = own in held
    return ({own: held.get(own, 1.0)} if trades else {}) | costs, basis


def _without_zeros(weights: Weights) -> dict[str, float]:
    return {name: weight for name, weight in weights.items() if weight}


def _by_id(records: Iterable[Any]) -> dict[str, Any]:
    return {record.id: record for record in records}


def require_distinct(auths: Iterable[AuthChange], costs: Iterable[CostChange]) -> None:
    """Refuse two changes of one thing.

    Raises
    ------
    InvalidInput
    """
    for what, names in (("auth", [auth.id for auth in auths]), ("cost", [cost.id for cost in costs])):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InvalidInput(f"the {what} {twice[0]} is named twice; say once what becomes of it")


def _refuse_missing(
    what: str, owner_of: Callable[[str], tuple[str, Any] | None], bidder: str, names: Iterable[str]
) -> None:
    for name in names:
        if owner_of(name) != (bidder, {"name": name}):
            raise NotFound(f"no {what} of this bidder has the id {name}")


def _refuse_unknown(market: Transaction, bidder: str, auths: Sequence[AuthChange], costs: Sequence[CostChange]) -> None:
    missing = market.missing_products({name for auth in auths for name in auth.portfolio or ()})
    if missing:
        raise unknown_reference(missing[0], "basis")
    new = {auth.id for auth in auths}
    for cost in costs:
        for name in cost.group or ():
            if name not in new and market.owner_of_portfolio(name) != (bidder, {"name": name}):
                raise unknown_reference(name, "group")
