"""Which error is which HTTP status: the one table, and the JSON body that says what to change."""

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
    """The request cannot be read: no token, a bad parameter, a body that is no JSON."""


class NotYours(NotPermitted):
    """The token is valid, but what it asks for is someone else's; only the ``/v0`` contract tells the two apart."""


class TooSlow(FtsError):
    """The body did not arrive in time."""


class ComeBack(FtsError):
    """The exchange does not answer this now, and would later.

    Attributes
    ----------
    seconds : int
        After how long [s].
    """

    def __init__(self, message: str, seconds: int = 1) -> None:
        self.seconds = seconds
        super().__init__(message)


class TooMany(ComeBack):
    """The token asks too often."""


class Overloaded(ComeBack):
    """The reply was not made in time."""


class TooLarge(FtsError):
    """The body is larger than this exchange accepts."""


class NotJson(FtsError):
    """The body was not sent as JSON."""


STATUS: Mapping[type[FtsError], int] = {
    BadRequest: 400,
    NotPermitted: 401,
    NotYours: 403,
    AlreadyPartitioned: 403,
    NotFound: 404,
    TooSlow: 408,
    AlreadyExists: 409,
    SpanTaken: 409,
    TooLarge: 413,
    NotJson: 415,
    InvalidInput: 422,
    NotSolved: 422,
    TooMany: 429,
    ComeBack: 503,
    MissingLibrary: 503,
    MissingLicence: 503,
    StoreError: 503,
    FtsError: 500,
}
"""The status of an error is that of the nearest class it descends from."""


def status_of(error: FtsError) -> int:
    """The HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def refusal_of(error: FtsError) -> Response:
    """The reply that an error becomes."""
    response = refusal(status_of(error), str(error))
    if isinstance(error, ComeBack):
        response.headers["Retry-After"] = str(max(1, error.seconds))
    return response


def refusal(status: int, detail: str) -> Response:
    """An error reply.

    Parameters
    ----------
    status : int
    detail : str
        What rule was broken, where, and what to do.
    """
    body = json.dumps({"detail": detail}, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(body, status, headers, "application/json")
