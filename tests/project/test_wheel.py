"""The wheel carries everything that an installed fts shows, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def run(unpacked: Path, script: str, cwd: Path) -> str:
    """Run a script in which the unpacked wheel, not the source checkout, is fts."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_carries_apps_notebooks_data_sql_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "fts/py.typed" in names and "fts/__init__.pyi" in names
    for folder in ("apps", "notebooks", "data"):
        files = [file for file in (ROOT / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        assert files, folder
        missing = [file for file in files if f"fts/_bundled/{file.relative_to(ROOT).as_posix()}" not in names]
        ignored = [file for file in missing if ".ipynb_checkpoints" in file.parts]
        assert missing == ignored
    for file in (ROOT / "fts").rglob("*.sql"):
        assert file.relative_to(ROOT).as_posix() in names
    assert not [name for name in names if name.startswith(("tests/", "binder/")) or name.endswith((".duckdb", ".pyc"))]


def test_it_finds_what_it_carries(unpacked: Path, tmp_path: Path) -> None:
    script = (
        "import fts; from fts import bundled\n"
        "assert bundled.from_wheel()\n"
        "for name in ('apps', 'notebooks', 'data'): print(bundled.folder(name))"
    )
    for folder, name in zip(run(unpacked, script, tmp_path).split(), ("apps", "notebooks", "data"), strict=True):
        assert Path(folder) == unpacked / "fts" / "_bundled" / name and any(Path(folder).iterdir())


def test_a_folder_it_does_not_carry_is_named(unpacked: Path, tmp_path: Path) -> None:
    script = (
        "from fts import bundled, errors\n"
        "try:\n    bundled.folder('nosuch')\nexcept errors.NotFound as error:\n    print(error)"
    )
    assert "'nosuch'" in run(unpacked, script, tmp_path)


def test_its_notebooks_are_copied_once_and_never_overwritten(unpacked: Path, tmp_path: Path) -> None:
    script = "from fts.cli.lab import workplace; print(workplace())"
    folder = Path(run(unpacked, script, tmp_path).strip())
    assert folder == tmp_path / "fts-notebooks"
    first = sorted(folder.glob("*.ipynb"))[0]
    first.write_text("mine")
    run(unpacked, script, tmp_path)
    assert first.read_text() == "mine"
