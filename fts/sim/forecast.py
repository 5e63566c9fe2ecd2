"""Forecasts that move: random news as a function of time alone."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_WAVES = 96
_YEAR = timedelta(days=365)


def news(seed: int, subject: str, at: datetime, memory: timedelta) -> float:
    """News about one subject: a stationary random path of mean 0 and variance 1.

    ``X(t) = √(2/K) Σ_k cos(ω_k t/memory + φ_k)``, ω Cauchy, φ uniform: its covariance is ``exp(−|t − s|/memory)``,
    that of an Ornstein–Uhlenbeck process. A function of time, not a state: the same seed gives the same path
    whoever asks, in whatever order, also after a restart. Source: Rahimi and Recht, *Random Features for
    Large-Scale Kernel Machines*, 2007, section 3.

    Parameters
    ----------
    seed : int
        Of the whole simulation.
    subject : str
        What the news is about; different subjects are independent.
    at : datetime
        When.
    memory : timedelta
        Time after which news has lost all but 37 % of its say.
    """
    frequencies, phases = _spectrum(seed, subject)
    time = (at - _EPOCH) / memory
    return float(math.sqrt(2 / _WAVES) * np.cos(np.mod(frequencies * time, 2 * math.pi) + phases).sum())


@dataclass(frozen=True)
class Forecast:
    """A forecast as a factor on a normal value: 1 plus an error that moves.

    Parameters
    ----------
    seed : int
        Of the whole simulation.
    subject : str
        What is forecast; forecasts of one subject move together.
    spread : float
        Standard deviation of the factor; with `sharpens` that of a delivery one year ahead.
    memory : timedelta
        How long news lasts.
    sharpens : bool
        Whether the spread shrinks with the square root of the time to delivery.
    """

    seed: int
    subject: str
    spread: float
    memory: timedelta
    sharpens: bool = False

    def factor(self, at: datetime, delivery: datetime, part: str = "") -> float:
        """Forecast over normal value, as seen at one instant, for a delivery; never below 0.05.

        Parameters
        ----------
        at : datetime
            When the forecast is made.
        delivery : datetime
            Start of the delivery that is forecast.
        part : str
            What of the subject: its deliveries that carry the same part move together.
        """
        spread = self.spread
        if self.sharpens:
            spread *= math.sqrt(min(max((delivery - at) / _YEAR, 0.0), 1.0))
        return max(0.05, 1 + spread * news(self.seed, f"{self.subject}/{part}", at, self.memory))


@lru_cache(maxsize=16384)
def _spectrum(seed: int, subject: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    digest = hashlib.sha256(f"{seed}/{subject}".encode()).digest()
    draw = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
    return draw.standard_cauchy(_WAVES), draw.uniform(0, 2 * math.pi, _WAVES)
