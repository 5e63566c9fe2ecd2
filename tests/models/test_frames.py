"""Tables as people have them: ids of any type meet, categories read like text, the rest is refused by name."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fts.errors import InvalidAuction
from fts.models.auction import Auction

LOAD, WIND = 400_123_456_789, 400_123_456_790
TABLES = {
    "points": {"demand": [LOAD, LOAD], "rate": [0.0, 100.0], "price": [60.0, 20.0]},
    "constants": {"demand": [WIND], "min_rate": [-80.0], "max_rate": [0.0], "price": [5.0]},
    "weights": {"portfolio": [1, 2], "demand": [LOAD, WIND], "weight": [1.0, 1.0]},
    "basis": {"portfolio": [1, 2], "product": [7, 7], "weight": [1.0, 1.0]},
}
IDS = [
    (name, column) for name, table in TABLES.items() for column in table if column in ("demand", "portfolio", "product")
]


def tables(**changed: Any) -> dict[str, Any]:
    return {name: changed.get(name, pd.DataFrame(table)) for name, table in TABLES.items()}


def is_whole(auction: Auction) -> bool:
    """Whether both bids are there: the load buys, at 60 - 0.4 q, all 80 that the wind farm sells."""
    outcome = auction.solve()
    assert not auction.dropped.unknown
    return auction.demand_ids.to_pylist() == [str(LOAD), str(WIND)] and outcome.prices.tolist() == pytest.approx([28])


@pytest.mark.parametrize(("name", "column"), IDS)
@pytest.mark.parametrize(
    "kind",
    ["float64", "Int64", "Float64", "str", "category", "uint64", "object", "float64[pyarrow]", "int64[pyarrow]"],
)
def test_an_id_is_the_same_whichever_type_holds_it(name, column, kind):
    table = pd.DataFrame(TABLES[name])
    assert is_whole(Auction.from_frames(**tables(**{name: table.assign(**{column: table[column].astype(kind)})})))


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.int64(), pa.float64(), pa.string(), pa.large_string(), pa.decimal128(21, 2), pa.decimal256(40, 0)),
        *(pa.string_view(), pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.float64())),
    ],
    ids=str,
)
def test_an_id_is_the_same_in_every_type_of_arrow(kind):
    column = pa.array(TABLES["points"]["demand"])
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type).dictionary_encode().cast(kind)
    else:
        column = column.cast(kind)
    table = pa.table(TABLES["points"]).set_column(0, "demand", column)
    assert is_whole(Auction.from_frames(**tables(points=table)))
    # In several pieces, an empty one among them, each with categories of its own.
    pieces = pa.concat_tables([table.slice(0, 1), table.slice(0, 0), table.slice(1)])
    assert is_whole(Auction.from_frames(**tables(points=pieces)))


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum([str(LOAD), str(WIND)]), pl.String, pl.Int64, pl.Float64])
def test_an_id_is_the_same_in_every_type_of_polars(kind):
    made = {}
    for name, table in TABLES.items():
        frame = pl.DataFrame(table)
        if "demand" in table:
            demand = pl.col("demand")
            frame = frame.with_columns(
                demand.cast(kind) if kind in (pl.Int64, pl.Float64) else demand.cast(pl.String).cast(kind)
            )
        made[name] = frame
    assert is_whole(Auction.from_frames(**made))


def test_a_merge_that_makes_floats_of_ids_drops_nothing():
    weights = pd.DataFrame({"portfolio": [1, 2, 3]}).merge(pd.DataFrame(TABLES["weights"]), how="left").dropna()
    assert weights["demand"].dtype == np.float64
    assert is_whole(Auction.from_frames(**tables(weights=weights)))


@given(st.integers(-(2**53) + 1, 2**53 - 1), st.sampled_from([pa.int64(), pa.float64(), pa.string()]))
def test_a_whole_number_is_one_id(number, kind):
    cells = pa.array([number]).cast(kind)
    weights = pa.table({"portfolio": ["x"], "demand": cells, "weight": [1.0]})
    points = pd.DataFrame({"demand": [number], "rate": [0.0], "price": [1.0]})
    auction = Auction.from_frames(points=points, weights=weights)
    assert auction.demand_ids.to_pylist() == [str(number)] and not auction.dropped.unknown


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        (1.5, "is 1.5 in row 1; an id that is a number is a whole number"),
        (float("nan"), "is null in row 1"),
        (float("inf"), "is inf in row 1; a float of this size"),
        (2.0**53, "is 9007199254740992.0 in row 1; a float of this size"),
        (-(2.0**60), "in row 1; a float of this size"),
        (Decimal("1.5"), "is Decimal('1.5') in row 1; an id that is a number"),
    ],
)
@pytest.mark.parametrize(("name", "column"), IDS)
def test_a_number_that_may_be_another_id_is_refused_by_name(name, column, number, rule):
    table = {**TABLES[name], **{key: values * 2 for key, values in TABLES[name].items() if len(values) == 1}}
    first = type(number)(3)
    with pytest.raises(InvalidAuction) as refused:
        Auction.from_frames(**tables(**{name: pd.DataFrame({**table, column: [first, number]})}))
    assert str(refused.value).startswith(f"column {column!r} of {name} ") and rule in str(refused.value)


def test_a_missing_number_of_polars_is_refused_by_name():
    # In polars and Arrow, NaN is a number of its own and not null.
    points = pl.DataFrame({**TABLES["points"], "demand": [1.0, float("nan")]})
    with pytest.raises(InvalidAuction, match="column 'demand' of points is nan in row 1; fill it"):
        Auction.from_frames(**tables(points=points))


@pytest.mark.parametrize(("kind", "limit"), [(np.float32, 2**24), (np.float16, 2**11)])
def test_a_short_float_holds_shorter_ids(kind, limit):
    def read(number: int) -> Auction:
        points = pa.table({"demand": pa.array(np.array([number], kind)), "rate": [0.0], "price": [1.0]})
        weights = pd.DataFrame({"portfolio": ["x"], "demand": [number], "weight": [1.0]})
        return Auction.from_frames(points=points, weights=weights)

    assert read(limit - 1).demand_ids.to_pylist() == [str(limit - 1)]
    with pytest.raises(InvalidAuction, match="column 'demand' of points .* in row 0; a float of this size"):
        read(limit)


def test_columns_read_floats_as_the_same_ids():
    arrays = dict.fromkeys(("weight_portfolio", "weight_demand", "basis_portfolio", "basis_product"), [0])
    made = Auction.from_columns(
        demand_ids=pa.array([1000000.0]),
        point_offsets=[0, 1],
        point_rates=[0],
        point_prices=[1],
        constant=[False],
        portfolio_ids=pa.array([1]),
        product_ids=pa.array([2.0]),
        weight_value=[1],
        basis_value=[1],
        **arrays,
    )
    ids = made.demand_ids, made.portfolio_ids, made.product_ids
    assert [each.to_pylist() for each in ids] == [["1000000"], ["1"], ["2"]]


POINTS = {"demand": ["l", "l"], "rate": [0.0, 100.0], "price": [60.0, 20.0]}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            pd.DataFrame({**POINTS, "rate": [0, "100"]}),
            "column 'rate' of points mixes types: int in row 0 and str in row 1",
        ),
        ({**POINTS, "rate": [0, "100"]}, "column 'rate' of points mixes types: int in row 0 and str in row 1"),
        (
            pd.DataFrame({**POINTS, "demand": ["l", 1]}),
            "column 'demand' of points mixes types: str in row 0 and int in row 1; convert it to one type",
        ),
        (pd.DataFrame({**POINTS, "demand": [None, {}]}), "column 'demand' of points"),
        (
            pd.DataFrame({**POINTS, "rate": [10**400, 1]}),
            "column 'rate' of points cannot be read: Python int too large",
        ),
        (pd.concat([pd.DataFrame(POINTS)] * 2, axis=1), "the table points has 2 columns 'demand'; keep one of them"),
        (pa.table([*POINTS.values(), [1.0, 2.0]], names=[*POINTS, "rate"]), "the table points has 2 columns 'rate'"),
        (pl.DataFrame({**POINTS, "demand": pl.Series(["l", 1], dtype=pl.Object)}), "'demand' of points holds fixed"),
        (pl.DataFrame({**POINTS, "demand": [["l"], ["l"]]}), "column 'demand' of points holds large_list"),
        (
            {**POINTS, "demand": ["l"]},
            "the columns of points have different lengths: {'demand': 1, 'rate': 2, 'price': 2}",
        ),
        ({**POINTS, "demand": 7}, "column 'demand' of points cannot be read"),
        ({**POINTS, "rate": np.zeros((2, 2))}, "column 'rate' of points cannot be read"),
        (pl.LazyFrame(POINTS), "points is no table"),
        ([1, 2], "points is no table"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_name(table, message):
    with pytest.raises(InvalidAuction) as refused:
        Auction.from_frames(points=table)
    assert message in str(refused.value)


@pytest.mark.parametrize("extra", [pd.DataFrame({"note": [1, "x"]}), pd.DataFrame({("a", 1): [{}, 2]})])
def test_columns_that_an_auction_does_not_need_are_not_read(extra):
    points = pd.concat([pd.DataFrame(TABLES["points"]), extra, extra], axis=1)
    assert is_whole(Auction.from_frames(**tables(points=points)))


@pytest.mark.parametrize(("rate", "price"), list(product(["category", "float32", "Float64", "str"], repeat=2)))
def test_numbers_are_read_from_categories_too(rate, price):
    points = pd.DataFrame(TABLES["points"]).astype({"rate": rate, "price": price})
    assert is_whole(Auction.from_frames(**tables(points=points)))
