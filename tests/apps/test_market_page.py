"""The market dashboard in a real browser, over a real exchange."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

PATIENCE = 90_000
"""Longest time a page may take to follow on a busy machine [ms]."""

pytestmark = pytest.mark.xdist_group("browser")

TITLES = """() => Bokeh.documents.flatMap(
    document => [...document._all_models.values()].map(model => model.title?.text ?? "")
)"""


@dataclass
class Watched:
    """A page, what it asked for and what it complained about."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def watched(page: Page) -> Watched:
    seen = Watched(page)
    page.on("request", lambda request: seen.asked.append(request.url))
    page.on("console", lambda message: seen.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.set_default_timeout(PATIENCE)
    page.set_viewport_size({"width": 1400, "height": 1300})
    return seen


def hosts(watched: Watched) -> set[str | None]:
    return {urlsplit(url).hostname for url in watched.asked if url.startswith(("http", "ws"))}


def shown(price: float) -> str:
    return f"{price:,.4f}"


def test_a_bid_over_rest_moves_the_price_on_the_page(exchange, market, dashboard, watched: Watched) -> None:
    address = dashboard(exchange.operator)
    watched.page.goto(address)
    price = watched.page.locator("#price")
    expect(price).to_have_text("47.5000", timeout=PATIENCE)
    watched.page.evaluate("window.sameVisit = true")

    # Twice as steep: 100 - 0.8 q = 35 + 0.4 q at q = 54.1666…, but gas has only 50: the load pays 100 - 0.8 · 50.
    market.change([(0, 100), (100, 20)])
    assert market.price() == pytest.approx(60, rel=1e-9)
    expect(price).to_have_text(shown(market.price()), timeout=PATIENCE)
    expect(watched.page.locator("#volume")).to_have_text("50.0000")
    expect(watched.page.locator("#status")).to_have_text("live")
    expect(watched.page.locator("#batch-status")).to_have_text(re.compile("solved|exact"))
    watched.page.wait_for_function(f"({TITLES})().some(title => title.includes('50 MWh/h at 60 EUR/MWh'))")
    assert watched.page.evaluate("window.sameVisit")

    assert hosts(watched) == {"localhost"}
    assert watched.complaints == []
    assert exchange.operator not in watched.page.content()


def test_it_says_when_the_exchange_is_lost_and_recovers(exchange, market, dashboard, watched: Watched) -> None:
    watched.page.goto(dashboard(exchange.operator))
    expect(watched.page.locator("#price")).to_have_text("47.5000", timeout=PATIENCE)
    exchange.stop()
    expect(watched.page.locator("#status")).to_have_text("exchange lost", timeout=PATIENCE)
    expect(watched.page.locator("#lost")).to_contain_text("cannot be reached")
    # What was seen last stays on screen.
    expect(watched.page.locator("#price")).to_have_text("47.5000")

    exchange.start()
    expect(watched.page.locator("#status")).to_have_text("live", timeout=PATIENCE)
    expect(watched.page.locator("#lost")).to_be_hidden()
    market.change([(0, 100), (100, 20)])
    expect(watched.page.locator("#price")).to_have_text(shown(market.price()), timeout=PATIENCE)


def test_a_bidder_sees_prices_and_no_bids(exchange, market, dashboard, watched: Watched) -> None:
    watched.page.goto(dashboard(exchange.bidder))
    expect(watched.page.locator("#price")).to_have_text("47.5000", timeout=PATIENCE)
    expect(watched.page.locator("#hint")).to_contain_text("operators", timeout=PATIENCE)
    titles = watched.page.evaluate(TITLES)
    assert not any("Supply and demand" in title for title in titles)
    assert any("Price by batch" in title for title in titles)


def test_a_refused_token_is_named(exchange, market, dashboard, watched: Watched) -> None:
    watched.page.goto(dashboard("not-a-token"))
    expect(watched.page.locator("#status")).to_have_text("token refused", timeout=PATIENCE)
    expect(watched.page.locator("#lost")).to_contain_text("refuses this dashboard's token")
    expect(watched.page.locator("#lost")).to_contain_text("FTS_TOKEN")


def test_it_serves_under_a_prefix(exchange, market, dashboard, watched: Watched) -> None:
    address = dashboard(exchange.operator, "--prefix", "/user/someone/dashboard")
    assert urlsplit(address).path == "/user/someone/dashboard/"
    watched.page.goto(address)
    expect(watched.page.locator("#price")).to_have_text("47.5000", timeout=PATIENCE)
    asked = {urlsplit(url).path for url in watched.asked if url.startswith(("http", "ws"))}
    assert {path for path in asked if not path.startswith("/user/someone/dashboard/")} == set()
