"""``fts export``: write an auction file as a mathematical program, or a market as Parquet files."""

from __future__ import annotations

import argparse
from typing import Any

from fts import _optional
from fts.cli.stdio import read_auction, write
from fts.errors import ConfigurationError


def register(subparsers: Any) -> None:
    """Add the parser of ``fts export``."""
    parser = subparsers.add_parser(
        "export",
        help="write an auction file as a mathematical program (LP or MPS), or a market as Parquet",
        description="Write the quadratic program of an auction file in a format that other solvers read. With "
        "--format parquet, write a market's file with its whole history into a new folder, each table by day.",
    )
    parser.add_argument("auction", help="auction file (JSON), - for standard input; for parquet, a market's file")
    parser.add_argument("--format", choices=("mps", "lp", "parquet"), required=True, help="format of the output")
    parser.add_argument(
        "--names",
        choices=("safe", "verbatim"),
        help="rows and columns of mps and lp: safe numbers them and lists the ids in comments, verbatim contains the "
        "ids and writes what the Rust implementation writes (default: the ids, where every solver can read them)",
    )
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="output file (default: -), or the new folder"
    )


def run(args: argparse.Namespace) -> int:
    """Export an auction or a market."""
    if args.format == "parquet":
        if args.names is not None:
            raise ConfigurationError(
                "--names applies to rows and columns of a program; leave it out with --format parquet"
            )
        return _export_market(args.auction, args.output)
    auction = read_auction(args.auction)
    solver = _optional.load("solver")
    program = {"mps": solver.write_mps, "lp": solver.write_lp}[args.format](auction, names=args.names)
    write(program, args.output)
    return 0


def _export_market(name: str, folder: str) -> int:
    if folder == "-":
        raise ConfigurationError("a market becomes a folder of Parquet files; name a new one with -o FOLDER")
    store = _optional.load("store").DuckStore(name, read_only=True)
    store.open()
    try:
        store.export(folder)
    finally:
        store.close()
    return 0
