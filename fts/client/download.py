"""Download of a copy of a running market."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import httpx

from fts.client._httpx import invalid_url_error
from fts.client.credential import authorization, redact_url
from fts.client.errors import NoAnswer, error_of
from fts.errors import ConfigurationError, FtsError

COPY_TIMEOUT_SECONDS = 600.0
"""Time that the exchange has to make the copy before it sends the first byte [s]."""


def download_market(url: str, token: str, path: str | os.PathLike[str]) -> None:
    """Download a running market to a file that only its owner may read; it appears when it is complete.

    Parameters
    ----------
    url : str
        Address of the exchange.
    token : str
        Token that manages products and runs batches.
    path : path
        File to be created; it must not exist.

    Raises
    ------
    NoAnswer
        The exchange sent no response, or an incomplete one.
    RequestFailed
        The exchange refused the request.
    ConfigurationError
        The file exists, or the URL or the token cannot be used.
    """
    target = Path(path)
    if target.exists() or target.is_symlink():
        raise ConfigurationError(f"{target} is there already; name a place where nothing is")
    headers = authorization(token)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    timeout = httpx.Timeout(30.0, read=COPY_TIMEOUT_SECONDS)
    try:
        with (
            httpx.Client(timeout=timeout, headers=headers) as http,
            http.stream("GET", f"{url.rstrip('/')}/backup") as reply,
        ):
            if reply.status_code != 200:
                reply.read()
                raise error_of(reply.status_code, reply.content, reply.headers)
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for part in reply.iter_bytes():
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
        os.link(partial, target)
    except httpx.InvalidURL as error:
        raise invalid_url_error(url, error) from (None if "@" in url else error)
    except httpx.HTTPError as error:
        raise NoAnswer(f"{redact_url(url)} sent no whole copy: {error or type(error).__name__}; try again") from error
    except OSError as error:
        raise FtsError(f"could not write the copy {target}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
