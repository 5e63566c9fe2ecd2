"""Input and output of a command: files, or ``-`` for standard input and output; UTF-8 in any locale."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from fts.models.auction import Auction


def read_auction(name: str) -> Auction:
    """Read an auction file.

    Parameters
    ----------
    name : str
        Path, or ``-`` for standard input.
    """
    if name != "-":
        return Auction.read_json(name)
    if sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard input")
    return Auction.read_json(sys.stdin.buffer)


def write(text: str, name: str) -> None:
    """Write a result in one piece.

    Parameters
    ----------
    text : str
        Text of the result.
    name : str
        Path, or ``-`` for standard output.
    """
    if name == "-" and sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    if name == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        Path(name).write_bytes(text.encode())
