"""Which requests are sent again when there was no answer, and after how long."""

from __future__ import annotations

from typing import Any

from fts.client.refusal import NoAnswer, TooManyRequests
from fts.client.request import Request
from fts.errors import RequestFailed

ATTEMPTS = 3
PAUSE = 0.2
"""Before a request is sent again; doubles each time [s]."""
LONGEST = 10.0
"""An exchange that wants to be left alone for longer than this is not asked again [s]."""


class Patience:
    """How often one request was sent.

    What never arrived may be sent again, and so may what does the same twice (GET, PUT, DELETE), and what the exchange
    put off without doing it (429). Anything else is sent once.

    Parameters
    ----------
    request : Request
    """

    def __init__(self, request: Request[Any]) -> None:
        self._request, self._attempts = request, 0

    def pause(self, error: RequestFailed) -> float:
        """How long to wait before it is sent again [s].

        Raises
        ------
        RequestFailed
            It is not to be sent again.
        """
        self._attempts += 1
        if self._attempts >= ATTEMPTS:
            raise error
        if isinstance(error, TooManyRequests) and error.pause <= LONGEST:
            return error.pause
        if isinstance(error, NoAnswer) and (self._request.repeatable or not error.sent):
            pause: float = PAUSE * 2 ** (self._attempts - 1)
            return pause
        raise error
