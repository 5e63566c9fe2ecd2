"""Limits on the quantity that a bid may ever trade."""

from __future__ import annotations

import numpy as np

from fts.exchange.parsing import LARGEST
from fts.models.auction import Auction
from fts.models.columns import Floats, positions
from fts.models.trade_limits import RemainingLimits


def apply_trade_limits(auction: Auction, room: RemainingLimits, duration: float) -> Auction:
    """Return the auction in which no demand trades more than it may, ``low ≤ rate × duration ≤ high``.

    Rate 0 always stays, where a limit is passed already too. Demands that the auction does not have are left out.

    Parameters
    ----------
    auction : Auction
    room : RemainingLimits
        What limits leave.
    duration : float
        How long the rates will hold [time unit].
    """
    place = positions(room.demand_ids, auction.demand_ids)
    there = place >= 0
    low, high = np.full(len(auction.demand_ids), -np.inf), np.full(len(auction.demand_ids), np.inf)
    low[place[there]] = _clamp_rates(np.minimum(0.0, room.low[there] / duration))
    high[place[there]] = _clamp_rates(np.maximum(0.0, room.high[there] / duration))
    return auction.within(low, high)


def _clamp_rates(rates: Floats) -> Floats:
    """Clip rates to the largest rate of a bid, which a short duration could exceed."""
    return np.where(np.isinf(rates), rates, np.clip(rates, -LARGEST, LARGEST))
