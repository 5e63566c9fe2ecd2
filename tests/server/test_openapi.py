"""The OpenAPI document and the explorer page that shows it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from playwright.sync_api import Browser, Request

from fts.cli import main
from fts.server import JwtApplication, create_app
from fts.server.app import ROUTES
from fts.server.openapi import openapi_document
from fts.server.uvicorn_server import serve_in_thread
from fts.store import DuckStore
from tests.server.conftest import Exchange


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium", "args": ["--no-sandbox"]}


def test_it_is_valid(exchange: Exchange) -> None:
    OpenAPIV31SpecValidator(exchange.document).validate()
    assert exchange.document["openapi"].startswith("3.1")
    names = [found["operationId"] for path in exchange.document["paths"].values() for found in path.values()]
    assert len(names) == len(set(names))


def test_only_health_and_market_need_no_token(exchange: Exchange) -> None:
    paths = exchange.document["paths"].items()
    public = {path for path, found in paths for way in found.values() if way.get("security") == []}
    assert public == {"/health", "/market"} and exchange.document["security"] == [{"token": []}]


def test_its_examples_are_accepted(exchange: Exchange) -> None:
    for path, found in exchange.document["paths"].items():
        for method, operation in found.items():
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                if "example" not in content:
                    continue
                token = exchange.admin
                target = path
                if path == "/demand/{id}":
                    target = f"/demand/{exchange.demand(None, token)}"
                if path == "/portfolio/{id}":
                    target = f"/portfolio/{exchange.portfolio(None, None, token)}"
                if path == "/product/{id}":
                    target = f"/product/{exchange.product()}"
                body = content["example"]
                # The ids of an example are nobody's.
                known = {"demand": exchange.demand(None, token), "basis": exchange.product()}
                if isinstance(body, dict):
                    body = body | {group: name for group, name in known.items() if group in body}
                sent = json.dumps(body).encode()
                reply = exchange.ask(method.upper(), target, token, content=sent, headers={"Content-Type": kind})
                assert reply.status_code in (200, 201), (method, path, reply.text)


def test_the_command_prints_the_same(exchange: Exchange, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    served = dict(exchange.document)
    assert served.pop("servers") == [{"url": "/"}]
    # Both contracts, of which this is the current one.
    old = exchange.http.get("/api-docs/openapi.json").json()
    assert printed["paths"] == served["paths"] | old["paths"]
    assert not served["paths"].keys() & old["paths"].keys()
    shapes = [part["components"]["schemas"] for part in (printed, served, old)]
    assert shapes[0] == shapes[1] | shapes[2]
    assert all(shapes[1][name] == shapes[2][name] for name in shapes[1].keys() & shapes[2].keys())
    assert all(printed[key] == served[key] for key in served.keys() - {"paths", "components"})
    OpenAPIV31SpecValidator(printed).validate()
    names = [found["operationId"] for path in printed["paths"].values() for found in path.values()]
    assert len(names) == len(set(names))


def test_the_applications_own_data_are_described() -> None:
    class Own(JwtApplication):
        demand_data: Any = str
        product_data: Any = dict[str, float]

    shapes = openapi_document(Own("x"), ROUTES)["components"]["schemas"]
    assert shapes["DemandData"] == {"type": "string"}
    assert shapes["ProductData"]["additionalProperties"] == {"type": "number"}


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("root_path", ["", "/user/someone/exchange"])
def test_the_page_shows_every_route_and_asks_no_other_host(browser: Browser, root_path: str) -> None:
    asked: list[str] = []
    problems: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    app = create_app(DuckStore(":memory:"), JwtApplication("x"))
    with serve_in_thread(under(root_path, app), app.state.broadcaster) as url:
        page = browser.new_page()
        page.on("request", note)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{url}{root_path}/docs")
        page.wait_for_selector(".opblock")
        assert page.locator(".opblock").count() == len(ROUTES)
        # Try the market out, as a reader would.
        block = page.locator("#operations-market-units_and_schedule")
        block.locator(".opblock-summary-control").click()
        block.locator("button.execute").click()
        text = block.locator(".live-responses-table .response .highlight-code").first.inner_text(timeout=20_000)
        assert "MWh" in text
        page.close()
    hosts = {urlsplit(address).netloc for address in asked if not address.startswith("data:")}
    assert hosts == {urlsplit(url).netloc}
    assert f"{root_path}/market" in {urlsplit(address).path for address in asked}
    assert problems == []


def under(prefix: str, app: Any) -> Any:
    """What an application sees behind a proxy that serves it under a prefix and strips that."""

    async def proxied(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            assert scope["path"].startswith(f"{prefix}/"), scope["path"]
            scope = {**scope, "root_path": prefix}
        await app(scope, receive, send)

    return proxied


def test_uvicorns_root_path_is_in_the_document() -> None:
    app = create_app(DuckStore(":memory:"), JwtApplication("x"))
    with serve_in_thread(app, app.state.broadcaster, root_path="/user/someone/exchange/") as url:
        described = httpx.get(f"{url}/docs/api.json").json()
        assert httpx.get(f"{url}/health").status_code == 200
    assert described["servers"] == [{"url": "/user/someone/exchange"}]


def test_files_beside_the_explorers_own_are_not_served(exchange: Exchange) -> None:
    assert exchange.http.get("/docs/swagger-ui.css").headers["content-type"].startswith("text/css")
    for name in ("main.py", "__init__.py", "..%2fmain.py", "%2e%2e/main.py"):
        assert exchange.http.get(f"/docs/{name}").status_code == 404


def test_the_page_forbids_other_hosts(exchange: Exchange) -> None:
    page = exchange.http.get("/docs")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!-- ", "")
