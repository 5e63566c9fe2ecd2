"""A program made ready: in its own units, shared demands separated, the elimination laid out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fts.models.columns import Flags, Floats, floats
from fts.ports.engine import Answer, Program
from fts.solver.compiled import Index, compiled, unsigned, unsigned_entries
from fts.solver.native.elimination import Elimination
from fts.solver.native.equilibration import Scales, scaled, scales_in, scales_of, segment_sizes
from fts.solver.native.order import Order, at_positions, order_of, ordered
from fts.solver.native.presolve_rows import ProportionalRows, merge_proportional
from fts.solver.native.substitution import Substitution, substitute


@dataclass(frozen=True)
class PresolvedProgram:
    """One program in the form in which it is solved.

    Attributes
    ----------
    program : Program
        In scaled units and in its own order, after merging and substitution: `B` and `W` are those of its columns.
    sizes : (K,)
        How much each segment may trade.
    elimination : Elimination
    merging : Merging
    scales : Scales
        Prices are those of merged products.
    substitution : Substitution
    rooms : (I,)
        How much each portfolio may trade, in scaled units, in the order of the original program.
    first_segment : (D + 1,)
        Demand ``d`` has the segments ``first_segment[d]:first_segment[d + 1]``.
    lo, hi : (K,)
        Bounds in the units and the order of the original program.
    order : Order or None
        Of `program`, against that of the original one.
    source : Program
        The original one.
    """

    program: Program
    sizes: Floats
    elimination: Elimination
    merging: ProportionalRows
    scales: Scales
    substitution: Substitution
    rooms: Floats
    first_segment: Index
    lo: Floats
    hi: Floats
    order: Order | None
    source: Program

    @property
    def typical_prices(self) -> Floats:
        """A typical price of each product, (P,) [money / quantity]."""
        return np.abs(self.merging.split(self.scales.price))

    def answer(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats, status: str, steps: int) -> Answer:
        """Return a point of the scaled program in the units of the original one; who is at a bound stays there."""
        full, empty = y >= self.program.hi, y <= self.program.lo
        fills = y / self._unit
        if self.order is not None:
            x, demand_prices = at_positions(x, self.order.portfolio), at_positions(demand_prices, self.order.demand)
            fills, full, empty = (at_positions(one, self.order.segment) for one in (fills, full, empty))
        fills = np.where(full, self.hi, fills)
        return Answer(
            x=self.substitution.rates(x) * self.scales.rate,
            y=np.where(empty, self.lo, fills),
            prices=self.merging.split(prices * self.scales.price),
            demand_prices=demand_prices * self.scales.demand_price,
            status=status,
            iterations=steps,
        )

    def point(self, answer: Answer) -> tuple[Floats, Floats, Floats, Floats]:
        """Return an answer as ``x, y, prices, demand_prices`` of the scaled program."""
        x = self.substitution.columns(answer.x / self.scales.rate)
        y, demand_prices = answer.y, answer.demand_prices / self.scales.demand_price
        if self.order is not None:
            x, demand_prices = x[self.order.portfolio], demand_prices[self.order.demand]
            y = y[self.order.segment]
        return x, y * self._unit, self.merging.joined(answer.prices) / self.scales.price, demand_prices

    def flags(self, segments: Flags) -> Flags:
        """Return flags of segments, (K,), in the order of the scaled program."""
        return segments if self.order is None else segments[self.order.segment]

    def repriced(self, program: Program) -> PresolvedProgram | None:
        """Make the same program at other prices ready; None where more than prices differs."""
        p, source = program, self.source
        same = p.B is source.B and p.W is source.W and len(p.c) == len(source.c)
        for one, other in (
            (p.segment_demand, source.segment_demand),
            (p.lo, source.lo),
            (p.hi, source.hi),
            (p.s, source.s),
        ):
            same = same and (one is other or np.array_equal(one, other))
        # The price of an unlimited segment tells its size.
        if not same or not (np.isfinite(p.lo).all() and np.isfinite(p.hi).all()):
            return None
        c = (p.c if self.order is None else p.c[self.order.segment]) / self._unit
        cost = None if p.cost is None else self.substitution.costs(p.cost * self.scales.rate)
        if cost is not None and self.order is not None:
            cost = cost[self.order.portfolio]
        return replace(self, program=replace(self.program, c=c, cost=cost), source=program)

    @property
    def _unit(self) -> Floats:
        """The unit of each segment's quantity, in the order of the scaled program."""
        unit = self.scales.demand_price
        return (unit if self.order is None else unit[self.order.demand])[self.program.segment_demand]


def presolve(program: Program, units: Floats | None = None) -> PresolvedProgram:
    """Make a program ready to be solved.

    Parameters
    ----------
    program : Program
    units : (P,) [money / quantity], optional
        In which the prices of products are measured; None: those that the program's own prices tell.
    """
    source, merging = program, merge_proportional(program.B)
    program = replace(program, B=merging.B)
    scales = scales_of(program) if units is None else scales_in(program, merging.joined_units(units))
    in_units = scaled(program, scales)
    sizes = segment_sizes(in_units)
    substitution = substitute(in_units.B, in_units.W)
    cost = None if in_units.cost is None else substitution.costs(in_units.cost)
    columns = replace(in_units, B=substitution.B, W=substitution.W, cost=cost)
    room = _rooms(in_units, sizes)
    for_pivots = room.copy()
    offer = np.bincount(in_units.segment_demand, weights=sizes, minlength=in_units.W.shape[0])
    carried = offer[substitution.demand]
    for_pivots[substitution.pivot] = np.where(carried > 0, carried, 1.0)
    order = order_of(columns)
    if order is not None:
        columns, sizes, for_pivots = ordered(columns, order), sizes[order.segment], for_pivots[order.portfolio]
    per_demand = np.bincount(columns.segment_demand, minlength=columns.W.shape[0])
    elimination = Elimination(columns.B, columns.W, for_pivots, per_demand == 0)
    first = unsigned(np.append(0, np.cumsum(per_demand)))
    return PresolvedProgram(
        columns, sizes, elimination, merging, scales, substitution, room, first, program.lo, program.hi, order, source
    )


def _rooms(program: Program, sizes: Floats) -> Floats:
    """Largest rate of each portfolio, (I,), by the tightest of its demands."""
    W = program.W
    offer = floats(np.bincount(program.segment_demand, weights=sizes, minlength=W.shape[0]))
    room = _tightest(*unsigned_entries(W), offer)
    known = np.isfinite(room) & (room > 0)
    if known.all():
        return room
    return np.where(known, room, np.median(room[known]) if known.any() else 1.0)


@compiled
def _tightest(start: Index, demand: Index, weight: Floats, offer: Floats) -> Floats:
    """Compute the least ``offer_d / |W_di|`` of every portfolio's demands, (I,)."""
    room = np.full(len(start) - 1, np.inf)
    for i in range(len(room)):
        for e in range(start[i], start[i + 1]):
            room[i] = min(room[i], offer[demand[e]] / abs(weight[e]))
    return room
