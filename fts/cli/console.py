"""Output of long-running commands, and the permissions of their files."""

from __future__ import annotations

import os
import sys
from datetime import timedelta


def print_line(text: str) -> None:
    """Print a line at once; it replaces a line of progress."""
    print(("\r\x1b[2K" if sys.stdout.isatty() else "") + text, flush=True)


def print_item(subject: str, text: str) -> None:
    """Print one line of a list: a subject and its text."""
    print_line(f"{subject:<12}{text}")


def show_progress(text: str) -> None:
    """Show a line of progress, which the next line replaces; only on a terminal."""
    if sys.stdout.isatty():
        print(f"\r\x1b[2K{'':<12}{text}", end="", flush=True)


def format_seconds(span: timedelta) -> str:
    """Format a time span, such as ``10 s``."""
    return f"{span.total_seconds():g} s"


def keep_private() -> None:
    """Create all later files of this process and its children for their owner only, because they hold all bids."""
    os.umask(0o077)
