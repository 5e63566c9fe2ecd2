"""Web server of the dashboards."""

from __future__ import annotations

import panel as pn

from apps.hosts import answer_only, known_hosts
from apps.market_page import market_page
from apps.market_view import MarketFollower
from fts._ports import LOCALHOST, free_port


def serve(follower: MarketFollower, port: int, prefix: str, origins: list[str], *, browser: bool) -> None:
    """Serve the dashboard of an exchange until interrupted.

    Parameters
    ----------
    follower : MarketFollower
        Started follower of the exchange.
    port : int
        First port to try; 0 is any port.
    prefix : str
        Path of the pages behind a proxy that does not strip it.
    origins : list of str
        Hosts that are accepted beside this machine's own names; ``*`` is any.
    browser : bool
        True if a browser is opened.

    Raises
    ------
    ConfigurationError
        A host is malformed, or no port is free.
    """
    free = free_port(port)
    hosts = known_hosts(free, origins)
    path = "/" + prefix.strip("/") if prefix.strip("/") else ""
    print(f"dashboard: http://localhost:{free}{path}/", flush=True)
    server = pn.serve(
        {"/": lambda: market_page(follower)},
        title="fts market",
        address=LOCALHOST,
        port=free,
        prefix=path,
        websocket_origin=hosts,
        show=browser,
        verbose=False,
        # There is one page only.
        index=None,
        start=False,
    )
    # Bokeh checks only the origin of websockets, and not if it equals the host.
    answer_only(server._tornado, hosts)
    server.start()
    server.io_loop.start()
