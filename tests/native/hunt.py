"""Search for wrong and missing answers of the clearing engine.

    python tests/native/hunt.py FAMILY FIRST_SEED COUNT [--relations] [--write DIR]

FAMILY is a name of families.py, or `all`. One line for every failure, and the totals with their time. Exit status 1 if
anything failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from families import FAMILIES
from judge import is_near_dependent, is_unbounded, judge
from relations import broken

from fts.errors import NotSolved, UnboundedAuction


@dataclass(frozen=True)
class Failure:
    """What failed in one market: the kind, and the details."""

    kind: str
    details: str


def failures(family: str, seed: int, with_relations: bool = False) -> Iterator[Failure]:
    """Clear one market of a family and report what is wrong with the answer."""
    auction = FAMILIES[family](seed)
    try:
        outcome = auction.solve()
    except NotSolved as error:
        yield Failure("not solved", str(error))
        return
    except UnboundedAuction as error:
        if not is_unbounded(auction):
            yield Failure("said to be unbounded", str(error))
        return
    if outcome.certificate.status == "solved" and is_near_dependent(auction):
        if any(outcome.unique) or not any("float64" in warning for warning in outcome.warnings):
            yield Failure("solved without saying so", str(outcome.warnings))
        return
    if outcome.certificate.status != "exact":
        yield Failure(f"status {outcome.certificate.status}", str(outcome.certificate))
        return
    found = judge(auction, outcome)
    if found:
        yield Failure("judge", ", ".join(map(str, found)))
    if with_relations:
        for name, different in broken(auction, outcome, seed, FAMILIES[family](seed + 10**6)):
            yield Failure("relation", f"{name} {', '.join(map(str, different))}")


def hunt(family: str, first: int, count: int, with_relations: bool, folder: Path | None) -> Counter[str]:
    """Print what fails in a family; count the markets that fail, by kind."""
    started, total = perf_counter(), Counter[str]()
    for seed in range(first, first + count):
        kinds = set()
        for one in failures(family, seed, with_relations):
            kinds.add(one.kind)
            print(f"{family} {seed} {one.kind}: {one.details}", flush=True)
        total.update(kinds)
        total["failed"] += bool(kinds)
        if kinds and folder is not None:
            auction = FAMILIES[family](seed)
            (folder / f"{family}-{seed}.json").write_text(json.dumps(auction.to_json()), encoding="utf-8")
    kinds_text = ", ".join(f"{kind} {n}" for kind, n in sorted(total.items()) if kind != "failed")
    seconds = perf_counter() - started
    print(
        f"{family}: {total['failed']} of {count} markets failed ({kinds_text or 'none'}), {seconds:.1f} s", flush=True
    )
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=[*FAMILIES, "all"])
    parser.add_argument("first_seed", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--relations", action="store_true", help="also solve each market in other forms")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the markets that fail as auction files")
    options = parser.parse_args()
    if options.write is not None:
        options.write.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("error")
    names = list(FAMILIES) if options.family == "all" else [options.family]
    failed = 0
    for name in names:
        failed += hunt(name, options.first_seed, options.count, options.relations, options.write)["failed"]
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
