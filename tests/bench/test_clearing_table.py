"""The clearing benchmark measures what it says: its markets, its warm starts, its table."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from forward import forward_market
from market import before_change, columns, five_prices, groups_of_three
from native import MARKETS, Goal, Row, difference
from peers import Run
from scaling import exponent
from shapes import (
    different_profiles,
    long_curves,
    one_product,
    open_prices,
    order_books,
    paired_groups,
    shared_demand,
    substitution_groups,
    tied_books,
)

import fts

FOLDER = Path(__file__).parent


def own_bases(market):
    """Each portfolio's products and weights, as a hashable value."""
    ends = np.flatnonzero(np.diff(market["basis_portfolio"])) + 1
    products = np.split(market["basis_product"], ends)
    weights = np.split(market["basis_value"], ends)
    return [(tuple(p), tuple(w)) for p, w in zip(products, weights, strict=True)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: columns(8, 90),
        lambda: five_prices(8, 90),
        lambda: groups_of_three(8, 90),
        lambda: forward_market(2, 24, 90),
        lambda: one_product(10),
        lambda: order_books(5),
        lambda: different_profiles(12, 4),
        lambda: long_curves(20),
        lambda: shared_demand(6),
    ],
)
def test_a_market_is_the_same_each_time(make):
    one, other = make(), make()
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("flat", [0.0, 0.5, 1.0])
def test_the_share_of_flat_bids_is_the_asked_one(flat):
    first, second = columns(20, 4_000, flat=flat)["point_prices"].reshape(-1, 2).T
    assert np.mean(first == second) == pytest.approx(flat, abs=0.03)


def test_all_bids_are_at_five_prices():
    market = five_prices(20, 2_000)
    assert len(np.unique(market["point_prices"])) == 5
    assert np.array_equal(market["point_prices"][::2], market["point_prices"][1::2])


def test_substitutes_share_a_limit_in_groups_of_three():
    market = groups_of_three(20, 1_000)
    users = np.bincount(market["weight_demand"])
    assert (users == 1).sum() == 1_000 and (users == 3).sum() == 100 and len(users) == 1_100
    assert set(np.diff(market["point_offsets"])[:1_000]) == {3}  # two segments


