from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fts import bundled
from fts.sim.typical_hours import by_month
from fts.sim.zone import read_zone

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def now():
    return NOW


@pytest.fixture(scope="session")
def zone():
    return read_zone(bundled.folder("data"))


@pytest.fixture(scope="session")
def months(zone):
    """A year of deliveries by month; a product's id is its month and kind."""
    return by_month(replace(d, product=f"{d.month} {d.kind}") for d in zone.deliveries(NOW, 12))
