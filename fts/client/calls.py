"""Calls of the contract: each builds a `Request` with the type of its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fts.client.errors import RequestNotSolved
from fts.client.request import (
    DEMAND_COLUMNS,
    PORTFOLIO_COLUMNS,
    Id,
    Instant,
    Request,
    bulk_request,
    curve_json,
    get_request,
    instant_text,
    join_path,
    json_request,
    weights_json,
)
from fts.client.types import (
    Batch,
    Curve,
    Demand,
    Health,
    HistoryEntry,
    MarketInfo,
    PageReply,
    PortfolioReply,
    Price,
    PriceAndRate,
    Product,
    Weights,
)


def health() -> Request[Health]:
    """Check that the exchange responds: ``{"status": "ok"}``."""
    return get_request("/health")


def market() -> Request[MarketInfo]:
    """Read units, schedule and version."""
    return get_request("/market")


def products(
    kind: int | str | None = None,
    from_: Instant | None = None,
    thru: Instant | None = None,
    cursor: str | None = None,
) -> Request[PageReply[Product]]:
    """List products, by start of delivery.

    Parameters
    ----------
    kind : int or str, optional
        Only products of this kind: 0 (forward), 1 (option) or a text.
    from_, thru : instant, optional
        Only products with a delivery from ``from_`` on, and until ``thru``.
    cursor : str, optional
        Cursor in ``more`` of the previous page.
    """
    return get_request("/product", kind=kind, from_=instant_text(from_), thru=instant_text(thru), cursor=cursor)


def create_product(app_data: Any) -> Request[Product]:
    """Create a product; by default ``{"kind", "from", "thru"}``, instants as texts or aware datetimes."""
    return json_request("POST", "/product", app_data)


def product(product: Id) -> Request[Product]:
    """Read a product."""
    return get_request(join_path("product", product))


def split_product(product: Id, parts: Iterable[tuple[Any, float]]) -> Request[list[Product]]:
    """Split a product into finer ones, once.

    Parameters
    ----------
    product : id
    parts : iterable of (app_data, float)
        Data of each new product, and its quantity in one unit of the split product.
    """
    body = [{"app_data": app_data, "ratio": ratio} for app_data, ratio in parts]
    return json_request("POST", join_path("product", product), body)


def product_outcomes(
    product: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[PageReply[HistoryEntry[PriceAndRate]]]:
    """List price and traded volume of a product, one row per batch, newest first.

    Parameters
    ----------
    product : id
    before, after : instant, optional
        ``valid_from`` is earlier than ``before`` and not earlier than ``after``.
    """
    return get_request(
        join_path("product", product, "outcomes"), before=instant_text(before), after=instant_text(after)
    )


def create_demand(app_data: Any, curve_data: Any) -> Request[Demand]:
    """Create a demand.

    Parameters
    ----------
    app_data : JSON value
        By default ``{"name"}``.
    curve_data : Curve, Constant, points or None
        None: the demand is inactive.

    Raises
    ------
    InvalidCurve
        The curve breaks a rule; nothing was sent.
    """
    return json_request("POST", "/demand", {"app_data": app_data, "curve_data": curve_json(curve_data)})


def demands() -> Request[list[Demand]]:
    """List the bidder's active demands."""
    return get_request("/demand")


def demand(demand: Id) -> Request[Demand]:
    """Read a demand."""
    return get_request(join_path("demand", demand))


def change_demand(demand: Id, curve_data: Any) -> Request[Demand]:
    """Change the curve of a demand; None ends it.

    Raises
    ------
    InvalidCurve
        The curve breaks a rule; nothing was sent.
    """
    return json_request("PUT", join_path("demand", demand), curve_json(curve_data))


def delete_demand(demand: Id) -> Request[Demand]:
    """End a demand; its history stays."""
    return Request("DELETE", join_path("demand", demand))


