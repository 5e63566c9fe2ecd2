"""Ids in table columns: numbers and categories as the text that they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fts.errors import InvalidAuction

# From here on, several whole numbers are one and the same float.
_LIMITS = {pa.float64(): 2**53, pa.float32(): 2**24, pa.float16(): 2**11}


def id_texts(cells: pa.Array, place: str) -> pa.StringArray:
    """Ids as text, (n,); a whole number is written without a point, whichever type holds it.

    Parameters
    ----------
    cells : Arrow array
        Without nulls. Text, categories, or numbers: 1000000 and 1000000.0 are one id.
    place : str
        Name of the column, for errors.

    Raises
    ------
    InvalidAuction
        A number is not whole, or so large that a float does not tell it from its neighbours; the message names its
        row. Or ids of this type cannot be written as text.
    """
    cells = plain_values(cells)
    if cells.type in _LIMITS:
        limit, cells = _LIMITS[cells.type], cells.cast(pa.float64())
        _refuse(cells, pc.is_nan(cells), place, "fill it or leave the row out")
        _refuse(cells, pc.not_equal(pc.floor(cells), cells), place, "an id that is a number is a whole number")
        remedy = "a float of this size does not hold every whole number: keep these ids as integers or as text"
        _refuse(cells, pc.greater_equal(pc.abs(cells), float(limit)), place, remedy)
        cells = cells.cast(pa.int64())
    elif pa.types.is_decimal(cells.type):
        _refuse(cells, pc.not_equal(pc.floor(cells), cells), place, "an id that is a number is a whole number")
        cells = cells.cast(pa.decimal256(76, 0))
    remedy = "convert it to text"
    if pa.types.is_fixed_size_binary(cells.type):  # what polars makes of Python objects
        raise InvalidAuction(f"{place} holds {cells.type}, which is no id; {remedy}")
    try:
        return cells.cast(pa.string())
    except pa.ArrowException as error:
        raise InvalidAuction(f"{place} holds {cells.type}, which is no id: {error}; {remedy}") from error


def plain_values(cells: pa.Array) -> pa.Array:
    """Return the values of an array of categories, one for each row; other arrays as they are."""
    if not pa.types.is_dictionary(cells.type):
        return cells
    values = cells.dictionary
    # Arrow picks rows of text, but not of views of text.
    values = values.cast(pa.string()) if values.type == pa.string_view() else values
    return values.take(cells.indices)


def _refuse(cells: pa.Array, wrong: Any, place: str, rule: str) -> None:
    rows = np.flatnonzero(np.asarray(wrong))
    if len(rows):
        row = int(rows[0])
        raise InvalidAuction(f"{place} is {cells[row].as_py()!r} in row {row}; {rule}")
