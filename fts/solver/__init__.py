"""The solver: auctions in, clearing prices with their proof out."""

from __future__ import annotations

from fts.solver.certificate import certified, certify
from fts.solver.engines import engines
from fts.solver.interval import price_interval
from fts.solver.lp import write_lp
from fts.solver.mps import write_mps
from fts.solver.part_result import part_results_of
from fts.solver.problem import outcome_of, problem
from fts.solver.solve import solve
from fts.solver.warning import warnings_of

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
