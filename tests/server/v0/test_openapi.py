"""The OpenAPI document of /v0 and its page, where they are served, and tokens as fts_server makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import jwt
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from playwright.sync_api import Browser

from fts.server import JwtApplication, create_app, generate_jwt, local
from fts.server.v0.routes import ROUTES
from fts.store import DuckStore
from tests.server.v0.conftest import V0Exchange


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium", "args": ["--no-sandbox"]}


def test_it_is_valid_and_has_every_route(v0: V0Exchange) -> None:
    document = v0.http.get("/api-docs/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    served = {(method.upper(), path) for path, found in document["paths"].items() for method in found}
    assert served == {(route.method, route.path) for route in ROUTES}
    assert all(path.startswith(("/v0/", "/admin/")) for _, path in served)


def test_its_examples_are_accepted(v0: V0Exchange) -> None:
    for path, found in v0.http.get("/api-docs/openapi.json").json()["paths"].items():
        for method, operation in found.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                bid = v0.auth({"demand": [{"rate": 0, "price": 1}]}, {}, v0.admin)["auth_id"]
                if path.startswith("/v0/costs"):
                    bid = v0.cost({"price": 1}, {}, v0.admin)["cost_id"]
                target, body = path.replace("{id}", bid).replace("{bidder}", v0.ids[v0.admin]), content["example"]
                if isinstance(body, dict) and "portfolio" in body:
                    body = body | {"portfolio": {v0.delivery(): 1}}
                reply = v0.ask(method.upper(), target, v0.admin, json=body)
                assert reply.is_success, (method, path, reply.text)


@pytest.mark.xdist_group("browser")
def test_the_page_shows_every_route_and_asks_no_other_host(browser: Browser, v0: V0Exchange) -> None:
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{v0.url}/rapidoc")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() == len(ROUTES)
    page.close()
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(v0.url).netloc}


def test_it_is_served_only_where_the_data_are_the_default_ones() -> None:
    class Own(JwtApplication):
        product_data = UUID

    with local(DuckStore(":memory:"), Own("x" * 32)) as url:
        for path in ("/v0/products", "/v0/auths", "/rapidoc", "/api-docs/openapi.json"):
            assert httpx.get(f"{url}{path}").status_code == 404
        assert httpx.get(f"{url}/health").status_code == 200


def test_a_generated_token_names_its_new_bidder() -> None:
    secret = "a secret that is long enough for anyone"
    application = JwtApplication(secret)
    token, bidder = generate_jwt(secret, 7)
    assert application.can_create_bid(token) == bidder and not application.can_manage_products(token)
    until = datetime.fromtimestamp(jwt.decode(token, secret, algorithms=["HS256"])["exp"], UTC)
    assert timedelta(days=6.9) < until - datetime.now(UTC) <= timedelta(days=7)
    operator, other = generate_jwt(secret, days=0.5, admin=True)
    assert application.can_manage_products(operator) and other != bidder
    assert application.can_create_bid(generate_jwt(secret, -1)[0]) is None


def test_a_page_of_another_origin_may_call_it(v0: V0Exchange) -> None:
    asks = {"Origin": "https://client.example", "Access-Control-Request-Method": "PUT"}
    reply = v0.http.options(f"/v0/submissions/{v0.ids[v0.alice]}", headers=asks)
    assert reply.status_code == 200 and "PUT" in reply.headers["access-control-allow-methods"]
    refused = v0.http.get("/v0/auths", headers={"Origin": "https://client.example"})
    assert refused.status_code == 401 and refused.headers["access-control-allow-origin"] == "*"


def test_nothing_else_is_served(v0: V0Exchange) -> None:
    app = create_app(DuckStore(":memory:"), JwtApplication("x"))
    assert app.state.market
    assert v0.http.request("PATCH", "/v0/auths").status_code == 405
    assert v0.http.get("/v0").status_code == v0.http.get("/v0/auths/").status_code == 404
