"""What an exchange refuses, as exceptions: an error reply is what the same mistake is in the market itself."""

from __future__ import annotations

import json
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
    """401: the token does not allow this."""


class RequestAlreadyPartitioned(RequestFailed, AlreadyPartitioned):
    """403: the product was split before."""


class RequestNotFound(RequestFailed, NotFound):
    """404: no thing has this id."""


class RequestAlreadyExists(RequestFailed, AlreadyExists):
    """409: the id is taken."""


class RequestInvalid(RequestFailed, InvalidInput):
    """422: what was sent breaks a rule of the market."""


class RequestNotSolved(RequestFailed, NotSolved):
    """422 to a batch: the market could not be cleared."""


class TooManyRequests(RequestFailed):
    """429: the exchange wants this token to ask less often.

    Attributes
    ----------
    pause : float
        How long it wants to be left alone [s].
    """

    pause: float = 1.0


class NoAnswer(RequestFailed):
    """The exchange did not answer; status 0.

    Attributes
    ----------
    sent : bool
        Whether the request may have arrived. If so, it is not known what came of a change: read the thing again
        before you repeat it.
    """

    def __init__(self, detail: str, *, sent: bool = True) -> None:
        FtsError.__init__(self, detail)
        self.status, self.detail, self.sent = 0, detail, sent


REFUSALS: Mapping[int, type[RequestFailed]] = {
    401: RequestNotPermitted,
    403: RequestAlreadyPartitioned,
    404: RequestNotFound,
    409: RequestAlreadyExists,
    422: RequestInvalid,
    429: TooManyRequests,
}
"""Any other status is a `RequestFailed`."""


def refusal_of(
    status: int, content: bytes, headers: Mapping[str, str], own: Mapping[int, type[RequestFailed]] | None = None
) -> RequestFailed:
    """The exception that an error reply is.

    Parameters
    ----------
    status : int
    content : bytes
        ``{"detail": …}``, or anything that stands between here and the exchange says.
    headers : mapping
    own : mapping, optional
        What statuses mean to this request alone.
    """
    try:
        detail = str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = content[:200].decode("utf-8", "replace") or "no reason given"
    kind = (own or {}).get(status) or REFUSALS.get(status, RequestFailed)
    error = kind(status, detail)
    if isinstance(error, TooManyRequests) and headers.get("retry-after", "").isdecimal():
        error.pause = float(headers["retry-after"])
    return error
