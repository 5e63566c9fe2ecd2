"""With an extra left out, the rest goes on working."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SERVER = ["fastapi", "starlette", "uvicorn", "jwt"]


@pytest.mark.parametrize("notebook", ["01_quickstart", "02_bidding"])
def test_the_first_notebooks_run_without_the_server_extra(environment, tmp_path: Path, notebook: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute"),
            *("--output-dir", tmp_path, NOTEBOOKS / f"{notebook}.ipynb"),
        ],
        cwd=tmp_path,
        env=environment(SERVER),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"{notebook}.ipynb").stat().st_size > 0


def test_the_blocked_libraries_are_really_gone(environment) -> None:
    script = f"import importlib.util; print([importlib.util.find_spec(name) for name in {SERVER}])"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(SERVER), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[None,", "None,", "None,", "None]"]
