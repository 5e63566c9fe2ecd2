"""Outcomes: the prices and rates that clear an auction, with their proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from fts import _optional
from fts.errors import InvalidFile, InvalidOutcome
from fts.models import _repr_html, auction_file
from fts.models.auction import Auction
from fts.models.auction_file_writer import outcome_text
from fts.models.certificate import Certificate
from fts.models.columns import Flags, Floats, Ids, floats
from fts.models.parse_number import parse_number
from fts.models.part_results import PartResults
from fts.models.state import state_of
from fts.models.utility import utilities

if TYPE_CHECKING:
    import holoviews

    from fts.models.records import Units

ROUNDING = 1e-12
"""Largest relative difference between a portfolio's price and ``basis · product prices``."""


MAX_NAMES = 5
"""Largest number of products that one sentence of the warnings names; the count of the rest follows."""


class Unique(NamedTuple):
    """Proofs that an auction left no choice of prices or of quantities; False means that there may have been one.

    Attributes
    ----------
    prices, quantities : bool
    """

    prices: bool
    quantities: bool


class Outcome:
    """The result of an auction: every product's price, every portfolio's rate, and the certificate.

    Parameters
    ----------
    auction : Auction
    rates : (n_portfolios,) [quantity / time]
        Rates of trade; 0 for idle portfolios.
    prices : (n_products,) [money / quantity]
        NaN exactly where only idle portfolios hold the product.
    demand_prices : (n_demands,) [money / quantity]
        Marginal price of every demand; NaN where it has only idle portfolios.
    certificate : Certificate
    solver : str
        Who found it.
    portfolio_prices : (n_portfolios,) [money / quantity], optional
        Checked against ``basis · product prices``.
    price_low, price_high : (n_products,) [money / quantity], optional
        Interval of clearing prices; infinite where unlimited, NaN where not computed.
    unique : Unique, optional
        Where it is proved that the prices, and the rates, are the only ones that clear the auction.
    multipliers : mapping, optional
        Marginal values of constraints that a researcher added.
    parts : PartResults, optional
        How each connected part was cleared.
    warnings : sequence of str, optional
        Sentences of the solver, listed first in :attr:`warnings`.
    engine_state : object, optional
        What the engine may start from next time; it is dropped when the outcome is pickled or copied.

    Raises
    ------
    InvalidOutcome
        Sizes do not fit the auction, a number is missing or not finite, or a portfolio's price is not
        ``basis · product prices``.
    """

    def __init__(
        self,
        auction: Auction,
        *,
        rates: Any,
        prices: Any,
        demand_prices: Any,
        certificate: Certificate,
        solver: str,
        portfolio_prices: Any = None,
        price_low: Any = None,
        price_high: Any = None,
        unique: Unique = Unique(False, False),  # noqa: B008 - a tuple never changes
        multipliers: Mapping[str, Any] | None = None,
        parts: PartResults | None = None,
        warnings: Sequence[str] = (),
        engine_state: object = None,
    ) -> None:
        n_portfolios, n_products = len(auction.portfolio_ids), len(auction.product_ids)
        self.auction = auction
        self.rates = _sized("rates", rates, n_portfolios)
        self.prices = _sized("prices", prices, n_products)
        self.demand_prices = _sized("demand_prices", demand_prices, len(auction.demand_ids))
        unknown = np.full(n_products, np.nan)
        self.price_low = unknown if price_low is None else _sized("price_low", price_low, n_products)
        self.price_high = unknown if price_high is None else _sized("price_high", price_high, n_products)
        self.certificate = certificate
        self.solver = solver
        self.unique = unique
        self.multipliers = dict(multipliers or {})
        self._parts = parts
        self._solver_warnings = tuple(warnings)
        self.engine_state = engine_state
        _check_finite("rate", "portfolio", self.rates, None, auction.portfolio_ids)
        unpriced = auction.unpriced
        if certificate.status == "partly solved":
            # A part without an answer has no prices.
            unpriced = unpriced | np.isnan(self.prices)
        _check_finite("price", "product", self.prices, unpriced, auction.product_ids)
        if self.rates[auction.idle].any():
            idle = int(np.flatnonzero(auction.idle & (self.rates != 0))[0])
            raise InvalidOutcome(f"portfolio {auction.portfolio_ids[idle].as_py()!r} is idle; its rate must be 0")
        if portfolio_prices is not None:
            self._check_portfolio_prices(portfolio_prices)

    @cached_property
    def portfolio_prices(self) -> Floats:
        """Cost of a unit of each portfolio, (n_portfolios,) [money / quantity]; NaN for one without a basis."""
        basis = self.auction.basis
        computed = floats(basis.T @ self.prices)
        computed[np.diff(basis.indptr) == 0] = np.nan
        return computed

    def _check_portfolio_prices(self, given: Any) -> None:
        computed = self.portfolio_prices
        claimed = _sized("portfolio_prices", given, len(computed))
        allowed = ROUNDING * (abs(self.auction.basis).T @ np.abs(self.prices))
        same = np.isnan(claimed) & np.isnan(computed)
        with np.errstate(invalid="ignore"):
            wrong = ~same & ~(np.abs(claimed - computed) <= allowed)
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            raise InvalidOutcome(
                f"the price of portfolio {self.auction.portfolio_ids[i].as_py()!r} is {float(claimed[i])!r}, but its "
                f"basis at the product prices costs {float(computed[i])!r}; "
                "a portfolio's price is basis · product prices"
            )

    @cached_property
    def parts(self) -> pd.DataFrame:
        """The connected parts: how many products and portfolios each has, its status and its measures.

        Parts share no product and no demand, and each clears by itself.
        """
        known = self._parts
        if known is None:
            known = _optional.load("fts.solver").part_results_of(self)
        return known.frame()

    @cached_property
    def volumes(self) -> Floats:
        """Traded volume of every product, half the sum of absolute trades, (n_products,) [quantity / time]."""
        return floats(abs(self.auction.basis) @ np.abs(self.rates) / 2)

    @cached_property
    def demand_rates(self) -> Floats:
        """Rate of every demand, ``Σ weight · rate`` of its portfolios, (n_demands,) [quantity / time]."""
        return floats(self.auction.weights @ self.rates)

    @cached_property
    def surpluses(self) -> Floats:
        """Gain of every demand, ``U(z) − λz``, (n_demands,) [money / time]; they add up to the welfare."""
        paid = np.where(self.demand_rates == 0, 0.0, self.demand_prices * self.demand_rates)
        return floats(utilities(self.auction, self.demand_rates) - paid)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what a reader of this outcome should know: those of the solver, then chosen prices.

        A price is chosen where several would clear the auction; the sentences name these products and, where they are
        known, the least and the largest such price.
        """
        return *self._solver_warnings, *self._chosen_prices()

    def _chosen_prices(self) -> Iterator[str]:
        if self.unique.prices or self.certificate.status not in ("exact", "solved", "partly solved"):
            return
        low, high, names = self.price_low, self.price_high, self.auction.product_ids
        chosen = np.flatnonzero(low < high)
        if len(chosen):
            shown = [f"{names[int(p)].as_py()!r} ({_interval(low[p], high[p])})" for p in chosen[:MAX_NAMES]]
            yield f"several prices clear the auction, and one was chosen: {_listed(shown, len(chosen))}"
        unknown = np.flatnonzero((np.isnan(low) | np.isnan(high)) & ~np.isnan(self.prices))
        if len(unknown):
            shown = [repr(names[int(p)].as_py()) for p in unknown[:MAX_NAMES]]
            yield (
                "several prices may clear the auction, of which one was chosen, for "
                f"{_listed(shown, len(unknown))}: outcome.price_interval([...]) computes the least and the largest"
            )

    @cached_property
    def products(self) -> pd.DataFrame:
        """Per product: price, rate (traded volume), price_low, price_high."""
        return _frame(
            "product",
            self.auction.product_ids,
            price=self.prices,
            rate=self.volumes,
            price_low=self.price_low,
            price_high=self.price_high,
        )

    @cached_property
    def portfolios(self) -> pd.DataFrame:
        """Per portfolio: price, rate, surplus (NaN where one of its demands is shared)."""
        weights = self.auction.weights
        users = np.bincount(weights.indices, minlength=len(self.auction.demand_ids))
        surplus = np.where(users == 1, self.surpluses, np.nan)
        owner = np.repeat(np.arange(len(self.rates)), np.diff(weights.indptr))
        total = np.bincount(owner, weights=surplus[weights.indices], minlength=len(self.rates))
        return _frame(
            "portfolio", self.auction.portfolio_ids, price=self.portfolio_prices, rate=self.rates, surplus=floats(total)
        )

    @cached_property
    def demands(self) -> pd.DataFrame:
        """Per demand in use: rate, price (marginal), surplus."""
        return _frame(
            "demand",
            self.auction.demand_ids,
            rate=self.demand_rates,
            price=self.demand_prices,
            surplus=self.surpluses,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as the content of an outcome file; null is no price."""
        return {
            "portfolios": _json(self.auction.portfolio_ids, self.portfolio_prices, self.rates),
            "products": _json(self.auction.product_ids, self.prices, self.volumes),
        }

    def write_json(self, file: str | Path | IO[str]) -> None:
        """Write the outcome as an outcome file.

        Raises
        ------
        InvalidFile
            The file cannot be written.
        """
        auction = self.auction
        text = outcome_text(
            (auction.portfolio_ids, self.portfolio_prices, self.rates), (auction.product_ids, self.prices, self.volumes)
        )
        auction_file.write(text, file)

    @classmethod
    def read_json(cls, file: str | Path | IO[str] | IO[bytes], auction: Auction, tol: float | None = None) -> Outcome:
        """Read an outcome from a file, certified afresh against its auction.

        Raises
        ------
        InvalidFile
            The file cannot be read or is no outcome file.
        InvalidOutcome
            It does not fit the auction.
        """
        return cls.from_json(auction_file.read(file), auction, tol)

    @classmethod
    def from_json(cls, value: Any, auction: Auction, tol: float | None = None) -> Outcome:
        """Create an outcome from the parsed content of an outcome file, certified afresh against its auction.

        Raises
        ------
        InvalidFile, InvalidOutcome
        """
        if not isinstance(auction, Auction):
            raise InvalidOutcome(f"an outcome is read with its Auction, not with {auction!r}")
        portfolio_prices, rates = _read_group(value, "portfolios", auction.portfolio_ids)
        prices, volumes = _read_group(value, "products", auction.product_ids)
        demand_prices, certificate = _optional.load("fts.solver").certified(auction, rates, prices, tol=tol)
        outcome = cls(
            auction,
            rates=rates,
            prices=prices,
            demand_prices=demand_prices,
            portfolio_prices=portfolio_prices,
            certificate=certificate,
            solver="file",
        )
        wrong = ~(np.abs(volumes - outcome.volumes) <= ROUNDING * outcome.volumes)
        if wrong.any():
            p = int(np.flatnonzero(wrong)[0])
            raise InvalidOutcome(
                f"the rate of product {auction.product_ids[p].as_py()!r} is {float(volumes[p])!r}, but half the sum "
                f"of its absolute trades is {float(outcome.volumes[p])!r}"
            )
        return outcome

    def price_interval(self, products: Sequence[str]) -> pd.DataFrame:
        """Compute the least and the largest clearing price of each of these products, by two linear programs each.

        Returns
        -------
        DataFrame
            ``price_low``, ``price_high`` by product [money / unit]; infinite where unlimited.

        Raises
        ------
        UnknownReference
            The auction does not hold a product.
        NotSolved
            The outcome is not exact.
        """
        found: pd.DataFrame = _optional.load("fts.solver").price_interval(self, products)
        return found

    def plot(self, product: str, units: Units | None = None) -> holoviews.Overlay:
        """Draw supply and demand of one product, with the clearing marked (HoloViews).

        Parameters
        ----------
        product : str
        units : Units, optional
            Of the market, for the axes.
        """
        viz = _optional.load("fts.viz")
        return viz.show(viz.supply_demand(self.auction, self, product, units))

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self) | {"engine_state": None}

    def __repr__(self) -> str:
        return f"Outcome({self.certificate.status} by {self.solver}, {len(self.prices)} products)"

    def _repr_html_(self) -> str:
        return _repr_html.outcome(self)


