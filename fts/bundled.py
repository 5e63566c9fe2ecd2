"""Where the apps, notebooks and sample data are: beside the package in a source checkout, inside it in the wheel."""

from __future__ import annotations

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


def installed() -> bool:
    """Whether fts runs from an installed wheel, whose files are nobody's to edit, and not from a source checkout."""
    return (_PACKAGE / "_bundled").is_dir()
