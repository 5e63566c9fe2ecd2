"""The controls of an auction: a change clears again, a bad one is refused in words."""

from __future__ import annotations

import pytest

import fts
from fts.viz.explorer import Explorer


@pytest.fixture
def explorer() -> Explorer:
    auction = fts.Auction(
        {"load": [(0, 60), (100, 20)], "wind": fts.Constant(5, min_rate=-80, max_rate=0), "gas": [(-50, 55), (0, 35)]},
        {name: fts.Portfolio(name, "noon") for name in ("load", "wind", "gas")},
    )
    return Explorer(auction)


def price(explorer: Explorer) -> float:
    return float(explorer.outcome.products["price"]["noon"])


def test_a_moved_point_moves_the_price(explorer: Explorer) -> None:
    assert price(explorer) == pytest.approx(28, rel=1e-6)
    explorer.fields[0].value, explorer.fields[1].value = 0.0, 70.0
    # 70 - 0.5 · 80
    assert price(explorer) == pytest.approx(30, rel=1e-6)
    assert "30.00" in explorer.figures.value and "28.00" in explorer.figures.value


def test_the_constant_has_a_price_and_its_bounds(explorer: Explorer) -> None:
    explorer.demand.value = "wind"
    assert [field.value for field in explorer.fields] == [5, -80, 0]
    explorer.fields[1].value = -100.0
    # The wind alone would sell 100 at 20; it sells all of it.
    assert explorer.outcome.portfolios.loc["wind", "rate"] == pytest.approx(-100, rel=1e-6)


def test_a_curve_that_rises_is_refused_in_words_and_the_last_clearing_stays(explorer: Explorer) -> None:
    explorer.fields[1].value = 10.0
    assert "never rise" in explorer.message.value
    assert price(explorer) == pytest.approx(28, rel=1e-6)
    explorer.reset.click()
    assert explorer.message.value == ""
    assert explorer.fields[1].value == 60


def test_the_picture_follows(explorer: Explorer) -> None:
    before = explorer.picture.value
    assert "<svg" in before
    explorer.fields[1].value = 80.0
    assert explorer.picture.value != before
