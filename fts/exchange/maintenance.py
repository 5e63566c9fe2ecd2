"""Maintenance of a market's file: counts of its contents, backups, and exports for other programs."""

from __future__ import annotations

import os

from fts.exchange.context import MarketContext


class Maintenance:
    """Maintenance of the file of a market by its operator.

    Parameters
    ----------
    context : MarketContext
    """

    def __init__(self, context: MarketContext) -> None:
        self._context = context

    @property
    def folder(self) -> str | None:
        """Folder of the market's file; None if the market is in memory."""
        return self._context.store.folder

    def warm_cache(self) -> None:
        """Read what bids refer to into memory, so that the first change of a bid need not wait for it."""
        self._context.store.warm_cache()

    def counts(self) -> dict[str, int]:
        """Count everything that was ever stored: products, demands, portfolios, curves, weights."""
        return self._context.read.counts()

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the market as it is now, with its whole history, while it goes on.

        The copy is a market file like any other: ``fts.Market(path)`` opens it. A market in memory can be
        kept so, too.

        Parameters
        ----------
        path : path
            Where the copy goes; nothing may be there.

        Raises
        ------
        StoreError
            Something is there, or the copy could not be written; then nothing is left there.
        """
        self._context.store.backup(path)

    def export(self, folder: str | os.PathLike[str]) -> None:
        """Write the whole market as it is now as Parquet, each table in folders by day, for any engine to read.

        Rows of ``product``, ``demand`` and ``portfolio`` are in the day (UTC) they were made, of ``batch`` in that
        of its instant, all others in that of their ``valid_from``: ``curve/day=2027-06-01/….parquet``. Ids and
        ``app_data`` are texts, instants are UTC.

        Parameters
        ----------
        folder : path
            Is made; nothing may be there.

        Raises
        ------
        StoreError
            Something is there, or it could not be written; then nothing is left there.

        Examples
        --------
        >>> import tempfile
        >>> import pyarrow.dataset
        >>> from fts import Market
        >>> with Market() as market, tempfile.TemporaryDirectory() as home:
        ...     product = market.create_product(
        ...         {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
        ...     )
        ...     market.export(f"{home}/market")
        ...     rows = pyarrow.dataset.dataset(f"{home}/market/product", partitioning="hive").to_table()
        ...     rows["id"].to_pylist() == [product.id]
        True
        """
        self._context.store.export(folder)
