"""The image of the exchange, as far as it can be held to account without Docker."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fts.cli import COMMANDS
from fts.server import local
from fts.server.settings import read_settings
from fts.server.uvicorn_server import open_socket

ROOT = Path(__file__).parents[2]
TEXT = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
LINES = [tuple(line.split(None, 1)) for line in TEXT.splitlines() if line.strip()]
KNOWN = {"FROM", "WORKDIR", "RUN", "ENV", "COPY", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def of(instruction: str) -> list[str]:
    return [rest for word, rest in LINES if word == instruction]


def test_every_line_is_an_instruction() -> None:
    assert {word for word, _ in LINES} == KNOWN


def test_it_is_a_python_that_the_package_takes() -> None:
    least = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    for image in of("FROM"):
        version = re.match(r"python:(\d+\.\d+)-slim\b", image)
        assert version and tuple(map(int, version[1].split("."))) >= tuple(map(int, least.split(".")))


def test_what_it_copies_is_there_and_let_through() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for line in of("COPY") if "--from" not in line for name in line.split()[:-1]}
    assert copied == allowed and all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    assert needed | {"pyproject.toml", "requirements.lock", project["project"]["readme"]} <= copied


def test_it_installs_from_the_lock_with_the_uv_of_the_makefile() -> None:
    pinned = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.M)
    assert pinned and f"uv=={pinned[1]}" in TEXT
    build, install = (line for line in of("RUN") if line.startswith("uv "))
    assert "--build-constraints requirements.lock --require-hashes" in build
    assert "--constraints requirements.lock" in install and '"fts-lab[server] @' in install


def test_it_runs_the_exchange_as_nobody_in_particular() -> None:
    (user,), (volume,) = of("USER"), of("VOLUME")
    assert f" {user} " in f"{of('RUN')[-1]} " and user not in ("root", "0")
    order = [word for word, _ in LINES]
    assert order.index("USER") < order.index("ENTRYPOINT")
    assert json.loads(of("ENTRYPOINT")[0]) == ["fts"] and json.loads(of("CMD")[0])[0] in COMMANDS
    settings = read_settings(None, dict(line.split("=", 1) for line in of("ENV")))
    assert Path(settings.database).parent == Path(volume)
    assert (settings.host, str(settings.port)) == ("0.0.0.0", of("EXPOSE")[0]) and settings.log == "json"
    assert "SECRET" not in TEXT


@pytest.mark.parametrize("healthy", [True, False])
def test_its_health_check_knows(healthy: bool) -> None:
    words = json.loads(of("HEALTHCHECK")[0].partition(" CMD ")[2])
    assert words[:2] == ["python", "-c"] and "127.0.0.1:8080/health" in words[2]
    if healthy:
        with local() as url:
            code = words[2].replace("http://127.0.0.1:8080", str(url))
            done = subprocess.run([sys.executable, "-c", code], timeout=30)
    else:
        # A port that nothing answers on.
        listener = open_socket("127.0.0.1", 0)
        port = listener.getsockname()[1]
        listener.close()
        code = words[2].replace("8080", str(port))
        done = subprocess.run([sys.executable, "-c", code], timeout=30, stderr=subprocess.DEVNULL)
    assert (done.returncode == 0) == healthy
