"""``fts lab``: open the notebooks in JupyterLab."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from jupyterlab.handlers.announcements import NeverCheckForUpdate
from jupyterlab.labapp import LabApp

from fts import bundled


def register(subparsers: Any) -> None:
    """Add the parser of ``fts lab``."""
    parser = subparsers.add_parser(
        "lab",
        help="open the notebooks in JupyterLab",
        description="Open the notebooks in JupyterLab, on this machine only and without using the internet. "
        "An installed fts first copies its notebooks into a folder of yours, where your changes stay. "
        "The environment variable JUPYTER_TOKEN sets the access token.",
    )
    parser.add_argument("--port", type=int, default=8888, help="first port to try (default: 8888)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="folder to work in (default: the notebooks)")
    parser.add_argument("--no-browser", action="store_true", help="print the link and open no browser")


def run(args: argparse.Namespace) -> int:
    """Run JupyterLab until it ends."""
    folder = workplace() if args.folder is None else args.folder
    LabApp.launch_instance(options(folder, args.port, browser=not args.no_browser))
    return 0


def options(folder: Path, port: int, *, browser: bool) -> list[str]:
    """Return the options of JupyterLab that keep it on this machine.

    Parameters
    ----------
    folder : Path
        Root folder of its files.
    port : int
        First port to try.
    browser : bool
        True if it opens a browser.
    """
    return [
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=50",
        f"--ServerApp.open_browser={browser}",
        # It accepts this machine's own host names only, so that a web page cannot reach it under another name.
        "--ServerApp.allow_remote_access=False",
        # In many containers the user is root; the server listens on this machine only and needs its token.
        "--ServerApp.allow_root=True",
        # News, updates and extensions are not fetched.
        "--LabApp.news_url=None",
        f"--LabApp.check_for_updates_class={NeverCheckForUpdate.__module__}.{NeverCheckForUpdate.__name__}",
        "--LabApp.extension_manager=readonly",
    ]


def workplace() -> Path:
    """Find the folder to work in: the notebooks of a source checkout, or a copy of the bundled ones.

    An existing notebook in the copy is not changed.
    """
    notebooks = bundled.folder("notebooks")
    if not bundled.from_wheel():
        return notebooks
    copy = Path.cwd() / "fts-notebooks"
    copy.mkdir(exist_ok=True)
    for notebook in sorted(notebooks.glob("*.ipynb")):
        if not (copy / notebook.name).exists():
            shutil.copyfile(notebook, copy / notebook.name)
    print(f"notebooks: {copy}", file=sys.stderr)
    return copy
