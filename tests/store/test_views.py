"""The file can be read without the exchange: stable views, and products that were split."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import duckdb
import numpy as np
import pytest

from fts.exchange import ForwardTerms, Market
from fts.models.certificate import Certificate
from fts.models.outcome import Outcome

NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)
BUYER, SELLER = UUID(int=1), UUID(int=2)


def five_at_ten(auction) -> Outcome:
    """The first portfolio buys 5, the second sells 5; everything costs 10."""
    return Outcome(
        auction,
        prices=np.full(len(auction.product_ids), 10.0),
        rates=[5.0, -5.0],
        demand_prices=np.zeros(len(auction.demand_ids)),
        certificate=Certificate("other rule", 0, 0, 0, 0, 0, 0, 0),
        solver="by hand",
    )


class Clock:
    time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def filled(tmp_path: Path, clock: Clock):
    path = tmp_path / "market.db"
    with Market(path, application=ForwardTerms(clock), clearing=five_at_ten) as market:
        june = market.create_product({"kind": 0, "from": "2027-06-01T00:00:00Z", "thru": "2027-07-01T00:00:00Z"}).id
        for name, bidder in (("buy", BUYER), ("sell", SELLER)):
            demand = market.create_demand({"name": name}, [(-9, 9), (9, -9)], bidder=bidder)
            market.create_portfolio({"name": name}, demand.id, {june: 2.0}, bidder=bidder)
        market.run_batch()
        clock.time += timedelta(hours=3)
        market.run_batch()
    return path, june


def test_views_of_what_holds_now(filled) -> None:
    path, june = filled
    with duckdb.connect(str(path), read_only=True) as connection:
        curves = connection.execute("SELECT bidder, rates, prices, constant FROM curves_now ORDER BY bidder").fetchall()
        assert curves == [(bidder, [-9.0, 9.0], [9.0, -9.0], False) for bidder in (BUYER, SELLER)]
        portfolios = connection.execute("SELECT bidder, demand, basis FROM portfolios_now ORDER BY bidder").fetchall()
        assert [basis for _, _, basis in portfolios] == [{UUID(june): 2.0}] * 2
        assert all(list(demand.values()) == [1.0] for _, demand, _ in portfolios)


def test_views_of_prices_fills_and_positions(filled) -> None:
    path, june = filled
    with duckdb.connect(str(path), read_only=True) as connection:
        prices = connection.execute("SELECT product, price, rate FROM prices ORDER BY valid_from").fetchall()
        assert prices == [(UUID(june), 10.0, 10.0)] * 2
        fills = connection.execute(
            "SELECT bidder, price, rate, quantity FROM fills_at(TIMESTAMP '2027-06-01 17:00:00') "
            "ORDER BY bidder, valid_from"
        ).fetchall()
        assert [tuple(fill[:3]) for fill in fills] == [(BUYER, 20.0, 5.0)] * 2 + [(SELLER, 20.0, -5.0)] * 2
        assert [fill[3] for fill in fills] == pytest.approx([15, 10, -15, -10])
        held = connection.execute("SELECT * FROM positions_at(TIMESTAMP '2027-06-01 17:00:00') ORDER BY 1").fetchall()
        # 5 per hour of 2 units each, 5 hours, at 10.
        assert held[0][:2] == (BUYER, UUID(june)) and held[0][2:] == pytest.approx((50, 500))
        assert held[1][:2] == (SELLER, UUID(june)) and held[1][2:] == pytest.approx((-50, -500))
        # All of it lies in the future of the machine's clock or in its past; the views run either way.
        for view in ("fills", "positions"):
            connection.execute(f"SELECT * FROM {view}").fetchall()


def test_a_split_product_is_read_in_its_leaves_from_that_instant_on(filled, clock: Clock) -> None:
    """June is split into two fortnights, 0.5 of each in one June, by hand: the store reads it right already."""
    path, june = filled
    first, second = sorted(str(uuid4()) for _ in range(2))
    split = NOON + timedelta(hours=4)
    clock.time = NOON + timedelta(hours=5)
    with duckdb.connect(str(path)) as connection:
        at = split.replace(tzinfo=None)
        for child in (first, second):
            connection.execute("INSERT INTO product VALUES ($1, $2, '{}', $3, 0.5)", [child, at, june])
            connection.execute("INSERT INTO product_expansion VALUES ($1, $1, 1, 0, $2, NULL)", [child, at])
            connection.execute("INSERT INTO product_expansion VALUES ($1, $2, 0.5, 1, $3, NULL)", [june, child, at])
        connection.execute(
            "UPDATE product_expansion SET valid_until = $2 WHERE ancestor = $1 AND leaf = $1", [june, at]
        )
    with Market(path, application=ForwardTerms(clock), clearing=five_at_ten) as market:
        assert market.product(june).basis == {first: 0.5, second: 0.5}
        assert market.product(first).parent == (june, 0.5)
        before = market.auction(as_of=split - timedelta(microseconds=1))
        after = market.auction(as_of=split)
        assert before.product_ids.to_pylist() == [june]
        assert after.product_ids.to_pylist() == [first, second]
        assert before.basis.toarray().tolist() == [[2.0, 2.0]]
        assert after.basis.toarray().tolist() == [[1.0, 1.0], [1.0, 1.0]]
        # The portfolio itself is not rewritten; five hours of it were 50 of June.
        (portfolio,) = market.portfolios(BUYER)
        assert portfolio.basis == {june: 2.0}
        held = market.positions(BUYER)
        assert held["quantity"].to_dict() == pytest.approx({first: 25, second: 25}, rel=1e-6)
        assert held["cost"].sum() == pytest.approx(500, rel=1e-6)
        # A portfolio in June and in one of its fortnights holds that fortnight twice over.
        market.change_portfolio(portfolio.id, basis={june: 2.0, first: 0.25})
        assert market.auction().basis.toarray()[:, 0].tolist() == [1.25, 1.0]
        market.run_batch()
        clock.time += timedelta(hours=1)
        held = market.positions(BUYER)
        assert held["quantity"].to_dict() == pytest.approx({first: 25 + 6.25, second: 25 + 5}, rel=1e-6)
