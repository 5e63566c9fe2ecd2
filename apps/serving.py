"""The web server of the dashboards."""

from __future__ import annotations

import errno
import socket

import panel as pn

from apps.feed import Feed
from apps.hosts import answer_only, known_hosts
from apps.market import page

TRIES = 50
"""Ports looked at, from the one asked for upwards."""


def serve(feed: Feed, port: int, prefix: str, origins: list[str], *, browser: bool) -> None:
    """Show an exchange to every browser that asks, until interrupted.

    Parameters
    ----------
    feed : Feed
        Started.
    port : int
        The next free one is taken; 0 is any.
    prefix : str
        Path under which a proxy, which keeps it, serves the pages.
    origins : list of str
        Hosts under which the dashboards answer, beside this machine's own names; ``*`` is any.
    browser : bool
        Whether it opens one.

    Raises
    ------
    ConfigurationError
        One of the hosts is none.
    """
    free = free_port(port)
    hosts = known_hosts(free, origins)
    path = "/" + prefix.strip("/") if prefix.strip("/") else ""
    print(f"dashboard: http://localhost:{free}{path}/", flush=True)
    server = pn.serve(
        {"/": lambda: page(feed)},
        title="fts market",
        address="127.0.0.1",
        port=free,
        prefix=path,
        websocket_origin=hosts,
        show=browser,
        verbose=False,
        # Everything comes from this server.
        index=None,
        start=False,
    )
    # Bokeh looks at the origin of websockets alone, and not where it equals the host.
    answer_only(server._tornado, hosts)
    server.start()
    server.io_loop.start()


def free_port(first: int) -> int:
    """The first port from here on that nobody listens on, on this machine."""
    for port in range(first, first + TRIES) if first else [0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return int(probe.getsockname()[1])
    raise OSError(errno.EADDRINUSE, f"no free port from {first} to {first + TRIES - 1}")
