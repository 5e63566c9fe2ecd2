"""The engines, by name: what they are, whether they are here, and what they promise."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import pandas as pd

from fts import _optional
from fts.errors import ConfigurationError, MissingLibrary
from fts.ports.engine import Engine
from fts.solver.native import engine as native

NATIVE = "native"
DEFAULT = NATIVE


@dataclass(frozen=True)
class Entry:
    """One engine of the table.

    Attributes
    ----------
    library : str
        The name it is imported by.
    tol : float
        The tolerance its answers are certified at, unless another one is asked for.
    method : str
    install : str
        The command that installs it.
    """

    library: str
    tol: float
    method: str
    install: str


_EXTRA = "pip install 'fts-lab[engines]'"

ENGINES = {
    "native": Entry("scipy", 1e-9, "interior point on the products, bids eliminated", "pip install fts-lab"),
    "clarabel": Entry("clarabel", 1e-9, "interior point (Rust), through CVXPY", "pip install fts-lab"),
    "osqp": Entry("osqp", 1e-5, "operator splitting (C), through CVXPY", _EXTRA),
    "ecos": Entry("ecos", 1e-5, "interior point on cones (C), through CVXPY", _EXTRA),
    "scs": Entry("scs", 1e-5, "operator splitting on cones (C), through CVXPY", _EXTRA),
    "piqp": Entry("piqp", 1e-9, "proximal interior point (C++), through CVXPY", _EXTRA),
    "highs": Entry("highspy", 1e-7, "active set (C++), through CVXPY; small auctions only", _EXTRA),
    "mosek": Entry("mosek", 1e-7, "interior point, commercial licence, through CVXPY", "pip install 'fts-lab[mosek]'"),
}


def engines() -> pd.DataFrame:
    """All engines by name.

    Returns
    -------
    DataFrame
        ``installed``; ``tol``: the largest measure of the certificate that counts as solved unless another tolerance
        is asked for; ``method``; ``install``: the command that installs it.
    """
    rows = [
        {"name": name, "installed": installed(name), "tol": e.tol, "method": e.method, "install": e.install}
        for name, e in ENGINES.items()
    ]
    return pd.DataFrame(rows).set_index("name")


def installed(name: str) -> bool:
    """Check whether an engine's library is here (a licence is asked for only when it solves)."""
    return find_spec(ENGINES[name].library) is not None


def tolerance(name: str) -> float:
    """Return the tolerance an engine's answers are certified at."""
    return ENGINES[name].tol


def engine(name: str) -> Engine:
    """Return the engine of this name.

    Raises
    ------
    ConfigurationError
        No engine has this name.
    MissingLibrary
        Its library is not installed.
    """
    if not (isinstance(name, str) and name in ENGINES):
        raise ConfigurationError(f"there is no engine {name!r}; choose one of {', '.join(ENGINES)}")
    entry = ENGINES[name]
    if not installed(name):
        raise MissingLibrary(f"the engine {name!r} is not installed: {entry.install}")
    if name == "native":
        own: Engine = native.solve
        return own
    made: Engine = _optional.load("solver.cvxpy_engine").CvxpyEngine(name.upper())
    return made
