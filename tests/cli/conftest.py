"""The command line as a user has it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden" / "example"

# Hides libraries from everything that looks for them, as if they had never been installed.
BLOCK = """
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec


def find_all_but(name, path=None, target=None):
    return None if name.partition(".")[0] in {libraries!r} else find_spec(name, path, target)


PathFinder.find_spec = staticmethod(find_all_but)
"""

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def golden() -> Path:
    """The folder of golden auctions."""
    return GOLDEN


Environment = Callable[..., dict[str, str]]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """Variables of a process in which some libraries look as if they were not installed."""

    def variables(without: Sequence[str] = ()) -> dict[str, str]:
        if not without:
            return dict(os.environ)
        block = tmp_path / "block"
        block.mkdir(exist_ok=True)
        (block / "sitecustomize.py").write_text(BLOCK.format(libraries=set(without)))
        return {**os.environ, "PYTHONPATH": str(block)}

    return variables


@pytest.fixture
def fts_command(tmp_path: Path, environment: Environment) -> Command:
    """Run ``fts`` in a fresh process; ``without`` names libraries that shall look as if they were not installed."""

    def run(*words: object, stdin: str | None = None, without: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("fts"), *map(str, words)],
            input=stdin,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment(without),
            timeout=120,
        )

    return run
