"""A start from an earlier outcome, also when bids and products came or went since."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fts.models.auction import Auction
from fts.models.columns import Floats
from fts.models.outcome import Outcome
from fts.ports.engine import Answer, Program
from fts.solver.program import Part, alone

NEAR = 1e-9
"""A flat segment priced this near (relative) to the earlier price may have been in between."""


def start_from(outcome: Outcome, auction: Auction, part: Part, program: Program) -> Answer | None:
    """What the earlier prices say about the present bids; None where a product is new.

    Sloped curves answer the earlier prices; flat ones at their price keep their earlier fill, others are full or empty.
    """
    prices = _carried(outcome.auction.product_ids, outcome.prices, auction.product_ids)[part.products]
    if np.isnan(prices).any():
        return None
    p = program
    worth = p.B.T @ prices
    demand_prices = _carried(outcome.auction.demand_ids, outcome.demand_prices, auction.demand_ids)[part.demands]
    single = alone(p.W)
    entry = p.W.indptr[:-1][single]
    demand_prices[p.W.indices[entry]] = worth[single] / p.W.data[entry]
    demand_prices = np.where(np.isnan(demand_prices), 0.0, demand_prices)
    rates = _carried(outcome.auction.portfolio_ids, outcome.rates, auction.portfolio_ids)[part.portfolios]
    rates = np.where(np.isnan(rates), 0.0, rates)

    lam = demand_prices[p.segment_demand]
    sloped = p.s > 0
    y = np.where(sloped, (p.c - lam) / np.where(sloped, p.s, 1.0), np.where(p.c > lam, p.hi, p.lo))
    y = np.clip(y, p.lo, p.hi)
    level = np.maximum(np.abs(lam), np.abs(p.c))
    tied = (~sloped & (np.abs(p.c - lam) <= NEAR * level)) | ~np.isfinite(y)
    y = np.where(tied, 0.0, y)
    others = np.bincount(p.segment_demand, weights=y, minlength=p.W.shape[0])
    left = (p.W @ rates - others)[p.segment_demand]
    y = np.where(tied, np.clip(left, p.lo, p.hi), y)
    return Answer(x=rates, y=y, prices=prices, demand_prices=demand_prices, status="started warm", iterations=0)


def _carried(old: pa.StringArray, values: Floats, new: pa.StringArray) -> Floats:
    """Values by old ids, for new ids; NaN for ids that are new."""
    if old.equals(new):
        return values.copy()
    at = pc.index_in(new, value_set=old)
    position = at.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.where(position >= 0, np.append(values, np.nan)[position], np.nan)
