"""The reader in bulk gives what the careful reader gives, and refuses what it refuses, in its words."""

from __future__ import annotations

import io
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fts.errors import InvalidInput
from fts.models import auction_file
from fts.models.auction import Auction
from fts.models.auction_file_fast import columns_in
from fts.models.columns import Columns

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*/auction.json"))


def careful(content: bytes) -> Auction:
    """The reading by one Python object per bid."""
    return Auction.from_json(auction_file.parsed(content, "the input"))


def bulk(content: bytes) -> Auction:
    return Auction.read_json(io.BytesIO(content))


def shown(values: Any) -> Any:
    """A column as something that compares bit by bit: 0 and -0 differ."""
    if values is None:
        return None
    return (str(values.dtype), values.tobytes()) if isinstance(values, np.ndarray) else values.to_pylist()


def result(read: Any, content: bytes) -> Any:
    """What came of reading: all columns and what was dropped, or the refusal with its words."""
    try:
        auction = read(content)
    except InvalidInput as error:
        return type(error), str(error)
    columns = auction._columns()
    return [shown(getattr(columns, field.name)) for field in fields(Columns)], auction.dropped


def written(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def an_object(entries: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in entries) + "}"


IDS = st.sampled_from(["a", "b", "c", "ä", "中", "a b", "price", "-0 ", 'quo"te', "back\\slash"])
KEYS = IDS.flatmap(lambda name: st.sampled_from([written(name), json.dumps(name)]))
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-100, 100).map(repr),
    st.integers(-(10**40), 10**40).map(str),
    st.decimals(-1000, 1000, allow_nan=False).map(lambda number: f"{number:f}"),
    st.sampled_from(["0", "-0.0", "0E5", "-0e-3", "1e-400", "-1e-400", "2.4703282292062327e-324"]),
)
ODD = st.sampled_from(
    ["-0", "1e400", "-1e400", "NaN", "-Infinity", "01", "1.", "true", "null", '"1"', "[]", "{}", "1" * 400]
)


def sorted_points(texts: list[tuple[str, str]]) -> str:
    rates = sorted((rate for rate, _ in texts), key=float)
    prices = sorted((price for _, price in texts), key=float, reverse=True)
    return "[" + ", ".join(f'{{"rate": {r}, "price": {p}}}' for r, p in zip(rates, prices, strict=True)) + "]"


def constant(low: str | None, high: str | None, price: str) -> str:
    entries = [('"min_rate"', low), ('"max_rate"', high), ('"price"', price)]
    return an_object([(key, value) for key, value in entries if value is not None])


def bounded(sign: str) -> st.SearchStrategy[str | None]:
    return st.one_of(st.sampled_from([None, "null", "0"]), st.integers(0, 99).map(lambda n: f"{sign}{n}"))


CURVES = st.one_of(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4)
    .flatmap(lambda points: st.sampled_from(["0", "-0.0", "0E5"]).map(lambda zero: [(zero, points[0][1]), *points]))
    .map(sorted_points),
    st.builds(constant, bounded("-"), bounded(""), NUMBERS),
    st.just("null"),
)
WEIGHTS = st.one_of(
    st.lists(st.tuples(KEYS, NUMBERS), max_size=4).map(an_object),
    st.lists(KEYS, max_size=4).map(lambda names: f"[{', '.join(names)}]"),
    KEYS,
    st.just("null"),
)
EXTRA = st.sampled_from([[], [('"note"', '["x", {"y": 1e400}]')], [('"note"', '"\xff"')]])


