"""Watchdog process that stops the children of another process if that ends, even by SIGKILL.

Run as ``python watchdog.py``. It reads ``+pid`` and ``-pid`` lines. Its input ends with the process that writes them;
then it stops the process groups that are still on its list.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TextIO

STOP_SECONDS = 8.0
"""Time between SIGTERM and SIGKILL [s]."""


def watch(lines: TextIO) -> None:
    """Keep a list of process groups until the input ends, then stop them.

    Parameters
    ----------
    lines : text stream
        ``+pid`` when a process group starts, ``-pid`` when it has ended.
    """
    watched: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        watched.add(pid) if line[0] == "+" else watched.discard(pid)
    stop(watched)


def stop(groups: set[int]) -> None:
    """Send SIGTERM to process groups, and SIGKILL to those that do not stop in time."""
    signalled = {group for group in groups if signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + STOP_SECONDS
    while signalled and time.monotonic() < deadline:
        time.sleep(0.05)
        signalled = {group for group in signalled if signal_group(group, 0)}
    for group in signalled:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; returns False if the group is gone. Signal 0 only checks."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watch(sys.stdin)
