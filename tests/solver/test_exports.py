"""Program files: equal to the golden ones, numbers to the digit, and another solver finds the auction's welfare."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path

import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fts
from fts.solver import write_lp, write_mps
from fts.solver.format_float import format_float
from fts.solver.segments import segments_of


def test_files_are_equal_to_the_golden_ones(folder):
    auction = fts.Auction.read_json(folder / "auction.json")
    assert write_lp(auction, names="verbatim").encode() == (folder / "auction.lp").read_bytes()
    assert write_mps(auction, names="verbatim").encode() == (folder / "auction.mps").read_bytes()


def read(text: str, path: Path) -> highspy.Highs:
    """HiGHS with the program in it; it refuses what it cannot read, and warns of what it doubts."""
    path.write_bytes(text.encode())
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("qp_regularization_value", 1e-10)
    assert model.readModel(str(path)) == highspy.HighsStatus.kOk
    return model


def optimum(text: str, path: Path) -> float:
    """The auction's welfare according to HiGHS; an MPS file minimises its negative."""
    model = read(text, path)
    model.run()
    assert model.getModelStatus() in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kModelEmpty)
    return model.getInfo().objective_function_value * (-1 if path.suffix == ".mps" else 1)


@pytest.fixture(params=[("lp", write_lp), ("mps", write_mps)], ids=["lp", "mps"])
def form(request, tmp_path, capfd):
    """A format: where its file goes, and what writes it."""
    ending, write = request.param
    return tmp_path / f"auction.{ending}", write


@pytest.mark.parametrize("names", [None, "safe"])
def test_another_solver_finds_the_welfare(folder, form, names):
    path, write = form
    auction = fts.Auction.read_json(folder / "auction.json")
    welfare = auction.solve().certificate.welfare
    assert optimum(write(auction, names), path) == pytest.approx(welfare, rel=1e-8)


ODD = {
    "space": "big load",
    "ends in a space": "load ",
    "colon": "2027-06-01T12:00:00Z",
    "hyphen": "a-b",
    "double quote": 'the "big" one',
    "single quote": "the 'big' one",
    "line break": "first\nx_0 free",
    "comment signs": "\\ a\r\n* b $ c",
    "letters of the world": "Grünstrom £ 電力 😀",
    "line separators": "a\u2028b\x85c\x0bd",
    "nul": "a\x00b",
    "digit first": "1st",
    "number": "1e5",
    "empty": "",
    "uuid": "6b2f1c9e-0d7c-4a55-9a4c-0a9b5c1f7d3e",
    "another letter": "é",
    "arabic digit": "a٣",
    "longer than a name may be": "a" * 254,
    "longer than a line may be": "\x01" * 400,
}


def of_names(load: str, wind: str, noon: str) -> fts.Auction:
    """A load that falls from 60 at 0 to 20 at 100, and 5 of wind that pays 90 to run."""
    return fts.Auction(
        {load: [(0, 60), (100, 20)], wind: fts.Constant(-90, -5, 0)},
        {load: fts.Portfolio(load, noon), wind: fts.Portfolio(wind, noon)},
    )


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_any_id_can_stand_in_a_file(odd, form):
    path, write = form
    for names in ((odd, "wind", "noon"), ("load", odd, "noon"), ("load", "wind", odd), (odd, odd + "x", odd)):
        text = write(of_names(*names))
        # Wind pays to run: 60 · 5 - 0.4 · 5² / 2 from the load, and 90 · 5 from wind.
        assert optimum(text, path) == pytest.approx(295 + 450, rel=1e-8)
        assert max(len(line.encode()) for line in text.split("\n")) <= 500


def ids_in_comments(text: str, sign: str) -> dict[str, str]:
    """What the comments say: name to id."""
    comments = [line.removeprefix(f"{sign} ") for line in text.split("\n") if line.startswith(f"{sign} ")]
    whole = "\n".join(comments).replace("\n  ", "")
    return {
        name: json.loads(quoted)
        for name, _, quoted in (line.partition(" ") for line in whole.split("\n"))
        if quoted.startswith('"')
    }


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_comments_say_which_id_a_name_stands_for(odd):
    auction = of_names(odd, "wind", "noon")
    expected = {"p_0": "noon", "d_0": odd, "d_1": "wind", "x_0": odd, "x_1": "wind"}
    assert ids_in_comments(write_lp(auction), "\\") == expected
    assert ids_in_comments(write_mps(auction), "*") == expected


