"""One change of the market: its rows are gathered, and written together when they are read or committed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import duckdb

from fts.models.curve import Constant, Curve
from fts.models.outcome import Outcome
from fts.models.records import BatchRecord
from fts.store.outcomes import store_outcome
from fts.store.records import Records
from fts.store.statements import failures, optional_utc, statement, to_utc

# What holds must be closed before what follows is opened.
CLOSINGS = ("close_expansion", "close_curve", "close_portfolio_demand", "close_portfolio_product")
OPENINGS = (
    "insert_product",
    "insert_expansion",
    "insert_demand",
    "insert_portfolio",
    "insert_curve",
    "insert_portfolio_demand",
    "insert_portfolio_product",
)


class Changes(Records):
    """One transaction; the port is :class:`fts.ports.store.Transaction`.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Inside a transaction, which someone else commits.
    instant : datetime
        When all of it happens; UTC, aware.

    Attributes
    ----------
    written : bool
        Whether anything was sent to the database.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, instant: datetime) -> None:
        super().__init__(cursor, inside=True)
        self._instant = instant
        self.written = False
        self._gathered: defaultdict[str, defaultdict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))

    @property
    def instant(self) -> datetime:
        """When the change happens; later than every change before it."""
        return self._instant

    def add_product(self, product: str, app_data: Any, parent: str | None = None, ratio: float = 1.0) -> None:
        """A new product, which is its own basis."""
        self._gather("insert_product", id=product, app_data=json.dumps(app_data), parent=parent or product, ratio=ratio)
        self._gather("insert_expansion", ancestor=product, leaf=product, ratio=1.0, depth=0)

    def split_product(self, parent: str, children: Sequence[tuple[str, Any, float]]) -> None:
        """From now on one unit of a product is ``ratio`` units of each ``(id, app_data, ratio)``."""
        lineage = [(name, ratio, depth) for name, ratio, depth in self._rows("ancestors", id=parent)]
        self._gather("close_expansion", leaf=parent)
        for child, app_data, ratio in children:
            self.add_product(child, app_data, parent, ratio)
            for ancestor, units, depth in lineage:
                self._gather("insert_expansion", ancestor=ancestor, leaf=child, ratio=units * ratio, depth=depth + 1)

    def add_demand(self, demand: str, bidder: str, app_data: Any) -> None:
        """A new demand, without a curve."""
        self._gather("insert_demand", id=demand, bidder=bidder, app_data=json.dumps(app_data))

    def add_portfolio(self, portfolio: str, bidder: str, app_data: Any) -> None:
        """A new portfolio, without weights."""
        self._gather("insert_portfolio", id=portfolio, bidder=bidder, app_data=json.dumps(app_data))

    def replace_curve(self, demand: str, curve: Curve | Constant | None) -> None:
        """From now on this curve; None: inactive."""
        self._gather("close_curve", demand=demand)
        if curve is not None:
            rates, prices = zip(*curve.points, strict=True)
            constant = isinstance(curve, Constant)
            self._gather("insert_curve", demand=demand, rates=list(rates), prices=list(prices), constant=constant)

    def replace_demand(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """From now on these demand weights; empty: none."""
        self._gather("close_portfolio_demand", portfolio=portfolio)
        for demand, weight in weights.items():
            self._gather("insert_portfolio_demand", portfolio=portfolio, demand=demand, weight=weight)

    def replace_basis(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """From now on this basis; empty: none."""
        self._gather("close_portfolio_product", portfolio=portfolio)
        for product, weight in weights.items():
            self._gather("insert_portfolio_product", portfolio=portfolio, product=product, weight=weight)

    def add_batch(
        self,
        batch: BatchRecord,
        outcome: Outcome | None,
        ends: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        """A batch; with an outcome, which ends the one before, at ``ends`` or when this one begins.

        The outcome holds until ``until``; None: until another ends it.
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
        self.written = True
        with failures("store the batch"):
            self._cursor.execute(statement("insert_batch"), values)
            if outcome is not None:
                store_outcome(
                    self._cursor,
                    outcome,
                    instant=to_utc(batch.instant),
                    thru=optional_utc(until),
                    last=None if last is None else to_utc(last.instant),
                    ends=to_utc(min(batch.instant, ends or batch.instant)),
                )

    def write(self) -> None:
        """Send what was gathered to the database, where it waits for the commit."""
        if not self._gathered:
            return
        self.written = True
        gathered, self._gathered = self._gathered, defaultdict(lambda: defaultdict(list))
        instant = to_utc(self._instant)
        with failures("store the change"):
            for name in CLOSINGS + OPENINGS:
                if name in gathered:
                    self._cursor.execute(statement(name), {**gathered[name], "instant": instant})

    def _rows(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        self.write()
        return super()._rows(name, **values)

    def _gather(self, name: str, **row: Any) -> None:
        columns = self._gathered[name]
        for column, value in row.items():
            columns[column].append(value)
