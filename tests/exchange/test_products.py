"""Products: what they are called, when they are delivered, and how they are found."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from fts.errors import AlreadyExists, InvalidInput
from fts.exchange import ForwardTerms, Market
from fts.exchange.ids import time_ordered
from fts.exchange.products import ProductPage

JUNE = {"kind": 0, "from": "2027-06-01T00:00:00Z", "thru": "2027-07-01T00:00:00Z"}
JULY = {"kind": 0, "from": "2027-07-01T02:00:00+02:00", "thru": "2027-08-01T00:00:00Z"}


def test_a_product_is_its_own_parent_and_basis(market) -> None:
    made = market.create_product({**JULY, "note": "dropped"})
    assert made.to_json() == {
        "id": made.id,
        "app_data": {"kind": 0, "from": "2027-07-01T00:00:00Z", "thru": "2027-08-01T00:00:00Z"},
        "parent": [made.id, 1.0],
        "basis": {made.id: 1.0},
    }
    assert market.product(made.id) == made


def test_the_same_product_again_is_refused_however_it_is_written(market) -> None:
    first = market.create_product(JULY)
    with pytest.raises(AlreadyExists, match=first.id):
        market.create_product({**JULY, "from": "2027-07-01T00:00:00.000Z"})
    with pytest.raises(AlreadyExists, match="nothing was created"):
        market.create_products([JUNE, JULY])
    assert market.products() == ProductPage([first])
    market.create_product({**JULY, "kind": "0"})
    with pytest.raises(AlreadyExists):
        market.create_product(JUNE, product=first.id)
    chosen = uuid4()
    assert market.create_product(JUNE, product=chosen).id == str(chosen)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"kind": 2}, "kind"),
        ({"kind": True}, "kind"),
        ({"kind": 0.0}, "kind"),
        ({"kind": None}, "kind"),
        ({"from": "2027-07-01T00:00:00"}, "from: .*offset"),
        ({"from": 5}, "from"),
        ({"thru": ""}, "thru"),
        ({"thru": "2027-06-01T00:00:00Z"}, "from < thru"),
    ],
)
def test_what_a_product_must_say(market, change, place) -> None:
    with pytest.raises(InvalidInput, match=place):
        market.create_product({**JUNE, **change})
    for key in JUNE:
        with pytest.raises(InvalidInput, match=key):
            market.create_product({k: v for k, v in JUNE.items() if k != key})
    assert market.products() == ProductPage([])


def test_products_are_found_by_kind_and_delivery_page_by_page(clock) -> None:
    days = [f"2027-06-{day:02}T00:00:00Z" for day in range(1, 9)]
    with Market(application=ForwardTerms(clock), page_limit=3) as market:
        made = {}
        for kind in ("peak", 0):
            for day in reversed(range(7)):
                data = {"kind": kind, "from": days[day], "thru": days[day + 1]}
                made[day, kind] = market.create_product(data)
        walked, cursor, pages = [], None, 0
        while pages == 0 or cursor is not None:
            page = market.products(cursor=cursor)
            cursor = None if page.more is None else page.more["cursor"]
            assert 1 <= len(page.results) <= 3
            walked += page.results
            pages += 1
        assert walked == [made[day, kind] for day in range(7) for kind in (0, "peak")]
        assert pages == 5
        found = market.products(kind="peak", from_=days[2], thru=datetime(2027, 6, 5, tzinfo=UTC))
        assert found == ProductPage([made[2, "peak"], made[3, "peak"]])
        assert market.products(kind="off-peak") == ProductPage([])
        assert market.products(kind="0") == market.products(kind=0)
        assert market.products(kind="0").results[0] == made[0, 0]
        with pytest.raises(InvalidInput, match="no cursor"):
            market.products(cursor=str(uuid4()))


def test_another_application_has_other_data(clock, bidder) -> None:
    class Plain(ForwardTerms):
        demand_data = UUID
        portfolio_data = str
        product_data = str

        def generate_product_id(self, data):
            return UUID(int=sum(data.encode()))

    with Market(application=Plain(clock)) as market:
        product = market.create_product("noon")
        assert product.to_json()["app_data"] == "noon"
        with pytest.raises(AlreadyExists):
            market.create_product("noon")
        name = uuid4()
        demand = market.create_demand(str(name), [(0, 60), (100, 20)], bidder=bidder)
        assert market.demand(demand.id).app_data == str(name)
        assert market.create_portfolio("", demand.id, product.id, bidder=bidder).app_data == ""
        with pytest.raises(InvalidInput, match="app_data of the demand"):
            market.create_demand("noon", None, bidder=bidder)
        assert market.products() == ProductPage([product])
        assert list(market.prices().columns) == ["price", "rate", "price_low", "price_high"]


def test_ids_of_bids_sort_by_time() -> None:
    instants = [datetime(2027, 6, 1, 12, 0, 0, micros, tzinfo=UTC) for micros in (0, 1, 999, 1000, 250000)]
    names = [time_ordered(instant, 2**62 - 1 - k) for k, instant in enumerate(instants)]
    assert names == sorted(names)
    assert {name.version for name in names} == {7}
    assert {name.variant for name in names} == {"specified in RFC 4122"}
    assert int(names[0].hex[:12], 16) == 1811851200000


def test_a_seed_gives_the_same_ids_twice(clock) -> None:
    first, second = (ForwardTerms(clock, seed=5) for _ in range(2))
    ids = [terms.generate_demand_id(None) for terms in (first, second)]
    assert ids[0] == ids[1] != first.generate_demand_id(None)
    assert ForwardTerms(clock).generate_demand_id(None) != ForwardTerms(clock).generate_demand_id(None)
