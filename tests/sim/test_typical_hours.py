"""Typical hours, counted by hand on the calendar of Berlin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fts.errors import InvalidInput
from fts.sim.typical_hours import by_month, hour_counts, is_peak, month_after, read_typical_hour, typical_hours

BERLIN = "Europe/Berlin"


def counts(year: int, month: int) -> dict[tuple[str, int], int]:
    first, *_ = typical_hours((year, month), 1, BERLIN)
    return hour_counts(first.start, first.thru, BERLIN)


def test_february_has_twenty_workdays_and_eight_weekend_days():
    # 2027-02-01 is a Monday: 4 whole weeks.
    february = counts(2027, 2)
    assert {february["workday", hour] for hour in range(24)} == {20}
    assert {february["weekend", hour] for hour in range(24)} == {8}


def test_february_of_a_leap_year_has_one_workday_more():
    # 2028-02-29 is a Tuesday; 2028-02-01 too: 21 workdays, 8 weekend days.
    february = counts(2028, 2)
    assert february["workday", 0] == 21
    assert february["weekend", 23] == 8
    assert sum(february.values()) == 29 * 24


def test_the_hour_skipped_in_spring_is_missing_once():
    # March 2027: 31 days from a Monday: 23 workdays, 8 weekend days; on Sunday the 28th there is no 02:00–03:00.
    march = counts(2027, 3)
    assert march["workday", 2] == 23
    assert march["weekend", 2] == 7
    assert {march["weekend", hour] for hour in range(24) if hour != 2} == {8}
    assert sum(march.values()) == 31 * 24 - 1


def test_the_hour_repeated_in_autumn_counts_twice():
    # October 2027: 31 days from a Friday: 21 workdays, 10 weekend days; on Sunday the 31st 02:00–03:00 comes twice.
    october = counts(2027, 10)
    assert october["workday", 2] == 21
    assert october["weekend", 2] == 11
    assert {october["weekend", hour] for hour in range(24) if hour != 2} == {10}
    assert sum(october.values()) == 31 * 24 + 1


def test_months_are_local_and_stored_in_utc():
    deliveries = typical_hours((2027, 3), 2, BERLIN)
    assert deliveries[0].app_data() == {
        "kind": "workday 0",
        "from": "2027-02-28T23:00:00Z",  # winter time: UTC+1
        "thru": "2027-03-31T22:00:00Z",  # summer time: UTC+2
    }
    assert deliveries[48].start == deliveries[0].thru


def test_a_year_has_8760_hours_in_576_products():
    deliveries = typical_hours((2026, 12), 12, BERLIN)
    assert len(deliveries) == 576
    assert len({(d.month, d.kind) for d in deliveries}) == 576
    assert sum(d.hours for d in deliveries) == 8760
    assert list(by_month(deliveries)) == ["2026-12", *(f"2027-{month:02d}" for month in range(1, 12))]


def test_a_product_read_back_is_the_delivery_it_was_made_from():
    for delivery in typical_hours((2027, 10), 1, BERLIN):
        read = read_typical_hour("id", delivery.app_data(), BERLIN)
        assert (read.month, read.kind, read.hours) == (delivery.month, delivery.kind, delivery.hours)


def test_another_kind_of_product_is_refused():
    for kind in (0, "workday", "workday 24", "holiday 3"):
        data = {"kind": kind, "from": "2027-01-01T00:00:00Z", "thru": "2027-02-01T00:00:00Z"}
        with pytest.raises(InvalidInput, match="not a typical hour"):
            read_typical_hour("id", data, BERLIN)


@pytest.mark.parametrize(
    ("instant", "month"),
    [
        (datetime(2026, 11, 23, 22, tzinfo=UTC), (2026, 12)),
        (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), (2027, 1)),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), (2027, 2)),  # January has begun in Berlin
    ],
)
def test_the_next_month_is_that_of_the_local_clock(instant, month):
    assert month_after(instant, BERLIN) == month


def test_the_peak_block_is_twelve_hours_of_workdays():
    peak = [d for d in typical_hours((2027, 2), 1, BERLIN) if is_peak(d)]
    assert sum(d.hours for d in peak) == 20 * 12
    assert peak[0].start + timedelta(0) == datetime(2027, 1, 31, 23, tzinfo=UTC)
