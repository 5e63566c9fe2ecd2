"""Errors of requests; each is also the error that a `Market` in this process raises for the same mistake."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping

from fts.errors import (
    AlreadyExists,
    AlreadyPartitioned,
    FtsError,
    InvalidInput,
    NotFound,
    NotPermitted,
    NotSolved,
    RequestFailed,
)


class RequestNotPermitted(RequestFailed, NotPermitted):
    """Status 401: the token lacks the permission."""


class RequestAlreadyPartitioned(RequestFailed, AlreadyPartitioned):
    """Status 403: the product was split before."""


class RequestNotFound(RequestFailed, NotFound):
    """Status 404: the id is unknown."""


class RequestAlreadyExists(RequestFailed, AlreadyExists):
    """Status 409: the id is taken."""


class RequestInvalid(RequestFailed, InvalidInput):
    """Status 422: the body breaks a rule of the market."""


class RequestNotSolved(RequestFailed, NotSolved):
    """Status 422 of a batch: the market could not be cleared."""


class TooManyRequests(RequestFailed):
    """Status 429: the token exceeds its rate of requests.

    Attributes
    ----------
    pause : float
        Time to wait before the next request [s].
    """

    pause: float = 1.0


class NoAnswer(RequestFailed):
    """Request without a response; status 0.

    Attributes
    ----------
    may_have_arrived : bool
        True if the request may have arrived. Then the result of a change is unknown: read the resource again before
        you repeat the request.
    """

    def __init__(self, detail: str, *, may_have_arrived: bool = True) -> None:
        FtsError.__init__(self, detail)
        self.status, self.detail, self.may_have_arrived = 0, detail, may_have_arrived

    @property
    def sent(self) -> bool:
        """Old name of ``may_have_arrived``."""
        warnings.warn("NoAnswer.sent is now may_have_arrived; use that", DeprecationWarning, stacklevel=2)
        return self.may_have_arrived


ERRORS: Mapping[int, type[RequestFailed]] = {
    401: RequestNotPermitted,
    403: RequestAlreadyPartitioned,
    404: RequestNotFound,
    409: RequestAlreadyExists,
    422: RequestInvalid,
    429: TooManyRequests,
}
"""Error of each status; any other status is a `RequestFailed`."""


def error_of(
    status: int, content: bytes, headers: Mapping[str, str], special: Mapping[int, type[RequestFailed]] | None = None
) -> RequestFailed:
    """Build the error of an error response.

    Parameters
    ----------
    status : int
    content : bytes
        ``{"detail": …}``, or any text of a proxy.
    headers : mapping
    special : mapping, optional
        Errors of statuses that differ from those of other requests.
    """
    try:
        detail = str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = content[:200].decode("utf-8", "replace") or "no reason given"
    kind = (special or {}).get(status) or ERRORS.get(status, RequestFailed)
    error = kind(status, detail)
    if isinstance(error, TooManyRequests) and headers.get("retry-after", "").isdecimal():
        error.pause = float(headers["retry-after"])
    return error
