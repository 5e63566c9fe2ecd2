"""A program made ready: in its own units, shared demands separated, the elimination laid out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fts.models.columns import Floats
from fts.ports.engine import Answer, Program
from fts.solver.native.elimination import Elimination
from fts.solver.native.scaling import Scales, scaled, scales_of, segment_sizes
from fts.solver.native.substitution import Substitution, substitute


@dataclass(frozen=True)
class Prepared:
    """One program in the form in which it is solved.

    Attributes
    ----------
    program : Program
        In scaled units, after substitution: `B` and `W` are those of its columns.
    sizes : (K,)
        How much each segment may trade.
    elimination : Elimination
    scales : Scales
    substitution : Substitution
    rooms : (I,)
        How much each portfolio may trade, in scaled units.
    one_segment_each : bool
        Every demand has one segment, so that what is per segment is per demand.
    """

    program: Program
    sizes: Floats
    elimination: Elimination
    scales: Scales
    substitution: Substitution
    rooms: Floats
    one_segment_each: bool

    def answer(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats, status: str, steps: int) -> Answer:
        """A point of the scaled program in the units of the original one."""
        return Answer(
            x=self.substitution.rates(x) * self.scales.rate,
            y=y / self.scales.demand_price[self.program.segment_demand],
            prices=prices * self.scales.price,
            demand_prices=demand_prices * self.scales.demand_price,
            status=status,
            iterations=steps,
        )

    def point(self, answer: Answer) -> tuple[Floats, Floats, Floats, Floats]:
        """An answer as ``x, y, prices, demand_prices`` of the scaled program."""
        return (
            self.substitution.columns(answer.x / self.scales.rate),
            answer.y * self.scales.demand_price[self.program.segment_demand],
            answer.prices / self.scales.price,
            answer.demand_prices / self.scales.demand_price,
        )


def prepare(program: Program) -> Prepared:
    """Make a program ready to be solved."""
    scales = scales_of(program)
    in_units = scaled(program, scales)
    sizes = segment_sizes(in_units)
    substitution = substitute(in_units.B, in_units.W)
    columns = replace(in_units, B=substitution.B, W=substitution.W)
    room = _rooms(in_units, sizes)
    for_pivots = room.copy()
    offer = np.bincount(in_units.segment_demand, weights=sizes, minlength=in_units.W.shape[0])
    carried = offer[substitution.demand]
    for_pivots[substitution.pivot] = np.where(carried > 0, carried, 1.0)
    per_demand = np.bincount(in_units.segment_demand, minlength=in_units.W.shape[0])
    elimination = Elimination(columns.B, columns.W, for_pivots, per_demand == 0)
    return Prepared(columns, sizes, elimination, scales, substitution, room, bool((per_demand == 1).all()))


def _rooms(program: Program, sizes: Floats) -> Floats:
    """How much each portfolio may trade, (I,), by the tightest of its demands."""
    W = program.W
    offer = np.bincount(program.segment_demand, weights=sizes, minlength=W.shape[0])
    column = np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))
    room = np.full(W.shape[1], np.inf)
    np.minimum.at(room, column, offer[W.indices] / np.abs(W.data))
    known = np.isfinite(room) & (room > 0)
    if known.all():
        return room
    return np.where(known, room, np.median(room[known]) if known.any() else 1.0)
