"""Lower medians of what portfolios say about each product: one odd portfolio or price cap does not move them."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compiled import Index, compiled

INSERTION_SORT_LENGTH = 32
"""Up to so many numbers are sorted by insertion."""


@compiled
def lower_median(values: Floats, first: int, last: int) -> float:
    """Compute the lower median of ``values[first:last]``, whose order is lost."""
    middle = (last - first - 1) // 2
    if last - first > INSERTION_SORT_LENGTH:
        return _select(values, first, last - 1, first + middle)
    for k in range(first + 1, last):
        value, at = values[k], k
        while at > first and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
    return float(values[first + middle])


@compiled
def _select(values: Floats, first: int, last: int, wanted: int) -> float:
    """Compute the value that belongs at a place if the values from the first to the last were sorted; reorders them.

    Source: Hoare, Algorithm 65: Find, Communications of the ACM 4, 1961, with the median of three as the pivot.
    """
    while last > first:
        a, b, c = values[first], values[(first + last) // 2], values[last]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = first, last
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if wanted <= j:
            last = j
        elif wanted >= i:
            first = i
        else:
            break
    return float(values[wanted])


@compiled
def medians(start: Index, product: Index, weight: Floats, worth: Floats, n_products: int) -> Floats:
    """Compute the lower median of the positive ``worth_i / |B_pi|`` of each product, (P,); 0 where there is none."""
    count = np.zeros(n_products + 1, dtype=np.int64)
    for i in range(len(worth)):
        if worth[i] > 0:
            for e in range(start[i], start[i + 1]):
                count[product[e] + 1] += 1
    for p in range(n_products):
        count[p + 1] += count[p]
    place, grouped, median = count[:-1].copy(), np.empty(count[-1]), np.zeros(n_products)
    for i in range(len(worth)):
        if worth[i] > 0:
            for e in range(start[i], start[i + 1]):
                grouped[place[product[e]]] = worth[i] / abs(weight[e])
                place[product[e]] += 1
    for p in range(n_products):
        if count[p + 1] > count[p]:
            median[p] = lower_median(grouped, count[p], count[p + 1])
    return median
