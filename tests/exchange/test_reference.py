"""A batch stays near to the last prices where several would clear, and a replay gives what was stored."""

from __future__ import annotations

import numpy as np
import pytest

from fts import Constant
from fts.exchange import ForwardTerms, Market


def cross(market, bidder, product: str, buyer: float, seller: float) -> tuple[str, str]:
    """A buyer and a seller of exactly as much: any price between theirs clears."""
    names = []
    for curve in (Constant(buyer, 0, 10), Constant(seller, -10, 0)):
        demand = market.create_demand({"name": "d"}, curve, bidder=bidder)
        market.create_portfolio({"name": "p"}, demand.id, product, bidder=bidder)
        names.append(demand.id)
    return names[0], names[1]


def test_an_open_price_stays_where_it_was(market, clock, bidder, noon) -> None:
    buyer, seller = cross(market, bidder, noon, 60, 20)
    first = market.run_batch()
    # Without an earlier price, in the middle of what was bid.
    assert market.prices().loc[noon, "price"] == pytest.approx(40)
    clock.wait(seconds=10)
    market.change_demand(buyer, Constant(90, 0, 10))
    market.run_batch()
    assert market.prices().loc[noon, "price"] == pytest.approx(40)
    clock.wait(seconds=10)
    market.change_demand(seller, Constant(50, -10, 0))
    market.run_batch()
    assert market.prices().loc[noon, "price"] == pytest.approx(50)
    clock.wait(seconds=10)
    market.change_demand(seller, Constant(10, -10, 0))
    last = market.run_batch()
    prices = market.prices().loc[noon]
    assert prices["price"] == pytest.approx(50) and prices["price_low"] == 10 and prices["price_high"] == 90
    for batch, price in ((first, 40), (last, 50)):
        assert market.replay(batch.instant).prices == pytest.approx([price])


def test_a_market_opened_again_goes_on_from_the_last_prices(tmp_path, clock, bidder) -> None:
    product = {"kind": 0, "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"}
    terms = ForwardTerms(now=clock)
    with Market(tmp_path / "market.duckdb", application=terms) as market:
        noon = market.create_product(product).id
        buyer, _ = cross(market, bidder, noon, 60, 20)
        market.run_batch()
        market.change_demand(buyer, Constant(90, 0, 10))
    clock.wait(seconds=10)
    with Market(tmp_path / "market.duckdb", application=terms) as market:
        batch = market.run_batch()
        assert market.prices().loc[noon, "price"] == pytest.approx(40)
        stored = market.batch_prices(batch.instant)
        assert market.replay(batch.instant).prices[0] == pytest.approx(stored[0]["price"], rel=1e-9)


def test_every_batch_of_a_changing_market_replays(market, clock, bidder) -> None:
    choose = np.random.default_rng(1)
    hours = [
        {"kind": 0, "from": f"2027-07-01T{h:02}:00:00Z", "thru": f"2027-07-01T{h + 1:02}:00:00Z"} for h in range(5)
    ]
    products = [record.id for record in market.create_products(hours)]
    demands = []
    for product in products * 4:
        low, high = sorted(choose.integers(0, 4, 2) * 10.0)
        # Flat curves at few prices: ties in rates and prices at once.
        curve = Constant(float(choose.integers(1, 5) * 10), -low, high)
        demands.append(market.create_demand({"name": "d"}, curve, bidder=bidder).id)
        other = products[int(choose.integers(0, 5))]
        market.create_portfolio({"name": "p"}, demands[-1], {product: 1.0, other: -0.5}, bidder=bidder)
    batches = []
    for _ in range(12):
        clock.wait(seconds=1)
        for demand in choose.choice(demands, 3, replace=False):
            low, high = sorted(choose.integers(0, 4, 2) * 10.0)
            market.change_demand(str(demand), Constant(float(choose.integers(1, 5) * 10), -low, high))
        batches.append(market.run_batch())
    for batch in batches:
        again, stored = market.replay(batch.instant), market.batch_prices(batch.instant)
        prices = dict(zip(again.auction.product_ids.to_pylist(), again.prices, strict=True))
        for row in stored:
            if row["price"] is not None:
                assert prices[row["product"]] == pytest.approx(row["price"], rel=1e-9, abs=1e-9)
