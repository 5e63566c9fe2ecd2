"""How market values show themselves in a notebook: their numbers, escaped, with nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import fts

ODD = "<b>load</b> & co"
AUCTION = fts.Auction(
    {
        ODD: [(0, 60), (100, 20)],
        "wind": fts.Constant(5, -80, 0),
        "gas": [(-50, 55), (0, 35)],
        "far": [(-9, 99), (0, 99)],
    },
    {name: fts.Portfolio(name, "noon") for name in (ODD, "wind", "gas", "far")},
)


class Cells(HTMLParser):
    """The text of every table cell, row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def test_a_curve_shows_its_points() -> None:
    cells = Cells(fts.Curve([(-50, 55), (0, 35)])._repr_html_())
    assert cells.rows == [["rate", "price"], ["−50", "55"], ["0", "35"]]
    assert "svg" in cells.tags


def test_an_unlimited_end_is_infinite() -> None:
    assert Cells(fts.Constant(5, max_rate=0)._repr_html_()).rows[1:] == [["−∞", "5"], ["0", "5"]]


def test_an_outcome_shows_prices_rates_and_surpluses() -> None:
    outcome = AUCTION.solve()
    cells = Cells(outcome._repr_html_())
    # The load pays 60 - 0.4 · 80 for the last of the wind: a price of 28, 80 · (28 - 5) for the wind.
    assert ["noon", "28", "80"] in cells.rows
    assert ["wind", "28", "−80", "1,840"] in cells.rows
    assert [ODD, "28", "80", "1,280"] in cells.rows


def test_an_auction_counts_and_a_certificate_measures() -> None:
    assert ["portfolios", "4", f"{ODD}, wind, gas, far"] in Cells(AUCTION._repr_html_()).rows
    names = [row[0] for row in Cells(AUCTION.solve().certificate._repr_html_()).rows]
    assert names == ["measure", "imbalance", "domain", "consistency", "gap", "fit"]


def test_ids_are_escaped_and_nothing_comes_from_elsewhere() -> None:
    outcome = AUCTION.solve()
    for value in (AUCTION, outcome, outcome.certificate, *AUCTION.demands.values()):
        page = value._repr_html_()
        assert "<b>load" not in page
        assert not re.search(r"https?:|src=|href=|<script|<link|url\(", page)
