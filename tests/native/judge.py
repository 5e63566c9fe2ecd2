"""An independent check of answers: nothing here comes from the solver.

The conditions of an optimum are computed in extended precision from the curves' own points. The choice among several
optimal answers is not computed again but proved: for each of its least-squares steps the multipliers of a minimum must
exist. That is a non-negative least-squares problem whose residual is 0 exactly at the minimum and grows in proportion
to the error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, nnls
from scipy.sparse import csgraph, csr_array

import fts

Array = NDArray[np.floating]
Long = np.longdouble

CLEARS = 1e-9
"""Largest share by which an answer may miss the conditions of an optimum."""
EPSILON = float(np.finfo(float).eps)
AT_REST = 1e-10
"""A rate within this share of a point's rate is at the point."""
TIED = 1e-9
"""A flat stretch is tied if its price differs from the demand's by at most this share of the dispersion of prices."""
CHOSEN = 1e-5
"""Largest residual of the conditions of a canonical step."""
LARGEST_PART = 600
"""Portfolios and demands of the largest part whose canonical steps are checked."""


@dataclass(frozen=True)
class Finding:
    """A condition that an answer misses, and by how much."""

    what: str
    figure: float

    def __str__(self) -> str:
        return f"{self.what} {self.figure:.2g}"


@dataclass(frozen=True)
class Part:
    """A connected part of an auction, with the answer to it.

    B is (P, I), W is (D, I); `curves[d]` holds the points (rate, price), (n, 2).
    """

    B: Array
    W: Array
    curves: list[Array]
    x: Array
    prices: Array
    demand_prices: Array
    reference: Array
    price_low: Array
    price_high: Array
    products: NDArray[np.intp]
    portfolios: NDArray[np.intp]


def parts_of(auction: fts.Auction, outcome: fts.Outcome | None = None, reference: Array | None = None) -> list[Part]:
    """The connected parts of an auction, without idle portfolios; NaN where no outcome is given."""
    nothing = np.full(len(auction.product_ids), np.nan)
    reference = nothing if reference is None else reference
    rates, prices, demand_prices = np.zeros(len(auction.portfolio_ids)), nothing, np.zeros(len(auction.demand_ids))
    price_low = price_high = nothing
    if outcome is not None:
        rates, prices, demand_prices = outcome.rates, outcome.prices, outcome.demand_prices
        price_low, price_high = outcome.price_low, outcome.price_high
    basis, weights = csr_array(auction.basis), csr_array(auction.weights)
    used = np.flatnonzero(~auction.idle)
    B, W = basis[:, used], weights[:, used]
    n_products, n_demands, n = B.shape[0], W.shape[0], len(used)
    rows, columns = [], []
    for matrix, start in ((B.tocoo(), 0), (W.tocoo(), n_products)):
        rows.append(matrix.coords[0] + start)
        columns.append(matrix.coords[1] + n_products + n_demands)
    row, column = np.concatenate(rows), np.concatenate(columns)
    links = csr_array((np.ones(len(row)), (row, column)), shape=(n_products + n_demands + n,) * 2)
    _, label = csgraph.connected_components(links, directed=False)
    parts = []
    for one in np.unique(label[n_products + n_demands :]):
        p = np.flatnonzero(label[:n_products] == one)
        d = np.flatnonzero(label[n_products : n_products + n_demands] == one)
        i = np.flatnonzero(label[n_products + n_demands :] == one)
        curves: list[Array] = []
        for k in d:
            span = slice(int(auction.point_offsets[k]), int(auction.point_offsets[k + 1]))
            curves.append(np.column_stack([auction.point_rates[span], auction.point_prices[span]]))
        parts.append(
            Part(
                B=B[p][:, i].toarray(),
                W=W[d][:, i].toarray(),
                curves=curves,
                x=rates[used[i]],
                prices=prices[p],
                demand_prices=demand_prices[d],
                reference=reference[p],
                price_low=price_low[p],
                price_high=price_high[p],
                products=p,
                portfolios=used[i],
            )
        )
    return parts


