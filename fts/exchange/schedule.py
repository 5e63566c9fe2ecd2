"""The grid of instants on which batches run, and the loop that runs them, never in a burst."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from fts.errors import ConfigurationError, FtsError, InvalidInstant
from fts.models.timestamps import format_instant, parse_duration, parse_instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ScheduleLike: TypeAlias = "Schedule | str | timedelta | Mapping[str, Any] | None"
"""A schedule, a duration such as ``10s``, ``{"every", "from"?}``, or None."""
SHORTEST_STEP = timedelta(milliseconds=10)
# Longest wait between two readings of the clock, so that a change of the clock is noticed [s].
CLOCK_POLL_SECONDS = 0.5
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """Batches at ``from + k · every``, for k = 0, 1, 2 and so on.

    Parameters
    ----------
    every : timedelta or text
        Such as ``10s``, ``5m``, ``1h 30m``.
    from_ : datetime or text, optional
        Any instant of the grid; batches do not run before it. By default the grid of 1970-01-01T00:00:00Z.

    Raises
    ------
    ConfigurationError
    """

    every: timedelta
    from_: datetime

    def __init__(self, every: timedelta | str, from_: datetime | str | None = None) -> None:
        try:
            span = parse_duration(every) if isinstance(every, str) else every
            start = (
                EPOCH if from_ is None else parse_instant(from_ if isinstance(from_, str) else format_instant(from_))
            )
        except InvalidInstant as error:
            raise ConfigurationError(f"the schedule cannot be used: {error}") from error
        if span < SHORTEST_STEP:
            raise ConfigurationError(f"a schedule of every {span} cannot be kept; the shortest is {SHORTEST_STEP}")
        object.__setattr__(self, "every", span)
        object.__setattr__(self, "from_", start)

    @classmethod
    def read(cls, value: ScheduleLike) -> Schedule | None:
        """Parse a schedule from a schedule, a text such as ``10s``, ``{"every", "from"?}`` or None.

        Raises
        ------
        ConfigurationError
        """
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, (str, timedelta)):
            return cls(value)
        if isinstance(value, Mapping) and "every" in value and set(value) <= {"every", "from"}:
            return cls(value["every"], value.get("from"))
        raise ConfigurationError(f"{value!r} is not a schedule; write '10s', or {{'every': '10s', 'from': instant}}")

    def after(self, instant: datetime) -> datetime:
        """Return the first instant of the grid later than this one."""
        if instant < self.from_:
            return self.from_
        return self.from_ + ((instant - self.from_) // self.every + 1) * self.every

    def to_json(self) -> dict[str, str]:
        """Return ``from`` as an instant and ``every`` in seconds, as a duration."""
        return {
            "from": format_instant(self.from_),
            "every": f"{self.every.total_seconds():.6f}".rstrip("0").rstrip(".") + "s",
        }


def run_schedule(
    schedule: Schedule,
    run_batch: Callable[[datetime], Any],
    stop: threading.Event,
    now: Callable[[], datetime],
    last: datetime | None = None,
) -> None:
    """Run a batch at every instant of the grid until `stop` is set.

    An instant that passed while a batch was running, or while the market was not run, is left out. When
    the clock is set back, the next batch waits until it passes the last instant again. A batch that
    fails is logged, and the next one runs.

    Parameters
    ----------
    schedule : Schedule
    run_batch : callable
        Takes the instant.
    stop : threading.Event
    now : callable
        The clock.
    last : datetime, optional
        The last batch that ran.
    """
    while not stop.is_set():
        due = schedule.after(now() if last is None else max(now(), last))
        while (wait := (due - now()).total_seconds()) > 0:
            if stop.wait(min(wait, CLOCK_POLL_SECONDS)):
                return
        last = due
        try:
            run_batch(due)
        except FtsError as error:
            log.error("the batch of %s was not run: %s; the next one is tried at its time", format_instant(due), error)
        except Exception:
            log.exception("the batch of %s failed; the next one is tried at its time", format_instant(due))