def auctions(curves: st.SearchStrategy[str], weights: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    portfolio = st.builds(
        lambda demand, basis, extra: an_object([*extra, ('"demand"', demand), ('"basis"', basis)]),
        weights,
        weights,
        EXTRA,
    )
    return st.builds(
        lambda demands, portfolios, extra: an_object(
            [('"demand_curves"', an_object(demands)), *extra, ('"portfolios"', an_object(portfolios))]
        ),
        st.lists(st.tuples(KEYS, curves), max_size=5),
        st.lists(st.tuples(KEYS, portfolio), max_size=5),
        EXTRA,
    )


@given(auctions(CURVES, WEIGHTS))
def test_a_file_reads_the_same_in_bulk_and_with_care(text: str) -> None:
    # The integer -0, and an id that looks like it, send the file to the careful reader.
    assert columns_in(text.encode()) is not None or re.search(r"-0[ ,}\]]", text)
    assert result(bulk, text.encode()) == result(careful, text.encode())
    assert result(lambda content: Auction.read_json(io.StringIO(content.decode())), text.encode()) == result(
        careful, text.encode()
    )


@given(
    auctions(
        st.one_of(
            CURVES,
            ODD,
            st.lists(st.tuples(NUMBERS, ODD | NUMBERS), min_size=1).map(
                lambda points: "[" + ", ".join(f'{{"rate": {r}, "price": {p}}}' for r, p in points) + "]"
            ),
        ),
        st.one_of(WEIGHTS, ODD, st.lists(st.tuples(KEYS, ODD)).map(an_object)),
    )
)
def test_a_file_that_breaks_a_rule_is_refused_in_the_same_words(text: str) -> None:
    assert result(bulk, text.encode()) == result(careful, text.encode())


@given(auctions(CURVES, WEIGHTS), st.data())
def test_a_damaged_file_is_refused_in_the_same_words(text: str, data: st.DataObject) -> None:
    content = text.encode()
    place = data.draw(st.integers(0, len(content)))
    removed = data.draw(st.integers(0, 3))
    put = data.draw(
        st.sampled_from(
            [b"", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"-0", b"\x00", b"\x01", *b'{ } [ ] , : " 0 .'.split()]
        )
    )
    content = content[:place] + put + content[place + removed :]
    assert result(bulk, content) == result(careful, content)


@given(auctions(CURVES, WEIGHTS))
def test_an_auction_file_is_its_json_to_the_letter(text: str) -> None:
    auction, file = careful(text.encode()), io.StringIO()
    auction.write_json(file)
    assert file.getvalue() == json.dumps(auction.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.parent.name)
def test_golden_files_are_read_in_bulk(file: Path) -> None:
    content = file.read_bytes()
    columns, expected = columns_in(content), auction_file.columns_of(*auction_file.parts_of(json.loads(content)))
    assert columns is not None
    assert [shown(getattr(columns, field.name)) for field in fields(Columns)] == [
        shown(getattr(expected, field.name)) for field in fields(Columns)
    ]


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbf{"demand_curves": {}, "portfolios": {}}',
        '{"demand_curves": {}, "portfolios": {}}'.encode("utf-16"),
        b'{"demand_curves": {}, "portfolios": {}, "note": "\xff"}',
        b'{"demand_curves": {}, "portfolios": {}, "note": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"demand_curves": {"\\ud800": null}, "portfolios": {}}',
        b'{"demand_curves": {"d": []}, "portfolios": {}}',
        b'{"demand_curves": {"d": [[0, 5]]}, "portfolios": {"b": {"demand": "d", "basis": "p"}}}',
        b'{"demand_curves": {"d": [{"rate": 0, "price": 1}], "d": null}, "portfolios": {}, "portfolios": {}}',
        b'{"demand_curves": []}',
        b"[]",
        b"",
    ],
)
def test_rare_files_read_the_same(content: bytes) -> None:
    assert result(bulk, content) == result(careful, content)


def test_minus_zero_keeps_its_sign() -> None:
    auction = bulk(
        b'{"demand_curves": {"d": [{"rate": -0, "price": -0},{"rate": 1, "price": -0.0}]},'
        b' "portfolios": {"b": {"demand": "d", "basis": {"p": 1}}}}'
    )
    assert np.signbit(auction.point_rates[0])
    assert np.signbit(auction.point_prices).all()
