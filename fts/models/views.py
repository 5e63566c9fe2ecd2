"""Mappings of ids to curves and portfolios, read from the arrays of an auction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from scipy.sparse import csc_array

from fts.models.columns import Ids
from fts.models.curve import Constant, Curve, DemandCurve
from fts.models.portfolio import Portfolio

if TYPE_CHECKING:
    from fts.models.auction import Auction


class DemandsView(Mapping[str, DemandCurve]):
    """The curves of the demands in use, by id."""

    def __init__(self, auction: Auction) -> None:
        self._auction = auction
        self._position = {name: k for k, name in enumerate(auction.demand_ids.to_pylist())}

    def __getitem__(self, name: str) -> DemandCurve:
        auction, d = self._auction, self._position[name]
        span = slice(int(auction.point_offsets[d]), int(auction.point_offsets[d + 1]))
        rates, prices = auction.point_rates[span].tolist(), auction.point_prices[span].tolist()
        if auction.constant[d]:
            return Constant(prices[0], rates[0], rates[-1])
        return Curve(zip(rates, prices, strict=True))

    def __iter__(self) -> Iterator[str]:
        return iter(self._position)

    def __len__(self) -> int:
        return len(self._position)


class PortfoliosView(Mapping[str, Portfolio]):
    """The portfolios with the weights that count, by id."""

    def __init__(self, auction: Auction) -> None:
        self._auction = auction
        self._position = {name: k for k, name in enumerate(auction.portfolio_ids.to_pylist())}

    def __getitem__(self, name: str) -> Portfolio:
        i = self._position[name]
        return Portfolio(
            _column(self._auction.weights, i, self._auction.demand_ids),
            _column(self._auction.basis, i, self._auction.product_ids),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._position)

    def __len__(self) -> int:
        return len(self._position)


def _column(matrix: csc_array, i: int, names: Ids) -> dict[str, float]:
    span = slice(matrix.indptr[i], matrix.indptr[i + 1])
    return {
        names[int(row)].as_py(): float(value)
        for row, value in zip(matrix.indices[span], matrix.data[span], strict=True)
    }
