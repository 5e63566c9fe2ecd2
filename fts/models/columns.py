"""Bids as columns: what frames, files and the store hand to an auction, without an object per bid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from operator import methodcaller
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fts.errors import InvalidAuction, InvalidCurve, InvalidWeights
from fts.models.arrays import Flags as Flags
from fts.models.arrays import Floats as Floats
from fts.models.arrays import Ints as Ints
from fts.models.id_text import id_texts

Ids: TypeAlias = pa.StringArray


@dataclass(frozen=True)
class Columns:
    """Demands and portfolios as written, before an auction drops what does not count.

    Attributes
    ----------
    demand_ids : (n_demands,) text
        In input order, each once.
    point_offsets : (n_demands + 1,)
        Demand ``d`` owns the points ``point_offsets[d]:point_offsets[d + 1]``; none: an inactive demand.
    point_rates : (n_points,) [quantity / time]
        A constant has two points, its ends; an unlimited end is infinite.
    point_prices : (n_points,) [money / quantity]
    constant : (n_demands,)
        Whether the curve was written as a constant.
    portfolio_ids : (n_portfolios,) text
        In input order, each once.
    weight_portfolio, weight_demand, weight_value : (n_weights,)
        Demand weights as triplets; a demand of -1 is one that the auction does not define.
    undefined_ids : (number of demands of -1,) text, optional
        Ids of these demands, in the order of their weights.
    product_ids : (n_products,) text
    basis_portfolio, basis_product, basis_value : (n_entries,)
        Basis weights as triplets.

    Raises
    ------
    InvalidAuction, InvalidCurve, InvalidWeights
        From :meth:`check`: a rule is broken; the message names the id.
    """

    demand_ids: Ids
    point_offsets: Ints
    point_rates: Floats
    point_prices: Floats
    constant: Flags
    portfolio_ids: Ids
    weight_portfolio: Ints
    weight_demand: Ints
    weight_value: Floats
    product_ids: Ids
    basis_portfolio: Ints
    basis_product: Ints
    basis_value: Floats
    undefined_ids: Ids | None = None

    @classmethod
    def read(cls, columns: Mapping[str, Any]) -> Columns:
        """Columns from anything array-like, converted to the types above.

        Raises
        ------
        InvalidAuction
            A column is missing, not known, or holds something else.
        """
        kinds = {field.name: field.type for field in fields(cls)}
        odd = sorted((set(columns) ^ set(kinds)) - {"undefined_ids"})
        if odd:
            raise InvalidAuction(f"columns that are missing or not known: {', '.join(odd)}")
        try:
            return cls(**{name: _READERS[str(kinds[name])](values) for name, values in columns.items()})
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
            raise InvalidAuction(f"a column does not hold what it must: {error}") from error

    @classmethod
    def of_groups(
        cls,
        *,
        demand_ids: Ids,
        counts: Sequence[int],
        point_rates: Floats,
        point_prices: Floats,
        constant: Sequence[bool],
        portfolio_ids: Ids,
        weights: Sequence[Mapping[str, float]],
        basis: Sequence[Mapping[str, float]],
    ) -> Columns:
        """Columns of curves one after another and the weights of each portfolio.

        Parameters
        ----------
        counts : (n_demands,)
            Number of points of each curve.
        weights, basis : (n_portfolios,)
            Weight by demand id, and by product id. An id that is not in ``demand_ids`` counts as not defined.
        """
        weight_portfolio, weight_names, weight_value = _triplets(weights)
        basis_portfolio, basis_names, basis_value = _triplets(basis)
        weight_demand = positions(weight_names, demand_ids)
        products = basis_names.dictionary_encode()
        return cls(
            demand_ids=demand_ids,
            point_offsets=np.append(0, np.cumsum(counts)).astype(np.int64),
            point_rates=point_rates,
            point_prices=point_prices,
            constant=np.array(constant, dtype=np.bool_),
            portfolio_ids=portfolio_ids,
            weight_portfolio=weight_portfolio,
            weight_demand=weight_demand,
            weight_value=weight_value,
            product_ids=products.dictionary,
            basis_portfolio=basis_portfolio,
            basis_product=ints(products.indices),
            basis_value=basis_value,
            undefined_ids=weight_names.filter(pa.array(weight_demand < 0)),
        )

    def check(self) -> None:
        """Refuse columns that break a rule of curves, weights or ids."""
        for name in ("demand", "portfolio", "product"):
            _check_ids(name, getattr(self, f"{name}_ids"))
        _check_curves(self)
        _check_weights(self, "demand", self.weight_demand, self.weight_value, self.weight_portfolio, self.demand_ids)
        _check_weights(self, "basis", self.basis_product, self.basis_value, self.basis_portfolio, self.product_ids)


def ids(values: Any) -> Ids:
    """Ids as one Arrow array of text, (n,)."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values if values.type == pa.string() else id_texts(values, "an id")
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError as error:
        raise InvalidAuction(f"the id {error.object!r} is no text: it holds half of a character") from error


