"""What a curve says to a given price: the best response, what missing it costs, and how far a point is off."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats, Ints
from fts.solver.compiled import compiled

ROUNDING = 1e-15
"""What rounding makes of a price between two points, in shares of theirs."""


@compiled
def _crossing(q: Floats, p: Floats, start: int, end: int, count: int, lam: float) -> float:
    """The rate at which a curve passes the price between its points ``count - 1`` and ``count``."""
    if count == 0:
        return float(q[start])
    if count == end - start:
        return float(q[end - 1])
    right = start + count
    drop = p[right - 1] - p[right]
    if not drop > 0:
        return float(q[right - 1])
    share = min(max((p[right - 1] - lam) / drop, 0.0), 1.0)
    return float(q[right - 1] + share * (q[right] - q[right - 1]))


@compiled
def _best_response(q: Floats, p: Floats, start: int, end: int, z: float, lam: float, tie: float) -> float:
    """The rate nearest to ``z`` that a demand would choose at price ``lam``.

    A demand whose unlimited end is priced within ``tie`` of ``lam`` is content with ``z``; one that would go on without
    limit answers with an infinite rate.
    """
    if np.isinf(q[start]) and abs(p[start] - lam) <= tie:
        return z
    if np.isinf(q[end - 1]) and abs(p[end - 1] - lam) <= tie:
        return z
    above = at_least = 0
    for k in range(start, end):
        above += p[k] > lam
        at_least += p[k] >= lam
    low = _crossing(q, p, start, end, above, lam)
    if z < low:
        return low
    high = low if above == at_least else _crossing(q, p, start, end, at_least, lam)
    return high if z > high else z


@compiled
def _lost(q: Floats, p: Floats, start: int, end: int, z: float, response: float, lam: float) -> float:
    """Money lost by trading ``z`` instead of ``response``: ``∫ |curve - lam|`` between them, beyond its rounding."""
    low, high, lost = min(z, response), max(z, response), 0.0
    for k in range(start, end - 1):
        left, right = min(max(low, q[k]), q[k + 1]), min(max(high, q[k]), q[k + 1])
        width = right - left
        if width > 0:
            at_left = at_right = p[k]
            rounding = 0.0
            if p[k] != p[k + 1]:
                fall = (p[k + 1] - p[k]) / (q[k + 1] - q[k])
                at_left += fall * (left - q[k])
                at_right += fall * (right - q[k])
                rounding = ROUNDING * max(abs(p[k]), abs(p[k + 1]))
            lost += width * max((abs(at_left - lam) + abs(at_right - lam)) / 2 - rounding, 0.0)
    return lost


@compiled
def _utility(q: Floats, p: Floats, start: int, end: int, z: float) -> float:
    """``∫₀^z curve``, as in :func:`fts.models.utility.utilities`."""
    value = 0.0
    for k in range(start, end - 1):
        left, right = min(max(0.0, q[k]), q[k + 1]), min(max(z, q[k]), q[k + 1])
        price = p[k]
        if p[k] != p[k + 1] and q[k + 1] > q[k]:
            price += (p[k + 1] - p[k]) * (((left + right) / 2 - q[k]) / (q[k + 1] - q[k]))
        value += (right - left) * price
    return value


@compiled
def _off(at: float, to: float, unit: float) -> float:
    """A deviation in its unit; 0/0 is 0."""
    return 0.0 if at == to else (at - to) / unit


@compiled
def _distance(q: Floats, p: Floats, start: int, end: int, z: float, lam: float, Z: float, Lambda: float) -> float:
    """The least τ for which a point of the curve is within ``τ·Z`` of ``z`` and ``τ·Lambda`` of ``lam``.

    In the scaled plane a falling curve meets the growing square around the point first in one of the two corners where
    both deviations are equal, so τ is the deviation where the curve crosses that diagonal.
    """
    u = v = g = 0.0
    for k in range(start, end):
        u0, v0, g0 = u, v, g
        u, v = _off(q[k], z, Z), _off(p[k], lam, Lambda)
        g = 0.0 if u == v else u - v
        if g <= 0:
            continue
        # The first point beyond the diagonal.
        if k == start:
            return abs(u)
        du, dv = u - u0, v - v0
        share = 1.0 if np.isinf(g0) else 0.0 if np.isinf(g) else -g0 / (g - g0)
        if abs(du) < abs(dv):
            return abs(u0 + share * du)
        return abs(v0 if dv == 0 else v0 + share * dv)
    return abs(u)


@compiled
def answers(
    offsets: Ints,
    q: Floats,
    p: Floats,
    demands: Ints,
    z: Floats,
    zeta: Floats,
    lam: Floats,
    Lambda: Floats,
    floor: Floats,
    tol: float,
) -> tuple[float, float, Floats, Floats, Floats]:
    """What every demand says to its rate and price.

    Parameters
    ----------
    offsets : (n_demands + 1,)
        Demand ``d`` of the auction owns the points ``offsets[d]:offsets[d + 1]``.
    q : (n_points,) [quantity / time]
    p : (n_points,) [money / quantity]
    demands : (D,)
        Those of the auction that can trade; what follows is theirs.
    z, zeta : (D,) [quantity / time]
        Rates, and the sizes of what adds up to them.
    lam, Lambda, floor : (D,) [money / quantity]
        Prices, the sizes they are measured in, and the least price that counts as turnover.
    tol : float

    Returns
    -------
    domain, fit : float
        The largest of each.
    missed, turnover, value : (D,) [money / time]
    """
    D = len(demands)
    missed, turnover, value = np.empty(D), np.empty(D), np.empty(D)
    domain = fit = 0.0
    for d in range(D):
        start, end = offsets[demands[d]], offsets[demands[d] + 1]
        first, last = q[start], q[end - 1]
        if np.isnan(z[d]) or np.isnan(lam[d]):
            domain = fit = missed[d] = turnover[d] = value[d] = np.nan
            continue
        clamped = min(max(z[d], first), last)
        reach = max(zeta[d], 0.0 if np.isinf(first) else abs(first), 0.0 if np.isinf(last) else abs(last))
        domain = _larger(domain, _off(z[d], clamped, reach))
        response = _best_response(q, p, start, end, clamped, lam[d], tol * Lambda[d])
        value[d] = _utility(q, p, start, end, clamped)
        turnover[d] = max(abs(lam[d]), floor[d]) * (abs(clamped) + abs(response)) + abs(value[d])
        missed[d] = 0.0
        # A rate that is its own best response lies on the curve; at an unlimited end it may be near it only.
        if response != z[d] or np.isinf(first) or np.isinf(last):
            missed[d] = _lost(q, p, start, end, clamped, response, lam[d])
            fit = _larger(fit, _distance(q, p, start, end, z[d], lam[d], reach, Lambda[d]))
    return domain, fit, missed, turnover, value


@compiled
def _larger(one: float, other: float) -> float:
    """The larger size; NaN where either is NaN."""
    size = abs(other)
    return one if one > size or one != one else size