def test_safe_names_count_in_the_auction_s_order(form):
    path, write = form
    auction = fts.Auction(
        {"b": [(0, 9), (1, 8), (3, 1)], "a": [(-4, 2), (0, 1)]},
        {"two": fts.Portfolio("b", "B"), "one": fts.Portfolio("a", {"B": 1, "A": 1}), "none": fts.Portfolio("a", "A")},
    )
    lp = read(write(auction, "safe"), path).getLp()
    assert sorted(lp.col_names_) == ["x_0", "x_1", "x_2", "y_0_0", "y_0_1", "y_1_0"]
    assert lp.row_names_ == ["p_0", "p_1", "d_0", "d_1"]
    lp = read(write(auction), path).getLp()
    assert sorted(lp.col_names_) == ["x_none", "x_one", "x_two", "y_a_0", "y_b_0", "y_b_1"]
    assert lp.row_names_ == ["p_A", "p_B", "d_b", "d_a"]


def test_ids_that_look_like_names_do_not_meet(form):
    # y_a_0 is segment 0 of "a"; segment 0 of "a_0" is y_a_0_0, and that of "a_0_0" is y_a_0_0_0.
    path, write = form
    ids = ("a", "a_0", "a_0_0", "x_a", "p_a", "y_a_0", "gft", "free", "inf", "End")
    auction = fts.Auction(
        {name: [(-1, k + 1), (0, k), (1, k - 2)] for k, name in enumerate(ids)},
        {name: fts.Portfolio(name, {"gft": 1, "End": 1}) for name in ids},
    )
    for names in (None, "safe"):
        assert optimum(write(auction, names), path) == pytest.approx(auction.solve().certificate.welfare, rel=1e-8)


def test_an_unlimited_seller_has_no_lower_bound_in_either_file(form):
    # Without "-inf <=" a column of an LP file is at least 0.
    path, write = form
    auction = fts.Auction(
        {"load": fts.Constant(9, 0, 2), "gas": fts.Constant(4, None, 0), "sink": fts.Constant(1, 0, None)},
        {name: fts.Portfolio(name, "noon") for name in ("load", "gas", "sink")},
    )
    assert optimum(write(auction), path) == pytest.approx((9 - 4) * 2)


def test_a_flat_market_is_a_linear_program():
    auction = fts.Auction(
        {"a": fts.Constant(1, 0, 1), "b": fts.Constant(0, -1, 0)}, {k: fts.Portfolio(k, "P") for k in "ab"}
    )
    assert "QUADOBJ" in write_mps(auction, "verbatim")
    assert "QUADOBJ" not in write_mps(auction) + write_mps(auction, "safe")
    assert "[" not in write_lp(auction) + write_lp(auction, "safe")
    assert "QUADOBJ" in write_mps(fts.Auction({"a": [(0, 1), (1, 0)]}, {"a": fts.Portfolio("a", "P")}))


@pytest.mark.parametrize(
    ("demands", "portfolios"),
    [
        ({}, {}),
        ({}, {"x": ({}, {})}),
        ({}, {"x": ({}, "A"), "y": ({}, {})}),
        ({"d": [(0, 1)]}, {"x": ("d", "A")}),
        (
            {"d": [(0, 1), (1, 0)]},
            {"x": ("d", "A"), "no basis": ("d", {}), "no demand": ({}, "A"), "nothing": ({}, {})},
        ),
    ],
)
def test_what_cannot_trade_is_read_too(demands, portfolios, form):
    path, write = form
    auction = fts.Auction(demands, {name: fts.Portfolio(*parts) for name, parts in portfolios.items()})
    for names in (None, "safe"):
        text = write(auction, names)
        assert optimum(text, path) == 0
        assert read(text, path).getNumCol() == len(portfolios) + sum(len(points) > 1 for points in demands.values())


def test_lines_of_an_lp_file_are_short_enough_for_every_reader(tmp_path, capfd):
    # One unit each is bid for at 2, 4, …, 800, and 100 sellers ask for 1: the best 100 bids trade.
    n = 400
    demands = {f"bid{k}": fts.Constant(2 * k + 2, 0, 1) for k in range(n)} | {
        f"ask{k}": fts.Constant(1, -1, 0) for k in range(100)
    }
    auction = fts.Auction(demands, {name: fts.Portfolio(name, {"P": 1, "Q": -1}) for name in demands})
    text = write_lp(auction)
    assert max(map(len, text.splitlines())) <= 500 < max(map(len, write_lp(auction, "verbatim").splitlines()))
    assert optimum(text, tmp_path / "auction.lp") == pytest.approx(sum(range(602, 802, 2)) - 100)
    # No more breaks than are needed: the same words in the same order.
    signs = write_lp(auction, "verbatim").replace("+ -", "- ")
    assert text.split() == signs.split()


