"""The rules of bids: what may be created and changed, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fts.errors import AlreadyExists, AlreadyPartitioned, NotFound
from fts.exchange.parsing import unknown_reference
from fts.models.curve import Constant, Curve
from fts.models.records import DemandRecord, PortfolioRecord, ProductRecord
from fts.ports.store import EntityReader, Transaction

Record = TypeVar("Record")


@dataclass(frozen=True)
class NewProduct:
    """A product to be created."""

    id: str
    app_data: Any


@dataclass(frozen=True)
class NewDemand:
    """A demand to be created."""

    id: str
    app_data: Any
    curve: Curve | Constant | None


@dataclass(frozen=True)
class NewPortfolio:
    """A portfolio to be created."""

    id: str
    app_data: Any
    demand: Mapping[str, float]
    basis: Mapping[str, float]


def create_products(market: Transaction, products: Sequence[NewProduct]) -> list[ProductRecord]:
    """Create products, all or none.

    Raises
    ------
    AlreadyExists
    """
    names = [product.id for product in products]
    require_new_ids("product", names, market.missing_products(names))
    for product in products:
        market.add_product(product.id, product.app_data)
    return [
        ProductRecord(product.id, product.app_data, (product.id, 1.0), {product.id: 1.0}, market.instant)
        for product in products
    ]


def split_product(
    market: Transaction, parent: str, children: Sequence[tuple[NewProduct, float]]
) -> list[ProductRecord]:
    """Split a product that trades into others, all or none.

    Raises
    ------
    NotFound, AlreadyPartitioned, AlreadyExists
    """
    if parent not in product_of(market, parent).basis:
        raise AlreadyPartitioned(f"the product {parent} is split already; what is finer is made from its parts")
    names = [child.id for child, _ in children]
    require_new_ids("product", names, market.missing_products(names))
    market.split_product(parent, [(child.id, child.app_data, ratio) for child, ratio in children])
    return [
        ProductRecord(child.id, child.app_data, (parent, ratio), {child.id: 1.0}, market.instant)
        for child, ratio in children
    ]


def create_demands(market: Transaction, bidder: str, demands: Sequence[NewDemand]) -> list[DemandRecord]:
    """Create demands of a bidder, all or none.

    Raises
    ------
    AlreadyExists
    """
    names = [demand.id for demand in demands]
    require_new_ids("demand", names, market.missing_demands(names))
    for demand in demands:
        market.add_demand(demand.id, bidder, demand.app_data)
        if demand.curve is not None:
            market.replace_curve(demand.id, demand.curve)
    return [
        DemandRecord(demand.id, market.instant, None, bidder, demand.app_data, demand.curve, {}) for demand in demands
    ]


def create_portfolios(market: Transaction, bidder: str, portfolios: Sequence[NewPortfolio]) -> list[PortfolioRecord]:
    """Create portfolios of a bidder, all or none.

    Raises
    ------
    UnknownReference, AlreadyExists
    """
    _refuse_unknown(
        market,
        bidder,
        {name for portfolio in portfolios for name in portfolio.demand},
        {name for portfolio in portfolios for name in portfolio.basis},
    )
    names = [portfolio.id for portfolio in portfolios]
    require_new_ids("portfolio", names, market.missing_portfolios(names))
    for portfolio in portfolios:
        market.add_portfolio(portfolio.id, bidder, portfolio.app_data)
        if portfolio.demand:
            market.replace_demand(portfolio.id, portfolio.demand)
        if portfolio.basis:
            market.replace_basis(portfolio.id, portfolio.basis)
    return [
        PortfolioRecord(
            portfolio.id, market.instant, None, bidder, portfolio.app_data, portfolio.demand, portfolio.basis
        )
        for portfolio in portfolios
    ]


def change_demand(market: Transaction, name: str, curve: Curve | Constant | None) -> DemandRecord:
    """Give a demand another curve; None ends it. Ending what has ended changes nothing.

    Raises
    ------
    NotFound
    """
    record = demand_of(market, name)
    if curve is None and record.curve is None:
        return record
    market.replace_curve(name, curve)
    return replace(record, valid_from=market.instant, curve=curve)


def replace_curve(market: Transaction, name: str, curve: Curve | Constant | None) -> None:
    """Give a demand another curve as `change_demand` does, but return no record: for thousands of changes.

    Raises
    ------
    NotFound
    """
    if curve is None:
        change_demand(market, name, None)
        return
    bidder_of_demand(market, name)
    market.replace_curve(name, curve)


def change_portfolio(
    market: Transaction, name: str, demand: Mapping[str, float] | None, basis: Mapping[str, float] | None
) -> PortfolioRecord:
    """Give a portfolio other weights; None keeps a group, emptying an empty one changes nothing.

    Raises
    ------
    NotFound, UnknownReference
    """
    record = portfolio_of(market, name)
    _refuse_unknown(market, record.bidder_id, demand or (), basis or ())
    if demand is not None and (demand or record.demand):
        market.replace_demand(name, demand)
        record = replace(record, valid_from=market.instant, demand=demand)
    if basis is not None and (basis or record.basis):
        market.replace_basis(name, basis)
        record = replace(record, valid_from=market.instant, basis=basis)
    return record


def product_of(market: EntityReader, name: str) -> ProductRecord:
    """Return the product with this id.

    Raises
    ------
    NotFound
    """
    return _found(market.product(name), "product", name)


def demand_of(market: EntityReader, name: str) -> DemandRecord:
    """Return the demand with this id.

    Raises
    ------
    NotFound
    """
    return _found(market.demand(name), "demand", name)


def portfolio_of(market: EntityReader, name: str) -> PortfolioRecord:
    """Return the portfolio with this id.

    Raises
    ------
    NotFound
    """
    return _found(market.portfolio(name), "portfolio", name)


def expanded_portfolio(market: EntityReader, name: str) -> PortfolioRecord:
    """Return the portfolio with this id, its basis in the products that trade now.

    Raises
    ------
    NotFound
    """
    record = portfolio_of(market, name)
    basis, since = market.expanded_basis(name)
    return replace(record, basis=basis, valid_from=max(record.valid_from, since or record.valid_from))


def bidder_of_demand(market: EntityReader, name: str) -> str:
    """Return the bidder of a demand.

    Raises
    ------
    NotFound
    """
    return _found(market.owner_of_demand(name), "demand", name)[0]


def bidder_of_portfolio(market: EntityReader, name: str) -> str:
    """Return the bidder of a portfolio.

    Raises
    ------
    NotFound
    """
    return _found(market.owner_of_portfolio(name), "portfolio", name)[0]


def require_exists(what: str, name: str, missing: Sequence[str]) -> None:
    """Refuse the id of a thing that does not exist.

    Raises
    ------
    NotFound
    """
    if missing:
        raise NotFound(f"no {what} has the id {name}")


def _found(record: Record | None, what: str, name: str) -> Record:
    if record is None:
        raise NotFound(f"no {what} has the id {name}")
    return record


def _refuse_unknown(market: EntityReader, bidder: str, demands: Iterable[str], products: Iterable[str]) -> None:
    for group, missing in (
        ("demand", market.missing_demands(list(demands), bidder)),
        ("basis", market.missing_products(list(products))),
    ):
        if missing:
            raise unknown_reference(missing[0], group)


def require_new_ids(what: str, names: Sequence[str], missing: Sequence[str]) -> None:
    """Refuse ids that are taken, or that are given twice.

    Raises
    ------
    AlreadyExists
    """
    free = set(missing)
    for name in names:
        if name not in free:
            raise AlreadyExists(f"the {what} {name} is there already; nothing was created")
        free.discard(name)
