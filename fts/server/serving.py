"""Serving an application with uvicorn: on a socket of ours, until told to stop, finishing what was accepted."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from fts.errors import ConfigurationError, FtsError
from fts.server.feed import Feed

IDLE = 75
"""How long a connection without a request is kept; longer than clients keep it, so that they end it first [s]."""
STUCK = 30
"""How long a client may take nothing of what is sent to it [s]."""
PATIENCE = 60
"""How long requests that were accepted may take to finish, when the exchange is told to stop [s]."""


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0 is any free one.

    Raises
    ------
    ConfigurationError
        The address cannot be used, or is taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listener = socket.create_server((host, port), family=family)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # What is accepted here inherits it: a reader that takes nothing for so long is cut off by the system.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * STUCK))
        return listener
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error}; choose another port with --port") from error


def address(listener: socket.socket) -> str:
    """The URL of what is served on a socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serves one application.

    Parameters
    ----------
    app : ASGI application
        Of `create_app`.
    feed : Feed
        Its events, ``app.state.feed``.
    root_path : str
        Where a proxy serves it, which strips this from the path.
    ready : callable, optional
        Called once it answers.
    """

    def __init__(
        self, app: Any, feed: Feed, *, root_path: str = "", ready: Callable[[], None] | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                root_path=root_path.rstrip("/"),
                lifespan="on",
                # What uvicorn has to say goes where everything else goes.
                log_config=None,
                log_level="warning",
                access_log=False,
                ws="none",
                timeout_keep_alive=IDLE,
                timeout_graceful_shutdown=PATIENCE,
            )
        )
        self._feed, self._ready = feed, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the door."""
        await super().startup(sockets)
        if self._ready is not None and self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, finish what was taken; those who follow events would stay for ever."""
        self._feed.end()
        asyncio.get_running_loop().call_later(self._feed.farewell + 0.5, self._abandon)
        await super().shutdown(sockets)

    def _abandon(self) -> None:
        """Cut off who was to be sent no more but does not take what is left."""
        for connection in tuple(self.server_state.connections):
            if connection.transport.is_closing():
                connection.transport.abort()


@contextmanager
def running(app: Any, feed: Feed, *, root_path: str = "") -> Iterator[str]:
    """Serve on a free port of this machine, in a thread, for as long as the ``with`` block runs.

    Parameters
    ----------
    app : ASGI application
    feed : Feed
    root_path : str

    Yields
    ------
    str
        The URL.

    Raises
    ------
    FtsError
        It did not start.
    """
    ready = threading.Event()
    server = Server(app, feed, root_path=root_path, ready=ready.set)
    listener = listen("127.0.0.1", 0)
    thread = threading.Thread(target=_serve, args=(server, listener, ready), name="fts-exchange", daemon=True)
    thread.start()
    try:
        ready.wait()
        if not server.started:
            raise FtsError("the exchange did not start; its log says why")
        yield address(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _serve(server: Server, listener: socket.socket, ready: threading.Event) -> None:
    try:
        server.run(sockets=[listener])
    finally:
        ready.set()
