"""Who may do what: each row breaks one rule and every rule after it, and gets the status of the first."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from tests.server.v0.conftest import SUN, WIND, V0Exchange

NOWHERE = str(uuid4())
NEW_AUTH = {"portfolio": {}, "data": SUN}
NEW_COST = {"group": {}, "data": WIND}
SUBMISSION: dict[str, Any] = {"auths": [], "costs": []}

# Method, path, a body that is valid.
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/v0/auths", None),
    ("POST", "/v0/auths", NEW_AUTH),
    ("GET", "/v0/auths/{auth}", None),
    ("PUT", "/v0/auths/{auth}", {"data": SUN}),
    ("DELETE", "/v0/auths/{auth}", None),
    ("GET", "/v0/auths/{auth}/history", None),
    ("GET", "/v0/costs", None),
    ("POST", "/v0/costs", NEW_COST),
    ("GET", "/v0/costs/{cost}", None),
    ("PUT", "/v0/costs/{cost}", {"data": WIND}),
    ("DELETE", "/v0/costs/{cost}", None),
    ("GET", "/v0/costs/{cost}/history", None),
    ("GET", "/v0/submissions/{bidder}", None),
    ("PUT", "/v0/submissions/{bidder}", SUBMISSION),
    ("DELETE", "/v0/submissions/{bidder}", None),
    ("POST", "/admin/products", []),
]
NAMES = [f"{method} {path}" for method, path, _ in ROUTES]
each = pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=NAMES)
of_a_thing = pytest.mark.parametrize(
    ("method", "path", "body"), [route for route in ROUTES if "{" in route[1]], ids=[n for n in NAMES if "{" in n]
)
with_body = pytest.mark.parametrize(
    ("method", "path", "body"), [r for r in ROUTES if r[2] is not None], ids=[n for n in NAMES if n[0] == "P"]
)
JSON = {"Content-Type": "application/json"}


def filled(path: str, auth: str = NOWHERE, cost: str = NOWHERE, bidder: str = NOWHERE) -> str:
    return path.format(auth=auth, cost=cost, bidder=bidder)


def ask(v0: V0Exchange, method: str, path: str, token: str | None, body: Any) -> httpx.Response:
    return v0.ask(method, path, token, **({} if body is None else {"json": body}))


@each
def test_a_token_comes_first_and_is_401(v0: V0Exchange, method: str, path: str, body: Any) -> None:
    for header in (None, "Basic YTpi", "Bearer", "token"):
        headers = {} if header is None else {"Authorization": header}
        broken = filled(path, "x", "x", "x") + "?before=&portfolio=&group="
        reply = v0.ask(method, broken, headers=headers, content=b"{" if body is not None else None)
        assert reply.status_code == 401 and reply.headers["www-authenticate"] == "Bearer"


@of_a_thing
def test_then_the_path_is_400(v0: V0Exchange, method: str, path: str, body: Any) -> None:
    reply = v0.ask(method, filled(path, "x", "x", "x"), "bad", content=b"{" if body is not None else None)
    assert reply.status_code == 400 and "UUID" in reply.json()["detail"]


@with_body
def test_then_the_body(v0: V0Exchange, method: str, path: str, body: Any) -> None:
    def status(content: bytes, kind: str = "application/json") -> int:
        return v0.ask(method, filled(path), "bad", headers={"Content-Type": kind}, content=content).status_code

    assert status(b"{}", "text/plain") == 415
    assert status(b"") == status(b"{") == status(b"\xff") == 400
    assert status(b"5") == status(b'{"data": NaN}') == status(b"[1e400]") == 422


@each
def test_then_a_bad_token(v0: V0Exchange, method: str, path: str, body: Any) -> None:
    sub, key = str(uuid4()), v0.url.secret
    bad = [
        "bad",
        jwt.encode({"sub": sub}, "another secret, which is long enough"),
        jwt.encode({"sub": sub}, None, algorithm="none"),
        jwt.encode({"sub": sub}, key.encode().ljust(64, b"\0"), algorithm="HS512"),
        jwt.encode({"sub": sub, "exp": 1}, key),
        jwt.encode({"sub": sub, "nbf": 4_000_000_000}, key),
        jwt.encode({"admin": True}, key),
        jwt.encode({"sub": "alice", "admin": True}, key),
    ]
    for token in bad:
        reply = ask(v0, method, filled(path), token, body)
        assert reply.status_code == (400 if path.startswith("/admin") else 401), token


def test_admin_routes_are_403_for_others(v0: V0Exchange) -> None:
    for admin in (False, "true", 1, None):
        token = jwt.encode({"sub": str(uuid4()), "admin": admin}, v0.url.secret)
        assert ask(v0, "POST", "/admin/products", token, []).status_code == 403
    assert ask(v0, "POST", "/admin/products", v0.admin, []).status_code == 200


@of_a_thing
def test_then_what_is_not_there_is_404(v0: V0Exchange, method: str, path: str, body: Any) -> None:
    reply = ask(v0, method, filled(path), v0.bob, body)
    # Of submissions each bidder has one, and nobody else may know.
    assert reply.status_code == (403 if "bidder" in path else 404)


@of_a_thing
def test_then_what_is_someone_elses_is_403(v0: V0Exchange, method: str, path: str, body: Any) -> None:
    auth, cost = v0.auth(SUN, {})["auth_id"], v0.cost(WIND, {})["cost_id"]
    whole = filled(path, auth, cost, v0.ids[v0.alice])
    # An admin is no other bidder either.
    for token in (v0.bob, v0.admin):
        assert ask(v0, method, whole, token, body).status_code == 403
    assert v0.read(f"/v0/auths/{auth}")["data"] and v0.read(f"/v0/costs/{cost}")["data"]
    assert ask(v0, method, whole, v0.alice, body).status_code == 200


@of_a_thing
def test_bids_of_the_other_contract_are_not_there(v0: V0Exchange, method: str, path: str, body: Any) -> None:
    if "bidder" not in path:
        whole = filled(path, v0.portfolio({}, {}), v0.demand(None))
        assert ask(v0, method, whole, v0.alice, body).status_code == 404


def test_an_auth_is_no_cost_and_its_own_demand_neither(v0: V0Exchange) -> None:
    auth = v0.auth({"demand": WIND}, {})["auth_id"]
    (own,) = v0.ask("GET", f"/portfolio/{auth}", v0.alice).json()["demand"]
    for name in (auth, own):
        assert v0.ask("GET", f"/v0/costs/{name}", v0.alice).status_code == 404
    assert v0.ask("GET", f"/v0/auths/{own}", v0.alice).status_code == 404
    assert v0.ask("GET", f"/demand/{own}", v0.bob).status_code == 401
