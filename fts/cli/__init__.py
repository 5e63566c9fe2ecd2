"""The command line: ``fts solve``, ``fts serve`` and their siblings, one module each.

A subcommand is imported only when it is the one that runs, so that ``fts --help`` answers at once.
Its module has ``register(subparsers)``, which adds its parser, and ``run(args) -> int``, which returns the exit status.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import fts
from fts import adapters
from fts.errors import ConfigurationError, FtsError, InvalidInput, NotSolved

#: Exit statuses.
SOLVED, FAILED, REFUSED, NOT_SOLVED = 0, 1, 2, 3
#: What a shell reports of a program that was interrupted (128 + SIGINT), or whose reader went away (128 + SIGPIPE).
INTERRUPTED, READER_GONE = 130, 141

#: Name and one line of help; each lives in the module of its name.
COMMANDS = {
    "solve": "clear an auction file and print its outcome",
    "export": "write an auction file as a mathematical program (LP or MPS), or a market as Parquet",
    "demo": "a living market: exchange, simulated bidders, dashboard and JupyterLab",
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
        The words after ``fts``; by default those the process was started with.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _run(words)
        # A reader that went away is noticed here, not while the interpreter shuts down.
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except FtsError as error:
        return _refuse(str(error), _status(error))
    except BrokenPipeError:
        _close_stdout()
        return READER_GONE
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
            command = adapters.load(f"cli.{name}")
            command.register(subparsers)
        else:
            subparsers.add_parser(name, help=line)
    status: int = command.run(parser.parse_args(words)) if command else _without_command(parser, words)
    return status


def _without_command(parser: argparse.ArgumentParser, words: list[str]) -> int:
    # Prints the help, the version or the complaint, and leaves with its status.
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
    # What is left in the buffer has nowhere to go; the interpreter's own last flush would complain about it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
