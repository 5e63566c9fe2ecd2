"""Transaction of one change: a layer of the order book, and the rows that are written with those of its group."""

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
from fts.store.order_book import BookLayer, DemandState
from fts.store.pending_rows import PendingRows
from fts.store.queries import Thing, optional_utc, sql_text, to_utc, translate_errors
from fts.store.reader import DuckReader
from fts.store.write_outcome import write_outcome


@dataclass
class CommitGroup:
    """Changes that are committed together.

    Attributes
    ----------
    layer : BookLayer
        Layer with all changes of the group.
    rows : PendingRows
        Rows that are not in the database yet.
    """

    layer: BookLayer
    rows: PendingRows = field(default_factory=PendingRows)


class DuckTransaction(DuckReader):
    """Transaction of one change; the port is :class:`fts.ports.store.Transaction`.

    It has its own layer of the order book, so that a change that raises has no effect.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Cursor inside a transaction of DuckDB, which the caller commits.
    instant : datetime
        Instant of the change; UTC, aware.
    group : CommitGroup
        Earlier changes that are committed together with it.

    Attributes
    ----------
    flushed : bool
        True if rows were sent to the database; then only a rollback of the group undoes the change.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, instant: datetime, group: CommitGroup) -> None:
        self._layer = BookLayer.empty(group.layer)
        super().__init__(cursor, lambda: self._layer, in_transaction=True)
        self._instant, self._utc = instant, to_utc(instant)
        self._group = group
        self._pending = PendingRows()
        self.flushed = False

    @property
    def instant(self) -> datetime:
        """Instant of the change, which is later than all earlier ones."""
        return self._instant

    @property
    def is_dirty(self) -> bool:
        """True if the change writes anything."""
        return self.flushed or bool(self._pending)

    def add_product(self, product: str, app_data: Any, parent: str | None = None, ratio: float = 1.0) -> None:
        """Add a product, which is its own basis."""
        record = ProductRecord(product, app_data, (parent or product, ratio), {product: 1.0}, self._instant)
        self._layer.products[product] = record
        self._insert("product", id=product, app_data=json.dumps(app_data), parent=parent or product, ratio=ratio)
        self._insert("expansion", ancestor=product, leaf=product, ratio=1.0, depth=0)

    def split_product(self, parent: str, children: Sequence[tuple[str, Any, float]]) -> None:
        """Split a product: one unit of it is now ``ratio`` units of each ``(id, app_data, ratio)``."""
        lineage = self._layer.lineage(parent)
        self._pending.expire("expansion", parent, self._utc)
        for child, app_data, ratio in children:
            self.add_product(child, app_data, parent, ratio)
            for ancestor, units, depth in lineage:
                self._insert("expansion", ancestor=ancestor, leaf=child, ratio=units * ratio, depth=depth + 1)
        self._layer.split(parent, [self._layer.products[child] for child, _, _ in children])

    def add_demand(self, demand: str, bidder: str, app_data: Any) -> None:
        """Add a demand without a curve."""
        self._layer.demands[demand] = DemandState(bidder, app_data, None, self._instant)
        self._insert("demand", id=demand, bidder=bidder, app_data=json.dumps(app_data))

    def add_portfolio(self, portfolio: str, bidder: str, app_data: Any) -> None:
        """Add a portfolio without weights."""
        record = PortfolioRecord(portfolio, self._instant, None, bidder, app_data, {}, {})
        self._layer.portfolios[portfolio] = record
        self._insert("portfolio", id=portfolio, bidder=bidder, app_data=json.dumps(app_data))

    def replace_curve(self, demand: str, curve: Curve | Constant | None) -> None:
        """Replace the curve of a demand; None: inactive."""
        self._layer.replace_curve(demand, curve, self._instant)
        self._pending.expire("curve", demand, self._utc)
        if curve is not None:
            rates, prices = zip(*curve.points, strict=True)
            constant = isinstance(curve, Constant)
            self._insert("curve", demand=demand, rates=list(rates), prices=list(prices), constant=constant)

    def replace_demand(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """Replace the demand weights of a portfolio; they may be empty."""
        self._layer.replace_demand(portfolio, weights, self._instant)
        self._pending.expire("portfolio_demand", portfolio, self._utc)
        for demand, weight in weights.items():
            self._insert("portfolio_demand", portfolio=portfolio, demand=demand, weight=weight)

    def replace_basis(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """Replace the basis of a portfolio; it may be empty."""
        self._layer.replace_basis(portfolio, weights, self._instant)
        self._pending.expire("portfolio_product", portfolio, self._utc)
        for product, weight in weights.items():
            self._insert("portfolio_product", portfolio=portfolio, product=product, weight=weight)

    def replace_limits(self, auth: str, data: AuthData | None) -> None:
        """Replace the limits and the form of an auth; None: no limits."""
        self._pending.expire("auth_limit", auth, self._utc)
        if data is not None:
            bounds = {"min_trade": data.min_trade, "max_trade": data.max_trade}
            self._insert("auth_limit", portfolio=auth, **bounds, form=data.form)

    def replace_form(self, cost: str, data: CostData | None) -> None:
        """Replace the form of a cost; None: it is stopped."""
        self._pending.expire("cost_form", cost, self._utc)
        if data is not None and data.bare:
            self._insert("cost_form", portfolio=cost, form="bare cost")

    def add_batch(
        self,
        batch: BatchRecord,
        outcome: Outcome | None,
        previous_ends_at: datetime | None = None,
        valid_until: datetime | None = None,
        reference: Mapping[str, float] | None = None,
    ) -> None:
        """Add a batch. Its outcome ends the previous one, at ``previous_ends_at`` or at the instant of the batch.

        The outcome is in force until ``valid_until``; None: until a later one ends it. ``reference`` has the prices by
        product to which its prices were kept close.
        """
        self.flush()
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
        with translate_errors("store the batch"):
            self._cursor.execute(sql_text("insert_batch"), values)
            if outcome is not None:
                write_outcome(
                    self._cursor,
                    outcome,
                    instant=to_utc(batch.instant),
                    thru=optional_utc(valid_until),
                    reference=reference or {},
                    last=None if last is None else to_utc(last.instant),
                    ends_at=to_utc(min(batch.instant, previous_ends_at or batch.instant)),
                )

    def apply_to_group(self) -> None:
        """Add the rows and the layer of this change to its group."""
        self._group.rows.merge(self._pending)
        self._layer.merge_into_parent()

    def flush(self) -> None:
        """Write all rows of the group to the database, inside the open transaction."""
        self._group.rows.merge(self._pending)
        self._pending = PendingRows()
        self.flushed = True
        self._group.rows.write(self._cursor)

    def _rows(self, name: str, *, thing: Thing | None = None, **values: Any) -> list[tuple[Any, ...]]:
        self.flush()
        return super()._rows(name, thing=thing, **values)

    def _insert(self, kind: str, **row: Any) -> None:
        self._pending.insert(kind, row, self._utc)
