"""The quantities that limits on total trade leave to demands."""

from __future__ import annotations

from dataclasses import dataclass

from fts.models.columns import Floats, Ids


@dataclass(frozen=True)
class RemainingLimits:
    """The quantities that limits on total trade leave, before one batch.

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
