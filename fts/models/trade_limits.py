"""How much some demands may still trade."""

from __future__ import annotations

from dataclasses import dataclass

from fts.models.columns import Floats, Ids


@dataclass(frozen=True)
class RemainingLimits:
    """What is left of limits on total trade, before one batch.

    Attributes
    ----------
    demand_ids : (n_limited,) text
    low, high : (n_limited,) [quantity, + bought]
        Between these the batch may change what was traded; infinite: unlimited. Where a limit is passed
        already, ``low`` is above 0 or ``high`` below.
    """

    demand_ids: Ids
    low: Floats
    high: Floats
