"""Small connected parts cleared in compiled code: by hand, beside the general method, many at once and one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from families import FAMILIES

from fts import Auction, Constant, Portfolio
from fts.errors import UnboundedAuction
from fts.models.columns import Floats
from fts.solver.cleared_parts import ClearedParts
from fts.solver.clearing import clearings
from fts.solver.connected_parts import ConnectedParts, connected_parts, programs_of
from fts.solver.native.small_parts import MAX_SMALL_BIDS, clear_small_of, find_small
from fts.solver.program import program_of, tradable_part

CLOSE = 1e-9


def market(**bids: tuple[Any, dict[str, float]]) -> Auction:
    """An auction of named bids, each a curve and a basis."""
    return Auction(
        {name: curve for name, (curve, _) in bids.items()},
        {name: Portfolio({name: 1.0}, basis) for name, (_, basis) in bids.items()},
    )


def together(auctions: list[Auction]) -> Auction:
    """Several auctions as one; names get the number of their auction."""
    demands, portfolios = {}, {}
    for n, auction in enumerate(auctions):
        written = auction.to_json()
        demands.update({f"{n}.{name}": curve for name, curve in written["demand_curves"].items()})
        for name, one in written["portfolios"].items():
            weights = ({f"{n}.{key}": w for key, w in one[group].items()} for group in ("demand", "basis"))
            portfolios[f"{n}.{name}"] = dict(zip(("demand", "basis"), weights, strict=True))
    return Auction.from_json({"demand_curves": demands, "portfolios": portfolios})


def cleared(auction: Auction, reference: dict[str, float] | None = None) -> ClearedParts:
    part = tradable_part(auction)
    program, parts = program_of(auction, part), connected_parts(part.B, part.W)
    near = None
    if reference is not None:
        near = np.array([reference.get(name, np.nan) for name in auction.product_ids.to_pylist()])[part.products]
    return clear_small_of(program, parts, find_small(program, parts), near)


def by_name(auction: Auction, found: ClearedParts) -> tuple[dict[str, float], dict[str, float]]:
    """Prices by product and rates by bid; every bid and product must be of a part that was found."""
    assert found.found.all()
    assert len(found.products) == len(auction.product_ids) and len(found.portfolios) == len(auction.portfolio_ids)
    products, bids = auction.product_ids.to_pylist(), auction.portfolio_ids.to_pylist()
    prices = {products[p]: float(price) for p, price in zip(found.products, found.prices, strict=True)}
    return prices, {bids[i]: float(rate) for i, rate in zip(found.portfolios, found.rates, strict=True)}


def flags(found: ClearedParts) -> tuple[bool, bool]:
    return bool(found.unique_price.all()), bool(found.unique_rate.all())


# By hand --------------------------------------------------------------------------------------------------------------


def test_a_converter_between_two_products_is_full() -> None:
    # A costs 10, B brings 13, converting one into the other costs 2: the converter limits the trade.
    auction = market(
        seller=(Constant(10, -4, 0), {"A": 1}),
        converter=(Constant(-2, 0, 3), {"A": 1, "B": -1}),
        buyer=(Constant(13, 0, 4), {"B": 1}),
    )
    found = cleared(auction)
    prices, rates = by_name(auction, found)
    assert prices == {"A": 10, "B": 13}
    assert rates == {"seller": -3, "converter": 3, "buyer": 3}
    assert flags(found) == (True, True)
    assert np.array_equal(found.price_low, found.prices) and np.array_equal(found.price_high, found.prices)


def test_sloped_bids_meet_where_supply_is_demand() -> None:
    # Buyer of the pair: 30 - x. Sellers of A and B: 4 + x and 5 + 2x. So 30 - x = 9 + 3x at x = 5.25.
    auction = market(
        pair=([(0, 30), (10, 20)], {"A": 1, "B": 1}),
        a=([(-10, 14), (0, 4)], {"A": 1}),
        b=([(-10, 25), (0, 5)], {"B": 1}),
    )
    found = cleared(auction)
    prices, rates = by_name(auction, found)
    assert rates == pytest.approx({"pair": 5.25, "a": -5.25, "b": -5.25}, abs=1e-14)
    assert prices == pytest.approx({"A": 9.25, "B": 15.5}, abs=1e-14)


def test_tied_sellers_share_in_proportion_to_what_they_offer() -> None:
    auction = market(
        small=(Constant(10, -2, 0), {"A": 1}),
        large=(Constant(10, -6, 0), {"A": 1}),
        other=(Constant(1, -10, 0), {"B": 1}),
        pair=(Constant(20, 0, 4), {"A": 1, "B": 1}),
    )
    found = cleared(auction)
    prices, rates = by_name(auction, found)
    assert prices == {"A": 10, "B": 1}
    assert rates == pytest.approx({"small": -1, "large": -3, "other": -4, "pair": 4}, abs=1e-14)
    assert flags(found) == (True, False)


def test_unlimited_sellers_trade_alike_and_limited_ones_not_at_all() -> None:
    auction = market(
        limited=(Constant(10, -6, 0), {"A": 1}),
        one=(Constant(10, None, 0), {"A": 1}),
        two=(Constant(10, None, 0), {"A": 1}),
        other=(Constant(1, -10, 0), {"B": 1}),
        pair=(Constant(20, 0, 4), {"A": 1, "B": 1}),
    )
    found = cleared(auction)
    prices, rates = by_name(auction, found)
    assert prices == {"A": 10, "B": 1}
    assert rates["limited"] == 0
    assert rates == pytest.approx({"limited": 0, "one": -2, "two": -2, "other": -4, "pair": 4}, abs=1e-14)


def open_pair() -> Auction:
    """The seller keeps its rate for A + B ≤ 10, the buyer for A + 1.5 B ≥ 15; nothing can be exchanged."""
    return market(
        seller=(Constant(10, -2, 0), {"A": 1, "B": 1}),
        buyer=(Constant(15, 0, 2), {"A": 1, "B": 1.5}),
    )


def test_open_prices_are_the_nearest_to_0() -> None:
    # The nearest to 0 on A + 1.5 B = 15 has A + B = 11.5, so both limits hold.
    auction = open_pair()
    found = cleared(auction)
    prices, rates = by_name(auction, found)
    assert prices == pytest.approx({"A": 0, "B": 10}, abs=1e-14)
    assert rates == {"seller": 0, "buyer": 0}
    assert flags(found) == (False, True)
    assert np.isnan(found.price_low).all() and np.isnan(found.price_high).all()


@pytest.mark.parametrize(
    ("reference", "prices"),
    [
        # Within the limits.
        ({"A": -2, "B": 11.5}, {"A": -2, "B": 11.5}),
        # On A + B = 10 next to (1, 12).
        ({"A": 1, "B": 12}, {"A": -0.5, "B": 10.5}),
        # A as wished, and of what that leaves to B, at least 32/3, the nearest to 0.
        ({"A": -1}, {"A": -1, "B": 32 / 3}),
        # A at most 0, where only B = 10 is left.
        ({"A": 5}, {"A": 0, "B": 10}),
    ],
)
def test_references_come_first_and_what_they_leave_open_is_next_to_0(
    reference: dict[str, float], prices: dict[str, float]
) -> None:
    auction = open_pair()
    found, _ = by_name(auction, cleared(auction, reference))
    assert found == pytest.approx(prices, abs=1e-13)


def test_a_product_between_its_quotes_is_at_their_middle_with_its_interval() -> None:
    # The wide bids lose; A is quoted 4 to 8, B 2 to infinity.
    auction = market(
        bid=(Constant(4, 0, 1), {"A": 1}),
        ask=(Constant(8, -1, 0), {"A": 1}),
        low=(Constant(2, 0, 1), {"B": 1}),
        link=(Constant(1, 0, 1), {"A": 1, "B": 1}),
        c=(Constant(3, 0, 1), {"C": 1}),
        d=(Constant(9, -1, 0), {"C": 1, "D": 1}),
    )
    found = cleared(auction)
    prices, rates = by_name(auction, found)
    assert prices == pytest.approx({"A": 6, "B": 2, "C": 3, "D": 0}, abs=1e-14)
    assert not any(rates.values())


def test_a_step_at_0_leaves_a_price_open() -> None:
    step = [(-5.0, 14.0), (0.0, 12.0), (0.0, 8.0), (5.0, 6.0)]
    auction = market(a=(step, {"A": 1, "B": 1}), b=(step, {"A": 1, "B": 1}))
    found = cleared(auction, {"A": 1, "B": 4})
    prices, rates = by_name(auction, found)
    # On A + B = 8 next to (1, 4).
    assert prices == pytest.approx({"A": 2.5, "B": 5.5}, abs=1e-14)
    assert rates == {"a": 0, "b": 0}


def test_a_bid_written_with_negative_weights_trades_the_same() -> None:
    plain = market(
        buyer=([(0, 30), (10, 20)], {"A": 1, "B": 1}),
        a=([(-10, 14), (0, 4)], {"A": 1}),
        b=([(-10, 25), (0, 5)], {"B": 1}),
    )
    demands = plain.to_json()["demand_curves"] | {"buyer": [{"rate": -40, "price": -5}, {"rate": 0, "price": -7.5}]}
    portfolios = plain.to_json()["portfolios"] | {"buyer": {"demand": {"buyer": -8}, "basis": {"A": 2, "B": 2}}}
    # Half the rate of a portfolio that is twice as large, a demand in quarters, with the sign of a sale.
    mirrored = Auction.from_json({"demand_curves": demands, "portfolios": portfolios})
    prices, rates = by_name(mirrored, cleared(mirrored))
    expected_prices, expected = by_name(plain, cleared(plain))
    assert prices == pytest.approx(expected_prices, abs=1e-13)
    assert rates == pytest.approx(expected | {"buyer": expected["buyer"] / 2}, abs=1e-13)


# Which parts are taken ------------------------------------------------------------------------------------------------


def taken(auction: Auction) -> list[bool]:
    part = tradable_part(auction)
    return [bool(one) for one in find_small(program_of(auction, part), connected_parts(part.B, part.W))]


def test_shared_demands_and_large_parts_are_left_to_the_general_method() -> None:
    shared = Auction({"d": Constant(1, -1, 1)}, {"a": Portfolio({"d": 1}, "A"), "b": Portfolio({"d": 1}, "B")})
    many = {f"b{n}": (Constant(1, 0, 1), {"A": 1.0}) for n in range(MAX_SMALL_BIDS + 1)}
    assert taken(together([open_pair(), shared, market(**many)])) == [True, False, False]


def test_an_unbounded_part_is_named() -> None:
    endless = market(
        buyer=(Constant(12, 0, None), {"A": 1, "B": 1}),
        a=(Constant(5, None, 0), {"A": 1}),
        b=(Constant(6, None, 0), {"B": 1}),
    )
    with pytest.raises(UnboundedAuction, match="buyer"):
        together([open_pair(), endless]).solve()
    outcome = together([open_pair(), endless]).solve(throw=False)
    assert outcome.certificate.status == "partly solved"
    assert outcome.parts["status"].tolist() == ["exact", "not solved"]


# Beside the general method --------------------------------------------------------------------------------------------


def small_markets(names: tuple[str, ...], seeds: range) -> list[Auction]:
    return [FAMILIES[name](seed) for name in names for seed in seeds]


def references(prices: Floats, seed: int) -> Floats:
    """Reference prices of about half of the products, a few percent from these prices."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(prices)) < 0.5, prices * rng.uniform(0.95, 1.05, len(prices)), np.nan)


