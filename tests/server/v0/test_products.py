"""Products of /v0: kinds, order, and finer ones inside coarser ones."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.server.v0.conftest import V0Exchange


def span(kind: str, first: int, last: int, month: str = "2028-01") -> dict[str, str]:
    return {"kind": kind, "from": f"{month}-{first:02}T00:00:00Z", "thru": f"{month}-{last:02}T00:00:00Z"}


def make(v0: V0Exchange, *products: dict[str, Any]) -> list[str]:
    reply = v0.ask("POST", "/admin/products", v0.admin, json=list(products))
    assert reply.status_code == 200, reply.text
    return list(reply.json())


def basis(v0: V0Exchange, product: str) -> Any:
    return v0.ask("GET", f"/product/{product}", v0.admin).json()["basis"]


def test_kinds_are_texts_and_two_have_numbers_in_the_market(v0: V0Exchange) -> None:
    names = make(v0, span("FORWARD", 1, 2), span("OPTION", 1, 2), span("green", 1, 2))
    assert [v0.read(f"/v0/products/{name}")["kind"] for name in names] == ["FORWARD", "OPTION", "green"]
    stored = [v0.ask("GET", f"/product/{name}", v0.alice).json()["app_data"]["kind"] for name in names]
    assert stored == [0, 1, "green"]
    assert v0.read(f"/v0/products/{names[0]}") == {"id": names[0], **span("FORWARD", 1, 2)}
    # One product whichever contract makes it.
    reply = v0.ask("POST", "/product", v0.admin, json=span("", 1, 2) | {"kind": 1})
    assert reply.status_code == 409
    made = v0.ask("POST", "/product", v0.admin, json=span("", 2, 3) | {"kind": 0}).json()["id"]
    assert v0.read(f"/v0/products/{made}")["kind"] == "FORWARD"
    assert v0.ask("POST", "/admin/products", v0.admin, json=[span("FORWARD", 2, 3)]).status_code == 409


def test_no_token_is_needed_to_read(v0: V0Exchange) -> None:
    product = v0.delivery()
    for path in ("/v0/products", f"/v0/products/{product}"):
        assert v0.ask("GET", path).status_code == 200
        assert v0.ask("GET", path, "a bad token").status_code == 200
    assert v0.ask("GET", f"/v0/products/{uuid4()}").status_code == 404
    assert v0.ask("GET", "/v0/products/no-uuid").status_code == 400


def test_they_are_found_by_kind_and_span(v0: V0Exchange) -> None:
    kind, other = str(uuid4()), str(uuid4())
    spans = [(1, 31), (1, 2), (2, 3), (3, 4), (3, 31), (4, 5)]
    made = dict(zip(spans, make(v0, *(span(kind, *days) for days in spans), span(other, 1, 2))[:6], strict=True))

    def found(**query: str) -> list[tuple[int, int]]:
        rows: list[str] = []
        more: dict[str, str] = {"kind": kind, **query}
        while True:
            page = v0.ask("GET", "/v0/products", params=more).json()
            rows += [product["id"] for product in page["results"]]
            if "more" not in page:
                break
            more = page["more"]
        names = {name: days for days, name in made.items()}
        return [names[row] for row in rows]

    # By start and end, three a page, each once.
    assert found() == sorted(spans)
    assert found(before="2028-01-02T00:00:00Z") == [(1, 2), (1, 31), (2, 3)]
    assert found(before="2028-01-01T23:59:59.999999Z") == [(1, 2), (1, 31)]
    assert found(after="2028-01-05T00:00:00Z") == [(1, 31), (3, 31), (4, 5)]
    assert found(before="2028-01-03T00:00:00Z", after="2028-01-04T00:00:00Z") == [(1, 31), (3, 4), (3, 31)]
    assert {product["kind"] for product in v0.ask("GET", "/v0/products").json()["results"]} != {kind}
    for query in ("before=", "after=soon", "before=2028-01-01T00:00:00", "cursor=x", f"cursor={uuid4()}"):
        assert v0.ask("GET", f"/v0/products?{query}").status_code == 400


def test_what_lies_in_a_leaf_splits_it_and_a_later_one_joins(v0: V0Exchange) -> None:
    kind = str(uuid4())
    (month,) = make(v0, span(kind, 1, 31))
    assert basis(v0, month) == {month: 1}
    first, second, apart = make(v0, span(kind, 1, 2), span(kind, 2, 3), span(str(uuid4()), 1, 2))
    assert basis(v0, month) == {first: 1, second: 1} and basis(v0, apart) == {apart: 1}
    assert v0.ask("GET", f"/product/{first}", v0.admin).json()["parent"] == [month, 1]
    (third,) = make(v0, span(kind, 3, 4))
    assert basis(v0, month) == {first: 1, second: 1, third: 1}
    # A repeated one: nothing is created.
    reply = v0.ask("POST", "/admin/products", v0.admin, json=[span(kind, 5, 6), span(kind, 3, 4)])
    assert reply.status_code == 409
    reply = v0.ask("POST", "/admin/products", v0.admin, json=[span(kind, 5, 6), span(kind, 5, 6)])
    assert reply.status_code == 409
    assert basis(v0, month) == {first: 1, second: 1, third: 1}


def test_several_levels_may_come_in_one_request(v0: V0Exchange) -> None:
    kind = str(uuid4())
    day, month, week = make(v0, span(kind, 3, 4), span(kind, 1, 31), span(kind, 1, 8))
    assert basis(v0, month) == {day: 1} and basis(v0, week) == {day: 1}
    parents = [v0.ask("GET", f"/product/{name}", v0.admin).json()["parent"][0] for name in (day, week, month)]
    assert parents == [week, month, month]
    other, beside = make(v0, span(kind, 4, 5), span(kind, 8, 9))
    assert basis(v0, month) == {day: 1, other: 1, beside: 1}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [5],
        [{}],
        [{"kind": "x", "from": "2028-01-01T00:00:00Z"}],
        [span("x", 2, 1)],
        [span("x", 1, 2) | {"kind": 2}],
        [span("x", 1, 2) | {"from": "2028-01-01T00:00:00"}],
    ],
)
def test_products_that_are_refused(v0: V0Exchange, body: Any) -> None:
    assert v0.ask("POST", "/admin/products", v0.admin, json=body).status_code == 422


def test_no_products_are_no_change(v0: V0Exchange) -> None:
    assert make(v0) == []
