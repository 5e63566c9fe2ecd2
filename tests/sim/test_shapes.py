"""The sample's shapes hold the energy they should, and are the published ones."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from demandlib import bdew

from fts import bundled
from fts.sim.typical_hours import hour_counts, typical_hours

DATA = bundled.folder("data")


def test_every_profile_uses_one_gwh_in_its_year():
    shapes = pd.read_csv(DATA / "load_shapes.csv").set_index(["month", "day_type", "hour"])
    # The profiles were averaged on a calendar without clock changes.
    days = pd.date_range("2027-01-01", "2027-12-31")
    number = pd.Series(1, index=days).groupby([days.month, np.where(days.day_of_week >= 5, "weekend", "workday")]).sum()
    hours = [number[month, day_type] for month, day_type, _ in shapes.index]
    energy = shapes.mul(hours, axis=0).sum()  # kW · h
    assert energy.to_numpy() == pytest.approx(1e6, rel=1e-6)


# demandlib 0.2.2 calls pandas in a way that pandas 3.1 announces to drop.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_a_typical_hour_is_the_mean_of_the_published_quarters():
    # The profile of businesses has no daily factor: all working days of a month are alike.
    shapes = pd.read_csv(DATA / "load_shapes.csv").set_index(["month", "day_type", "hour"])
    year = bdew.G25(pd.date_range("2027-01-01", "2028-01-01", freq="15min", inclusive="left"))
    one_wednesday = year["2027-02-10 09:00":"2027-02-10 09:45"].mean() * 1e6 / (year.sum() / 4)
    assert shapes.loc[(2, "workday", 9), "g25"] == pytest.approx(one_wednesday, abs=1e-3)


def test_retailers_load_is_their_yearly_energy(zone):
    deliveries = typical_hours((2027, 1), 12, zone.clock)
    metal = next(agent for agent in zone.agents if agent.name == "Lausitz Metall")
    assert sum(metal.normal(d) for d in deliveries) == pytest.approx(1_600_000)  # MWh
    havel = next(agent for agent in zone.agents if agent.name == "Havel Stadtwerke")
    assert sum(havel.normal(d) for d in deliveries) == pytest.approx(2_500_000, rel=1e-4)  # two hours moved


def test_wind_is_the_formula_it_says(zone):
    wind = pd.read_csv(DATA / "wind_synthetic.csv").set_index(["month", "hour"])["share_of_capacity"]
    assert len(wind) == 288
    assert wind[1, 2] == pytest.approx(0.27 * 1.35 * 1.06, abs=5e-5)
    assert wind[7, 14] == pytest.approx(0.27 * 0.65 * 0.94, abs=5e-5)


def test_the_hours_of_a_month_count_once(zone):
    start, thru = datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 31, 23, tzinfo=UTC)
    assert sum(hour_counts(start, thru, zone.clock).values()) == 31 * 24
