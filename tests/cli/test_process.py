"""How a command behaves as a process: help, signals, pipes that close, libraries that are not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fts.cli import COMMANDS

FTS = Path(sys.executable).with_name("fts")


def test_help_names_every_command(fts_command) -> None:
    done = fts_command("--help")
    assert done.returncode == 0 and done.stderr == ""
    for name, line in COMMANDS.items():
        assert name in done.stdout and line.split()[0] in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help(fts_command, command: str) -> None:
    done = fts_command(command, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: fts {command}")


@pytest.mark.parametrize("words", [[], ["nosuch"], ["--nosuch"], ["--nosuch", "solve"]])
def test_an_unknown_command_is_refused(fts_command, words: list[str]) -> None:
    done = fts_command(*words)
    assert done.returncode == 2 and "usage: fts" in done.stderr and done.stdout == ""


def test_python_m_fts_is_fts(fts_command) -> None:
    done = subprocess.run([sys.executable, "-m", "fts", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == fts_command("--version").stdout


def test_a_reader_that_goes_away_is_no_error(golden: Path) -> None:
    process = subprocess.Popen(
        [FTS, "export", golden / "auction.json", "--format", "lp"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    # What a shell reports of a program ended by SIGPIPE.
    assert process.wait() == 128 + signal.SIGPIPE


def test_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    pipe = tmp_path / "auction.json"
    os.mkfifo(pipe)
    with subprocess.Popen([FTS, "solve", pipe], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        # Opening blocks until the command has opened the pipe too; then it waits for us to write.
        with pipe.open("w"):
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (128 + signal.SIGINT, b"", b"")


@pytest.mark.parametrize(
    ("command", "library", "extra"),
    [
        (["serve"], "duckdb", "server"),
        (["serve"], "fastapi", "server"),
        (["token"], "jwt", "server"),
        (["schema"], "fastapi", "server"),
        (["dashboard"], "panel", "apps"),
        (["lab"], "jupyterlab", "lab"),
        (["demo"], "duckdb", "store"),
        (["demo"], "httpx", "all"),
    ],
)
def test_a_missing_library_is_one_sentence_with_its_command(
    fts_command, command: list[str], library: str, extra: str
) -> None:
    done = fts_command(*command, without=[library])
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.endswith(f"{library!r}, which is not installed: pip install 'fts-lab[{extra}]'\n")


@pytest.mark.parametrize(
    ("statement", "library", "command"),
    [
        ("fts.Market()", "duckdb", "pip install 'fts-lab[store]'"),
        ("fts.Market()", "pydantic", "pip install 'fts-lab[store]'"),
        ("import fts.server; fts.server.create_app", "fastapi", "pip install 'fts-lab[server]'"),
        ("auction.solve().plot('noon')", "holoviews", "pip install 'fts-lab[viz]'"),
        ("auction.explore()", "ipywidgets", "pip install 'fts-lab[viz]'"),
    ],
)
def test_in_python_too(tmp_path: Path, statement: str, library: str, command: str) -> None:
    script = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "import fts\n"
        "auction = fts.Auction({'a': [(-1, 9), (1, 1)]}, {'a': fts.Portfolio('a', 'noon')})\n"
        "try:\n"
        f"    {statement}\n"
        "except fts.errors.MissingLibrary as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(command), done.stdout


def test_an_auction_solves_with_the_core_dependencies_alone() -> None:
    extras = ["duckdb", "pydantic", "fastapi", "uvicorn", "jwt", "httpx", "panel", "holoviews", "bokeh", "osqp", "scs"]
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({extras}))\n"
        "import fts\n"
        "auction = fts.Auction(\n"
        "    {'load': [(0, 60), (100, 20)], 'wind': fts.Constant(5, min_rate=-80, max_rate=0)},\n"
        "    {'load': fts.Portfolio('load', 'noon'), 'wind': fts.Portfolio('wind', 'noon')},\n"
        ")\n"
        "print(auction.solve().products.loc['noon', 'price'])\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # 80 of wind sold: the load's curve is at 60 - 0.4 · 80.
    assert float(done.stdout) == pytest.approx(28, rel=1e-6)
