"""The README's session with /v0 runs as it is written."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def test_the_curl_session(tmp_path: Path) -> None:
    section = README.split("\n### Programs written for `fts_server` 0.3\n", 1)[1].split("\n## ", 1)[0]
    (session,) = re.findall(r"^```bash\n(.*?)^```$", section, re.M | re.S)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert session.count("8080") == 2
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session.replace("8080", str(port))],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0 and "detail" not in done.stdout, done.stdout + done.stderr
    health, products, cost, noon, load, fills = (
        json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))
    )
    assert health == {"status": "ok"} and len(products) == 3
    assert cost["data"] == {"demand": {"price": 5, "min_rate": None, "max_rate": None}}
    assert list(cost["group"].values()) == [1]
    # The load's curve is at 60 - 0.4 · 80; in half an hour it takes 40.
    for page in (noon, load):
        assert [(row["from"][11:16], row["thru"][11:16]) for row in page["results"]] == [
            ("12:30", "13:00"),
            ("12:00", "12:30"),
        ]
        assert all(row["price"] == pytest.approx(28) and row["trade"] == pytest.approx(40) for row in page["results"])
    assert [row["value"]["rate"] for row in fills["results"]] == [pytest.approx(80)] * 2
