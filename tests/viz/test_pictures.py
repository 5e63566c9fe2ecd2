"""What the pictures hold: the values of the market, units on every axis, and files without a browser."""

from __future__ import annotations

import math
import re
from pathlib import Path

import holoviews as hv
import pandas as pd
import pytest
from PIL import Image

import fts
from fts import viz
from fts.errors import InvalidInput
from fts.models.records import Units

UNITS = Units()
AUCTION = fts.Auction(
    {"load": [(0, 60), (100, 20)], "wind": fts.Constant(5, -80, 0), "gas": [(-50, 55), (0, 35)]},
    {name: fts.Portfolio(name, "noon") for name in ("load", "wind", "gas")},
)


def layer(picture: hv.Overlay, kind: type[hv.Element], label: str) -> hv.Element:
    return next(element for element in picture if type(element) is kind and element.label == label)


def axes(picture: hv.Overlay) -> list[str]:
    return [dimension.pprint_label for dimension in next(iter(picture)).dimensions()]


def test_supply_and_demand_mark_the_clearing_where_they_cross() -> None:
    picture = viz.supply_demand(AUCTION, AUCTION.solve(), "noon", UNITS)
    assert axes(picture) == ["rate (MWh/h)", "price (EUR/MWh)"]
    assert hv.render(picture, backend="bokeh").title.text == "noon: 80 MWh/h at 28 EUR/MWh"
    rate, price = layer(picture, hv.Scatter, "clearing").array()[0]
    assert (rate, price) == (pytest.approx(80, rel=1e-6), pytest.approx(28, rel=1e-6))
    # Both curves pass through it: the load's line, and the step between wind and gas.
    demand = layer(picture, hv.Curve, "demand").array().tolist()
    assert demand[:2] == [[0, 60], [100, 20]]
    supply = layer(picture, hv.Curve, "supply").array().tolist()
    assert supply[1:3] == [[80, 5], [80, 35]]


def test_no_trade_shows_both_sides_apart() -> None:
    auction = fts.Auction(
        {"buyer": [(0, 20), (10, 10)], "seller": [(-10, 50), (0, 30)]},
        {"buyer": fts.Portfolio("buyer", "A"), "seller": fts.Portfolio("seller", "A")},
    )
    picture = viz.supply_demand(auction, auction.solve(), "A", UNITS)
    assert layer(picture, hv.Curve, "demand").array().tolist()[1:3] == [[0, 20], [10, 10]]
    assert layer(picture, hv.Curve, "supply").array().tolist()[1:3] == [[0, 30], [10, 50]]


def test_a_demand_curve_shows_its_points_and_signs() -> None:
    picture = viz.demand_curve(fts.Curve([(-50, 55), (0, 35)]), UNITS, "gas")
    assert layer(picture, hv.Curve, "gas").array().tolist() == [[-50, 55], [0, 35]]
    assert axes(picture) == ["rate (+ buys, - sells) (MWh/h)", "marginal price (EUR/MWh)"]


def test_without_a_market_the_axes_say_the_dimension() -> None:
    assert axes(viz.demand_curves(AUCTION.demands)) == [
        "rate (+ buys, - sells) (quantity/time)",
        "marginal price (money/quantity)",
    ]


def test_other_units_reach_the_axes() -> None:
    units = Units(time_unit="15min", quantity_unit="t", money_unit="CHF")
    picture = viz.supply_demand(AUCTION, AUCTION.solve(), "noon", units)
    assert axes(picture) == ["rate (t/15min)", "price (CHF/t)"]


def prices(kinds: list[str]) -> pd.DataFrame:
    months = pd.date_range("2027-01-01", periods=3, freq="MS", tz="UTC")
    return pd.DataFrame(
        [
            {"kind": kind, "from": start, "thru": start + pd.offsets.MonthBegin(), "price": 10.0 * k + month}
            for month, start in reversed(list(enumerate(months)))
            for k, kind in enumerate(kinds)
        ]
    )


def test_a_forward_curve_has_a_line_per_kind_over_the_months() -> None:
    picture = viz.forward_curve(prices(["weekend 3", "workday 14"]), UNITS)
    assert axes(picture) == ["delivery (UTC)", "price (EUR/MWh)", "product"]
    line = layer(picture, hv.Curve, "workday 14")
    assert line.dimension_values("price")[:3].tolist() == [10, 11, 12]
    middle = pd.Timestamp("2027-01-16T12:00")
    assert pd.Timestamp(line.dimension_values("delivery")[0]) == middle


