"""What every route does when all is well."""

from __future__ import annotations

import doctest
import importlib
from datetime import datetime
from uuid import UUID

import pytest

from tests.server.conftest import LOAD, WIND, Exchange

DATA = {"kind": 0, "from": "2028-06-01T12:00:00+02:00", "thru": "2028-06-01T13:00:00+02:00"}


def test_health_and_market_need_no_token(exchange: Exchange) -> None:
    assert exchange.ask("GET", "/health").json() == {"status": "ok"}
    market = exchange.ask("GET", "/market").json()
    assert (market["time_unit"], market["quantity_unit"], market["money_unit"]) == ("1h", "MWh", "EUR")
    assert market["schedule"] is None


def test_a_product_is_made_once(exchange: Exchange) -> None:
    made = exchange.ask("POST", "/product", exchange.admin, json={**DATA, "colour": "blue"})
    record = made.json()
    # Unknown keys are dropped, instants are UTC; a root is its own parent, a leaf its own basis.
    assert record["app_data"] == {"kind": 0, "from": "2028-06-01T10:00:00Z", "thru": "2028-06-01T11:00:00Z"}
    assert record["parent"] == [record["id"], 1] and record["basis"] == {record["id"]: 1}
    assert made.status_code == 201
    assert exchange.ask("GET", f"/product/{record['id']}", exchange.bob).json() == record
    assert exchange.ask("GET", f"/product/{record['id'].upper()}", exchange.bob).json() == record
    again = exchange.ask("POST", "/product", exchange.admin, json=DATA)
    assert again.status_code == 409
    assert exchange.ask("POST", "/product", exchange.admin, json={**DATA, "kind": 1}).status_code == 201
    options = exchange.ask("GET", "/product?kind=1", exchange.bob).json()["results"]
    assert [option["app_data"]["kind"] for option in options] == [1]


def test_the_example_of_local_runs() -> None:
    done = doctest.testmod(importlib.import_module("fts.server.local_exchange"))
    assert done.attempted == 2 and done.failed == 0


def test_products_are_listed_page_by_page(exchange: Exchange) -> None:
    kind = "listed & +%"
    made = []
    for hour in (5, 3, 4, 1, 2, 0, 6):
        data = {"kind": kind, "from": f"2029-01-01T{hour:02}:00:00Z", "thru": f"2029-01-01T{hour + 1:02}:00:00Z"}
        made.append((hour, exchange.ask("POST", "/product", exchange.admin, json=data).json()["id"]))
    seen, query = [], {"kind": kind}
    sizes = []
    while True:
        page = exchange.ask("GET", "/product", exchange.alice, params=query).json()
        sizes.append(len(page["results"]))
        seen += [record["id"] for record in page["results"]]
        if "more" not in page:
            break
        query = {"kind": kind, **page["more"]}
    assert seen == [name for _, name in sorted(made)]
    assert sizes == [3, 3, 1]
    some = exchange.ask(
        "GET",
        "/product",
        exchange.alice,
        params={"kind": kind, "from": "2029-01-01T03:00:00+01:00", "thru": "2029-01-01T04:00:00Z"},
    ).json()
    assert [record["app_data"]["from"][11:13] for record in some["results"]] == ["02", "03"]


@pytest.mark.parametrize(
    "given, shown",
    [
        (LOAD, [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]),
        (WIND, {"price": 5, "min_rate": -80, "max_rate": 0}),
        ({"price": 5}, {"price": 5, "min_rate": None, "max_rate": None}),
        ({"price": 5, "min_rate": None, "colour": 1}, {"price": 5, "min_rate": None, "max_rate": None}),
        ([{"rate": 0, "price": 1e-300}], [{"rate": 0, "price": 1e-300}]),
        (None, None),
    ],
)
def test_a_demand_shows_what_was_written(exchange: Exchange, given: object, shown: object) -> None:
    body = {"app_data": {"name": "ünïcode \u0000 ☃"}, "curve_data": given}
    reply = exchange.ask("POST", "/demand", exchange.alice, json=body)
    record = reply.json()
    assert reply.status_code == 201
    assert record["curve_data"] == shown and record["app_data"] == body["app_data"]
    assert record["valid_until"] is None and record["portfolios"] is None
    assert exchange.ask("GET", f"/demand/{record['id']}", exchange.alice).json() == record
    listed = [entry["id"] for entry in exchange.ask("GET", "/demand", exchange.alice).json()]
    assert (record["id"] in listed) == (shown is not None)
    assert record["id"] not in [entry["id"] for entry in exchange.ask("GET", "/demand", exchange.bob).json()]


