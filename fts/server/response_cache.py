"""Cache of responses that stay the same until the next batch."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

MAX_BYTES = 64 * 2**20
"""Largest size of the cache [bytes]; beyond it the cache is emptied."""
ENTRY_OVERHEAD_BYTES = 1_024
"""Size of an entry beside its body [bytes]; it bounds the number of empty pages too."""


class CacheGeneration:
    """Cached responses of one generation: the time between two batches.

    A request that started before a batch stores its response in the old generation, so an old response is never
    served after the batch.
    """

    def __init__(self) -> None:
        self._bodies: dict[Hashable, bytes] = {}
        self._size = 0

    def lookup(self, key: Hashable) -> bytes | None:
        """Look up the body of a response; None if it is not cached."""
        return self._bodies.get(key)

    def store(self, key: Hashable, body: bytes) -> bool:
        """Store the body of a response; returns False if the cache is full."""
        self._bodies[key] = body
        self._size += len(body) + ENTRY_OVERHEAD_BYTES
        return self._size <= MAX_BYTES


class ResponseCache:
    """Cache of the current generation.

    Attributes
    ----------
    generation : CacheGeneration
    """

    def __init__(self) -> None:
        self.generation = CacheGeneration()

    def clear(self, record: Any = None) -> None:
        """Start a new generation, as after a batch."""
        self.generation = CacheGeneration()
