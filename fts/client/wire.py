"""What both clients share on the wire: how a request of ours is one of httpx, and what its errors mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import httpx

from fts.client.credential import authorization, shown
from fts.client.refusal import NoAnswer, refusal_of
from fts.client.request import Request
from fts.errors import ConfigurationError

Answer = TypeVar("Answer")
Method = TypeVar("Method", bound=Callable[..., Any])
LARGEST_PORT = 65535
# What never reached the exchange may be sent again.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def settings(url: str, token: str | None, timeout: float) -> dict[str, Any]:
    """How a client of httpx is made.

    Raises
    ------
    ConfigurationError
        The token cannot be sent, or the address has a port that is none.
    """
    # str() of a subclass of str is what it was; httpx wants the plain text.
    plain = str.__str__(url).rstrip("/")
    port = httpx.URL(plain).port
    if port is not None and port > LARGEST_PORT:
        raise ConfigurationError(f"{shown(url)} has the port {port}; a port is at most {LARGEST_PORT}")
    return {
        "base_url": plain,
        "headers": authorization(token),
        "timeout": timeout,
    }


def words(request: Request[Any]) -> dict[str, Any]:
    """How a request is sent."""
    return {"params": dict(request.query), "content": request.content, "headers": request.headers}


def answer(request: Request[Answer], reply: httpx.Response) -> Answer:
    """What a reply says.

    Raises
    ------
    RequestFailed
    """
    if reply.is_error:
        raise refusal_of(reply.status_code, reply.content, reply.headers, request.refuses)
    return request.read(reply.headers.get("content-type", ""), reply.content)


def patient(usual: httpx.Timeout, silence: float) -> httpx.Timeout:
    """Timeouts of a reply that goes on: the longest time without a line [s]."""
    return httpx.Timeout(connect=usual.connect, read=silence, write=usual.write, pool=usual.pool)


@contextmanager
def making(url: str) -> Iterator[None]:
    """What is wrong with a URL.

    Raises
    ------
    ConfigurationError
    """
    try:
        yield
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise unusable(url, error) from (None if "@" in url else error)


def unusable(url: str, error: Exception) -> ConfigurationError:
    """The error for an address that cannot be used; of one that holds a password, httpx may quote a piece."""
    reason = "" if "@" in url else f": {error}"
    return ConfigurationError(f"{shown(url)} is no address of an exchange{reason}")


@contextmanager
def explained(url: httpx.URL) -> Iterator[None]:
    """What it means that a request failed.

    Raises
    ------
    NoAnswer, ConfigurationError
    """
    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise unusable(str(url), error) from (None if "@" in str(url) else error)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise NoAnswer(
            f"no answer from the exchange at {shown(str(url))}: {reason}", sent=not isinstance(error, UNSENT)
        ) from error


def described(by: Callable[..., Any], summary: str = "") -> Callable[[Method], Method]:
    """Give a method the name, words and arguments of the description that it sends."""

    def describe(method: Method) -> Method:
        known: Any = wraps(by)(method)
        parameters = inspect.signature(by).parameters.values()
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        known.__signature__ = inspect.Signature([own, *parameters])
        known.__doc__ = summary + (by.__doc__ or "")
        shown: Method = known
        return shown

    return describe