def test_a_demand_changes_and_ends(exchange: Exchange) -> None:
    name = exchange.demand(LOAD)
    before = exchange.ask("GET", f"/demand/{name}", exchange.alice).json()
    changed = exchange.ask("PUT", f"/demand/{name}", exchange.alice, json=WIND).json()
    assert changed["curve_data"] == WIND
    assert datetime.fromisoformat(changed["valid_from"]) > datetime.fromisoformat(before["valid_from"])
    asleep = exchange.ask("PUT", f"/demand/{name}", exchange.alice, content="null", headers=JSON)
    assert asleep.status_code == 200 and asleep.json()["curve_data"] is None
    exchange.ask("PUT", f"/demand/{name}", exchange.alice, json=LOAD)
    ended = exchange.ask("DELETE", f"/demand/{name}", exchange.alice)
    assert ended.status_code == 200 and ended.json()["curve_data"] is None
    assert exchange.ask("GET", f"/demand/{name}", exchange.alice).json() == ended.json()
    assert name not in [record["id"] for record in exchange.ask("GET", "/demand", exchange.alice).json()]


JSON = {"Content-Type": "application/json; charset=utf-8"}


def test_weights_have_three_written_forms(exchange: Exchange) -> None:
    noon, dusk = exchange.product(), exchange.product()
    demand = exchange.demand(LOAD)
    forms = [
        (demand, noon, {demand: 1}, {noon: 1}),
        ([demand, demand], [noon, dusk], {demand: 1}, {noon: 1, dusk: 1}),
        ({demand.upper(): 2}, {noon: 0.5, dusk: -0.9}, {demand: 2}, {noon: 0.5, dusk: -0.9}),
        (None, None, None, None),
        ({}, [], None, None),
    ]
    for given_demand, given_basis, demands, basis in forms:
        body = {"app_data": {"name": "p"}, "demand": given_demand, "basis": given_basis}
        reply = exchange.ask("POST", "/portfolio", exchange.alice, json=body)
        record = reply.json()
        assert reply.status_code == 201
        assert (record["demand"], record["basis"]) == (demands, basis)
        listed = [entry["id"] for entry in exchange.ask("GET", "/portfolio", exchange.alice).json()]
        assert (record["id"] in listed) == (basis is not None)
    shown = exchange.ask("GET", f"/demand/{demand}", exchange.alice).json()
    assert sorted(shown["portfolios"].values()) == [1, 1, 2]


def test_a_portfolio_changes_group_by_group(exchange: Exchange) -> None:
    noon, dusk = exchange.product(), exchange.product()
    demand = exchange.demand(LOAD)
    name = exchange.portfolio(demand, noon)

    def change(body: object) -> tuple[object, object, str]:
        reply = exchange.ask("PATCH", f"/portfolio/{name}", exchange.alice, json=body)
        assert reply.status_code == 200, reply.text
        record = reply.json()
        assert exchange.ask("GET", f"/portfolio/{name}", exchange.alice).json() == record
        return record["demand"], record["basis"], record["valid_from"]

    first = change({})
    assert first[:2] == ({demand: 1}, {noon: 1})
    assert change({"demand": None, "basis": None}) == first
    assert change({"basis": dusk})[:2] == ({demand: 1}, {dusk: 1})
    assert change({"demand": []})[:2] == (None, {dusk: 1})
    assert change({"demand": {demand: 3}, "basis": {}})[:2] == ({demand: 3}, None)
    ended = exchange.ask("DELETE", f"/portfolio/{name}", exchange.alice)
    assert ended.status_code == 200
    assert (ended.json()["demand"], ended.json()["basis"]) == (None, None)


