"""Names of 0.1 that a user may have used: each works for one release, with a warning that names the new one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fts.sim import typical_hours


def test_the_module_of_typical_hours() -> None:
    from fts.sim import delivery

    with pytest.warns(DeprecationWarning, match="fts.sim.typical_hours.TypicalHour"):
        assert delivery.Delivery is typical_hours.TypicalHour
    with pytest.warns(DeprecationWarning, match="fts.sim.typical_hours.by_month"):
        assert delivery.by_month is typical_hours.by_month
    with pytest.raises(AttributeError, match="no_such_name"):
        delivery.no_such_name  # noqa: B018  (the look-up itself is the test)


def test_the_command_that_runs_bots() -> None:
    command = [sys.executable, "-m", "fts.sim.crew"]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=True, timeout=60)
    assert "python -m fts.sim.bot_runner" in done.stderr and done.stdout == ""
