"""Talk to an exchange over HTTP."""

from __future__ import annotations

from fts.client.client import Client
from fts.client.connection import NoAnswer
from fts.client.follow import follow

__all__ = ["Client", "NoAnswer", "follow"]