def _interval(low: float, high: float) -> str:
    if np.isinf(low):
        return "any price" if np.isinf(high) else f"at most {high:.6g}"
    return f"at least {low:.6g}" if np.isinf(high) else f"{low:.6g} to {high:.6g}"


def _listed(shown: Sequence[str], count: int) -> str:
    return ", ".join(shown) + (f" and {count - len(shown)} more" if count > len(shown) else "")


def _sized(name: str, values: Any, size: int) -> Floats:
    read = floats(values)
    if read.shape != (size,):
        raise InvalidOutcome(f"{name} has the shape {read.shape}; this auction needs ({size},)")
    return read


def _check_finite(what: str, thing: str, values: Floats, null: Flags | None, names: Ids) -> None:
    wrong = ~np.isfinite(values)
    if null is not None and null.any():
        wrong = np.where(null, ~np.isnan(values), wrong)
    if wrong.any():
        k = int(np.flatnonzero(wrong)[0])
        expected = "null: only idle portfolios hold it" if null is not None and null[k] else "a finite number"
        raise InvalidOutcome(
            f"the {what} of {thing} {names[k].as_py()!r} is {float(values[k])!r}; it must be {expected}"
        )


def _frame(name: str, names: Ids, **columns: Floats) -> pd.DataFrame:
    return pd.DataFrame(columns, index=pd.Index(names.to_pandas(), name=name))


