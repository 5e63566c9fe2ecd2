"""Walking a history page by page visits every row once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from fts.errors import InvalidInstant
from fts.exchange import ForwardTerms, Market
from fts.models.certificate import Certificate
from fts.models.outcome import Outcome
from fts.models.timestamps import format_instant


def nothing_trades(auction) -> Outcome:
    return Outcome(
        auction,
        prices=np.arange(len(auction.product_ids)),
        rates=np.zeros(len(auction.portfolio_ids)),
        demand_prices=np.zeros(len(auction.demand_ids)),
        certificate=Certificate("other rule", 0, 0, 0, 0, 0, 0, 0),
        solver="none",
    )


@pytest.fixture
def market(clock) -> Iterator[Market]:
    with Market(application=ForwardTerms(now=clock), page_limit=3, clearing=nothing_trades) as market:
        yield market


@pytest.fixture
def histories(market, clock, noon, bidder):
    demand = market.create_demand({"name": "d"}, [(0, 1), (1, 0)], bidder=bidder)
    portfolio = market.create_portfolio({"name": "p"}, demand.id, noon, bidder=bidder)
    for k in range(7):
        clock.wait(minutes=1)
        market.change_demand(demand.id, [(0, k), (1, 0)])
        market.change_portfolio(portfolio.id, demand={demand.id: k + 1}, basis={noon: k + 1})
        market.run_batch()
    return {
        "curves": lambda **span: market.history.curves(demand.id, **span),
        "demand": lambda **span: market.history.demand_weights(portfolio.id, **span),
        "basis": lambda **span: market.history.basis(portfolio.id, **span),
        "product": lambda **span: market.history.product_outcomes(noon, **span),
        "portfolio": lambda **span: market.history.portfolio_outcomes(portfolio.id, **span),
    }


def walk(history, **span):
    rows = []
    pages = 0
    while span is not None:
        page = history(**span)
        rows += page.results
        span = page.more
        pages += 1
        assert len(page.results) == 3 or span is None
    return rows, pages


@pytest.mark.parametrize("name", ["curves", "demand", "basis", "product", "portfolio"])
def test_every_history_is_walked_once_from_the_newest(histories, name) -> None:
    history = histories[name]
    rows, pages = walk(history)
    instants = [row.valid_from for row in rows]
    assert len(rows) == (7 if name in ("product", "portfolio") else 8)
    assert pages == 3
    assert instants == sorted(set(instants), reverse=True)
    assert [row.valid_until for row in rows] == [None, *instants[:-1]]
    # before leaves out its instant, after does not.
    inner, _ = walk(history, before=instants[1], after=instants[5])
    assert inner == rows[2:6]
    assert walk(history, before=instants[2], after=instants[2]) == ([], 1)
    assert walk(history, before=instants[-1]) == ([], 1)
    assert walk(history, after=format_instant(instants[0])) == ([rows[0]], 1)


def test_a_page_that_is_just_full_has_no_more(histories, market) -> None:
    batches, pages = walk(market.batches)
    assert (len(batches), pages) == (7, 3)
    page = market.batches(after=batches[2].instant)
    assert (page.results, page.more) == (batches[:3], None)
    assert page.to_json() == {"results": [batch.to_json() for batch in batches[:3]]}
    page = market.batches(after=batches[3].instant)
    assert page.more == {"before": batches[2].instant, "after": batches[3].instant}
    assert page.to_json()["more"] == {
        "before": format_instant(batches[2].instant),
        "after": format_instant(batches[3].instant),
    }


def test_a_span_needs_an_offset(histories) -> None:
    with pytest.raises(InvalidInstant, match="offset"):
        histories["curves"](before="2027-06-01T12:00:00")
