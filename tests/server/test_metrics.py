"""What a monitor reads, and who may."""

from __future__ import annotations

import re
import threading
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fts.client import Client
from fts.server import local
from tests.server.conftest import LOAD, WIND, Exchange


def read(http: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, by name and labels."""
    reply = http.get("/metrics")
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def test_a_day_of_a_small_market() -> None:
    with (
        local() as url,
        httpx.Client(base_url=str(url), timeout=60) as http,
        Client(url, url.token(admin=True)) as admin,
        Client(url, url.token()) as bidder,
    ):
        before = read(http)
        assert before["fts_demands_total", ()] == before["fts_batch_seconds_count", ()] == 0
        assert not [name for name, _ in before if name == "fts_certificate"]
        hour = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
        product = admin.create_product(hour)["id"]
        demands = [bidder.create_demand({"name": "x"}, curve)["id"] for curve in (LOAD, WIND)]
        for demand in demands:
            bidder.create_portfolio({"name": "x"}, demand, product)
        bidder.change_demand(demands[0], [(0, 61), (100, 20)])
        instants = [admin.run_batch() for _ in range(2)]
        http.get("/nothing/here")
        after = read(http)
        # Two demands with a curve each, one of which was changed; two portfolios of one demand and one product.
        things = ("products", "demands", "portfolios", "curves", "weights")
        stored = {name: after[f"fts_{name}_total", ()] for name in things}
        assert stored == {"products": 1, "demands": 2, "portfolios": 2, "curves": 3, "weights": 4}
        assert sum(value for (name, _), value in after.items() if name == "fts_batches_total") == 2
        assert after["fts_batch_seconds_count", ()] == 2
        told = [(dict(labels), value) for (name, labels), value in after.items() if name == "fts_certificate"]
        measures = {labels["measure"]: value for labels, value in told}
        (record, *_) = admin.batches()["results"]
        assert measures == {name: record["certificate"][name] for name in measures} and "welfare" not in measures
        assert {"imbalance", "gap", "fit"} <= set(measures)
        assert after["fts_batch_size", (("thing", "portfolios"),)] == 2

        def requests(method: str, path: str, status: int) -> float:
            return after["fts_requests_total", (("method", method), ("path", path), ("status", str(status)))]

        assert requests("POST", "/demand", 201) == 2 and requests("PUT", "/demand/{id}", 200) == 1
        assert requests("POST", "/batch", 200) == len(instants) == 2
        assert requests("GET", "/metrics", 200) == 1 and requests("", "", 404) == 1
        assert after["fts_request_seconds_count", (("method", "POST"), ("path", "/demand"))] == 2
        # Nobody's ids, names or prices.
        text = http.get("/metrics").text
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)


def test_readers_of_events_are_counted() -> None:
    with local() as url, httpx.Client(base_url=str(url)) as http:
        headers = {"Authorization": f"Bearer {url.token()}"}
        assert read(http)["fts_event_readers", ()] == 0
        with http.stream("GET", "/events", headers=headers) as events:
            lines = events.iter_lines()
            next(lines)
            assert read(http)["fts_event_readers", ()] == 1


def test_two_exchanges_in_one_process_count_apart() -> None:
    with local() as one, local() as two:
        httpx.get(f"{one}/health")
        with httpx.Client(base_url=str(one)) as http, httpx.Client(base_url=str(two)) as other:
            health = ("fts_requests_total", (("method", "GET"), ("path", "/health"), ("status", "200")))
            assert read(http)[health] == 1 and health not in read(other)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.7"},
        {"X-Forwarded-Context": "/x"},
        {"Via": "1.1 proxy"},
        {"Origin": "https://elsewhere.example"},
        # A page whose name points to this machine.
        {"Host": "elsewhere.example:8080"},
        {"Host": "localhost.elsewhere.example"},
        {"Host": "0.0.0.0:8080"},
    ],
)
def test_from_elsewhere_it_takes_a_token_that_runs_batches(exchange: Exchange, headers: dict[str, str]) -> None:
    assert exchange.ask("GET", "/metrics").status_code == 200
    assert exchange.ask("GET", "/metrics", headers={"Host": "localhost:9999"}).status_code == 200
    assert exchange.ask("GET", "/metrics", "whatever").status_code == 200
    assert exchange.ask("GET", "/metrics", headers=headers).status_code == 400
    assert exchange.ask("GET", "/metrics", exchange.alice, headers=headers).status_code == 401
    assert exchange.ask("GET", "/metrics", "bad", headers=headers).status_code == 401
    assert exchange.ask("GET", "/metrics", exchange.admin, headers=headers).status_code == 200


def test_counting_and_reading_go_together() -> None:
    with local() as url, httpx.Client(base_url=str(url), timeout=60) as http:
        headers = {"Authorization": f"Bearer {url.token()}"}
        new = {"app_data": {"name": str(uuid4())}, "curve_data": LOAD}

        def bid() -> None:
            for _ in range(20):
                assert httpx.post(f"{url}/demand", json=new, headers=headers).status_code == 201

        threads = [threading.Thread(target=bid) for _ in range(4)]
        for thread in threads:
            thread.start()
        seen = [read(http)["fts_demands_total", ()] for _ in range(20)]
        for thread in threads:
            thread.join()
        assert seen == sorted(seen)
        assert read(http)["fts_demands_total", ()] == 80
