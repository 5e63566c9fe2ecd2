"""Sample market of one zone: load and wind shapes and bidders, read from a folder of files."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from fts.errors import InvalidFile
from fts.sim.agent import Agent
from fts.sim.block import GROUPS, Points
from fts.sim.forecast import Forecast
from fts.sim.gas import GasPlant
from fts.sim.retailer import Retailer
from fts.sim.storage import Cycle, Storage
from fts.sim.typical_hours import DAY_TYPES, TypicalHour, month_after, typical_hours
from fts.sim.wind import WindPark

Shapes: TypeAlias = dict[tuple[int, str, int], dict[str, float]]

_BAND = 1e6 / 8760  # kW of a load that uses 1 GWh a year evenly


@dataclass(frozen=True)
class Zone:
    """Forward market of one zone.

    Attributes
    ----------
    clock : str
        Time zone of the typical hours.
    agents : tuple of Agent
        Bidders, in the order of the file.
    """

    clock: str
    agents: tuple[Agent, ...]

    def deliveries(self, instant: datetime, months: int) -> list[TypicalHour]:
        """List the typical hours of the months that follow an instant."""
        return typical_hours(month_after(instant, self.clock), months, self.clock)


def read_zone(folder: Path, seed: int = 1) -> Zone:
    """Read the market and the bidders of a folder, such as the sample data.

    Parameters
    ----------
    folder : Path
        Folder with ``bidders.toml``, ``load_shapes.csv``, ``wind_synthetic.csv``.
    seed : int
        Seed of all forecasts.

    Raises
    ------
    InvalidFile
        A bidder lacks an entry, or names a profile or block that does not exist.
    """
    path = folder / "bidders.toml"
    with path.open("rb") as file:
        try:
            written = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise InvalidFile(f"{path} is not TOML: {error}") from error
    shapes, wind = _load_shapes(folder / "load_shapes.csv"), _wind_shapes(folder / "wind_synthetic.csv")
    place = "[market]"
    try:
        common = _Common(written["market"], seed)
        readers: dict[str, Callable[[Mapping[str, Any]], Agent]] = {
            "retailer": lambda entry: _retailer(entry, common, shapes),
            "wind": lambda entry: _wind(entry, common, wind),
            "gas": lambda entry: _gas(entry, common),
            "storage": lambda entry: _storage(entry, common),
        }
        agents = []
        for sort, read in readers.items():
            for number, entry in enumerate(written.get(sort, ()), start=1):
                place = f"[[{sort}]] number {number}"
                agents.append(read(entry))
    except KeyError as error:
        raise InvalidFile(f"{path}, {place}: {error.args[0]!r} is missing or not known") from error
    return Zone(common.clock, tuple(agents))


class _Common:
    """Parameters that all bidders of a file share."""

    def __init__(self, market: Mapping[str, Any], seed: int) -> None:
        self.seed = seed
        self.clock: str = market["zone"]
        self.patience = float(market["patience_hours"])
        self.memory = timedelta(minutes=market["memory_minutes"])
        self.weather = Forecast(seed, "weather", market["weather_spread"], self.memory)
        self.fuel = Forecast(seed, "fuel", market["fuel_spread"], self.memory)
        self.wind = Forecast(seed, "wind", market["wind_spread"], self.memory, sharpens=True)


def _retailer(entry: Mapping[str, Any], common: _Common, shapes: Shapes) -> Retailer:
    name, energies = entry["name"], entry["energy_gwh"]
    load = {
        typical: sum(gwh * profiles[profile] for profile, gwh in energies.items()) / 1000
        for typical, profiles in shapes.items()
    }
    own = Forecast(common.seed, name, entry["spread"], common.memory)
    return Retailer(name, load, _points(entry["value"]), common.weather, own, _group(entry), common.patience)


def _wind(entry: Mapping[str, Any], common: _Common, output: Mapping[tuple[int, int], float]) -> WindPark:
    name = entry["name"]
    site = Forecast(common.seed, name, entry["spread"], common.memory, sharpens=True)
    value = _points(entry["value"])
    return WindPark(name, entry["capacity_mw"], output, value, common.wind, site, _group(entry), common.patience)


def _gas(entry: Mapping[str, Any], common: _Common) -> GasPlant:
    cost = _points(entry["cost"])
    return GasPlant(entry["name"], entry["capacity_mw"], cost, common.fuel, _group(entry), common.patience)


def _storage(entry: Mapping[str, Any], common: _Common) -> Storage:
    cycles = tuple(Cycle(tuple(cycle["charge"]), tuple(cycle["discharge"])) for cycle in entry["cycles"])
    power, energy, efficiency = entry["power_mw"], entry["energy_mwh"], entry["efficiency"]
    return Storage(entry["name"], power, energy, efficiency, entry["wear"], cycles, common.patience)


def _points(written: list[list[float]]) -> Points:
    return tuple((float(share), float(price)) for share, price in written)


def _group(entry: Mapping[str, Any]) -> str:
    by: str = entry["by"]
    if by not in GROUPS:
        raise KeyError(by)
    return by


def _load_shapes(path: Path) -> Shapes:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    profiles = [column for column in rows[0] if column not in ("month", "day_type", "hour")]
    shapes = {
        (int(row["month"]), row["day_type"], int(row["hour"])): {
            **{profile: float(row[profile]) for profile in profiles},
            "band": _BAND,
        }
        for row in rows
    }
    missing = [(m, d, h) for m in range(1, 13) for d in DAY_TYPES for h in range(24) if (m, d, h) not in shapes]
    if missing:
        raise InvalidFile(f"{path} has no row for month, day type, hour {missing[0]}")
    return shapes


def _wind_shapes(path: Path) -> dict[tuple[int, int], float]:
    with path.open(newline="") as file:
        return {(int(row["month"]), int(row["hour"])): float(row["share_of_capacity"]) for row in csv.DictReader(file)}
