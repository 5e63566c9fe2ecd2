"""One answer among the optimal ones.

Where curves are flat, prices step or portfolios duplicate each other, many fills and many prices are optimal. The
optimal fills form one polyhedron and the clearing prices another; neither depends on which point of the other is taken.

1. fills: tied flat bids share in proportion to what they offer, least ``Σ v_j y_j² / size_j``;
2. rates: of those the least traded, ``Σ |x_i B_i|²``;
3. prices: nearest to the references, and what these leave open nearest to 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from fts.models.columns import Floats
from fts.models.outcome import Unique
from fts.ports.engine import Answer
from fts.solver.canonical.auxiliary_auctions import Solve
from fts.solver.canonical.min_norm_rates import min_norm_rates
from fts.solver.canonical.price_selection import select_prices
from fts.solver.deviations import Deviations
from fts.solver.native.equilibration import Scales


@dataclass(frozen=True)
class Canonical:
    """The one answer, and where it is known that there was no choice.

    Attributes
    ----------
    answer : Answer
    found : bool
        Whether every choice was made; else the answer clears the auction, and others may do so as well.
    unique : Unique
        True only when proved by rank.
    price_low, price_high : (P,) [money / quantity]
        Interval of clearing prices; infinite where unlimited, NaN where not computed.
    """

    answer: Answer
    found: bool
    unique: Unique
    price_low: Floats
    price_high: Floats


def canonical_solution(
    deviations: Deviations,
    answer: Answer,
    solve: Solve,
    scales: Scales,
    reference: Floats | None = None,
    sizes: Floats | None = None,
) -> Canonical:
    """Compute the canonical answer, in deviations from first prices.

    Parameters
    ----------
    deviations : Deviations
    answer : Answer
        An exact optimum of the program in deviations.
    solve : callable
        Solves the auctions of large choices exactly, or gives None.
    scales : Scales
        Of the program.
    reference : (P,) [money / quantity], optional
        Prices to stay near to; where there is none (NaN) it is the middle of the product's own quotes.
    sizes : (K,) [quantity / time], optional
        What rounding of each segment's fill is measured against; None is its width.
    """
    rates = min_norm_rates(deviations, answer, solve, scales, sizes)
    prices = select_prices(deviations, rates.answer, solve, reference, scales)
    unique = Unique(prices.unique, rates.unique)
    return Canonical(prices.answer, rates.found and prices.found, unique, prices.low, prices.high)
