"""Auctions: every active demand and portfolio of one instant."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csc_array

from fts import _optional
from fts.errors import InvalidAuction, InvalidInput
from fts.models import _repr_html, auction_file, auction_file_fast, frames
from fts.models.assemble import assemble
from fts.models.auction_file_writer import auction_text
from fts.models.clip import clip_curves
from fts.models.columns import Columns, Flags, Floats, Ids, Ints, floats, ints
from fts.models.curve import DemandCurve
from fts.models.dropped import Dropped
from fts.models.portfolio import Portfolio
from fts.models.state import state_of
from fts.models.views import DemandsView, PortfoliosView

if TYPE_CHECKING:
    import cvxpy
    import holoviews
    import ipywidgets
    import pandas as pd

    from fts.models.certificate import Certificate
    from fts.models.outcome import Outcome
    from fts.models.records import Units


class Auction:
    """All demands and portfolios that are cleared together.

    Parameters
    ----------
    demands : mapping of demand id to curve
        Curves in any written form (see :func:`fts.read_curve`).
    portfolios : mapping of portfolio id to Portfolio

    Attributes
    ----------
    demand_ids : (n_demands,) text
        Demands in use, in input order.
    portfolio_ids : (n_portfolios,) text
        In input order.
    product_ids : (n_products,) text
        Products with a weight in some portfolio, sorted by code point.
    point_offsets, point_rates, point_prices, constant
        The curves of the demands in use, as in :class:`fts.models.columns.Columns`.
    basis : (n_products, n_portfolios) sparse, by column
        Product units per unit of each portfolio.
    weights : (n_demands, n_portfolios) sparse, by column
        Weight of each portfolio's rate in each demand's rate.
    dropped : Dropped
        What was left out.

    Raises
    ------
    InvalidCurve, InvalidWeights, InvalidAuction
        A rule is broken; the message names rule and place.

    Notes
    -----
    Source: Budish, Cramton, Kyle, Lee, Malec, *Flow Trading*, section 3 (the batch auction as one program).
    """

    demand_ids: Ids
    portfolio_ids: Ids
    product_ids: Ids
    point_offsets: Ints
    point_rates: Floats
    point_prices: Floats
    constant: Flags
    basis: csc_array
    weights: csc_array
    dropped: Dropped

    def __init__(self, demands: Mapping[str, Any], portfolios: Mapping[str, Any]) -> None:
        vars(self).update(vars(assemble(auction_file.columns_of(demands, portfolios))))

    @classmethod
    def from_columns(cls, **columns: Any) -> Auction:
        """Create an auction from arrays; the arguments are the attributes of :class:`fts.models.columns.Columns`.

        Raises
        ------
        InvalidCurve, InvalidWeights, InvalidAuction
        """
        return cls._of(Columns.read(columns))

    @classmethod
    def from_frames(
        cls, *, points: Any = None, constants: Any = None, weights: Any = None, basis: Any = None
    ) -> Auction:
        """Create an auction from tables (pandas, polars or Arrow).

        Parameters
        ----------
        points : table of demand, rate, price
            Points of piecewise-linear curves, in curve order.
        constants : table of demand, min_rate, max_rate, price
            Constant curves; a null bound is unlimited.
        weights : table of portfolio, demand, weight
        basis : table of portfolio, product, weight

        Raises
        ------
        InvalidAuction
            A table or a column is missing, or has another type.
        InvalidCurve, InvalidWeights
        """
        return cls._of(frames.read_frames(points=points, constants=constants, weights=weights, basis=basis))

    @classmethod
    def from_json(cls, value: Any) -> Auction:
        """Create an auction from the parsed content of an auction file.

        Raises
        ------
        InvalidFile, InvalidCurve, InvalidWeights, InvalidAuction
        """
        return cls(*auction_file.parts_of(value))

    @classmethod
    def read_json(cls, file: str | Path | IO[str] | IO[bytes]) -> Auction:
        """Read an auction from a JSON file.

        Raises
        ------
        InvalidFile
            The file cannot be read or is no JSON.
        InvalidCurve, InvalidWeights, InvalidAuction
        """
        content, name = auction_file.content_of(file)
        columns = auction_file_fast.columns_in(content)
        if columns is not None:
            # Where a rule is broken, the careful reading below names the place as it stands in the file.
            with suppress(InvalidInput):
                return cls._of(columns)
        return cls.from_json(auction_file.parsed(content, name))

    @classmethod
    def _of(cls, columns: Columns) -> Auction:
        auction = cls.__new__(cls)
        vars(auction).update(vars(assemble(columns)))
        return auction

    @property
    def demands(self) -> Mapping[str, DemandCurve]:
        """The curves of the demands in use, by id."""
        return DemandsView(self)

    @property
    def portfolios(self) -> Mapping[str, Portfolio]:
        """The portfolios with what counts of their weights, by id."""
        return PortfoliosView(self)

    @cached_property
    def min_rates(self) -> Floats:
        """Left ends of the domains, (n_demands,) [quantity / time]."""
        return self.point_rates[self.point_offsets[:-1]]

    @cached_property
    def max_rates(self) -> Floats:
        """Right ends of the domains, (n_demands,) [quantity / time]."""
        return self.point_rates[self.point_offsets[1:] - 1]

    @cached_property
    def idle(self) -> Flags:
        """Portfolios that cannot trade, (n_portfolios,).

        Those without a demand, without a basis, or with a demand of domain {0} that no other portfolio uses.
        """
        users = np.bincount(self.weights.indices, minlength=len(self.demand_ids))
        fixed = (self.min_rates == 0) & (self.max_rates == 0) & (users == 1)
        pinned = np.zeros(len(self.portfolio_ids), dtype=bool)
        columns = np.repeat(np.arange(len(self.portfolio_ids)), np.diff(self.weights.indptr))
        pinned[columns[fixed[self.weights.indices]]] = True
        empty: Flags = (np.diff(self.weights.indptr) == 0) | (np.diff(self.basis.indptr) == 0)
        return pinned | empty

    @cached_property
    def unpriced(self) -> Flags:
        """Products that only idle portfolios hold, (n_products,); they have no price."""
        columns = np.repeat(np.arange(len(self.portfolio_ids)), np.diff(self.basis.indptr))
        held = np.zeros(len(self.product_ids), dtype=bool)
        held[self.basis.indices[~self.idle[columns]]] = True
        return ~held

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what is legal but probably not meant."""
        return tuple(_optional.load("fts.solver").warnings_of(self))

    def within(self, min_rates: Any, max_rates: Any) -> Auction:
        """Return the same auction with smaller domains; every curve keeps its shape inside.

        Parameters
        ----------
        min_rates, max_rates : (n_demands,) [quantity / time]
            Domains end here, or where they ended before; infinite: as before.

        Raises
        ------
        InvalidAuction
            There is not one of each for every demand, or rate 0 would be left out.
        """
        low, high = floats(min_rates), floats(max_rates)
        if not low.shape == high.shape == (len(self.demand_ids),) or not np.all((low <= 0) & (high >= 0)):
            raise InvalidAuction("give every demand of the auction a rate of at most 0 and one of at least 0")
        cut = Auction.__new__(Auction)
        for name in ("demand_ids", "portfolio_ids", "product_ids", "constant", "basis", "weights", "dropped"):
            setattr(cut, name, getattr(self, name))
        cut.point_offsets, cut.point_rates, cut.point_prices = clip_curves(
            self.point_offsets, self.point_rates, self.point_prices, self.constant, low + 0.0, high + 0.0
        )
        return cut

    def solve(
        self,
        solver: str | None = None,
        tol: float | None = None,
        *,
        throw: bool = True,
        reference: Mapping[str, float] | pd.Series[float] | Floats | None = None,
        warm: Outcome | None = None,
    ) -> Outcome:
        """Clear the auction.

        Parameters
        ----------
        solver : str, optional
            An engine of :func:`fts.engines`; None is ``native``.
        tol : float, optional
            Largest measure of the certificate that counts as solved; None is the engine's own.
        throw : bool
            False returns what was reached, with its certificate, instead of raising.
        reference : mapping or Series of product to price, or (n_products,) [money / quantity], optional
            Where several prices clear the auction, those nearest to these are taken; products it lacks fall back to
            their own quotes.
        warm : Outcome, optional
            An earlier outcome to start from; it saves time and never changes the answer.

        Returns
        -------
        Outcome

        Raises
        ------
        UnboundedAuction
            A cycle of trades has a profit and no limit.
        NotSolved
            The tolerance was not met.
        MissingLibrary, MissingLicence
            The engine is not installed or not licensed.
        """
        outcome: Outcome = _optional.load("fts.solver").solve(
            self, solver=solver, tol=tol, throw=throw, reference=reference, warm=warm
        )
        return outcome

    def certify(
        self, rates: ArrayLike, prices: ArrayLike, demand_prices: ArrayLike | None = None, tol: float | None = None
    ) -> Certificate:
        """Compute the certificate of given rates (n_portfolios,) and prices (n_products,), whatever found them."""
        certificate: Certificate = _optional.load("fts.solver").certify(self, rates, prices, demand_prices, tol=tol)
        return certificate

    def problem(self) -> cvxpy.Problem:
        """Return the CVXPY problem of this auction, to read, to change and to solve."""
        problem: cvxpy.Problem = _optional.load("fts.solver").problem(self)
        return problem

    def outcome_of(self, problem: cvxpy.Problem) -> Outcome:
        """Return the outcome in a solved CVXPY problem that came from :meth:`problem`."""
        outcome: Outcome = _optional.load("fts.solver").outcome_of(self, problem)
        return outcome

    def plot(self, units: Units | None = None) -> holoviews.Overlay:
        """Draw the demand curves over each other (HoloViews), with the units of the market, if given, on the axes."""
        viz = _optional.load("fts.viz")
        return viz.show(viz.demand_curves(self.demands, units))

    def explore(self, units: Units | None = None) -> ipywidgets.Widget:
        """Return controls for a notebook: change a curve, and prices, fills and surplus follow."""
        return _optional.load("fts.viz").explore(self, units)

    def to_json(self) -> dict[str, Any]:
        """Return the auction as the content of an auction file, without what was dropped."""
        return {
            "demand_curves": {name: curve.to_json() for name, curve in self.demands.items()},
            "portfolios": {name: portfolio.to_json() for name, portfolio in self.portfolios.items()},
        }

    def write_json(self, file: str | Path | IO[str]) -> None:
        """Write the auction as an auction file.

        Raises
        ------
        InvalidFile
            The file cannot be written.
        """
        auction_file.write(auction_text(self._columns()), file)

    def to_frames(self, kind: str = "pandas") -> dict[str, Any]:
        """Return the auction as the tables of :meth:`from_frames`.

        Parameters
        ----------
        kind : {"pandas", "arrow"}
        """
        return frames.write_frames(self._columns(), kind)

    def _columns(self) -> Columns:
        basis, weights = self.basis.tocoo(), self.weights.tocoo()
        return Columns(
            demand_ids=self.demand_ids,
            point_offsets=self.point_offsets,
            point_rates=self.point_rates,
            point_prices=self.point_prices,
            constant=self.constant,
            portfolio_ids=self.portfolio_ids,
            weight_portfolio=ints(weights.coords[1]),
            weight_demand=ints(weights.coords[0]),
            weight_value=floats(weights.data),
            product_ids=self.product_ids,
            basis_portfolio=ints(basis.coords[1]),
            basis_product=ints(basis.coords[0]),
            basis_value=floats(basis.data),
        )

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self)

    def __repr__(self) -> str:
        return (
            f"Auction({len(self.product_ids)} products, {len(self.portfolio_ids)} portfolios, "
            f"{len(self.demand_ids)} demands)"
        )

    def _repr_html_(self) -> str:
        return _repr_html.auction(self)
