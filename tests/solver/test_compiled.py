"""Compiled loops: the same as they are written, kept where that is possible, silent where it is not."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_array

from fts.solver import best_response
from fts.solver.compiled import called_loops, compiled, csc_arrays
from fts.solver.native import interior_point_kernels, normal_matrix, polish_kernels

PACKAGE = Path(best_response.__file__).parents[1]


def test_numba_has_one_home():
    users = [file for file in PACKAGE.rglob("*.py") if "import numba" in file.read_text()]
    assert [file.relative_to(PACKAGE).as_posix() for file in users] == ["solver/compiled.py"]


def loops_of(module: ModuleType) -> list[Any]:
    """The compiled functions that a module defines, as they are written."""
    found = (getattr(one, "py_func", None) for one in vars(module).values())
    return [loop for loop in found if loop is not None and loop.__module__ == module.__name__]


def test_a_constant_of_another_file_is_used_only_beside_a_loop_of_it():
    # What is kept on disk is known by the dates of the files of the functions that are called.
    modules = [
        importlib.import_module(".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts))
        for file in (PACKAGE / "solver").rglob("*.py")
        if "import compiled" in file.read_text() or ", compiled" in file.read_text()
    ]
    loops = [(module, loop) for module in modules for loop in loops_of(module)]
    assert len(loops) > 100
    for module, loop in loops:
        imported = {
            alias.name: node.module
            for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        known = {one.__module__ for one in called_loops(loop)}
        foreign = {imported[name] for name in loop.__code__.co_names if name in imported}
        assert {name for name in foreign if name.startswith("fts.")} <= known, loop


def test_a_loop_that_can_be_kept_nowhere_runs_all_the_same():
    # No folder belongs to code without a file.
    made: dict[str, object] = {}
    exec(compile("def total(values):\n    return values.sum()\n", "<nowhere>", "exec"), made)
    total = compiled(made["total"])
    assert total(np.array([1.0, 2.0, 4.0])) == 7.0


def test_a_cache_that_cannot_be_written_breaks_nothing_and_says_nothing(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    script = """
import fts
demands = {"b": [(0, 6), (2, 4)], "s": [(-2, 6), (0, 4)]}
outcome = fts.Auction(demands, {"b": fts.Portfolio("b", "power"), "s": fts.Portfolio("s", "power")}).solve("native")
assert outcome.certificate.status == "exact" and abs(outcome.prices[0] - 5) < 1e-12
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={"PATH": "/usr/bin:/bin", "HOME": str(occupied), "NUMBA_CACHE_DIR": str(occupied / "below")},
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr


TINY = """
from fts.solver.compiled import compiled

@compiled
def total(values):
    number = values[0]
    for k in range(1, len(values)):
        number += values[k]
    return number
"""
FLOATS, INTS = np.array([1.0, 2.5]), np.array([1, 2])


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A file with one compiled loop, whose machine code is kept beside it."""
    file = tmp_path / "tiny.py"
    file.write_text(TINY)
    return file


def loaded(file: Path) -> Any:
    """The loop of the file as a new process finds it."""
    spec = importlib.util.spec_from_file_location("tiny", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.total


def kept(loop: Any, ending: str) -> list[Path]:
    return sorted(Path(loop._cache.cache_path).glob(f"tiny.total*{ending}"))


def is_kept(file: Path) -> bool:
    """Whether the loop gives the right answer without being translated again."""
    loop = loaded(file)
    assert loop(FLOATS) == 3.5
    return sum(loop.stats.cache_hits.values()) == 1


def test_machine_code_is_kept_for_the_next_process(tiny):
    assert not is_kept(tiny)
    assert is_kept(tiny)


def emptied(content: bytes) -> bytes:
    return b""


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def altered(content: bytes) -> bytes:
    # The middle of the file is machine code: without its checksum, it would be run.
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def replaced(content: bytes) -> bytes:
    return b"something else altogether"


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", [emptied, halved, altered, replaced])
def test_a_damaged_file_is_translated_anew_and_kept_again(tiny, ending, damage):
    loop = loaded(tiny)
    assert loop(FLOATS) == 3.5
    (file,) = kept(loop, ending)
    content = file.read_bytes()
    file.write_bytes(damage(content))
    assert not is_kept(tiny)
    assert is_kept(tiny)


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_a_file_that_can_be_neither_read_nor_replaced_costs_only_time(tiny, ending):
    loop = loaded(tiny)
    assert loop(FLOATS) == 3.5
    (file,) = kept(loop, ending)
    file.unlink()
    (file / "occupied").mkdir(parents=True)
    for _ in range(2):
        assert not is_kept(tiny)


def test_machine_code_of_an_earlier_source_is_not_run(tiny, tmp_path):
    # As after a process that ended between writing the index and writing the code.
    old = loaded(tiny)
    assert old(FLOATS) == 3.5
    (code,) = kept(old, ".nbc")
    shutil.copy(code, tmp_path / "old")
    tiny.write_text(TINY.replace("number += values[k]", "number -= values[k]"))
    os.utime(tiny, (1, 1))
    new = loaded(tiny)
    assert new(FLOATS) == -1.5
    shutil.copy(tmp_path / "old", code)
    again = loaded(tiny)
    assert again(FLOATS) == -1.5
    assert not again.stats.cache_hits


def test_machine_code_of_an_earlier_source_of_a_called_function_is_not_run(tmp_path):
    other, caller = tmp_path / "other_file.py", tmp_path / "tiny.py"
    other.write_text("from fts.solver.compiled import compiled\n\n@compiled\ndef twice(x):\n    return 2 * x\n")
    caller.write_text(
        "from fts.solver.compiled import compiled\nfrom other_file import twice\n\n"
        "@compiled\ndef total(values):\n    return twice(values[0])\n"
    )
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport numpy as np\nfrom tiny import total\n"
        "print(total(np.array([1.5])), sum(total.stats.cache_hits.values()))"
    )

    def printed() -> str:
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()

    assert [printed(), printed()] == ["3.0 0", "3.0 1"]
    other.write_text(other.read_text().replace("2 * x", "20 * x"))
    assert [printed(), printed()] == ["30.0 0", "30.0 1"]


def test_machine_code_for_other_types_is_not_run(tiny):
    loop = loaded(tiny)
    assert (loop(FLOATS), loop(INTS)) == (3.5, 3)
    one, other = (file.read_bytes() for file in kept(loop, ".nbc"))
    for file, content in zip(kept(loop, ".nbc"), (other, one), strict=True):
        file.write_bytes(content)
    again = loaded(tiny)
    assert (again(FLOATS), again(INTS)) == (3.5, 3)
    assert type(again(INTS)) is int


def test_a_full_disk_costs_only_time(tiny):
    # No file may grow beyond 4 kB: enough for the index and too little for the code, as on a disk that becomes full.
    script = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
import numpy as np
sys.path.insert(0, {str(tiny.parent)!r})
from tiny import total
assert total(np.array([1.0, 2.5])) == 3.5
assert total(np.array([1, 2])) == 3
"""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-B", "-W", "error", "-c", script],
            env=environment,
            cwd=PACKAGE.parent,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0 and not done.stderr, done.stderr
    assert not list(tiny.parent.rglob("*.nb*"))
    assert not is_kept(tiny)
    assert is_kept(tiny)