FAMILIES_OF_PRIVATE_DEMANDS = (
    "level-30",
    "level-5000",
    "network",
    "unlimited",
    "losing-bids",
    "price-caps",
    "small-integers",
    "many-points",
    "parts-in-units",
)


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("family", FAMILIES_OF_PRIVATE_DEMANDS)
def test_the_general_method_has_the_same_answer(family: str, with_reference: bool) -> None:
    compared = 0
    for seed in range(8):
        auction = FAMILIES[family](seed)
        part = tradable_part(auction)
        program, parts = program_of(auction, part), connected_parts(part.B, part.W)
        small = find_small(program, parts)
        found, near = clear_small_of(program, parts, small), None
        if with_reference:
            near = np.full(len(part.products), np.nan)
            near[found.products] = references(found.prices, seed)
            found = clear_small_of(program, parts, small, near)
        for piece in programs_of(program, parts, np.isin(np.arange(parts.count), found.numbers[found.found])):
            general = next(clearings(piece.program, None if near is None else near[piece.products]))
            number = int(np.flatnonzero(found.numbers == piece.number)[0])
            p, i = found.label == number, found.portfolio_label == number
            level = np.maximum(np.abs(general.answer.prices), 1e-3 * np.abs(general.answer.prices).max())
            assert (np.abs(found.prices[p] - general.answer.prices) <= CLOSE * level).all()
            rates = general.answer.x
            assert (np.abs(found.rates[i] - rates) <= CLOSE * np.abs(rates).max()).all()
            for mine, theirs in (
                (found.price_low[p], general.price_low),
                (found.price_high[p], general.price_high),
            ):
                finite = np.isfinite(theirs)
                assert np.array_equal(mine[~finite], theirs[~finite], equal_nan=True)
                assert (np.abs(mine[finite] - theirs[finite]) <= CLOSE * level[finite]).all()
            assert (bool(found.unique_price[number]), bool(found.unique_rate[number])) == tuple(general.unique)
            compared += 1
    assert compared >= 4


