"""A warm start where products are new, and the same answer to the bit each time."""

from __future__ import annotations

import numpy as np
import pytest

import fts
from fts.solver.program import program_of, tradable_part
from fts.solver.warm_start import start_from


def market(products: int, bids: int, flat: bool) -> fts.Auction:
    """Bids for one or two products around prices of 20 to 80."""
    rng = np.random.default_rng(products)
    price = rng.uniform(20, 80, products)
    demands, portfolios = {}, {}
    for k in range(bids):
        held = rng.choice(products, rng.integers(1, 3), replace=False)
        at, size = float(price[held].sum() + rng.normal(0, 5)), float(rng.uniform(1, 9))
        drop = 0.0 if flat and k % 2 else 4.0
        demands[f"d{k}"] = [(0.0, at), (size, at - drop)] if rng.random() < 0.5 else [(-size, at + drop), (0.0, at)]
        portfolios[f"b{k}"] = fts.Portfolio(f"d{k}", {f"p{q}": 1.0 for q in held})
    return fts.Auction(demands, portfolios)


def without(auction: fts.Auction, product: str) -> fts.Auction:
    kept = {name: one for name, one in auction.portfolios.items() if product not in one.basis}
    return fts.Auction({name: auction.demands[name] for one in kept.values() for name in one.demand}, kept)


@pytest.mark.parametrize("flat", [False, True])
def test_a_market_with_a_new_product_starts_warm_and_ends_where_it_would_have(flat):
    auction = market(12, 400, flat)
    earlier = without(auction, "p3").solve("native")
    assert "p3" not in earlier.products.index
    cold, warm = auction.solve("native"), auction.solve("native", warm=earlier)
    assert warm.prices == pytest.approx(cold.prices, rel=1e-9)
    assert warm.rates == pytest.approx(cold.rates, rel=1e-9, abs=1e-9)


def test_a_new_product_starts_at_what_its_bidders_say_and_the_others_at_their_prices():
    earlier = fts.Auction(
        {"a": [(0, 12), (2, 8)], "b": [(-2, 12), (0, 8)]},
        {"a": fts.Portfolio("a", "old"), "b": fts.Portfolio("b", "old")},
    ).solve("native")
    assert earlier.products.price["old"] == pytest.approx(10)
    # Alone it is worth 30, beside one unit of the old product 44 - 10, and -1 of it 10 - 46: (30 + 34 + 36)/3.
    auction = fts.Auction(
        {"a": [(0, 12), (2, 8)], "c": [(0, 30), (1, 20)], "d": [(0, 44), (1, 40)], "e": [(0, -26), (1, -30)]},
        {
            "a": fts.Portfolio("a", "old"),
            "c": fts.Portfolio("c", "new"),
            "d": fts.Portfolio("d", {"old": 1, "new": 1}),
            "e": fts.Portfolio("e", {"old": 1, "new": -1}),
        },
    )
    part = tradable_part(auction)
    start = start_from(earlier, auction, part, program_of(auction, part))
    assert auction.product_ids.to_pylist() == ["new", "old"]
    assert start.prices == pytest.approx([(30 + 34 + 36) / 3, 10])


def test_where_every_product_is_new_it_starts_cold():
    earlier = market(3, 30, False).solve("native")
    auction = fts.Auction({"a": [(0, 5), (1, 4)]}, {"a": fts.Portfolio("a", "another")})
    part = tradable_part(auction)
    assert start_from(earlier, auction, part, program_of(auction, part)) is None


@pytest.mark.parametrize("flat", [False, True])
def test_the_same_auction_has_the_same_answer_to_the_last_bit(flat):
    first, second = (market(30, 900, flat).solve("native") for _ in range(2))
    assert np.array_equal(first.rates, second.rates) and np.array_equal(first.prices, second.prices)
    assert first.certificate.fit == second.certificate.fit
