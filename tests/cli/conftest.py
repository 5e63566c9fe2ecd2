"""The command line as a user has it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"

# Makes an import fail as it does where the library was never installed.
BLOCK = """
import sys


class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {libraries!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, NotInstalled())
"""

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def golden() -> Path:
    """The folder of golden auctions."""
    return GOLDEN


@pytest.fixture
def fts_command(tmp_path: Path) -> Command:
    """Run ``fts`` in a fresh process; ``without`` names libraries that shall look as if they were not installed."""

    def run(
        *words: object, stdin: str | None = None, without: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ)
        if without:
            block = tmp_path / "block"
            block.mkdir(exist_ok=True)
            (block / "sitecustomize.py").write_text(BLOCK.format(libraries=set(without)))
            environment["PYTHONPATH"] = str(block)
        return subprocess.run(
            [Path(sys.executable).with_name("fts"), *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            timeout=120,
        )

    return run
