"""Load a part of the package by name, when it is first needed.

This is the one file that reaches across the package: ``auction.solve``, ``auction.plot``, ``Market(path)`` and the
command line go through it, so that ``import fts`` stays light and an auction solves without a web server installed.
A library that is not there becomes one sentence with the command that installs it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fts.errors import MissingLibrary

#: Part of the package, or public name → the extra that brings its libraries; for any other the core dependencies do.
EXTRAS = {
    "store": "store",
    "exchange": "store",
    "server": "server",
    "Market": "store",
    "client": "server",
    "viz": "viz",
    "sim": "sim",
    "cli.serve": "server",
    "cli.backup": "server",
    "cli.token": "server",
    "cli.schema": "server",
    "cli.dashboard": "apps",
    "cli.lab": "lab",
    "cli.demo": "all",
}


def load(part: str) -> Any:
    """Import a part of the package.

    Parameters
    ----------
    part : str
        Its name inside the package, for example ``"solver"`` or ``"cli.serve"``.

    Raises
    ------
    MissingLibrary
        A library that this part needs is not installed.
    """
    part = part.removeprefix("fts.")
    with explained(part):
        return importlib.import_module(f"fts.{part}")


@contextmanager
def explained(part: str) -> Iterator[None]:
    """Turn the import of a library that is not installed into one sentence with its remedy.

    Parameters
    ----------
    part : str
        What is being imported, as in `load`; the nearest entry of `EXTRAS` names the extra.

    Raises
    ------
    MissingLibrary
        A library that this part needs is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        # A file of our own that is not there is a defect, not a missing library.
        if library in ("", "fts"):
            raise
        raise MissingLibrary(missing(library, part)) from error


def missing(library: str, part: str) -> str:
    """Say which library is not installed, and the command that installs it.

    Parameters
    ----------
    library : str
        The name it is imported by.
    part : str
        The part of the package that needs it.
    """
    known = part
    while known and known not in EXTRAS:
        known = known.rpartition(".")[0]
    requirement = f"'fts-lab[{EXTRAS[known]}]'" if known else "fts-lab"
    return f"fts.{part} needs the library {library!r}, which is not installed: pip install {requirement}"
