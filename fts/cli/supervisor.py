"""Supervisor of child processes, which all stop with their parent."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from fts.cli import watchdog


@dataclass
class ChildProcess:
    """Child process and its log.

    Attributes
    ----------
    name : str
        Name for messages.
    process : Popen
        Leader of a process group of its own.
    log : Path
        File of its output.
    """

    name: str
    process: subprocess.Popen[str]
    log: Path
    reported: bool = field(default=False)

    def log_tail(self, lines: int = 3) -> list[str]:
        """Read the last lines of the log."""
        return self.log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-lines:]


class Supervisor:
    """Child processes of one program; all are stopped when it ends, even by SIGKILL.

    Each runs in a session of its own, so that Ctrl-C reaches only the parent, which then stops them in order. If the
    parent is killed, a `watchdog` process stops them.
    """

    def __init__(self) -> None:
        self._children: list[ChildProcess] = []
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str], piped: bool = False
    ) -> ChildProcess:
        """Start one process.

        Parameters
        ----------
        name : str
            Name for messages.
        command : sequence of str
            Program and arguments; no secret, because other users of the machine can read them.
        log : Path
            File for its output; it is replaced, and only its owner can read it.
        environment : mapping
            Complete environment.
        piped : bool
            True: standard input and output are pipes to the parent, and only standard error goes to the log.
        """
        log.unlink(missing_ok=True)
        log.touch(mode=0o600)
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else output,
                stderr=output,
                env=dict(environment),
                start_new_session=True,
                text=True,
            )
        self._notify_watchdog(f"+{process.pid}")
        child = ChildProcess(name, process, log)
        self._children.append(child)
        return child

    def pop_ended(self) -> list[ChildProcess]:
        """Return the children that have ended since the last call."""
        gone = [child for child in self._children if not child.reported and child.process.poll() is not None]
        for child in gone:
            child.reported = True
            self._notify_watchdog(f"-{child.process.pid}")
        return gone

    def stop(self) -> None:
        """Stop all children in reverse order of their start, and wait until they are gone."""
        alive = [child for child in reversed(self._children) if child.process.poll() is None]
        for child in alive:
            child.process.terminate()
        deadline = time.monotonic() + watchdog.STOP_SECONDS
        for child in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(deadline - time.monotonic(), 0.0))
        # Other processes in the group of a child are stopped too.
        watchdog.stop({child.process.pid for child in self._children if watchdog.signal_group(child.process.pid, 0)})
        for child in self._children:
            child.process.wait()
            self._notify_watchdog(f"-{child.process.pid}")
            for pipe in (child.process.stdin, child.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        self._children.clear()
        if self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
        self._watchdog.wait()

    def _notify_watchdog(self, line: str) -> None:
        if self._watchdog.stdin is not None and not self._watchdog.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.write(line + "\n")
                self._watchdog.stdin.flush()
