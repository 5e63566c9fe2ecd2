"""Command line: ``fts solve``, ``fts serve`` and the other subcommands, one module each.

A subcommand is imported only if it runs, so that ``fts --help`` is fast. Its module has ``register(subparsers)``, which
adds its parser, and ``run(args) -> int``, which returns the exit status.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import fts
from fts import _optional
from fts.errors import ConfigurationError, FtsError, InvalidInput, NotSolved

#: Exit statuses.
SOLVED, FAILED, REFUSED, NOT_SOLVED = 0, 1, 2, 3
#: Exit statuses of a program that was interrupted (128 + SIGINT), or whose output pipe was closed (128 + SIGPIPE).
INTERRUPTED, PIPE_CLOSED = 130, 141

#: Name and one line of help; each lives in the module of its name.
COMMANDS = {
    "solve": "clear an auction file and print its outcome",
    "export": "write an auction file as a mathematical program (LP or MPS), or a market as Parquet",
    "demo": "a running market: exchange, simulated bidders, dashboard and JupyterLab",
    "serve": "run an exchange over HTTP",
    "dashboard": "show a running exchange in the browser",
    "lab": "open the notebooks in JupyterLab",
    "backup": "copy a market, running or not",
    "token": "make access tokens for an exchange",
    "schema": "print the OpenAPI document of the exchange",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after ``fts``; by default those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _run(words)
        # A closed output pipe raises here, not while the interpreter shuts down.
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except FtsError as error:
        return _refuse(str(error), _status(error))
    except BrokenPipeError:
        _close_stdout()
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return _refuse(f"{error.filename or 'the system'}: {error.strerror or error}", FAILED)


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="fts", description="Flow trading: auctions, an exchange and a lab.")
    parser.add_argument("-V", "--version", action="version", version=f"fts {fts.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="command", required=True)
    # The options before the command take no value, so the first word without a dash is the command.
    chosen = next((word for word in words if not word.startswith("-")), None)
    command: Any = None
    for name, line in COMMANDS.items():
        if name == chosen:
            command = _optional.load(f"cli.{name}")
            command.register(subparsers)
        else:
            subparsers.add_parser(name, help=line)
    status: int = command.run(parser.parse_args(words)) if command else _without_command(parser, words)
    return status


def _without_command(parser: argparse.ArgumentParser, words: list[str]) -> int:
    # Prints the help, the version or the error, and exits with its status.
    parser.parse_args(words)
    return FAILED


def _status(error: FtsError) -> int:
    if isinstance(error, NotSolved):
        return NOT_SOLVED
    return REFUSED if isinstance(error, InvalidInput | ConfigurationError) else FAILED


def _refuse(message: str, status: int) -> int:
    print("fts: " + " ".join(message.split()), file=sys.stderr)
    return status


def _close_stdout() -> None:
    # The pipe is closed, so the rest of the buffer is discarded; the interpreter's own last flush would raise.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