def _json(names: Ids, prices: Floats, rates: Floats) -> dict[str, dict[str, float | None]]:
    return {
        name: {"price": None if price != price else price, "rate": rate}
        for name, price, rate in zip(names.to_pylist(), prices.tolist(), rates.tolist(), strict=True)
    }


def _read_group(value: Any, key: str, names: pa.StringArray) -> tuple[Floats, Floats]:
    group = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(group, Mapping):
        raise InvalidFile(f"an outcome file needs {key!r}, an object from id to price and rate")
    prices, rates = [], []
    for name in names.to_pylist():
        entry = group.get(name)
        if not isinstance(entry, Mapping) or "price" not in entry or "rate" not in entry:
            raise InvalidOutcome(f"{key} of the outcome lack {name!r}, or its price or rate")
        price = float("nan") if entry["price"] is None else parse_number(entry["price"])
        rate = parse_number(entry["rate"])
        if price is None or rate is None:
            raise InvalidOutcome(f"price and rate of {name!r} in {key} must be numbers")
        prices.append(price)
        rates.append(rate)
    extra = [name for name in group if name not in set(names.to_pylist())] if len(group) > len(names) else []
    if extra:
        raise InvalidOutcome(f"{key} of the outcome hold {extra[0]!r}, which the auction does not know")
    return floats(prices), floats(rates)