def test_small_parts_of_most_families_are_found() -> None:
    for family in ("level-30", "network", "unlimited", "small-integers", "many-points"):
        for seed in range(8):
            assert cleared(FAMILIES[family](seed)).found.all(), f"{family} {seed}"


# Many at once ---------------------------------------------------------------------------------------------------------


def test_many_parts_at_once_are_as_one_by_one_bit_for_bit() -> None:
    auction = together([open_pair(), *small_markets(("network", "unlimited", "level-30", "many-points"), range(4))])
    part = tradable_part(auction)
    program, parts = program_of(auction, part), connected_parts(part.B, part.W)
    small = find_small(program, parts)
    at_once = clear_small_of(program, parts, small)
    assert len(at_once.numbers) > 10
    for place, number in enumerate(at_once.numbers):
        alone = clear_small_of(program, parts, np.arange(parts.count) == number)
        of = {"products": at_once.label == place, "portfolios": at_once.portfolio_label == place}
        of |= dict.fromkeys(("prices", "price_low", "price_high"), of["products"])
        of |= dict.fromkeys(("demands", "rates", "demand_prices"), of["portfolios"])
        of |= dict.fromkeys(("unique_price", "unique_rate", "found"), np.arange(len(at_once.numbers)) == place)
        for name, mine in of.items():
            there, here = getattr(at_once, name)[mine], getattr(alone, name)
            assert np.array_equal(here, there, equal_nan=here.dtype.kind == "f"), f"{name} of {number}"


