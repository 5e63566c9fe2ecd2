"""What may be bid, and what each record then shows."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from fts.errors import (
    AlreadyExists,
    InvalidCurve,
    InvalidInput,
    InvalidWeights,
    NotFound,
    UnknownReference,
)
from fts.exchange import ForwardTerms, Market
from fts.models.curve import Constant, Curve

LOAD = [(0, 60), (100, 20)]
MICRO = timedelta(microseconds=1)


def test_a_demand_from_its_first_curve_to_its_end(market, bidder, clock) -> None:
    start = clock.wait(hours=1)
    made = market.create_demand({"name": "load", "colour": "red"}, LOAD, bidder=bidder)
    assert made.to_json() == {
        "id": made.id,
        "valid_from": "2027-06-01T13:00:00Z",
        "valid_until": None,
        "bidder_id": str(bidder),
        "app_data": {"name": "load"},
        "curve_data": [{"rate": 0.0, "price": 60.0}, {"rate": 100.0, "price": 20.0}],
        "portfolios": None,
    }
    assert market.demand(made.id) == made == market.demand(UUID(made.id)) == market.demand(made.id.upper())
    assert market.demands(bidder) == [made]

    clock.wait(hours=1)
    changed = market.change_demand(made.id, {"price": 5, "min_rate": None, "max_rate": 0})
    assert changed.curve == Constant(5, None, 0)
    assert changed.valid_from == start + timedelta(hours=1)
    assert market.demand(made.id) == changed
    assert changed.to_json()["curve_data"] == {"price": 5.0, "min_rate": None, "max_rate": 0.0}

    clock.wait(hours=1)
    ended = market.delete_demand(made.id)
    assert (ended.curve, ended.valid_from) == (None, start + timedelta(hours=2))
    assert market.demand(made.id) == ended
    assert market.demands(bidder) == []
    clock.wait(hours=1)
    assert market.delete_demand(made.id) == ended

    revived = market.change_demand(made.id, LOAD)
    assert revived.valid_from == start + timedelta(hours=3)
    rows = market.history.curves(made.id).results
    assert [(row.valid_from, row.valid_until, row.value) for row in rows] == [
        (start + timedelta(hours=3), None, Curve(LOAD)),
        (start + timedelta(hours=1), start + timedelta(hours=2), Constant(5, None, 0)),
        (start, start + timedelta(hours=1), Curve(LOAD)),
    ]


def test_a_demand_without_a_curve_is_there_and_not_listed(market, bidder) -> None:
    made = market.create_demand({"name": "later"}, None, bidder=bidder)
    assert market.demand(made.id) == made
    assert made.to_json()["curve_data"] is None
    assert market.demands(bidder) == []
    assert market.history.curves(made.id).results == []


def test_a_portfolio_shows_its_last_change_and_so_do_its_demands(market, bidder, clock, noon, dusk) -> None:
    demand = market.create_demand({"name": "load"}, LOAD, bidder=bidder)
    other = market.create_demand({"name": "more"}, LOAD, bidder=bidder)
    start = clock.wait(hours=1)
    made = market.create_portfolio({"name": "load"}, demand.id, [noon, dusk], bidder=bidder)
    assert made.to_json() == {
        "id": made.id,
        "valid_from": "2027-06-01T13:00:00Z",
        "valid_until": None,
        "bidder_id": str(bidder),
        "app_data": {"name": "load"},
        "demand": {demand.id: 1.0},
        "basis": {noon: 1.0, dusk: 1.0},
    }
    assert market.portfolio(made.id) == made
    shown = market.demand(demand.id)
    assert (shown.valid_from, shown.portfolios) == (start, {made.id: 1.0})
    assert market.demands([bidder]) == [shown, other]
    assert market.bids.bidder_of_demand(demand.id) == market.bids.bidder_of_portfolio(made.id) == str(bidder)

    clock.wait(hours=1)
    changed = market.change_portfolio(made.id, demand={other.id: 0.5})
    assert (changed.demand, changed.basis, changed.valid_from) == ({other.id: 0.5}, made.basis, clock())
    assert market.portfolio(made.id) == changed
    # What a demand lost is a change of it too.
    assert market.demand(demand.id).valid_from == clock()
    assert market.demand(demand.id).portfolios == {}
    assert market.demand(other.id).portfolios == {made.id: 0.5}

    clock.wait(hours=1)
    revised = market.change_demand(other.id, [(0, 50), (100, 20)])
    assert (revised.valid_from, revised.portfolios) == (clock(), {made.id: 0.5})
    assert market.demand(other.id) == revised

    clock.wait(hours=1)
    assert market.change_portfolio(made.id) == changed
    assert market.change_portfolio(made.id, basis=None, demand=None) == changed
    emptied = market.change_portfolio(made.id, basis={})
    assert (emptied.basis, emptied.demand, emptied.valid_from) == ({}, {other.id: 0.5}, clock())
    assert market.portfolios(bidder) == [emptied]
    ended = market.delete_portfolio(made.id)
    assert market.portfolio(made.id) == ended
    assert ended.to_json()["demand"] is None and ended.to_json()["basis"] is None
    assert market.portfolios(bidder) == []
    assert [row.value for row in market.history.demand_weights(made.id).results] == [{other.id: 0.5}, {demand.id: 1.0}]
    assert [row.valid_until is None for row in market.history.basis(made.id).results] == [False]


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        ([(0, 1e200), (1, 0)], "the price of point 0 is 1e+200; it is at most 1e+30 in size"),
        ([(0, 5), (1e150, 0)], "the rate of point 1 is 1e+150; it is at most 1e+30 in size"),
        ([(0, 5), (1e-300, 0)], "the rates of points 0 and 1 are 1e-300 apart; they are equal, or differ by 1e-30"),
        (Constant(5, -1e31, None), "the rate of point 0 is -1e+31"),
    ],
)
def test_numbers_that_no_auction_can_hold_beside_others_are_refused(market, bidder, curve, said) -> None:
    with pytest.raises(InvalidCurve, match=re.escape(said)):
        market.create_demand({"name": "d"}, curve, bidder=bidder)
    assert market.demands(bidder) == []


@pytest.mark.parametrize("weight", [1e-300, -1e31])
def test_weights_that_no_auction_can_hold_beside_others_are_refused(market, bidder, noon, weight) -> None:
    demand = market.create_demand({"name": "d"}, LOAD, bidder=bidder)
    for weights in (({demand.id: weight}, noon), (demand.id, {noon: weight})):
        with pytest.raises(InvalidWeights, match="it is 0 or between 1e-30 and 1e\\+30 in size"):
            market.create_portfolio({"name": "p"}, *weights, bidder=bidder)
    assert market.portfolios(bidder) == []


@pytest.mark.parametrize("written", [lambda a: a, lambda a: [a, a], lambda a: {a: 1}, UUID, lambda a: {UUID(a): 1.0}])
def test_weights_in_every_written_form(market, bidder, noon, written) -> None:
    demand = market.create_demand({"name": "d"}, LOAD, bidder=bidder)
    portfolio = market.create_portfolio({"name": "p"}, written(demand.id), written(noon), bidder=bidder)
    assert (portfolio.demand, portfolio.basis) == ({demand.id: 1.0}, {noon: 1.0})


def test_unknown_and_foreign_demands_are_refused_in_the_same_words(market, bidder, noon) -> None:
    foreign = market.create_demand({"name": "theirs"}, LOAD, bidder=uuid4()).id
    mine = market.create_demand({"name": "mine"}, LOAD, bidder=bidder).id
    portfolio = market.create_portfolio({"name": "p"}, mine, noon, bidder=bidder)
    before = market.auction().to_json()
    texts = set()
    for name in (foreign, str(uuid4()), "load"):
        for attempt in (
            lambda name=name: market.create_portfolio({"name": "p"}, [mine, name], noon, bidder=bidder),
            lambda name=name: market.change_portfolio(portfolio.id, demand={name: 1}),
        ):
            with pytest.raises(UnknownReference) as refused:
                attempt()
            texts.add(str(refused.value).replace(name, "X"))
    assert len(texts) == 1
    assert market.portfolios(bidder) == [portfolio]
    assert market.auction().to_json() == before


@pytest.mark.parametrize("name", ["noon", "6f1b9c1e-6b0a-5d0e-9a53-0c7c4b1d2f11"])
def test_unknown_products_are_refused(market, bidder, noon, name) -> None:
    portfolio = market.create_portfolio({"name": "p"}, None, noon, bidder=bidder)
    with pytest.raises(UnknownReference, match=f"names '{name}', but no product"):
        market.create_portfolio({"name": "p"}, None, [noon, name], bidder=bidder)
    with pytest.raises(UnknownReference, match="no product"):
        market.change_portfolio(portfolio.id, basis=name)
    assert market.portfolios(bidder) == [portfolio]


def test_a_refused_bid_leaves_nothing(market, bidder, noon) -> None:
    for curve, rule in (
        ([(0, 1), (1, 2)], "never rise"),
        ([(1, 2), (2, 1)], "rate 0"),
        ([], "empty"),
        ([(0, float("nan"))], "finite"),
        ([(0, float("inf"))], "finite"),
        ({"min_rate": 1, "price": 3}, "rate 0"),
    ):
        with pytest.raises(InvalidCurve, match=rule):
            market.create_demand({"name": "d"}, curve, bidder=bidder)
        with pytest.raises(InvalidCurve, match=rule):
            market.create_demands([({"name": "d"}, LOAD), ({"name": "e"}, curve)], bidder=bidder)
    for data, place in (({}, "name"), ({"name": 5}, "name"), ("load", "app_data")):
        with pytest.raises(InvalidInput, match=place):
            market.create_demand(data, LOAD, bidder=bidder)
        with pytest.raises(InvalidInput, match=place):
            market.create_portfolio(data, None, noon, bidder=bidder)
    for weights in ({noon: float("nan")}, {noon: "2"}, 5, {noon: 1, noon.upper(): 2}):
        with pytest.raises(InvalidWeights):
            market.create_portfolio({"name": "p"}, None, weights, bidder=bidder)
    with pytest.raises(InvalidInput, match="'alice' is not the id of a bidder"):
        market.create_demand({"name": "d"}, LOAD, bidder="alice")
    assert market.demands(bidder) == market.portfolios(bidder) == []


def test_what_is_not_there(market) -> None:
    name = str(uuid4())
    for ask in (
        market.demand,
        market.portfolio,
        market.product,
        market.bids.bidder_of_demand,
        market.bids.bidder_of_portfolio,
        market.delete_demand,
        market.delete_portfolio,
        lambda demand: market.change_demand(demand, LOAD),
        market.history.curves,
        market.history.demand_weights,
        market.history.basis,
        market.history.portfolio_outcomes,
        market.history.product_outcomes,
    ):
        with pytest.raises(NotFound, match=name):
            ask(name)
        with pytest.raises(InvalidInput, match="not the id"):
            ask("nothing")
    assert market.demands([]) == []


def test_an_id_that_is_taken_is_refused(clock, bidder) -> None:
    class Same(ForwardTerms):
        def generate_demand_id(self, data):
            return UUID(int=len(data.name))

        generate_portfolio_id = generate_demand_id

    with Market(application=Same(clock)) as market:
        first = market.create_demand({"name": "a"}, LOAD, bidder=bidder)
        with pytest.raises(AlreadyExists, match=first.id):
            market.create_demand({"name": "b"}, None, bidder=uuid4())
        with pytest.raises(AlreadyExists, match="nothing was created"):
            market.create_demands([({"name": "cc"}, LOAD), ({"name": "dd"}, LOAD)], bidder=bidder)
        portfolio = market.create_portfolio({"name": "a"}, first.id, None, bidder=bidder)
        with pytest.raises(AlreadyExists, match=portfolio.id):
            market.create_portfolio({"name": "b"}, None, None, bidder=bidder)
        # A reference that is wrong is said first.
        with pytest.raises(UnknownReference):
            market.create_portfolio({"name": "b"}, UUID(int=9), None, bidder=bidder)
        assert market.demands(bidder) == [market.demand(first.id)]


def test_bids_of_a_batch_stand_in_the_order_given(market, bidder, noon) -> None:
    names = [f"bid {k}" for k in range(20)]
    demands = market.create_demands([({"name": name}, LOAD) for name in names], bidder=bidder)
    portfolios = market.create_portfolios(
        [({"name": name}, demand.id, noon) for name, demand in zip(names, demands, strict=True)], bidder=bidder
    )
    assert len({record.valid_from for record in demands}) == 1
    assert [record.app_data["name"] for record in demands] == names
    assert market.auction().portfolio_ids.to_pylist() == [record.id for record in portfolios]
    assert market.auction().demand_ids.to_pylist() == [record.id for record in demands]
