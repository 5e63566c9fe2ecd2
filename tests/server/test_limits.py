"""How often a token may ask, and how long a reply may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from fts.errors import ConfigurationError
from fts.server import JwtApplication, Limits, local
from fts.server.errors import RateLimited
from fts.server.rate_limit import RateLimiter
from fts.store import DuckStore

SECRET = "0123456789abcdef0123456789abcdef"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def taken(rate_limiter: RateLimiter, token: str, tries: int) -> int:
    """How many of so many requests at one moment are let in; the others come after the first that is not."""
    for count in range(tries):
        try:
            rate_limiter.acquire(token)
        except RateLimited:
            return count
    return tries


@pytest.mark.parametrize("rate, burst", [(10.0, 10), (1.0, 1), (2000.0, 2000), (0.25, 1), (2.5, 2)])
def test_a_second_s_requests_at_once_and_then_the_rate(rate: float, burst: int) -> None:
    clock = Clock()
    rate_limiter = RateLimiter(rate, now=clock)
    assert taken(rate_limiter, "a", burst + 5) == burst
    assert taken(rate_limiter, "b", burst + 5) == burst
    # One more for each time 1/rate that passes, and never more than a second's worth.
    clock.time += 1 / rate
    assert taken(rate_limiter, "a", 5) == 1
    clock.time += 1000
    assert taken(rate_limiter, "a", burst + 5) == burst


def test_over_a_minute_it_is_the_rate() -> None:
    clock = Clock()
    rate_limiter = RateLimiter(7.0, now=clock)
    passed = 0
    for _ in range(6000):
        clock.time += 0.01
        passed += taken(rate_limiter, "a", 1)
    assert passed == 7 * 60 + 6  # 7 at once, then one each 1/7 s of the 59.99 s left


def test_when_to_come_back() -> None:
    clock = Clock()
    rate_limiter = RateLimiter(0.1, now=clock)
    rate_limiter.acquire("a")
    clock.time += 3.5
    with pytest.raises(RateLimited, match=r"0\.1 times a second; ask again in 6\.5 s") as refused:
        rate_limiter.acquire("a")
    assert refused.value.seconds == 7


def test_memory_is_bounded() -> None:
    rate_limiter = RateLimiter(1.0, max_tokens=50, now=Clock())
    for k in range(1000):
        rate_limiter.acquire(f"token {k}")
        with pytest.raises(RateLimited):
            rate_limiter.acquire(f"token {k}")
    assert len(rate_limiter._theoretical_arrival) == 50


def test_any_number() -> None:
    assert taken(RateLimiter(float("inf")), "a", 100_000) == 100_000


@pytest.mark.parametrize("limit", ["body", "points", "seconds", "bulk_rows", "rate"])
def test_a_limit_is_above_zero(limit: str) -> None:
    value: Any
    for value in (0, -1, float("nan")):
        with pytest.raises(ConfigurationError, match=limit):
            replace(Limits(), **{limit: value})


def test_too_often_over_http() -> None:
    with local(limits=Limits(rate=3)) as url, httpx.Client(base_url=str(url)) as http:
        eager, other = ({"Authorization": f"Bearer {url.token()}"} for _ in range(2))
        replies = [http.get("/product", headers=eager) for _ in range(20)]
        statuses = [reply.status_code for reply in replies]
        assert statuses[:3] == [200, 200, 200] and statuses.count(429) >= 10
        refused = next(reply for reply in replies if reply.status_code == 429)
        assert refused.headers["retry-after"] == "1" and "3 times a second" in refused.json()["detail"]
        # Others are not held up, and what needs no token is not counted.
        assert http.get("/product", headers=other).status_code == 200
        assert [http.get("/market", headers=eager).status_code for _ in range(10)] == [200] * 10
        # A bad token is refused as often, before its signature is looked at.
        bad = [http.get("/product", headers={"Authorization": "Bearer x"}).status_code for _ in range(20)]
        assert bad[:3] == [401] * 3 and 429 in bad
        time.sleep(1)
        assert http.get("/product", headers=eager).status_code == 200


class Slow(JwtApplication):
    """Takes its time to look at a token, as long as the gate is closed."""

    def __init__(self) -> None:
        super().__init__(SECRET)
        self.gate = threading.Event()

    def can_create_bid(self, token: str) -> Any:
        self.gate.wait(30)
        return super().can_create_bid(token)

    def can_query_bid(self, token: str) -> Any:
        self.gate.wait(30)
        return super().can_query_bid(token)


class Stuck(DuckStore):
    """Stores nothing as long as the gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def write_all(self, changes: Sequence[Callable[[Any], Any]]) -> list[Any]:
        self.gate.wait(30)
        return super().write_all(changes)


def test_what_could_not_be_checked_in_time_is_not_done() -> None:
    slow = Slow()
    with local(application=slow, limits=Limits(seconds=0.3)) as url:
        url.secret = SECRET
        headers = {"Authorization": f"Bearer {url.token()}"}
        new = {"app_data": {"name": "late"}, "curve_data": [{"rate": 0, "price": 1}]}
        with httpx.Client(base_url=str(url), headers=headers, timeout=20) as http:
            started = time.monotonic()
            replies = [http.post("/demand", json=new), http.get("/demand")]
            # Once every thread waits, the others wait for a thread.
            told: list[httpx.Response] = []

            def send() -> None:
                told.append(httpx.post(f"{url}/demand", json=new, headers=headers, timeout=20))

            threads = [threading.Thread(target=send) for _ in range(40)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert time.monotonic() - started < 15
            for reply in replies + told:
                assert reply.status_code == 503 and reply.headers["retry-after"] == "1"
                assert "nothing was done within 0.3 s" in reply.json()["detail"]
            slow.gate.set()
            assert http.get("/demand").json() == []


def test_what_is_stored_too_late_may_still_be_carried_out() -> None:
    store = Stuck()
    with local(store, limits=Limits(seconds=0.3)) as url, httpx.Client(base_url=str(url), timeout=20) as http:
        headers = {"Authorization": f"Bearer {url.token()}"}
        new = {"app_data": {"name": "late"}, "curve_data": [{"rate": 0, "price": 1}]}
        reply = http.post("/demand", json=new, headers=headers)
        assert reply.status_code == 503 and reply.headers["retry-after"] == "1"
        assert "may still be carried out" in reply.json()["detail"]
        # Others read meanwhile.
        assert http.get("/demand", headers=headers).json() == []
        store.gate.set()
        deadline = time.monotonic() + 20
        while not (found := http.get("/demand", headers=headers).json()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [record["app_data"] for record in found] == [{"name": "late"}]