def test_a_part_by_itself_is_as_within_its_auction_bit_for_bit() -> None:
    auctions = small_markets(("network", "unlimited"), range(4))
    whole = together(auctions)
    at_once = cleared(whole)
    names = whole.product_ids.to_pylist()
    prices = {names[p]: at_once.prices[place] for place, p in enumerate(at_once.products)}
    bids = whole.portfolio_ids.to_pylist()
    rates = {bids[i]: at_once.rates[place] for place, i in enumerate(at_once.portfolios)}
    for n, auction in enumerate(auctions):
        own_prices, own_rates = by_name(auction, cleared(auction))
        assert own_prices == {name: prices[f"{n}.{name}"] for name in own_prices}
        assert own_rates == {name: rates[f"{n}.{name}"] for name in own_rates}


def test_labels_say_which_part_everything_belongs_to() -> None:
    auction = together([open_pair(), *small_markets(("unlimited",), range(3))])
    part = tradable_part(auction)
    parts: ConnectedParts = connected_parts(part.B, part.W)
    found = clear_small_of(program_of(auction, part), parts, np.ones(parts.count, dtype=bool))
    assert np.array_equal(found.numbers[found.label], parts.product[found.products])
    assert np.array_equal(found.numbers[found.portfolio_label], parts.portfolio[found.portfolios])
    assert np.array_equal(found.demands, part.W.indices[part.W.indptr[:-1][found.portfolios]])


def test_solve_clears_hundreds_of_parts_exactly() -> None:
    outcome = together([open_pair()] * 200).solve()
    assert outcome.certificate.status == "exact"
    assert outcome.parts["status"].tolist() == ["exact"] * 200
    assert outcome.prices.tolist() == [outcome.prices[0], outcome.prices[1]] * 200
