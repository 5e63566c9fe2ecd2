"""How often one token may ask."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from fts.server.refusal import TooMany

TOKENS = 10_000
"""How many tokens are kept in mind; the one not seen for longest is forgotten first."""


class Quota:
    """A number of requests a second for each token, at most those of one second at once.

    Only when a token's next request is due is kept, and never the token. Used within the event loop, so without a
    lock.

    Parameters
    ----------
    rate : float
        Requests of one token [1/s]; infinite: any number.
    tokens : int
        How many are kept in mind. Whose token is forgotten may ask for another second's requests at once.
    now : callable
        A clock that never goes back [s].
    """

    def __init__(self, rate: float, tokens: int = TOKENS, now: Callable[[], float] = time.monotonic) -> None:
        self._spacing = 1 / rate
        self._ahead = (max(rate, 1.0) - 1) / rate if math.isfinite(rate) else math.inf
        self._rate, self._tokens, self._now = rate, tokens, now
        self._due: OrderedDict[int, float] = OrderedDict()

    def take(self, token: str) -> None:
        """One request of this token.

        Raises
        ------
        TooMany
            It asked for more than its rate.
        """
        if self._ahead == math.inf:
            return
        now = self._now()
        # Python's hash of a text is keyed anew in each process, so nobody can aim at another's place.
        place = hash(token)
        due = max(now, self._due.get(place, now))
        wait = due - now - self._ahead
        # A billionth of a second is rounding.
        if wait > 1e-9:
            raise TooMany(
                f"this token asked more than {self._rate:g} times a second; ask again in {wait:.3g} s", math.ceil(wait)
            )
        self._due[place] = due + self._spacing
        self._due.move_to_end(place)
        if len(self._due) > self._tokens:
            self._due.popitem(last=False)
