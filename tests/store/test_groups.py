"""Changes that wait together are committed together, and each is still its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fts.errors import FtsError, StoreError
from fts.exchange import Market
from fts.models.curve import Curve
from fts.store import DuckStore
from fts.store.order_book import BookLayer, load_order_book

DAY = {"kind": 0, "from": "2027-06-01T00:00:00Z", "thru": "2027-06-02T00:00:00Z"}


def together(store: DuckStore, changes: list[Callable[[Any], Any]]) -> list[Any]:
    """Make changes in one group, in this order; what each gave or raised."""
    writer = store._open_writer()
    results: list[Any] = [None] * len(changes)

    def make(k: int) -> None:
        try:
            results[k] = store.write(changes[k])
        except Exception as error:
            results[k] = error

    threads = []
    with writer._commit_lock:
        for k in range(len(changes)):
            threads.append(threading.Thread(target=make, args=(k,)))
            threads[-1].start()
            while writer.n_pending <= k:
                time.sleep(0.0005)
    for thread in threads:
        thread.join()
    return results


def histories(connection: duckdb.DuckDBPyConnection) -> None:
    """Intervals of every entity tile time: none is empty, none overlaps another."""
    for table, key in (
        ("curve", "demand"),
        ("portfolio_demand", "(portfolio, demand)"),
        ("portfolio_product", "(portfolio, product)"),
        ("product_expansion", "(ancestor, leaf)"),
    ):
        wrong = connection.execute(f"""
            SELECT * FROM (
                SELECT *, lead(valid_from) OVER (PARTITION BY {key} ORDER BY valid_from) AS next FROM {table}
            ) WHERE valid_until <= valid_from OR valid_until > next OR (valid_until IS NULL AND next IS NOT NULL)
        """).fetchall()
        assert wrong == []


def test_a_demand_changed_twice_in_a_group_keeps_both_curves() -> None:
    store = DuckStore()
    name, bidder = str(uuid4()), str(uuid4())

    def curve(price: float | None) -> Callable[[Any], Any]:
        def change(market):
            market.replace_curve(name, None if price is None else Curve([(0, price)]))
            return market.instant

        return change

    store.write(lambda market: market.add_demand(name, bidder, {}))
    first, second, third, fourth = together(store, [curve(1), curve(2), curve(None), curve(3)])
    assert first < second < third < fourth
    page = store.read.curve_history(name, None, None, 10)
    assert [(row.value.points[0][1], row.valid_from, row.valid_until) for row in page.results] == [
        (3.0, fourth, None),
        (2.0, second, third),
        (1.0, first, second),
    ]
    store.close()


def test_one_that_raises_takes_nobody_with_it() -> None:
    store = DuckStore()
    names = [str(uuid4()) for _ in range(4)]

    def add(k: int, fails: str = "") -> Callable[[Any], Any]:
        def change(market):
            market.add_demand(names[k], names[k], {})
            market.replace_curve(names[k], Curve([(0, k)]))
            if fails == "early":
                raise ValueError(names[k])
            if fails == "late":
                # This sends the rows of the whole group, so the group has to begin again.
                assert len(market.demands([names[k]])) == 1
                raise ValueError(names[k])
            return market.instant

        return change

    for fails in ("early", "late"):
        results = together(store, [add(0), add(1, fails), add(2)])
        assert [type(result) for result in results[::2]] == [type(results[0])] * 2 and results[0] < results[2]
        assert isinstance(results[1], ValueError)
        assert store.read.demand(names[1]) is None
        assert len(store.read.demands(names)) == 2
        names = [str(uuid4()) for _ in range(4)]
    store.close()


def test_a_group_that_cannot_be_committed_fails_for_all_who_were_in_it() -> None:
    store = DuckStore()
    name = str(uuid4())
    # The second breaks a rule of the table that nobody checked before.
    results = together(store, [lambda market: market.add_demand(name, name, {})] * 2)
    assert [type(result) for result in results] == [StoreError, StoreError]
    assert store.read.demand(name) is None
    store.write(lambda market: market.add_demand(name, name, {}))
    assert store.read.demand(name) is not None
    store.close()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_the_book_in_memory_is_what_the_file_says(seed: int, group: int) -> None:
    choose = random.Random(seed)
    with Market() as market:
        store = market._context.store
        assert isinstance(store, DuckStore)
        bidders = [UUID(int=k) for k in range(2)]
        products = [market.create_product({**DAY, "kind": str(k)}).id for k in range(3)]
        demands: list[str] = []
        portfolios: list[str] = []

        def curve() -> Any:
            return choose.choice([None, [(0, 5)], [(0, 60), (100, 20)], {"price": 3, "min_rate": -1}])

        def some(names: list[str]) -> dict[str, float]:
            return {name: choose.choice([1.0, -2.0]) for name in choose.sample(names, choose.randint(0, len(names)))}

        def act() -> None:
            bidder, what = choose.choice(bidders), choose.randint(0, 7)
            own = [name for name in demands if market.bids.bidder_of_demand(name) == str(bidder)]
            try:
                if what <= 1 or not demands or not portfolios:
                    demands.append(market.create_demand({"name": "d"}, curve(), bidder=bidder).id)
                    weights = some(own[:3])
                    portfolios.append(market.create_portfolio({"name": "p"}, weights, some(products), bidder=bidder).id)
                elif what <= 4:
                    market.change_demand(choose.choice(demands), curve())
                elif what <= 6:
                    market.change_portfolio(choose.choice(portfolios), some(own[:3]), some(products))
                else:
                    data = [{**DAY, "kind": str(choose.random())} for _ in range(2)]
                    made = market.split_product(choose.choice(products), [(data[0], 0.5), (data[1], 3.0)])
                    products.extend(record.id for record in made)
            except FtsError:
                assert what > 4, "only weights of others and a second split are refused here"

        for _ in range(8):
            threads = [threading.Thread(target=act) for _ in range(group)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        book = store._open_writer().book()
        written: BookLayer = load_order_book(store._connections.cursor())
        assert book.products == written.products
        assert book.portfolios == written.portfolios
        assert book.demands == written.demands
        assert {k: v for k, v in book.references.items() if v} == written.references
        histories(store._connections.cursor())
        for name in portfolios:
            assert market.portfolio(name) in market.portfolios(bidders) or not (
                market.portfolio(name).demand or market.portfolio(name).basis
            )


def test_an_interrupted_change_is_not_made() -> None:
    store = DuckStore()
    name = str(uuid4())
    writer = store._open_writer()

    def interrupted(market):
        market.add_demand(name, name, {})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write(interrupted)
    assert writer.n_pending == 0 and store.read.demand(name) is None
    store.write(lambda market: market.add_demand(name, name, {}))
    assert store.read.demand(name) is not None
    store.close()
