"""Bids as short columns: a wide portfolio is a multiple of a profile, and the profile counts as one more product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.native.normal_matrix import WIDE

PROFILE_ROUNDING = 4e-16
"""Entries of two profiles that differ by less than this share, their rounding, are equal."""


@dataclass(frozen=True)
class CompressedBids:
    """Bids in terms of products and of profiles, the rows ``P … P + n_profiles``.

    Attributes
    ----------
    n_products : int
    weight : (nonzeros of B,)
        Weights per unit of the demand before wide bids were shortened.
    entries : start (I + 1,), row (N,), weight (N,)
        A bid for a multiple of a profile has one entry.
    profiles : (P, n_profiles) sparse, by column; None without any
    runs : start (n_profiles + 1,), row (R,), at (R + 1,)
        Profile ``j`` has the runs ``start[j] ≤ r < start[j + 1]``, entries ``at[r] ≤ e < at[r + 1]`` of `profiles`,
        which are those of products ``row[r], row[r] + 1, …``
    profile_of, factor : (wide,)
        Profile of each wide bid and its multiple.
    wide : (wide,)
        Positions of wide bids.
    """

    n_products: int
    weight: Floats
    entries: tuple[Int32s, Int32s, Floats]
    profiles: csc_array | None
    runs: tuple[Int32s, Int32s, Int32s]
    wide: Ints
    profile_of: Ints
    factor: Floats

    @property
    def n_rows(self) -> int:
        """Number of products and profiles."""
        return self.n_products + (0 if self.profiles is None else self.profiles.shape[1])

    def extended(self, prices: Floats) -> Floats:
        """Prices of products (P,) with those of profiles, (n_rows,)."""
        if self.profiles is None:
            return prices
        extended = np.empty(self.n_rows)
        _extend(*self.runs, self.profiles.data, prices, extended)
        return extended

    def gathered(self, amounts: Floats) -> Floats:
        """Amounts of products and profiles (n_rows,) in terms of products, (P,)."""
        if self.profiles is None:
            return amounts
        gathered = amounts[: self.n_products].copy()
        _gather(*self.runs, self.profiles.data, amounts[self.n_products :], gathered)
        return gathered

    def gathered_sizes(self, sizes: Floats) -> Floats:
        """Sizes of trade in products and profiles (n_rows,) in terms of products, (P,)."""
        if self.profiles is None:
            return sizes
        gathered = sizes[: self.n_products].copy()
        _gather_sizes(*self.runs, self.profiles.data, sizes[self.n_products :], gathered)
        return gathered

    def diagonal(self, curvature: Floats) -> Floats:
        """Diagonal of the Hessian (P,) for curvatures of bids (I,)."""
        squares = np.zeros(self.n_rows)
        _add_squares(*self.entries, curvature, squares)
        if self.profiles is None:
            return squares
        gathered = squares[: self.n_products].copy()
        _gather_squares(*self.runs, self.profiles.data, squares[self.n_products :], gathered)
        return gathered

    def columns(self) -> csc_array:
        """Products of every narrow bid and of every profile, (P, I + n_profiles); wide bids are empty columns."""
        start, row, weight = self.entries
        if self.profiles is None:
            return csc_array((weight, row, start), shape=(self.n_products, len(start) - 1))
        narrow = row < self.n_products
        counts = np.diff(start)
        counts[self.wide] = 0
        n_entries = int(counts.sum())
        ends = np.append(np.cumsum(counts), n_entries + self.profiles.indptr[1:])
        return csc_array(
            (
                np.append(weight[narrow], self.profiles.data),
                np.append(row[narrow], self.profiles.indices),
                np.append(0, ends).astype(np.int32),
            ),
            shape=(self.n_products, len(counts) + self.profiles.shape[1]),
        )

    def column_weights(self, curvature: Floats) -> Floats:
        """Weights of :meth:`columns`, (I + n_profiles,), for curvatures of bids (I,)."""
        if self.profiles is None:
            return curvature
        share = np.bincount(
            self.profile_of, weights=curvature[self.wide] * self.factor**2, minlength=self.profiles.shape[1]
        )
        return np.append(curvature, share)


def compress(start: Int32s, row: Int32s, weight: Floats, n_products: int) -> CompressedBids:
    """Write wide bids as multiples of their profiles; bids with rows in order."""
    wide = np.flatnonzero(np.diff(start) > WIDE)
    if not len(wide):
        none, no_run = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
        return CompressedBids(
            n_products, weight, (start, row, weight), None, (no_run, no_run, no_run), none, none, np.empty(0)
        )
    pattern, value, largest = _signatures(start, row, weight, wide)
    order = np.lexsort((value, pattern))
    like = _like(start, row, weight, wide, order, pattern, largest)
    kept = np.flatnonzero(like == np.arange(len(wide)))
    number = np.empty(len(wide), dtype=np.int64)
    number[kept] = np.arange(len(kept))
    profile_of, factor = number[like], largest / largest[like]
    lengths = np.diff(start)[wide[kept]]
    picked = np.repeat(start[wide[kept]] - np.append(0, np.cumsum(lengths)[:-1]), lengths) + np.arange(lengths.sum())
    profiles = csc_array(
        (weight[picked], row[picked], np.append(0, np.cumsum(lengths)).astype(np.int32)),
        shape=(n_products, len(kept)),
    )
    is_wide = np.zeros(len(start) - 1, dtype=bool)
    is_wide[wide] = True
    short = _shortened(start, row, weight, is_wide, profile_of, factor, n_products)
    runs = _runs_of(*csc_arrays(profiles)[:2])
    return CompressedBids(n_products, weight, short, profiles, runs, wide, profile_of, factor)


@compiled
def _runs_of(start: Int32s, row: Int32s) -> tuple[Int32s, Int32s, Int32s]:
    """Cut profiles into runs of neighbouring products; see `CompressedBids`."""
    run_start = np.zeros(len(start), dtype=np.int32)
    run_row, run_at = np.empty(len(row), dtype=np.int32), np.empty(len(row) + 1, dtype=np.int32)
    n = 0
    for j in range(len(start) - 1):
        for e in range(start[j], start[j + 1]):
            if e == start[j] or row[e] != row[e - 1] + 1:
                run_row[n], run_at[n] = row[e], e
                n += 1
        run_start[j + 1] = n
    run_at[n] = len(row)
    return run_start, run_row[:n].copy(), run_at[: n + 1].copy()


@compiled
def _extend(
    run_start: Int32s, run_row: Int32s, run_at: Int32s, weight: Floats, prices: Floats, extended: Floats
) -> None:
    """Fill in prices of products, and of profiles after them.

    Four sums at a time, always the same ones, do not wait for each other.
    """
    n_products = len(prices)
    extended[:n_products] = prices
    for j in range(len(run_start) - 1):
        s0 = s1 = s2 = s3 = 0.0
        for r in range(run_start[j], run_start[j + 1]):
            run = weight[run_at[r] : run_at[r + 1]]
            held = prices[run_row[r] : run_row[r] + len(run)]
            whole = len(run) // 4 * 4
            for k in range(0, whole, 4):
                s0 += run[k] * held[k]
                s1 += run[k + 1] * held[k + 1]
                s2 += run[k + 2] * held[k + 2]
                s3 += run[k + 3] * held[k + 3]
            for k in range(whole, len(run)):
                s0 += run[k] * held[k]
        extended[n_products + j] = (s0 + s1) + (s2 + s3)


@compiled
def _gather(
    run_start: Int32s, run_row: Int32s, run_at: Int32s, weight: Floats, amounts: Floats, gathered: Floats
) -> None:
    """Add amounts of profiles to those of products."""
    for j in range(len(amounts)):
        if amounts[j] != 0.0:
            for r in range(run_start[j], run_start[j + 1]):
                run = weight[run_at[r] : run_at[r + 1]]
                held = gathered[run_row[r] : run_row[r] + len(run)]
                for k in range(len(run)):
                    held[k] += run[k] * amounts[j]


@compiled
def _gather_sizes(
    run_start: Int32s, run_row: Int32s, run_at: Int32s, weight: Floats, sizes: Floats, gathered: Floats
) -> None:
    """Add sizes of profiles, times the sizes of their weights, to those of products."""
    for j in range(len(sizes)):
        for r in range(run_start[j], run_start[j + 1]):
            run = weight[run_at[r] : run_at[r + 1]]
            held = gathered[run_row[r] : run_row[r] + len(run)]
            for k in range(len(run)):
                held[k] += abs(run[k]) * sizes[j]


@compiled
def _gather_squares(
    run_start: Int32s, run_row: Int32s, run_at: Int32s, weight: Floats, squares: Floats, gathered: Floats
) -> None:
    """Add amounts of profiles, times the squares of their weights, to those of products."""
    for j in range(len(squares)):
        for r in range(run_start[j], run_start[j + 1]):
            run = weight[run_at[r] : run_at[r + 1]]
            held = gathered[run_row[r] : run_row[r] + len(run)]
            for k in range(len(run)):
                held[k] += run[k] * run[k] * squares[j]


@compiled
def _add_squares(start: Int32s, row: Int32s, weight: Floats, curvature: Floats, squares: Floats) -> None:
    """Add ``Σ_i curvature_i weight_i²`` to `squares` (n_rows,)."""
    for i in range(len(curvature)):
        for e in range(start[i], start[i + 1]):
            squares[row[e]] += curvature[i] * weight[e] * weight[e]


@compiled
def _signatures(start: Int32s, row: Int32s, weight: Floats, wide: Ints) -> tuple[Ints, Floats, Floats]:
    """Compute for every wide bid a number made of its rows, one made of its proportions, and its largest weight.

    Bids in one proportion have nearly equal numbers of proportions; the largest weight keeps its sign.
    """
    pattern = np.empty(len(wide), dtype=np.int64)
    value, largest = np.empty(len(wide)), np.empty(len(wide))
    for k in range(len(wide)):
        begin, end = start[wide[k]], start[wide[k] + 1]
        top, mixed, total = 0.0, 0, 0.0
        for e in range(begin, end):
            mixed = mixed * 1000003 + row[e]
            # The first of equal ones, so that rounding does not decide between them.
            top = weight[e] if abs(weight[e]) > abs(top) * (1.0 + 1e-12) else top
            total += weight[e] * (1.0 + (e - begin) % 7)
        pattern[k], value[k], largest[k] = mixed, total / top, top
    return pattern, value, largest


@compiled
def _like(start: Int32s, row: Int32s, weight: Floats, wide: Ints, order: Ints, pattern: Ints, largest: Floats) -> Ints:
    """Find the wide bid that each is a multiple of, to rounding: its position among them; `order` sorts like ones."""
    like = np.arange(len(wide))
    leader = -1
    for at in order:
        if leader >= 0 and pattern[at] == pattern[leader]:
            a, b = start[wide[at]], start[wide[leader]]
            length = start[wide[at] + 1] - a
            same = length == start[wide[leader] + 1] - b
            ratio = largest[at] / largest[leader]
            k = 0
            while same and k < length:
                same = row[a + k] == row[b + k] and abs(
                    weight[a + k] - ratio * weight[b + k]
                ) <= PROFILE_ROUNDING * abs(weight[a + k])
                k += 1
            if same:
                like[at] = leader
                continue
        leader = at
    return like


@compiled
def _shortened(
    start: Int32s, row: Int32s, weight: Floats, is_wide: Flags, profile_of: Ints, factor: Floats, n_products: int
) -> tuple[Int32s, Int32s, Floats]:
    """Entries of bids of which the wide ones have one, their profile's."""
    n_bids = len(start) - 1
    short_start = np.zeros(n_bids + 1, dtype=np.int32)
    for i in range(n_bids):
        short_start[i + 1] = short_start[i] + (1 if is_wide[i] else start[i + 1] - start[i])
    short_row = np.empty(short_start[n_bids], dtype=np.int32)
    short_weight = np.empty(short_start[n_bids])
    k = 0
    for i in range(n_bids):
        to = short_start[i]
        if is_wide[i]:
            short_row[to], short_weight[to] = n_products + profile_of[k], factor[k]
            k += 1
        else:
            for e in range(start[i], start[i + 1]):
                short_row[to + e - start[i]], short_weight[to + e - start[i]] = row[e], weight[e]
    return short_start, short_row, short_weight
