"""Spans that are solved, and what of it is told: pages of trades, limits, and v0_events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fts.models.timestamps import parse_instant
from tests.server.v0.conftest import LOAD, WIND, V0Exchange, exchange_of_its_own

SOLVE = "/admin/auctions/solve"


@pytest.fixture(scope="module")
def own() -> Iterator[V0Exchange]:
    """Slices in the future would be in the way of others."""
    with exchange_of_its_own() as v0:
        yield v0


@pytest.fixture
def fresh() -> Iterator[V0Exchange]:
    with exchange_of_its_own() as v0:
        yield v0


def hour(day: int, text: str) -> str:
    return f"2031-01-{day:02}T{text}:00Z"


def solved(v0: V0Exchange, **span: Any) -> None:
    reply = v0.ask("POST", SOLVE, v0.admin, json={key.rstrip("_"): value for key, value in span.items()})
    assert (reply.status_code, reply.content) == (202, b""), reply.text


def cross(v0: V0Exchange, **limits: float) -> tuple[str, str, str]:
    """A product with a load of Alice and a wind farm of Bob: 80 at 28."""
    product = v0.delivery()
    load = v0.auth({"demand": LOAD, **limits}, product)["auth_id"]
    wind = v0.auth({"demand": WIND}, product, v0.bob)["auth_id"]
    return product, load, wind


def block(lines: Iterator[str]) -> tuple[str, Any]:
    """Id and data of the next event."""
    found: dict[str, str] = {}
    for line in lines:
        if not line and found:
            assert found["event"] == "outcome"
            return found["id"], json.loads(found["data"])
        name, _, value = line.partition(": ")
        if name:
            found[name] = value
    raise AssertionError("the stream ended")


@contextmanager
def listening(v0: V0Exchange, path: str, token: str | None = None, last: str | None = None) -> Iterator[Iterator[str]]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    headers |= {} if last is None else {"Last-Event-ID": last}
    with httpx.stream("GET", f"{v0.url}/v0/outcomes{path}", headers=headers, timeout=60) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        yield reply.iter_lines()


def test_slices_and_what_they_traded(own: V0Exchange) -> None:
    product, load, wind = cross(own, max_trade=100)
    solved(own, from_=hour(2, "13:00"), thru=hour(2, "15:15"), by="30m")
    # 100 in all: 40, 40, and 20 at the seller's price; then nothing.
    page = own.read(f"/v0/auths/{load}/outcomes")
    assert [row["from"][11:16] for row in page["results"]] == ["14:30", "14:00", "13:30"]
    assert [row["thru"][11:16] for row in page["results"]] == ["15:00", "14:30", "14:00"]
    assert [row["trade"] for row in page["results"]] == pytest.approx([0, 20, 40])
    assert [row["price"] for row in page["results"]] == pytest.approx([5, 5, 28])
    assert page["more"] == {"before": "2031-01-02T13:00:00.000000Z"}
    (last,) = own.read(f"/v0/auths/{load}/outcomes", **page["more"])["results"]
    assert (last["from"], last["trade"]) == (hour(2, "13:00"), pytest.approx(40))
    sold = own.read(f"/v0/auths/{wind}/outcomes", own.bob)["results"]
    assert [row["trade"] for row in sold] == pytest.approx([0, -20, -40])
    volumes = own.ask("GET", f"/v0/products/{product}/outcomes").json()["results"]
    assert [row["trade"] for row in volumes] == pytest.approx([0, 20, 40])
    # None of them has begun.
    assert own.read(f"/v0/auths/{load}")["trade"] == 0
    # The other contract sees the same batches.
    rows = own.read(f"/portfolio/{load}/outcomes")["results"]
    assert [row["value"]["rate"] for row in rows] == pytest.approx([0, 40, 80])
    assert [row["valid_until"] for row in rows] == [row["thru"] for row in page["results"]]


def test_both_ends_of_a_page_are_included(own: V0Exchange) -> None:
    product, load, _ = cross(own)
    solved(own, from_=hour(3, "13:00"), thru=hour(3, "14:00"), by="15m")
    for path in (f"/v0/auths/{load}/outcomes", f"/v0/products/{product}/outcomes"):
        rows = own.read(path, before=hour(3, "13:30"), after=hour(3, "13:15"))["results"]
        assert [row["from"] for row in rows] == [hour(3, "13:30"), hour(3, "13:15")]
        paged = own.read(path, after=hour(3, "13:00"))
        assert paged["more"] == {"before": "2031-01-03T13:00:00.000000Z", "after": hour(3, "13:00")}
        assert len(own.read(path, **paged["more"])["results"]) == 1
    # Three digits mean their whole millisecond, six mean themselves.
    begin = "2031-01-03T15:00:00.000500Z"
    solved(own, from_=begin, thru=hour(3, "16:00"))
    for before, found in (("15:00:00.000", begin), ("15:00:00", begin), ("15:00:00.000499", hour(3, "13:45"))):
        rows = own.read(f"/v0/auths/{load}/outcomes", before=f"2031-01-03T{before}Z")["results"]
        assert rows[0]["from"] == found


def test_outcomes_of_what_is_not_there(own: V0Exchange) -> None:
    reply = own.ask("GET", f"/v0/products/{uuid4()}/outcomes")
    assert (reply.status_code, reply.json()) == (200, {"results": []})
    assert own.ask("GET", "/v0/products/x/outcomes").status_code == 400
    assert own.ask("GET", f"/v0/auths/{uuid4()}/outcomes", own.alice).status_code == 404
    _, load, _ = cross(own)
    assert own.ask("GET", f"/v0/auths/{load}/outcomes", own.bob).status_code == 403
    assert own.ask("GET", f"/v0/auths/{load}/outcomes").status_code == 401
    assert own.ask("GET", f"/v0/auths/{load}/outcomes?before=now", own.alice).status_code == 400


@pytest.mark.parametrize(
    ("span", "status"),
    [
        ({"from": hour(4, "13:00"), "thru": hour(4, "13:00")}, 400),
        ({"from": hour(4, "14:00"), "thru": hour(4, "13:00")}, 400),
        ({"from": hour(4, "13:00"), "thru": hour(5, "13:00"), "by": "1ms"}, 400),
        ({"thru": "2001-01-01T00:00:00Z"}, 400),
        ({"from": hour(4, "13:00")}, 422),
        ({"from": hour(4, "13:00"), "thru": None}, 422),
        ({"from": 5, "thru": hour(4, "13:00")}, 422),
        ({"from": "2031-01-04T13:00:00", "thru": hour(4, "14:00")}, 422),
        ({"from": hour(4, "13:00"), "thru": hour(4, "14:00"), "by": "soon"}, 422),
        ({"from": hour(4, "13:00"), "thru": hour(4, "14:00"), "by": 900}, 422),
        ([], 422),
    ],
)
def test_spans_that_are_refused(fresh: V0Exchange, span: Any, status: int) -> None:
    reply = fresh.ask("POST", SOLVE, fresh.admin, json=span)
    assert reply.status_code == status, reply.text
    assert fresh.read("/batch")["results"] == []


def test_who_may_solve(own: V0Exchange) -> None:
    span = {"from": hour(6, "13:00"), "thru": hour(6, "14:00")}
    assert own.ask("POST", SOLVE, json=span).status_code == 401
    assert own.ask("POST", SOLVE, "nonsense", json=span).status_code == 400
    assert own.ask("POST", SOLVE, own.alice, json=span).status_code == 403
    assert own.ask("POST", SOLVE, own.admin, content=b"").status_code == 415
    solved(own, **span)
    reply = own.ask("POST", SOLVE, own.admin, json={"from": hour(6, "13:30"), "thru": hour(6, "15:00")})
    assert reply.status_code == 409
    assert "2031-01-06T13:00:00Z" in reply.json()["detail"]


def test_a_span_goes_on_where_the_last_one_ended(fresh: V0Exchange) -> None:
    _, load, _ = cross(fresh)
    solved(fresh, thru=hour(7, "13:00"), by="1h 30m")
    solved(fresh, thru=hour(7, "14:00"))
    rows = fresh.read(f"/v0/auths/{load}/outcomes")["results"]
    assert [(row["from"][11:16], row["thru"][11:16]) for row in rows] == [("13:00", "14:00"), ("11:30", "13:00")]
    assert [row["trade"] for row in rows] == pytest.approx([80, 120])


def test_a_batch_of_the_other_contract_ends_a_slice_and_is_listed_once_it_ends(fresh: V0Exchange) -> None:
    _, load, _ = cross(fresh)
    now = datetime.now(UTC)
    thru = now + timedelta(hours=1)
    solved(fresh, from_=now.isoformat(), thru=thru.isoformat())
    instant = fresh.batch()
    (row,) = fresh.read(f"/v0/auths/{load}/outcomes")["results"]
    assert row["thru"] == instant
    hours = (parse_instant(instant) - now) / timedelta(hours=1)
    assert row["trade"] == pytest.approx(80 * hours)
    later = fresh.batch()
    rows = fresh.read(f"/v0/auths/{load}/outcomes")["results"]
    assert [row["thru"] for row in rows] == [later, instant]
    # What is open counts until now.
    assert fresh.read(f"/v0/auths/{load}")["trade"] >= sum(row["trade"] for row in rows) > 0


def test_a_new_reader_gets_the_latest_at_once_and_then_what_comes(fresh: V0Exchange) -> None:
    product, load, wind = cross(fresh)
    solved(fresh, from_=hour(8, "13:00"), thru=hour(8, "14:00"), by="30m")
    first = {"from": hour(8, "13:30"), "thru": hour(8, "14:00")}
    second = {"from": hour(8, "14:00"), "thru": hour(8, "16:00")}
    alice, bob = fresh.ids[fresh.alice], fresh.ids[fresh.bob]
    with (
        listening(fresh, "") as spans,
        listening(fresh, f"/products/{product}") as prices,
        listening(fresh, f"/bidders/{alice}", fresh.alice) as bought,
        listening(fresh, f"/bidders/{bob}", fresh.bob) as sold,
    ):
        for span, quantity in ((first, 40), (second, 160)):
            assert block(spans) == (span["from"], span)
            assert block(prices) == (
                span["from"],
                {**span, "price": pytest.approx(28), "trade": pytest.approx(quantity)},
            )
            for lines, name, sign in ((bought, load, 1), (sold, wind, -1)):
                fill = {"price": pytest.approx(28), "trade": pytest.approx(sign * quantity)}
                # Once below auths, and once beside it.
                assert block(lines) == (span["from"], {**span, "auths": {name: fill}, name: fill})
            if span is first:
                solved(fresh, **second)
    # Who knows the latest one waits for the next.
    with listening(fresh, "", last=hour(8, "14:00")) as spans:
        solved(fresh, from_=hour(8, "17:00"), thru=hour(8, "18:00"))
        assert block(spans)[0] == hour(8, "17:00")


def test_a_batch_without_an_end_is_told_when_the_next_one_ends_it(fresh: V0Exchange) -> None:
    cross(fresh)
    with listening(fresh, "") as spans:
        one, two, three = (fresh.batch() for _ in range(3))
        assert block(spans) == (one, {"from": one, "thru": two})
        assert block(spans) == (two, {"from": two, "thru": three})
        solved(fresh, from_=hour(9, "13:00"), thru=hour(9, "14:00"))
        assert block(spans)[1] == {"from": three, "thru": hour(9, "13:00")}
        assert block(spans)[1] == {"from": hour(9, "13:00"), "thru": hour(9, "14:00")}


def test_under_a_schedule_a_batch_is_told_at_once() -> None:
    with exchange_of_its_own(schedule="1s") as v0, listening(v0, "") as spans:
        for _ in range(2):
            _, span = block(spans)
            assert parse_instant(span["thru"]) - parse_instant(span["from"]) == timedelta(seconds=1)


def test_nobody_hears_what_another_bidder_trades(own: V0Exchange) -> None:
    alice = own.ids[own.alice]
    for token in (None, "nonsense", own.bob, own.admin):
        assert own.ask("GET", f"/v0/outcomes/bidders/{alice}", token).status_code == 401
    assert own.ask("GET", "/v0/outcomes/bidders/x", own.alice).status_code == 400
    headers = {"Last-Event-ID": "yesterday"}
    assert own.ask("GET", "/v0/outcomes", headers=headers).status_code == 400


def test_a_product_without_a_price_is_not_told(fresh: V0Exchange) -> None:
    product = fresh.delivery()
    other, _, _ = cross(fresh)
    fresh.auth({"demand": [{"rate": 0, "price": 5}]}, product)
    alice = fresh.ids[fresh.alice]
    solved(fresh, from_=hour(10, "13:00"), thru=hour(10, "14:00"))
    with (
        listening(fresh, f"/products/{product}") as quiet,
        listening(fresh, f"/products/{other}") as prices,
        listening(fresh, f"/bidders/{alice}", fresh.alice) as bought,
    ):
        assert block(prices)[0] == hour(10, "13:00")
        assert None in [fill["price"] for fill in block(bought)[1]["auths"].values()]
        fresh.auth({"demand": LOAD}, product)
        fresh.auth({"demand": WIND}, product, fresh.bob)
        solved(fresh, from_=hour(10, "15:00"), thru=hour(10, "16:00"))
        assert block(quiet)[0] == hour(10, "15:00")
