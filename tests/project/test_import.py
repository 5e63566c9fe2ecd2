"""``import fts`` and ``fts --help`` load nothing heavy, and every public name is there."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

import fts

HEAVY = {
    *("cvxpy", "clarabel", "scipy", "numpy", "pandas", "pyarrow", "duckdb", "fastapi", "pydantic", "uvicorn"),
    *("panel", "holoviews", "bokeh", "matplotlib", "ipywidgets", "jupyterlab", "numba", "httpx", "jwt", "tqdm"),
}

STUB = Path(fts.__file__).with_suffix(".pyi")


def loaded_after(script: str) -> set[str]:
    """Top-level modules of a fresh process after a script."""
    script += "\nimport json, sys\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr)}


def test_import_fts_is_light() -> None:
    loaded = loaded_after("import fts")
    assert "fts" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_the_command_line_s_help_is_light(words: list[str]) -> None:
    # The same function the `fts` script calls; argparse leaves by SystemExit.
    loaded = loaded_after(f"import fts.cli\ntry:\n    fts.cli.main({words})\nexcept SystemExit:\n    pass")
    assert not loaded & HEAVY


def test_a_curve_needs_no_engine() -> None:
    assert not loaded_after("import fts; fts.Curve([(0, 60), (100, 20)])") & {"cvxpy", "clarabel", "duckdb", "panel"}


def test_the_native_engine_loads_no_other(tmp_path: Path) -> None:
    auction, outcome = Path(__file__).parents[1] / "golden" / "example" / "auction.json", tmp_path / "outcome.json"
    words = ["solve", str(auction), "-o", str(outcome), "--solver", "native"]
    # The proof, which the command says on standard error, is not what is asked for here.
    silent = f"import contextlib, io\nwith contextlib.redirect_stderr(io.StringIO()):\n    fts.cli.main({words})"
    loaded = loaded_after(f"import fts.cli\n{silent}")
    assert outcome.exists()
    assert not loaded & {"cvxpy", "clarabel", "duckdb", "panel", "fastapi"}


def test_every_public_name_resolves() -> None:
    assert len(fts.__all__) > 10
    for name in fts.__all__:
        assert getattr(fts, name) is not None, name
        assert name in dir(fts)


def test_the_stub_declares_the_public_names() -> None:
    imports = [node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.ImportFrom)]
    declared = {alias.asname: alias.name for node in imports for alias in node.names}
    # `X as X` is how a stub re-exports.
    assert all(asname == name for asname, name in declared.items())
    assert sorted(fts.__all__) == sorted(name for name in declared if name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        attrgetter("no_such_name")(fts)


@pytest.mark.parametrize(
    ("old", "new"),
    [("read_instant", "parse_instant"), ("write_instant", "format_instant"), ("read_duration", "parse_duration")],
)
def test_a_former_name_warns_and_names_the_new_one(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"fts.{old} is now fts.{new};"):
        assert getattr(fts, old) is getattr(fts, new)


def test_the_former_name_of_from_wheel_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r"fts\.bundled\.from_wheel"):
        assert fts.bundled.installed() is fts.bundled.from_wheel()


def test_public_names_carry_their_documentation() -> None:
    for name in fts.__all__:
        assert (getattr(fts, name).__doc__ or "").strip(), name
