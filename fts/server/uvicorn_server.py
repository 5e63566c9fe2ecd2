"""Server of an application on uvicorn, which finishes the accepted requests before it stops."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from fts.errors import ConfigurationError, FtsError
from fts.server.broadcast import EventBroadcaster

KEEP_ALIVE_SECONDS = 75
"""Time that an idle connection is kept; longer than clients keep it, so that the client closes it first [s]."""
SEND_TIMEOUT_SECONDS = 30
"""Longest time that a client may leave sent data unread [s]."""
SHUTDOWN_SECONDS = 60
"""Time that accepted requests have to finish when the exchange stops [s]."""


def open_socket(host: str, port: int) -> socket.socket:
    """Open a socket to serve on; port 0 is any free port.

    Raises
    ------
    ConfigurationError
        The address cannot be used, or is in use.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listener = socket.create_server((host, port), family=family)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Accepted connections inherit the option: the system closes one whose client reads nothing for so long.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * SEND_TIMEOUT_SECONDS))
        return listener
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error}; choose another port with --port") from error


def url_of(listener: socket.socket) -> str:
    """Return the URL that a socket serves."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class ExchangeServer(uvicorn.Server):
    """Uvicorn server of one exchange.

    Parameters
    ----------
    app : ASGI application
        Result of `create_app`.
    broadcaster : EventBroadcaster
        Its ``app.state.broadcaster``.
    root_path : str
        Prefix that a proxy strips from the path.
    ready : callable, optional
        Called once the server accepts requests.
    """

    def __init__(
        self, app: Any, broadcaster: EventBroadcaster, *, root_path: str = "", ready: Callable[[], None] | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                root_path=root_path.rstrip("/"),
                lifespan="on",
                # Without a configuration of its own, uvicorn logs to the handlers of the root logger.
                log_config=None,
                log_level="warning",
                access_log=False,
                ws="none",
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._broadcaster, self._ready = broadcaster, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept requests."""
        await super().startup(sockets)
        if self._ready is not None and self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no further requests and finish the accepted ones; streams of events are closed, as they never end."""
        self._broadcaster.close()
        asyncio.get_running_loop().call_later(self._broadcaster.drain_timeout + 0.5, self._abort_closing_connections)
        await super().shutdown(sockets)

    def _abort_closing_connections(self) -> None:
        """Abort the closing connections whose client does not read the rest."""
        for connection in tuple(self.server_state.connections):
            if connection.transport.is_closing():
                connection.transport.abort()


@contextmanager
def serve_in_thread(app: Any, broadcaster: EventBroadcaster, *, root_path: str = "") -> Iterator[str]:
    """Serve on a free port of this machine, in a thread, while the ``with`` block runs.

    Parameters
    ----------
    app : ASGI application
    broadcaster : EventBroadcaster
    root_path : str

    Yields
    ------
    str
        URL of the exchange.

    Raises
    ------
    FtsError
        The exchange did not start.
    """
    ready = threading.Event()
    server = ExchangeServer(app, broadcaster, root_path=root_path, ready=ready.set)
    listener = open_socket("127.0.0.1", 0)
    thread = threading.Thread(target=_serve, args=(server, listener, ready), name="fts-exchange", daemon=True)
    thread.start()
    try:
        ready.wait()
        if not server.started:
            raise FtsError("the exchange did not start; its log says why")
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _serve(server: ExchangeServer, listener: socket.socket, ready: threading.Event) -> None:
    try:
        server.run(sockets=[listener])
    finally:
        ready.set()
