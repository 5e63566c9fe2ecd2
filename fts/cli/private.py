"""Files that hold everybody's bids are for whoever runs the market, and for nobody else."""

from __future__ import annotations

import os


def keep_private() -> None:
    """From now on, files that this process and its children make can be read and written by their owner only."""
    os.umask(0o077)
