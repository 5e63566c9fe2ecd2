"""Who a token lets in."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from fts.server import JwtApplication
from fts.server.jwt_application import write_token
from tests.server.conftest import Exchange

SECRET = "0123456789abcdef0123456789abcdef"
BIDDER = uuid4()


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256", **header: Any) -> str:
    return jwt.encode({"sub": str(BIDDER), **claims}, secret, algorithm=algorithm, headers=header or None)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned() -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'sub': str(BIDDER), 'admin': True})}."


def tampered() -> str:
    head, _, signature = signed({}).split(".")
    return f"{head}.{part({'sub': str(BIDDER), 'admin': True})}.{signature}"


def deep() -> str:
    nested = base64.urlsafe_b64encode(b'{"alg":"HS256","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}").rstrip(b"=")
    return f"{nested.decode()}.e30.x"


def now() -> int:
    return int(time.time())


GOOD = {
    "plain": lambda: signed({}),
    "expired within the leeway": lambda: signed({"exp": now() - 30}),
    "not yet, within the leeway": lambda: signed({"nbf": now() + 30, "iat": now() + 30}),
    "with audience and issuer nobody asked for": lambda: signed({"aud": "someone", "iss": "else"}),
    "with other claims": lambda: signed({"colour": "blue", "exp": now() + 3600}),
}
BAD = {
    "no token": lambda: "hello",
    "empty parts": lambda: "..",
    "wrong secret": lambda: signed({}, "another secret of at least 32 bytes"),
    "expired": lambda: signed({"exp": now() - 120}),
    "not yet": lambda: signed({"nbf": now() + 120}),
    "issued later": lambda: signed({"iat": now() + 120}),
    "exp is no number": lambda: signed({"exp": "soon"}),
    "exp is null": lambda: signed({"exp": None}),
    "exp is infinite": lambda: signed({"exp": float("inf")}),
    "no algorithm": unsigned,
    "tampered": tampered,
    "another algorithm": lambda: signed({}, SECRET * 2, "HS512"),
    "another algorithm, same secret": lambda: signed({}, SECRET + SECRET, "HS384"),
    "subject is no UUID": lambda: signed({"sub": "alice"}),
    "no subject": lambda: jwt.encode({"admin": True}, SECRET, algorithm="HS256"),
    "nested too deeply": deep,
    "not ASCII": lambda: "é" * 20,
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_names_its_bidder(name: str) -> None:
    application, token = JwtApplication(SECRET), GOOD[name]()
    assert application.can_create_bid(token) == BIDDER
    assert list(application.can_query_bid(token)) == [BIDDER]
    assert application.can_read_bid(token, BIDDER) and application.can_update_bid(token, BIDDER)
    assert not application.can_read_bid(token, uuid4()) and not application.can_update_bid(token, uuid4())
    assert application.can_view_products(token)
    assert not application.can_manage_products(token) and not application.can_run_batch(token)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_may_nothing(name: str) -> None:
    application, token = JwtApplication(SECRET), BAD[name]()
    assert application.can_create_bid(token) is None
    assert not application.can_query_bid(token)
    assert not application.can_read_bid(token, BIDDER) and not application.can_update_bid(token, BIDDER)
    assert not application.can_view_products(token)
    assert not application.can_manage_products(token) and not application.can_run_batch(token)


@pytest.mark.parametrize("admin", ["true", 1, "yes", [True], {}, None, 1.0])
def test_an_admin_is_true_and_nothing_else(admin: Any) -> None:
    application = JwtApplication(SECRET)
    assert application.can_manage_products(signed({"admin": True}))
    assert not application.can_manage_products(signed({"admin": admin}))
    assert application.can_view_products(signed({"admin": admin}))


def test_audience_and_issuer_are_required_once_configured() -> None:
    application = JwtApplication(SECRET, audience="market", issuer="operator")
    assert application.can_view_products(signed({"aud": "market", "iss": "operator"}))
    for claims in ({}, {"aud": "market"}, {"iss": "operator"}, {"aud": "other", "iss": "operator"}):
        assert not application.can_view_products(signed(claims))


@pytest.mark.parametrize("secret", ["", "short", b"\x00\xff", "é" * 10, SECRET * 10])
def test_any_secret_will_do_without_a_warning(secret: str | bytes) -> None:
    issued = jwt.api_jwt.datetime.now(tz=jwt.api_jwt.timezone.utc)
    token = write_token(secret, BIDDER, issued=issued)
    assert JwtApplication(secret).can_create_bid(token) == BIDDER
    assert JwtApplication("not the same").can_create_bid(token) is None


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_short_secret_signs_as_it_does_elsewhere() -> None:
    token = jwt.encode({"sub": str(BIDDER)}, "short", algorithm="HS256")
    assert JwtApplication("short").can_create_bid(token) == BIDDER


@pytest.mark.parametrize("name", [name for name in BAD if name != "not ASCII"])
def test_a_bad_token_is_401_over_http(exchange: Exchange, name: str) -> None:
    token = BAD[name]()
    for method, path in (("GET", "/product"), ("GET", "/demand"), ("POST", "/batch"), ("GET", "/events")):
        reply = exchange.ask(method, path, token)
        assert reply.status_code == 401 and reply.headers["www-authenticate"] == "Bearer"
        assert token not in reply.text


def test_a_token_of_an_admin_is_a_bidder_too(exchange: Exchange) -> None:
    record = exchange.ask("GET", f"/demand/{exchange.demand(None, exchange.admin)}", exchange.admin).json()
    assert UUID(record["bidder_id"])
