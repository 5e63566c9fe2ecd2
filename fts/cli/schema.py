"""``fts schema``: print the OpenAPI document of the exchange."""

from __future__ import annotations

import argparse
import json
from typing import Any

from fts.cli.stdio import write
from fts.server.app import ROUTES
from fts.server.jwt_application import JwtApplication
from fts.server.openapi import openapi_document
from fts.server.v0 import routes as v0_routes
from fts.server.v0.schemas import SCHEMAS


def register(subparsers: Any) -> None:
    """Add the parser of ``fts schema``."""
    parser = subparsers.add_parser(
        "schema",
        help="print the OpenAPI document of the exchange",
        description="Print the OpenAPI document of both contracts of the exchange. A running exchange serves "
        "that of the current contract at /docs/api.json and that of /v0 at /api-docs/openapi.json.",
    )
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="output file (default: -)")


def run(args: argparse.Namespace) -> int:
    """Print the document."""
    # The secret is empty, because no token is made or read here.
    document = openapi_document(JwtApplication(""), (*ROUTES, *v0_routes.ROUTES), SCHEMAS)
    write(json.dumps(document, indent=2, ensure_ascii=False) + "\n", args.output)
    return 0
