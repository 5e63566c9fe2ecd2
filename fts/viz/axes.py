"""Axes of all figures, with their units."""

from __future__ import annotations

import holoviews as hv

from fts.models.records import Units


def rate_axis(units: Units | None, label: str = "rate") -> hv.Dimension:
    """Create an axis of rates [quantity / time]."""
    return hv.Dimension("rate", label=label, unit=rate_unit(units))


def price_axis(units: Units | None, label: str = "price") -> hv.Dimension:
    """Create an axis of prices [money / quantity]."""
    return hv.Dimension("price", label=label, unit=price_unit(units))


def time_axis(name: str, label: str) -> hv.Dimension:
    """Create an axis of instants, in UTC."""
    return hv.Dimension(name, label=label, unit="UTC")


def rate_unit(units: Units | None) -> str:
    """Return the unit of rates, such as ``MWh/h``; without units, the dimension in words."""
    if units is None:
        return "quantity/time"
    return f"{units.quantity_unit}/{time_unit(units)}"


def price_unit(units: Units | None) -> str:
    """Return the unit of prices, such as ``EUR/MWh``; without units, the dimension in words."""
    return "money/quantity" if units is None else f"{units.money_unit}/{units.quantity_unit}"


def time_unit(units: Units) -> str:
    """Return the market's unit of time, without a leading 1: ``1h`` is ``h``."""
    number = units.time_unit.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    return units.time_unit[1:].strip() if number.strip() == "1" else units.time_unit
