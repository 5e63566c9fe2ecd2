"""The engine port: a convex quadratic program in arrays goes in, rates and prices come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.models.outcome import Outcome


@dataclass(frozen=True)
class Program:
    """An auction as arrays, without ids.

    With ``y`` the fills of segments, ``x`` the rates of portfolios and ``G`` the 0/1 matrix that adds the segments of
    each demand (``G[segment_demand[k], k] = 1``)::

        maximize   Σ_k c_k y_k - s_k y_k² / 2 - Σ_i cost_i x_i
        subject to B x = 0          (multiplier π: prices of products)
                   G y - W x = 0    (multiplier λ: marginal prices of demands)
                   lo ≤ y ≤ hi

    Attributes
    ----------
    B : (P, I) sparse, by column
        Product units per unit of each portfolio.
    W : (D, I) sparse, by column
        Weight of each portfolio's rate in each demand's rate.
    segment_demand : (K,)
        Whose segment it is; never falls. A demand without segments has rate 0.
    lo, hi : (K,) [quantity / time]
        Bounds of the fills, ``lo ≤ 0 ≤ hi``; infinite where unlimited.
    c : (K,) [money / quantity]
        Price at fill 0.
    s : (K,) [money · time / quantity²]
        How fast the price falls, ``s ≥ 0``.
    cost : (I,) [money / portfolio unit] or None
        What one unit of each portfolio costs besides its products; None: nothing. An auction has none; a program in
        deviations from first prices may.
    """

    B: csc_array
    W: csc_array
    segment_demand: NDArray[np.int64]
    lo: NDArray[np.float64]
    hi: NDArray[np.float64]
    c: NDArray[np.float64]
    s: NDArray[np.float64]
    cost: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Answer:
    """An engine's result, in the units of its program.

    Attributes
    ----------
    x : (I,) [quantity / time]
        Rates of portfolios.
    y : (K,) [quantity / time]
        Fills of segments.
    prices : (P,) [money / quantity]
        π, the multipliers of ``B x = 0``.
    demand_prices : (D,) [money / quantity]
        λ, the multipliers of ``G y - W x = 0``.
    status : str
        How the engine says it ended; only the certificate decides what that is worth.
    iterations : int
        Steps taken; 0 where unknown.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    prices: NDArray[np.float64]
    demand_prices: NDArray[np.float64]
    status: str
    iterations: int


class Engine(Protocol):
    """Solves programs to a tolerance; reports what it reached, and never judges it."""

    def __call__(self, program: Program, tol: float) -> Answer:
        """Solve a program.

        Parameters
        ----------
        program : Program
            Bounded, with at least one portfolio and one segment.
        tol : float
            The certificate's measures are wanted at or below this.

        Raises
        ------
        MissingLibrary, MissingLicence
            The engine cannot run here.
        """
        ...


Clearing: TypeAlias = Callable[[Auction], Outcome]
"""``(auction) -> outcome``. A market computes the certificate of the outcome afresh.

Raises :class:`fts.errors.NotSolved` or :class:`fts.errors.UnboundedAuction`."""
