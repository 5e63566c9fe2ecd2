"""Changes of a market that must not change its answer, or must change it in a known way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from judge import Array, Finding, dispersion, parts_of, sizes_of

import fts
from fts.errors import FtsError

SAME = 1e-9
"""Largest difference of prices as a share of their dispersion, of rates as a share of the largest rate of a product."""
ROUNDING = 64 * float(np.finfo(float).eps)

Random = np.random.Generator


@dataclass(frozen=True)
class Changed:
    """A changed market, and how its answer reads in the first one.

    Attributes
    ----------
    auction : Auction
    rates, prices : callable
        From the outcome of the changed auction to the rates and prices that the first auction should have.
    options : mapping
        For the solver.
    """

    auction: fts.Auction
    rates: Callable[[fts.Outcome], Array]
    prices: Callable[[fts.Outcome], Array]
    options: dict[str, Any]


class Tolerance:
    """How far two answers of one auction may be apart, from its first answer.

    Float64 cannot hold every market to :data:`SAME`: near-parallel portfolios multiply rounding in prices, and nearly
    flat curves turn rounding in prices into rates. What rounding alone can do is allowed.
    """

    def __init__(self, auction: fts.Auction, outcome: fts.Outcome) -> None:
        self.prices = np.full(len(outcome.prices), np.inf)
        self.rates = np.zeros(len(outcome.rates))
        for part in parts_of(auction, outcome):
            sizes = sizes_of(part)
            spread = dispersion(part, sizes)
            length = np.linalg.norm(part.B, axis=0)
            level = float((sizes.rho / length).max())
            row = np.linalg.norm(part.B / length, axis=1)
            values = np.linalg.svd(part.B / length / row[:, None], compute_uv=False)
            smallest = values[values > 1e-11 * values[0]][-1]
            self.prices[part.products] = SAME * spread + ROUNDING * level / smallest / row
            # Rounding of a price moves a rate by this share of its size, on the flattest curve.
            shares = [0.0]
            for d, curve in enumerate(part.curves):
                drop = np.diff(curve[:, 1])
                drop = -drop[drop < 0]
                if len(drop):
                    shares.append(float(sizes.Lambda[d]) / float(drop.min()))
            rounding = min(1e-5, ROUNDING * max(shares))
            traded = np.abs(part.B * part.x).max(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                most = np.where(part.B != 0, traded[:, None] / np.abs(part.B), np.inf).min(axis=0)
            # Where nothing is traded: a share of what bids of this part are usually for.
            bounds = [np.abs(curve[[0, -1], 0]) for curve in part.curves]
            usual = [
                float(ends[np.isfinite(ends) & (ends > 0)].max(initial=0))
                * float((length[w != 0] / np.abs(w[w != 0])).min())
                for ends, w in zip(bounds, part.W, strict=True)
            ]
            floor = (1e-3 * SAME + rounding) * float(np.median(usual)) / length
            self.rates[part.portfolios] = np.maximum((SAME + rounding) * most, floor)

    def compare(self, outcome: fts.Outcome, rates: Array, prices: Array | None) -> Iterator[Finding]:
        """What is different, in units of what is allowed."""
        away = np.abs(outcome.rates - rates)
        yield from _largest("rates", away, self.rates)
        if prices is not None:
            if (np.isnan(outcome.prices) != np.isnan(prices)).any():
                yield Finding("a price is null", np.inf)
                return
            yield from _largest("prices", np.nan_to_num(np.abs(outcome.prices - prices)), self.prices)


def _largest(what: str, away: Array, allowed: Array) -> Iterator[Finding]:
    wrong = away > allowed
    if wrong.any():
        with np.errstate(divide="ignore"):
            yield Finding(what, float((away[wrong] / allowed[wrong]).max() * SAME))


# The relations --------------------------------------------------------------------------------------------------------


def _written(auction: fts.Auction) -> tuple[dict[str, Any], dict[str, fts.Portfolio]]:
    return dict(auction.demands), dict(auction.portfolios)


def _same_rates(outcome: fts.Outcome) -> Array:
    return outcome.rates


def _same_prices(outcome: fts.Outcome) -> Array:
    return outcome.prices


def _picked(names: list[str], one: Callable[[fts.Outcome], tuple[list[str], Array]]) -> Callable[[fts.Outcome], Array]:
    def read(outcome: fts.Outcome) -> Array:
        ids, values = one(outcome)
        known = dict(zip(ids, values.tolist(), strict=True))
        return np.array([known[name] for name in names])

    return read


def _rates_by_id(outcome: fts.Outcome) -> tuple[list[str], Array]:
    return outcome.auction.portfolio_ids.to_pylist(), outcome.rates


def _prices_by_id(outcome: fts.Outcome) -> tuple[list[str], Array]:
    return outcome.auction.product_ids.to_pylist(), outcome.prices


def renamed(auction: fts.Auction, rng: Random, names: bool = True, order: bool = True) -> Changed:
    """Other ids, another order, or both. Products are sorted by their ids."""
    demands, portfolios = _written(auction)
    products = auction.product_ids.to_pylist()
    to: dict[str, dict[str, str]] = {}
    for kind, ids in (("d", list(demands)), ("i", list(portfolios)), ("p", products)):
        new = [f"{kind}{k:05}" for k in rng.permutation(len(ids))]
        to[kind] = dict(zip(ids, new if names else ids, strict=True))
    moved_demands, moved = list(demands.items()), list(portfolios.items())
    if order:
        rng.shuffle(moved_demands)
        rng.shuffle(moved)
    changed = fts.Auction(
        {to["d"][name]: curve for name, curve in moved_demands},
        {
            to["i"][name]: fts.Portfolio(
                {to["d"][d]: w for d, w in one.demand.items()}, {to["p"][p]: w for p, w in one.basis.items()}
            )
            for name, one in moved
        },
    )
    return Changed(
        changed,
        _picked([to["i"][name] for name in portfolios], _rates_by_id),
        _picked([to["p"][name] for name in products], _prices_by_id),
        {},
    )


def halves(auction: fts.Auction, rng: Random) -> Changed | None:
    """A bid in two halves: half of every rate, at the same prices."""
    users = np.bincount(auction.weights.indices, minlength=len(auction.demand_ids))
    finite = np.isfinite(auction.min_rates) & np.isfinite(auction.max_rates)
    demands, portfolios = _written(auction)
    ids = auction.demand_ids.to_pylist()
    private = {ids[d] for d in np.flatnonzero((users == 1) & finite)}
    able = [name for k, (name, one) in enumerate(portfolios.items()) if len(one.demand) == 1 and not auction.idle[k]]
    able = [name for name in able if next(iter(portfolios[name].demand)) in private]
    if not able:
        return None
    name = able[int(rng.integers(len(able)))]
    ((demand, weight),) = portfolios[name].demand.items()
    half = in_unit(demands[demand], 0.5, 1.0)
    demands[demand] = demands["the other half"] = half
    portfolios["the other half"] = fts.Portfolio({"the other half": weight}, portfolios[name].basis)
    position = list(portfolios).index(name)

    def rates(outcome: fts.Outcome) -> Array:
        whole = outcome.rates[:-1].copy()
        whole[position] += outcome.rates[-1]
        return whole

    return Changed(fts.Auction(demands, portfolios), rates, _same_prices, {})


def in_unit(curve: Any, rate: float, price: float) -> Any:
    """A curve with its rates and prices multiplied."""
    if isinstance(curve, fts.Constant):
        return fts.Constant(curve.price * price, curve.min_rate * rate, curve.max_rate * rate)
    return fts.Curve([(q * rate, p * price) for q, p in curve.points])


def portfolio_units(auction: fts.Auction, rng: Random, factors: list[float]) -> Changed:
    """Portfolios in other units: both weights times k, the rate through k."""
    demands, portfolios = _written(auction)
    k = rng.choice(factors, len(portfolios))
    other = {
        name: fts.Portfolio({d: w * f for d, w in one.demand.items()}, {p: w * f for p, w in one.basis.items()})
        for (name, one), f in zip(portfolios.items(), k.tolist(), strict=True)
    }
    return Changed(fts.Auction(demands, other), lambda outcome: outcome.rates * k, _same_prices, {})


def demand_units(auction: fts.Auction, rng: Random, factors: list[float]) -> Changed:
    """Demands in other units: rates and weights times k, prices through k."""
    demands, portfolios = _written(auction)
    k = {name: float(rng.choice(factors)) for name in demands}
    other = {name: in_unit(curve, k[name], 1 / k[name]) for name, curve in demands.items()}
    weighed = {
        name: fts.Portfolio({d: w * k[d] for d, w in one.demand.items()}, one.basis) for name, one in portfolios.items()
    }
    return Changed(fts.Auction(other, weighed), _same_rates, _same_prices, {})


def money(auction: fts.Auction, k: float) -> Changed:
    """All prices times k."""
    demands, portfolios = _written(auction)
    changed = fts.Auction({name: in_unit(curve, 1.0, k) for name, curve in demands.items()}, portfolios)
    return Changed(changed, _same_rates, lambda outcome: outcome.prices / k, {})


def quantities(auction: fts.Auction, k: float) -> Changed:
    """All rates times k."""
    demands, portfolios = _written(auction)
    changed = fts.Auction({name: in_unit(curve, k, 1.0) for name, curve in demands.items()}, portfolios)
    return Changed(changed, lambda outcome: outcome.rates / k, _same_prices, {})


def warm(auction: fts.Auction, rng: Random) -> Changed | None:
    """A start from the answer to an earlier market: some bids were not there, others had other prices and sizes."""
    demands, portfolios = _written(auction)
    for name in list(demands):
        if rng.random() < 0.3:
            demands[name] = in_unit(demands[name], float(rng.uniform(0.5, 2)), float(rng.uniform(0.9, 1.1)))
    kept = {name: one for name, one in portfolios.items() if rng.random() < 0.8}
    try:
        earlier = fts.Auction(demands, kept).solve(throw=False)
    except FtsError:
        return None
    return Changed(auction, _same_rates, _same_prices, {"warm": earlier})


def union(auction: fts.Auction, other: fts.Auction) -> Changed:
    """The market beside another one that shares nothing with it."""
    demands: dict[str, Any] = {}
    portfolios: dict[str, fts.Portfolio] = {}
    for mark, one in (("x", other), ("m", auction)):
        demands |= {mark + name: curve for name, curve in one.demands.items()}
        portfolios |= {
            mark + name: fts.Portfolio(
                {mark + d: w for d, w in p.demand.items()}, {mark + b: w for b, w in p.basis.items()}
            )
            for name, p in one.portfolios.items()
        }
    return Changed(
        fts.Auction(demands, portfolios),
        _picked(["m" + name for name in auction.portfolio_ids.to_pylist()], _rates_by_id),
        _picked(["m" + name for name in auction.product_ids.to_pylist()], _prices_by_id),
        {},
    )


def losing_bid(auction: fts.Auction, outcome: fts.Outcome, rng: Random, with_reference: bool) -> Changed | None:
    """One more bid, of any size up to 1e15 times what is traded, that loses by the dispersion of prices."""
    priced = np.flatnonzero(np.isfinite(outcome.prices))
    if not len(priced):
        return None
    p = int(priced[int(rng.integers(len(priced)))])
    parts = parts_of(auction, outcome)
    spread = next(
        float(dispersion(part, sizes_of(part))[list(part.products).index(p)])
        for part in parts
        if p in part.products.tolist()
    )
    margin = spread + 1e-9 * abs(float(outcome.prices[p])) or 1.0
    size = max(float(outcome.volumes[p]), 1.0) * float(10 ** rng.uniform(0, 15))
    price = float(outcome.prices[p])
    late = fts.Constant(price - margin, 0, size) if rng.random() < 0.5 else fts.Constant(price + margin, -size, 0)
    demands, portfolios = _written(auction)
    demands["late"] = late
    portfolios["late"] = fts.Portfolio("late", auction.product_ids[p].as_py())
    options: dict[str, Any] = {}
    if with_reference:
        names = auction.product_ids.to_pylist()
        options["reference"] = {names[k]: float(outcome.prices[k]) for k in priced}
    return Changed(fts.Auction(demands, portfolios), lambda changed: changed.rates[:-1], _same_prices, options)


def relations(
    auction: fts.Auction, outcome: fts.Outcome, seed: int, other: fts.Auction
) -> Iterator[tuple[str, Changed | None, bool]]:
    """Every relation of one market: its name, the changed market, and whether prices must be equal."""
    rng = np.random.default_rng(seed)
    twos = [2.0**k for k in range(-6, 7)]
    yield "order", renamed(auction, rng, names=False), True
    yield "names", renamed(auction, rng), True
    yield "halves", halves(auction, rng), True
    yield "portfolio units 2^k", portfolio_units(auction, rng, twos), True
    yield "portfolio units 3", portfolio_units(auction, rng, [1.0, 3.0]), True
    yield "demand units 2^k", demand_units(auction, rng, twos), True
    yield "demand units 3", demand_units(auction, rng, [1.0, 3.0]), True
    yield "prices 2^k", money(auction, float(rng.choice([1 / 1024, 1024]))), True
    yield "prices 3", money(auction, 3.0), True
    yield "rates 2^k", quantities(auction, float(rng.choice([1 / 1024, 1024]))), True
    yield "rates 3", quantities(auction, 3.0), True
    yield "warm", warm(auction, rng), True
    yield "union", union(auction, other), True
    yield "losing bid", losing_bid(auction, outcome, rng, with_reference=False), outcome.unique.prices
    yield "losing bid, reference", losing_bid(auction, outcome, rng, with_reference=True), True


def broken(
    auction: fts.Auction, outcome: fts.Outcome, seed: int, other: fts.Auction
) -> Iterator[tuple[str, list[Finding]]]:
    """The relations that do not hold, with what is different."""
    tolerance = Tolerance(auction, outcome)
    for name, changed, prices_too in relations(auction, outcome, seed, other):
        if changed is None:
            continue
        try:
            second = changed.auction.solve(throw=False, **changed.options)
        except FtsError as error:
            yield f"{name}: {type(error).__name__}", []
            continue
        if second.certificate.status != "exact":
            yield f"{name}: {second.certificate.status}", []
            continue
        prices = changed.prices(second) if prices_too else None
        found = list(tolerance.compare(outcome, changed.rates(second), prices))
        if found:
            yield name, found
