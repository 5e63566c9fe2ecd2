"""HTTP statuses of errors in one table, and the JSON body of an error response."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from fts.errors import (
    AlreadyExists,
    AlreadyPartitioned,
    FtsError,
    InvalidInput,
    MissingLibrary,
    MissingLicence,
    NotFound,
    NotPermitted,
    NotSolved,
    SpanTaken,
    StoreError,
)


class BadRequest(FtsError):
    """Request that cannot be parsed: no token, an invalid parameter, or a body that is not JSON."""


class Forbidden(NotPermitted):
    """Request of a valid token for another bidder's resource; only ``/v0`` has a status of its own for it."""


class RequestTimeout(FtsError):
    """Body that did not arrive in time."""


class RetryLater(FtsError):
    """Request that the exchange cannot serve now, but could later.

    Attributes
    ----------
    seconds : int
        Time after which to send it again [s].
    """

    def __init__(self, message: str, seconds: int = 1) -> None:
        self.seconds = seconds
        super().__init__(message)


class RateLimited(RetryLater):
    """Token that exceeds its rate of requests."""


class Overloaded(RetryLater):
    """Request whose response was not made in time."""


class PayloadTooLarge(FtsError):
    """Body that is larger than the limit."""


class UnsupportedMediaType(FtsError):
    """Body of a media type that the route does not take."""


STATUS: Mapping[type[FtsError], int] = {
    BadRequest: 400,
    NotPermitted: 401,
    Forbidden: 403,
    AlreadyPartitioned: 403,
    NotFound: 404,
    RequestTimeout: 408,
    AlreadyExists: 409,
    SpanTaken: 409,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    InvalidInput: 422,
    NotSolved: 422,
    RateLimited: 429,
    RetryLater: 503,
    MissingLibrary: 503,
    MissingLicence: 503,
    StoreError: 503,
    FtsError: 500,
}
"""The status of an error is that of its nearest base class in this table."""


def status_of(error: FtsError) -> int:
    """Look up the HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_response(error: FtsError) -> Response:
    """Build the response of an error."""
    response = json_error(status_of(error), str(error))
    if isinstance(error, RetryLater):
        response.headers["Retry-After"] = str(max(1, error.seconds))
    return response


def json_error(status: int, detail: str) -> Response:
    """Build an error response.

    Parameters
    ----------
    status : int
    detail : str
        Message with the broken rule, the place and the remedy.
    """
    body = json.dumps({"detail": detail}, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(body, status, headers, "application/json")
