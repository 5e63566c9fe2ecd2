"""A process that outlives the one that started it just long enough to stop its children.

Run as ``python leash.py``. It reads ``+pid`` and ``-pid`` lines; when its input ends, because whoever wrote them
is gone, however that happened, it stops the process groups that are still on its list.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TextIO

PATIENCE = 8.0
"""Seconds between asking a process to stop and ending it."""


def hold(lines: TextIO) -> None:
    """Follow a list of process groups until the input ends, then stop them.

    Parameters
    ----------
    lines : text stream
        ``+pid`` when a process group starts, ``-pid`` when it has ended.
    """
    held: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        held.add(pid) if line[0] == "+" else held.discard(pid)
    stop(held)


def stop(groups: set[int]) -> None:
    """Ask process groups to stop, and end those that do not."""
    signalled = {group for group in groups if signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + PATIENCE
    while signalled and time.monotonic() < deadline:
        time.sleep(0.05)
        signalled = {group for group in signalled if signal_group(group, 0)}
    for group in signalled:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; false where there is none any more. Signal 0 only asks."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    hold(sys.stdin)
