"""Replies that are kept until the next batch, and tokens that are kept in mind: never old, never somebody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from fts.server import jwt_application
from fts.server.jwt_application import JwtApplication, write_token
from fts.server.response_cache import ResponseCache
from fts.store.reader import DuckReader

SECRET = "0123456789abcdef0123456789abcdef"


def test_a_page_is_new_after_every_batch(exchange) -> None:
    product, load, _ = exchange.cross()
    paths = (f"/product/{product}/outcomes", f"/portfolio/{load}/outcomes")
    for count in range(1, 4):
        instant = exchange.batch()
        for path in paths:
            for _ in range(2):
                rows = exchange.ask("GET", path, exchange.alice).json()["results"]
                assert len(rows) == count and rows[0]["valid_from"] == instant and rows[0]["valid_until"] is None
    # Another query is another page.
    rows = exchange.ask("GET", paths[0], exchange.alice, params={"before": instant}).json()["results"]
    assert len(rows) == 2 and rows[0]["valid_until"] == instant


def test_a_page_is_read_once_between_two_batches(exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    product, load, _ = exchange.cross()
    asked: list[str] = []

    def counted(name: str):
        real = getattr(DuckReader, name)

        def read(*given):
            asked.append(name)
            return real(*given)

        return read

    for name in ("product_outcomes", "portfolio_outcomes", "batch_prices"):
        monkeypatch.setattr(DuckReader, name, counted(name))
    for _ in range(2):
        instant = exchange.batch()
        asked.clear()
        for path in (f"/product/{product}/outcomes", f"/portfolio/{load}/outcomes", f"/batch/{instant}/prices"):
            pages = [exchange.ask("GET", path, exchange.alice).content for _ in range(5)]
            assert len(set(pages)) == 1
        assert sorted(asked) == ["batch_prices", "portfolio_outcomes", "product_outcomes"]


def test_a_kept_page_is_shown_to_nobody_else(exchange) -> None:
    _, load, _ = exchange.cross()
    exchange.batch()
    path = f"/portfolio/{load}/outcomes"
    assert exchange.ask("GET", path, exchange.alice).status_code == 200
    for token in (exchange.bob, exchange.admin, "bad token"):
        assert exchange.ask("GET", path, token).status_code == 401
    assert exchange.ask("GET", path).status_code == 400


def test_what_was_read_before_a_batch_is_not_kept_after_it() -> None:
    response_cache = ResponseCache()
    before = response_cache.generation
    response_cache.clear()
    before.store("page", b"old")
    assert response_cache.generation.lookup("page") is None
    response_cache.generation.store("page", b"new")
    assert response_cache.generation.lookup("page") == b"new"


def test_the_size_of_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fts.server.response_cache.MAX_BYTES", 2_100)
    generation = ResponseCache().generation
    assert generation.store("a", b"123") and generation.store("b", b"") and not generation.store("c", b"")


def test_a_token_that_was_good_is_bad_once_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    application = JwtApplication(SECRET)
    short = write_token(SECRET, UUID(int=1), issued=now, expires=now + timedelta(seconds=10))
    assert application.identify(short) == (UUID(int=1), False)
    until = application._token_cache[short][1]
    assert until <= now.timestamp() + 60 + 1, "it is looked at again after a minute"
    moved = now.timestamp() + 10 + jwt_application.LEEWAY_SECONDS + 1
    monkeypatch.setattr(jwt_application.time, "time", lambda: moved)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(moved, tz)

    monkeypatch.setattr("jwt.api_jwt.datetime", Later)
    assert application.identify(short) is None


def test_bad_tokens_are_not_kept_in_mind_and_good_ones_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwt_application, "MAX_CACHED_TOKENS", 3)
    application = JwtApplication(SECRET)
    for k in range(10):
        assert application.identify(f"bad {k}") is None
        assert application.identify(write_token(SECRET, UUID(int=k), issued=datetime.now(UTC))) is not None
        assert len(application._token_cache) <= 3
