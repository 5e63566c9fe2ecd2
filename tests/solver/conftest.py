"""Markets whose answer is known because they are built around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fts
from fts.models.arguments import CurveLike

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Built:
    """An auction, and the prices and rates it was built around."""

    demands: dict[str, Any]
    portfolios: dict[str, Any]
    prices: dict[str, float]
    rates: dict[str, float]

    @property
    def auction(self) -> fts.Auction:
        return fts.Auction(self.demands, self.portfolios)


def build(seed: int) -> Built:
    """A market around random prices and rates.

    Every curve is drawn through the rate and price its demand has in the answer; every product ends with a private
    sloped bid that brings it into balance strictly inside its curve, so the prices are unique.
    """
    rng = np.random.default_rng(seed)
    products = [f"p{k}" for k in range(rng.integers(1, 7))]
    price = {p: float(rng.uniform(-20, 80)) for p in products}
    net = dict.fromkeys(products, 0.0)
    demands: dict[str, Any] = {}
    portfolios: dict[str, Any] = {}
    rates: dict[str, float] = {}

    def trade(name: str, demand: dict[str, float], basis: dict[str, float], rate: float) -> None:
        portfolios[name] = fts.Portfolio(demand, basis)
        rates[name] = rate
        for product, weight in basis.items():
            net[product] += weight * rate

    def some_basis() -> dict[str, float]:
        chosen = rng.choice(products, size=rng.integers(1, min(3, len(products)) + 1), replace=False)
        return {str(p): float(np.round(rng.uniform(0.2, 2), 2) * rng.choice([-1, 1])) for p in chosen}

    for k in range(rng.integers(0, 20)):
        basis, rate = some_basis(), float(rng.uniform(-10, 10))
        weight = float(np.round(rng.uniform(0.5, 2), 2) * rng.choice([-1, 1]))
        demands[f"d{k}"], rate = curve_through(rng, weight * rate, worth(basis, price) / weight, weight)
        trade(f"b{k}", {f"d{k}": weight}, basis, rate)
    for k in range(rng.integers(0, 3)):
        # Substitutes: every portfolio has the same price per unit of the shared demand.
        marginal, rate = float(rng.uniform(5, 50)), 0.0
        for j in range(rng.integers(2, 4)):
            basis, own = some_basis(), float(rng.uniform(-5, 5))
            weight = worth(basis, price) / marginal
            if abs(weight) < 0.05:
                continue
            trade(f"s{k}.{j}", {f"s{k}": weight}, basis, own)
            rate += weight * own
        demands[f"s{k}"] = sloped(rng, rate, marginal)
    for product in products:
        weight = float(np.round(rng.uniform(0.5, 2), 2))
        rate = -net[product]
        demands[f"last {product}"] = sloped(rng, weight * rate, price[product] / weight)
        trade(f"last {product}", {f"last {product}": weight}, {product: 1.0}, rate)
    return Built(demands, portfolios, price, rates)


def worth(basis: dict[str, float], price: dict[str, float]) -> float:
    return sum(weight * price[product] for product, weight in basis.items())


def sloped(rng: np.random.Generator, z: float, price: float) -> list[tuple[float, float]]:
    """A sloped curve that passes ``price`` at ``z``, strictly inside."""
    low, high = min(z, 0) - rng.uniform(1, 10), max(z, 0) + rng.uniform(1, 10)
    slope = rng.uniform(0.2, 3)
    return [(low, price + slope * (z - low)), (high, price - slope * (high - z))]


def curve_through(rng: np.random.Generator, z: float, price: float, weight: float) -> tuple[Any, float]:
    """A curve of a random kind on which ``price`` belongs to a rate, and the portfolio's rate there."""
    kind = rng.choice(["sloped", "full", "empty", "step", "unlimited"])
    low, high = min(z, 0) - rng.uniform(1, 10), max(z, 0) + rng.uniform(1, 10)
    margin = rng.uniform(1, 10)
    curve: CurveLike
    if kind == "full":
        curve = fts.Constant(price + np.sign(z) * margin, min(z, 0), max(z, 0))
    elif kind == "empty":
        z, curve = 0.0, fts.Constant(price - margin, 0, high)
    elif kind == "step":
        curve = [(low, price + margin + 1), (z, price + margin), (z, price - margin), (high, price - margin - 1)]
    elif kind == "unlimited":
        z, curve = 0.0, fts.Constant(price + margin, None, 0)
    else:
        curve = sloped(rng, z, price)
    return curve, z / weight


@pytest.fixture(scope="session")
def built() -> Any:
    return build


@pytest.fixture(scope="session")
def golden() -> list[Path]:
    return sorted(folder for folder in GOLDEN.iterdir() if folder.is_dir())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "folder" in metafunc.fixturenames:
        folders = sorted(folder for folder in GOLDEN.iterdir() if folder.is_dir())
        metafunc.parametrize("folder", folders, ids=lambda folder: folder.name)
