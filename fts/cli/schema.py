"""``fts schema``: print the OpenAPI document of the exchange."""

from __future__ import annotations

import argparse
import json
from typing import Any

from fts.cli.stream import write
from fts.server.app import ROUTES
from fts.server.document import document
from fts.server.jwt_application import JwtApplication
from fts.server.v0 import contract
from fts.server.v0.shapes import SHAPES


def register(subparsers: Any) -> None:
    """Add the parser of ``fts schema``."""
    parser = subparsers.add_parser(
        "schema",
        help="print the OpenAPI document of the exchange",
        description="Print the OpenAPI document of both contracts of the exchange. A running one serves that of the "
        "current contract at /docs/api.json and that of /v0 at /api-docs/openapi.json.",
    )
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="where it goes (default: -)")


def run(args: argparse.Namespace) -> int:
    """Print the document."""
    # No token is made or read here, so the secret is nothing.
    described = document(JwtApplication(""), (*ROUTES, *contract.ROUTES), SHAPES)
    write(json.dumps(described, indent=2, ensure_ascii=False) + "\n", args.output)
    return 0