@pytest.mark.parametrize(
    "loop",
    [best_response.respond, polish_kernels.kkt_residuals, interior_point_kernels.assess, normal_matrix._add_columns],
)
def test_the_loops_are_compiled_and_documented(loop):
    assert loop.py_func.__doc__ and loop.__doc__


def test_entries_are_of_one_kind_whatever_the_matrix_has():
    matrix = csc_array(np.array([[1.0, 0.0], [2.0, 3.0]]))
    wide = csc_array((matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)), shape=(2, 2))
    for one in (matrix, wide):
        start, row, weight = csc_arrays(one)
        assert (start.dtype, row.dtype, weight.dtype) == (np.int32, np.int32, np.float64)
        assert (start.tolist(), row.tolist(), weight.tolist()) == ([0, 2, 3], [0, 1, 1], [1.0, 2.0, 3.0])


def test_the_segments_of_the_last_step_are_as_they_are_written():
    rng = np.random.default_rng(5)
    start = np.array([0, 2, 2, 3, 6])
    lo, hi = -rng.random(6), rng.random(6)
    c, s, size, y, lam = rng.normal(size=6), rng.random(6), hi - lo, rng.normal(size=6), rng.normal(size=4)
    fill, between = polish_kernels.classify_segments(start, lo, hi, c, s, size, y, lam)
    owner = np.repeat(np.arange(4), np.diff(start))
    pull = np.clip(y, lo, hi) + size * (c - s * np.clip(y, lo, hi) - lam[owner])
    assert fill == pytest.approx(np.where(pull >= hi, hi, np.where(pull <= lo, lo, np.clip(y, lo, hi))))
    assert between.tolist() == ((pull > lo) & (pull < hi)).tolist()
    curve = polish_kernels.reduced_costs(start, c, s, fill, lam)
    assert curve == pytest.approx(c - s * fill - lam[owner])
    h, g, t, soft, slow = polish_kernels.curvature_and_rhs(start, s, size, between, curve, np.zeros(4), 1e-3, 1e-3)
    bend = np.where(between, np.maximum(s, 1e-3 / size), polish_kernels.FIXED / size)
    assert h == pytest.approx(bend)
    assert g == pytest.approx(np.bincount(owner, 1 / bend, 4))
    assert t == pytest.approx(np.bincount(owner, np.where(between, curve / bend, 0.0), 4))
    assert soft == bool((between & (s * size < 1e-3)).any())
    assert slow == bool((between & (s > 0) & (s * size < 1e-3)).any())


def test_a_rate_inside_a_line_is_measured_as_on_any_curve():
    # The same line with a third point in its middle takes the general way.
    rng = np.random.default_rng(3)
    n = 400
    left, right = -rng.uniform(0, 5, n), rng.uniform(0.1, 5, n)
    top, drop = rng.normal(0, 10, n), rng.uniform(0.01, 8, n)
    z = left + (right - left) * rng.uniform(0.05, 0.95, n)
    fall = drop / (right - left)
    lam = top - fall * (z - left) + rng.choice([0, 1e-12, 1e-6, 1e-2], n) * rng.normal(size=n)
    Z, Lambda = np.abs(z) + rng.uniform(0, 1, n), np.abs(lam) + 1e-3
    two = np.arange(n + 1) * 2, np.column_stack([left, right]).ravel(), np.column_stack([top, top - drop]).ravel()
    middle = (left + right) / 2
    three = (
        np.arange(n + 1) * 3,
        np.column_stack([left, middle, right]).ravel(),
        np.column_stack([top, top - drop / 2, top - drop]).ravel(),
    )
    found, again = (best_response.respond(*one, np.arange(n), z, Z, lam, Lambda, 1e-9) for one in (two, three))
    for one, other, unit in zip(found, again, (1.0, 1.0, 100.0, 100.0, 100.0), strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-14 * unit)
