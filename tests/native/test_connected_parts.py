"""Parts that share no product and no demand: each clears as if it were alone, and one that fails stops no other."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fts
from fts.errors import UnboundedAuction
from fts.models.outcome import Unique
from fts.ports.engine import Answer
from fts.solver.clearing import unfinished_clearing
from fts.solver.connected_parts import connected_parts, programs_of
from fts.solver.part_result import judge_part, outcome_of_parts
from fts.solver.program import program_of, tradable_part

_SPEC = importlib.util.spec_from_file_location("native_markets", Path(__file__).parent / "conftest.py")
_MARKETS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MARKETS)
market = _MARKETS.market

GOOD = {"buy": [(0, 60), (100, 20)], "sell": fts.Constant(5, -80, 0)}
ENDLESS = {"rich": fts.Constant(10, 0, None), "cheap": fts.Constant(4, None, 0)}


def joined(*parts):
    """One auction of several, each with ids of its own."""
    demands, portfolios = {}, {}
    for k, auction in enumerate(parts):
        demands |= {f"{k} {name}": curve for name, curve in auction.demands.items()}
        for name, portfolio in auction.portfolios.items():
            portfolios[f"{k} {name}"] = fts.Portfolio(
                {f"{k} {d}": w for d, w in portfolio.demand.items()},
                {f"{k} {p}": w for p, w in portfolio.basis.items()},
            )
    return fts.Auction(demands, portfolios)


def two_parts(first, second):
    demands = first | second
    where = dict.fromkeys(first, "noon") | dict.fromkeys(second, "night")
    return fts.Auction(demands, {name: fts.Portfolio(name, where[name]) for name in demands})


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_markets_that_share_nothing_clear_together_as_alone(seed):
    alone = [market(seed), market(seed + 1)]
    try:
        outcomes = [auction.solve() for auction in alone]
    except UnboundedAuction:
        with pytest.raises(UnboundedAuction):
            joined(*alone).solve()
        return
    whole = joined(*alone).solve()
    for k, outcome in enumerate(outcomes):
        prices, rates = whole.products["price"], whole.portfolios["rate"]
        unit = np.abs(outcome.prices).max(initial=1e-300, where=~np.isnan(outcome.prices))
        for name, price in outcome.products["price"].items():
            assert prices[f"{k} {name}"] == pytest.approx(price, rel=1e-12, abs=1e-12 * unit, nan_ok=True)
        largest = np.abs(outcome.rates).max(initial=1e-300)
        for name, rate in outcome.portfolios["rate"].items():
            assert rates[f"{k} {name}"] == pytest.approx(rate, rel=1e-12, abs=1e-12 * largest)
    assert whole.unique == tuple(all(outcome.unique[k] for outcome in outcomes) for k in (0, 1))


@pytest.mark.parametrize("seed", range(20))
def test_parts_are_those_of_a_search_over_neighbours(seed):
    auction = market(seed)
    part = tradable_part(auction)
    found = connected_parts(part.B, part.W)
    links = np.vstack([part.B.toarray() != 0, part.W.toarray() != 0])
    reached = np.full(links.shape[1], -1)
    for i in range(links.shape[1]):
        # The least number of a portfolio that can be reached.
        seen = np.zeros(links.shape[1], dtype=bool)
        seen[i] = True
        while True:
            more = links[links[:, seen].any(axis=1)].any(axis=0) | seen
            if (more == seen).all():
                break
            seen = more
        reached[i] = np.flatnonzero(seen)[0]
    assert len(np.unique(reached)) == (found.count if links.shape[1] else 0)
    for i in range(links.shape[1]):
        assert ((reached == reached[i]) == (found.portfolio == found.portfolio[i])).all()
    pieces = list(programs_of(program_of(auction, part), found))
    assert sum(len(piece.portfolios) for piece in pieces) == links.shape[1]
    for piece in pieces:
        assert (piece.program.B.toarray() == part.B.toarray()[np.ix_(piece.products, piece.portfolios)]).all()
        assert (piece.program.W.toarray() == part.W.toarray()[np.ix_(piece.demands, piece.portfolios)]).all()


def test_an_unbounded_part_stops_no_other():
    auction = two_parts(GOOD, ENDLESS)
    with pytest.raises(UnboundedAuction) as caught:
        auction.solve()
    assert set(caught.value.portfolios) == {"rich", "cheap"}
    outcome = auction.solve(throw=False)
    assert outcome.certificate.status == "partly solved" and not outcome.certificate.solved
    # The seller gives all of its 80 at most at 5; the buyer pays 60 - 0.4 * 80 = 28.
    assert outcome.products["price"]["noon"] == pytest.approx(28, rel=1e-14)
    assert np.isnan(outcome.products["price"]["night"])
    assert outcome.portfolios["rate"].to_dict() == pytest.approx({"buy": 80, "sell": -80, "rich": 0, "cheap": 0})
    parts = outcome.parts
    assert parts["status"].tolist() == ["not solved", "exact"]  # night comes before noon
    assert parts["portfolios"].tolist() == [2, 2] and parts["products"].tolist() == [1, 1]


def test_no_part_solved_is_not_solved():
    auction = two_parts(ENDLESS, {})
    assert auction.solve(throw=False).certificate.status == "not solved"


def test_parts_of_an_outcome_from_a_file_are_judged_afresh():
    auction = two_parts(GOOD, {"b": [(0, 9), (1, 8)], "s": [(-1, 2), (0, 1)]})
    outcome = auction.solve()
    read = fts.Outcome.from_json(outcome.to_json(), auction)
    assert read.parts["status"].tolist() == outcome.parts["status"].tolist() == ["exact", "exact"]
    assert len(outcome.parts) == 2 and list(outcome.parts.index) == [0, 1]


@pytest.mark.parametrize(("condition", "status"), [(1e6, "not solved"), (1e13, "solved")])
def test_an_answer_that_is_not_the_canonical_one_is_solved_only_where_float64_cannot_hold_that(condition, status):
    # Both pay 5, so any split of the 3 that are offered clears; in proportion to 4 and 2 it would be 2 and 1.
    demands = {"a": fts.Constant(5, 0, 4), "b": fts.Constant(5, 0, 2), "s": fts.Constant(1, -3, 0)}
    auction = fts.Auction(demands, {name: fts.Portfolio(name, "noon") for name in demands})
    part = tradable_part(auction)
    [piece] = programs_of(program_of(auction, part), connected_parts(part.B, part.W))
    answer = Answer(np.array([1.0, 2.0, -3.0]), np.zeros(3), np.array([5.0]), np.full(3, 5.0), "solved", 0)
    clearing = replace(unfinished_clearing(answer), condition=condition, unique=Unique(True, True))
    result = judge_part(auction, part, piece, clearing, 1e-9)
    assert result.statuses == (status,) and result.unique == (False, False)
    outcome = outcome_of_parts(auction, part, connected_parts(part.B, part.W), [result], 1e-9, "native", 0.0)
    assert outcome.certificate.status == status
    assert any("'noon' is beyond float64" in sentence for sentence in outcome.warnings) == (status == "solved")
