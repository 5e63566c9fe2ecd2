"""The id that was probably meant by one that nothing defines."""

from __future__ import annotations

import string
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc

MAX_CANDIDATES = 1000
"""Largest number of ids that are compared letter by letter."""
MAX_LENGTH = 100
"""Longest id that is compared [characters]."""
LETTERS = frozenset(string.ascii_lowercase + string.digits + " _-.:/")
"""Letters that may be missing or wrong in an id, besides those that it has."""
MIN_LIKENESS = 0.7
"""Least share of letters that two ids have in common, in order: 2 · common / total."""


def nearest_id(wanted: str, among: pa.StringArray) -> str | None:
    """Return the id most like a misspelled one, or None if none is like it.

    Upper and lower case, and spaces around an id, make no difference. Among more than `MAX_CANDIDATES` ids, those
    with one wrong, missing, additional or exchanged letter are looked up; if there are none, ids that begin or end as
    the wanted one, and are almost as long, are compared.
    """
    plain = wanted.strip().casefold()
    if not plain or len(wanted) > MAX_LENGTH:
        return None
    if len(among) > MAX_CANDIDATES:
        among = _narrowed(plain, among)
    # An earlier id stands for a later one that differs in case only.
    candidates = {one.strip().casefold(): one for one in reversed(among.to_pylist()) if len(one) <= MAX_LENGTH}
    matches = get_close_matches(plain, candidates, 1, MIN_LIKENESS)
    return candidates[matches[0]] if matches else None


def _narrowed(plain: str, among: pa.StringArray) -> pa.StringArray:
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(among))
    same = among.filter(pc.equal(lower, plain))
    if len(same):
        return same.slice(0, 1)
    near = among.filter(pc.is_in(lower, value_set=pa.array(_one_letter_off(plain))))
    if not len(near):
        half = max(1, len(plain) // 2)
        ends = pc.or_(pc.starts_with(lower, plain[:half]), pc.ends_with(lower, plain[-half:]))
        near = among.filter(pc.and_(ends, pc.less_equal(pc.abs(pc.subtract(pc.utf8_length(lower), len(plain))), 2)))
    return near.slice(0, MAX_CANDIDATES)


def _one_letter_off(plain: str) -> list[str]:
    letters = LETTERS | set(plain)
    halves = [(plain[:k], plain[k:]) for k in range(len(plain) + 1)]
    return [
        *(left + right[1:] for left, right in halves),
        *(left + right[1] + right[0] + right[2:] for left, right in halves if len(right) > 1),
        *(left + letter + rest for left, right in halves for rest in (right, right[1:]) for letter in letters),
    ]
