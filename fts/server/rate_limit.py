"""Rate limit per token, by the generic cell rate algorithm (GCRA)."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from fts.server.errors import RateLimited

MAX_TOKENS = 10_000
"""Number of tokens that are tracked; beyond it, the one that was used least recently is removed."""


class RateLimiter:
    """Rate limiter per token: `rate` requests per second, with a burst of one second.

    Stores one timestamp per hashed token; the token itself is never stored. Used in the event loop only, so it needs
    no lock.

    Parameters
    ----------
    rate : float
        Requests of one token [1/s]; infinite: unlimited.
    max_tokens : int
        Number of tokens that are tracked. A token that was removed may send another burst.
    now : callable
        Monotonic clock [s].
    """

    def __init__(self, rate: float, max_tokens: int = MAX_TOKENS, now: Callable[[], float] = time.monotonic) -> None:
        self._emission_interval = 1 / rate
        self._burst_tolerance = (max(rate, 1.0) - 1) / rate if math.isfinite(rate) else math.inf
        self._rate, self._max_tokens, self._now = rate, max_tokens, now
        self._theoretical_arrival: OrderedDict[int, float] = OrderedDict()

    def acquire(self, token: str) -> None:
        """Count one request of this token.

        Raises
        ------
        RateLimited
            The token exceeds its rate.
        """
        if self._burst_tolerance == math.inf:
            return
        now = self._now()
        # Python salts the hash of a text in each process, so a client cannot choose a token with another's key.
        key = hash(token)
        arrival = max(now, self._theoretical_arrival.get(key, now))
        wait = arrival - now - self._burst_tolerance
        # A billionth of a second is rounding.
        if wait > 1e-9:
            raise RateLimited(
                f"this token asked more than {self._rate:g} times a second; ask again in {wait:.3g} s", math.ceil(wait)
            )
        self._theoretical_arrival[key] = arrival + self._emission_interval
        self._theoretical_arrival.move_to_end(key)
        if len(self._theoretical_arrival) > self._max_tokens:
            self._theoretical_arrival.popitem(last=False)
