"""Batches fall on the grid, each once, and never in a burst."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fts.errors import ConfigurationError
from fts.exchange import Market, Schedule
from fts.exchange.schedule import run_schedule
from fts.exchange.terms import ForwardTerms

START = datetime(2027, 6, 1, 12, 0, 5, tzinfo=UTC)
TEN = timedelta(seconds=10)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (START - timedelta(days=1), START),
        (START - timedelta(microseconds=1), START),
        (START, START + TEN),
        (START + timedelta(microseconds=1), START + TEN),
        (START + TEN - timedelta(microseconds=1), START + TEN),
        (START + 1000 * TEN, START + 1001 * TEN),
    ],
)
def test_the_grid(now: datetime, due: datetime) -> None:
    assert Schedule("10s", "2027-06-01T14:00:05+02:00").after(now) == due


def test_without_a_start_the_grid_is_that_of_the_epoch() -> None:
    assert Schedule("1h").after(START) == datetime(2027, 6, 1, 13, tzinfo=UTC)
    assert Schedule("1h").to_json() == {"from": "1970-01-01T00:00:00Z", "every": "3600s"}
    assert Schedule("1h 30m", START).to_json() == {"from": "2027-06-01T12:00:05Z", "every": "5400s"}
    assert Schedule("250ms").to_json()["every"] == "0.25s"


def test_schedules_as_they_are_written() -> None:
    assert Schedule.read(None) is None
    assert Schedule.read("10s") == Schedule(TEN) == Schedule.read(TEN) == Schedule.read({"every": "10s"})
    assert Schedule.read({"every": "10s", "from": "2027-06-01T12:00:05Z"}) == Schedule("10s", START)
    wrong: Any
    for wrong in ("often", "0s", {"from": "2027-06-01T12:00:05Z"}, 10, "9ms", {"every": "1s", "from": "noon"}):
        with pytest.raises(ConfigurationError):
            Schedule.read(wrong)


class Time(threading.Event):
    """A clock and an event to wait for that share one time; nobody really waits."""

    def __init__(self, now: datetime, until: datetime) -> None:
        super().__init__()
        self.now, self.until = now, until
        self.jumps: list[tuple[datetime, datetime]] = []

    def __call__(self) -> datetime:
        return self.now

    def is_set(self) -> bool:
        return self.now >= self.until

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timedelta(seconds=timeout)
        if self.jumps and self.now >= self.jumps[0][0]:
            self.now = self.jumps.pop(0)[1]
        return self.is_set()


def test_a_batch_at_every_instant_of_the_grid() -> None:
    ran: list[Any] = []
    time = Time(START + timedelta(seconds=3), until=START + 5 * TEN)
    run_schedule(Schedule(TEN, START), lambda due: ran.append((due, time())), time, time)
    assert [due for due, _ in ran] == [START + k * TEN for k in (1, 2, 3, 4)]
    assert all(due <= at <= due + timedelta(milliseconds=1) for due, at in ran)


def test_after_a_pause_it_goes_on_without_a_burst() -> None:
    ran: list[Any] = []
    time = Time(START, until=START + 20 * TEN)

    def slow(due: datetime) -> None:
        ran.append(due)
        if len(ran) == 2:
            time.now += timedelta(seconds=95)

    run_schedule(Schedule(TEN, START), slow, time, time)
    assert ran == [START + k * TEN for k in (1, 2, *range(12, 20))]


def test_a_clock_set_back_waits_until_it_passes_the_last_batch() -> None:
    ran: list[Any] = []
    time = Time(START, until=START + 6 * TEN)
    time.jumps = [(START + timedelta(seconds=32), START - timedelta(hours=1))]
    run_schedule(Schedule(TEN, START), ran.append, time, time)
    assert ran == [START + k * TEN for k in (1, 2, 3, 4, 5)]


def test_a_market_opened_again_begins_after_its_last_batch() -> None:
    ran: list[Any] = []
    time = Time(START - timedelta(hours=1), until=START + 4 * TEN)
    run_schedule(Schedule(TEN, START), ran.append, time, time, last=START + 2 * TEN)
    assert ran == [START + 3 * TEN]


def test_a_batch_that_fails_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[Any] = []

    def fails(due: datetime) -> None:
        ran.append(due)
        raise OSError("disk full")

    time = Time(START, until=START + 3 * TEN)
    with caplog.at_level(logging.ERROR, "fts"):
        run_schedule(Schedule(TEN, START), fails, time, time)
    assert len(ran) == 2
    assert caplog.text.count("OSError: disk full") == 2 and "2027-06-01T12:00:15Z failed" in caplog.text


def test_a_slice_that_has_the_instant_of_a_batch_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    time = Time(START, until=START + 3 * TEN)
    with Market(application=ForwardTerms(time), schedule=Schedule(TEN, START)) as market:
        market.v0.solve_span(START + TEN, START + 2 * TEN)
        with caplog.at_level(logging.ERROR, "fts"):
            run_schedule(Schedule(TEN, START), market.run_batch, time, time)
        instants = [record.instant for record in market.batches().results]
    assert instants == [START + 2 * TEN, START + TEN]
    (told,) = [record for record in caplog.records if record.name == "fts.exchange.schedule"]
    assert "a batch of 2027-06-01T12:00:15Z is there already" in told.message and told.exc_info is None


def test_it_stops_at_once_when_told_to() -> None:
    stop = threading.Event()
    thread = threading.Thread(
        target=run_schedule, args=(Schedule("1h"), lambda due: None, stop, lambda: datetime.now(UTC)), daemon=True
    )
    thread.start()
    stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
