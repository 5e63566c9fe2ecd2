"""Files and pipes of a command: ``-`` is standard input or output. Text is UTF-8 in any locale."""

from __future__ import annotations

import sys
from pathlib import Path

from fts.models.auction import Auction


def read_auction(name: str) -> Auction:
    """Read an auction file.

    Parameters
    ----------
    name : str
        A path, or ``-`` for standard input.
    """
    return Auction.read_json(sys.stdin.buffer if name == "-" else name)


def write(text: str, name: str) -> None:
    """Write a result in one piece.

    Parameters
    ----------
    text : str
        What to write.
    name : str
        A path, or ``-`` for standard output.
    """
    if name == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        Path(name).write_bytes(text.encode())
