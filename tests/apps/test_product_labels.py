"""How products are called on screen."""

from __future__ import annotations

import pandas as pd
import pytest

from apps.product_labels import delivery_label, product_frame


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        # Months and days of a clock that is ahead of UTC are still called by their name.
        ("2026-11-30T23:00Z", "2026-12-31T23:00Z", "Dec 2026"),
        ("2026-12-31T23:00Z", "2027-12-31T23:00Z", "2027"),
        ("2026-12-23T23:00Z", "2026-12-24T23:00Z", "24 Dec 2026"),
        ("2026-12-24T14:00Z", "2026-12-24T15:00Z", "24 Dec 2026 14:00"),
        ("2026-12-01T00:00Z", "2026-12-08T00:00Z", "01 Dec 2026 – 08 Dec 2026"),
    ],
)
def test_a_delivery_is_called_by_its_name(start: str, end: str, text: str) -> None:
    assert delivery_label(pd.Timestamp(start), pd.Timestamp(end)) == text


def test_products_come_in_order_of_delivery() -> None:
    january = {"kind": 0, "from": "2027-01-01T00:00Z", "thru": "2027-02-01T00:00Z"}
    december = {"kind": "peak", "from": "2026-12-01T00:00Z", "thru": "2027-01-01T00:00Z"}
    frame = product_frame([{"id": "b", "app_data": january}, {"id": "a", "app_data": december}])
    assert frame["label"].to_dict() == {"a": "peak, Dec 2026", "b": "forward, Jan 2027"}


def test_data_of_another_application_still_has_a_name() -> None:
    frame = product_frame([{"id": "a", "app_data": "a ton of steel"}, {"id": "b", "app_data": {"grade": 3}}])
    assert frame["label"].to_dict() == {"a": "a ton of steel", "b": "b"}
