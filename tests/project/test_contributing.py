"""CONTRIBUTING.md is true: files and constants that it names exist, and its commands are targets of the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w./-]+)`(?: \(`(\w+)`\))?", TEXT)
FILES = sorted({(path, name) for path, name in NAMED if "/" in path or path.endswith((".md", ".toml", ".cff"))})


@pytest.mark.parametrize(("path", "name"), FILES)
def test_a_file_that_is_named_exists_and_has_the_constant(path: str, name: str) -> None:
    file = ROOT / path
    assert file.exists()
    if name:
        assert re.search(rf"^{name}\b", file.read_text(encoding="utf-8"), re.MULTILINE)


def test_a_command_that_is_named_is_a_target() -> None:
    targets = set(re.findall(r"^(\S+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", TEXT)) <= targets
