"""Errors, auctions and outcomes come back whole from another process and from a copy."""

from __future__ import annotations

import ast
import copy
import importlib
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fts
from fts import errors
from fts.client.errors import NoAnswer
from fts.errors import FtsError, MissingLibrary, NotSolved, RequestFailed, UnboundedAuction

PACKAGE = Path(errors.__file__).parent
COPIES: list[Callable[[Any], Any]] = [
    *(lambda thing, p=protocol: pickle.loads(pickle.dumps(thing, p)) for protocol in range(2, 6)),
    copy.copy,
    copy.deepcopy,
]


def classes_of_errors() -> list[type[FtsError]]:
    """Every class of the tree, in whichever file of the package it is written."""
    names, found = {"FtsError"}, 0
    while found < len(names):
        found = len(names)
        for file in PACKAGE.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and {ast.unparse(base).split(".")[-1] for base in node.bases} & names:
                    names.add(node.name)
                    importlib.import_module(".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts))

    def below(kind: type[FtsError]) -> list[type[FtsError]]:
        return [kind, *(each for child in kind.__subclasses__() for each in below(child))]

    tree = [kind for kind in below(FtsError) if kind.__module__.startswith("fts.")]
    assert {kind.__name__ for kind in tree} == names
    return list(dict.fromkeys(tree))


def made(kind: type[FtsError]) -> FtsError:
    """An error of this class, by its own constructor."""
    if issubclass(kind, UnboundedAuction):
        return kind(["noon", "dusk"], ["d"], ["x", "y"])
    if issubclass(kind, NoAnswer):
        return kind("no answer in time", may_have_arrived=False)
    if issubclass(kind, RequestFailed):
        return kind(418, "a teapot")
    if kind.__name__ in ("ComeBack", "TooMany", "Overloaded"):
        return kind("later", 7)
    return kind("a rule is broken")


def described(error: FtsError) -> Any:
    return type(error), str(error), repr(error), error.args, vars(error)


@pytest.mark.parametrize("kind", classes_of_errors(), ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling_and_copying(kind):
    error = made(kind)
    error.add_note("seen in the second batch")
    for again in (a_copy(error) for a_copy in COPIES):
        assert again is not error
        assert described(again) == described(error)
        with pytest.raises(kind):
            raise again


def test_an_attribute_of_the_built_in_exception_comes_along():
    error = MissingLibrary("no highspy", name="highspy", path="/somewhere")
    for again in (a_copy(error) for a_copy in COPIES):
        assert (again.msg, again.name, again.path) == ("no highspy", "highspy", "/somewhere")


def outcome_of_two() -> fts.Outcome:
    demands = {"load": [(0, 60), (100, 20)], "wind": fts.Constant(5, min_rate=-80, max_rate=0)}
    auction = fts.Auction({**demands, "unused": [(0, 1)]}, {name: fts.Portfolio(name, "noon") for name in demands})
    return auction.solve()


def test_an_outcome_and_its_auction_come_back_whole_without_what_can_be_computed_again():
    outcome = outcome_of_two()
    frames = outcome.products, outcome.portfolios, outcome.demands
    outcome.auction.idle, outcome.auction.warnings  # noqa: B018 - they are kept from here on
    assert not {"products", "portfolios", "demands", "surpluses"} & outcome.__getstate__().keys()
    assert not {"idle", "warnings", "min_rates"} & outcome.auction.__getstate__().keys()
    for again in (a_copy(outcome) for a_copy in COPIES):
        assert again.auction.to_json() == outcome.auction.to_json()
        assert again.auction.dropped == outcome.auction.dropped and again.auction.dropped.unused == ("unused",)
        assert (again.certificate, again.unique, again.solver) == (outcome.certificate, outcome.unique, outcome.solver)
        for one, other in zip((again.products, again.portfolios, again.demands), frames, strict=True):
            pd.testing.assert_frame_equal(one, other)
        # 60 - 0.4 · 80: the wind farm sells all it has.
        assert again.auction.solve(warm=again).prices == pytest.approx([28], rel=1e-12)


def test_what_was_reached_comes_along_with_the_error():
    outcome = outcome_of_two()
    for again in (a_copy(NotSolved("missed by far", outcome)) for a_copy in COPIES):
        assert np.array_equal(again.outcome.prices, outcome.prices)
        assert again.outcome.certificate == outcome.certificate


def solved(limit: float | None) -> float:
    demands = {"buy": fts.Constant(10, 0, limit), "sell": fts.Constant(5, max_rate=0)}
    auction = fts.Auction(demands, {name: fts.Portfolio(name, "power") for name in demands})
    return auction.solve().certificate.welfare


def test_an_error_of_one_scenario_leaves_the_others_of_a_pool_alone():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        runs = [pool.submit(solved, limit) for limit in (100, None, 200)]
        # Buyers who pay 10 gain 5 on each unit.
        assert [runs[0].result(), runs[2].result()] == pytest.approx([500, 1000])
        with pytest.raises(UnboundedAuction) as refused:
            runs[1].result()
    assert set(refused.value.portfolios) == {"buy", "sell"}
    assert refused.value.products == ("power",)
