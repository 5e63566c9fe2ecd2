"""``fts solve`` on files, pipes and everything that can be wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fts.cli import main

SOLVED, FAILED, REFUSED, NOT_SOLVED = 0, 1, 2, 3


def curve(text: str) -> str:
    return f'{{"demand_curves": {{"load": {text}}}, "portfolios": {{"bid": {{"demand": "load", "basis": "noon"}}}}}}'


def portfolio(text: str) -> str:
    return f'{{"demand_curves": {{"load": [{{"rate": 0, "price": 1}}]}}, "portfolios": {{"bid": {text}}}}}'


UNBOUNDED = {
    "demand_curves": {"buyer": {"price": 7}, "seller": {"price": 5}},
    "portfolios": {"in": {"demand": "buyer", "basis": "noon"}, "out": {"demand": "seller", "basis": "noon"}},
}

# What is wrong → the file, and words of the message that name rule and place.
REFUSALS = {
    "empty": ("", "JSON"),
    "no JSON": ("{", "JSON"),
    "not UTF-8 text": ("\udcff", "JSON"),
    "no object": ("[]", "'demand_curves'"),
    "no curves": ('{"portfolios": {}}', "'demand_curves'"),
    "no portfolios": ('{"demand_curves": {}}', "'portfolios'"),
    "NaN": (curve('[{"rate": 0, "price": NaN}]'), "NaN"),
    "infinity": (curve('[{"rate": 0, "price": Infinity}]'), "Infinity"),
    "overflow": (curve('[{"rate": 0, "price": 1e999}]'), "'load'"),
    "no point": (curve("[]"), "'load'"),
    "rising": (curve('[{"rate": 0, "price": 1}, {"rate": 1, "price": 2}]'), "'load'"),
    "backwards": (curve('[{"rate": 1, "price": 2}, {"rate": 0, "price": 1}]'), "'load'"),
    "without rate 0": (curve('[{"rate": 1, "price": 2}, {"rate": 2, "price": 1}]'), "'load'"),
    "constant without rate 0": (curve('{"min_rate": 1, "max_rate": 2, "price": 3}'), "'load'"),
    "constant without price": (curve('{"min_rate": -1}'), "'load'"),
    "price is text": (curve('[{"rate": 0, "price": "60"}]'), "'load'"),
    "price is a boolean": (curve('[{"rate": 0, "price": true}]'), "'load'"),
    "curve is a number": (curve("60"), "'load'"),
    "portfolio without demand": (portfolio('{"basis": "noon"}'), "'bid'"),
    "portfolio without basis": (portfolio('{"demand": "load"}'), "'bid'"),
    "weight is text": (portfolio('{"demand": {"load": "1"}, "basis": "noon"}'), "'bid'"),
    "weight is infinite": (portfolio('{"demand": "load", "basis": {"noon": 1e999}}'), "'bid'"),
    "weights are a number": (portfolio('{"demand": 1, "basis": "noon"}'), "'bid'"),
    "unbounded": (json.dumps(UNBOUNDED), "unbounded"),
}


def test_a_golden_auction(fts_command, golden: Path) -> None:
    done = fts_command("solve", golden / "auction.json")
    assert done.returncode == SOLVED, done.stderr
    outcome, expected = json.loads(done.stdout), json.loads((golden / "outcome.json").read_text())
    assert outcome.keys() == expected.keys()
    for group in expected:
        # The order of the keys is part of the format.
        assert list(outcome[group]) == list(expected[group])
        for name, row in expected[group].items():
            assert outcome[group][name]["price"] == pytest.approx(row["price"], rel=1e-9), name
            assert outcome[group][name]["rate"] == pytest.approx(row["rate"], rel=1e-9, abs=1e-9), name
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("exact by native")
    assert all(word in done.stderr for word in ("welfare", "imbalance", "domain", "consistency", "gap", "fit"))


def test_pipes_and_files_give_the_same(fts_command, golden: Path, tmp_path: Path) -> None:
    file = golden / "auction.json"
    piped = fts_command("solve", "-", stdin=file.read_text())
    written = fts_command("solve", file, "-o", tmp_path / "outcome.json")
    assert (piped.returncode, written.returncode, written.stdout) == (SOLVED, SOLVED, "")
    assert (tmp_path / "outcome.json").read_text() == piped.stdout
    assert piped.stdout.endswith("}\n")


@pytest.mark.parametrize("engine", ["osqp", "ecos", "scs", "piqp", "highs"])
def test_another_engine_and_tolerance(fts_command, golden: Path, engine: str) -> None:
    done = fts_command("solve", golden / "auction.json", "--solver", engine, "--tol", "1e-4")
    assert done.returncode == SOLVED, done.stderr
    assert json.loads(done.stdout)["products"]["noon"]["price"] == pytest.approx(17.75, rel=1e-2)
    # Whatever the engine would like to print.
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("what", REFUSALS)
def test_a_malformed_file_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str) -> None:
    content, words = REFUSALS[what]
    file, output = tmp_path / "auction.json", tmp_path / "outcome.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert main(["solve", str(file), "-o", str(output)]) == REFUSED
    printed = capsys.readouterr()
    assert printed.err.startswith("fts: ") and printed.err.count("\n") == 1, printed.err
    assert words in printed.err
    assert printed.out == "" and not output.exists()


@pytest.mark.parametrize("what", ["rising", "unbounded"])
def test_a_process_refuses_it_too(fts_command, what: str) -> None:
    content, words = REFUSALS[what]
    done = fts_command("solve", "-", stdin=content)
    assert (done.returncode, done.stdout) == (REFUSED, ""), done.stderr
    assert done.stderr.startswith("fts: ") and done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr


def test_deep_nesting_is_refused(fts_command) -> None:
    done = fts_command("solve", "-", stdin="[" * 200_000)
    assert done.returncode == REFUSED and done.stderr.count("\n") == 1, done.stderr


def test_a_missing_file_is_named(fts_command, tmp_path: Path) -> None:
    done = fts_command("solve", tmp_path / "nowhere.json")
    assert done.returncode == REFUSED
    assert "nowhere.json" in done.stderr and done.stderr.count("\n") == 1


def test_an_output_that_cannot_be_written_is_named(fts_command, golden: Path, tmp_path: Path) -> None:
    done = fts_command("solve", golden / "auction.json", "-o", tmp_path / "no" / "outcome.json")
    assert done.returncode == FAILED
    assert "outcome.json" in done.stderr and "Traceback" not in done.stderr


def test_an_auction_without_products_is_solved(fts_command) -> None:
    done = fts_command("solve", "-", stdin='{"demand_curves": {}, "portfolios": {"a": {"demand": {}, "basis": {}}}}')
    assert done.returncode == SOLVED, done.stderr
    assert json.loads(done.stdout) == {"portfolios": {"a": {"price": None, "rate": 0.0}}, "products": {}}


def test_ids_in_any_script_pass_through(fts_command) -> None:
    auction = {
        "demand_curves": {"Käufer": [{"rate": 0, "price": 9}, {"rate": 9, "price": 0}]},
        "portfolios": {"купить 電力": {"demand": "Käufer", "basis": "Mittag"}},
    }
    done = fts_command("solve", "-", stdin=json.dumps(auction))
    assert done.returncode == SOLVED, done.stderr
    assert list(json.loads(done.stdout)["portfolios"]) == ["купить 電力"]


def test_an_unreachable_tolerance_is_not_solved(fts_command, golden: Path) -> None:
    done = fts_command("solve", golden / "auction.json", "--solver", "scs", "--tol", "1e-17")
    assert done.returncode == NOT_SOLVED, done.stderr
    assert done.stdout == "" and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options", [["--solver", "nosuch"], ["--tol", "much"], ["--tol", "nan"], ["--tol", "-1"], ["--nosuch"]]
)
def test_an_option_that_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], golden: Path, options: list[str]
) -> None:
    try:
        status: str | int | None = main(["solve", str(golden / "auction.json"), *options])
    except SystemExit as leaving:  # argparse refuses what it does not know
        status = leaving.code
    assert status == REFUSED
    assert capsys.readouterr().out == ""


def test_mosek_without_a_licence_says_so(fts_command, golden: Path, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    # A licence of the machine's own user shall not decide.
    monkeypatch.setenv("MOSEKLM_LICENSE_FILE", str(tmp_path / "none.lic"))
    monkeypatch.setenv("HOME", str(tmp_path))
    done = fts_command("solve", golden / "auction.json", "--solver", "mosek")
    assert done.returncode == FAILED, done.stderr
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert "mosek" in done.stderr and "no licence" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("engine", ["scs", "osqp", "ecos", "piqp", "highs", "mosek"])
def test_an_engine_that_is_not_installed_says_how_to_install_it(fts_command, golden: Path, engine: str) -> None:
    library = {"highs": "highspy"}.get(engine, engine)
    done = fts_command("solve", golden / "auction.json", "--solver", engine, without=[library])
    assert done.returncode == FAILED, done.stderr
    extra = "mosek" if engine == "mosek" else "engines"
    assert f"pip install 'fts-lab[{extra}]'" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"demand_curves": {"\\ud800": null}, "portfolios": {}}', "half of a character"),
        (
            '{"demand_curves": {"d": [{"rate": -1e300, "price": 1e300}, {"rate": 0, "price": -1e300}]}, '
            '"portfolios": {"x": {"demand": "d", "basis": "A"}}}',
            "too small for float64",
        ),
    ],
)
def test_texts_and_numbers_at_the_edge_are_refused_in_one_line(fts_command, text: str, message: str) -> None:
    done = fts_command("solve", "-", stdin=text)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


@pytest.mark.parametrize(("closed", "name"), [(">&-", "output"), ("<&-", "input")])
def test_a_closed_stream_is_named(golden: Path, closed: str, name: str) -> None:
    file = golden / "auction.json" if name == "output" else "-"
    done = subprocess.run(
        ["bash", "-c", f'"$0" -m fts solve "$1" {closed}', sys.executable, str(file)], stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 1
    assert done.stderr == f"fts: standard {name}: Bad file descriptor\n"
