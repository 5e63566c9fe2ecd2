"""Write ``load_shapes.csv`` and ``wind_synthetic.csv``: mean load and wind of every typical hour of a month.

Run ``python data/make_shapes.py`` where ``demandlib`` is installed; the two files it writes are kept in the
repository, so that nothing else needs demandlib.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from demandlib import bdew

YEAR = 2027  # typical days are means over the calendar of this year; public holidays count as their weekday
HERE = Path(__file__).parent


def load_shapes() -> pd.DataFrame:
    """Mean load of each profile by month, day type and local hour [kW per GWh a year]."""
    quarters = pd.date_range(f"{YEAR}-01-01", f"{YEAR + 1}-01-01", freq="15min", inclusive="left")
    profiles = {"h25": bdew.H25, "p25": bdew.P25, "g25": bdew.G25, "l25": bdew.L25}
    power = pd.DataFrame({name: profile(quarters) for name, profile in profiles.items()}, index=quarters)
    yearly_energy = power.sum() / 4  # kWh; 1 GWh up to the rounding of the published tables
    power *= 1e6 / yearly_energy
    day_type = ["weekend" if day >= 5 else "workday" for day in quarters.day_of_week]
    return power.groupby([quarters.month, day_type, quarters.hour]).mean().rename_axis(["month", "day_type", "hour"])


def wind_shapes() -> pd.Series:
    """Mean output by month and local hour, as a share of capacity: a smooth formula, not a measurement.

    ``0.27 (1 + 0.35 cos 2π(month - 1)/12) (1 + 0.06 cos 2π(hour - 2)/24)``: more in winter, a little more at night.
    """
    output = {
        (month, hour): 0.27
        * (1 + 0.35 * math.cos(2 * math.pi * (month - 1) / 12))
        * (1 + 0.06 * math.cos(2 * math.pi * (hour - 2) / 24))
        for month in range(1, 13)
        for hour in range(24)
    }
    return pd.Series(output, name="share_of_capacity").rename_axis(["month", "hour"])


if __name__ == "__main__":
    load_shapes().to_csv(HERE / "load_shapes.csv", float_format="%.3f", lineterminator="\n")
    wind_shapes().to_csv(HERE / "wind_synthetic.csv", float_format="%.4f", lineterminator="\n")
