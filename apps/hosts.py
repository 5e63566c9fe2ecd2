"""Which names the dashboards answer to, so that no web page reaches them under a name of its own.

A page may let its own name point to this machine (DNS rebinding); its scripts then count as of the same origin as the
dashboards, whose token reads every bid. Only the ``Host`` of their requests tells them apart.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from bokeh.server.util import check_allowlist, create_hosts_allowlist
from tornado.httputil import HTTPServerRequest, split_host_and_port
from tornado.routing import Matcher, Rule
from tornado.web import Application, RequestHandler

from fts.errors import ConfigurationError


def known_hosts(port: int, configured: Sequence[str]) -> list[str]:
    """List the hosts whose pages may open the dashboards: this machine's own names, and those that were configured.

    Parameters
    ----------
    port : int
    configured : sequence of str
        ``host`` (of port 80 or the usual one), ``host:port``; ``*`` is any host.

    Raises
    ------
    ConfigurationError
        One of them is no host.
    """
    try:
        allowed = create_hosts_allowlist(list(configured), port) if configured else []
    except ValueError as error:
        raise ConfigurationError(f"--allow-websocket-origin: {error}; write a host, or host:port") from error
    return [f"localhost:{port}", f"127.0.0.1:{port}", *allowed]


def answer_only(application: Application, hosts: Sequence[str]) -> None:
    """Refuse every request to an application, websockets too, whose ``Host`` is none of these and no loopback name.

    Parameters
    ----------
    application : tornado Application
    hosts : sequence of str
        As `known_hosts` lists them.
    """
    application.default_router.rules.insert(0, Rule(_OtherHost(hosts), _Refusal))


def is_loopback(host: str) -> bool:
    """Whether a ``Host`` is a name that only this machine itself can have, with any port (a tunnel changes it)."""
    name = split_host_and_port(host)[0].strip("[]").removesuffix(".")
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class _OtherHost(Matcher):
    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = list(hosts)

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        host = request.host.lower()
        return None if is_loopback(host) or check_allowlist(host, self._hosts) else {}


class _Refusal(RequestHandler):
    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(
            "The dashboard is not served under the name of this address. Open it as http://localhost with its port, "
            "or start it with --allow-websocket-origin and this host.\n"
        )
