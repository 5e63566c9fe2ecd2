"""Imports inside the package point one way, and stand at the top of their file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "fts"

# Part of the package → the parts its files may import, beside their own.
ARROWS: dict[str, set[str]] = {
    "": {"_optional"},  # fts/__init__.py
    "__main__": {"cli"},
    "errors": set(),
    "_optional": {"errors"},
    "_ports": {"errors"},
    "bundled": {"errors"},
    "models": {"errors", "_optional"},
    "ports": {"errors", "models"},
    "exchange": {"errors", "models", "ports", "_optional"},
    "server": {"errors", "models", "ports", "exchange", "_optional"},
    "solver": {"errors", "models", "ports", "_optional"},
    "store": {"errors", "models", "ports"},
    "viz": {"errors", "models"},
    "client": {"errors", "models"},
    "sim": {"errors", "models", "client"},
}
# What joins the parts may import any of them.
ARROWS["cli"] = set(ARROWS)

# A third-party library that is heavy has one home.
HOMES = {
    "cvxpy": {"solver"},
    "duckdb": {"store"},
    "fastapi": {"server"},
    "jwt": {"server"},
    "cryptography": {"server"},
    "prometheus_client": {"server"},
    "uvicorn": {"server", "cli"},
    "holoviews": {"viz"},
    "panel": {"cli"},
    "httpx": {"client", "sim"},
    "jupyterlab": {"cli"},
    "numba": {"solver"},
    "threadpoolctl": {"solver"},
}

FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """The part of the package a module belongs to: ``fts.models.curve`` → ``models``, ``fts`` → ``""``."""
    return module.partition(".")[2].partition(".")[0]


def part_of_file(file: Path) -> str:
    name = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if name == "__init__" else name


def imported(tree: ast.AST) -> list[tuple[str, ast.stmt]]:
    """Every module a file imports; ``from fts import x`` counts as ``fts.x``."""
    found: list[tuple[str, ast.stmt]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            if node.module == "fts":
                found += [(f"fts.{alias.name}", node) for alias in node.names]
            else:
                found.append((str(node.module), node))
    return found


def guards_of(tree: ast.AST) -> list[ast.If]:
    """Every ``if TYPE_CHECKING:`` and ``if not TYPE_CHECKING:`` of a file."""
    tests = ("TYPE_CHECKING", "not TYPE_CHECKING")
    return [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) in tests]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(file: Path) -> None:
    own = part_of_file(file)
    assert own in ARROWS, f"{own!r} is a new part of the package: say in ARROWS what it may import"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    top = set(tree.body)
    for_types = {node for guard in guards_of(tree) for node in guard.body}
    for module, node in imported(tree):
        if node in for_types:
            # Types of results: those of the same part, and those of libraries, which nothing loads.
            assert not module.startswith("fts") or part_of(module) == own, f"{file}:{node.lineno} imports {module}"
            continue
        where = f"{file}:{node.lineno} imports {module}"
        assert node in top, f"{where} below the top of the file"
        library = module.partition(".")[0]
        if module == "fts.__version__":
            continue
        if library == "fts":
            assert part_of(module) in ARROWS[own] | {own}, where
        elif library in HOMES:
            assert own in HOMES[library], f"{where}, whose home is {HOMES[library]}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_nothing_goes_around_the_arrows(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    # For types alone: the types of results, and the signature of a constructor that msgspec writes; and what a type
    # checker is not to see, the names of an earlier version.
    guards = guards_of(tree)
    for node in (node for guard in guards for node in guard.body):
        if isinstance(node, ast.FunctionDef):
            assert node.name in ("__init__", "__getattr__")
        else:
            assert isinstance(node, ast.Import | ast.ImportFrom)
    assert [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)].count("TYPE_CHECKING") == len(guards)
    assert "TYPE_CHECKING" not in attributes
    assert "__import__" not in names
    if part_of_file(file) != "_optional":
        assert "import_module" not in names | attributes
        whole = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not {"importlib", "importlib.util", "pkgutil", "runpy"} & whole


def test_the_arrows_have_no_cycle() -> None:
    def below(part: str, path: tuple[str, ...] = ()) -> None:
        assert part not in path, " → ".join((*path, part))
        for other in ARROWS[part]:
            below(other, (*path, part))

    for part in ARROWS.keys() - {"cli", "", "__main__"}:
        below(part)
    siblings = {"solver", "store", "viz"}
    assert not any(ARROWS[part] & (siblings - {part}) for part in siblings)
