"""What a type checker sees: every public call has a real type."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import fts
from fts import client, errors, exchange, server, store, viz

ROOT = Path(__file__).parents[2]
USER_FILE = """
import fts

auction = fts.Auction({"load": [(0, 60), (100, 20)]}, {"load": fts.Portfolio("load", "noon")})
reveal_type(auction.solve())
reveal_type(auction.certify([0.0], [20.0]))
reveal_type(auction.solve().products)
reveal_type(auction.problem())
with fts.Market() as market:
    reveal_type(market.create_demand({"name": "load"}, [(0, 60), (100, 20)], bidder="5d0e"))
    reveal_type(market.run_batch("2027-06-01T12:00:00Z"))
    reveal_type(market.batches())
try:
    auction.solve().prodcuts
    market.create_demand({"name": "load"}, 20, bidder="5d0e")
    market.run_batch(5)
except fts.FtsError as error:
    reveal_type(error)
"""


def test_mypy_knows_the_results_and_finds_typos(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER_FILE)
    # As a user has it: strict, with no settings of this project.
    command = ["mypy", "--strict", "--config-file=", "--no-error-summary", "--hide-error-context"]
    command += ["--ignore-missing-imports", f"--cache-dir={ROOT / '.mypy_cache' / 'user'}", str(tmp_path / "user.py")]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr == ""
    lines = [line.partition("user.py:")[2] for line in done.stdout.splitlines() if "user.py:" in line]
    revealed = [line.split('"')[1] for line in lines if "Revealed type" in line]
    assert revealed == [
        "fts.models.outcome.Outcome",
        "fts.models.certificate.Certificate",
        "pandas.core.frame.DataFrame",
        "cvxpy.problems.problem.Problem",
        "fts.models.records.DemandRecord",
        "fts.models.records.BatchRecord",
        "fts.models.records.Page[fts.models.records.BatchRecord]",
        "fts.errors.FtsError",
    ]
    wrong = [line for line in lines if "error:" in line]
    assert len(wrong) == 3, done.stdout
    assert '"Outcome" has no attribute "prodcuts"' in wrong[0]
    assert '"create_demand"' in wrong[1] and "int" in wrong[1]
    assert '"run_batch"' in wrong[2] and "int" in wrong[2]


def public_classes() -> dict[str, type]:
    """Every class that a module of the public API names."""
    found = {}
    for module in (fts, errors, server, store, exchange, client, viz):
        for name in getattr(module, "__all__", dir(module)):
            thing = getattr(module, name)
            if inspect.isclass(thing) and thing.__module__.startswith("fts"):
                found[thing.__qualname__] = thing
    return found


def calls_of(kind: type) -> Iterator[tuple[str, dict[str, Any]]]:
    """Public methods and properties of a class with their annotations, as texts."""
    for name, member in inspect.getmembers(kind):
        if name.startswith("_") and name not in ("__init__", "__call__"):
            continue
        if isinstance(member, property):
            member = member.fget
        elif isinstance(member, cached_property):
            member = member.func
        if inspect.isfunction(member) or inspect.ismethod(member):
            yield name, member.__annotations__


@pytest.mark.parametrize("kind", public_classes().values(), ids=public_classes())
def test_no_public_call_returns_any(kind: type) -> None:
    untyped = [name for name, types in calls_of(kind) if types.get("return", "None") in ("Any", Any)]
    assert untyped == []


def test_the_arguments_of_a_market_have_types() -> None:
    untyped = [f"{name}({key})" for name, types in calls_of(fts.Market) for key in types if types[key] in ("Any", Any)]
    assert untyped == []