def judge(auction: fts.Auction, outcome: fts.Outcome, reference: dict[str, float] | None = None) -> list[Finding]:
    """What is wrong with an outcome; empty if nothing was found.

    Parameters
    ----------
    auction : Auction
    outcome : Outcome
    reference : mapping of product to price, optional
        As it was given to the solver.
    """
    names = auction.product_ids.to_pylist()
    given = np.array([(reference or {}).get(name, np.nan) for name in names])
    found: dict[str, float] = {}
    for part in parts_of(auction, outcome, given):
        findings = optimum(part)
        if not findings and sum(part.W.shape) <= LARGEST_PART:
            # Prices nearer than this share may be equal or not: an answer that is canonical either way is right.
            findings = list(canonical(part, TIED)) and list(canonical(part, 0.0))
        for one in findings:
            found[one.what] = max(one.figure, found.get(one.what, 0.0))
    return [Finding(what, figure) for what, figure in found.items()]


def is_unbounded(auction: fts.Auction) -> bool:
    """Whether some cycle of trades has a profit and no limit, by a linear program over all portfolios."""
    for part in parts_of(auction):
        B, W = part.B / np.linalg.norm(part.B, axis=0), part.W / np.linalg.norm(part.B, axis=0)
        low = [-np.inf if np.isinf(c[0, 0]) else 0.0 for c in part.curves]
        high = [np.inf if np.isinf(c[-1, 0]) else 0.0 for c in part.curves]
        price = np.array([c[0, 1] if np.isinf(c[[0, -1], 0]).any() else 0.0 for c in part.curves])
        gain = W.T @ price
        bounded_above, bounded_below = np.isfinite(high), np.isfinite(low)
        A = np.vstack([W[bounded_above], -W[bounded_below]])
        answer = linprog(
            -gain / max(1e-300, float(np.abs(gain).max(initial=0))),
            A_ub=A if len(A) else None,
            b_ub=np.zeros(len(A)) if len(A) else None,
            A_eq=B,
            b_eq=np.zeros(len(B)),
            bounds=(-1, 1),
        )
        if answer.status != 0 or -answer.fun > 1e-9:
            return True
    return False


def is_near_dependent(auction: fts.Auction) -> bool:
    """Whether the system of some part has a condition above 1e12, so that float64 may not hold the canonical answer."""
    for part in parts_of(auction):
        rows = part.B / np.linalg.norm(part.B, axis=0)
        values = np.linalg.svd(rows / np.linalg.norm(rows, axis=1)[:, None], compute_uv=False)
        values = values[values > len(rows) * EPSILON * values[0]]
        if values[0] > 1e6 * values[-1]:
            return True
    return False


# The conditions of an optimum -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sizes:
    """Rates and prices that errors are measured against; the letters are those of the solver's README."""

    Z: Array
    Lambda: Array
    rho: Array


@np.errstate(divide="ignore", invalid="ignore")
def optimum(part: Part) -> list[Finding]:
    """The conditions of an optimum that an answer misses, each relative to what is traded and priced."""
    B, W, x = part.B.astype(Long), part.W.astype(Long), part.x.astype(Long)
    pi, lam = part.prices.astype(Long), part.demand_prices.astype(Long)
    if not (np.isfinite(pi).all() and np.isfinite(lam).all() and np.isfinite(x).all()):
        return [Finding("a number is missing", np.inf)]
    sizes = sizes_of(part)
    traded = np.abs(B) @ np.abs(x)
    zeta = np.abs(W) @ np.abs(x)
    x_hat = np.where(W != 0, zeta[:, None] / np.abs(W), 0).max(axis=0)
    imbalance = _share(np.abs(B @ x), np.maximum(traded, 1e-6 * (np.abs(B) @ x_hat)))
    told = W.T @ lam
    consistency = _share(np.abs(B.T @ pi - told), sizes.rho + np.abs(W).T @ np.abs(lam))
    z = W @ x
    low, high = (np.array([c[k, 0] for c in part.curves]).astype(Long) for k in (0, -1))
    domain = _share(np.maximum(0, np.maximum(low - z, z - high)), sizes.Z)
    fit = np.array(
        [distance(c, z[d], lam[d], sizes.Z[d], sizes.Lambda[d]) for d, c in enumerate(part.curves)], dtype=float
    )
    figures = {"imbalance": imbalance, "domain": domain, "consistency": consistency, "fit": fit}
    return [
        Finding(name, float(values.max()))
        for name, values in figures.items()
        if len(values) and not float(values.max()) <= CLEARS
    ]


