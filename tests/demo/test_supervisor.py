"""No process is left behind, however the parent ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from fts._ports import LOCALHOST, free_port
from fts.cli.supervisor import Supervisor
from fts.errors import ConfigurationError

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)",
]


def gone(pid, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_leaving_stops_all(tmp_path):
    with Supervisor() as supervisor:
        pids = [supervisor.start(f"c{k}", SLEEP, tmp_path / f"{k}.log", os.environ).process.pid for k in range(3)]
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert all(gone(pid, 0.1) for pid in pids)


def test_the_children_of_a_child_end_too(tmp_path):
    spawn = f"import subprocess, time; print(subprocess.Popen({SLEEP!r}).pid, flush=True); time.sleep(600)"
    with Supervisor() as supervisor:
        log = tmp_path / "log"
        supervisor.start("c", [sys.executable, "-c", spawn], log, os.environ)
        while not log.read_text().split():
            time.sleep(0.02)
        grandchild = int(log.read_text().split()[0])
        assert psutil.pid_exists(grandchild)
    assert gone(grandchild)


def test_a_killed_parent_leaves_none(tmp_path):
    program = f"""
import os, time
from pathlib import Path
from fts.cli.supervisor import Supervisor
with Supervisor() as supervisor:
    for k, command in enumerate([{SLEEP!r}, {SLEEP!r}]):
        print(supervisor.start("c", command, Path({str(tmp_path)!r}) / str(k), os.environ).process.pid, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        parent.send_signal(signal.SIGKILL)
    assert all(gone(pid) for pid in pids)


def test_one_that_ends_is_reported_once_with_its_last_words(tmp_path):
    with Supervisor() as supervisor:
        command = [sys.executable, "-c", "import sys; sys.exit('out of gas')"]
        started = supervisor.start("plant", command, tmp_path / "log", os.environ)
        started.process.wait()
        (ended,) = supervisor.pop_ended()
        assert (ended.name, ended.process.returncode, ended.log_tail()) == ("plant", 1, ["out of gas"])
        assert supervisor.pop_ended() == []


def test_logs_are_their_owners_alone(tmp_path):
    with Supervisor() as supervisor:
        supervisor.start("c", SLEEP, tmp_path / "log", os.environ)
        assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_gives_way_to_the_next_free_one():
    with socket.socket() as taken:
        taken.bind((LOCALHOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) > port
        assert free_port(port) != free_port(port, taken=[free_port(port)])


def test_no_free_port_is_said():
    with pytest.raises(ConfigurationError, match="taken"):
        free_port(65536)
