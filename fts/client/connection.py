"""One connection to an exchange: requests, errors as exceptions, and which requests may be repeated."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import numpy as np

from fts.errors import ConfigurationError, FtsError, InvalidInput, RequestFailed
from fts.models.instant import write_instant

ATTEMPTS = 3
PAUSE = 0.2
"""Before a request is repeated; doubles each time [s]."""


class NoAnswer(RequestFailed):
    """The exchange did not answer; status 0.

    Whether a change arrived is then not known: read the thing again before you repeat it.
    """

    def __init__(self, detail: str) -> None:
        FtsError.__init__(self, detail)
        self.status, self.detail = 0, detail


class Connection:
    """Sends requests to one exchange, with one token.

    Parameters
    ----------
    url : str
        Where the exchange is.
    token : str, optional
    timeout : float
        Longest time to wait for an answer [s].
    transport : httpx.BaseTransport, optional
        Another way to reach it than the network.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            self._http = httpx.Client(
                # str() of a subclass of str is what it was; httpx wants the plain text.
                base_url=str.__str__(url).rstrip("/"),
                headers=headers,
                timeout=timeout,
                transport=transport,
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise ConfigurationError(f"cannot reach an exchange with this URL and token: {error}") from error

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Read something; repeated when there is no answer, since reading changes nothing."""
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        for attempt in range(ATTEMPTS):
            try:
                return self._send("GET", path, params=given)
            except NoAnswer:
                if attempt + 1 == ATTEMPTS:
                    raise
                time.sleep(PAUSE * 2**attempt)
        raise AssertionError

    def change(self, method: str, path: str, body: Any = None) -> Any:
        """Change something, once; the body is sent as JSON.

        Raises
        ------
        InvalidInput
            The body cannot be written as JSON.
        """
        # Not httpx's json=, which takes None for no body; here it is the null curve.
        return self._send(method, path, content=_text(body), headers={"Content-Type": "application/json"})

    def call(self, method: str, path: str) -> Any:
        """Ask for something that takes no body, once."""
        return self._send(method, path)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str], silence: float) -> Iterator[Callable[[], Iterator[str]]]:
        """Lines of a reply that goes on.

        Parameters
        ----------
        path : str
        headers : mapping
        silence : float
            Longest time without a line [s].
        """
        usual = self._http.timeout
        timeout = httpx.Timeout(connect=usual.connect, read=silence, write=usual.write, pool=usual.pool)
        with self._explained(), self._http.stream("GET", path, headers=dict(headers), timeout=timeout) as reply:
            if reply.is_error:
                reply.read()
                raise _refused(reply)
            yield reply.iter_lines

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def _send(self, method: str, path: str, **content: Any) -> Any:
        with self._explained():
            reply = self._http.request(method, path, **content)
        if reply.is_error:
            raise _refused(reply)
        is_json = reply.headers.get("content-type", "").startswith("application/json")
        return reply.json() if is_json else reply.text

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ConfigurationError(f"{self._http.base_url} is no address of an exchange: {error}") from error
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise NoAnswer(f"no answer from the exchange at {self._http.base_url}: {reason}") from error


def _text(body: Any) -> str:
    try:
        return json.dumps(body, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"this cannot be sent as JSON: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return write_instant(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, np.number):
        return value.item()
    raise TypeError(f"{value!r:.60} is no number, text, list or mapping")


def _refused(reply: httpx.Response) -> RequestFailed:
    try:
        detail = reply.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = reply.text[:200] or reply.reason_phrase
    return RequestFailed(reply.status_code, str(detail))