def test_a_batch_clears_and_is_remembered(exchange: Exchange) -> None:
    product, load, wind = exchange.cross()
    instant = exchange.batch()
    assert datetime.fromisoformat(instant).tzinfo is not None and instant.endswith("Z")
    # The load's curve is 60 - 0.4·rate; wind sells all its 80.
    (row,) = exchange.ask("GET", f"/product/{product}/outcomes", exchange.bob).json()["results"]
    assert row["valid_from"] == instant and row["valid_until"] is None
    assert row["value"] == {"price": pytest.approx(28), "rate": pytest.approx(80)}
    prices = exchange.ask("GET", f"/batch/{instant}/prices", exchange.bob).json()
    (price,) = (entry for entry in prices if entry["product"] == product)
    assert (price["price"], price["rate"]) == (pytest.approx(28), pytest.approx(80))
    (bought,) = exchange.ask("GET", f"/portfolio/{load}/outcomes", exchange.alice).json()["results"]
    (sold,) = exchange.ask("GET", f"/portfolio/{wind}/outcomes", exchange.bob).json()["results"]
    assert bought["value"] == {"price": pytest.approx(28), "rate": pytest.approx(80)}
    assert sold["value"] == {"price": pytest.approx(28), "rate": pytest.approx(-80)}
    record = exchange.ask("GET", f"/batch/{instant}", exchange.bob).json()
    assert record["status"] in ("solved", "exact") and record["certificate"]["gap"] <= record["certificate"]["tol"]
    assert exchange.ask("GET", "/batch", exchange.bob).json()["results"][0] == record
    auction = exchange.ask("GET", f"/batch/{instant}/auction", exchange.admin).json()
    assert auction["portfolios"][load]["basis"] == {product: 1}
    assert auction["demand_curves"][next(iter(auction["portfolios"][wind]["demand"]))] == WIND


def test_pages_visit_every_row_once(exchange: Exchange) -> None:
    product, _, _ = exchange.cross()
    instants = [exchange.batch() for _ in range(7)]
    for path, key in ((f"/product/{product}/outcomes", "valid_from"), ("/batch", "instant")):
        walked: list[str] = []
        query = {"after": instants[0]}
        while True:
            page = exchange.ask("GET", path, exchange.alice, params=query).json()
            walked += [row[key] for row in page["results"]]
            if "more" not in page:
                break
            assert len(page["results"]) == 3
            query = page["more"]
        assert walked == instants[::-1]
        # before is exclusive, after inclusive.
        span = {"before": instants[3], "after": instants[1]}
        some = exchange.ask("GET", path, exchange.alice, params=span).json()["results"]
        assert [row[key] for row in some] == [instants[2], instants[1]]


def test_an_unpriced_product_is_null(exchange: Exchange) -> None:
    product = exchange.product()
    # This demand can never trade, so nobody prices the product.
    exchange.portfolio(exchange.demand([{"rate": 0, "price": 5}]), product)
    instant = exchange.batch()
    prices = exchange.ask("GET", f"/batch/{instant}/prices", exchange.bob).json()
    assert {"product": product, "price": None, "rate": 0} in prices
    (row,) = exchange.ask("GET", f"/product/{product}/outcomes", exchange.bob).json()["results"]
    assert row["value"] == {"price": None, "rate": 0}


def test_an_auction_that_cannot_clear_is_refused_and_stored(exchange: Exchange) -> None:
    product, load, _ = exchange.cross()
    solved = exchange.batch()
    greedy = exchange.demand({"price": 10})
    generous = exchange.demand({"price": 5}, exchange.bob)
    first = exchange.portfolio(greedy, product)
    exchange.portfolio(generous, product, exchange.bob)
    reply = exchange.ask("POST", "/batch", exchange.admin)
    assert reply.status_code == 422 and greedy in reply.json()["detail"]
    failed = exchange.ask("GET", "/batch", exchange.bob).json()["results"][0]
    assert failed["status"] == "not solved" and "unbounded" in failed["reason"]
    assert exchange.ask("GET", f"/batch/{failed['instant']}/prices", exchange.bob).json() == []
    # The last prices stay.
    (row,) = exchange.ask("GET", f"/product/{product}/outcomes", exchange.bob).json()["results"]
    assert row["valid_from"] == solved and row["valid_until"] is None
    exchange.ask("DELETE", f"/portfolio/{first}", exchange.alice)
    exchange.batch()


def test_ids_of_bids_are_time_ordered(exchange: Exchange) -> None:
    made = [UUID(exchange.demand(LOAD)) for _ in range(3)]
    assert sorted(made) == made and all(name.version == 7 for name in made)
