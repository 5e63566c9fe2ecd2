"""Results of connected parts, judged, and put together to an outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fts.models.auction import Auction
from fts.models.certificate import Status
from fts.models.columns import Flags, Floats, Ints
from fts.models.outcome import Outcome, Unique
from fts.models.part_results import PartResults
from fts.ports.engine import Answer
from fts.solver.certificate import MEASURES, Measures, measure
from fts.solver.cleared_parts import ClearedParts
from fts.solver.clearing import Clearing
from fts.solver.connected_parts import ConnectedParts, ProgramPart, connected_parts
from fts.solver.demand_duals import demand_prices_of
from fts.solver.native.dual_newton import State
from fts.solver.native.private_demands import Layout
from fts.solver.program import TradablePart, restricted, tradable_part

ILL_CONDITIONED = 1e12
"""A condition beyond which float64 cannot tell the canonical answer from others."""


@dataclass(frozen=True)
class PartResult:
    """Answers of some connected parts.

    Attributes
    ----------
    numbers : (n,)
        Of the parts.
    products, portfolios, demands : positions in what can trade
    label : (products,)
        Which of the parts each product belongs to: 0 to n - 1.
    portfolio_label : (portfolios,)
    answer : Answer
        Its `demand_prices` are those that it was judged with.
    price_low, price_high : (products,) [money / quantity]
    unique : Unique
    measures : Measures
        Of each part.
    statuses : tuple of str
    state : State or Layout, optional
        The next solve with the same portfolios may start from it.
    """

    numbers: Ints
    products: Ints
    portfolios: Ints
    demands: Ints
    label: Ints
    portfolio_label: Ints
    answer: Answer
    price_low: Floats
    price_high: Floats
    unique: Unique
    measures: Measures
    statuses: tuple[Status, ...]
    state: State | Layout | None = None


def judge_part(auction: Auction, part: TradablePart, piece: ProgramPart, clearing: Clearing, tol: float) -> PartResult:
    """Judge an answer of one connected part.

    ``exact`` needs the canonical answer as well. Where float64 cannot hold it, ``solved`` is left.
    """
    own = restricted(part, piece.products, piece.portfolios, piece.demands, piece.program.B, piece.program.W)
    answer = clearing.answer
    label, portfolio_label, demand_label = (
        np.zeros(n, dtype=np.int64) for n in (len(piece.products), len(piece.portfolios), len(piece.demands))
    )
    lam = demand_prices_of(own, answer.prices, answer.demand_prices)
    parts = ConnectedParts(1, label, portfolio_label, demand_label)
    measures = measure(auction, own, parts, answer.x, answer.prices, lam, tol)
    [status] = measures.statuses(tol)
    unique = clearing.unique
    if status == "exact" and not clearing.canonical:
        status = "solved" if clearing.condition > ILL_CONDITIONED else "not solved"
        unique = Unique(False, False)
    elif status == "solved":
        status = "not solved"
    return PartResult(
        numbers=np.array([piece.number]),
        products=piece.products,
        portfolios=piece.portfolios,
        demands=piece.demands,
        label=label,
        portfolio_label=portfolio_label,
        answer=replace(answer, demand_prices=lam),
        price_low=clearing.price_low,
        price_high=clearing.price_high,
        unique=unique,
        measures=measures,
        statuses=(status,),
        state=clearing.state,
    )


def judge_cleared(
    auction: Auction, part: TradablePart, parts: ConnectedParts, cleared: list[ClearedParts], tol: float
) -> tuple[PartResult, Flags]:
    """Judge parts that were cleared together: the proved answers, and the parts that have one, (n_parts,)."""
    x, prices, lam = np.zeros(len(part.portfolios)), np.zeros(len(part.products)), np.zeros(len(part.demands))
    low, high = np.empty(len(prices)), np.empty(len(prices))
    found = np.zeros(parts.count, dtype=np.bool_)
    for one in cleared:
        found[one.numbers] = one.found
        x[one.portfolios], lam[one.demands] = one.rates, one.demand_prices
        prices[one.products], low[one.products], high[one.products] = one.prices, one.price_low, one.price_high
    judged = parts
    if not found.all():
        number = np.where(found, np.arange(parts.count), -1)
        judged = ConnectedParts(parts.count, number[parts.product], number[parts.portfolio], number[parts.demand])
    measures = measure(auction, part, judged, x, prices, lam, tol)
    proved = measures.are_exact(tol) & found
    label, portfolio_label = parts.product, parts.portfolio
    numbers, products, portfolios, demands = (np.arange(n) for n in (parts.count, len(prices), len(x), len(lam)))
    if not proved.all():
        numbers, place = np.flatnonzero(proved), np.cumsum(proved) - 1
        products, portfolios, demands = (
            np.flatnonzero(proved[of]) for of in (parts.product, parts.portfolio, parts.demand)
        )
        label, portfolio_label = place[label[products]], place[portfolio_label[portfolios]]
        x, prices, lam, low, high = x[portfolios], prices[products], lam[demands], low[products], high[products]
        measures = measures.only(proved)
    exact: tuple[Status, ...] = ("exact",)
    result = PartResult(
        numbers=numbers,
        products=products,
        portfolios=portfolios,
        demands=demands,
        label=label,
        portfolio_label=portfolio_label,
        answer=Answer(x, np.zeros(0), prices, lam, "solved", 0),
        price_low=low,
        price_high=high,
        unique=Unique(
            all(bool(one.unique_price[proved[one.numbers]].all()) for one in cleared),
            all(bool(one.unique_rate[proved[one.numbers]].all()) for one in cleared),
        ),
        measures=measures,
        statuses=exact * len(numbers),
    )
    return result, proved


def outcome_of_parts(
    auction: Auction,
    part: TradablePart,
    parts: ConnectedParts,
    results: list[PartResult],
    tol: float,
    solver: str,
    seconds: float,
) -> Outcome:
    """Put together the outcome of all parts; a part that failed beside solved ones has no prices and rates of 0."""
    rates = np.zeros(len(auction.portfolio_ids))
    prices, low, high = (np.full(len(auction.product_ids), np.nan) for _ in range(3))
    demand_prices = np.full(len(auction.demand_ids), np.nan)
    statuses = _by_number(parts.count if results else 0, results)
    status = _status(statuses)
    for result in results:
        if status == "partly solved" and "not solved" in result.statuses:
            continue
        products = part.products[result.products]
        rates[part.portfolios[result.portfolios]] = result.answer.x + 0.0  # no -0
        prices[products] = result.answer.prices + 0.0
        low[products], high[products] = result.price_low + 0.0, result.price_high + 0.0
        demand_prices[part.demands[result.demands]] = result.answer.demand_prices + 0.0
    measures = Measures.together([result.measures for result in results], [result.numbers for result in results])
    certificate = replace(
        measures.certificate(tol, status),
        iterations=max((result.answer.iterations for result in results), default=0),
        seconds=seconds,
    )
    return Outcome(
        auction,
        rates=rates,
        prices=prices,
        demand_prices=demand_prices,
        certificate=certificate,
        solver=solver,
        price_low=low,
        price_high=high,
        unique=Unique(*(all(result.unique[k] for result in results) for k in (0, 1))),
        parts=_part_results(auction, part, parts, statuses, measures),
        warnings=_warnings(auction, part, results),
        engine_state=results[0].state if len(results) == 1 else None,
    )


def _warnings(auction: Auction, part: TradablePart, results: list[PartResult]) -> list[str]:
    """Write a sentence about every part whose canonical answer float64 cannot hold."""
    return [
        f"the canonical answer of the part with product {auction.product_ids[int(part.products[p])].as_py()!r} "
        "is beyond float64, since some of its portfolios are nearly equal; this one clears the auction, "
        "but may depend on names and order"
        for result in results
        if "solved" in result.statuses
        for p in result.products[:1]
    ]


def _by_number(count: int, results: list[PartResult]) -> tuple[Status, ...]:
    if len(results) == 1:
        return results[0].statuses
    statuses: list[Status] = ["not solved"] * count
    for result in results:
        for number, status in zip(result.numbers.tolist(), result.statuses, strict=True):
            statuses[number] = status
    return tuple(statuses)


def _status(statuses: tuple[Status, ...]) -> Status:
    kinds = set(statuses)
    if kinds <= {"exact"}:
        return "exact"
    if "not solved" not in kinds:
        return "solved"
    return "not solved" if kinds == {"not solved"} else "partly solved"


def _part_results(
    auction: Auction, part: TradablePart, parts: ConnectedParts, statuses: tuple[Status, ...], measures: Measures
) -> PartResults:
    product: Ints = np.full(len(auction.product_ids), -1)
    portfolio: Ints = np.full(len(auction.portfolio_ids), -1)
    product[part.products], portfolio[part.portfolios] = parts.product, parts.portfolio
    return PartResults(product, portfolio, statuses, {name: getattr(measures, name) for name in MEASURES})


def part_results_of(outcome: Outcome) -> PartResults:
    """Judge the connected parts of an outcome afresh."""
    auction, part = outcome.auction, tradable_part(outcome.auction)
    parts = connected_parts(part.B, part.W)
    x, pi, lam = outcome.rates[part.portfolios], outcome.prices[part.products], outcome.demand_prices[part.demands]
    with np.errstate(all="ignore"):
        measures = measure(auction, part, parts, x, pi, lam, outcome.certificate.tol)
    return _part_results(auction, part, parts, tuple(measures.statuses(outcome.certificate.tol)), measures)


def worst_measure(result: PartResult) -> tuple[str, float]:
    """Find the measure that is furthest from proof, and how far."""
    values = {name: float(getattr(result.measures, name).max(initial=0.0)) for name in MEASURES}
    known = {name: math.inf if math.isnan(value) else value for name, value in values.items()}
    name = max(known, key=known.__getitem__)
    return name, known[name]
