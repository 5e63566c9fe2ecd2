"""The best response of a curve to a price, what missing it costs, and how far a point is from the curve."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats, Ints
from fts.solver.compiled import compiled


@compiled
def _crossing(q: Floats, p: Floats, start: int, end: int, count: int, lam: float) -> float:
    """Compute the rate at which a curve passes the price between its points ``count - 1`` and ``count``."""
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
    """Compute the rate nearest to ``z`` that a demand would choose at price ``lam``.

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
def _forgone_surplus(q: Floats, p: Floats, start: int, end: int, z: float, response: float, lam: float) -> float:
    """Money lost by trading ``z`` instead of ``response``: ``∫ |curve - lam|`` between them."""
    low, high, lost = min(z, response), max(z, response), 0.0
    for k in range(start, end - 1):
        left, right = min(max(low, q[k]), q[k + 1]), min(max(high, q[k]), q[k + 1])
        width = right - left
        if width > 0:
            at_left = at_right = p[k]
            if p[k] != p[k + 1]:
                fall = (p[k + 1] - p[k]) / (q[k + 1] - q[k])
                at_left += fall * (left - q[k])
                at_right += fall * (right - q[k])
            lost += width * (abs(at_left - lam) + abs(at_right - lam)) / 2
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
def _scaled_deviation(at: float, to: float, per_unit: float) -> float:
    """Compute a deviation in units, whose inverse is given; 0/0 is 0."""
    return 0.0 if at == to else (at - to) * per_unit


@compiled
def _curve_distance(
    q: Floats, p: Floats, start: int, end: int, z: float, lam: float, per_Z: float, per_Lambda: float
) -> float:
    """Compute the least τ for which a point of the curve is within ``τ·Z`` of ``z`` and ``τ·Lambda`` of ``lam``.

    In the scaled plane a falling curve meets the growing square around the point first in one of the two corners where
    both deviations are equal, so τ is the deviation where the curve crosses that diagonal.
    """
    u = v = g = 0.0
    for k in range(start, end):
        u0, v0, g0 = u, v, g
        u, v = _scaled_deviation(q[k], z, per_Z), _scaled_deviation(p[k], lam, per_Lambda)
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
def _distance_in_price(q: Floats, p: Floats, start: int, end: int, z: float, lam: float, Lambda: float) -> float:
    """Compute the distance of ``lam`` from the prices of a curve at the rate ``z``, its ends continued vertically."""
    # The price at z lies between those of the points around it; with points at z itself, between these.
    first, last = start, end - 1
    while first < end and q[first] < z:
        first += 1
    while last >= start and q[last] > z:
        last -= 1
    if first > last:
        share = (z - q[last]) / (q[first] - q[last])
        high = low = p[last] if np.isinf(q[first] - q[last]) else p[last] + share * (p[first] - p[last])
    else:
        high = np.inf if first == start else p[first]
        low = -np.inf if last == end - 1 else p[last]
    clamped = min(max(lam, low), high)
    return 0.0 if lam == clamped else abs(lam - clamped) / Lambda


@compiled
def respond(
    offsets: Ints,
    q: Floats,
    p: Floats,
    demands: Ints,
    z: Floats,
    Z: Floats,
    lam: Floats,
    Lambda: Floats,
    tol: float,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Compare every demand's rate with its best response to its price.

    Parameters
    ----------
    offsets : (n_demands + 1,)
        Demand ``d`` of the auction owns the points ``offsets[d]:offsets[d + 1]``.
    q : (n_points,) [quantity / time]
    p : (n_points,) [money / quantity]
    demands : (D,)
        Those of the auction that are measured; what follows is theirs.
    z, Z : (D,) [quantity / time]
        Rates, and the sizes they are measured in.
    lam, Lambda : (D,) [money / quantity]
        Prices, and the sizes they are measured in.
    tol : float

    Returns
    -------
    domain, fit : (D,)
    lost, turnover, value : (D,) [money / time]
        What the best response would gain, the money that changes hands, and the utility of the rate.
    """
    D = len(demands)
    domain, fit = np.zeros(D), np.zeros(D)
    lost, turnover, value = np.zeros(D), np.empty(D), np.empty(D)
    for d in range(D):
        start, end = offsets[demands[d]], offsets[demands[d] + 1]
        first, last = q[start], q[end - 1]
        if np.isnan(z[d]) or np.isnan(lam[d]):
            domain[d] = fit[d] = lost[d] = turnover[d] = value[d] = np.nan
            continue
        if end - start == 2 and first < z[d] < last < np.inf and first > -np.inf and p[start + 1] < p[start]:
            # Most rates stand inside a line: three divisions instead of a dozen.
            fall = (p[start] - p[start + 1]) / (last - first)
            above = p[start] - fall * (z[d] - first) - lam[d]
            step = above / fall
            near = abs(above) / (Lambda[d] + fall * Z[d])
            if (
                first <= z[d] + step <= last
                and abs(step) <= Z[d]
                and first <= z[d] - near * Z[d]
                and (z[d] + near * Z[d] <= last)
            ):
                lost[d], fit[d] = abs(above * step) / 2, near
                value[d] = z[d] * (p[start] - fall * (z[d] / 2 - first))
                turnover[d] = abs(lam[d]) * (abs(z[d]) + abs(z[d] + step)) + abs(value[d])
                continue
        full, empty = z[d] == last and p[end - 1] >= lam[d], z[d] == first and p[start] <= lam[d]
        if (full or empty) and first > -np.inf and last < np.inf:
            # Most others stand at an end and would go on, so that nothing is missed.
            value[d] = 0.0 if z[d] == 0.0 else _utility(q, p, start, end, z[d])
            turnover[d] = 2.0 * abs(lam[d] * z[d]) + abs(value[d])
            continue
        clamped = min(max(z[d], first), last)
        domain[d] = 0.0 if z[d] == clamped else abs(z[d] - clamped) / Z[d]
        tie = tol * Lambda[d]
        response = _best_response(q, p, start, end, clamped, lam[d], tie)
        value[d] = _utility(q, p, start, end, clamped)
        # Nobody trades more than Z: a response that is further away counts as far as that.
        near = min(max(response, clamped - Z[d]), clamped + Z[d])
        turnover[d] = abs(lam[d]) * (abs(clamped) + abs(near)) + abs(value[d])
        # A rate that is its own best response lies on the curve; at an unlimited end it may be near it only.
        if response != z[d] or np.isinf(first) or np.isinf(last):
            lost[d] = np.inf if np.isinf(response) else _forgone_surplus(q, p, start, end, clamped, near, lam[d])
            if Z[d] > 0:
                fit[d] = _curve_distance(q, p, start, end, z[d], lam[d], 1.0 / Z[d], 1.0 / Lambda[d])
            else:
                fit[d] = _distance_in_price(q, p, start, end, z[d], lam[d], Lambda[d])
    return domain, fit, lost, turnover, value
