"""Families of random markets, each for one kind of difficulty: a name to a function of a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fts

Random = np.random.Generator
Points = list[tuple[float, float]]


class Bids:
    """Demands and portfolios of a market that is being written."""

    def __init__(self) -> None:
        self.demands: dict[str, Any] = {}
        self.portfolios: dict[str, fts.Portfolio] = {}

    def add(self, curve: Any, basis: dict[str, float], shared: dict[str, float] | None = None) -> None:
        """A portfolio with a demand of its own, of weight 1, and weights in other demands."""
        name = f"b{len(self.portfolios)}"
        self.demands[name] = curve
        self.portfolios[name] = fts.Portfolio({name: 1.0, **(shared or {})}, basis)

    def auction(self) -> fts.Auction:
        return fts.Auction(self.demands, self.portfolios)


def domain(rng: Random, size: float) -> tuple[float, float]:
    """The ends of the domain of a buyer, a seller, or a trader of both sides."""
    return [(0.0, size), (-size, 0.0), (-size, size)][int(rng.integers(3))]


def line(low: float, high: float, price: float, drop: float) -> Points:
    """A line with `price` in its middle that falls by `drop`."""
    return [(low, price + drop / 2), (high, price - drop / 2)]


def falling(rng: Random, size: float, price: float, drop: float) -> Points:
    return line(*domain(rng, size), price, drop)


def flat(rng: Random, size: float, price: float) -> fts.Constant:
    return fts.Constant(price, *domain(rng, size))


def random_weights(rng: Random, products: int, most: int, choices: list[float]) -> dict[str, float]:
    held = rng.choice(products, int(rng.integers(1, min(products, most) + 1)), replace=False)
    return {f"p{int(p):02}": float(rng.choice(choices)) for p in held}


# Price levels ---------------------------------------------------------------------------------------------------------


def price_level(seed: int, level: float) -> fts.Auction:
    """Bids for single products and calendar spreads at one level of prices.

    In turn: whole ticks or not; no, a sixth or half calendar spreads; no, half or only flat curves.
    """
    rng = np.random.default_rng(seed)
    ticks, spread_share, flat_share = seed % 2 == 0, (0, 1 / 6, 1 / 2)[seed // 2 % 3], (0, 1 / 2, 1)[seed // 6 % 3]
    tick = 0.01 if level < 10 else 1.0
    products = int(rng.integers(1, 13))
    # Values of products differ by a few ticks, or by a share of the level; bids for one product by about as much.
    spread = max(level * float(rng.choice([0, 0, 0.003, 0.1])), 4 * tick)
    values: np.ndarray = level + rng.normal(0, spread, products)
    neighbours = rng.random() < 0.5
    if neighbours:
        # Prices rise by a tick from product to product, and spreads are between neighbours: the most ties.
        spread, values = 4 * tick, level + tick * np.arange(products)
    dense, steepest = rng.random() < 0.5, float(rng.choice([0.5, 2]))
    bids = Bids()
    for _ in range(int(rng.integers(15, 25)) * products if dense else int(rng.integers(4, 8 + 10 * products))):
        p = int(rng.integers(products))
        basis, value = {f"p{p:02}": 1.0}, values[p]
        if products > 1 and rng.random() < spread_share:
            near, far = (int(k) for k in rng.choice(products, 2, replace=False))
            if neighbours:
                near, far = min(p, products - 2), min(p, products - 2) + 1
            basis, value = {f"p{near:02}": 1.0, f"p{far:02}": -1.0}, values[near] - values[far]
        away = spread if len(basis) == 1 or not neighbours else tick
        price, size = float(value + rng.normal(0, away)), float(rng.uniform(1, 20))
        drop = float(rng.uniform(0, steepest) * spread)
        if ticks:
            price, size, drop = round(price / tick) * tick, float(np.ceil(size)), tick * max(1, round(drop / tick))
        is_flat, side = rng.random() < flat_share, int(rng.integers(5))
        if side == 4:
            # Both sides; an even number of ticks, so that the ends of the line are whole as well.
            bids.add(fts.Constant(price, -size, size) if is_flat else line(-size, size, price, 2 * drop), basis)
        elif side % 2:
            bids.add(fts.Constant(price, 0, size) if is_flat else [(0, price), (size, price - drop)], basis)
        else:
            bids.add(fts.Constant(price, -size, 0) if is_flat else [(-size, price + drop), (0, price)], basis)
    return bids.auction()


# Networks and groups --------------------------------------------------------------------------------------------------


def network(seed: int) -> fts.Auction:
    """Places with supply and demand, and lines between them that lose up to 3 %."""
    rng = np.random.default_rng(seed)
    places = int(rng.integers(2, 20))
    flat_supply, cap = rng.random() < 0.5, float(rng.choice([100, 3000]))
    bids = Bids()
    for p in range(places):
        for _ in range(int(rng.integers(1, 4))):
            size, price = float(rng.integers(1, 50)), float(rng.integers(0, 80))
            drop = 0.0 if flat_supply else float(rng.uniform(1, 20))
            bids.add([(-size, price + drop), (0.0, price)], {f"p{p:02}": 1.0})
        size = float(rng.integers(1, 40))
        bids.add([(0.0, cap), (size, cap if rng.random() < 0.5 else 10.0)], {f"p{p:02}": 1.0})
    for k in range(1, places + int(rng.integers(0, places))):
        start, end = (int(rng.integers(k)), k) if k < places else map(int, rng.choice(places, 2, replace=False))
        cost, capacity = float(rng.choice([0, 0, 0.5, 1])), float(rng.integers(1, 30))
        for a, b in ((start, end), (end, start)):
            efficiency = float(rng.choice([1.0, 0.99, 0.97, round(rng.uniform(0.97, 1), 4)]))
            # Moving a unit has a cost: a price of -cost for the rate of the line.
            bids.add(fts.Constant(-cost, 0, capacity), {f"p{a:02}": -1.0, f"p{b:02}": efficiency})
    return bids.auction()


def groups(seed: int) -> fts.Auction:
    """Bidders with substitutes: a demand over several of their portfolios; some portfolios are in two such demands."""
    rng = np.random.default_rng(seed)
    products, crossed, ties = int(rng.integers(1, 13)), seed % 3 == 1, seed % 2 == 1
    values = 50 + rng.normal(0, 5, products)
    if ties:
        values = np.round(values)
    bids = Bids()

    def price(p: int) -> float:
        return float(values[p] + (rng.integers(-4, 5) if ties else rng.normal(0, 4)))

    for p in range(products):
        for _ in range(int(rng.integers(2, 5))):
            size = float(rng.integers(1, 20))
            bids.add(falling(rng, size, price(p), float(rng.integers(0, 3) * 2)), {f"p{p:02}": 1.0})
    before: list[str] = []
    for g in range(int(rng.integers(1, 8))):
        members = int(rng.integers(2, 13))
        reach = float(rng.integers(1, 5 * members))
        low, high = domain(rng, reach)
        kind = int(rng.integers(3))
        name = f"g{g}"
        if kind == 0:  # a limit on the sum
            bids.demands[name] = fts.Constant(0.0, low, high)
        elif kind == 1:  # one value for whatever is bought
            bids.demands[name] = fts.Constant(price(0), low, high)
        else:
            bids.demands[name] = [(low, price(0) + 6), (high, price(0) - 20)]
        mine = []
        for _ in range(members):
            p = int(rng.integers(products))
            other = {name: float(rng.choice([1, 1, 1, 2, -1]))}
            if crossed and before and rng.random() < 0.6:
                other[before[int(rng.integers(len(before)))]] = 1.0
            basis = {f"p{p:02}": float(rng.choice([1, 1, -1]))}
            if kind == 0 or rng.random() < 0.3:
                offset = 0.0 if kind else price(p) * basis[f"p{p:02}"]
                size = float(rng.integers(1, 10))
                bids.add(falling(rng, size, offset, float(rng.integers(0, 3) * 2)), basis, other)
            else:
                bids.portfolios[f"b{len(bids.portfolios)}"] = fts.Portfolio(other, basis)
            mine.append(name)
        before.append(name)
    return bids.auction()


# Parts ----------------------------------------------------------------------------------------------------------------


def books(seed: int) -> fts.Auction:
    """Separate order books of limit orders at whole ticks, some with sloped curves."""
    rng = np.random.default_rng(seed)
    sloped = (0.0, 0.0, 0.3)[seed % 3]
    bids = Bids()
    for p in range(int(rng.integers(1, 41))):
        middle = int(rng.integers(1, 200))
        for _ in range(int(rng.integers(1, 9))):
            size, price = float(rng.integers(1, 10)), float(middle + rng.integers(-4, 5))
            if rng.random() < sloped:
                bids.add(falling(rng, size, price, 2.0), {f"p{p:02}": 1.0})
            else:
                bids.add(fts.Constant(price, *domain(rng, size)), {f"p{p:02}": 1.0})
    return bids.auction()


def in_units(auction: fts.Auction, rate: float, price: float, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The demands and portfolios of an auction with all rates and prices multiplied, under other names."""
    demands: dict[str, Any] = {}
    for name, curve in auction.demands.items():
        if isinstance(curve, fts.Constant):
            demands[prefix + name] = fts.Constant(curve.price * price, curve.min_rate * rate, curve.max_rate * rate)
        else:
            demands[prefix + name] = fts.Curve([(q * rate, p * price) for q, p in curve.points])
    portfolios = {
        prefix + name: fts.Portfolio(
            {prefix + d: w for d, w in one.demand.items()}, {prefix + p: w for p, w in one.basis.items()}
        )
        for name, one in auction.portfolios.items()
    }
    return demands, portfolios


