"""``fts lab``: a real JupyterLab on the notebooks."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-this-test"


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture(scope="module")
def lab(taken: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running JupyterLab that had to give way to the taken port."""
    log = tmp_path_factory.mktemp("lab") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("fts"), "lab", "--no-browser", "--port", str(taken)],
            env={**os.environ, "JUPYTER_TOKEN": TOKEN},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while not (address := re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address.group()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert process.returncode == 0


def fetch(url: str) -> str:
    request = urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return str(reply.read().decode())


def test_it_shows_the_notebooks_on_the_next_free_port(lab: str, taken: int) -> None:
    assert int(lab.rstrip("/").rpartition(":")[2]) != taken
    names = [item["name"] for item in json.loads(fetch(lab + "api/contents"))["content"]]
    assert "01_quickstart.ipynb" in names


def test_it_asks_the_internet_for_nothing(lab: str) -> None:
    page = fetch(lab + "lab")
    settings = json.loads(re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S).group(1))
    assert settings["news"] == {"disabled": True}
    assert settings["extensionManager"]["can_install"] is False
    assert not re.findall(r'(?:src|href)="(https?:)?//', page)


def test_it_wants_its_token(lab: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(lab + "api/contents", timeout=30)
    assert refused.value.code == 403
    refused.value.close()


def test_it_answers_this_machine_s_own_names_only(lab: str) -> None:
    port = lab.rstrip("/").rpartition(":")[2]

    def status(host: str) -> int:
        headers = {"Authorization": f"token {TOKEN}", "Host": host}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(lab + "api/contents", headers=headers), timeout=30
            ) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code

    assert [status(f"{name}:{port}") for name in ("127.0.0.1", "localhost")] == [200, 200]
    assert status(f"elsewhere.example:{port}") == 403
