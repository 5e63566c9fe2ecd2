"""The repository's own files: what they may name, and that they agree with each other."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = {"engines", "mosek", "store", "server", "viz", "apps", "sim", "lab", "test", "all"}
# A path of one machine, or a folder beside the repository, spelled so that this file does not hold it.
FOREIGN = re.compile(
    r"(?<![\w.:}/~-])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me|Users)/\w|\.\./sha" + r"red|\bsha" + r"red/design"
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def lines_of(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:  # an image or a binary table
        return []


def test_no_file_names_a_machine() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for file in tracked()
        for number, line in enumerate(lines_of(file), 1)
        if FOREIGN.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["see /wo" + "rk/x", "open('/ro" + "ot/a')", "`../sha" + "red/design`"])
def test_a_machine_s_path_would_be_noticed(text: str) -> None:
    assert FOREIGN.search(text)


def test_notebooks_are_stored_without_outputs() -> None:
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        assert not re.search(r'"execution_count": *\d|"output_type"', file.read_text(encoding="utf-8")), file.name


def test_the_extras_are_those_that_errors_name() -> None:
    extras = PROJECT["optional-dependencies"]
    assert set(extras) == EXTRAS
    every = re.findall(r"[\w]+", re.search(r"\[(.*)\]", extras["all"][0]).group(1))
    assert set(every) == EXTRAS - {"mosek", "test", "all"}
    named = {
        extra
        for file in (ROOT / "fts").rglob("*.py")
        for extra in re.findall(r"fts-lab\[(\w+)\]", file.read_text(encoding="utf-8"))
    }
    assert named <= EXTRAS


def test_the_lock_holds_every_dependency_with_its_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://|--index|--find-links", lock), "the lock names no place to download from"
    pinned = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", lock, re.M)}
    assert lock.count("--hash=sha256:") >= len(pinned) > 100
    wanted = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    names = {re.match(r"[\w.-]+", line).group().lower().replace("_", "-") for line in wanted} - {"fts-lab"}
    assert names <= pinned, f"run make lock: {names - pinned}"


def test_versions_agree() -> None:
    version = PROJECT["version"]
    assert f'__version__ = "{version}"' in (ROOT / "fts/__init__.py").read_text()
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[0] == version, "the newest heading"


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"demo", "check", "test", "lint", "bench", "soak", "lock", "build", "clean"} <= targets
    used = set(re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / "README.md").read_text(), re.M))
    assert used and used <= targets


def test_ci_runs_the_readme_s_test_command() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert re.search(r"^(exec )?make .*\btest\b", (ROOT / ".ci/run").read_text(), re.M)


FOLDERS = (
    *("apps", "binder", "data"),
    *(f"fts/{part}" for part in ("cli", "client", "exchange", "models", "ports", "server", "sim", "store", "viz")),
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_readme_of_a_folder_lists_its_files(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    files = [file for file in tracked() if file.is_relative_to(ROOT / folder) and is_described(file)]
    assert len(files) > 3
    assert [str(file) for file in files if not re.search(rf"`([\w/]+/)?{re.escape(file.name)}`", text)] == []


def is_described(file: Path) -> bool:
    """Whether a README says what a file is: not of SQL, whose folder has a line, nor of what marks a package."""
    return file.suffix != ".sql" and file.name not in ("README.md", "__init__.py", "__init__.pyi", "py.typed")
