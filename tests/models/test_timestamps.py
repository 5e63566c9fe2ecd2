"""Instants and durations: what is read, how digits below a microsecond round, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fts.errors import InvalidInstant
from fts.models.timestamps import format_instant, parse_duration, parse_instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T21:42:00Z", datetime(2026, 11, 23, 21, 42, tzinfo=UTC)),
        ("2026-11-23T21:42:00.5+01:30", datetime(2026, 11, 23, 20, 12, 0, 500000, tzinfo=UTC)),
        ("2026-01-01T00:00:00.000001234-00:30", datetime(2026, 1, 1, 0, 30, 0, 1, tzinfo=UTC)),
        ("2026-11-23t21:42:00z", datetime(2026, 11, 23, 21, 42, tzinfo=UTC)),
    ],
)
def test_instants_are_read_in_utc(text, expected):
    assert parse_instant(text) == expected


def test_digits_below_a_microsecond_round_as_asked():
    assert parse_instant("2026-01-01T00:00:00.999999001Z", "down").microsecond == 999999
    assert parse_instant("2026-01-01T00:00:00.999999001Z", "up") == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert parse_instant("2026-01-01T00:00:00.999999000Z", "up").microsecond == 999999


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-23", "2026-11-23T21:42:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
     "2026-11-23T21:42:00.1234567890Z", "2026-11-23T21:42Z", "0001-01-01T00:00:00+01:00", "2026-11-23T21:42:00٠Z"],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(InvalidInstant):
        parse_instant(text)


def test_instants_are_written_in_utc_ending_in_z():
    assert format_instant(parse_instant("2026-11-23T21:42:00.25+01:00")) == "2026-11-23T20:42:00.250000Z"
    assert format_instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"
    with pytest.raises(InvalidInstant, match="no offset"):
        format_instant(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15),
        ("5m", 300),
        ("1h 30m", 5400),
        ("1day", 86400),
        ("1h30m", 5400),
        ("2 weeks", 1209600),
        ("0.5h", 1800),
    ],
)
def test_durations_as_people_write_them(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5x", "0s", "-5s", "5s 3", "1e9999h", "99999999999999 weeks"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(InvalidInstant):
        parse_duration(text)
