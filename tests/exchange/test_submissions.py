"""Auths and costs against a model of a few lines: whatever is done to them, the auction holds what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fts.errors import AlreadyExists, InvalidInput, NotFound, UnknownReference
from fts.exchange import Market
from fts.exchange.v0.rules import AuthChange, CostChange
from fts.models.curve import Constant, Curve
from fts.models.v0 import AuthData, CostData, own_demand
from fts.store.reader import DuckReader

CONSTANT, POINTS = Constant(5, -80, 0), Curve([(0, 60), (100, 20)])
DATA = {
    "points": AuthData(POINTS, None, 9.0),
    "constant": AuthData(CONSTANT),
    "rates": AuthData(Constant(0, -7, 0), -3.0, None, "rates"),
}
COSTS = [CostData(CONSTANT), CostData(POINTS, bare=True)]


@dataclass
class Model:
    """What a bidder has, and since when in which form."""

    auths: dict[str, AuthData | None] = field(default_factory=dict)
    portfolios: dict[str, dict[str, float]] = field(default_factory=dict)
    costs: dict[str, CostData | None] = field(default_factory=dict)
    groups: dict[str, dict[str, float]] = field(default_factory=dict)

    def give(self, auth: str, data: AuthData | None) -> bool:
        """Other data for an auth; False: refused."""
        before = self.auths[auth]
        if data is not None and data.form == "rates" and before is not None:
            if isinstance(before.curve, Curve):
                return False
            curve = Constant(before.curve.price, data.curve.min_rate, data.curve.max_rate)
            data = AuthData(curve, data.min_trade, data.max_trade, before.form)
        self.auths[auth] = data
        return True

    def traded(self) -> dict[str, dict[str, float]]:
        """The demands of every auth that trades."""
        found = {}
        for auth, data in self.auths.items():
            active = {cost: group[auth] for cost, group in self.groups.items() if self.costs[cost] and group.get(auth)}
            if data is not None and (active or data.form == "demand"):
                found[auth] = {own_demand(auth): 1.0, **active}
        return found


def holds(market: Market, model: Model, bidder: UUID) -> None:
    """The market says what the model says."""
    auction = market.auction()
    seen = {name: dict(portfolio.demand) for name, portfolio in auction.portfolios.items()}
    known = set(auction.demands)
    shown = {
        auth: {demand: weight for demand, weight in weights.items() if demand in known}
        for auth, weights in seen.items()
        if any(demand in known for demand in weights)
    }
    assert shown == {auth: weights for auth, weights in model.traded().items() if model.portfolios[auth]}
    for auth, data in model.auths.items():
        record = market.v0.auth(auth)
        assert record.data == data and record.portfolio == model.portfolios[auth], auth
    for cost, said in model.costs.items():
        found = market.v0.cost(cost)
        assert found.data == said and found.group == model.groups[cost]
    submission = market.v0.submission(bidder)
    assert {record.id for record in submission.auths} == {auth for auth, data in model.auths.items() if data}
    assert {record.id for record in submission.costs} == {cost for cost, data in model.costs.items() if data}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_done_the_auction_holds_what_they_say(data: st.DataObject) -> None:
    model, bidder = Model(), uuid4()
    with Market() as market:
        span = {"from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
        noon = market.create_product({"kind": 0, **span}).id
        for _ in range(data.draw(st.integers(3, 12))):
            what = data.draw(st.sampled_from(["auth", "cost", "data", "stop", "bid", "end", "submit"]))
            step(what, data, market, model, bidder, noon)
            holds(market, model, bidder)
        tiled(market)


def step(what: str, data: st.DataObject, market: Market, model: Model, bidder: UUID, noon: str) -> None:
    """One thing that a bidder does."""

    def one(names: Any) -> str:
        return str(data.draw(st.sampled_from(sorted(names))))

    said = DATA[one(DATA)]
    paid = data.draw(st.sampled_from(COSTS))
    group = {auth: float(data.draw(st.integers(0, 2))) for auth in model.auths}
    members = {auth: weight for auth, weight in group.items() if weight}
    if what == "auth":
        portfolio: dict[str, float] = data.draw(st.sampled_from([{}, {noon: 2.0}]))
        name = market.v0.create_auth(said, portfolio, bidder=bidder).id
        model.auths[name], model.portfolios[name] = said, portfolio
    elif what == "cost":
        name = market.v0.create_cost(paid, group, bidder=bidder).id
        model.costs[name], model.groups[name] = paid, members
    elif what == "data" and model.auths:
        name = one(model.auths)
        if model.give(name, said):
            market.v0.change_auth(name, said)
        else:
            with pytest.raises(InvalidInput, match="points"):
                market.v0.change_auth(name, said)
    elif what == "stop" and model.auths:
        name = one(model.auths)
        market.v0.change_auth(name, None)
        model.auths[name] = None
    elif what == "bid" and model.costs:
        name = one(model.costs)
        market.v0.change_cost(name, paid)
        model.costs[name] = paid
    elif what == "end" and model.costs:
        name = one(model.costs)
        market.v0.change_cost(name, None)
        model.costs[name] = None
    elif what == "submit":
        kept = [auth for auth in model.auths if data.draw(st.booleans())]
        new, cost = str(uuid4()), str(uuid4())
        market.v0.replace_submission(
            [*(AuthChange(auth, None) for auth in kept), AuthChange(new, said, {noon: 1.0})],
            [CostChange(cost, paid, {**group, new: 1.0})],
            bidder=bidder,
        )
        model.auths = {auth: value if auth in kept else None for auth, value in model.auths.items()}
        model.costs = dict.fromkeys(model.costs)
        model.auths[new], model.portfolios[new] = said, {noon: 1.0}
        model.costs[cost], model.groups[cost] = paid, {**members, new: 1.0}


def tiled(market: Market) -> None:
    """Rows of one thing do not overlap, and none is empty."""
    reader = market._context.store.read
    assert isinstance(reader, DuckReader)
    cursor = reader._cursor
    for table, key in (("curve", "demand"), ("auth_limit", "(portfolio, form = 'bare cost')")):
        overlaps = cursor.execute(
            f"SELECT count(*) FROM (SELECT valid_from, valid_until, lead(valid_from) OVER (PARTITION BY {key} ORDER BY "
            f"valid_from) AS next FROM {table}) WHERE valid_until <= valid_from OR (next IS NOT NULL AND "
            "(valid_until IS NULL OR valid_until > next))"
        ).fetchall()
        assert overlaps == [(0,)], table
    for table in ("portfolio_demand", "portfolio_product"):
        assert cursor.execute(f"SELECT count(*) FROM {table} WHERE valid_until <= valid_from").fetchall() == [(0,)]


def test_a_submission_that_is_refused_changes_nothing(market: Market, bidder: UUID, noon: str) -> None:
    auth = market.v0.create_auth(DATA["points"], noon, bidder=bidder)
    foreign = market.v0.create_auth(DATA["points"], noon, bidder=uuid4())
    new = AuthChange(str(uuid4()), DATA["rates"], {noon: 1.0})
    refused: list[tuple[type[Exception], list[AuthChange], list[CostChange]]] = [
        (NotFound, [new, AuthChange(foreign.id, None)], []),
        (NotFound, [new, AuthChange(foreign.id, DATA["points"])], []),
        (NotFound, [new], [CostChange(auth.id, COSTS[0])]),
        (AlreadyExists, [new, AuthChange(foreign.id, DATA["points"], {})], []),
        (UnknownReference, [new], [CostChange(str(uuid4()), COSTS[0], {foreign.id: 1.0})]),
        (UnknownReference, [AuthChange(str(uuid4()), DATA["points"], {foreign.id: 1.0})], []),
        (InvalidInput, [new, AuthChange(auth.id, DATA["rates"])], []),
        (InvalidInput, [new, new], []),
    ]
    for error, auths, costs in refused:
        with pytest.raises(error):
            market.v0.replace_submission(auths, costs, bidder=bidder)
        assert market.v0.submission(bidder).auths == [auth]


def test_it_is_there_when_the_file_is_opened_again(tmp_path: Any) -> None:
    bidder = uuid4()
    with Market(tmp_path / "market.db") as market:
        noon = market.create_product({"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}).id
        auth = market.v0.create_auth(DATA["rates"], {noon: 2}, bidder=bidder)
        cost = market.v0.create_cost(COSTS[1], {auth.id: 3}, bidder=bidder)
        stopped = market.v0.change_auth(auth.id, None)
    with Market(tmp_path / "market.db") as market:
        assert market.v0.auth(auth.id) == stopped and market.v0.cost(cost.id) == cost
        again = market.v0.change_auth(auth.id, DATA["rates"])
        assert again.portfolio == {noon: 2} and again.weights == {own_demand(auth.id): 1, cost.id: 3}