@np.errstate(divide="ignore", invalid="ignore")
def sizes_of(part: Part) -> Sizes:
    """How large each demand's rate and price are, and each portfolio's price."""
    B, W, x = np.abs(part.B).astype(Long), np.abs(part.W).astype(Long), np.abs(part.x).astype(Long)
    pi, lam = np.abs(part.prices).astype(Long), np.abs(part.demand_prices).astype(Long)
    zeta, traded, rho = W @ x, B @ x, B.T @ pi
    room = np.where(B > 0, traded[:, None] / B, np.inf).min(axis=0)
    Z, Lambda = np.empty(len(W), dtype=Long), np.empty(len(W), dtype=Long)
    level = np.array([np.abs(c[:, 1]).max() for c in part.curves])
    worth = np.maximum(rho, W.T @ level)
    pi_hat = np.array([_lower_median(worth[row > 0] / row[row > 0]) for row in B], dtype=Long)
    floor = 1e-6 * (B.T @ pi_hat)
    for d, curve in enumerate(part.curves):
        ends = np.abs(curve[[0, -1], 0])
        ends = ends[np.isfinite(ends)]
        i = W[d] > 0
        reach = (W[d, i] * room[i]).max()
        Z[d] = max(zeta[d], min(ends.max(), reach) if len(ends) else reach)
        Lambda[d] = max(lam[d], (np.maximum(rho, floor)[i] / W[d, i]).max())
    return Sizes(Z, Lambda, rho)


@np.errstate(divide="ignore", invalid="ignore")
def distance(curve: Array, z: Long, price: Long, Z: Long, Lambda: Long) -> float:
    """The least t such that a point of the curve is within `t Z` of the rate and `t Lambda` of the price."""
    points = curve.astype(Long)
    far = 2 * (abs(z) + Z + 1)
    points[:, 0] = np.clip(
        points[:, 0], -far if np.isinf(points[0, 0]) else None, far if np.isinf(points[-1, 0]) else None
    )
    first = [points[0, 0], max(points[0, 1], price)]
    last = [points[-1, 0], min(points[-1, 1], price)]
    points = np.vstack([first, points, last]).astype(Long)
    tiny = Long("1e-4000")
    u = (points[:, 0] - z) / max(Z, tiny)
    v = (points[:, 1] - price) / max(Lambda, tiny)
    du, dv = np.diff(u), np.diff(v)
    best = np.maximum(np.abs(u), np.abs(v)).min()
    # Along a side of the curve the larger of |u| and |v| is least at an end, or where they are equal.
    for t in ((v[:-1] - u[:-1]) / (du - dv), -(u[:-1] + v[:-1]) / (du + dv)):
        inside = (t > 0) & (t < 1)
        if inside.any():
            # The coordinate that changes less is the one that is known better.
            at = np.where(np.abs(dv) <= np.abs(du), np.abs(v[:-1] + t * dv), np.abs(u[:-1] + t * du))
            best = min(best, at[inside].min())
    return float(best)


def dispersion(part: Part, sizes: Sizes) -> Array:
    """How much prices of bids differ from the clearing price, (P,): the lower median over the curves' points."""
    result = np.empty(len(part.B))
    for p, row in enumerate(part.B):
        values = []
        for i in np.flatnonzero(row):
            for d in np.flatnonzero(part.W[:, i]):
                away = np.abs(part.curves[d][:, 1] - part.demand_prices[d])
                away = away[away > 1e-12 * float(sizes.Lambda[d])]
                values.append(away * abs(part.W[d, i] / row[i]))
        result[p] = _lower_median(np.concatenate(values))
        result[p] = max(result[p], 1e-12 * abs(part.prices[p]))
    return result


