"""Many bids at once: all of them at one instant, or none and the first bad row named."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from fts.server import Limits, local
from fts.server.routes.arrow_guard import FlatbufferTable
from tests.server.conftest import LOAD, WIND

NDJSON, ARROW = "application/x-ndjson", "application/vnd.apache.arrow.stream"
NAME = {"name": "bulk"}


def lines(rows: list[Any]) -> dict[str, Any]:
    content = b"\n".join(json.dumps(row).encode() for row in rows) + b"\n"
    return {"content": content, "headers": {"Content-Type": NDJSON}}


def stream(columns: dict[str, Any], compression: str | None = None) -> dict[str, Any]:
    table, sink = pa.table(columns), pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return {"content": sink.getvalue().to_pybytes(), "headers": {"Content-Type": ARROW}}


def demands(**columns: list[Any]) -> dict[str, Any]:
    kinds = {"rates": pa.list_(pa.float64()), "prices": pa.list_(pa.float64()), "constant": pa.bool_()}
    return stream({name: pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()})


def portfolios(**columns: list[Any]) -> dict[str, Any]:
    weights = pa.map_(pa.string(), pa.float64())
    kinds = {"demand": weights, "basis": weights}
    return stream({name: pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()})


def test_lines_enter_and_change_demands_at_one_instant(exchange) -> None:
    old = exchange.demand(LOAD)
    rows = [
        {"app_data": NAME, "curve_data": LOAD},
        {"id": old, "curve_data": WIND},
        {"app_data": NAME, "curve_data": None},
    ]
    reply = exchange.ask("POST", "/demand/bulk", exchange.alice, **lines(rows))
    assert reply.status_code == 200, reply.text
    first, changed, silent = reply.json()["ids"]
    assert changed == old
    records = [exchange.ask("GET", f"/demand/{name}", exchange.alice).json() for name in (first, changed, silent)]
    assert [record["curve_data"] for record in records] == [LOAD, WIND, None]
    assert {record["valid_from"] for record in records} == {reply.json()["valid_from"]}


def test_columns_say_the_same_as_lines(exchange) -> None:
    inf = float("inf")
    reply = exchange.ask(
        "POST",
        "/demand/bulk",
        exchange.alice,
        **demands(
            id=[None, exchange.demand(LOAD), None],
            app_data=['{"name": "bulk"}', None, '{"name": "bulk"}'],
            rates=[[0, 100], [-80, inf], None],
            prices=[[60, 20], [5, 5], None],
            constant=[False, True, None],
        ),
    )
    assert reply.status_code == 200, reply.text
    names = reply.json()["ids"]
    shown = [exchange.ask("GET", f"/demand/{name}", exchange.alice).json()["curve_data"] for name in names]
    assert shown == [LOAD, {"price": 5, "min_rate": -80, "max_rate": None}, None]

    product = exchange.product()
    made = exchange.ask(
        "POST",
        "/portfolio/bulk",
        exchange.alice,
        **portfolios(
            app_data=['{"name": "p"}'] * 2, demand=[{names[0]: 2.0}, None], basis=[{product: -1.0}, {product: 3.0}]
        ),
    )
    assert made.status_code == 200, made.text
    both = [exchange.ask("GET", f"/portfolio/{name}", exchange.alice).json() for name in made.json()["ids"]]
    assert [(record["demand"], record["basis"]) for record in both] == [
        ({names[0]: 2}, {product: -1}),
        (None, {product: 3}),
    ]
    change = exchange.ask(
        "POST", "/portfolio/bulk", exchange.alice, **portfolios(id=made.json()["ids"], basis=[{}, None])
    )
    assert change.status_code == 200
    both = [exchange.ask("GET", f"/portfolio/{name}", exchange.alice).json() for name in made.json()["ids"]]
    assert [(record["demand"], record["basis"]) for record in both] == [({names[0]: 2}, None), (None, {product: 3})]


def test_the_same_bid_twice_ends_as_the_last_row_says(exchange) -> None:
    demand = exchange.demand(None)
    rows = [{"id": demand, "curve_data": WIND}, {"id": demand, "curve_data": LOAD}]
    assert exchange.ask("POST", "/demand/bulk", exchange.alice, **lines(rows)).status_code == 200
    history = exchange.ask("GET", f"/demand/{demand}/curve-history", exchange.alice).json()["results"]
    assert [row["value"] for row in history] == [LOAD]


GOOD = {"app_data": NAME, "curve_data": LOAD}


@pytest.mark.parametrize(
    ("bad", "status", "says"),
    [
        ({"app_data": NAME}, 422, "curve_data"),
        ({"app_data": {}, "curve_data": None}, 422, "name"),
        ({"curve_data": LOAD}, 422, "app_data"),
        ({"id": "x", "curve_data": LOAD}, 422, "UUID"),
        ({"id": None, "curve_data": LOAD}, 422, "UUID"),
        ({"id": str(uuid4()), "curve_data": LOAD}, 404, "no demand"),
        ({"app_data": NAME, "curve_data": [{"rate": 1, "price": 1}]}, 422, "rate 0"),
        ({"app_data": NAME, "curve_data": [{"rate": 0, "price": float("nan")}]}, 422, "NaN"),
        ([], 422, "object"),
        (5, 422, "object"),
    ],
)
def test_the_first_bad_row_is_named_and_nothing_is_changed(exchange, bad, status, says) -> None:
    before = exchange.ask("GET", "/demand", exchange.alice).json()
    reply = exchange.ask("POST", "/demand/bulk", exchange.alice, **lines([GOOD, bad, {"id": "worse"}]))
    # The third row is not valid either; what is not valid comes before what is not there.
    row = 3 if status == 404 else 2
    assert reply.status_code == (422 if status == 404 else status)
    assert reply.json()["detail"].startswith(f"row {row}: ")
    reply = exchange.ask("POST", "/demand/bulk", exchange.alice, **lines([GOOD, bad]))
    assert reply.status_code == status and says in reply.json()["detail"]
    assert exchange.ask("GET", "/demand", exchange.alice).json() == before


def test_references_and_owners_are_checked_row_by_row(exchange) -> None:
    product, mine, theirs = exchange.product(), exchange.demand(LOAD), exchange.demand(LOAD, exchange.bob)
    portfolio = exchange.portfolio(mine, product)
    bad = [{"id": portfolio, "basis": {}}, {"app_data": NAME, "demand": theirs, "basis": product}]
    reply = exchange.ask("POST", "/portfolio/bulk", exchange.alice, **lines(bad))
    assert reply.status_code == 422 and reply.json()["detail"].startswith("row 2: the demand")
    assert exchange.ask("GET", f"/portfolio/{portfolio}", exchange.alice).json()["basis"] == {product: 1}
    rows = [{"id": mine, "curve_data": None}, {"id": theirs, "curve_data": None}]
    reply = exchange.ask("POST", "/demand/bulk", exchange.alice, **lines(rows))
    assert reply.status_code == 401 and reply.json()["detail"].startswith("row 2: ")
    assert exchange.ask("GET", f"/demand/{mine}", exchange.alice).json()["curve_data"] == LOAD
    assert exchange.ask("POST", "/demand/bulk", "bad", **lines([GOOD])).status_code == 401


def test_bodies_that_are_no_rows(exchange) -> None:
    def status(content: bytes, kind: str = NDJSON) -> int:
        headers = {"Content-Type": kind}
        return exchange.ask("POST", "/demand/bulk", exchange.alice, content=content, headers=headers).status_code

    assert status(b"{}", "application/json") == 415
    assert status(b"") == status(b"\n \n") == status(b"{") == status(b"\xff\n") == 400
    good = demands(app_data=['{"name": "x"}'], rates=[[0]], prices=[[1]])["content"]
    assert status(good, ARROW) == 200
    assert status(b"", ARROW) == status(b"ARROW1", ARROW) == status(good[:-40], ARROW) == 400
    for cut in range(8, len(good), 97):
        broken = good[:cut] + bytes([good[cut] ^ 0xFF]) + good[cut + 1 :]
        assert status(broken, ARROW) in (200, 400, 413, 422)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"name": ["x"]}, "'name'"),
        ({"id": [5]}, "'id'"),
        ({"app_data": pa.array(["{}"]).dictionary_encode()}, "dictionar"),
        ({"app_data": ["{}"], "rates": [[0.0, 1.0]], "prices": [[1.0]]}, "row 1: rates and prices"),
        ({"app_data": ['{"name": "x"}'], "rates": [[0.0]], "prices": [[1.0]], "constant": [True]}, "row 1: a constant"),
    ],
)
def test_columns_that_are_not_ours(exchange, columns, says) -> None:
    reply = exchange.ask("POST", "/demand/bulk", exchange.alice, **stream(columns))
    assert reply.status_code == 422 and says in reply.json()["detail"]


def test_a_few_bytes_do_not_stand_for_many_rows(exchange) -> None:
    zeros = {"app_data": ['{"name": "x"}'] * 10_000}
    for compression in ("lz4", "zstd"):
        reply = exchange.ask("POST", "/demand/bulk", exchange.alice, **stream(zeros, compression))
        assert reply.status_code == 422 and "compress" in reply.json()["detail"]
    reply = exchange.ask("POST", "/demand/bulk", exchange.alice, **stream({"id": ["x"] * 20_001}))
    assert reply.status_code == 413 and "20001 rows" in reply.json()["detail"]


def test_a_number_of_rows_below_zero_is_no_number(exchange) -> None:
    content = stream({"app_data": ['{"name": "x"}']})["content"]
    metadata = [message.metadata.to_pybytes() for message in pa.ipc.MessageReader.open_stream(content)][-1]
    header = FlatbufferTable(metadata, int.from_bytes(metadata[:4], "little")).table(2)
    at = content.index(metadata) + header.position(0)
    assert content[at : at + 8] == (1).to_bytes(8, "little")
    broken = content[:at] + (-5).to_bytes(8, "little", signed=True) + content[at + 8 :]
    reply = exchange.ask("POST", "/demand/bulk", exchange.alice, content=broken, headers={"Content-Type": ARROW})
    assert reply.status_code == 400 and "below 0" in reply.json()["detail"]


def test_limits_of_rows_and_bytes() -> None:
    import httpx

    with local(limits=Limits(bulk_rows=2, body=20)) as url, httpx.Client(base_url=str(url)) as http:
        headers = {"Authorization": f"Bearer {url.token()}", "Content-Type": NDJSON}
        row = json.dumps({"app_data": {"name": "x"}, "curve_data": None}).encode()
        assert http.post("/demand/bulk", content=row + b"\n" + row, headers=headers).status_code == 200
        assert http.post("/demand/bulk", content=b"\n".join([row] * 3), headers=headers).status_code == 413
        assert http.post("/demand/bulk", content=row + b" " * 320, headers=headers).status_code == 413
