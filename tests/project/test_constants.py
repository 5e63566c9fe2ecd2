"""The solver's numeric constants stand in one table, and a name has one value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SOLVER = ROOT / "fts" / "solver"
TABLE = SOLVER / "constants.md"
WRITE = "python tests/project/test_constants.py"
HEAD = f"""# Numeric constants of the solver

Each stands at the top of the file that uses it, since a compiled loop sees a change only of its own file. A test holds
this table equal to the code; `{WRITE}` writes it anew. Names with one value in several files mean the same there.

| name | value | meaning | file |
|---|---|---|---|
"""


class Constant(NamedTuple):
    """A numeric constant at the top of a file."""

    name: str
    value: str
    meaning: str
    file: str


def is_numeric(value: ast.expr) -> bool:
    """Check whether an expression is made of numbers alone, numpy's machine precision included."""
    nodes = list(ast.walk(value))
    kinds = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.operator, ast.unaryop, ast.expr_context)
    is_plain = all(isinstance(node, kinds) for node in nodes)
    numbers = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return "finfo" in ast.unparse(value) or (
        is_plain
        and bool(numbers)
        and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in numbers)
    )


def constants_of(file: Path, root: Path) -> Iterator[Constant]:
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign):
            continue
        [target] = node.targets
        meaning = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            meaning = " ".join(str(after.value.value).split())
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for name, value in pairs:
            if isinstance(name, ast.Name) and name.id.isupper() and is_numeric(value):
                text = ast.unparse(value).replace("|", "\\|")
                yield Constant(name.id, text, meaning.replace("|", "\\|"), str(file.relative_to(root)))


def table() -> str:
    found = sorted(one for file in SOLVER.rglob("*.py") for one in constants_of(file, SOLVER))
    return HEAD + "".join(f"| `{c.name}` | {c.value} | {c.meaning} | `{c.file}` |\n" for c in found)


def test_the_table_is_that_of_the_code() -> None:
    assert TABLE.read_text(encoding="utf-8") == table(), f"write it anew with `{WRITE}`"


def test_every_constant_says_what_it_means() -> None:
    silent = [one for file in SOLVER.rglob("*.py") for one in constants_of(file, SOLVER) if not one.meaning]
    assert not silent


def test_a_name_has_one_value() -> None:
    values: dict[str, set[float | tuple[float, ...]]] = {}
    for package in (ROOT / "fts", ROOT / "apps"):
        for file in package.rglob("*.py"):
            for one in constants_of(file, ROOT):
                if "finfo" not in one.value:
                    values.setdefault(one.name, set()).add(eval(one.value))
    assert {name: found for name, found in values.items() if len(found) > 1} == {}


def test_a_class_has_one_home() -> None:
    homes: dict[str, list[str]] = {}
    for package in (ROOT / "fts", ROOT / "apps"):
        for file in package.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    homes.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
