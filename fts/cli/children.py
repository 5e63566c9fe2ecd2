"""Processes that start together and stop together."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from fts.cli import leash
from fts.errors import ConfigurationError

LOCALHOST = "127.0.0.1"


@dataclass
class Child:
    """A process and what it is for.

    Attributes
    ----------
    name : str
        What it is, in a word.
    process : Popen
        Leader of a process group of its own.
    log : Path
        Where it writes.
    """

    name: str
    process: subprocess.Popen[str]
    log: Path
    reported: bool = field(default=False)

    def last_words(self, lines: int = 3) -> list[str]:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-lines:]


class Children:
    """Processes of one program: none is left when it ends, however it ends.

    Each runs in a session of its own, so that Ctrl-C reaches the parent alone, which then stops them in order. A
    `leash` process stops them where the parent was killed.
    """

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._leash = subprocess.Popen(
            [sys.executable, "-I", "-S", leash.__file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str], piped: bool = False
    ) -> Child:
        """Start one process.

        Parameters
        ----------
        name : str
            What it is.
        command : sequence of str
            Program and arguments; nothing secret, since any user of the machine can read them.
        log : Path
            File for its output, written anew, readable for its owner.
        environment : mapping
            Its environment, all of it.
        piped : bool
            Whether the parent talks to it: standard input and output are pipes, only its errors go to the log.
        """
        log.unlink(missing_ok=True)
        log.touch(mode=0o600)
        with log.open("w", encoding="utf-8") as written:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else written,
                stderr=written,
                env=dict(environment),
                start_new_session=True,
                text=True,
            )
        self._tell(f"+{process.pid}")
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def ended(self) -> list[Child]:
        """Children that have ended since this was last asked."""
        gone = [child for child in self._children if not child.reported and child.process.poll() is not None]
        for child in gone:
            child.reported = True
            self._tell(f"-{child.process.pid}")
        return gone

    def stop(self) -> None:
        """Stop all of them, the last one started first, and wait until they are gone."""
        alive = [child for child in reversed(self._children) if child.process.poll() is None]
        for child in alive:
            child.process.terminate()
        deadline = time.monotonic() + leash.PATIENCE
        for child in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(deadline - time.monotonic(), 0.0))
        # What a child left behind in its group ends with it.
        leash.stop({child.process.pid for child in self._children if leash.signal_group(child.process.pid, 0)})
        for child in self._children:
            child.process.wait()
            self._tell(f"-{child.process.pid}")
            for pipe in (child.process.stdin, child.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        self._children.clear()
        if self._leash.stdin is not None:
            self._leash.stdin.close()
        self._leash.wait()

    def _tell(self, line: str) -> None:
        if self._leash.stdin is not None and not self._leash.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._leash.stdin.write(line + "\n")
                self._leash.stdin.flush()


def free_port(wanted: int, taken: Sequence[int] = ()) -> int:
    """The first port from the one wanted on that nobody listens at.

    Raises
    ------
    ConfigurationError
        None of the hundred ports from there on is free.
    """
    for port in range(wanted, min(wanted + 100, 65536)):
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCALHOST, port))
            except OSError:
                continue
            return port
    raise ConfigurationError(f"ports {wanted} to {wanted + 99} are all taken; name another one")
