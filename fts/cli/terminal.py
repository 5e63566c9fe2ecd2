"""What a long-running command says, line by line."""

from __future__ import annotations

import sys
from datetime import timedelta


def say(text: str) -> None:
    """Print at once, over a line of progress."""
    print(("\r\x1b[2K" if sys.stdout.isatty() else "") + text, flush=True)


def state(subject: str, text: str) -> None:
    """One line of what there is."""
    say(f"{subject:<12}{text}")


def progress(text: str) -> None:
    """A line that the next one replaces; only on a terminal."""
    if sys.stdout.isatty():
        print(f"\r\x1b[2K{'':<12}{text}", end="", flush=True)


def seconds(span: timedelta) -> str:
    """``10 s``."""
    return f"{span.total_seconds():g} s"
