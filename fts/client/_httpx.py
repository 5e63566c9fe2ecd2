"""Conversion of requests, responses and errors to and from httpx, for both clients."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import httpx

from fts.client.credential import authorization, redact_url
from fts.client.errors import NoAnswer, error_of
from fts.client.request import Request
from fts.errors import ConfigurationError

Result = TypeVar("Result")
Method = TypeVar("Method", bound=Callable[..., Any])
MAX_PORT = 65535
# After these errors, the request cannot have arrived.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def client_kwargs(url: str, token: str | None, timeout: float) -> dict[str, Any]:
    """Return the arguments of an httpx client.

    Raises
    ------
    ConfigurationError
        The token cannot be sent, or the port of the address is too large.
    """
    # httpx needs a plain str; str() would return the subclass unchanged.
    plain = str.__str__(url).rstrip("/")
    port = httpx.URL(plain).port
    if port is not None and port > MAX_PORT:
        raise ConfigurationError(f"{redact_url(url)} has the port {port}; a port is at most {MAX_PORT}")
    return {
        "base_url": plain,
        "headers": authorization(token),
        "timeout": timeout,
    }


def httpx_kwargs(request: Request[Any]) -> dict[str, Any]:
    """Return the arguments of a request of httpx."""
    return {"params": dict(request.query), "content": request.content, "headers": request.headers}


def parse_response(request: Request[Result], reply: httpx.Response) -> Result:
    """Parse a response.

    Raises
    ------
    RequestFailed
    """
    if reply.is_error:
        raise error_of(reply.status_code, reply.content, reply.headers, request.errors)
    return request.parse(reply.headers.get("content-type", ""), reply.content)


def streaming_timeout(timeouts: httpx.Timeout, silence: float) -> httpx.Timeout:
    """Return the timeouts of a stream, whose longest time without a line is ``silence`` [s]."""
    return httpx.Timeout(connect=timeouts.connect, read=silence, write=timeouts.write, pool=timeouts.pool)


@contextmanager
def translate_url_errors(url: str) -> Iterator[None]:
    """Translate httpx's error of an unusable URL.

    Raises
    ------
    ConfigurationError
    """
    try:
        yield
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise invalid_url_error(url, error) from (None if "@" in url else error)


def invalid_url_error(url: str, error: Exception) -> ConfigurationError:
    """Build the error of an unusable URL; httpx's reason is left out if it could quote a password."""
    reason = "" if "@" in url else f": {error}"
    return ConfigurationError(f"{redact_url(url)} is no address of an exchange{reason}")


@contextmanager
def translate_errors(url: httpx.URL) -> Iterator[None]:
    """Translate httpx's errors of a request.

    Raises
    ------
    NoAnswer, ConfigurationError
    """
    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise invalid_url_error(str(url), error) from (None if "@" in str(url) else error)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise NoAnswer(
            f"no answer from the exchange at {redact_url(str(url))}: {reason}",
            may_have_arrived=not isinstance(error, NOT_SENT),
        ) from error


def copy_signature(function: Callable[..., Any], summary: str = "") -> Callable[[Method], Method]:
    """Copy name, docstring and parameters of a call to the method that sends it."""

    def build(method: Method) -> Method:
        copied: Any = wraps(function)(method)
        parameters = inspect.signature(function).parameters.values()
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        copied.__signature__ = inspect.Signature([own, *parameters])
        copied.__doc__ = summary + (function.__doc__ or "")
        result: Method = copied
        return result

    return build
