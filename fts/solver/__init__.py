"""The solver: auctions in, clearing prices with their proof out."""

from __future__ import annotations

from fts.solver.auction_warnings import warnings_of
from fts.solver.certificate import certified, certify
from fts.solver.cvxpy_problem import outcome_of, problem
from fts.solver.engines import engines
from fts.solver.lp_file import write_lp
from fts.solver.mps_file import write_mps
from fts.solver.part_result import part_results_of
from fts.solver.price_intervals import price_interval
from fts.solver.solve import solve

__all__ = [
    "certified",
    "certify",
    "engines",
    "outcome_of",
    "part_results_of",
    "price_interval",
    "problem",
    "solve",
    "warnings_of",
    "write_lp",
    "write_mps",
]
