"""The Binder folder: accepted by repo2docker, and run as its image would run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BASE_URL = "/user/someone/"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, *, within: float = 10) -> str:
    """Text of a page, tried again while its server is starting."""
    deadline = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return str(reply.read().decode(errors="replace"))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_repo2docker_accepts_the_folder() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("jupyter-repo2docker"), "--no-build", "--debug", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    plan = done.stdout + done.stderr
    assert "RUN ./binder/postBuild" in plan
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in plan
    assert "Building conda environment for python=3.11" in plan


def test_it_pins_the_installer_of_the_makefile() -> None:
    pinned = re.search(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.M).group(1)
    assert f" uv=={pinned}\n" in (ROOT / "binder/postBuild").read_text()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A fresh Python in which ``postBuild`` has run, and the variables of its user."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "venv", home / "python"], check=True)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTHON", "FTS"))}
    variables.pop("VIRTUAL_ENV", None)
    variables["PATH"] = f"{home / 'python' / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    # A copy, because an image has its own; with what git tracks or would track.
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (home / "repo" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, home / "repo" / name)
    done = subprocess.run(
        [home / "repo" / "binder" / "postBuild"], cwd=home / "repo", env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    # Set now, not before: the installer's cache is in the real home.
    return {**variables, "HOME": str(home), "TMPDIR": str(home), "REPO": str(home / "repo")}


@pytest.fixture(scope="module")
def jupyter(environment: dict[str, str]) -> Iterator[str]:
    """A running image, as JupyterHub starts it for one user; its address."""
    port = free_port()
    with (Path(environment["HOME"]) / "jupyter.log").open("wb") as output:
        process = subprocess.Popen(
            [
                f"{environment['REPO']}/binder/start",
                *("jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
                *("--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.base_url={BASE_URL}"),
            ],
            cwd=environment["REPO"],
            env={
                **environment,
                "JUPYTERHUB_SERVICE_PREFIX": BASE_URL,
                "FTS_EXCHANGE_PORT": str(free_port()),
                "FTS_DASHBOARD_PORT": str(free_port()),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}{BASE_URL}"
    try:
        fetch(address + "api", within=60)
        yield address
    finally:
        # As the end of a container: everything that was started in it.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def logs(environment: dict[str, str]) -> str:
    """What the image said, for a reader of a failure."""
    return "\n".join(file.read_text()[-5000:] for file in Path(environment["HOME"]).glob("*.log"))


def test_jupyterlab_shows_the_notebooks(jupyter: str) -> None:
    assert '"baseUrl": "/user/someone/"' in fetch(jupyter + "lab")
    names = [item["name"] for item in json.loads(fetch(jupyter + "api/contents/notebooks"))["content"]]
    assert "01_quickstart.ipynb" in names
    assert json.loads(fetch(jupyter + "server-proxy/servers-info"))["server_processes"]


def test_the_exchange_answers_through_the_proxy(jupyter: str, environment: dict[str, str]) -> None:
    try:
        assert json.loads(fetch(jupyter + "exchange/health", within=90)) == {"status": "ok"}
    except OSError:
        pytest.fail(logs(environment))
    assert json.loads(fetch(jupyter + "exchange/market"))
    page = fetch(jupyter + "exchange/docs")
    # Every file of the page, and the document it explains, are found behind the proxy too.
    links = re.findall(r'(?:src|href)=["\']([^"\']+)["\']', page)
    assert links
    for link in links:
        assert fetch(urllib.parse.urljoin(jupyter + "exchange/docs", link))
    document = json.loads(fetch(jupyter + "exchange/docs/api.json"))
    assert document["servers"][0]["url"] == BASE_URL + "exchange"


def test_the_dashboard_answers_through_the_proxy(jupyter: str, environment: dict[str, str]) -> None:
    try:
        page = fetch(jupyter + "dashboard/", within=90)
    except OSError:
        pytest.fail(logs(environment))
    assert "Bokeh" in page or "bokeh" in page
    scripts = [link for link in re.findall(r'src=["\']([^"\']+\.js[^"\']*)["\']', page)]
    assert scripts
    for link in scripts:
        assert fetch(urllib.parse.urljoin(jupyter + "dashboard/", link))


def test_the_dashboard_lives_behind_the_proxy(jupyter: str, environment: dict[str, str], page: Page) -> None:
    # Its prices come through a websocket, which the proxy has to pass on as well.
    fetch(jupyter + "dashboard/", within=90)
    refused: list[str] = []
    page.on("response", lambda reply: refused.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None)
    page.goto(jupyter + "dashboard/")
    try:
        expect(page.locator("canvas").first).to_be_visible(timeout=120_000)
        expect(page.locator("body")).to_contain_text(re.compile(r"EUR/MWh"), timeout=120_000)
    except AssertionError:
        pytest.fail(page.locator("body").inner_text()[:2000] + logs(environment))
    assert not refused
