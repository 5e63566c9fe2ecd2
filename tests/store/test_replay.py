"""The auction of any instant equals a plain replay of the changes, kept in dictionaries."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fts.exchange import ForwardTerms, Market
from fts.models.auction import Auction

MICRO = timedelta(microseconds=1)


class Replay:
    """What the market should hold: curves and portfolios by id, in order of creation."""

    def __init__(self) -> None:
        self.curves: dict[str, Any] = {}
        self.portfolios: dict[str, dict[str, Any]] = {}

    def auction(self) -> dict[str, Any]:
        both = {name: group for name, group in self.portfolios.items() if group["demand"] and group["basis"]}
        return Auction({k: curve for k, curve in self.curves.items() if curve}, both).to_json()


def random_curve(rng: random.Random) -> Any:
    if rng.random() < 0.3:
        low, high = rng.choice([None, -rng.random()]), rng.choice([None, rng.random()])
        return {"price": rng.uniform(-9, 9), "min_rate": low, "max_rate": high}
    rates = sorted(rng.uniform(-5, 5) for _ in range(rng.randint(1, 4)))
    prices = sorted((rng.uniform(-50, 50) for _ in range(len(rates) + 2)), reverse=True)
    return list(zip([min(rates[0], 0), *rates, max(rates[-1], 0)], prices, strict=True))


def random_weights(rng: random.Random, names: list[str]) -> dict[str, float]:
    return {
        name: rng.choice([1.0, -2.5, 0.0, rng.random()])
        for name in rng.sample(names, rng.randint(0, min(3, len(names))))
    }


def change(market: Market, replay: Replay, rng: random.Random, bidder: Any, products: list[str]) -> datetime | None:
    """Make one random change of both; its instant, or None where it changed nothing."""
    demands, portfolios = list(replay.curves), list(replay.portfolios)
    kind = rng.choice(["demand", "portfolio", "curve", "curve", "weights", "weights", "end demand", "end portfolio"])
    if kind == "demand" or not demands:
        curve = rng.choice([None, random_curve(rng), random_curve(rng)])
        record = market.create_demand({"name": "d"}, curve, bidder=bidder)
        replay.curves[record.id] = curve
        return record.valid_from
    if kind == "portfolio" or not portfolios:
        demand, basis = random_weights(rng, demands), random_weights(rng, products)
        made = market.create_portfolio({"name": "p"}, demand, basis, bidder=bidder)
        replay.portfolios[made.id] = {"demand": demand, "basis": basis}
        return made.valid_from
    if kind in ("curve", "end demand"):
        name = rng.choice(demands)
        curve = None if kind == "end demand" else random_curve(rng)
        if curve is None and replay.curves[name] is None:
            return None
        replay.curves[name] = curve
        return market.change_demand(name, curve).valid_from
    name = rng.choice(portfolios)
    wanted: dict[str, dict[str, float]] = {"demand": {}, "basis": {}}
    if kind == "weights":
        which = rng.choice(["demand", "basis"])
        wanted = {which: random_weights(rng, demands if which == "demand" else products)}
    # Emptying what is empty changes nothing.
    same = not any(wanted.values()) and not any(replay.portfolios[name][which] for which in wanted)
    replay.portfolios[name].update(wanted)
    changed = market.change_portfolio(name, **wanted) if kind == "weights" else market.delete_portfolio(name)
    return None if same else changed.valid_from


@pytest.mark.parametrize("seed", range(2))
def test_the_auction_of_every_instant_equals_a_plain_replay(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    path = tmp_path / "market.db"
    replay, bidder = Replay(), uuid4()
    expected: list[tuple[datetime, dict[str, Any]]] = []
    with Market(path, application=ForwardTerms(seed=seed)) as market:
        start = market.auction()
        assert len(start.portfolio_ids) == 0
        products = [
            record.id
            for record in market.create_products(
                [{"kind": f"k{k}", "from": "2027-01-01T00:00:00Z", "thru": "2027-01-02T00:00:00Z"} for k in range(4)]
            )
        ]
        while len(expected) < 200:
            instant = change(market, replay, rng, bidder, products)
            if instant is not None:
                expected.append((instant, replay.auction()))
        now = market.auction().to_json()
        assert now == expected[-1][1]

    with Market(path) as market:
        previous: dict[str, Any] = {"demand_curves": {}, "portfolios": {}}
        for k, (instant, auction) in enumerate(expected):
            if k % 5 == 0:
                assert market.auction(as_of=instant - MICRO).to_json() == previous
            found = market.auction(as_of=instant).to_json()
            assert found == auction
            assert list(found["portfolios"]) == list(auction["portfolios"])
            previous = auction


def test_the_replay_itself_is_not_trivial() -> None:
    rng, replay, bidder = random.Random(0), Replay(), uuid4()
    with Market() as market:
        products = [
            market.create_product({"kind": 0, "from": "2027-01-01T00:00:00Z", "thru": "2027-01-02T00:00:00Z"}).id
        ]
        for _ in range(200):
            change(market, replay, rng, bidder, products)
        auction = market.auction()
    assert len(auction.portfolio_ids) > 5
    assert len(auction.demand_ids) > 5
    assert auction.constant.any() and not auction.constant.all()
