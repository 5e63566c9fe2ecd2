"""Sums and products with their rounding errors (Ogita, Rump, Oishi, *Accurate sum and dot product*, 2005)."""

from __future__ import annotations

from fts.solver.compiled import compiled

SPLIT = 134217729.0
"""2²⁷ + 1 splits a number into two of half as many digits (Dekker 1971)."""


@compiled
def two_product(a: float, b: float) -> tuple[float, float]:
    """Compute ``a b`` and its rounding error (Dekker's splitting)."""
    product = a * b
    t = SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


@compiled
def two_sum(a: float, b: float) -> tuple[float, float]:
    """Compute ``a + b`` and its rounding error (Knuth)."""
    total = a + b
    z = total - a
    return total, (a - (total - z)) + (b - z)


@compiled
def add_compensated(total: float, carry: float, x: float) -> tuple[float, float]:
    """Add a number to a compensated sum ``total + carry``."""
    summed, error = two_sum(total, x)
    return summed, carry + error
