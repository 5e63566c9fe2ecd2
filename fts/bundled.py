"""Paths of the apps, notebooks and sample data: beside the package in a source checkout, inside it in the wheel."""

from __future__ import annotations

import warnings
from pathlib import Path

from fts.errors import NotFound

_PACKAGE = Path(__file__).parent
_PLACES = (_PACKAGE / "_bundled", _PACKAGE.parent)


def folder(name: str) -> Path:
    """Find a bundled folder.

    Parameters
    ----------
    name : str
        ``"apps"``, ``"notebooks"`` or ``"data"``.

    Raises
    ------
    NotFound
        The installation does not carry it.
    """
    for place in _PLACES:
        if (place / name).is_dir():
            return place / name
    raise NotFound(f"this installation of fts has no folder {name!r}: reinstall it with pip install fts-lab")


def from_wheel() -> bool:
    """Return True if fts runs from an installed wheel, whose files are not for editing, not from a source checkout."""
    return (_PACKAGE / "_bundled").is_dir()


def installed() -> bool:
    """Return `from_wheel()`, under the name of 0.1, and warn."""
    warnings.warn(
        "fts.bundled.installed is now fts.bundled.from_wheel; the old name ends with the next release",
        DeprecationWarning,
        stacklevel=2,
    )
    return from_wheel()
