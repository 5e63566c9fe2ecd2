"""Copies of a market, and the whole of it as Parquet."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import duckdb
import polars as pl
import pyarrow.dataset
import pytest

from fts.errors import SchemaMismatch, StoreBusy, StoreError
from fts.exchange import ForwardTerms, Market
from fts.models.curve import Constant
from fts.store import DuckStore
from fts.store.backup import copy_file
from fts.store.export import PARTITION_COLUMNS

HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
BIDDER = UUID(int=7)


class Days:
    """A clock that goes on by six hours each time it is asked."""

    def __init__(self) -> None:
        self.time = datetime(2027, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(hours=6)
        return self.time


def trade(market: Market, days: int = 3) -> None:
    """A load and a wind farm that meet, and change their minds."""
    product = market.create_product(HOUR)
    load = market.create_demand({"name": "load"}, [(0, 60), (100, 20)], bidder=BIDDER)
    market.create_portfolio({"name": "load"}, load.id, product.id, bidder=BIDDER)
    wind = market.create_demand({"name": "wind"}, Constant(5, -80, 0), bidder=uuid4())
    market.create_portfolio({"name": "wind"}, wind.id, product.id, bidder=wind.bidder_id)
    for k in range(days):
        market.change_demand(load.id, [(0, 60 + k), (100, 20)])
        market.run_batch()


def tables(path: Path) -> dict[str, list[Any]]:
    """Every row of every table, whatever its order."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: sorted(map(repr, connection.execute(f"FROM {name}").fetchall())) for name in names}


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Market(tmp_path / "it's-a market.db", application=ForwardTerms(now=Days(), seed=1)) as market:
        trade(market)
        yield market


def test_a_copy_is_the_market(market: Market, tmp_path: Path) -> None:
    copy = tmp_path / 'a "copy" of it\'s.duckdb'
    market.backup(copy)
    told = market.auction().to_frames(), [batch.to_json() for batch in market.batches().results]
    market.close()
    assert tables(copy) == tables(tmp_path / "it's-a market.db") and stat.S_IMODE(copy.stat().st_mode) == 0o600
    with Market(copy) as again:
        assert [batch.to_json() for batch in again.batches().results] == told[1]
        frames = again.auction().to_frames()
        assert all(frames[name].equals(told[0][name]) for name in frames)
        # It goes on as a market of its own, with its indexes and views.
        again.run_batch()
        assert len(again.batches().results) == len(told[1]) + 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([copy.name, "it's-a market.db"])


def test_a_market_in_memory_can_be_kept(tmp_path: Path) -> None:
    with Market() as market:
        trade(market)
        market.backup(tmp_path / "kept.duckdb")
        counts = market.counts()
    with Market(tmp_path / "kept.duckdb") as kept:
        assert kept.counts() == counts == {"products": 1, "demands": 2, "portfolios": 2, "curves": 5, "weights": 4}


def test_a_copy_of_a_live_market_is_of_one_moment(tmp_path: Path) -> None:
    with Market(tmp_path / "market.db") as market:
        product = market.create_product(HOUR)
        done = threading.Event()

        def bid() -> None:
            while not done.is_set():
                demand = market.create_demand({"name": "x"}, [(0, 1)], bidder=BIDDER)
                market.create_portfolio({"name": "x"}, demand.id, product.id, bidder=BIDDER)

        bidders = [threading.Thread(target=bid) for _ in range(3)]
        for thread in bidders:
            thread.start()
        while market.counts()["portfolios"] < 20:
            pass
        spans = []
        for k in range(5):
            before = market.counts()
            market.backup(tmp_path / f"{k}.db")
            spans.append((before, market.counts()))
        done.set()
        for thread in bidders:
            thread.join()
    for k, (before, after) in enumerate(spans):
        with Market(tmp_path / f"{k}.db") as copy:
            counts = copy.counts()
            for thing in counts:
                assert before[thing] <= counts[thing] <= after[thing]
            # Each change is whole: a demand has its curve, a portfolio its two weights.
            assert counts["curves"] == counts["demands"] and counts["weights"] == 2 * counts["portfolios"]
            assert len(copy.auction().portfolio_ids) == counts["portfolios"]


