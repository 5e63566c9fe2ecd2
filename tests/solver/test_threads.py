"""Small systems take one thread of the linear algebra, and leave it as it was."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
import scipy.linalg  # noqa: F401  (a BLAS of its own)
from threadpoolctl import ThreadpoolController

import fts
from fts.solver import clearing
from fts.solver.blas_threads import MAX_PRODUCTS_ON_ONE_THREAD, threads_for
from fts.solver.program import program_of, tradable_part

BLAS = ThreadpoolController().select(user_api="blas")


def counts() -> set[int]:
    return {library.num_threads for library in BLAS.lib_controllers}


@pytest.fixture
def two_threads():
    with BLAS.limit(limits=2):
        yield


def test_one_thread_for_few_products_and_as_before_afterwards(two_threads):
    before = counts()
    with threads_for(MAX_PRODUCTS_ON_ONE_THREAD):
        assert counts() == {1}
    assert counts() == before


def test_many_products_take_what_there_is(two_threads):
    before = counts()
    with threads_for(MAX_PRODUCTS_ON_ONE_THREAD + 1):
        assert counts() == before


def test_solves_side_by_side_leave_it_as_it_was_when_the_last_one_ends(two_threads):
    before, both_in, first_out, seen = counts(), Barrier(2), Barrier(2), []

    def first() -> None:
        with threads_for(1):
            both_in.wait(5)
        first_out.wait(5)

    def second() -> None:
        with threads_for(1):
            both_in.wait(5)
            first_out.wait(5)
            seen.append(counts())

    running = [Thread(target=work) for work in (first, second)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(10)
    assert seen == [{1}] and counts() == before


def test_an_error_leaves_it_as_it_was(two_threads):
    before = counts()
    with pytest.raises(ZeroDivisionError), threads_for(1):
        1 / 0  # noqa: B018
    assert counts() == before


def test_the_canonical_step_of_a_small_auction_runs_on_one_thread(two_threads, monkeypatch):
    seen, own = [], clearing.canonical_solution

    def watched(*given, **named):
        seen.append(counts())
        return own(*given, **named)

    monkeypatch.setattr(clearing, "canonical_solution", watched)
    before = counts()
    auction = fts.Auction(
        {"buy": fts.Constant(3, 0, 1), "sell": fts.Constant(1, -1, 0), "gas": fts.Constant(1, -1, 1)},
        {
            "b": fts.Portfolio("buy", {"power": 1, "gas": 1}),
            "s": fts.Portfolio("sell", "power"),
            "g": fts.Portfolio("gas", "gas"),
            "h": fts.Portfolio("gas", "power"),
        },
    )
    assert auction.solve("native").certificate.status == "exact"
    assert seen == [{1}] and counts() == before


def test_between_two_answers_of_a_part_it_is_as_it_was(two_threads):
    before = counts()
    auction = fts.Auction(
        {"buy": fts.Constant(3, 0, 1), "sell": fts.Constant(1, -1, 0)},
        {"b": fts.Portfolio("buy", "power"), "s": fts.Portfolio("sell", "power")},
    )
    answers = clearing.clearings(program_of(auction, tradable_part(auction)))
    assert next(answers).canonical and counts() == before
    assert list(answers) and counts() == before


def test_the_canonical_step_of_few_wide_portfolios_runs_on_one_thread(two_threads, monkeypatch):
    seen, own = [], clearing.canonical_solution

    def watched(*given, **named):
        seen.append(counts())
        return own(*given, **named)

    monkeypatch.setattr(clearing, "canonical_solution", watched)
    basis = {f"p{k:04d}": 1.0 for k in range(MAX_PRODUCTS_ON_ONE_THREAD + 1)}
    assert fts.Auction({"d": [(0, 10), (3, 5)]}, {"b": fts.Portfolio("d", basis)}).solve("native").prices is not None
    assert set(map(frozenset, seen)) == {frozenset({1})}
