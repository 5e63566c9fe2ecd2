"""One market: a bid of either contract trades with those of the other, and is read back through it.

The load pays 60 at rate 0 and 20 at rate 100, the wind farm asks 5 for up to 80: at 80 the load
pays 60 - 0.4 * 80 = 28.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from tests.server.v0.conftest import LOAD, SUN, WIND, V0Exchange


def fill(v0: V0Exchange, portfolio: str, token: str) -> Any:
    found = v0.ask("GET", f"/portfolio/{portfolio}/outcomes", token).json()["results"]
    return found[0]["value"] if found else None


def clears_at_28(v0: V0Exchange, product: str, load: str, wind: str) -> None:
    v0.batch()
    value = v0.ask("GET", f"/product/{product}/outcomes", v0.alice).json()["results"][0]["value"]
    assert value == {"price": pytest.approx(28), "rate": pytest.approx(80)}
    assert fill(v0, load, v0.alice) == {"price": pytest.approx(28), "rate": pytest.approx(80)}
    assert fill(v0, wind, v0.bob) == {"price": pytest.approx(28), "rate": pytest.approx(-80)}


def test_an_auth_trades_with_a_portfolio(v0: V0Exchange) -> None:
    product = v0.product()
    load = v0.auth({"demand": LOAD}, {product: 1})["auth_id"]
    wind = v0.portfolio(v0.demand(WIND, v0.bob), product, v0.bob)
    clears_at_28(v0, product, load, wind)
    record = v0.ask("GET", f"/portfolio/{load}", v0.alice).json()
    assert record["app_data"] == {"name": load} and record["basis"] == {product: 1}
    ((own, weight),) = record["demand"].items()
    assert weight == 1 and own != load
    demand = v0.ask("GET", f"/demand/{own}", v0.alice).json()
    assert demand["curve_data"] == LOAD and demand["portfolios"] == {load: 1} and demand["app_data"] == {"name": load}


def test_rates_alone_trade_only_while_some_cost_refers_to_them(v0: V0Exchange) -> None:
    product = v0.product()
    load = v0.portfolio(v0.demand(LOAD), product)
    wind = v0.auth(SUN, {product: 1}, v0.bob)["auth_id"]
    v0.batch()
    assert fill(v0, wind, v0.bob) is None and fill(v0, load, v0.alice)["rate"] == 0
    cost = v0.cost(WIND, {wind: 1}, v0.bob)["cost_id"]
    clears_at_28(v0, product, load, wind)
    demand = v0.ask("GET", f"/demand/{cost}", v0.bob).json()
    assert demand["portfolios"] == {wind: 1} and demand["curve_data"] == WIND
    v0.ask("DELETE", f"/v0/costs/{cost}", v0.bob)
    v0.batch()
    assert fill(v0, load, v0.alice)["rate"] == 0
    # Its data stay what they were all along.
    assert len(v0.read(f"/v0/auths/{wind}/history", v0.bob)["results"]) == 1
    v0.ask("PUT", f"/v0/costs/{cost}", v0.bob, json={"data": WIND})
    clears_at_28(v0, product, load, wind)


def test_a_cost_is_shared_by_its_group(v0: V0Exchange) -> None:
    # A farm sells up to 50 in one hour and up to 70 in another, 80 together; 70 are wanted in each, at 100 and at 99.
    first, second = v0.product(), v0.product()
    farms = [v0.auth({"min_rate": -50 - 20 * k, "max_rate": 0}, {p: 1}, v0.bob) for k, p in enumerate((first, second))]
    v0.cost(WIND, {farm["auth_id"]: 1 for farm in farms}, v0.bob)
    loads = [v0.portfolio(v0.demand({"price": 100 - k, "max_rate": 70}), p) for k, p in enumerate((first, second))]
    v0.batch()
    # The dearer hour takes all that its farm may sell, the other one the rest.
    assert [fill(v0, load, v0.alice)["rate"] for load in loads] == [pytest.approx(50), pytest.approx(30)]


def test_a_change_by_either_contract_shows_in_the_other(v0: V0Exchange) -> None:
    product, other = v0.product(), v0.product()
    name = v0.auth({"demand": LOAD, "max_trade": 9}, {product: 1})["auth_id"]
    (own,) = v0.ask("GET", f"/portfolio/{name}", v0.alice).json()["demand"]
    changed = v0.ask("PUT", f"/demand/{own}", v0.alice, json=WIND).json()
    record = v0.read(f"/v0/auths/{name}")
    assert record["data"]["demand"] == WIND and record["version"] == changed["valid_from"]
    assert record["data"]["max_trade"] == 9
    v0.ask("PATCH", f"/portfolio/{name}", v0.alice, json={"basis": {other: 2}})
    assert v0.read(f"/v0/auths/{name}", portfolio="include")["portfolio"] == {other: 2}
    v0.ask("DELETE", f"/demand/{own}", v0.alice)
    assert v0.read(f"/v0/auths/{name}")["data"] is None
    assert [row["data"] is None for row in v0.read(f"/v0/auths/{name}/history")["results"]] == [True, False, False]
    cost = v0.cost(WIND, {name: 1})["cost_id"]
    assert v0.ask("PUT", f"/demand/{cost}", v0.alice, json=LOAD).status_code == 200
    assert v0.read(f"/v0/costs/{cost}")["data"] == LOAD


def test_stopped_auths_do_not_trade_for_a_cost_that_goes_on(v0: V0Exchange) -> None:
    product = v0.product()
    load = v0.portfolio(v0.demand(LOAD), product)
    wind = v0.auth(SUN, {product: 1}, v0.bob)["auth_id"]
    v0.cost(WIND, {wind: 1}, v0.bob)
    v0.ask("DELETE", f"/v0/auths/{wind}", v0.bob)
    v0.batch()
    assert fill(v0, wind, v0.bob) is None and fill(v0, load, v0.alice)["rate"] == 0
    v0.ask("PUT", f"/v0/auths/{wind}", v0.bob, json={"data": SUN})
    clears_at_28(v0, product, load, wind)


def test_a_record_tells_what_was_traded(v0: V0Exchange) -> None:
    product = v0.product()
    load = v0.auth({"demand": LOAD}, {product: 1})["auth_id"]
    wind = v0.auth({"demand": WIND}, {product: 1}, v0.bob)["auth_id"]
    assert v0.read(f"/v0/auths/{load}")["trade"] == 0
    first = v0.batch()
    time.sleep(0.05)
    v0.ask("DELETE", f"/v0/auths/{wind}", v0.bob)
    second = v0.batch()
    hours = (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds() / 3600
    assert v0.read(f"/v0/auths/{load}")["trade"] == pytest.approx(80 * hours)
    assert v0.read(f"/v0/auths/{wind}", v0.bob)["trade"] == pytest.approx(-80 * hours)
    submission = v0.read(f"/v0/submissions/{v0.ids[v0.alice]}")
    assert {auth["auth_id"]: auth["trade"] for auth in submission["auths"]}[load] == pytest.approx(80 * hours)
