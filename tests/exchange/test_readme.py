"""The guide beside the code runs as it is written."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

import fts
from fts.exchange import market
from fts.store import duck_store
from fts.store.reader import DuckReader


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = Path(fts.__file__).parent / "exchange" / "README.md"
    (code,) = re.findall(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    with fts.Market("market.db") as market:
        (product,) = market.prices().itertuples()
        assert (product.price, product.rate) == pytest.approx((28, 80))
        (load,) = market.demands(names["alice"])
        assert load.curve == fts.Curve([(0, 50), (100, 20)])


@pytest.mark.parametrize("module", [market, duck_store])
def test_the_examples_in_the_docstrings_run(module) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0


def test_the_views_it_names_are_there(tmp_path: Path) -> None:
    guide = (Path(fts.__file__).parent / "store" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    with fts.Market(tmp_path / "market.db") as market:
        reader = market._context.store.read
        assert isinstance(reader, DuckReader)
        cursor = reader._cursor
        for line in block.splitlines():
            query, _, comment = line.partition(";")
            found = [column for column, *_ in cursor.execute(query).description]
            promised = [re.split(r"[ \[]", name.strip())[0] for name in comment.strip(" -").split(";")[0].split(",")]
            if "at any instant" not in comment:
                assert found == promised
