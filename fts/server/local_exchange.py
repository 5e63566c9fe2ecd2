"""Exchange on this machine, for one notebook cell or one test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from fts import _optional
from fts.ports.application import Application
from fts.ports.store import Store
from fts.server.app import create_app
from fts.server.jwt_application import JwtApplication, write_token
from fts.server.uvicorn_server import serve_in_thread


class Url(str):
    """Address of an exchange that can make tokens for it.

    Attributes
    ----------
    secret : str
        Secret that signs the tokens.
    """

    secret: str

    def token(self, *, admin: bool = False, bidder: UUID | None = None) -> str:
        """Make a token of a bidder; by default of a new one.

        Parameters
        ----------
        admin : bool
            True if it manages products and runs batches.
        bidder : UUID, optional
        """
        return write_token(self.secret, bidder or uuid4(), admin=admin, issued=datetime.now(UTC))


@contextmanager
def local(store: Store | None = None, application: Application | None = None, **settings: Any) -> Iterator[Url]:
    """Run an exchange on this machine while the ``with`` block runs.

    Parameters
    ----------
    store : Store, optional
        By default in memory.
    application : Application, optional
        By default a `JwtApplication` with a secret of its own.
    **settings
        Arguments of `create_app`: ``schedule="5s"``, ``auto_solve=True``, …

    Yields
    ------
    Url
        Text ``http://127.0.0.1:…``; ``url.token(admin=True)`` makes a token for it.

    Raises
    ------
    FtsError
        Errors of `create_app`, or the exchange did not start.

    Examples
    --------
    >>> from fts.client import Client
    >>> with local(schedule="1h") as url, Client(url, url.token(admin=True)) as operator:
    ...     product = operator.create_product(
    ...         {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
    ...     )
    ...     operator.market()["schedule"]["every"]
    '3600s'
    """
    secret = secrets.token_urlsafe(32)
    memory = _optional.load("fts.store").DuckStore(":memory:") if store is None else store
    app = create_app(memory, application or JwtApplication(secret), **settings)
    with serve_in_thread(app, app.state.broadcaster) as address:
        url = Url(address)
        url.secret = secret
        yield url
