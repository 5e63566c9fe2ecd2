"""How far the price of a product could move while the auction still clears at the same rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from fts.errors import NotSolved, UnknownReference
from fts.models.columns import Floats, Ints
from fts.models.outcome import Outcome
from fts.ports.engine import Answer
from fts.solver.canonical.ties import price_intervals
from fts.solver.linear_program import cheapest
from fts.solver.native.scaling import scaled, scales_of
from fts.solver.program import part_of, program_of

FAR = 1e9
"""A price that may move by this many typical prices is unlimited."""


def price_interval(outcome: Outcome, products: Sequence[str]) -> pd.DataFrame:
    """The least and the largest clearing price of each product, by two linear programs each.

    Over all prices ``π`` and demand prices ``λ`` with ``B'π = W'λ`` and every ``λ_d`` on its curve at the rates of the
    outcome, ends of domains continued vertically.

    Parameters
    ----------
    outcome : Outcome
        Proved; its certificate is exact.
    products : sequence of product ids

    Returns
    -------
    DataFrame
        ``price_low``, ``price_high`` by product [money / unit]; infinite where unlimited, NaN where the product has no
        price.

    Raises
    ------
    UnknownReference
        The auction does not hold a product.
    NotSolved
        The outcome is not exact, or a linear program could not be solved.
    """
    if outcome.certificate.status != "exact":
        raise NotSolved("only an exact outcome has price intervals; solve the auction with the native engine", outcome)
    auction, part = outcome.auction, part_of(outcome.auction)
    names = auction.product_ids.to_pylist()
    unknown = [name for name in products if name not in set(names)]
    if unknown:
        raise UnknownReference(f"the auction has no product {unknown[0]!r}; name products that some portfolio holds")
    original = program_of(auction, part)
    scales = scales_of(original)
    program = scaled(original, scales)
    answer = Answer(
        x=outcome.rates[part.portfolios],
        y=_fills(original.segment_demand, original.lo, original.hi, outcome.demand_rates[part.demands]),
        prices=outcome.prices[part.products],
        demand_prices=outcome.demand_prices[part.demands],
        status="",
        iterations=0,
    )
    low, high = price_intervals(original, answer, scales.demand_price)
    lam = answer.demand_prices
    # Unknown are the moves from the outcome's own prices, in typical prices: nought is always among them.
    bounds = np.column_stack([(low - lam) / scales.demand_price, (high - lam) / scales.demand_price])
    P, D = program.B.shape[0], program.W.shape[0]
    A = csr_array(hstack([program.B.T, -program.W.T]))
    box = np.vstack([np.full((P, 1), 1.0) * np.array([-FAR, FAR]), np.clip(bounds, -FAR, FAR)])
    rows: dict[str, tuple[float, float]] = {}
    for name in products:
        at = np.flatnonzero(part.products == names.index(name))
        if not len(at):
            rows[name] = (np.nan, np.nan)
            continue
        p, price = int(at[0]), float(answer.prices[at[0]])
        moves = [_furthest(A, box, P + D, p, sign, outcome) for sign in (-1.0, 1.0)]
        rows[name] = (price + float(scales.price[p]) * moves[0], price + float(scales.price[p]) * moves[1])
    return pd.DataFrame.from_dict(rows, orient="index", columns=["price_low", "price_high"]).rename_axis("product")


def _furthest(A: csr_array, box: Floats, n: int, at: int, sign: float, outcome: Outcome) -> float:
    """The furthest move of one price in one direction, in typical prices."""
    cost = np.zeros(n)
    cost[at] = -sign
    found = cheapest(cost, (csr_array((0, n)), np.zeros(0)), (A, np.zeros(A.shape[0])), box)
    if found is None:
        raise NotSolved("the linear program of a price interval has no answer", outcome)
    move = float(found[at])
    return sign * np.inf if abs(move) >= FAR / 2 else move


def _fills(demand: Ints, lo: Floats, hi: Floats, rates: Floats) -> Floats:
    """Fills of the segments at given demand rates: those nearest to 0 first."""
    fills = np.zeros(len(lo))
    buys = np.maximum(rates, 0.0).copy()
    sells = np.minimum(rates, 0.0).copy()
    for k in range(len(lo)):
        fills[k] = min(buys[demand[k]], hi[k])
        buys[demand[k]] -= fills[k]
    for k in range(len(lo) - 1, -1, -1):
        given = max(sells[demand[k]], lo[k])
        sells[demand[k]] -= given
        fills[k] += given
    # Within rounding of a bound a fill stands at it.
    width = np.where(np.isfinite(hi - lo), hi - lo, 1.0)
    fills = np.where(hi - fills <= 1e-12 * width, hi, fills)
    return np.where(fills - lo <= 1e-12 * width, lo, fills)
