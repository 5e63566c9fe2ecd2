"""Retry of requests: which ones are sent again, and after which pause."""

from __future__ import annotations

from typing import Any

from fts.client.errors import NoAnswer, TooManyRequests
from fts.client.request import Request
from fts.errors import RequestFailed

MAX_ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.2
"""Pause before the second attempt; it doubles each time [s]."""
MAX_PAUSE_SECONDS = 10.0
"""Longest ``Retry-After`` that is waited for [s]."""


class RetryPolicy:
    """Retry policy of one request.

    A request is sent again in three cases: it did not arrive; it is idempotent (GET, PUT, DELETE); the exchange
    refused it because of its rate limit (429). Other requests are sent once.

    Parameters
    ----------
    request : Request
    """

    def __init__(self, request: Request[Any]) -> None:
        self._request, self._attempts = request, 0

    def pause(self, error: RequestFailed) -> float:
        """Return the pause before the next attempt [s].

        Raises
        ------
        RequestFailed
            The request must not be sent again.
        """
        self._attempts += 1
        if self._attempts >= MAX_ATTEMPTS:
            raise error
        if isinstance(error, TooManyRequests) and error.pause <= MAX_PAUSE_SECONDS:
            return error.pause
        if isinstance(error, NoAnswer) and (self._request.is_idempotent or not error.may_have_arrived):
            pause: float = FIRST_PAUSE_SECONDS * 2 ** (self._attempts - 1)
            return pause
        raise error
