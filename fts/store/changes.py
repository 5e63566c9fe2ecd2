"""One change of the market: written on a sheet of its own, and in rows that wait for those of its group."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from fts.models.curve import Constant, Curve
from fts.models.outcome import Outcome
from fts.models.records import BatchRecord, PortfolioRecord, ProductRecord
from fts.models.v0 import AuthData, CostData
from fts.store.book import Entry, Sheet
from fts.store.outcomes import store_outcome
from fts.store.records import Records
from fts.store.rows import Rows
from fts.store.statements import failures, optional_utc, statement, to_utc


@dataclass
class Group:
    """Changes that are committed together.

    Attributes
    ----------
    sheet : Sheet
        What they made of the market.
    rows : Rows
        What is not in the database yet.
    """

    sheet: Sheet
    rows: Rows = field(default_factory=Rows)


class Changes(Records):
    """One change inside a transaction; the port is :class:`fts.ports.store.Transaction`.

    It writes on a sheet of its own, so that a change that raises leaves nothing behind.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Inside a transaction, which someone else commits.
    instant : datetime
        When all of it happens; UTC, aware.
    group : Group
        The changes before it that are committed together with it.

    Attributes
    ----------
    sent : bool
        Whether anything of it was sent to the database, from where only a rollback of the group takes it back.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, instant: datetime, group: Group) -> None:
        self._sheet = Sheet.blank(group.sheet)
        super().__init__(cursor, lambda: self._sheet, inside=True)
        self._instant, self._utc = instant, to_utc(instant)
        self._group = group
        self._waiting = Rows()
        self.sent = False

    @property
    def instant(self) -> datetime:
        """When the change happens; later than every change before it."""
        return self._instant

    @property
    def written(self) -> bool:
        """Whether it changes anything."""
        return self.sent or bool(self._waiting)

    def add_product(self, product: str, app_data: Any, parent: str | None = None, ratio: float = 1.0) -> None:
        """A new product, which is its own basis."""
        record = ProductRecord(product, app_data, (parent or product, ratio), {product: 1.0}, self._instant)
        self._sheet.products[product] = record
        self._open("insert_product", id=product, app_data=json.dumps(app_data), parent=parent or product, ratio=ratio)
        self._open("insert_expansion", ancestor=product, leaf=product, ratio=1.0, depth=0)

    def split_product(self, parent: str, children: Sequence[tuple[str, Any, float]]) -> None:
        """From now on one unit of a product is ``ratio`` units of each ``(id, app_data, ratio)``."""
        lineage = self._sheet.lineage(parent)
        self._waiting.close("close_expansion", parent, self._utc)
        for child, app_data, ratio in children:
            self.add_product(child, app_data, parent, ratio)
            for ancestor, units, depth in lineage:
                self._open("insert_expansion", ancestor=ancestor, leaf=child, ratio=units * ratio, depth=depth + 1)
        self._sheet.split(parent, [self._sheet.products[child] for child, _, _ in children])

    def add_demand(self, demand: str, bidder: str, app_data: Any) -> None:
        """A new demand, without a curve."""
        self._sheet.demands[demand] = Entry(bidder, app_data, None, self._instant)
        self._open("insert_demand", id=demand, bidder=bidder, app_data=json.dumps(app_data))

    def add_portfolio(self, portfolio: str, bidder: str, app_data: Any) -> None:
        """A new portfolio, without weights."""
        record = PortfolioRecord(portfolio, self._instant, None, bidder, app_data, {}, {})
        self._sheet.portfolios[portfolio] = record
        self._open("insert_portfolio", id=portfolio, bidder=bidder, app_data=json.dumps(app_data))

    def replace_curve(self, demand: str, curve: Curve | Constant | None) -> None:
        """From now on this curve; None: inactive."""
        self._sheet.replace_curve(demand, curve, self._instant)
        self._waiting.close("close_curve", demand, self._utc)
        if curve is not None:
            rates, prices = zip(*curve.points, strict=True)
            constant = isinstance(curve, Constant)
            self._open("insert_curve", demand=demand, rates=list(rates), prices=list(prices), constant=constant)

    def replace_demand(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """From now on these demand weights; empty: none."""
        self._sheet.replace_demand(portfolio, weights, self._instant)
        self._waiting.close("close_portfolio_demand", portfolio, self._utc)
        for demand, weight in weights.items():
            self._open("insert_portfolio_demand", portfolio=portfolio, demand=demand, weight=weight)

    def replace_basis(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """From now on this basis; empty: none."""
        self._sheet.replace_basis(portfolio, weights, self._instant)
        self._waiting.close("close_portfolio_product", portfolio, self._utc)
        for product, weight in weights.items():
            self._open("insert_portfolio_product", portfolio=portfolio, product=product, weight=weight)

    def replace_limits(self, auth: str, data: AuthData | None) -> None:
        """From now on an auth has these limits and was written in this form; None: none."""
        self._waiting.close("close_auth_limit", auth, self._utc)
        if data is not None:
            bounds = {"min_trade": data.min_trade, "max_trade": data.max_trade}
            self._open("insert_auth_limit", portfolio=auth, **bounds, form=data.form)

    def replace_form(self, cost: str, data: CostData | None) -> None:
        """From now on a cost was written in this form; None: it is stopped."""
        self._waiting.close("close_cost_form", cost, self._utc)
        if data is not None and data.bare:
            self._open("insert_cost_form", portfolio=cost, form="bare cost")

    def add_batch(
        self,
        batch: BatchRecord,
        outcome: Outcome | None,
        previous_ends_at: datetime | None = None,
        valid_until: datetime | None = None,
        reference: Mapping[str, float] | None = None,
    ) -> None:
        """Add a batch; its outcome ends the one before, at ``previous_ends_at`` or when this one begins.

        It holds until ``valid_until``; None: until another ends it. ``reference`` are the prices by product that it was
        kept near to.
        """
        self.write()
        measures = dict.fromkeys(
            ("imbalance", "domain", "consistency", "gap", "fit", "welfare", "tol", "iterations", "engine_seconds")
        )
        if batch.certificate is not None:
            measures |= {("engine_seconds" if k == "seconds" else k): v for k, v in asdict(batch.certificate).items()}
        last = self.last_cleared(batch.instant) if outcome is not None else None
        values = {
            **measures,
            "instant": to_utc(batch.instant),
            "solved_at": to_utc(batch.solved_at),
            "thru": optional_utc(batch.thru),
            "duration": batch.duration,
            "solver": batch.solver,
            "status": batch.status,
            "reason": batch.reason,
            "seconds": batch.seconds,
            "products": batch.products,
            "demands": batch.demands,
            "portfolios": batch.portfolios,
        }
        with failures("store the batch"):
            self._cursor.execute(statement("insert_batch"), values)
            if outcome is not None:
                store_outcome(
                    self._cursor,
                    outcome,
                    instant=to_utc(batch.instant),
                    thru=optional_utc(valid_until),
                    reference=reference or {},
                    last=None if last is None else to_utc(last.instant),
                    ends=to_utc(min(batch.instant, previous_ends_at or batch.instant)),
                )

    def settle(self) -> None:
        """Let the group have it, now that all of it is there."""
        self._group.rows.absorb(self._waiting)
        self._sheet.settle()

    def write(self) -> None:
        """Send what the group gathered to the database, where it waits for the commit."""
        self._group.rows.absorb(self._waiting)
        self._waiting = Rows()
        self.sent = True
        self._group.rows.write(self._cursor)

    def _rows(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        self.write()
        return super()._rows(name, **values)

    def _open(self, name: str, **row: Any) -> None:
        self._waiting.open(name, {**row, "instant": self._utc})
