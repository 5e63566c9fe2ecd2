"""Host names that the dashboards accept, as a protection against DNS rebinding.

A web page may let its own name resolve to this machine. Its scripts then have the same origin as the dashboards, whose
token reads every bid. Only the ``Host`` of their requests differs.
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
    """List the accepted hosts: this machine's own names, and the configured ones.

    Parameters
    ----------
    port : int
    configured : sequence of str
        ``host`` (with port 80 or the default port), ``host:port``; ``*`` is any host.

    Raises
    ------
    ConfigurationError
        A host is malformed.
    """
    try:
        allowed = create_hosts_allowlist(list(configured), port) if configured else []
    except ValueError as error:
        raise ConfigurationError(f"--allow-websocket-origin: {error}; write a host, or host:port") from error
    return [f"localhost:{port}", f"127.0.0.1:{port}", *allowed]


def answer_only(application: Application, hosts: Sequence[str]) -> None:
    """Refuse all requests, with websockets, whose ``Host`` is neither one of these nor a loopback name.

    Parameters
    ----------
    application : tornado Application
    hosts : sequence of str
        Result of `known_hosts`.
    """
    application.default_router.rules.insert(0, Rule(_OtherHost(hosts), _Refusal))


def is_loopback(host: str) -> bool:
    """Return True if a ``Host`` is a name of this machine only; the port may differ, because a tunnel changes it."""
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
