"""Replies that are true until the next batch, kept so that they are read and written once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

MOST = 64 * 2**20
"""How much is kept [bytes]; beyond that the shelf is emptied."""
KEEPING = 1_024
"""What it takes to keep a reply beside its body [bytes]: whoever asks for many empty pages fills the shelf too."""


class Board:
    """The replies between two batches; whoever began to read before a batch puts its reply on the board of then."""

    def __init__(self) -> None:
        self._replies: dict[Hashable, bytes] = {}
        self._size = 0

    def find(self, key: Hashable) -> bytes | None:
        """The body of a reply; None: it has to be made."""
        return self._replies.get(key)

    def keep(self, key: Hashable, body: bytes) -> bool:
        """Keep the body of a reply; False: there is no more room."""
        self._replies[key] = body
        self._size += len(body) + KEEPING
        return self._size <= MOST


class Shelf:
    """The board of now.

    Attributes
    ----------
    board : Board
    """

    def __init__(self) -> None:
        self.board = Board()

    def clear(self, record: Any = None) -> None:
        """Begin again, as after a batch."""
        self.board = Board()
