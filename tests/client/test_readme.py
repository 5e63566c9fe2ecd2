"""The examples in the client's README run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import fts
from fts.client import Client
from fts.server import local

README = Path(fts.__file__).parent / "client" / "README.md"
HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}


class Enough(Exception):
    """The example would go on for ever."""


def test_they_run() -> None:
    first, many = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    printed: list[Any] = []

    def show(value: Any) -> None:
        printed.append(value)
        if len(printed) == 2:
            raise Enough

    with local(schedule="100ms") as url, Client(url, url.token(admin=True)) as operator:
        product = operator.create_product(HOUR)["id"]
        names: dict[str, Any] = {"token": url.token(), "product_id": product, "print": show}
        with pytest.raises(Enough):
            exec(first.replace("http://127.0.0.1:8080", url), names)
        (price,) = printed[-1]
        # A load alone: nobody sells to it.
        assert price["product"] == product and price["rate"] == 0

        with Client(url, names["token"]) as client:
            curves = {"one": [(0, 60), (100, 20)], "two": fts.Constant(5, -80, 0)}
            exec(many, {"client": client, "curves": curves})
            active = [record["app_data"]["name"] for record in client.demands()]
            assert active == ["load", "two"]
