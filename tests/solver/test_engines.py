"""Every engine on every case: it finds the known answer, and says what it promises."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fts
from fts.solver.engines import ENGINES, installed

HERE = [name for name in ENGINES if installed(name) and name != "mosek"]
RANDOM = 300


def close(found: np.ndarray, known: np.ndarray, tol: float) -> bool:
    scale = np.nanmax(np.abs(known), initial=1e-300)
    return bool(np.nanmax(np.abs(found - known), initial=0.0) <= np.sqrt(tol) * scale)


@pytest.mark.parametrize("engine", HERE)
def test_engine_finds_the_golden_answer(engine, folder):
    auction = fts.Auction.read_json(folder / "auction.json")
    known = fts.Outcome.read_json(folder / "outcome.json", auction)
    found = auction.solve(engine)
    tol = fts.engines().loc[engine, "tol"]
    assert found.certificate.solved and found.certificate.tol == tol
    assert close(found.prices, known.prices, tol)
    assert close(found.rates, known.rates, tol)
    assert close(found.demand_prices, known.demand_prices, tol)
    assert np.array_equal(np.isnan(found.prices), np.isnan(known.prices))
    assert found.certificate.welfare == pytest.approx(known.certificate.welfare, rel=np.sqrt(tol))


@pytest.mark.parametrize("engine", HERE)
def test_engine_finds_the_prices_that_random_markets_were_built_around(engine, built):
    tol = fts.engines().loc[engine, "tol"]
    for seed in range(RANDOM):
        market = built(seed)
        auction = market.auction
        found = auction.solve(engine)
        known = np.array([market.prices[name] for name in auction.product_ids.to_pylist()])
        assert close(found.prices, known, tol), (engine, seed)


def test_engines_table_says_what_is_here():
    table = fts.engines()
    assert table.index.tolist() == ["native", "clarabel", "osqp", "ecos", "scs", "piqp", "highs", "mosek"]
    assert table.loc[["clarabel", "piqp"], "tol"].tolist() == [1e-9, 1e-9]
    assert table.loc[["ecos", "osqp", "scs"], "tol"].tolist() == [1e-5] * 3
    assert table.loc["clarabel", "installed"]
    assert table["install"].str.startswith("pip install").all()


def test_unlicensed_mosek_says_so_in_one_sentence():
    if not installed("mosek"):
        pytest.skip("mosek is not installed; pip install 'fts-lab[mosek]'")
    auction = fts.Auction({"d": [(0, 2), (1, 1)]}, {"b": fts.Portfolio("d", "A")})
    try:
        outcome = auction.solve("mosek")
    except fts.errors.MissingLicence as error:
        assert "'mosek'" in str(error) and "mosek.lic" in str(error) and "\n" not in str(error)
    else:
        assert outcome.certificate.solved


def test_missing_engine_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sys.modules["fts.solver.engines"], "find_spec", lambda library: None)
    auction = fts.Auction({"d": [(0, 2), (1, 1)]}, {"b": fts.Portfolio("d", "A")})
    with pytest.raises(fts.errors.MissingLibrary, match=r"'osqp' is not installed: pip install 'fts-lab\[engines\]'"):
        auction.solve("osqp")


def test_unknown_engine_and_odd_tolerance_are_refused():
    auction = fts.Auction({"d": [(0, 2), (1, 1)]}, {"b": fts.Portfolio("d", "A")})
    with pytest.raises(fts.errors.ConfigurationError, match="no engine 'gurobi'"):
        auction.solve("gurobi")
    for tol in (0.0, -1e-9, float("nan"), float("inf")):
        with pytest.raises(fts.errors.ConfigurationError, match="positive number"):
            auction.solve(tol=tol)


def test_highs_leaves_standard_output_alone(capfd):
    auction = fts.Auction({"d": [(0, 2), (1, 1)]}, {"b": fts.Portfolio("d", "A")})
    auction.solve("highs")
    assert capfd.readouterr() == ("", "")
