"""Auths, costs and submissions: bids in the words of the ``/v0`` contract."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from fts.exchange import rules
from fts.exchange.bids import MarketBids
from fts.exchange.context import MarketContext
from fts.exchange.parsing import parse_id, parse_span, parse_weights
from fts.exchange.v0.pages import page_by_instant
from fts.exchange.v0.parsing import AuthDataLike, CostDataLike, parse_auth_data, parse_cost_data
from fts.exchange.v0.rules import AuthChange, CostChange, require_distinct, submit
from fts.models.arguments import IdLike, InstantLike, WeightsLike
from fts.models.records import Page
from fts.models.v0 import AuthRecord, CostRecord, Submission, Version
from fts.ports.store import EntityReader, MarketReader, Transaction

Record = TypeVar("Record", AuthRecord, CostRecord)


class Auths:
    """The auths and costs of a market.

    An auth is a portfolio with its own demand, a cost a demand that a group of auths shares. Both can be read and
    changed as any other portfolio and demand.

    Parameters
    ----------
    context : MarketContext
    bids : MarketBids
        Executes the changes.
    """

    def __init__(self, context: MarketContext, bids: MarketBids) -> None:
        self._context = context
        self._bids = bids

    def create_auth(
        self, data: AuthDataLike, portfolio: WeightsLike, *, bidder: IdLike, auth: IdLike | None = None
    ) -> AuthRecord:
        """Create an auth.

        Parameters
        ----------
        data : {"demand", "min_trade"?, "max_trade"?} or {"min_rate", "max_rate", "min_trade"?, "max_trade"?}
            The older form trades only while some cost refers to the auth.
        portfolio : weights
            Products.
        bidder : UUID
        auth : id, optional
            By default a new one.

        Raises
        ------
        InvalidInput, InvalidCurve, InvalidWeights, UnknownReference, AlreadyExists
        """
        name = parse_id(uuid4() if auth is None else auth, "auth")
        change = AuthChange(name, parse_auth_data(data), parse_weights(portfolio, "basis"))
        return self._change_auth(parse_id(bidder, "bidder"), change)

    def change_auth(self, auth: IdLike, data: AuthDataLike | None) -> AuthRecord:
        """Give an auth other data; None stops it.

        Raises
        ------
        NotFound, InvalidInput, InvalidCurve
        """
        name = parse_id(auth, "auth")
        return self._change_auth(
            self.bidder_of_auth(name), AuthChange(name, None if data is None else parse_auth_data(data))
        )

    def auth(self, auth: IdLike) -> AuthRecord:
        """Return one auth.

        Raises
        ------
        NotFound
        """
        return _auth(self._context.read, parse_id(auth, "auth"))

    def bidder_of_auth(self, auth: IdLike) -> str:
        """Return the bidder of an auth.

        Raises
        ------
        NotFound
        """
        return _bidder(self._context.read.owner_of_portfolio, parse_id(auth, "auth"), "auth")

    def auth_versions(
        self, bidder: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Version]:
        """Return a page of the last changes of a bidder's auths on [after, before), newest first.

        Changes of one instant stay on one page.
        """
        names = self._context.read.auth_names(parse_id(bidder, "bidder"))
        limit, (until, since) = self._context.options.page_limit, parse_span(before, after)
        found = self._context.read.auth_versions(names, until, since, limit)
        return page_by_instant(found, limit, since, lambda change: change.version)

    def auth_history(
        self, auth: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Version]:
        """Return a page of the data of an auth on [after, before), newest first.

        Raises
        ------
        NotFound
        """
        name = parse_id(auth, "auth")
        self.bidder_of_auth(name)
        limit, (until, since) = self._context.options.page_limit, parse_span(before, after)
        found = self._context.read.auth_history(name, until, since, limit + 1)
        return page_by_instant(found, limit, since, lambda change: change.version)

    def portfolio_of_auth(self, record: AuthRecord, *, expand: bool = False) -> dict[str, float]:
        """Return the products of an auth, as they were written or in those that trade now.

        Parameters
        ----------
        record : AuthRecord
        expand : bool
        """
        if not expand:
            return dict(record.portfolio)
        expanded: dict[str, float] = {}
        for product, weight in record.portfolio.items():
            for leaf, units in rules.product_of(self._context.read, product).basis.items():
                expanded[leaf] = expanded.get(leaf, 0.0) + weight * units
        return dict(sorted(expanded.items()))

    def create_cost(
        self, data: CostDataLike, group: WeightsLike, *, bidder: IdLike, cost: IdLike | None = None
    ) -> CostRecord:
        """Create a cost.

        Parameters
        ----------
        data : {"demand": curve}, or a curve
        group : weights
            Auths of the same bidder.
        bidder : UUID
        cost : id, optional
            By default a new one.

        Raises
        ------
        InvalidInput, InvalidCurve, InvalidWeights, UnknownReference, AlreadyExists
        """
        name = parse_id(uuid4() if cost is None else cost, "cost")
        change = CostChange(name, parse_cost_data(data), parse_weights(group, "group"))
        return self._change_cost(parse_id(bidder, "bidder"), change)

    def change_cost(self, cost: IdLike, data: CostDataLike | None) -> CostRecord:
        """Give a cost other data; None stops it.

        Raises
        ------
        NotFound, InvalidInput, InvalidCurve
        """
        name = parse_id(cost, "cost")
        return self._change_cost(
            self.bidder_of_cost(name), CostChange(name, None if data is None else parse_cost_data(data))
        )

    def cost(self, cost: IdLike) -> CostRecord:
        """Return one cost.

        Raises
        ------
        NotFound
        """
        return _cost(self._context.read, parse_id(cost, "cost"))

    def bidder_of_cost(self, cost: IdLike) -> str:
        """Return the bidder of a cost.

        Raises
        ------
        NotFound
        """
        return _bidder(self._context.read.owner_of_demand, parse_id(cost, "cost"), "cost")

    def cost_versions(
        self, bidder: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Version]:
        """Return the last changes of a bidder's costs, as `auth_versions`."""
        names = self._context.read.cost_names(parse_id(bidder, "bidder"))
        limit, (until, since) = self._context.options.page_limit, parse_span(before, after)
        found = self._context.read.cost_versions(names, until, since, limit)
        return page_by_instant(found, limit, since, lambda change: change.version)

    def cost_history(
        self, cost: IdLike, before: InstantLike | None = None, after: InstantLike | None = None
    ) -> Page[Version]:
        """Return the data of a cost, as `auth_history`.

        Raises
        ------
        NotFound
        """
        name = parse_id(cost, "cost")
        self.bidder_of_cost(name)
        limit, (until, since) = self._context.options.page_limit, parse_span(before, after)
        found = self._context.read.cost_history(name, until, since, limit + 1)
        return page_by_instant(found, limit, since, lambda change: change.version)

    def submission(self, bidder: IdLike) -> Submission:
        """Return all active auths and costs of a bidder."""
        owner, as_of = parse_id(bidder, "bidder"), self._context.now()
        return _submission(self._context.read, owner, as_of)

    def replace_submission(
        self, auths: Iterable[AuthChange], costs: Iterable[CostChange], *, bidder: IdLike
    ) -> Submission:
        """Create, change and keep auths and costs, and stop all others of the bidder, at one instant.

        Parameters
        ----------
        auths, costs : iterable of AuthChange, CostChange
            With neither data nor portfolio or group: kept; what had stopped stays stopped, and is in the result too.
        bidder : UUID

        Raises
        ------
        NotFound, AlreadyExists, UnknownReference, InvalidInput
            Nothing was changed.
        """
        owner, auths, costs = parse_id(bidder, "bidder"), list(auths), list(costs)
        submission = self._bids.execute(lambda change: _replace(change, owner, auths, costs))
        names = [record.id for record in submission.auths]
        return replace(submission, trades=self._context.read.traded_quantities(names, submission.as_of))

    def _change_auth(self, bidder: str, change: AuthChange) -> AuthRecord:
        return self._bids.execute(lambda market: submit(market, bidder, [change], []).auths[change.id])

    def _change_cost(self, bidder: str, change: CostChange) -> CostRecord:
        return self._bids.execute(lambda market: submit(market, bidder, [], [change]).costs[change.id])


