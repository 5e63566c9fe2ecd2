"""What the README tells a reader to type does what it says."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fts.cli import COMMANDS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def block(language: str, section: str) -> str:
    """The one code block of a language in a section."""
    text = README.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text.split("\n### ", 1)[0], re.M | re.S)
    return str(found)


def test_the_quick_start_in_python(tmp_path: Path) -> None:
    script = block("python", "In Python") + "print(outcome.products.loc['noon', 'price'], outcome.certificate.solved)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    price, solved = done.stdout.split()[-2:]
    assert float(price) == pytest.approx(28, rel=1e-6) and solved == "True"


@pytest.mark.slow
def test_the_curl_session(tmp_path: Path) -> None:
    session = block("bash", "Over REST")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert session.count("8080") == 2
    # Word for word, but for the port, which may be taken here.
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session.replace("8080", str(port))],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    # What is not JSON is what the exchange itself says in the same terminal.
    replies = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]
    assert replies[0] == {"status": "ok"}
    assert [reply["app_data"]["name"] for reply in replies[1:3]] == ["load", "wind"]
    assert len(replies) == 5 and "detail" not in done.stdout
    row = replies[-1]["results"][0]["value"]
    # The load's curve is at 60 - 0.4 · 80.
    assert row["price"] == pytest.approx(28, rel=1e-6) and row["rate"] == pytest.approx(80, rel=1e-6)


def test_every_command_of_the_readme_exists() -> None:
    lines = re.findall(r"^fts [^#]*", block("console", "On the command line"), re.M)
    named = {word for line in lines for word in re.findall(r"fts (\w+)", line)}
    assert named == set(COMMANDS)


def test_the_notebooks_of_the_readme_are_those_there_are() -> None:
    named = re.findall(r"^\| `(\d\d_\w+)` \|", README, re.M)
    assert named == sorted(file.stem for file in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
