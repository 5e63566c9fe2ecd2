"""Spans of slices: when they begin and end, what they clear, and what may not overlap."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from fts.errors import InvalidInstant, MissingLibrary, SpanTaken
from fts.exchange import ForwardTerms, Market
from fts.models.timestamps import format_instant, parse_instant
from tests.exchange.auths import auth

LOAD, WIND = [(0, 60), (100, 20)], {"price": 5, "min_rate": -80, "max_rate": 0}
MINUTE = timedelta(minutes=1)
SIXTH = round(80 / 6, 9)


@pytest.fixture
def pair(market: Market, noon: str) -> tuple[str, str]:
    """60 - 0.4 rate meets up to 80 from 5 on: 80 at 28."""
    return auth(market, LOAD, noon, uuid4()), auth(market, WIND, noon, uuid4())


def june(text: str) -> str:
    """Such as 13:30 on the day of the tests, whose clock begins at 12:00."""
    return f"2027-06-01T{text}:00Z"


def shown(records: Any) -> list[tuple[str, str]]:
    return [(format_instant(record.instant)[11:16], format_instant(record.thru)[11:16]) for record in records]


def trades(market: Market, portfolio: str) -> list[tuple[str, str, float]]:
    return [
        (format_instant(t.from_)[11:16], format_instant(t.thru)[11:16], round(t.trade, 9))
        for t in market.v0.portfolio_trades(portfolio)
    ]


def test_every_whole_slice_is_a_batch_and_a_remainder_is_not(market, pair, noon) -> None:
    records = market.v0.solve_span(june("13:00"), june("14:45"), "30m")
    assert shown(records) == [("13:00", "13:30"), ("13:30", "14:00"), ("14:00", "14:30")]
    assert [record.duration for record in records] == [0.5] * 3
    # 80 for half an hour.
    assert trades(market, pair[0]) == [("14:00", "14:30", 40), ("13:30", "14:00", 40), ("13:00", "13:30", 40)]
    assert trades(market, pair[1])[0] == ("14:00", "14:30", -40)
    (newest, *_) = market.v0.product_trades(noon)
    assert (newest.price, newest.trade) == (pytest.approx(28), pytest.approx(40))
    assert newest.to_json() == {
        "from": "2027-06-01T14:00:00Z",
        "thru": "2027-06-01T14:30:00Z",
        "price": newest.price,
        "trade": newest.trade,
    }
    assert market.v0.product_trades(str(uuid4())).results == []
    # The other contract sees the same batches, ends and all.
    rows = market.history.portfolio_outcomes(pair[0]).results
    assert [format_instant(row.valid_until)[11:16] for row in rows] == ["14:30", "14:00", "13:30"]
    assert market.v0.solve_span(june("15:00"), june("15:20"), "30m") == []


def test_where_a_span_begins_if_nothing_is_said(market, clock, pair) -> None:
    # Nothing was solved: thru - by; without by, now.
    assert shown(market.v0.solve_span(thru=june("13:00"), by="15m")) == [("12:45", "13:00")]
    # From then on where the last one ended, whatever its length.
    assert shown(market.v0.solve_span(thru=june("13:30"))) == [("13:00", "13:30")]
    assert shown(market.v0.solve_span(june("15:00"), june("16:00"))) == [("15:00", "16:00")]
    assert shown(market.v0.solve_span(thru=june("14:00"), by=15 * MINUTE)) == [("13:30", "13:45"), ("13:45", "14:00")]
    with Market(application=ForwardTerms(clock)) as other:
        (record,) = other.v0.solve_span(thru=june("13:00"))
        assert record.instant < record.solved_at < clock() + timedelta(seconds=1)


def test_a_slice_is_solved_with_the_auction_of_its_begin(market, clock, pair) -> None:
    (own,) = market.portfolio(pair[0]).demand
    clock.wait(hours=1)
    market.change_demand(own, [(0, 50), (100, 20)])
    clock.wait(hours=1)
    early, late, coming = market.v0.solve_span(june("12:30"), june("15:30"), "1h")
    assert market.batch_prices(early.instant)[0]["price"] == pytest.approx(28)
    # 50 - 0.3 * 80
    assert market.batch_prices(late.instant)[0]["price"] == pytest.approx(26)
    assert coming.instant > coming.solved_at
    assert market.batch_prices(coming.instant)[0]["price"] == pytest.approx(26)


@pytest.mark.parametrize(
    ("span", "why"),
    [
        ({"from_": june("14:00"), "thru": june("14:00")}, "is empty"),
        ({"from_": june("15:00"), "thru": june("14:00")}, "is empty"),
        ({"thru": june("11:00")}, "is empty"),
        ({"from_": june("13:00"), "thru": june("14:00"), "by": "soon"}, "not a duration"),
        ({"from_": june("13:00"), "thru": june("14:00"), "by": timedelta(0)}, "longer than nothing"),
        ({"from_": june("13:00"), "thru": june("14:00"), "by": "1ms"}, "3600000 slices"),
        ({"from_": "2027-06-01T13:00:00", "thru": june("14:00")}, "offset"),
        ({"from_": june("13:00")}, "not an instant"),
    ],
)
def test_spans_that_cannot_be(market, pair, span, why) -> None:
    with pytest.raises(InvalidInstant, match=why):
        market.v0.solve_span(**span)
    assert market.batches().results == []


def test_a_span_is_solved_once(market, pair) -> None:
    market.v0.solve_span(june("13:00"), june("14:00"), "30m")
    for span in (("13:00", "14:00"), ("12:00", "13:01"), ("13:59", "15:00"), ("13:10", "13:20"), ("12:00", "15:00")):
        with pytest.raises(SpanTaken, match="nothing was solved for"):
            market.v0.solve_span(*map(june, span))
    # Before, after, and in a gap there is room.
    for span in (("12:30", "13:00"), ("15:00", "16:00"), ("14:00", "15:00")):
        market.v0.solve_span(*map(june, span))
    begins = [begin for begin, _, _ in trades(market, pair[0])]
    assert begins == ["15:00", "14:00", "13:30", "13:00", "12:30"]


def test_a_batch_of_the_other_contract_ends_the_slice_it_falls_into(market, clock, pair) -> None:
    market.v0.solve_span(june("12:05"), june("13:00"))
    market.v0.solve_span(june("13:00"), june("14:00"))
    clock.wait(minutes=15)
    run = market.run_batch(june("12:15"))
    assert run.thru is None
    # The next slice still begins at its time.
    assert trades(market, pair[0]) == [
        ("13:00", "14:00", 80),
        ("12:15", "13:00", 60),
        ("12:05", "12:15", SIXTH),
    ]
    rows = market.history.portfolio_outcomes(pair[0]).results
    assert [format_instant(row.valid_from)[11:16] for row in rows] == ["13:00", "12:15", "12:05"]
    clock.wait(minutes=15)
    market.run_batch(june("12:30"))
    assert trades(market, pair[0])[1:3] == [("12:30", "13:00", 40), ("12:15", "12:30", 20)]
    for late in ("12:30", "12:20", "13:00"):
        with pytest.raises(InvalidInstant):
            market.run_batch(june(late))
    # The last slice ended by itself; what comes after it is open, and not listed until it ends.
    clock.wait(hours=2)
    market.run_batch(june("14:30"))
    assert market.history.portfolio_outcomes(pair[0]).results[0].valid_until is None
    assert trades(market, pair[0])[0] == ("13:00", "14:00", 80)
    market.v0.solve_span(june("15:00"), june("16:00"))
    assert trades(market, pair[0])[:2] == [("15:00", "16:00", 80), ("14:30", "15:00", 40)]


def test_a_span_over_a_batch_of_the_other_contract(market, clock, pair) -> None:
    market.run_batch(june("12:30"))
    with pytest.raises(SpanTaken, match="from 2027-06-01T12:30:00Z until the next batch"):
        market.v0.solve_span(june("12:00"), june("13:00"))
    assert shown(market.v0.solve_span(june("12:00"), june("12:30"))) == [("12:00", "12:30")]
    market.run_batch(june("14:00"))
    # What held from 12:30 until 14:00 is done; what holds from 14:00 on may be followed.
    with pytest.raises(SpanTaken, match="until 2027-06-01T14:00:00Z"):
        market.v0.solve_span(june("13:00"), june("13:30"))
    market.v0.solve_span(june("16:00"), june("17:00"))
    market.v0.solve_span(june("15:00"), june("15:30"))
    assert trades(market, pair[0])[:3] == [("16:00", "17:00", 80), ("15:00", "15:30", 40), ("14:00", "15:00", 80)]


def test_under_a_schedule_an_open_batch_ends_with_its_step(clock, noon) -> None:
    with Market(application=ForwardTerms(clock), schedule="10m") as market:
        product = market.create_product({"kind": 0, "from": june("20:00"), "thru": june("21:00")}).id
        load, _ = auth(market, LOAD, product, uuid4()), auth(market, WIND, product, uuid4())
        market.run_batch(june("12:10"))
        assert trades(market, load) == [("12:10", "12:20", SIXTH)]
        market.v0.solve_span(june("12:30"), june("13:00"))
        # The slice does not prolong it, nor does the schedule prolong or cut the slice.
        assert trades(market, load) == [("12:30", "13:00", 40), ("12:10", "12:20", SIXTH)]
        clock.wait(minutes=40)
        market.run_batch(june("12:40"))
        assert trades(market, load)[:2] == [
            ("12:40", "12:50", SIXTH),
            ("12:30", "12:40", SIXTH),
        ]
        clock.wait(hours=5)
        assert market.v0.traded([load])[load] == pytest.approx(40)


def test_a_slice_that_cannot_be_cleared_is_recorded_and_the_next_one_runs(market, clock, noon) -> None:
    rich, poor = (auth(market, {"price": price}, noon, uuid4()) for price in (10, 5))
    clock.wait(minutes=90)
    (own,) = market.portfolio(rich).demand
    market.change_demand(own, LOAD)
    first, second, third = market.v0.solve_span(june("12:30"), june("14:00"), "30m")
    assert [record.cleared for record in (first, second, third)] == [False, False, True]
    assert "unbounded" in first.reason and first.thru is not None
    # 60 - 0.4 rate = 5
    assert trades(market, rich) == [("13:30", "14:00", 50)]
    assert trades(market, poor) == [("13:30", "14:00", -50)]
    # It holds nothing, but a batch keeps its instant; and the next span goes on behind it.
    with pytest.raises(SpanTaken, match="was run and not solved"):
        market.v0.solve_span(june("12:00"), june("13:00"), "30m")
    assert len(market.batches().results) == 3
    assert shown(market.v0.solve_span(thru=june("15:00"))) == [("14:00", "15:00")]


def test_a_solver_that_is_missing_ends_the_span(clock) -> None:
    with Market(application=ForwardTerms(clock), clearing=_missing) as market:
        with pytest.raises(MissingLibrary):
            market.v0.solve_span(june("13:00"), june("14:00"), "15m")
        assert len(market.batches().results) == 1


def _missing(auction: Any) -> Any:
    raise MissingLibrary("no such solver")


def test_pages_of_trades(market, clock, pair) -> None:
    market.page_limit = 3
    market.v0.solve_span(june("13:00"), june("15:00"), "15m")
    page = market.v0.portfolio_trades(pair[0])
    assert [format_instant(trade.from_)[11:16] for trade in page] == ["14:45", "14:30", "14:15"]
    rest = market.v0.portfolio_trades(pair[0], **page.more)
    assert [format_instant(trade.from_)[11:16] for trade in rest] == ["14:00", "13:45", "13:30"]
    last = market.v0.portfolio_trades(pair[0], **rest.more)
    assert [format_instant(trade.from_)[11:16] for trade in last] == ["13:15", "13:00"] and last.more is None
    span = market.v0.product_trades(market.products().results[0].id, before=june("13:45"), after=june("13:15"))
    assert [format_instant(trade.from_)[11:16] for trade in span] == ["13:30", "13:15"]


def test_a_product_without_a_price_is_left_out_and_a_price_of_a_portfolio_is_null(market, noon) -> None:
    lonely = auth(market, [(0, 5)], noon, uuid4())
    market.v0.solve_span(june("13:00"), june("14:00"))
    assert market.v0.product_trades(noon).results == []
    (trade,) = market.v0.portfolio_trades(lonely)
    assert (trade.price, trade.trade) == (None, 0)


def test_what_was_traded_counts_batches_that_have_begun(market, clock, pair) -> None:
    load, wind = pair
    assert market.v0.traded([load]) == {load: 0}
    market.v0.solve_span(june("12:30"), june("13:30"), "30m")
    assert market.v0.traded(pair) == {load: 0, wind: 0}
    clock.wait(minutes=31)
    assert market.v0.traded(pair) == {load: pytest.approx(40), wind: pytest.approx(-40)}
    clock.wait(hours=1)
    assert market.v0.traded([load])[load] == pytest.approx(80)
    # What is open counts until now.
    market.run_batch(june("13:31"))
    clock.wait(minutes=30)
    assert market.v0.traded([load])[load] == pytest.approx(120)


def test_what_is_listed_when(market, clock, pair) -> None:
    def listed(instant: Any = None) -> list[tuple[str, str]]:
        return [(format_instant(a)[11:16], format_instant(b)[11:16]) for a, b in market.v0.closed_batches(instant)]

    assert listed() == []
    first = market.run_batch(june("12:30"))
    assert listed(first.instant) == [] == listed()
    (second,) = market.v0.solve_span(june("13:00"), june("14:00"))
    assert listed(second.instant) == [("12:30", "13:00"), ("13:00", "14:00")]
    third = market.run_batch(june("13:30"))
    assert listed(third.instant) == []
    assert listed() == [("13:00", "13:30")]
    assert listed(market.run_batch(june("15:00")).instant) == [("13:30", "15:00")]
    assert listed() == [("13:30", "15:00")]


def test_quantities_of_one_batch(market, pair, noon, dusk) -> None:
    owner = market.portfolio(pair[0]).bidder_id
    named = market.create_portfolio({"name": "other"}, list(market.portfolio(pair[0]).demand), dusk, bidder=owner).id
    market.v0.solve_span(june("13:00"), june("14:30"))
    ((begins, ends),) = market.v0.closed_batches()
    assert (begins, ends) == (parse_instant(june("13:00")), parse_instant(june("14:30")))
    found = market.v0.product_trades_of(begins, ends, [noon, dusk, str(uuid4())])
    assert found[noon].trade == pytest.approx(120)
    stranger = str(uuid4())
    of = market.v0.bidder_trades_of(begins, ends, [owner, stranger])
    # Only auths, whose name is their id, are told.
    assert [trade.id for trade in of[owner]] == [pair[0]] and named != pair[0]
    assert of[owner][0].trade == pytest.approx(120) and of[stranger] == []
