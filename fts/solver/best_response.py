"""What a curve says to a given price: the best response, what missing it costs, and how far a point is off."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats, Ints
from fts.solver.compiled import compiled


@compiled
def _crossing(q: Floats, p: Floats, count: int, lam: float) -> float:
    """The rate at which a curve passes the price between its points ``count - 1`` and ``count``."""
    n = len(q)
    if count == 0:
        return float(q[0])
    if count == n:
        return float(q[n - 1])
    drop = p[count - 1] - p[count]
    if not drop > 0:
        return float(q[count - 1])
    share = min(max((p[count - 1] - lam) / drop, 0.0), 1.0)
    return float(q[count - 1] + share * (q[count] - q[count - 1]))


@compiled
def _best_response(q: Floats, p: Floats, z: float, lam: float, tie: float) -> float:
    """The rate nearest to ``z`` that a demand would choose at price ``lam``.

    A demand whose unlimited end is priced within ``tie`` of ``lam`` is content with ``z``; one that would go on without
    limit answers with an infinite rate.
    """
    n, above, at_least = len(q), 0, 0
    if (np.isinf(q[0]) and abs(p[0] - lam) <= tie) or (np.isinf(q[n - 1]) and abs(p[n - 1] - lam) <= tie):
        return z
    for k in range(n):
        above += p[k] > lam
        at_least += p[k] >= lam
    low = _crossing(q, p, above, lam)
    high = low if above == at_least else _crossing(q, p, at_least, lam)
    return min(max(z, low), high)


@compiled
def _lost(q: Floats, p: Floats, z: float, response: float, lam: float) -> float:
    """Money lost by trading ``z`` instead of ``response``: ``∫ |curve - lam|`` between them."""
    low, high, lost = min(z, response), max(z, response), 0.0
    for k in range(len(q) - 1):
        start, end = min(max(low, q[k]), q[k + 1]), min(max(high, q[k]), q[k + 1])
        width = end - start
        if width > 0:
            at_start = at_end = p[k]
            if p[k] != p[k + 1]:
                fall = (p[k + 1] - p[k]) / (q[k + 1] - q[k])
                at_start += fall * (start - q[k])
                at_end += fall * (end - q[k])
            lost += width * ((abs(at_start - lam) + abs(at_end - lam)) / 2)
    return lost


@compiled
def _utility(q: Floats, p: Floats, z: float) -> float:
    """``∫₀^z curve``, as in :func:`fts.models.utility.utilities`."""
    value = 0.0
    for k in range(len(q) - 1):
        start, end = min(max(0.0, q[k]), q[k + 1]), min(max(z, q[k]), q[k + 1])
        price = p[k]
        if p[k] != p[k + 1] and q[k + 1] > q[k]:
            price += (p[k + 1] - p[k]) * (((start + end) / 2 - q[k]) / (q[k + 1] - q[k]))
        value += (end - start) * price
    return value


@compiled
def _off(at: float, to: float, unit: float) -> float:
    """A deviation in its unit; 0/0 is 0."""
    return 0.0 if at == to else (at - to) / unit


@compiled
def _distance(q: Floats, p: Floats, z: float, lam: float, Z: float, Lambda: float) -> float:
    """The least τ for which a point of the curve is within ``τ·Z`` of ``z`` and ``τ·Lambda`` of ``lam``.

    In the scaled plane a falling curve meets the growing square around the point first in one of the two corners where
    both deviations are equal, so τ is the deviation where the curve crosses that diagonal.
    """
    if np.isnan(z) or np.isnan(lam):
        return np.nan
    u = v = g = 0.0
    for k in range(len(q)):
        u0, v0, g0 = u, v, g
        u, v = _off(q[k], z, Z), _off(p[k], lam, Lambda)
        g = 0.0 if u == v else u - v
        if g <= 0:
            continue
        # The first point beyond the diagonal.
        if k == 0:
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
        curve, price = q[start:end], p[start:end]
        first, last = curve[0], curve[end - start - 1]
        if np.isnan(z[d]) or np.isnan(lam[d]):
            domain = fit = missed[d] = turnover[d] = value[d] = np.nan
            continue
        clamped = min(max(z[d], first), last)
        reach = max(zeta[d], 0.0 if np.isinf(first) else abs(first), 0.0 if np.isinf(last) else abs(last))
        domain = _larger(domain, _off(z[d], clamped, reach))
        response = _best_response(curve, price, clamped, lam[d], tol * Lambda[d])
        missed[d] = _lost(curve, price, clamped, response, lam[d])
        value[d] = _utility(curve, price, clamped)
        turnover[d] = max(abs(lam[d]), floor[d]) * (abs(clamped) + abs(response)) + abs(value[d])
        fit = _larger(fit, _distance(curve, price, z[d], lam[d], reach, Lambda[d]))
    return domain, fit, missed, turnover, value


@compiled
def _larger(one: float, other: float) -> float:
    """The larger size; NaN where either is NaN."""
    size = abs(other)
    return one if one > size or one != one else size