def parts_in_units(seed: int) -> fts.Auction:
    """Markets that touch nowhere, with rates and prices in units from 1e-9 to 1e9."""
    rng = np.random.default_rng(seed)
    demands: dict[str, Any] = {}
    portfolios: dict[str, Any] = {}
    for k in range(int(rng.integers(2, 7))):
        make = (small_integers, books, uneven, groups, near_parallel)[int(rng.integers(5))]
        part = make(int(rng.integers(10**6)))
        rate, price = (float(10.0 ** rng.uniform(-9, 9)) for _ in range(2))
        more = in_units(part, rate, price, f"{k}/")
        demands |= more[0]
        portfolios |= more[1]
    return fts.Auction(demands, portfolios)


# Sizes ----------------------------------------------------------------------------------------------------------------


def ordinary(rng: Random, bids: Bids, products: int) -> None:
    """Some twenty bids of size 1 to 100 at prices near 50."""
    for _ in range(int(rng.integers(4, 10 + 4 * products))):
        size, price = float(10 ** rng.uniform(0, 2)), float(rng.normal(50, 8))
        basis = random_weights(rng, products, 3, [1.0, 1.0, 0.5, -1.0])
        price *= sum(basis.values())
        curve = flat(rng, size, round(price)) if rng.random() < 0.4 else falling(rng, size, price, rng.uniform(1, 20))
        bids.add(curve, basis)


