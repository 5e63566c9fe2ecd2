"""Free ports of this machine."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from fts.errors import ConfigurationError

LOCALHOST = "127.0.0.1"
TRIES = 100
"""Number of ports that are tried."""


def free_port(first: int, taken: Sequence[int] = ()) -> int:
    """Find a port that no program listens on.

    Parameters
    ----------
    first : int
        First port to try; 0 is any port.
    taken : sequence of int
        Ports that are left out.

    Raises
    ------
    ConfigurationError
        None of the hundred ports from there on is free.
    """
    for port in range(first, min(first + TRIES, 65536)) if first else [0]:
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCALHOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigurationError(f"ports {first} to {first + TRIES - 1} are all taken; name another one")
