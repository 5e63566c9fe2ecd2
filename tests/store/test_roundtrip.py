"""What goes in comes out, to the last bit and letter."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any
from uuid import uuid4

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fts.errors import InvalidInput
from fts.exchange import ForwardTerms, Market
from fts.models.curve import Constant, Curve

# What a bid may hold: up to 1e30 in size, weights and steps of a rate no smaller than 1e-30.
finite = st.floats(-1e30, 1e30)
coarse = finite.filter(lambda number: number == 0 or abs(number) >= 1e-30)
NOON = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}


@st.composite
def curves(draw) -> Curve | Constant:
    if draw(st.booleans()):
        low = draw(st.none() | st.floats(-1e30, 0).filter(lambda rate: rate == 0 or rate <= -1e-30))
        high = draw(st.none() | st.floats(0, 1e30).filter(lambda rate: rate == 0 or rate >= 1e-30))
        return Constant(draw(finite), low, high)
    rates = sorted([*draw(st.lists(coarse, max_size=4)), draw(st.sampled_from([0.0, -0.0]))])
    assume(all(a == b or b - a >= 1e-30 for a, b in pairwise(rates)))
    prices = sorted((draw(finite) for _ in rates), reverse=True)
    return Curve(zip(rates, prices, strict=True))


def bits(numbers) -> list[bytes]:
    return [struct.pack("<d", number) for number in numbers]


@settings(max_examples=20)
@given(st.lists(curves(), min_size=1, max_size=5), st.lists(coarse, min_size=1, max_size=5))
def test_numbers_come_back_to_the_last_bit(shapes, weights) -> None:
    with Market() as market:
        bidder = uuid4()
        noon = market.create_product(NOON).id
        demands = market.create_demands([({"name": "d"}, curve) for curve in shapes], bidder=bidder)
        portfolios = market.create_portfolios(
            [({"name": "p"}, {demands[0].id: weight}, {noon: weight}) for weight in weights], bidder=bidder
        )
        for demand, curve in zip(market.demands(bidder), shapes, strict=True):
            assert type(demand.curve) is type(curve)
            assert bits(demand.curve.rates) == bits(curve.rates)
            assert bits(demand.curve.prices) == bits(curve.prices)
            (row,) = market.history.curves(demand.id).results
            assert row.value == curve
        for portfolio, weight in zip(portfolios, weights, strict=True):
            found = market.portfolio(portfolio.id)
            assert bits(found.demand.values()) == bits(found.basis.values()) == bits([weight])
        auction = market.auction()
        if any(weights):
            d = auction.demand_ids.to_pylist().index(demands[0].id)
            points = slice(auction.point_offsets[d], auction.point_offsets[d + 1])
            assert bits(auction.point_rates[points]) == bits(shapes[0].rates)
            assert bits(auction.basis.data) == bits(weight for weight in weights if weight)


@settings(max_examples=30)
@given(st.text())
def test_names_come_back_to_the_last_letter(name) -> None:
    with Market() as market:
        made = market.create_demand({"name": name}, None, bidder=uuid4())
        assert market.demand(made.id).app_data == {"name": name}


def test_names_that_are_no_text_and_numbers_that_are_no_json_are_refused() -> None:
    class Numbers(ForwardTerms):
        demand_data: Any = dict[str, float | str]

    with Market(application=Numbers()) as market:
        for data in ({"name": "\ud800"}, {"size": float("nan")}, {"size": float("inf")}):
            try:
                market.create_demand(data, None, bidder=uuid4())
            except InvalidInput as error:
                assert "app_data of the demand" in str(error)
            else:
                raise AssertionError(f"{data!r} was accepted")
        made = market.create_demand({"name": "\x00 ' ; -- \u2603 \U0001f600", "size": 1e-300}, None, bidder=uuid4())
        assert market.demand(made.id) == made