# The choice among optimal answers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a demand is on its curve.

    Attributes
    ----------
    open : (low, high, shift) or None
        The flat stretch that is tied with the demand's price; the fill is `rate - shift`.
    least, most : float
        The prices at which the curve keeps the demand's rate.
    """

    open: tuple[float, float, float] | None
    least: float
    most: float


def place(curve: Array, z: float, price: float, rest: float, tie: float) -> Place | Finding:
    """The place of a demand: rates within `rest` and prices within `tie` count as equal."""
    rates, prices = curve[:, 0], curve[:, 1]
    at = np.flatnonzero(np.abs(rates - z) <= rest)
    if len(at):
        most = np.inf if at[0] == 0 else prices[at[0]]
        least = -np.inf if at[-1] == len(curve) - 1 else prices[at[-1]]
    else:
        k = int(np.clip(np.searchsorted(rates, z) - 1, 0, len(curve) - 2))
        least = most = price
        if prices[k] == prices[k + 1]:
            least = most = prices[k]
            if abs(price - least) > tie:
                return Finding("price off a flat bid", abs(price - least) / tie * TIED)
    near = prices[max(at[0] - 1, 0) : at[-1] + 2] if len(at) else prices[k : k + 2]
    for one in np.unique(near):
        same = np.flatnonzero(prices == one)
        if abs(one - price) <= tie and rates[same[0]] < rates[same[-1]]:
            low, high = float(rates[same[0]]), float(rates[same[-1]])
            return Place((low, high, max(low, 0.0) + min(high, 0.0)), least, most)
    return Place(None, least, most)


def canonical(part: Part, tied: float) -> Iterator[Finding]:
    """The canonical steps that an answer misses, if prices within this share of their dispersion are equal."""
    B, W, x = part.B, part.W, part.x
    sizes, length = sizes_of(part), np.linalg.norm(part.B, axis=0)
    spread = dispersion(part, sizes)
    z = (W.astype(Long) @ x.astype(Long)).astype(float)
    ties, places = [], []
    for d, curve in enumerate(part.curves):
        i = np.flatnonzero(W[d])
        known = float((np.abs(B[:, i]).T @ spread / np.abs(W[d, i])).min())
        ties.append(tied * known + 8 * EPSILON * float(sizes.Lambda[d]))
        one = place(curve, z[d], part.demand_prices[d], AT_REST * float(sizes.Z[d]), ties[d])
        if isinstance(one, Finding):
            yield one
            return
        places.append(one)
    # Open demands: those whose fill costs something, with its derivative and the end it is at; those that cost nothing.
    limited, free = [], []
    for d, one in enumerate(places):
        if one.open is None:
            continue
        low, high = one.open[0] - one.open[2], one.open[1] - one.open[2]
        fill, rest = z[d] - one.open[2], AT_REST * float(sizes.Z[d])
        at_rest, size = abs(fill) <= rest, high if fill > 0 else -low
        value = float((length[W[d] != 0] / np.abs(W[d, W[d] != 0])).max())
        share = 0.0 if np.isinf(size) or at_rest else fill / size
        limited.append((d, share * value, _side(fill, low, high, rest)))
        if np.isinf(low) and np.isinf(high) or np.isinf(size) and not at_rest:
            free.append((d, 0))
        elif at_rest and (np.isinf(low) or np.isinf(high)):
            free.append((d, -1 if np.isinf(high) else 1))
    if limited:
        yield from _check("canonical fills", _fills(B, W, length, limited), CHOSEN)
    yield from _check("canonical rates", _rates(B, W, length, x, free), CHOSEN)
    yield from _prices(part, places, spread, ties)
    yield from _intervals(part, places, spread)


def _check(what: str, residual: float, allowed: float) -> Iterator[Finding]:
    if not residual <= allowed:
        yield Finding(what, residual)


def _side(value: float, low: float, high: float, rest: float) -> int:
    """-1 at the lower end, 1 at the upper end, 0 in between, 2 at both."""
    at_low, at_high = value <= low + rest, value >= high - rest
    return 2 if at_low and at_high else -1 if at_low else 1 if at_high else 0


def _fills(B: Array, W: Array, length: Array, limited: list[tuple[int, float, int]]) -> float:
    """The residual of step 1: multipliers μ of demands and ν of products with `W'μ + B'ν = 0`.

    μ is the derivative of the value of a fill in between; at the lower end it is at most that, at the upper at least.
    """
    inner = [(d, g) for d, g, side in limited if side == 0]
    tied = {d for d, _, side in limited if side != 2}
    rows = _bound_by(W, tied) / length
    target = np.zeros(W.shape[1])
    for d, g in inner:
        target -= W[d] * g
    free_demands = [d for d in range(len(W)) if d not in {k for k, _, _ in limited}]
    free_demands += [d for d, _, side in limited if side == 2]
    signed = [(d, g, side) for d, g, side in limited if abs(side) == 1]
    for d, g, _ in signed:
        target -= W[d] * g
    free = np.vstack([W[free_demands], B]).T
    columns = np.array([W[d] * side for d, _, side in signed]).reshape(len(signed), W.shape[1]).T
    return residual_of(free * rows[:, None], columns * rows[:, None], target * rows)


def _rates(B: Array, W: Array, length: Array, x: Array, free: list[tuple[int, int]]) -> float:
    """The residual of step 2, relative to the largest trade: `‖B_i‖² x_i + W'μ + B'ν = 0`."""
    largest = float(np.abs(length * x).max(initial=0))
    if largest == 0:
        return 0.0
    moving = {d for d, _ in free}
    rows = _bound_by(W, moving) / length
    fixed = np.vstack([W[[d for d in range(len(W)) if d not in moving]], B]).T
    # At rest a fill that costs nothing may only grow away from 0: its multiplier has one sign.
    signed = [(d, side) for d, side in free if side]
    columns = np.array([W[d] * side for d, side in signed]).reshape(len(signed), W.shape[1]).T
    return residual_of(fixed * rows[:, None], columns * rows[:, None], -(length**2) * x * rows / largest)


def _bound_by(W: Array, open_demands: set[int]) -> Array:
    """1 for portfolios whose condition says something, 0 where a demand of their own has a multiplier that is free."""
    result = np.ones(W.shape[1])
    for d in np.flatnonzero((W != 0).sum(axis=1) == 1):
        if d not in open_demands:
            result[W[d] != 0] = 0.0
    return result


def _prices(part: Part, places: list[Place], spread: Array, ties: list[float]) -> Iterator[Finding]:
    B, W, pi, lam = part.B, part.W, part.prices, part.demand_prices
    low, high, _ = _quotes(part, places)
    with np.errstate(invalid="ignore"):
        middle = np.where(np.isinf(low), high, np.where(np.isinf(high), low, low / 2 + high / 2))
    reference = np.where(np.isnan(part.reference), middle, part.reference)
    side = np.empty(len(places), dtype=int)
    for d, one in enumerate(places):
        beyond = max(one.least - lam[d], lam[d] - one.most)
        if beyond > ties[d]:
            yield Finding("price beyond its curve", float(beyond / ties[d]) * TIED)
            return
        interior = one.open is not None and one.least == one.most
        side[d] = 2 if interior else _side(lam[d], one.least, one.most, ties[d])
    known = np.isfinite(reference)
    first = np.where(known, pi - np.where(known, reference, 0), 0.0)
    spread = spread + 8 * EPSILON * np.abs(pi) / CHOSEN
    yield from _nearest("canonical prices", B, W, side, first, np.zeros(len(B), dtype=bool), spread)
    if not known.all():
        yield from _nearest("canonical prices without reference", B, W, side, np.where(known, 0.0, pi), known, spread)


def _nearest(
    what: str, B: Array, W: Array, side: NDArray[np.intp], away: Array, ignored: NDArray[np.bool_], spread: Array
) -> Iterator[Finding]:
    """Step 3: a trade ξ with `Bξ = -away` that leaves demands in between, and moves others only one way."""
    largest, least_spread = float(np.abs(away).max(initial=0)), float(spread.min())
    if largest <= CHOSEN * least_spread:
        return
    users = (W != 0).sum(axis=1)
    lower, upper = np.full(W.shape[1], -np.inf), np.full(W.shape[1], np.inf)
    shared = []
    for d in range(len(W)):
        if users[d] > 1:
            shared.append(d)
            continue
        i = int(np.flatnonzero(W[d])[0])
        # At the least price the price can only rise: (Wξ)_d ≤ 0; at the most price (Wξ)_d ≥ 0.
        sign = side[d] if W[d, i] > 0 or abs(side[d]) != 1 else -side[d]
        if sign in (0, -1):
            upper[i] = 0.0
        if sign in (0, 1):
            lower[i] = 0.0
    rows = np.vstack([B[~ignored], W[shared]])
    unit = np.abs(rows).max(axis=1, initial=0)
    unit[: (~ignored).sum()] = 1.0
    rows = rows / unit[:, None]
    target = np.append(-away[~ignored] / largest, np.zeros(len(shared)))
    free = rows[:, np.isinf(lower) & np.isinf(upper)]
    signed = [rows[:, (lower == 0) & np.isinf(upper)], -rows[:, np.isinf(lower) & (upper == 0)]]
    extra = np.zeros((len(rows), len(shared)))
    for k, d in enumerate(shared):
        row = (~ignored).sum() + k
        if side[d] == 2:
            free = np.column_stack([free, np.eye(len(rows))[:, row]])
        elif side[d]:
            extra[row, k] = -side[d]
    signed.append(extra[:, np.any(extra != 0, axis=0)])
    residual, condition = least_residual(_unit_columns(free), _unit_columns(np.column_stack(signed)), target)
    # Rounding the prices to float64 moves the nearest ones by this share.
    rounding = 8 * EPSILON * condition
    yield from _check(what, residual, 1e-9 + rounding + CHOSEN * min(1.0, least_spread / largest))


def _intervals(part: Part, places: list[Place], spread: Array) -> Iterator[Finding]:
    """The intervals of prices that the outcome states, where bids for one product alone decide them."""
    low, high, alone = _quotes(part, places)
    unit = np.maximum(spread + 8 * EPSILON * np.abs(part.prices) / TIED, np.finfo(float).tiny)
    for stated, right in ((part.price_low[alone], low[alone]), (part.price_high[alone], high[alone])):
        other = stated != right
        away = np.abs(stated[other] - right[other]) / unit[alone][other]
        yield from _check("interval of prices", float(away.max(initial=0.0)), TIED)
    outside = np.maximum(part.price_low - part.prices, part.prices - part.price_high)
    yield from _check("price outside its interval", float((np.nan_to_num(outside) / unit).max()), TIED)


def _quotes(part: Part, places: list[Place]) -> tuple[Array, Array, NDArray[np.bool_]]:
    """The interval that bids for each product alone leave its price, (P,), and where there are no other bids."""
    users = (part.W != 0).sum(axis=1)
    low, high = np.full(len(part.B), -np.inf), np.full(len(part.B), np.inf)
    alone = np.ones(len(part.B), dtype=bool)
    for i in range(part.B.shape[1]):
        products, demands = np.flatnonzero(part.B[:, i]), np.flatnonzero(part.W[:, i])
        if len(products) > 1 or len(demands) > 1 or users[demands[0]] > 1:
            alone[products] = False
            continue
        p, d = products[0], demands[0]
        ends = sorted(v * part.W[d, i] / part.B[p, i] for v in (places[d].least, places[d].most))
        low[p], high[p] = max(low[p], ends[0]), min(high[p], ends[1])
    return low, high, alone


# Least squares --------------------------------------------------------------------------------------------------------


def residual_of(free: Array, signed: Array, target: Array) -> float:
    """The least largest-entry norm found of `free·u + signed·v - target` with v ≥ 0, by least squares."""
    return least_residual(free, signed, target)[0]


def least_residual(free: Array, signed: Array, target: Array) -> tuple[float, float]:
    """The same residual, and the condition of the columns that it was found with."""
    said = np.any(free != 0, axis=1) | np.any(signed != 0, axis=1) | (target != 0)
    free, signed, target = free[said], signed[said], target[said]
    free = free[:, np.any(free != 0, axis=0)]
    rank_of = np.zeros((len(target), 0))
    if free.size:
        U, s, _ = np.linalg.svd(free, full_matrices=False)
        rank_of = U[:, s > 1e-11 * s[0]]
    rest = target - rank_of @ (rank_of.T @ target)
    rest -= rank_of @ (rank_of.T @ rest)
    used = np.zeros(signed.shape[1], dtype=bool)
    if signed.size:
        A = signed - rank_of @ (rank_of.T @ signed)
        v, _ = nnls(A, rest, maxiter=50 * A.shape[1] + 100)
        rest, used = rest - A @ v, v > 0
    columns = np.column_stack([free, signed[:, used]])
    refined = _refined(columns, target, int(used.sum()))
    return min(float(np.abs(rest).max(initial=0)), refined), _condition(columns)


def _refined(matrix: Array, target: Array, n_signed: int) -> float:
    """The residual on some columns in extended precision; infinite if one of the last is used with the wrong sign."""
    A, b = matrix.astype(Long), target.astype(Long)
    factor = np.zeros(A.shape[1], dtype=Long)
    for _ in range(5):
        rest = b - A @ factor
        factor = factor + np.linalg.lstsq(matrix, rest.astype(float), rcond=1e-14)[0]
    if (factor[A.shape[1] - n_signed :] < 0).any():
        return np.inf
    return float(np.abs(b - A @ factor).max(initial=0))


def _condition(matrix: Array) -> float:
    """The largest singular value over the least one that is not rounding; 1 for a matrix without entries."""
    values = np.linalg.svd(matrix, compute_uv=False) if matrix.size else np.ones(1)
    return float(values[0] / values[values > 1e-11 * values[0]].min()) if values[0] > 0 else 1.0


def _unit_columns(matrix: Array) -> Array:
    size = np.linalg.norm(matrix, axis=0)
    return matrix[:, size > 0] / size[size > 0]


def _share(part: NDArray[np.longdouble], whole: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
    return np.where(part == 0, Long(0), part / whole)


def _lower_median(values: NDArray) -> float:
    positive = np.sort(values[(values > 0) & np.isfinite(values)])
    return float(positive[(len(positive) - 1) // 2]) if len(positive) else 0.0