def curve_history(
    demand: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[PageReply[HistoryEntry[Curve]]]:
    """List the curves of a demand, newest first; ``before`` and ``after`` as in `product_outcomes`."""
    return get_request(
        join_path("demand", demand, "curve-history"), before=instant_text(before), after=instant_text(after)
    )


def send_demands(rows: Any) -> Request[list[str]]:
    """Create and change many demands in one transaction; returns their ids, in order.

    Parameters
    ----------
    rows : iterable of mapping, or table
        ``{"app_data", "curve_data"}`` creates a demand, ``{"id", "curve_data"}`` changes one. A pandas, polars or
        Arrow table has some of the columns id, app_data (JSON), rates and prices (lists; both null: no curve) and
        constant (true: the two rates are bounds, and the price is given twice).

    Raises
    ------
    InvalidInput
        A curve breaks a rule; nothing was sent.
    RequestInvalid
        The message names the first bad row; nothing was changed.
    """
    return bulk_request("/demand/bulk", rows, _demand_row, DEMAND_COLUMNS)


def create_portfolio(app_data: Any, demand: Any, basis: Any) -> Request[PortfolioReply]:
    """Create a portfolio.

    Parameters
    ----------
    app_data : JSON value
        By default ``{"name"}``.
    demand, basis : weights
        ``{id: weight}``, a list of ids, one id, or None.
    """
    return json_request(
        "POST", "/portfolio", {"app_data": app_data, "demand": weights_json(demand), "basis": weights_json(basis)}
    )


def portfolios() -> Request[list[PortfolioReply]]:
    """List the bidder's portfolios that have a demand or a basis."""
    return get_request("/portfolio")


def portfolio(portfolio: Id, expand: bool = False) -> Request[PortfolioReply]:
    """Read a portfolio.

    Parameters
    ----------
    portfolio : id
    expand : bool
        True: its basis in the products that trade now.
    """
    return get_request(join_path("portfolio", portfolio), expand=True if expand else None)


def change_portfolio(portfolio: Id, demand: Any = None, basis: Any = None) -> Request[PortfolioReply]:
    """Change the weights of a portfolio.

    Parameters
    ----------
    portfolio : id
    demand, basis : weights, optional
        None keeps the group, ``{}`` empties it.
    """
    groups = {"demand": weights_json(demand), "basis": weights_json(basis)}
    changed = {name: group for name, group in groups.items() if group is not None}
    return json_request("PATCH", join_path("portfolio", portfolio), changed)


def delete_portfolio(portfolio: Id) -> Request[PortfolioReply]:
    """End a portfolio, by emptying both its groups; its history stays."""
    return Request("DELETE", join_path("portfolio", portfolio))


def demand_history(
    portfolio: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[PageReply[HistoryEntry[Weights]]]:
    """List the demand weights of a portfolio, newest first; parameters as in `product_outcomes`."""
    return get_request(
        join_path("portfolio", portfolio, "demand-history"), before=instant_text(before), after=instant_text(after)
    )


def basis_history(
    portfolio: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[PageReply[HistoryEntry[Weights]]]:
    """List the bases of a portfolio, newest first; parameters as in `product_outcomes`."""
    return get_request(
        join_path("portfolio", portfolio, "product-history"), before=instant_text(before), after=instant_text(after)
    )


def portfolio_outcomes(
    portfolio: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[PageReply[HistoryEntry[PriceAndRate]]]:
    """List price and rate of a portfolio, newest batch first; parameters as in `product_outcomes`."""
    return get_request(
        join_path("portfolio", portfolio, "outcomes"), before=instant_text(before), after=instant_text(after)
    )


def send_portfolios(rows: Any) -> Request[list[str]]:
    """Create and change many portfolios in one transaction; returns their ids, in order.

    Parameters
    ----------
    rows : iterable of mapping, or table
        ``{"app_data", "demand", "basis"}`` creates a portfolio, ``{"id", "demand"?, "basis"?}`` changes one. An
        Arrow table has some of the columns id, app_data (JSON), demand and basis (maps from id to weight).

    Raises
    ------
    RequestInvalid
        The message names the first bad row; nothing was changed.
    """
    return bulk_request("/portfolio/bulk", rows, _portfolio_row, PORTFOLIO_COLUMNS)


def run_batch() -> Request[str]:
    """Run a batch; returns its instant.

    Raises
    ------
    RequestNotSolved
        The market cannot be cleared; the batch is stored with this reason.
    """
    return Request("POST", "/batch", errors={422: RequestNotSolved})


def batches(before: Instant | None = None, after: Instant | None = None) -> Request[PageReply[Batch]]:
    """List batches, newest first; ``before`` and ``after`` bound their instants."""
    return get_request("/batch", before=instant_text(before), after=instant_text(after))


def batch(at: Instant) -> Request[Batch]:
    """Read a batch with its certificate."""
    return get_request(_batch_path(at))


def batch_prices(at: Instant) -> Request[list[Price]]:
    """List price, volume and price interval of all products in a batch; ``pandas.DataFrame`` reads it."""
    return get_request(f"{_batch_path(at)}/prices")


def batch_auction(at: Instant) -> Request[dict[str, Any]]:
    """Read the auction of a batch as an auction file; needs the permission to run batches."""
    return get_request(f"{_batch_path(at)}/auction")


def _demand_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "curve_data": curve_json(row["curve_data"])} if "curve_data" in row else dict(row)


def _portfolio_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: weights_json(value) if name in ("demand", "basis") else value for name, value in row.items()}


def _batch_path(at: Instant) -> str:
    return join_path("batch", instant_text(at) or "")
