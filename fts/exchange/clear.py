"""One batch: the auction of an instant, cleared by some rule, and what came of it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from fts.errors import FtsError, NotSolved, UnboundedAuction
from fts.exchange.other_rule import require_outcome_of
from fts.models.auction import Auction
from fts.models.outcome import Outcome
from fts.models.records import BatchRecord
from fts.ports.engine import Clearing


def clear(
    auction: Auction, clearing: Clearing, *, instant: datetime, solved_at: datetime
) -> tuple[BatchRecord, Outcome | None, Exception | None]:
    """Clear an auction and say how it went.

    Returns
    -------
    BatchRecord
    Outcome or None
        None where there is none to store; the record has the reason.
    Exception or None
        Where not the market but the rule of clearing is at fault: a library that is missing, a defect.
    """
    record = BatchRecord(
        instant=instant,
        solved_at=solved_at,
        thru=None,
        status="not solved",
        reason=None,
        solver="",
        certificate=None,
        seconds=0.0,
        products=len(auction.product_ids),
        demands=len(auction.demand_ids),
        portfolios=len(auction.portfolio_ids),
    )
    start = time.perf_counter()
    try:
        outcome = clearing(auction)
        require_outcome_of(auction, outcome)
    except (NotSolved, UnboundedAuction) as error:
        record = replace(record, reason=str(error), seconds=time.perf_counter() - start)
        reached = error.outcome if isinstance(error, NotSolved) else None
        if isinstance(reached, Outcome):
            record = replace(record, certificate=reached.certificate, solver=reached.solver)
        return record, None, None
    except Exception as error:
        reason = str(error) if isinstance(error, FtsError) else f"{type(error).__name__}: {error}"
        return replace(record, reason=reason, seconds=time.perf_counter() - start), None, error
    record = replace(
        record,
        status=outcome.certificate.status,
        solver=outcome.solver,
        certificate=outcome.certificate,
        seconds=time.perf_counter() - start,
    )
    if not record.cleared:
        return replace(record, reason="the answer did not meet its tolerance"), None, None
    return record, outcome, None
