"""The parts that an auction leaves out, because they cannot count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fts.models.columns import Columns, Flags, Floats, Ints


@dataclass(frozen=True)
class Dropped:
    """The parts that an auction leaves out, because they cannot count.

    Attributes
    ----------
    inactive : tuple of demand ids
        Demands whose curve is null.
    unused : tuple of demand ids
        Demands that no portfolio refers to.
    unknown : tuple of (portfolio id, count)
        Portfolios with weights on demands that the auction does not define.
    zero : tuple of (portfolio id, id)
        Weights of exactly 0.
    undefined : tuple of (portfolio id, demand id)
        Weights on a demand that has no curve, not even null. Empty for an auction from columns without these ids.
    """

    inactive: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    unknown: tuple[tuple[str, int], ...] = ()
    zero: tuple[tuple[str, str], ...] = ()
    undefined: tuple[tuple[str, str], ...] = ()


def dropped_of(columns: Columns, active: Flags, used: Flags, entries: Flags, defined: Flags) -> Dropped:
    """Return what an auction leaves out of its columns.

    Parameters
    ----------
    columns : Columns
    active, used : (n_demands,)
        Demands with a curve; demands in use.
    entries : (n_entries,)
        Basis weights that are not 0.
    defined : (n_weights,)
        Demand weights whose demand has a curve.
    """
    if used.all() and entries.all() and defined.all() and columns.weight_value.all():
        return Dropped()
    demand_names, portfolio_names = columns.demand_ids, columns.portfolio_ids
    unknown, counts = np.unique(columns.weight_portfolio[~defined], return_counts=True)
    zero = [
        (portfolio_names[int(i)].as_py(), demand_names[int(d)].as_py())
        for i, d in zip(
            *_zeros(columns.weight_value, defined, columns.weight_portfolio, columns.weight_demand), strict=True
        )
    ] + [
        (portfolio_names[int(i)].as_py(), columns.product_ids[int(p)].as_py())
        for i, p in zip(columns.basis_portfolio[~entries], columns.basis_product[~entries], strict=True)
    ]
    return Dropped(
        inactive=tuple(demand_names.filter(pa.array(~active)).to_pylist()),
        unused=tuple(demand_names.filter(pa.array(active & ~used)).to_pylist()),
        unknown=tuple(
            (name, int(count))
            for name, count in zip(portfolio_names.take(pa.array(unknown)).to_pylist(), counts, strict=True)
        ),
        zero=tuple(zero),
        undefined=_undefined(columns),
    )


def _undefined(columns: Columns) -> tuple[tuple[str, str], ...]:
    if columns.undefined_ids is None:
        return ()
    owners = columns.portfolio_ids.take(pa.array(columns.weight_portfolio[columns.weight_demand < 0]))
    return tuple(zip(owners.to_pylist(), columns.undefined_ids.to_pylist(), strict=True))


def _zeros(value: Floats, defined: Flags, portfolio: Ints, demand: Ints) -> tuple[Ints, Ints]:
    zero = (value == 0) & defined
    return portfolio[zero], demand[zero]