def losing_bids(seed: int) -> fts.Auction:
    """An ordinary market with bids far from every price, up to 1e12 times as large."""
    rng = np.random.default_rng(seed)
    products, bids = int(rng.integers(1, 6)), Bids()
    ordinary(rng, bids, products)
    for _ in range(int(rng.integers(1, 4))):
        size, p = float(10 ** rng.uniform(3, 14)), int(rng.integers(products))
        far = float(rng.uniform(200, 400))
        curve = fts.Constant(50 - far, 0, size) if rng.random() < 0.5 else fts.Constant(50 + far, -size, 0)
        bids.add(curve, {f"p{p:02}": 1.0})
    return bids.auction()


def price_caps(seed: int) -> fts.Auction:
    """An ordinary market with curves that ask for an amount at almost any price: steps at up to ±1e15."""
    rng = np.random.default_rng(seed)
    products, bids = int(rng.integers(1, 6)), Bids()
    ordinary(rng, bids, products)
    for _ in range(int(rng.integers(1, 5))):
        size, cap = float(rng.integers(1, 20)), float(10 ** rng.uniform(3, 15))
        curve: Points = [(0, cap), (size, cap), (size, -cap), (2 * size, -cap)]
        if rng.random() < 0.5:
            curve = [(-rate, price) for rate, price in reversed(curve)]
            curve = [(rate, -price) for rate, price in curve]
        bids.add(curve, {f"p{int(rng.integers(products)):02}": 1.0})
    return bids.auction()


