"""The terminal says what the prices are: values by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fts.cli.demo_output import batch_heading, batch_line, price_table
from fts.sim.typical_hours import typical_hours


@pytest.fixture
def deliveries():
    return [replace(d, product=f"{d.month} {d.kind}") for d in typical_hours((2026, 12), 12, "Europe/Berlin")]


def test_a_table_of_flat_prices(deliveries):
    prices = {d.product: 50.0 if d.day_type == "workday" else 30.0 for d in deliveries}
    prices["2026-12 workday 18"] = 100.0
    lines = price_table(deliveries, prices, "EUR/MWh").splitlines()
    assert max(len(line) for line in lines) <= 100
    cells = {line[:20].strip(): line[20:].split() for line in lines}
    # December 2026: 23 workdays, 8 weekend days; hour 18 of a workday is one of 24 · 23 + 24 · 8 = 744 hours.
    base = (24 * 23 * 50 + 23 * 50 + 24 * 8 * 30) / 744
    assert cells["base, all hours"][0] == f"{base:.1f}"
    assert cells["peak, workday 8-20"][0] == f"{50 + 50 / 12:.1f}"
    assert cells["workday, other hours"] == ["50.0"] * 12
    assert cells["weekend"] == ["30.0"] * 12
    assert cells["dearest hour"] == ["100.0", *["50.0"] * 11]
    assert cells["EUR/MWh"][:3] == ["Dec", "Jan", "Feb"]
    assert lines[0].split() == ["2026", "2027"]


def test_a_month_without_prices_is_left_out(deliveries):
    prices = {d.product: 50.0 for d in deliveries if d.month != "2027-03"}
    assert "Mar" not in price_table(deliveries, prices, "EUR/MWh")


def test_a_batch_in_one_line(deliveries):
    before = {d.product: 50.0 for d in deliveries}
    after = {**before, **{d.product: 51.0 for d in deliveries[:288]}, "2027-01 weekend 3": 47.5}
    batch = {"instant": "2026-11-23T22:40:10Z", "status": "solved", "seconds": 0.314}
    line = batch_line(deliveries, before, after, batch, 412)
    assert line.split() == [
        *("22:40:10", "solved", "50", "%", "Jan", "2027", "weekend", "3h"),
        *("50.00", "→", "47.50", "(-2.50)", "412", "0.31", "s"),
    ]
    assert len(line) == len(batch_heading("EUR/MWh")) <= 100


def test_rounding_is_not_a_move(deliveries):
    before = {d.product: 50.0 for d in deliveries}
    after = {d.product: 50.0 + 1e-6 for d in deliveries}
    batch = {"instant": "2026-11-23T22:40:10Z", "status": "solved", "seconds": 0.3}
    assert "no price moved" in batch_line(deliveries, before, after, batch, 0)


def test_a_failed_batch_says_why(deliveries):
    batch = {"instant": "2026-11-23T22:40:10Z", "status": "not solved", "reason": "a sentence", "seconds": 0.3}
    assert batch_line(deliveries, {}, {}, batch, 0) == "22:40:10  not solved: a sentence"
