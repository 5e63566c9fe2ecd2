"""``fts export``: write an auction file as a mathematical program."""

from __future__ import annotations

import argparse
from typing import Any

from fts import adapters
from fts.cli.stream import read_auction, write


def register(subparsers: Any) -> None:
    """Add the parser of ``fts export``."""
    parser = subparsers.add_parser(
        "export",
        help="write an auction file as a mathematical program (LP or MPS)",
        description="Write the quadratic program of an auction file in a format that other solvers read.",
    )
    parser.add_argument("auction", help="auction file (JSON), - for standard input")
    parser.add_argument("--format", choices=("mps", "lp"), required=True, help="format of the program")
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="where the program goes (default: -)")


def run(args: argparse.Namespace) -> int:
    """Read, export, write."""
    auction = read_auction(args.auction)
    solver = adapters.load("solver")
    program = {"mps": solver.write_mps, "lp": solver.write_lp}[args.format](auction)
    write(program, args.output)
    return 0