def test_other_names_are_refused(form):
    with pytest.raises(fts.errors.ConfigurationError, match="'safe', 'verbatim' or None, not 'short'"):
        form[1](of_names("a", "b", "c"), names="short")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (123456789.123, "123456789.123"),
        (100000000000000.125, "100000000000000.13"),
        (-100000000000000.125, "-100000000000000.13"),
        (100000000000000.375, "100000000000000.38"),
        (9007199254740993.0, "9007199254740992"),
        (5e-324, "0." + "0" * 323 + "5"),
        (1.7976931348623157e308, "17976931348623157" + "0" * 292),
    ],
)
def test_number(value, text):
    assert format_float(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_reads_back_in_the_fewest_digits(value):
    text = format_float(value)
    assert float(text) == value and math.copysign(1, float(text)) == math.copysign(1, value)
    assert "e" not in text.lower() and not text.endswith(".")
    digits = text.lstrip("-").replace(".", "").strip("0")
    assert len(digits) == len(repr(value).lstrip("-").partition("e")[0].replace(".", "").strip("0"))


@given(st.integers(10**14, 2**47 - 1), st.integers(0, 63))
def test_of_two_nearest_short_forms_the_larger_is_printed(whole, part):
    # 64ths are exact here, and 17 digits leave two decimals: 100 · part / 64 is a tie where it ends in .5.
    value = whole + part / 64
    hundredths, half = divmod(part * 100, 64)
    if half == 32:
        larger = Decimal(whole) + Decimal(hundredths + 1) / 100
        assert float(larger) == value
        assert Decimal(format_float(value)) == larger


@pytest.mark.parametrize("name", ["two_slopes", "flat_seller", "step_at_zero", "unlimited", "conversion", "collinear"])
def test_another_program_reads_the_mps_file_and_finds_the_answer(name, golden, tmp_path, capfd):
    folder = next(folder for folder in golden if folder.name == name)
    known = json.loads((folder / "outcome.json").read_text())
    model = read((folder / "auction.mps").read_text(), tmp_path / "auction.mps")
    model.run()
    values = dict(zip(model.getLp().col_names_, model.getSolution().col_value, strict=True))
    for portfolio, one in known["portfolios"].items():
        assert values[f"x_{portfolio}"] == pytest.approx(one["rate"], abs=1e-4)
    duals = dict(zip(model.getLp().row_names_, model.getSolution().row_dual, strict=True))
    for product, one in known["products"].items():
        assert abs(duals[f"p_{product}"]) == pytest.approx(one["price"], abs=1e-4)


def test_segments_of_the_curve_add_up_to_it():
    rng = np.random.default_rng(5)
    for _ in range(50):
        n = rng.integers(1, 12)
        q = np.sort(np.round(rng.uniform(-10, 10, n), int(rng.integers(0, 3))))
        p = np.sort(np.round(rng.uniform(-10, 10, n), int(rng.integers(0, 2))))[::-1]
        q = q - q[rng.integers(0, n)]
        auction = fts.Auction({"d": np.column_stack([q, p])}, {"b": fts.Portfolio("d", "A")})
        parts = segments_of(auction)
        assert (parts.lo <= 0).all() and (parts.hi >= 0).all() and (parts.slope <= 0).all()
        assert parts.lo.sum() == pytest.approx(q[0]) and parts.hi.sum() == pytest.approx(q[-1])
        # Filling every segment gives the area under the curve.
        buys = parts.price * parts.hi + parts.slope * parts.hi**2 / 2
        sells = parts.price * parts.lo + parts.slope * parts.lo**2 / 2
        assert buys.sum() - sells.sum() == pytest.approx(np.trapezoid(p, q))


def test_points_on_one_line_are_one_segment():
    merged = fts.Auction({"d": [(-2, 4), (-1, 3), (0, 2), (1, 1), (3, 1), (5, 1)]}, {"b": fts.Portfolio("d", "A")})
    parts = segments_of(merged)
    assert parts.lo.tolist() == [-2, 0] and parts.hi.tolist() == [1, 4]
    assert parts.price.tolist() == [2, 1] and parts.slope.tolist() == [-1, 0]
