"""``fts solve``: clear an auction file."""

from __future__ import annotations

import argparse
import io
import sys
from typing import Any

from fts.cli.stdio import read_auction, write
from fts.models.outcome import Outcome


def register(subparsers: Any) -> None:
    """Add the parser of ``fts solve``."""
    parser = subparsers.add_parser(
        "solve",
        help="clear an auction file and print its outcome",
        description="Clear an auction file. The outcome goes to standard output as JSON, its certificate to standard "
        "error. Exit status: 0 solved, 2 the input was refused, 3 not solved, 1 anything else.",
    )
    parser.add_argument("auction", help="auction file (JSON), - for standard input")
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="output file (default: -)")
    parser.add_argument("--solver", metavar="NAME", help="engine (default: native)")
    parser.add_argument("--tol", type=float, metavar="T", help="relative tolerance (default: the engine's own)")


def run(args: argparse.Namespace) -> int:
    """Solve an auction, write its outcome and print its certificate."""
    outcome = read_auction(args.auction).solve(solver=args.solver, tol=args.tol)
    text = io.StringIO()
    outcome.write_json(text)
    write(text.getvalue(), args.output)
    print(proof(outcome), file=sys.stderr)
    return 0


def proof(outcome: Outcome) -> str:
    """Format status, engine, welfare and certificate measures in one line."""
    certificate = outcome.certificate
    measures = ", ".join(
        f"{name} {getattr(certificate, name):.1e}" for name in ("imbalance", "domain", "consistency", "gap", "fit")
    )
    return f"{certificate.status} by {outcome.solver}: welfare {certificate.welfare:g}, {measures}"
