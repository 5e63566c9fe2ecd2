"""Names of 0.1 that a user may have used: each works for one release, with a warning that names the new one."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from fts.client import Client
from fts.server import local
from fts.sim import agent, typical_hours
from fts.sim.bot import Bot


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


def test_the_differences_of_bids() -> None:
    with pytest.warns(DeprecationWarning, match="Revisions"):
        assert agent.Changes is agent.Revisions
    with pytest.raises(AttributeError, match="no_such_name"):
        agent.no_such_name  # noqa: B018  (the look-up itself is the test)


class Silent:
    """Wants no bids."""

    name = "silent"

    def bids(self, view: agent.View) -> agent.Bids:
        return agent.Bids()


def test_the_methods_of_a_bot() -> None:
    with local() as url, Client(url, url.token()) as client:
        bot = Bot(Silent(), client, [], timedelta(hours=1))
        now = datetime(2026, 11, 23, tzinfo=UTC)
        calls = {
            "adopt": ("load_bids", lambda: bot.adopt()),
            "enter": ("submit_all", lambda: bot.enter(now)),
            "answer": ("respond", lambda: bot.answer(now, {}, 1, 1.0, timedelta(0))),
        }
        for new, call in calls.values():
            with pytest.warns(DeprecationWarning, match=f"is now called {new}"):
                assert call() == 0
        with pytest.warns(DeprecationWarning, match="is now called set_first_month"):
            bot.start_at(3)
