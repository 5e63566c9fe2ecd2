"""The application port, offered where a server is put together."""

from __future__ import annotations

from fts.ports.application import Application

__all__ = ["Application"]