def positions(wanted: Ids, among: Ids) -> Ints:
    """Return the position of each wanted id among others, (n_wanted,); -1 for an id that is not there."""
    found = pc.fill_null(pc.index_in(wanted, value_set=among), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def floats(values: Any) -> Floats:
    """Numbers as float64, (n,)."""
    return np.ascontiguousarray(values, dtype=np.float64)


def ints(values: Any) -> Ints:
    """Numbers as int64, (n,)."""
    return np.ascontiguousarray(values, dtype=np.int64)


def flags(values: Any) -> Flags:
    """Truth values, (n,)."""
    return np.ascontiguousarray(values, dtype=np.bool_)


_READERS: dict[str, Callable[[Any], Any]] = {
    "Ids": ids,
    "Ids | None": ids,
    "Ints": ints,
    "Floats": floats,
    "Flags": flags,
}


def _triplets(groups: Sequence[Mapping[str, float]]) -> tuple[Ints, Ids, Floats]:
    """Owner, name and value of every weight, each (n_weights,)."""
    owners = np.repeat(np.arange(len(groups)), list(map(len, groups)))
    values = chain.from_iterable(map(methodcaller("values"), groups))
    return owners, ids(list(chain.from_iterable(groups))), np.fromiter(values, np.float64, len(owners))


def _check_ids(name: str, given: Ids) -> None:
    if given.null_count:
        raise InvalidAuction(f"a {name} has no id; every {name} needs one")
    if len(pc.unique(given)) != len(given):
        counts = pc.value_counts(given)
        twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        raise InvalidAuction(f"the {name} id {twice[0].as_py()!r} stands twice; ids are unique")


def _check_curves(columns: Columns) -> None:
    rates, prices, offsets = columns.point_rates, columns.point_prices, columns.point_offsets
    counts = np.diff(offsets)
    if len(offsets) != len(columns.demand_ids) + 1 or np.any(counts < 0) or offsets[-1] != len(rates):
        raise InvalidAuction("point_offsets must have one entry more than there are demands and end at the last point")
    if len(rates) != len(prices) or len(columns.constant) != len(columns.demand_ids):
        raise InvalidAuction("point_rates and point_prices, constant and demand_ids must have equal lengths")
    owner = np.repeat(np.arange(len(counts)), counts)
    unlimited = np.isinf(rates) & columns.constant[owner]
    _refuse(columns, owner, ~np.isfinite(rates) & ~unlimited, "a rate is not finite", "write finite numbers")
    _refuse(columns, owner, ~np.isfinite(prices), "a price is not finite", "write finite numbers")
    if len(rates) > 1:
        same = owner[1:] == owner[:-1]
        with np.errstate(invalid="ignore"):
            falls = np.append(False, same & (rates[1:] < rates[:-1]))
        _refuse(columns, owner, falls, "rates never fall along a curve, but here they do", "sort the points by rate")
        rises = np.append(False, same & (prices[1:] > prices[:-1]))
        _refuse(columns, owner, rises, "prices never rise along a demand curve, but here they do", "correct the price")
    active = counts > 0
    first, last = offsets[:-1][active], offsets[1:][active] - 1
    outside = np.zeros(len(rates), dtype=bool)
    outside[first] = (rates[first] > 0) | (rates[last] < 0)
    _refuse(columns, owner, outside, "the domain of a curve contains rate 0, but here it does not", "add rate 0")


def _refuse(columns: Columns, owner: Ints, wrong: Flags, rule: str, remedy: str) -> None:
    if not wrong.any():
        return
    point = int(np.flatnonzero(wrong)[0])
    demand = int(owner[point])
    raise InvalidCurve(
        f"{rule}: demand {columns.demand_ids[demand].as_py()!r}, point {point - int(columns.point_offsets[demand])} "
        f"(rate {float(columns.point_rates[point])!r}, price {float(columns.point_prices[point])!r}); {remedy}"
    )


def _check_weights(
    columns: Columns, group: str, target: Ints, value: Floats, portfolio: Ints, target_ids: Sequence[Any]
) -> None:
    if not len(target) == len(value) == len(portfolio):
        raise InvalidAuction(f"the three columns of {group} weights must have equal lengths")
    n_portfolios, n_targets = len(columns.portfolio_ids), len(target_ids)
    lowest = -1 if group == "demand" else 0
    if len(target) and (
        portfolio.min() < 0 or portfolio.max() >= n_portfolios or target.min() < lowest or target.max() >= n_targets
    ):
        raise InvalidAuction(f"{group} weights point outside the portfolios, demands or products given")
    if group == "demand" and columns.undefined_ids is not None:
        if len(columns.undefined_ids) != np.count_nonzero(target < 0):
            raise InvalidAuction("undefined_ids must have one id for every demand weight whose demand is -1")
    wrong = ~np.isfinite(value)
    if wrong.any():
        owner = columns.portfolio_ids[int(portfolio[np.flatnonzero(wrong)[0]])].as_py()
        raise InvalidWeights(f"a {group} weight of portfolio {owner!r} is not finite; write a finite number")
    known = target >= 0
    pair = portfolio[known] * max(n_targets, 1) + target[known]
    ordered = np.sort(pair)
    twice = ordered[1:] == ordered[:-1]
    if twice.any():
        key = int(ordered[1:][twice][0])
        owner, other = columns.portfolio_ids[key // n_targets].as_py(), target_ids[key % n_targets].as_py()
        raise InvalidWeights(f"the {group} of portfolio {owner!r} names {other!r} twice; add the two weights")
