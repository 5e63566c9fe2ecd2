"""A copy of a running market, brought here."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import httpx

from fts.client.credential import authorization, shown
from fts.client.refusal import NoAnswer, refusal_of
from fts.client.wire import unusable
from fts.errors import ConfigurationError, FtsError

PATIENCE = 600.0
"""How long the exchange may take to make the copy, before it sends any of it [s]."""


def download_market(url: str, token: str, path: str | os.PathLike[str]) -> None:
    """Copy a running market to a file, which appears when it is whole; only its owner may read it.

    Parameters
    ----------
    url : str
        Where the exchange is.
    token : str
        Of someone who manages products and runs batches.
    path : path
        Nothing may be there.

    Raises
    ------
    NoAnswer
        The exchange did not answer, or broke off.
    RequestFailed
        It refused.
    ConfigurationError
        Something is there already, or the URL or the token cannot be used.
    """
    target = Path(path)
    if target.exists() or target.is_symlink():
        raise ConfigurationError(f"{target} is there already; name a place where nothing is")
    headers = authorization(token)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    timeout = httpx.Timeout(30.0, read=PATIENCE)
    try:
        with (
            httpx.Client(timeout=timeout, headers=headers) as http,
            http.stream("GET", f"{url.rstrip('/')}/backup") as reply,
        ):
            if reply.status_code != 200:
                reply.read()
                raise refusal_of(reply.status_code, reply.content, reply.headers)
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for part in reply.iter_bytes():
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
        os.link(partial, target)
    except httpx.InvalidURL as error:
        raise unusable(url, error) from (None if "@" in url else error)
    except httpx.HTTPError as error:
        raise NoAnswer(f"{shown(url)} sent no whole copy: {error or type(error).__name__}; try again") from error
    except OSError as error:
        raise FtsError(f"could not write the copy {target}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
