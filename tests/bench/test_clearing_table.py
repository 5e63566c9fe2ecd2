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


def test_the_table_has_every_case_with_its_proof(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "native.py",
            "--scale",
            "0.01",
            "--rounds",
            "1",
            "--threads",
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
    assert len(cases) == 11
    for case in cases:
        mine = {row["engine"]: row for row in rows if row["case"] == case}
        peers = [mine[f"clarabel {method}"] for method in ("qdldl", "faer")]
        assert {mine["native"]["status"], mine["native warm"]["status"]} == {"exact"}
        assert float(mine["native warm"]["warm - cold"]) <= 1e-9
        best = min(float(row["median [s]"]) for row in peers)
        assert float(mine["native"]["ratio"]) == pytest.approx(best / float(mine["native"]["median [s]"]))
        steps = sum(float(mine["native"][name]) for name in ("canonical [s]", "certificate [s]"))
        assert 0 < steps < float(mine["native"]["median [s]"])


def test_a_case_that_does_not_exist_is_refused():
    done = subprocess.run(
        [sys.executable, "native.py", "nosuch"], cwd=FOLDER, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "no case begins with nosuch" in done.stderr
