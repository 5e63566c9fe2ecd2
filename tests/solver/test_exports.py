"""Program files: equal to the golden ones, numbers to the digit, and another program reads the same auction."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fts
from fts.solver import write_lp, write_mps
from fts.solver.number import written
from fts.solver.segments import segments_of


def test_files_are_equal_to_the_golden_ones(folder):
    auction = fts.Auction.read_json(folder / "auction.json")
    assert write_lp(auction).encode() == (folder / "auction.lp").read_bytes()
    assert write_mps(auction).encode() == (folder / "auction.mps").read_bytes()


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
    assert written(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_reads_back_in_the_fewest_digits(value):
    text = written(value)
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
        assert Decimal(written(value)) == larger


@pytest.mark.parametrize("name", ["two_slopes", "flat_seller", "step_at_zero", "unlimited", "conversion", "collinear"])
def test_another_program_reads_the_mps_file_and_finds_the_answer(name, golden, tmp_path, capfd):
    folder = next(folder for folder in golden if folder.name == name)
    known = json.loads((folder / "outcome.json").read_text())
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("qp_regularization_value", 1e-10)
    path = tmp_path / "auction.mps"
    path.write_bytes((folder / "auction.mps").read_bytes())
    assert model.readModel(str(path)) == highspy.HighsStatus.kOk
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
