"""Every call of the contract, described once: what is asked, and of which type the answer is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fts.client.records import (
    Batch,
    Curve,
    Demand,
    Health,
    Market,
    Outcome,
    Page,
    Portfolio,
    Price,
    Product,
    Row,
    Weights,
)
from fts.client.refusal import RequestNotSolved
from fts.client.request import (
    DEMAND_COLUMNS,
    PORTFOLIO_COLUMNS,
    Id,
    Instant,
    Request,
    curve,
    get,
    instant,
    path,
    send,
    send_rows,
    weights,
)


def health() -> Request[Health]:
    """``{"status": "ok"}``."""
    return get("/health")


def market() -> Request[Market]:
    """Units, schedule and version."""
    return get("/market")


def products(
    kind: int | str | None = None,
    from_: Instant | None = None,
    thru: Instant | None = None,
    cursor: str | None = None,
) -> Request[Page[Product]]:
    """Products, by start of delivery.

    Parameters
    ----------
    kind : int or str, optional
        Only this kind: 0 (forward), 1 (option) or a text.
    from_, thru : instant, optional
        Only what is delivered from here, and until there.
    cursor : str, optional
        From ``more`` of the page before.
    """
    return get("/product", kind=kind, from_=instant(from_), thru=instant(thru), cursor=cursor)


def create_product(app_data: Any) -> Request[Product]:
    """List a product; by default ``{"kind", "from", "thru"}``, instants as texts or aware datetimes."""
    return send("POST", "/product", app_data)


def product(product: Id) -> Request[Product]:
    """One product."""
    return get(path("product", product))


def split_product(product: Id, parts: Iterable[tuple[Any, float]]) -> Request[list[Product]]:
    """Split a product into finer ones, once.

    Parameters
    ----------
    product : id
    parts : iterable of (app_data, float)
        Of each new product its data, and how much of it one unit of the split one is.
    """
    body = [{"app_data": app_data, "ratio": ratio} for app_data, ratio in parts]
    return send("POST", path("product", product), body)


def product_outcomes(
    product: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[Page[Row[Outcome]]]:
    """Price and traded volume of a product, batch by batch, newest first.

    Parameters
    ----------
    product : id
    before, after : instant, optional
        ``valid_from`` is earlier than ``before`` and not earlier than ``after``.
    """
    return get(path("product", product, "outcomes"), before=instant(before), after=instant(after))


def create_demand(app_data: Any, curve_data: Any) -> Request[Demand]:
    """Enter a demand.

    Parameters
    ----------
    app_data : JSON value
        By default ``{"name"}``.
    curve_data : Curve, Constant, points or None
        None: inactive for now.

    Raises
    ------
    InvalidCurve
        Before anything is sent.
    """
    return send("POST", "/demand", {"app_data": app_data, "curve_data": curve(curve_data)})


def demands() -> Request[list[Demand]]:
    """My active demands."""
    return get("/demand")


def demand(demand: Id) -> Request[Demand]:
    """One demand."""
    return get(path("demand", demand))


def change_demand(demand: Id, curve_data: Any) -> Request[Demand]:
    """Give a demand another curve; None ends it.

    Raises
    ------
    InvalidCurve
        Before anything is sent.
    """
    return send("PUT", path("demand", demand), curve(curve_data))


def delete_demand(demand: Id) -> Request[Demand]:
    """End a demand; its history stays."""
    return Request("DELETE", path("demand", demand))


def curve_history(
    demand: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[Page[Row[Curve]]]:
    """The curves of a demand, newest first; a span as in `product_outcomes`."""
    return get(path("demand", demand, "curve-history"), before=instant(before), after=instant(after))


def send_demands(rows: Any) -> Request[list[str]]:
    """Enter and change many demands at once, all or none; their ids, in order.

    Parameters
    ----------
    rows : iterable of mapping, or table
        ``{"app_data", "curve_data"}`` enters a demand, ``{"id", "curve_data"}`` changes one. A pandas, polars or
        Arrow table has the columns id, app_data (JSON), rates and prices (lists; both null: no curve) and constant
        (true: the rates are the two bounds of one price, which stands twice), those that are needed.

    Raises
    ------
    InvalidInput
        Before anything is sent: a curve breaks a rule.
    RequestInvalid
        The message names the first bad row; nothing was changed.
    """
    return send_rows("/demand/bulk", rows, _demand_row, DEMAND_COLUMNS)


def create_portfolio(app_data: Any, demand: Any, basis: Any) -> Request[Portfolio]:
    """Enter a portfolio.

    Parameters
    ----------
    app_data : JSON value
        By default ``{"name"}``.
    demand, basis : weights
        ``{id: weight}``, a list of ids, one id, or None.
    """
    return send("POST", "/portfolio", {"app_data": app_data, "demand": weights(demand), "basis": weights(basis)})


def portfolios() -> Request[list[Portfolio]]:
    """My portfolios that have a demand or a basis."""
    return get("/portfolio")


def portfolio(portfolio: Id, expand: bool = False) -> Request[Portfolio]:
    """One portfolio.

    Parameters
    ----------
    portfolio : id
    expand : bool
        Whether its basis is told in the products that trade now.
    """
    return get(path("portfolio", portfolio), expand=True if expand else None)


def change_portfolio(portfolio: Id, demand: Any = None, basis: Any = None) -> Request[Portfolio]:
    """Give a portfolio other weights.

    Parameters
    ----------
    portfolio : id
    demand, basis : weights, optional
        None keeps the group, ``{}`` empties it.
    """
    groups = {"demand": weights(demand), "basis": weights(basis)}
    given = {name: group for name, group in groups.items() if group is not None}
    return send("PATCH", path("portfolio", portfolio), given)


def delete_portfolio(portfolio: Id) -> Request[Portfolio]:
    """End a portfolio, by emptying both its groups; its history stays."""
    return Request("DELETE", path("portfolio", portfolio))


def demand_history(
    portfolio: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[Page[Row[Weights]]]:
    """The demand weights of a portfolio, newest first; a span as in `product_outcomes`."""
    return get(path("portfolio", portfolio, "demand-history"), before=instant(before), after=instant(after))


def basis_history(
    portfolio: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[Page[Row[Weights]]]:
    """The basis of a portfolio, newest first; a span as in `product_outcomes`."""
    return get(path("portfolio", portfolio, "product-history"), before=instant(before), after=instant(after))


def portfolio_outcomes(
    portfolio: Id, before: Instant | None = None, after: Instant | None = None
) -> Request[Page[Row[Outcome]]]:
    """Price and rate of a portfolio, batch by batch, newest first; a span as in `product_outcomes`."""
    return get(path("portfolio", portfolio, "outcomes"), before=instant(before), after=instant(after))


def send_portfolios(rows: Any) -> Request[list[str]]:
    """Enter and change many portfolios at once, all or none; their ids, in order.

    Parameters
    ----------
    rows : iterable of mapping, or table
        ``{"app_data", "demand", "basis"}`` enters a portfolio, ``{"id", "demand"?, "basis"?}`` changes one. An Arrow
        table has the columns id, app_data (JSON), demand and basis (maps from id to weight), those that are needed.

    Raises
    ------
    RequestInvalid
        The message names the first bad row; nothing was changed.
    """
    return send_rows("/portfolio/bulk", rows, _portfolio_row, PORTFOLIO_COLUMNS)


def run_batch() -> Request[str]:
    """Run a batch; its instant.

    Raises
    ------
    RequestNotSolved
        The market cannot be cleared; the batch is stored with this reason.
    """
    return Request("POST", "/batch", refuses={422: RequestNotSolved})


def batches(before: Instant | None = None, after: Instant | None = None) -> Request[Page[Batch]]:
    """Batches, newest first; a span as in `product_outcomes`, on their instant."""
    return get("/batch", before=instant(before), after=instant(after))


def batch(at: Instant) -> Request[Batch]:
    """One batch, by its instant, with its certificate."""
    return get(_batch(at))


def batch_prices(at: Instant) -> Request[list[Price]]:
    """Every product's price, volume and price interval in one batch; ``pandas.DataFrame`` reads it."""
    return get(f"{_batch(at)}/prices")


def batch_auction(at: Instant) -> Request[dict[str, Any]]:
    """The auction of a batch, as an auction file; ``Auction.from_json`` reads it. For who may run batches."""
    return get(f"{_batch(at)}/auction")


def _demand_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "curve_data": curve(row["curve_data"])} if "curve_data" in row else dict(row)


def _portfolio_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: weights(value) if name in ("demand", "basis") else value for name, value in row.items()}


def _batch(at: Instant) -> str:
    return path("batch", instant(at) or "")
