"""CONTRIBUTING.md is true: files, constants and settings that it names exist, and its commands are targets."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from fts.exchange import Market
from fts.exchange.context import MarketOptions
from fts.server.settings import PARSERS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w./-]+)`(?: \(`(\w+)`\))?", TEXT)
FILES = sorted({(path, name) for path, name in NAMED if "/" in path or path.endswith((".md", ".toml", ".cff"))})


@pytest.mark.parametrize(("path", "name"), FILES)
def test_a_file_that_is_named_exists_and_has_the_constant(path: str, name: str) -> None:
    file = ROOT / path
    assert file.exists()
    if name:
        assert re.search(rf"^(    )?(def )?{name}\b", file.read_text(encoding="utf-8"), re.MULTILINE)


def test_a_command_that_is_named_is_a_target() -> None:
    targets = set(re.findall(r"^(\S+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", TEXT)) <= targets


def test_a_setting_that_is_named_exists() -> None:
    settings = set(re.findall(r"settings? `(\w+)`", TEXT))
    assert settings and settings <= {key for _, key in PARSERS}
    arguments = set(re.findall(r"`Market\((\w+)=\)`", TEXT))
    assert arguments and arguments <= set(inspect.signature(Market).parameters) & set(MarketOptions.__annotations__)


def test_the_server_s_readme_has_a_line_for_each_setting() -> None:
    text = (ROOT / "fts/server/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:`(\w+)` )?\| ((?:`\w+`).*?) \|", text, re.MULTILINE)
    named, section = set(), ""
    for name, keys in rows:
        section = name or section
        named |= {(section, key) for key in re.findall(r"`(\w+)`", keys)}
    assert set(PARSERS) <= named