@pytest.mark.parametrize("size", [3, 9, 50])
def test_groups_of_a_size_share_a_limit(size):
    users = np.bincount(substitution_groups(20, 1_000, size)["weight_demand"])
    assert np.array_equal(users[:1_000], np.ones(1_000))
    assert np.array_equal(users[1_000:], np.full(300 // size, size))


def test_a_small_market_has_one_group_too():
    users = np.bincount(substitution_groups(6, 60, 50)["weight_demand"])
    assert np.array_equal(users, [1] * 60 + [50])


def test_the_rates_of_each_two_groups_stay_within_their_own_limit():
    market = paired_groups(20, 600)
    assert len(market["demand_ids"]) == 600 + 60 + 30
    rates = fts.Auction.from_columns(**market).solve("native").rates
    sums = np.abs(rates[:180].reshape(30, 6).sum(axis=1))
    assert sums.max() == pytest.approx(15) and (sums < 14).any()


def test_books_at_one_price_trade_nothing_at_that_price():
    found = fts.Auction.from_columns(**tied_books(3)).solve("native")
    assert np.array_equal(found.prices, [10, 10, 10]) and not found.rates.any()


def test_an_open_pair_has_prices_at_which_neither_bid_gains():
    found = fts.Auction.from_columns(**open_prices(3)).solve("native")
    first, second = found.prices.reshape(3, 2).T
    assert (first + second <= 10 + 1e-12).all() and (first + 1.5 * second >= 15 - 1e-12).all()
    assert not found.rates.any() and not found.unique.prices


def test_order_books_clear_where_demand_meets_supply():
    market = order_books(7)
    found = fts.Auction.from_columns(**market).solve("native")
    low, high = market["point_rates"].reshape(-1, 2).T
    limit = market["point_prices"][::2]
    price = np.repeat(found.prices, 20)
    surely = np.where(limit > price, high, np.where(limit < price, low, 0)).reshape(7, 20).sum(axis=1)
    tied = limit == price
    assert (surely + np.where(tied, low, 0).reshape(7, 20).sum(axis=1) <= 0).all()
    assert (surely + np.where(tied, high, 0).reshape(7, 20).sum(axis=1) >= 0).all()


def test_every_wide_profile_is_another_and_has_all_products():
    bases = own_bases(different_profiles(30, 5))
    assert len(set(bases)) == 5 and all(products == tuple(range(30)) for products, _ in bases)


def test_long_curves_have_the_asked_points_and_never_rise():
    market = long_curves(40)
    assert np.array_equal(np.diff(market["point_offsets"]), [40, 40])
    assert (np.diff(market["point_rates"].reshape(2, 40)) > 0).all()
    assert (np.diff(market["point_prices"].reshape(2, 40)) <= 0).all()


def test_the_battery_keeps_to_its_power_and_its_energy():
    found = fts.Auction.from_columns(**shared_demand(40)).solve("native")
    battery = found.rates[3::4]
    assert np.abs(battery).max() <= 5 + 1e-9 and abs(battery.sum()) <= 20 + 1e-9 and battery.any()


@pytest.mark.parametrize("bids", [2, 10])
def test_a_tiny_auction_trades_one_product(bids):
    found = fts.Auction.from_columns(**one_product(bids)).solve("native")
    assert len(found.rates) == bids and len(found.prices) == 1 and np.abs(found.rates).sum() > 1


@pytest.mark.parametrize("profiles", [5, None])
def test_a_tenth_of_the_forward_bids_are_wide(profiles):
    market = forward_market(portfolios=1_000, profiles=profiles)
    assert len(set(market["product_ids"])) == 48 * 2 * 24 + 720 == 3_024
    bases = own_bases(market)
    assert all(len(set(products)) == len(products) for products, _ in bases)
    assert max(len(products) for products, _ in bases[:900]) == 5
    sizes = [len(products) for products, _ in bases[900:]]
    assert len(sizes) == 100 and min(sizes) >= 100 and max(sizes) <= 700
    assert len(set(bases[900:])) == (100 if profiles is None else profiles)


@pytest.mark.parametrize("make", [lambda: columns(8, 1_000), lambda: groups_of_three(8, 1_000)])
def test_one_bid_in_a_hundred_was_another_before(make):
    now = make()
    before = before_change(now)
    fts.Auction.from_columns(**before)  # its curves never rise
    point = np.repeat(np.arange(len(now["demand_ids"])), np.diff(now["point_offsets"]))
    moved = (before["point_prices"] != now["point_prices"]) | (before["point_rates"] != now["point_rates"])
    assert len(np.unique(point[moved])) == 10 and point[moved].max() < 1_000


@pytest.mark.parametrize("case", MARKETS)
def test_every_market_is_solved_exactly_at_a_small_scale(case):
    market = MARKETS[case].make(lambda number: max(6, number // 200))
    assert fts.Auction.from_columns(**market).solve("native").certificate.status == "exact"


def test_the_table_has_each_engine_with_its_proof(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "native.py",
            "two bids",
            "small",
            "--scale",
            "0.02",
            "--rounds",
            "1",
            "--csv",
            str(tmp_path / "table.csv"),
        ],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cases = {row["case"] for row in rows}
    assert cases == {"two bids", "small"}
    for case in cases:
        mine = {row["engine"]: row for row in rows if row["case"] == case}
        peers = [mine[f"clarabel {method}"] for method in ("qdldl", "faer")]
        assert {mine["native"]["status"], mine["native warm"]["status"]} == {"exact"}
        assert float(mine["native warm"]["warm - cold"]) <= 1e-9
        best = min(float(row["median [s]"]) for row in peers)
        assert float(mine["native"]["ratio"]) == pytest.approx(best / float(mine["native"]["median [s]"]))
        steps = sum(float(mine["native"][name]) for name in ("canonical [s]", "certificate [s]"))
        assert 0 < steps < float(mine["native"]["median [s]"])


def row_of(ratio=20.0, status="exact", megabytes=500.0, differs=np.nan):
    return Row("sloped", "native", 0.1, ratio, "", "", 0.0, 0.0, 3, 0.0, 0.0, status, megabytes, differs, 5)


@pytest.mark.parametrize(
    ("goal", "row", "met"),
    [
        (Goal(20), row_of(), "yes"),
        (Goal(20), row_of(ratio=19.9), "no"),
        (Goal(20), row_of(status="solved"), "no"),
        (Goal(20), row_of(differs=2e-9), "no"),
        (Goal(20), row_of(ratio=np.nan), ""),
        (Goal(20, megabytes=400), row_of(), "no"),
        (Goal(20, megabytes=400), row_of(ratio=np.nan), "no"),
        (Goal(), row_of(), ""),
    ],
)
def test_a_goal_is_met_by_an_exact_answer_that_is_fast_enough(goal, row, met):
    assert goal.judged(row)[1] == met


def answer(prices, rates):
    return Run(1.0, 0.0, 0.0, 0, None, np.array(rates), np.array(prices))


def test_answers_differ_relative_to_the_largest_price_and_rate():
    one, other = answer([10.0, 50.0], [2.0, -4.0]), answer([10.0, 49.0], [2.0, -4.0])
    assert difference(other, one) == pytest.approx(1 / 50)
    assert difference(one, answer([10.0, 50.0], [2.0, -5.0])) == pytest.approx(1 / 5)
    assert difference(one, answer([10.0, np.nan], [2.0, -4.0])) == np.inf
    assert difference(answer([10.0, np.nan], [0.0]), answer([10.0, np.nan], [0.0])) == 0


def test_the_exponent_is_the_slope_of_the_larger_half():
    sizes = [100, 200, 400, 800, 1_600]
    assert exponent(sizes, [7.0, 7.0, *(3.0 * size**1.5 for size in sizes[2:])]) == pytest.approx(1.5)
    assert np.isnan(exponent([100], [1.0]))


def test_cost_over_size_is_printed_and_drawn(tmp_path):
    drawn = tmp_path / "costs.png"
    done = subprocess.run(
        [sys.executable, "scaling.py", "--rounds", "1", "--largest", "1000", "--png", str(drawn)],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "separate books" in done.stdout and "800" in done.stdout and "not solved" not in done.stdout
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_a_case_that_does_not_exist_is_refused():
    done = subprocess.run(
        [sys.executable, "native.py", "nosuch"], cwd=FOLDER, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "no case begins with nosuch" in done.stderr
