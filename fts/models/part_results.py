"""The results of the connected parts of an auction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fts.models.certificate import Status
from fts.models.columns import Floats, Ints


@dataclass(frozen=True)
class PartResults:
    """The status and the measures of every connected part.

    Attributes
    ----------
    product : (n_products,)
        The number of each product's part; -1 where only idle portfolios hold it.
    portfolio : (n_portfolios,)
        The number of each portfolio's part; -1 where it is idle.
    statuses : tuple of str
        One for each part.
    measures : mapping of name to (n_parts,)
        The measures of the certificate, of each part alone.
    """

    product: Ints
    portfolio: Ints
    statuses: tuple[Status, ...]
    measures: Mapping[str, Floats]

    def frame(self) -> pd.DataFrame:
        """One row per part: how many products and portfolios it has, its status and its measures."""
        n = len(self.statuses)
        products, portfolios = (np.bincount(one[one >= 0], minlength=n) for one in (self.product, self.portfolio))
        columns = {"products": products, "portfolios": portfolios, "status": list(self.statuses), **self.measures}
        return pd.DataFrame(columns, index=pd.RangeIndex(n, name="part"))