def huge_sizes(seed: int) -> fts.Auction:
    """Bids of size 1e6 to 1e16 among bids of size 1 to 100."""
    rng = np.random.default_rng(seed)
    products, bids = int(rng.integers(1, 6)), Bids()
    ordinary(rng, bids, products)
    for _ in range(int(rng.integers(1, 6))):
        size, price = float(10 ** rng.uniform(6, 16)), float(round(rng.normal(50, 8)))
        sloped = rng.random() < 0.4
        bids.add(
            falling(rng, size, price, rng.uniform(1, 40)) if sloped else flat(rng, size, price),
            {f"p{int(rng.integers(products)):02}": 1.0},
        )
    return bids.auction()


def unlimited(seed: int) -> fts.Auction:
    """An ordinary market with unlimited curves, at most one of them on each side of a product."""
    rng = np.random.default_rng(seed)
    products, bids = int(rng.integers(1, 6)), Bids()
    ordinary(rng, bids, products)
    for p in range(products):
        low = float(rng.integers(30, 51))
        if rng.random() < 0.6:
            bids.add(fts.Constant(low, 0, None), {f"p{p:02}": 1.0})
        if rng.random() < 0.6:
            # Sells without limit, at the price of the unlimited buyer (a cycle without profit) or above it.
            bids.add(fts.Constant(low + float(rng.choice([0, 10, 20])), None, 0), {f"p{p:02}": 1.0})
    return bids.auction()


def uneven(seed: int) -> fts.Auction:
    """Bids whose rates differ by seven orders of magnitude, and their prices by four."""
    rng = np.random.default_rng(seed)
    products = int(rng.integers(2, 8))
    bids = Bids()
    for k in range(int(rng.integers(4, 40))):
        size, price, slope = 10 ** rng.uniform(-3, 4), 10 ** rng.uniform(-1, 2), rng.uniform(0, 1)
        kind = rng.choice(["flat", "through zero", "steps"], p=[0.3, 0.4, 0.3])
        curve: Any
        if kind == "flat":
            low, high = (side * size if rng.random() < 0.5 else 0.0 for side in (-1, 1))
            curve = fts.Constant(price, low, high)
        elif kind == "through zero":
            curve = [(-size, price + slope * size), (0, price), (size, price - slope * size)]
        else:
            curve = [(0, price), (size, price), (size, 0), (2 * size, -3)]
        shared = {}
        if k and rng.random() < 0.3:
            shared[f"b{rng.integers(0, k)}"] = float(rng.choice([1.0, -1.0, 2.0]))
        bids.add(curve, random_weights(rng, products, 3, [1.0, -1.0, 0.5, 2.0]), shared)
    return bids.auction()


# Weights, ties and points ---------------------------------------------------------------------------------------------


def near_parallel(seed: int) -> fts.Auction:
    """Portfolios whose weights differ by 1e-6, or by a few units of the third digit."""
    rng = np.random.default_rng(seed)
    products, digits, ties = int(rng.integers(2, 6)), seed % 2 == 0, seed % 4 < 2
    bids = Bids()
    for _ in range(int(rng.integers(3, 25))):
        step = 0.0005 * rng.integers(-3, 4, products) if digits else 1e-6 * rng.normal(size=products)
        held = np.arange(products) if rng.random() < 0.6 else rng.choice(products, 1)
        scale = 0.5 if digits else 1.0
        basis = {f"p{int(p):02}": float(round(scale + step[p], 12)) for p in held}
        price = float(rng.integers(0, 6)) if ties else float(rng.normal(20, 3) * sum(basis.values()))
        size = float(rng.integers(1, 10))
        kind = int(rng.integers(3))
        curve: Any
        if kind == 0:
            curve = flat(rng, size, price)
        elif kind == 1:
            curve = falling(rng, size, price, float(rng.integers(1, 5)))
        else:
            curve = [(-size, price + 1), (-1, price), (0, price), (0, price - 1), (size, price - 3)]
        bids.add(curve, basis)
    return bids.auction()


