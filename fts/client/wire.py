"""What both clients share on the wire: how a request of ours is one of httpx, and what its errors mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import httpx

from fts.client.refusal import NoAnswer, refusal_of
from fts.client.request import Request
from fts.errors import ConfigurationError

Answer = TypeVar("Answer")
Method = TypeVar("Method", bound=Callable[..., Any])
# What never reached the exchange may be sent again.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def settings(url: str, token: str | None, timeout: float) -> dict[str, Any]:
    """How a client of httpx is made."""
    return {
        # str() of a subclass of str is what it was; httpx wants the plain text.
        "base_url": str.__str__(url).rstrip("/"),
        "headers": {} if token is None else {"Authorization": f"Bearer {token}"},
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
def making() -> Iterator[None]:
    """What is wrong with a URL or a token.

    Raises
    ------
    ConfigurationError
    """
    try:
        yield
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise ConfigurationError(f"cannot reach an exchange with this URL and token: {error}") from error


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
        raise ConfigurationError(f"{url} is no address of an exchange: {error}") from error
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise NoAnswer(
            f"no answer from the exchange at {url}: {reason}", sent=not isinstance(error, UNSENT)
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
