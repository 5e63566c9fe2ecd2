"""The trade of one product or portfolio in one batch, over the time that the batch held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fts.models.timestamps import format_instant


@dataclass(frozen=True)
class Trade:
    """Price and quantity of a product or a portfolio, on ``[from, thru)``.

    Attributes
    ----------
    id : str
        Of the product or portfolio.
    from_, thru : datetime
    price : float or None
        [money / quantity]; None: it could not be traded.
    trade : float
        ``rate × (thru − from)`` [quantity]; of a portfolio + bought, of a product the volume.
    """

    id: str
    from_: datetime
    thru: datetime
    price: float | None
    trade: float

    def to_json(self) -> dict[str, Any]:
        """``from``, ``thru``, ``price`` and ``trade``."""
        return {
            "from": format_instant(self.from_),
            "thru": format_instant(self.thru),
            "price": self.price,
            "trade": self.trade,
        }
