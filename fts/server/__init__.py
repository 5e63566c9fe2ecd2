"""The exchange over HTTP: an application for any ASGI server, and one that runs for a notebook cell."""

from __future__ import annotations

from fts.ports.application import Application
from fts.server.app import create_app
from fts.server.jwt_application import JwtApplication
from fts.server.limits import Limits
from fts.server.local import local

__all__ = ["Application", "JwtApplication", "Limits", "create_app", "local"]