def small_integers(seed: int) -> fts.Auction:
    """A few bids with small whole weights, rates and prices: many ties."""
    rng = np.random.default_rng(seed)
    products, bids = int(rng.integers(1, 5)), Bids()
    for k in range(int(rng.integers(2, 11))):
        n = int(rng.integers(1, 5))
        q = np.sort(rng.integers(-5, 6, n)).astype(float)
        q -= q[int(rng.integers(n))]
        p = np.sort(rng.integers(0, 7, n))[::-1].astype(float)
        curve: Any = list(zip(q.tolist(), p.tolist(), strict=True))
        if rng.random() < 0.4:
            curve = flat(rng, float(rng.integers(1, 5)), float(rng.integers(0, 7)))
        shared = {f"b{int(rng.integers(k))}": float(rng.choice([1, -1, 2]))} if k and rng.random() < 0.2 else {}
        bids.add(curve, random_weights(rng, products, 3, [1.0, 1.0, -1.0, 2.0, 3.0]), shared)
    return bids.auction()


def duplicates(seed: int) -> fts.Auction:
    """Bids and portfolios written twice, and unlimited demands that trade with each other without profit."""
    rng = np.random.default_rng(seed)
    products, bids = int(rng.integers(1, 5)), Bids()
    for _ in range(int(rng.integers(2, 8))):
        price, size = float(rng.integers(5, 15)), float(rng.integers(1, 6))
        basis = random_weights(rng, products, 2, [1.0, 1.0, -1.0, 2.0])
        price *= sum(basis.values())
        curve = flat(rng, size, price) if rng.random() < 0.7 else falling(rng, size, price, 4.0)
        bids.add(curve, basis)
        name = f"b{len(bids.portfolios) - 1}"
        for _ in range(int(rng.integers(3))):
            k = float(rng.choice([1, 1, 2, 0.5]))
            if rng.random() < 0.5:  # another portfolio of this demand
                again = {p: w * k for p, w in basis.items()}
                bids.portfolios[f"b{len(bids.portfolios)}"] = fts.Portfolio({name: k}, again)
            else:  # another bid like it
                bids.add(curve, basis)
    if rng.random() < 0.6:
        # Around a cycle of unlimited conversions the prices add up to 0.
        cost = [float(rng.integers(-3, 4)) for _ in range(products)]
        for p in range(products):
            to, price = (p + 1) % products, cost[(p + 1) % products] - cost[p]
            if to != p:
                low = None if rng.random() < 0.5 else 0
                bids.add(fts.Constant(price, low, None), {f"p{p:02}": -1.0, f"p{to:02}": 1.0})
    return bids.auction()


def many_points(seed: int) -> fts.Auction:
    """Curves of up to 300 points with steps, some of them at rate 0."""
    rng = np.random.default_rng(seed)
    products, ties, bids = int(rng.integers(1, 4)), seed % 2 == 0, Bids()
    for _ in range(int(rng.integers(2, 8))):
        n = int(rng.choice([3, 10, 50, 300]))
        q = np.sort(rng.integers(-20, 21, n)).astype(float) if ties else np.sort(rng.normal(0, 10, n))
        p = np.sort(rng.integers(0, 30, n))[::-1].astype(float) if ties else np.sort(rng.normal(20, 8, n))[::-1]
        zero = int(rng.integers(n))
        q -= q[zero]
        if rng.random() < 0.5:  # a step at 0
            q, p = np.insert(q, zero, 0.0), np.insert(p, zero, p[zero] + (p[max(zero - 1, 0)] - p[zero]) / 2)
        basis = random_weights(rng, products, 2, [1.0, 1.0, -1.0])
        p = p * sum(basis.values()) if sum(basis.values()) > 0 else p - 20
        bids.add(list(zip(q.tolist(), p.tolist(), strict=True)), basis)
    return bids.auction()


def _at_level(level: float) -> Callable[[int], fts.Auction]:
    return lambda seed: price_level(seed, level)


FAMILIES: dict[str, Callable[[int], fts.Auction]] = {
    **{f"level-{level}": _at_level(float(level)) for level in (1, 30, 300, 1000, 5000, 100000)},
    "network": network,
    "groups": groups,
    "books": books,
    "parts-in-units": parts_in_units,
    "losing-bids": losing_bids,
    "price-caps": price_caps,
    "huge-sizes": huge_sizes,
    "unlimited": unlimited,
    "uneven": uneven,
    "near-parallel": near_parallel,
    "small-integers": small_integers,
    "duplicates": duplicates,
    "many-points": many_points,
}
