"""Clients of an exchange over HTTP."""

from __future__ import annotations

from fts.client.async_client import AsyncClient
from fts.client.client import Client
from fts.client.errors import (
    NoAnswer,
    RequestAlreadyExists,
    RequestAlreadyPartitioned,
    RequestInvalid,
    RequestNotFound,
    RequestNotPermitted,
    RequestNotSolved,
    TooManyRequests,
)

__all__ = [
    "AsyncClient",
    "Client",
    "NoAnswer",
    "RequestAlreadyExists",
    "RequestAlreadyPartitioned",
    "RequestInvalid",
    "RequestNotFound",
    "RequestNotPermitted",
    "RequestNotSolved",
    "TooManyRequests",
]
