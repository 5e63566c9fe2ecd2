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
from fts.exchange.auth_data import updated
from fts.exchange.bids import refuse_taken
from fts.exchange.given import unknown
from fts.models.auth import AuthData, AuthRecord, CostData, CostRecord, own_demand
from fts.ports.store import Transaction

Weights = Mapping[str, float]


@dataclass(frozen=True)
class AuthChange:
    """An auth to be made (it has a portfolio), changed, or stopped (it has no data)."""

    id: str
    data: AuthData | None
    portfolio: Weights | None = None


@dataclass(frozen=True)
class CostChange:
    """A cost to be made (it has a group), changed, or stopped (it has no data)."""

    id: str
    data: CostData | None
    group: Weights | None = None


def submit(market: Transaction, bidder: str, auths: Sequence[AuthChange], costs: Sequence[CostChange]) -> None:
    """Make, change and stop auths and costs of a bidder, all or none. Stopping what is stopped changes nothing.

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
    refuse_twice(auths, costs)
    new_auths = [auth for auth in auths if auth.portfolio is not None]
    new_costs = [cost for cost in costs if cost.group is not None]
    # What is known from memory first: a change that fails after a query holds up all that wait with it.
    _refuse_unknown(market, bidder, new_auths, new_costs)
    names = [auth.id for auth in new_auths]
    refuse_taken("auth", names, market.missing_portfolios(names))
    refuse_taken("auth", owns := [own_demand(name) for name in names], market.missing_demands(owns))
    names = [cost.id for cost in new_costs]
    refuse_taken("cost", names, market.missing_demands(names))
    _refuse_missing("auth", market.owner_of_portfolio, bidder, [auth.id for auth in auths if auth.portfolio is None])
    _refuse_missing("cost", market.owner_of_demand, bidder, [cost.id for cost in costs if cost.group is None])

    known_costs = _by_id(market.costs([cost.id for cost in costs if cost.group is None]))
    touched = {auth.id for auth in auths if auth.portfolio is None}
    touched |= {name for cost in new_costs for name in cost.group or ()} - {auth.id for auth in new_auths}
    touched |= {name for cost in known_costs.values() for name in cost.group}
    known_auths = _by_id(market.auths(touched))
    active = _write_costs(market, bidder, costs, known_costs, known_auths.values())
    _write_auths(market, bidder, auths, new_costs, known_auths, active)


def _write_costs(
    market: Transaction,
    bidder: str,
    costs: Sequence[CostChange],
    known: Mapping[str, CostRecord],
    auths: Iterable[AuthRecord],
) -> set[str]:
    """Write the costs; of the demands that auths refer to, those with a curve from now on."""
    active = market.active_demands({demand for auth in auths for demand in auth.last_weights})
    for cost in costs:
        if cost.group is not None:
            market.add_demand(cost.id, bidder, {"name": cost.id})
        elif cost.data is None and known[cost.id].data is None:
            continue
        market.replace_curve(cost.id, None if cost.data is None else cost.data.curve)
        market.replace_form(cost.id, cost.data)
        active = active - {cost.id} if cost.data is None else active | {cost.id}
    return active


def _write_auths(
    market: Transaction,
    bidder: str,
    auths: Sequence[AuthChange],
    new_costs: Sequence[CostChange],
    known: Mapping[str, AuthRecord],
    active: Collection[str],
) -> None:
    joined: dict[str, dict[str, float]] = {}
    for cost in new_costs:
        for name, weight in (cost.group or {}).items():
            if weight:
                joined.setdefault(name, {})[cost.id] = weight
    changed = {auth.id: auth for auth in auths}
    for name in [*(auth.id for auth in auths), *(set(known) - set(changed))]:
        record, change = known.get(name), changed.get(name)
        data = record.data if record is not None else None
        if change is not None and (change.data is not None or data is not None):
            data = None if change.data is None else updated(data, change.data)
            if record is None:
                market.add_portfolio(name, bidder, {"name": name})
                market.add_demand(own_demand(name), bidder, {"name": name})
            market.replace_curve(own_demand(name), None if data is None else data.curve)
            market.replace_limits(name, data)
        weights, basis = _places(name, record, change, data, joined.get(name, {}), active)
        if weights != (record.weights if record is not None else {}):
            market.replace_demand(name, weights)
        if basis != (record.basis if record is not None else {}):
            market.replace_basis(name, basis)


def _places(
    name: str,
    record: AuthRecord | None,
    change: AuthChange | None,
    data: AuthData | None,
    joined: Weights,
    active: Collection[str],
) -> tuple[Weights, Weights]:
    """The weights of an auth's portfolio on demands and on products, from now on."""
    own = own_demand(name)
    runs = record is not None and record.data is not None
    held: Weights = {} if record is None else record.weights if runs else record.last_weights
    costs = {demand: weight for demand, weight in held.items() if demand != own} | dict(joined)
    if data is None:
        # A stopped auth keeps weights only to remember a cost that came later.
        stops = change is not None and runs
        kept = {} if record is None or stops else record.weights
        return ({own: held.get(own, 1.0)} | costs if joined else kept), {}
    basis: Weights = {}
    if record is not None:
        basis = record.basis if runs else record.last_basis
    elif change is not None:
        basis = {product: weight for product, weight in (change.portfolio or {}).items() if weight}
    trades = data.form == "demand" or any(demand in active for demand in costs)
    if runs and change is None and data.form == "demand":
        # Its bidder may have taken its own demand out of the portfolio by the other contract.
        trades = own in held
    return ({own: held.get(own, 1.0)} if trades else {}) | costs, basis


def _by_id(records: Iterable[Any]) -> dict[str, Any]:
    return {record.id: record for record in records}


def refuse_twice(auths: Iterable[AuthChange], costs: Iterable[CostChange]) -> None:
    """Refuse changes of one thing that are two.

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
        raise unknown(missing[0], "basis")
    new = {auth.id for auth in auths}
    for cost in costs:
        for name in cost.group or ():
            if name not in new and market.owner_of_portfolio(name) != (bidder, {"name": name}):
                raise unknown(name, "group")
