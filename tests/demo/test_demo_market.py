"""The sample market in its file: made once, found again."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

import fts
from fts.cli.demo_market import bidder_id, load_or_create_secret, open_demo_market
from fts.errors import ConfigurationError

BRIEF = timedelta(milliseconds=50)


def test_a_market_is_made_once_and_found_again(tmp_path):
    path = tmp_path / "market.duckdb"
    first = open_demo_market(path, BRIEF, months=2, seed=1)
    assert len(first.deliveries) == 96
    assert [statement.positions for statement in first.statements] == [{}] * 12
    with fts.Market(path, schedule=BRIEF) as market:
        assert market.run_batch().status == "exact"
        demands = {d.id for d in market.demands(bidder_id("Havel Stadtwerke"))}
    time.sleep(2 * BRIEF.total_seconds())  # what the batch cleared has ended, for all bidders at one instant
    second = open_demo_market(path, BRIEF, months=2, seed=1)
    assert second.secret == first.secret
    assert [d.product for d in second.deliveries] == [d.product for d in first.deliveries]
    assert [s.bids for s in second.statements] == [s.bids for s in first.statements]
    with fts.Market(path, schedule=BRIEF) as market:
        assert {d.id for d in market.demands(bidder_id("Havel Stadtwerke"))} == demands
    # Whatever was traded since the batch adds up to nothing, product by product.
    total: dict[str, float] = {}
    # A plant that is too dear to run trades exactly nothing, and has no position.
    assert sum(bool(statement.positions) for statement in second.statements) >= 8
    for statement in second.statements:
        for product, quantity in statement.positions.items():
            total[product] = total.get(product, 0.0) + quantity
    assert max(abs(quantity) for quantity in total.values()) < 1e-6


def test_the_secret_is_kept_for_its_owner(tmp_path):
    path = tmp_path / "market.secret"
    secret = load_or_create_secret(path)
    assert len(secret) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_secret(path) == secret


def test_a_secret_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "market.secret"
    load_or_create_secret(path)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_or_create_secret(path)
