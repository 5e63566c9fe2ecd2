"""``fts export`` against golden program files, byte for byte, and its own names."""

from __future__ import annotations

from pathlib import Path

import pytest

REFUSED = 2


@pytest.mark.parametrize("form", ["lp", "mps"])
def test_the_golden_program(fts_command, golden: Path, tmp_path: Path, form: str) -> None:
    expected = (golden / f"auction.{form}").read_bytes()
    printed = fts_command("export", golden / "auction.json", "--format", form, "--names", "verbatim")
    assert printed.returncode == 0, printed.stderr
    assert (printed.stdout.encode(), printed.stderr) == (expected, "")
    options = ["--format", form, "--names", "verbatim", "-o", tmp_path / "program"]
    written = fts_command("export", "-", *options, stdin=(golden / "auction.json").read_text())
    assert (written.returncode, written.stdout) == (0, "")
    assert (tmp_path / "program").read_bytes() == expected


def test_a_format_is_needed(fts_command, golden: Path) -> None:
    for options in ([], ["--format", "xls"]):
        done = fts_command("export", golden / "auction.json", *options)
        assert done.returncode == REFUSED and "--format" in done.stderr


def test_a_malformed_file_is_refused(fts_command) -> None:
    done = fts_command("export", "-", "--format", "lp", stdin='{"demand_curves": {"a": []}, "portfolios": {}}')
    assert done.returncode == REFUSED and "'a'" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("form", ["lp", "mps"])
def test_ids_that_no_solver_reads_stand_in_comments(fts_command, golden: Path, form: str) -> None:
    printed = fts_command("export", golden / "auction.json", "--format", form).stdout
    assert printed == fts_command("export", golden / "auction.json", "--format", form, "--names", "safe").stdout
    assert 'x_0 "load noon"\n' in printed and "x_load noon" not in printed


def test_names_are_of_programs_only(fts_command, tmp_path: Path) -> None:
    done = fts_command("export", "market.duckdb", "--format", "parquet", "--names", "safe", "-o", tmp_path / "folder")
    assert done.returncode == REFUSED and "--names" in done.stderr and done.stderr.count("\n") == 1
    done = fts_command("export", "auction.json", "--format", "lp", "--names", "short")
    assert done.returncode == REFUSED and "--names" in done.stderr
