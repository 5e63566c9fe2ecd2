"""``fts export`` against golden program files, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

REFUSED = 2


@pytest.mark.parametrize("form", ["lp", "mps"])
def test_the_golden_program(fts_command, golden: Path, tmp_path: Path, form: str) -> None:
    expected = (golden / f"auction.{form}").read_bytes()
    printed = fts_command("export", golden / "auction.json", "--format", form)
    assert printed.returncode == 0, printed.stderr
    assert (printed.stdout.encode(), printed.stderr) == (expected, "")
    written = fts_command("export", "-", "--format", form, "-o", tmp_path / "program", stdin=(
        golden / "auction.json").read_text())
    assert (written.returncode, written.stdout) == (0, "")
    assert (tmp_path / "program").read_bytes() == expected


def test_a_format_is_needed(fts_command, golden: Path) -> None:
    for options in ([], ["--format", "xls"]):
        done = fts_command("export", golden / "auction.json", *options)
        assert done.returncode == REFUSED and "--format" in done.stderr


def test_a_malformed_file_is_refused(fts_command) -> None:
    done = fts_command("export", "-", "--format", "lp", stdin='{"demand_curves": {"a": []}, "portfolios": {}}')
    assert done.returncode == REFUSED and "'a'" in done.stderr and done.stderr.count("\n") == 1
