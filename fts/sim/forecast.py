"""Random forecasts that change with time, as a function of time alone."""

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
    """Compute the news about one subject: a stationary random path of mean 0 and variance 1.

    ``X(t) = √(2/K) Σ_k cos(ω_k t/memory + φ_k)``, ω Cauchy, φ uniform: its covariance is ``exp(−|t − s|/memory)``,
    that of an Ornstein–Uhlenbeck process. It is a function of time without a state: the same seed gives the same
    path in every process and in any order. Source: Rahimi and Recht, *Random Features for Large-Scale Kernel
    Machines*, 2007, section 3.

    Parameters
    ----------
    seed : int
        Seed of the whole simulation.
    subject : str
        Name of the path; different subjects are independent.
    at : datetime
        Instant of the value.
    memory : timedelta
        Time after which the correlation has fallen to 37 %.
    """
    frequencies, phases = _spectrum(seed, subject)
    time = (at - _EPOCH) / memory
    return float(math.sqrt(2 / _WAVES) * np.cos(np.mod(frequencies * time, 2 * math.pi) + phases).sum())


@dataclass(frozen=True)
class Forecast:
    """Forecast as a factor on a normal value: 1 plus an error that changes with time.

    Parameters
    ----------
    seed : int
        Seed of the whole simulation.
    subject : str
        Name of the quantity; forecasts of one subject and part have the same error.
    spread : float
        Standard deviation of the factor; with `sharpens` that of a delivery one year ahead.
    memory : timedelta
        Time after which the correlation of the error has fallen to 37 %.
    sharpens : bool
        True if the spread falls with the square root of the time to delivery.
    """

    seed: int
    subject: str
    spread: float
    memory: timedelta
    sharpens: bool = False

    def factor(self, at: datetime, delivery: datetime, part: str = "") -> float:
        """Compute forecast over normal value at one instant, for a delivery; never below 0.05.

        Parameters
        ----------
        at : datetime
            Time of the forecast.
        delivery : datetime
            Start of the delivery.
        part : str
            Part of the subject; deliveries of the same part have the same error.
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