def _replace(market: Transaction, bidder: str, auths: Sequence[AuthChange], costs: Sequence[CostChange]) -> Submission:
    require_distinct(auths, costs)
    known_auths = {record.id: record for record in market.auths(market.auth_names(bidder))}
    known_costs = {record.id: record for record in market.costs(market.cost_names(bidder))}
    kept_auths = [change.id for change in auths if change.data is None]
    kept_costs = [change.id for change in costs if change.data is None]
    for what, names, known in (("auth", kept_auths, known_auths), ("cost", kept_costs, known_costs)):
        rules.require_exists(f"{what} of this bidder", *_first_missing(names, known))
    listed_auths, listed_costs = {change.id for change in auths}, {change.id for change in costs}
    stopped_auths = [
        AuthChange(name, None) for name, record in known_auths.items() if record.data and name not in listed_auths
    ]
    stopped_costs = [
        CostChange(name, None) for name, record in known_costs.items() if record.data and name not in listed_costs
    ]
    submitted = submit(
        market,
        bidder,
        [*(change for change in auths if change.data is not None), *stopped_auths],
        [*(change for change in costs if change.data is not None), *stopped_costs],
    )
    all_auths, all_costs = known_auths | dict(submitted.auths), known_costs | dict(submitted.costs)
    return Submission(
        _listed_records(all_auths.values(), listed_auths),
        _listed_records(all_costs.values(), listed_costs),
        market.instant,
        {},
    )


def _listed_records(records: Iterable[Record], listed: Collection[str]) -> list[Record]:
    """Return the records that are active or listed in the request, by age."""
    chosen = [record for record in records if record.data is not None or record.id in listed]
    return sorted(chosen, key=lambda record: (record.version, record.id))


def _first_missing(names: Iterable[str], known: Mapping[str, Any]) -> tuple[str, list[str]]:
    missing = [name for name in names if name not in known]
    return (missing[0] if missing else ""), missing


def _submission(read: MarketReader, bidder: str, as_of: datetime) -> Submission:
    auths = [record for record in read.auths(read.auth_names(bidder)) if record.data is not None]
    costs = [record for record in read.costs(read.cost_names(bidder)) if record.data is not None]
    return Submission(auths, costs, as_of, read.traded_quantities([record.id for record in auths], as_of))


def _auth(read: EntityReader, name: str) -> AuthRecord:
    found = read.auths([name])
    rules.require_exists("auth", name, [] if found else [name])
    return found[0]


def _cost(read: EntityReader, name: str) -> CostRecord:
    found = read.costs([name])
    rules.require_exists("cost", name, [] if found else [name])
    return found[0]


def _bidder(owner_of: Any, name: str, what: str) -> str:
    """Return the bidder of a thing whose name is its id, as every thing created by this contract has it."""
    found = owner_of(name)
    rules.require_exists(what, name, [] if found is not None and found[1] == {"name": name} else [name])
    bidder: str = found[0]
    return bidder
