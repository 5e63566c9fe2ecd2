"""A start from an earlier outcome, also when bids and products came or went since."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fts.models.auction import Auction
from fts.models.columns import Floats, Ints, floats
from fts.models.outcome import Outcome
from fts.ports.engine import Answer, Program
from fts.solver.compiled import compiled
from fts.solver.program import TradablePart, has_private_demand

TIED_WITHIN = 1e-9
"""A flat segment priced this near (relative) to the earlier price may have been in between."""


def earlier_prices(outcome: Outcome, auction: Auction, part: TradablePart) -> Floats:
    """Return the earlier prices of an auction's products that can trade, (P,) [money / quantity]; NaN is none."""
    return _reindex(outcome.auction.product_ids, outcome.prices, auction.product_ids)[part.products]


def start_from(outcome: Outcome, auction: Auction, part: TradablePart, program: Program) -> Answer | None:
    """Answer of the present bids to the earlier prices; None where no product has an earlier price.

    A new product has the price its bidders speak of. Sloped curves answer these prices; flat ones at their price keep
    their earlier fill, others are full or empty.
    """
    prices = earlier_prices(outcome, auction, part)
    if np.isnan(prices).all():
        return None
    p = program
    prices = impute_new_prices(p, prices)
    worth = p.B.T @ prices
    demand_prices = _reindex(outcome.auction.demand_ids, outcome.demand_prices, auction.demand_ids)[part.demands]
    single = has_private_demand(p.W)
    entry = p.W.indptr[:-1][single]
    demand_prices[p.W.indices[entry]] = worth[single] / p.W.data[entry]
    demand_prices = np.where(np.isnan(demand_prices), 0.0, demand_prices)
    rates = _reindex(outcome.auction.portfolio_ids, outcome.rates, auction.portfolio_ids)[part.portfolios]
    rates = np.where(np.isnan(rates), 0.0, rates)

    y = _fills(p.segment_demand, p.lo, p.hi, p.c, p.s, demand_prices, floats(p.W @ rates))
    return Answer(x=rates, y=y, prices=prices, demand_prices=demand_prices, status="started warm", iterations=0)


@compiled
def _fills(demand: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats, demand_prices: Floats, rates: Floats) -> Floats:
    """Compute fills at these prices; segments left open take what the others leave of their demand's rate."""
    y, rest = np.empty(len(c)), rates.copy()
    for k in range(len(c)):
        lam = demand_prices[demand[k]]
        # Flat: full where its price is higher, open (NaN for now) where it is the same.
        fill = (c[k] - lam) / s[k] if s[k] > 0 else hi[k] if c[k] > lam else lo[k]
        tied = not s[k] > 0 and abs(c[k] - lam) <= TIED_WITHIN * max(abs(lam), abs(c[k]))
        y[k] = min(max(fill, lo[k]), hi[k])
        if tied or not np.isfinite(y[k]):
            y[k] = np.nan
        else:
            rest[demand[k]] -= y[k]
    for k in range(len(c)):
        if np.isnan(y[k]):
            y[k] = min(max(rest[demand[k]], lo[k]), hi[k])
    return y


def impute_new_prices(program: Program, prices: Floats) -> Floats:
    """Prices with those of new products (NaN) filled in.

    The mean over the portfolios that hold it of what their demands offer at rate 0, less what their other products are
    worth, all per unit of the product; 0 where nobody offers anything.
    """
    new = np.isnan(prices)
    if not new.any():
        return prices
    p, known = program, np.where(new, 0.0, prices)
    pieces = np.maximum(np.bincount(p.segment_demand, minlength=p.W.shape[0]), 1)
    offered = np.bincount(p.segment_demand, weights=p.c, minlength=p.W.shape[0]) / pieces
    rest = p.W.T @ offered - p.B.T @ known
    holder = np.repeat(np.arange(p.B.shape[1]), np.diff(p.B.indptr))
    # Products that are new together share what is left.
    share = np.bincount(holder, weights=new[p.B.indices], minlength=p.B.shape[1])[holder]
    said = np.where(new[p.B.indices], rest[holder] / (p.B.data * np.maximum(share, 1.0)), 0.0)
    voices = np.bincount(p.B.indices, minlength=len(prices))
    mean = np.bincount(p.B.indices, weights=said, minlength=len(prices)) / np.maximum(voices, 1)
    return np.where(new, mean, prices)


def _reindex(old: pa.StringArray, values: Floats, new: pa.StringArray) -> Floats:
    """Values by old ids, for new ids; NaN for ids that are new."""
    if old.equals(new):
        return values.copy()
    at = pc.index_in(new, value_set=old)
    position = at.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.where(position >= 0, np.append(values, np.nan)[position], np.nan)
