"""Old name of `fts.sim.bot_runner`, kept for one release."""

from __future__ import annotations

import warnings

from fts.sim.bot_runner import run_process

if __name__ == "__main__":
    warnings.warn("python -m fts.sim.crew is now python -m fts.sim.bot_runner", DeprecationWarning, stacklevel=1)
    run_process()
