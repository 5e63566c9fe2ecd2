"""Order books cleared by bisection of sorted prices: by hand, in exact fractions, and beside the native engine."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fts import Auction, Constant, Curve, Portfolio
from fts.solver import solve
from fts.solver.native.books import clear_books
from fts.solver.program import program_of

ROUNDING = 1e-15


def buy(size, price, drop=0.0, B=1.0, W=1.0):
    """A bid as (B, W, segments); a segment is (lo, hi, price at fill 0, slope)."""
    return B, W, [(0.0, size, price, drop / size if drop else 0.0)]


def sell(size, price, rise=0.0, B=1.0, W=1.0):
    return B, W, [(-size, 0.0, price, rise / size if rise else 0.0)]


def arrays(books):
    """The arguments of `clear_books` for books given as lists of bids."""
    bids = [bid for book in books for bid in book]
    count = np.array([len(segments) for _, _, segments in bids], dtype=np.int64)
    segments = np.array([segment for _, _, rows in bids for segment in rows], dtype=float).reshape(-1, 4)
    return (
        np.cumsum([0, *(len(book) for book in books)]),
        np.array([B for B, _, _ in bids], dtype=float),
        np.array([W for _, W, _ in bids], dtype=float),
        np.cumsum(count) - count,
        np.cumsum(count),
        *(np.ascontiguousarray(column) for column in segments.T),
    )


def clear(book, reference=nan, tie=0.0):
    return clear_books(*arrays([book]), reference=np.array([reference]), tie=np.array([tie]))


def state(outcome):
    """Price, its interval, and the two flags of a single book."""
    o = outcome
    return (
        *(float(v[0]) for v in (o.prices, o.price_low, o.price_high)),
        bool(o.unique_price[0]),
        bool(o.unique_rate[0]),
    )


def quantities(book, fills):
    """Quantity of the product that every segment trades."""
    ratio = [B / W for B, W, segments in book for _ in segments]
    return np.array(ratio) * fills


# --- by hand


def test_two_sloped_bids_meet_in_the_middle():
    outcome = clear([buy(100.0, 60.0, 40.0), sell(100.0, 20.0, 40.0)])
    assert state(outcome) == (40, 40, 40, True, True)
    assert outcome.fills.tolist() == [50, -50]


def test_the_tied_side_that_must_trade_fills_in_proportion_to_what_it_offers():
    book = [buy(3.0, 10.0), buy(5.0, 10.0), buy(1.0, 12.0), sell(3.0, 8.0), sell(4.0, 10.0)]
    outcome = clear(book)
    assert state(outcome) == (10, 10, 10, True, False)
    assert outcome.fills == pytest.approx([0.75, 1.25, 1, -3, 0], rel=ROUNDING)


def test_bids_tied_on_both_sides_do_not_trade_with_each_other():
    outcome = clear([buy(3.0, 10.0), sell(4.0, 10.0), sell(5.0, 11.0)])
    assert state(outcome) == (10, 10, 10, True, False)
    assert outcome.fills.tolist() == [0, 0, 0]


def test_a_two_sided_flat_bid_gives_what_others_need_and_is_no_choice():
    outcome = clear([(1.0, 1.0, [(-4.0, 4.0, 10.0, 0.0)]), buy(3.0, 12.0), sell(1.0, 8.0)])
    assert state(outcome) == (10, 10, 10, True, True)
    assert outcome.fills.tolist() == [-2, 3, -1]


@pytest.mark.parametrize(
    ("reference", "price"), [(nan, 7.5), (6.0, 6.0), (-3.0, 5.0), (40.0, 10.0), (5.0, 5.0), (10.0, 10.0)]
)
def test_equal_quantities_leave_an_interval_and_the_reference_chooses(reference, price):
    # 0.1 + 0.2 and 0.3 differ by rounding.
    outcome = clear([buy(0.1, 10.0), buy(0.2, 10.0), sell(0.3, 5.0), buy(7.0, 3.0), sell(2.0, 15.0)], reference)
    assert state(outcome) == (price, 5, 10, False, True)
    assert outcome.fills.tolist() == [0.1, 0.2, -0.3, 0, 0]


def test_no_trade_leaves_the_prices_between_the_best_quotes():
    outcome = clear([buy(3.0, 8.0), buy(3.0, 7.0, 2.0), sell(1.0, 9.0), sell(1.0, 9.5)])
    assert state(outcome) == (8.5, 8, 9, False, True)
    assert not outcome.fills.any()


@pytest.mark.parametrize(
    ("book", "expected"),
    [
        ([buy(3.0, 8.0)], (8, 8, inf, False, True)),
        ([buy(3.0, 8.0, 1.0), buy(3.0, 9.0)], (9, 9, inf, False, True)),
        ([sell(3.0, 8.0), sell(inf, 11.0)], (8, -inf, 8, False, True)),
        ([(1.0, 1.0, [(-2.0, 2.0, 5.0, 0.0)])], (5, 5, 5, True, True)),
        ([(1.0, 1.0, [(-2.0, 2.0, 5.0, 1.0)])], (5, 5, 5, True, True)),
        ([(1.0, 1.0, [(-2.0, 0.0, 6.0, 1.0), (0.0, 2.0, 4.0, 1.0)])], (5, 4, 6, False, True)),
        ([(1.0, 1.0, [(0.0, 0.0, 6.0, 0.0)])], (0, -inf, inf, False, True)),
        ([], (0, -inf, inf, False, True)),
    ],
)
def test_one_side_one_bid_or_none(book, expected):
    outcome = clear(book)
    assert state(outcome) == expected
    assert not outcome.fills.any()


def test_a_bid_in_another_unit_and_of_the_other_sign():
    # The second bid buys its demand by selling 2 of the product per unit of demand, worth at most -16 per unit: it
    # sells at 8 or above. The third sells at
    # 9, in a demand that counts 3 per unit.
    outcome = clear([buy(9.0, 20.0), (-2.0, 1.0, [(0.0, 3.0, -16.0, 0.0)]), (1.0, 3.0, [(-12.0, 0.0, 3.0, 0.0)])])
    assert state(outcome) == (9, 9, 9, True, True)
    assert outcome.fills.tolist() == [9, 3, -9]
    outcome = clear([buy(5.0, 20.0), (-2.0, 1.0, [(0.0, 3.0, -16.0, 0.0)])])
    assert state(outcome) == (8, 8, 8, True, True)
    assert outcome.fills.tolist() == [5, 2.5]


def test_unlimited_tied_bids_share_equally_and_limited_ones_do_not_trade():
    book = [buy(inf, 10.0), buy(inf, 20.0, B=1.0, W=0.5), buy(6.0, 10.0), sell(8.0, 3.0)]
    outcome = clear(book)
    assert state(outcome) == (10, 10, 10, True, False)
    assert outcome.fills.tolist() == [4, 2, 0, -8]


def test_what_an_unlimited_bid_trades_on_better_segments_counts_in_its_share():
    # Rates 3 + 1, 4, and 9, which takes no more.
    step = (1.0, 1.0, [(0.0, 3.0, 20.0, 0.0), (0.0, inf, 10.0, 0.0)])
    large = (1.0, 1.0, [(0.0, 9.0, 20.0, 0.0), (0.0, inf, 10.0, 0.0)])
    outcome = clear([step, buy(inf, 10.0), large, sell(17.0, 3.0)])
    assert state(outcome) == (10, 10, 10, True, False)
    assert outcome.fills.tolist() == [3, 1, 4, 9, 0, -17]


def test_unlimited_bids_that_profit_from_each_other_have_no_price_and_disturb_no_other_book():
    books = [[buy(inf, 10.0), sell(inf, 9.0), sell(1.0, 1.0)], [buy(2.0, 10.0), sell(1.0, 9.0)]]
    outcome = clear_books(*arrays(books))
    assert outcome.bounded.tolist() == [False, True]
    assert np.isnan([outcome.prices[0], outcome.price_low[0], outcome.price_high[0]]).all()
    assert outcome.fills.tolist() == [0, 0, 0, 1, -1]
    assert outcome.prices[1] == 10
    # 3·0.1 against 0.3 is not a profit.
    rounded = clear([buy(inf, 0.1, B=1.0, W=3.0), sell(inf, 0.3), sell(1.0, 0.1)])
    assert rounded.bounded.all()
    assert rounded.prices[0] == pytest.approx(0.3, rel=ROUNDING)
    assert rounded.fills == pytest.approx([3, 0, -1], rel=ROUNDING)


def test_prices_that_differ_by_rounding_are_one_price():
    # 3·0.1 is one rounding above 0.3: a trade of the first two would be a trade between tied bids.
    outcome = clear([buy(1.0, 0.1, B=1.0, W=3.0), sell(1.0, 0.3)])
    assert state(outcome)[3:] == (True, False)
    assert not outcome.fills.any()
    outcome = clear([buy(4.0, 0.3), buy(3.0, 0.1, B=1.0, W=3.0), sell(2.5, 0.2)])
    assert outcome.fills == pytest.approx([2, 1.5, -2.5], rel=ROUNDING)


def test_a_tolerance_of_ties_makes_near_prices_one():
    book = [buy(3.0, 10.0 + 1e-12), sell(5.0, 10.0), buy(1.0, 12.0)]
    assert clear(book).fills.tolist() == [3, -4, 1]
    outcome = clear(book, tie=1e-11)
    assert outcome.fills.tolist() == [0, -1, 1]
    assert state(outcome) == (10, 10, 10, True, False)


# --- huge and unlimited bids that lose

LOSERS = [
    buy(1e16, 40.0),
    buy(1e300, 41.0),
    buy(inf, 42.0),
    sell(1e16, 60.0),
    sell(1e300, 61.0),
    sell(inf, 62.0),
    buy(1e300, -1e300),
    sell(1e16, 1e20),
    buy(1e16, 40.0, 30.0),
    sell(1e300, 60.0, 7.0),
    (1.0, 1.0, [(-1e300, 0.0, 1e9, 0.0), (0.0, 1e300, -1e9, 0.0)]),
]


@pytest.mark.parametrize("seed", range(20))
def test_huge_and_unlimited_losing_bids_change_nothing(seed):
    rng = np.random.default_rng(seed)
    book = [
        (buy, sell)[k % 2](rng.uniform(1, 9), rng.uniform(48, 52), float(rng.choice([0, 1])) * rng.uniform(0, 3))
        for k in range(12)
    ]
    alone = clear(book)
    if not np.isfinite([alone.price_low[0], alone.price_high[0]]).all():
        pytest.skip("one side only")
    beside = clear([*LOSERS[:5], *book, *LOSERS[5:]])
    cut = slice(5, 5 + len(book))
    assert state(beside) == state(alone)
    assert beside.fills[cut].tolist() == alone.fills.tolist()
    assert not np.delete(beside.fills, np.arange(len(beside.fills))[cut]).any()


def test_a_huge_sloped_bid_that_trades_little():
    # It falls by 50 over 1e16 and trades 30: the price is below 100 by 1.5e-13.
    outcome = clear([buy(1e16, 100.0, 50.0), sell(30.0, 10.0)])
    assert outcome.fills == pytest.approx([30, -30], rel=ROUNDING)
    assert outcome.prices[0] == pytest.approx(100, rel=ROUNDING)


def test_a_bid_does_not_trade_with_itself_where_the_prices_of_its_segments_are_rounded():
    # Read from a curve in other units: the third segment begins one rounding above the end of the second.
    rows = [
        (-0.01446627820343159, 0.0, 1.5337440310581289e-06, 1.0368942024392644e-08),
        (0.0, 0.031705648963386776, 1.533744031058129e-06, 0.0),
        (0.0, 0.056529220737324914, 1.5337440310581293e-06, 2.653495022248529e-15),
    ]
    assert not clear([(3.0, 2.0, rows)]).fills.any()
    assert not clear([(-3.0, 2.0, rows)]).fills.any()


def test_the_rounding_of_a_price_in_another_unit_costs_no_balance():
    # The first bid is sloped by 3e-13 over 3e12 and trades 0.3, with 3·(-1/3) as its price.
    book = [
        (1.0, 3.0, [(-2716850427902.313, 2387047830608.8794, -1 / 3, 1.0933870055055118e-25)]),
        buy(0.3026557, 0.98),
    ]
    traded = quantities(book, clear(book).fills)
    assert traded == pytest.approx([-0.3026557, 0.3026557], rel=ROUNDING)


def test_small_bids_stay_on_their_curves_beside_the_rounding_of_large_ones():
    # A share of 2e16 among three is rounded by about 1, as much as the fourth bid is large.
    book = [*[sell(size, 50.0) for size in (1e16, 7e15, 1.3e16)], buy(1.0, 52.0, 4.0), buy(2e16, 60.0)]
    outcome = clear(book)
    assert state(outcome) == (50, 50, 50, True, False)
    assert outcome.fills[3] == 0.5
    assert outcome.fills[:3] == pytest.approx([-2e16 / 3, -1.4e16 / 3, -2.6e16 / 3], rel=ROUNDING)
    # The large bids differ by 2 of 3e16, which is rounding, and leave an interval in which small ones may trade.
    book = [buy(3e16, 60.0), sell(1e16 + 2, 40.0), sell(2e16, 41.0), buy(1.0, 52.0, 4.0), sell(1e-3, 51.0, 0.5)]
    outcome = clear(book)
    price, fills = outcome.prices[0], outcome.fills
    assert fills[:3].tolist() == [3e16, -1e16 - 2, -2e16]
    assert fills[3] == pytest.approx(min(max((52 - price) / 4, 0), 1), abs=1e-14)
    assert fills[4] == pytest.approx(-min(max((price - 51) / 500, 0), 1e-3), abs=1e-14)


# --- exact fractions


def exact(book, reference=None):
    """The canonical outcome in fractions, from the best responses of whole segments: price, low, high, fills, flags.

    Bounds must be finite; low and high are None where unlimited.
    """
    rows = [(Fraction(B) / Fraction(W), *map(Fraction, segment)) for B, W, segments in book for segment in segments]

    def response(row, price):
        """Least and largest best response of a segment, as fills."""
        r, lo, hi, c, s = row
        lam = price * r
        if s:
            y = min(max((c - lam) / s, lo), hi)
            return y, y
        return (hi if lam < c else lo), (lo if lam > c else hi)

    def net(price):
        ends = [sorted(row[0] * y for y in response(row, price)) for row in rows]
        return sum(e[0] for e in ends), sum(e[1] for e in ends)

    kinks = sorted({(c - s * y) / r for r, lo, hi, c, s in rows if lo < hi for y in (lo, hi, 0)})
    clearing = set()
    for price in kinks:
        least, most = net(price)
        if least <= 0 <= most:
            clearing.add(price)
    for a, b in zip(kinks, kinks[1:], strict=False):
        # In between net demand is linear: its values at thirds tell it.
        p, q = a + (b - a) / 3, b - (b - a) / 3
        at_p, at_q = net(p)[0], net(q)[0]
        if at_p == at_q:
            if at_p == 0:
                clearing |= {a, b}
        else:
            root = p - at_p * (q - p) / (at_q - at_p)
            if a <= root <= b:
                clearing.add(root)
    low = None if net(kinks[0] - 1)[0] == 0 else min(clearing)
    high = None if net(kinks[-1] + 1)[0] == 0 else max(clearing)
    if reference is not None:
        price = reference if low is None else max(reference, low)
        price = price if high is None else min(price, high)
    else:
        ends = [end for end in (low, high) if end is not None]
        price = sum(ends, Fraction(0)) / len(ends)
    if low is None:
        inner = kinks[0] - 1
    elif high is None:
        inner = kinks[-1] + 1
    else:
        inner = (low + high) / 2
    fills, tied = [], []
    for k, row in enumerate(rows):
        a, b = response(row, inner)
        fills.append(a if a == b else Fraction(0))
        if a != b:
            tied.append(k)
    need = -sum(row[0] * y for row, y in zip(rows, fills, strict=True))
    # On the side that must trade, every tied segment gives the same share of its extent on that side of 0.
    reach = {k: y for k in tied for y in rows[k][1:3] if rows[k][0] * y * need > 0}
    offer = sum(rows[k][0] * y for k, y in reach.items())
    for k, y in reach.items():
        fills[k] = need / offer * y
    least, most = net(inner)
    unique_rate = len(tied) <= 1 or 0 in (least, most)
    return price, low, high, fills, low == high and low is not None, unique_rate


def assert_exact(book, reference=None):
    price, low, high, fills, unique_price, unique_rate = exact(book, None if reference is None else Fraction(reference))
    outcome = clear(book, nan if reference is None else reference)
    size = max(1.0, max(abs(c * W / B) for B, W, rows in book for _, _, c, _ in rows))
    assert outcome.prices[0] == pytest.approx(float(price), abs=ROUNDING * size)
    assert outcome.price_low[0] == pytest.approx(-inf if low is None else float(low), abs=ROUNDING * size)
    assert outcome.price_high[0] == pytest.approx(inf if high is None else float(high), abs=ROUNDING * size)
    assert state(outcome)[3:] == (unique_price, unique_rate)
    assert outcome.fills == pytest.approx([float(y) for y in fills], rel=4e-15, abs=4e-15)
    traded = quantities(book, outcome.fills)
    assert abs(traded.sum()) <= 1e-15 * max(1e-300, np.abs(traded).sum())


whole = st.integers(-3, 12).map(float)
size = st.integers(1, 6).map(float)
ratio = st.tuples(st.sampled_from([1.0, 1.0, 1.0, -1.0, 2.0, -0.5]), st.sampled_from([1.0, 1.0, -1.0, 4.0]))


@st.composite
def bids(draw):
    """A bid with small whole numbers: flat or sloped, of one or both sides, or with steps."""
    B, W = draw(ratio)
    kind = draw(st.sampled_from(["flat", "sloped", "steps"]))
    price = draw(whole)
    if kind == "steps":
        falls = draw(st.lists(st.integers(0, 3).map(float), min_size=1, max_size=3))
        rows = [(-draw(size), 0.0, price, draw(st.sampled_from([0.0, 0.0, 1.0])))]
        for fall in falls:
            price -= fall
            slope = draw(st.sampled_from([0.0, 0.0, 1.0]))
            rows.append((0.0, draw(size), price, slope))
            price -= slope * rows[-1][1]
        return B, W, rows[draw(st.integers(0, 1)) :]
    lo, hi = draw(st.sampled_from([(-1.0, 0.0), (0.0, 1.0), (-1.0, 1.0)]))
    slope = draw(st.sampled_from([0.5, 1.0, 3.0])) if kind == "sloped" else 0.0
    return B, W, [(lo * draw(size), hi * draw(size), price, slope)]


@given(st.lists(bids(), min_size=1, max_size=9), st.none() | st.integers(-5, 15).map(float))
@settings(max_examples=600, deadline=None)
def test_small_whole_numbers_agree_with_exact_fractions(book, reference):
    assert_exact(book, reference)


@pytest.mark.parametrize("seed", range(60))
def test_real_numbers_agree_with_exact_fractions(seed):
    # Real sizes and prices, some of them tied; the level of prices is 5,000 in every third book.
    rng = np.random.default_rng(seed)
    level = 5000.0 if seed % 3 == 0 else 0.0
    book = []
    for k in range(int(rng.integers(2, 40))):
        price = level + float(rng.choice([rng.integers(0, 9), rng.normal(4, 3)]))
        s = float(rng.choice([0, rng.uniform(0.01, 3)]))
        # Flat bids are in units without rounding, so that ties are exact.
        B, W = float(rng.choice([1, -1])), float(rng.choice([1, -1])) * (3 if s else 1)
        lo, hi = [(-rng.uniform(1, 5), 0.0), (0.0, rng.uniform(1, 5)), (-rng.uniform(1, 5), rng.uniform(1, 5))][k % 3]
        book.append((B, W, [(lo, hi, price * B / W, s)]))
    price, low, high, fills, unique_price, unique_rate = exact(book)
    outcome = clear(book)
    assert outcome.prices[0] == pytest.approx(float(price), abs=2e-16 * (level + 10))
    assert outcome.price_low[0] == pytest.approx(float(low), abs=2e-16 * (level + 10))
    assert outcome.price_high[0] == pytest.approx(float(high), abs=2e-16 * (level + 10))
    assert state(outcome)[3:] == (unique_price, unique_rate)
    # The level of prices costs the fills nothing: their error is that of quantities, not of prices over slopes.
    assert outcome.fills == pytest.approx([float(y) for y in fills], rel=1e-14, abs=1e-14)
    traded = quantities(book, outcome.fills)
    assert abs(traded.sum()) <= 1e-15 * np.abs(traded).sum()


# --- beside the native engine


def random_market(seed, n_books=12):
    rng = np.random.default_rng(seed)
    demands, portfolios = {}, {}
    for b in range(n_books):
        for k in range(int(rng.integers(2, 15))):
            name, at = f"{b:02}-{k:02}", float(rng.choice([rng.integers(45, 56), rng.normal(50, 3)]))
            W = float(rng.choice([1, 1, -1, 2]))
            B = float(rng.choice([1, 1, -1, 3]))
            sign = B / W
            lo, hi = [(-rng.uniform(1, 9), 0), (0, rng.uniform(1, 9)), (-rng.uniform(1, 9), rng.uniform(1, 9))][k % 3]
            if rng.random() < 0.1:
                # Unlimited bids: buyers at 48 and sellers at 52, so that the auction is bounded.
                buys = rng.random() < 0.5
                demands[name] = Constant((48 if buys else 52) * sign, *((0, None) if buys == (sign > 0) else (None, 0)))
            elif rng.random() < 0.5:
                demands[name] = Constant(at * sign, lo, hi)
            else:
                rates = np.unique([lo, *rng.uniform(lo, hi, int(rng.integers(0, 3))), 0.0, hi])
                prices = at * sign - np.cumsum(rng.choice([0, 0.5, 2.0], len(rates)))
                demands[name] = Curve(list(zip(rates.tolist(), prices.tolist(), strict=True)))
            portfolios[name] = Portfolio({name: W}, {f"p{b:02}": B})
    return Auction(demands, portfolios)


def books_of(auction):
    """The books of an auction, one per product, as arguments of `clear_books`; and the portfolio of every bid."""
    program = program_of(auction)
    order = np.argsort(program.B.indices, kind="stable")
    start = np.searchsorted(program.B.indices[order], np.arange(program.B.shape[0] + 1))
    demand = program.W.indices[order]
    first, last = (np.searchsorted(program.segment_demand, demand, side) for side in ("left", "right"))
    return (
        (start, program.B.data[order], program.W.data[order], first, last)
        + (program.lo, program.hi, program.c, program.s),
        program,
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_native_engine_finds_the_same(seed):
    auction = random_market(seed)
    expected = solve(auction, "native")
    assert expected.certificate.status == "exact"
    arguments, program = books_of(auction)
    assert (np.diff(program.B.indptr) == 1).all()
    outcome = clear_books(*arguments)
    assert outcome.prices == pytest.approx(expected.prices, rel=1e-10)
    assert outcome.price_low == pytest.approx(expected.price_low, rel=1e-10)
    assert outcome.price_high == pytest.approx(expected.price_high, rel=1e-10)
    z = np.bincount(program.segment_demand, outcome.fills, program.W.shape[0])
    assert z / program.W.data == pytest.approx(expected.rates, rel=1e-8, abs=1e-8)
    assert expected.unique == (outcome.unique_price.all(), outcome.unique_rate.all())
    certificate = auction.certify(z / program.W.data, outcome.prices)
    assert certificate.status == "exact"


# --- what must not change the answer


def random_book(rng, n=14):
    book = []
    for k in range(n):
        price, s = (
            float(rng.choice([rng.integers(45, 56), rng.normal(50, 3)])),
            float(rng.choice([0, rng.uniform(0, 2)])),
        )
        lo, hi = [(-rng.uniform(1, 9), 0.0), (0.0, rng.uniform(1, 9)), (-rng.uniform(1, 9), rng.uniform(1, 9))][k % 3]
        book.append((1.0, 1.0, [(lo, hi, price, s)]))
    return book


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_bids_changes_no_price_and_no_fill(seed):
    rng = np.random.default_rng(seed)
    book = random_book(rng)
    order = rng.permutation(len(book))
    one, other = clear(book), clear([book[k] for k in order])
    assert state(one) == state(other)
    assert other.fills == pytest.approx(one.fills[order], rel=ROUNDING)


@pytest.mark.parametrize("seed", range(20))
def test_units_that_are_powers_of_two_change_nothing_but_the_unit(seed):
    rng = np.random.default_rng(seed)
    book = random_book(rng)
    one = clear(book)
    # Demand rates in quarters (z' = 4 z), money in eighths, the product in halves, portfolio rates in halves, so that
    # W' = 4/2, B' = 2/2, c' = 8/4 c, s' = 8/16 s; some portfolios are written with the other sign.
    other = [
        (B * sign, 2 * W * sign, [(4 * lo, 4 * hi, 2 * c, s / 2) for lo, hi, c, s in rows])
        for (B, W, rows), sign in zip(book, rng.choice([-1.0, 1.0], len(book)), strict=True)
    ]
    changed = clear(other)
    assert changed.fills.tolist() == (4 * one.fills).tolist()
    assert state(changed)[:3] == tuple(8 / 2 * price for price in state(one)[:3])
    assert state(changed)[3:] == state(one)[3:]


@pytest.mark.parametrize("seed", range(20))
def test_selling_is_buying_at_the_negative_price(seed):
    book = random_book(np.random.default_rng(seed))
    mirrored = [(-B, W, rows) for B, W, rows in book]
    one, other = clear(book), clear(mirrored)
    assert other.fills.tolist() == one.fills.tolist()
    price, low, high, *flags = state(one)
    assert state(other) == (-price, -high, -low, *flags)


@pytest.mark.parametrize("shift", [-50.0, 2.0**13, 2.0**20])
@pytest.mark.parametrize("seed", range(10))
def test_the_level_of_prices_costs_no_accuracy(seed, shift):
    # Prices are multiples of 2^-20, so that the shift is exact.
    rng = np.random.default_rng(seed)
    book = [(B, W, [(lo, hi, round(c * 2**20) / 2**20, s) for lo, hi, c, s in rows]) for B, W, rows in random_book(rng)]
    moved = [(B, W, [(lo, hi, c + shift, s) for lo, hi, c, s in rows]) for B, W, rows in book]
    one, other = clear(book), clear(moved)
    assert other.fills == pytest.approx(one.fills, rel=2e-14, abs=2e-15)
    assert other.prices - shift == pytest.approx(one.prices, abs=np.spacing(abs(shift)) + 1e-14)
    assert state(other)[3:] == state(one)[3:]


def test_many_books_at_once_are_the_books_one_by_one():
    rng = np.random.default_rng(0)
    books = [random_book(rng, int(n)) for n in rng.integers(0, 30, 50)]
    together = clear_books(*arrays(books))
    one_by_one = [clear(book) for book in books]
    assert together.fills.tolist() == np.concatenate([o.fills for o in one_by_one]).tolist()
    for name in ("prices", "price_low", "price_high", "unique_price", "unique_rate"):
        assert getattr(together, name).tolist() == [getattr(o, name)[0] for o in one_by_one]


def test_a_book_of_many_bids():
    # 20,000 flat bids at 1,000 whole prices, against totals by numpy.
    rng = np.random.default_rng(0)
    n = 20000
    size, price, buys = (
        rng.integers(1, 10, n).astype(float),
        rng.integers(0, 1000, n).astype(float),
        rng.random(n) < 0.5,
    )
    zero = np.zeros(n)
    outcome = clear_books(
        np.array([0, n]), np.ones(n), np.ones(n), np.arange(n), np.arange(n) + 1,
        np.where(buys, zero, -size), np.where(buys, size, zero), price, zero,
    )  # fmt: skip
    at = outcome.prices[0]
    demand, supply = size[buys & (price > at)].sum(), size[~buys & (price < at)].sum()
    assert demand <= supply + size[~buys & (price == at)].sum()
    assert supply <= demand + size[buys & (price == at)].sum()
    full = np.where(buys, price > at, price < at)
    assert (np.abs(outcome.fills[full]) == size[full]).all()
    assert not outcome.fills[np.where(buys, price < at, price > at)].any()
    tied = (price == at) & (outcome.fills != 0)
    assert np.ptp(np.abs(outcome.fills[tied]) / size[tied]) <= 1e-15
    assert abs(outcome.fills.sum()) <= 1e-15 * demand