def test_hours_of_typical_days_are_all_drawn_and_a_few_named() -> None:
    kinds = [f"{day} {hour}" for day in ("workday", "weekend") for hour in range(24)]
    picture = viz.forward_curve(prices(kinds), UNITS, highlight="workday 14")
    lines = {element.label: element for element in picture if isinstance(element, hv.Curve) and len(element)}
    quarters = ("0–5", "6–11", "12–17", "18–23")
    assert set(lines) == {f"{day} {quarter}" for day in ("workday", "weekend") for quarter in quarters} | {"workday 14"}
    assert lines["workday 14"].dimension_values("price").tolist() == [140, 141, 142]
    # Six hours in one, broken between them; the chosen hour stands by itself.
    assert set(lines["workday 12–17"].dimension_values("kind")) == {f"workday {hour}" for hour in (12, 13, 15, 16, 17)}
    night = lines["workday 0–5"].dimension_values("price")
    assert night[:3].tolist() == [0, 1, 2] and math.isnan(night[3]) and night[4:7].tolist() == [10, 11, 12]


def test_a_product_without_a_price_leaves_a_gap_not_a_zero() -> None:
    frame = prices(["base"])
    frame.loc[frame.index[0], "price"] = float("nan")
    line = layer(viz.forward_curve(frame, UNITS), hv.Curve, "base")
    assert line.dimension_values("price")[:2].tolist() == [0, 1]
    assert len(line.dframe().dropna()) == 2


def test_a_price_holds_until_the_next_batch_or_its_own_end() -> None:
    start = pd.to_datetime(["2027-01-01T00:00:20Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:10Z"])
    until = [None, pd.Timestamp("2027-01-01T00:00:10Z"), pd.Timestamp("2027-01-01T00:00:15Z")]
    outcomes = pd.DataFrame({"valid_from": start, "valid_until": until, "price": [3.0, 1.0, 2.0]})
    line = layer(viz.price_history(outcomes, UNITS), hv.Curve, "")
    at = pd.Series(line.dimension_values("price"), index=pd.to_datetime(line.dimension_values("batch")).second)
    steps = [(second, value) for second, value in zip(at.index.to_list(), at, strict=True) if value == value]
    assert list(dict.fromkeys(steps)) == [(0, 1), (10, 1), (10, 2), (15, 2), (20, 3)]
    # Between its own end and the next batch no price held: the line is broken there.
    assert at[15].isna().any() and not at[10].isna().any()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "html"])
def test_a_picture_is_saved_without_a_browser(tmp_path: Path, kind: str) -> None:
    picture = viz.supply_demand(AUCTION, AUCTION.solve(), "noon", UNITS)
    content = viz.save(picture, tmp_path / f"noon.{kind}").read_bytes()
    if kind == "png":
        with Image.open(tmp_path / "noon.png") as image:
            assert image.width > 800 and len(image.convert("RGB").getcolors(1 << 20)) > 50
    elif kind == "svg":
        # Letters are outlines; the lines have the colours of demand and supply.
        assert b"#2b83c6" in content and b"#e0732c" in content
    elif kind == "pdf":
        assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    else:
        assert b"EUR/MWh" in content
        assert not re.search(rb"<(?:link|script)\b[^>]*(?:href|src)=[\"']?(?:https?:|static)", content)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="png, svg, pdf or html"):
        viz.save(viz.demand_curves(AUCTION.demands), tmp_path / "noon.bmp")


@pytest.mark.parametrize("backend", ["bokeh", "matplotlib"])
def test_every_picture_draws_in_both_backends(backend: str) -> None:
    outcomes = pd.DataFrame(
        {"valid_from": pd.to_datetime(["2027-01-01T00:00Z", "2027-01-01T01:00Z"]), "valid_until": None}
    ).assign(price=[1.0, 2.0], rate=[3.0, 4.0])
    pictures = [
        viz.supply_demand(AUCTION, AUCTION.solve(), "noon", UNITS),
        viz.demand_curves(AUCTION.demands, UNITS),
        viz.forward_curve(prices(["base", "peak"]), UNITS),
        viz.price_history(outcomes, UNITS),
        viz.volume_history(outcomes, UNITS),
    ]
    for picture in pictures:
        assert hv.render(picture, backend=backend) is not None