def test_nothing_is_overwritten_and_nothing_half_done_is_left(market: Market, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    for target in (taken, link, tmp_path):
        for write in (market.backup, market.export):
            with pytest.raises(StoreError, match="is there already"):
                write(target)
    for write in (market.backup, market.export):
        with pytest.raises(StoreError, match="folder of .* is not there"):
            write(tmp_path / "no" / "folder")
    assert taken.read_text() == "mine"
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"it's-a market.db", "it's-a market.db.wal", "taken", "link"}
    market.close()
    for write in (market.backup, market.export):
        with pytest.raises(StoreError, match="closed"):
            write(tmp_path / "copy")


def test_a_file_that_nobody_has_open(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "it's-a market.db"
    with pytest.raises(StoreBusy):
        copy_file(path, tmp_path / "copy")
    market.close()
    before = path.read_bytes()
    copy_file(path, tmp_path / "copy")
    assert path.read_bytes() == before and tables(tmp_path / "copy") == tables(path)
    with duckdb.connect(str(tmp_path / "other")) as other:
        other.execute("CREATE TABLE t (x INTEGER)")
    with pytest.raises(SchemaMismatch, match="no market"):
        copy_file(tmp_path / "other", tmp_path / "copy2")
    with pytest.raises(StoreError, match="is not there"):
        copy_file(tmp_path / "nothing", tmp_path / "copy2")
    # And it can be opened again.
    DuckStore(path).open()


def test_the_export_has_every_table_and_every_row(market: Market, tmp_path: Path) -> None:
    folder = tmp_path / "it's all"
    market.export(folder)
    store = market._context.store
    assert isinstance(store, DuckStore)
    connection = store._connections.cursor()
    names = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert set(PARTITION_COLUMNS) == names == {path.name for path in folder.iterdir()}
    for name, day in PARTITION_COLUMNS.items():
        rows = connection.table(name).to_arrow_table()
        read = pyarrow.dataset.dataset(folder / name, partitioning="hive").to_table()
        same = pl.read_parquet(folder / name, hive_partitioning=True)
        assert read.num_rows == len(same) == rows.num_rows
        assert read.column_names == same.columns == rows.column_names + (["day"] if day else [])
        if day and rows.num_rows:
            assert [str(instant.date()) for instant in same[day]] == [str(value) for value in same["day"]]
    days = {path.name for path in (folder / "batch").iterdir()}
    with store._cursor() as cursor:
        wanted = cursor.execute("SELECT DISTINCT instant::DATE FROM batch").fetchall()
    assert days == {f"day={day}" for (day,) in wanted} and len(days) > 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_another_engine_finds_the_same_positions(market: Market, tmp_path: Path) -> None:
    """Bought quantity of the bidder, from the files alone: Σ rate × weight × hours."""
    market.export(tmp_path / "out")
    read = {
        name: pl.read_parquet(tmp_path / "out" / name, hive_partitioning=True)
        for name in ("portfolio", "portfolio_outcome", "portfolio_product", "product_outcome", "batch")
    }
    mine = read["portfolio"].filter(pl.col("bidder") == str(BIDDER)).select(portfolio="id")
    end = market.now()
    held = (
        read["portfolio_outcome"]
        .join(mine, on="portfolio")
        .join(read["portfolio_product"].select("portfolio", "product", "weight"), on="portfolio")
        .with_columns(hours=(pl.col("valid_until").fill_null(end) - pl.col("valid_from")).dt.total_seconds() / 3600)
        .select(pl.col("product"), quantity=pl.col("rate") * pl.col("weight") * pl.col("hours"))
        .group_by("product")
        .sum()
    )
    (position,) = market.positions(BIDDER).itertuples()
    # The clock goes six hours on each time it is asked: once for `end`, once for the positions.
    rate = read["portfolio_outcome"].join(mine, on="portfolio").filter(pl.col("valid_until").is_null())["rate"][0]
    assert held["product"].to_list() == [position.Index]
    assert position.quantity == pytest.approx(held["quantity"][0] + 6 * rate, rel=1e-12)
