"""News is a function of time with the covariance it claims."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fts.sim.forecast import Forecast, news

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
MEMORY = timedelta(minutes=20)


def test_the_same_seed_tells_the_same_story_in_any_order():
    times = [NOW + timedelta(seconds=10 * k) for k in range(50)]
    forward = [news(1, "wind", t, MEMORY) for t in times]
    backward = [news(1, "wind", t, MEMORY) for t in reversed(times)]
    assert forward == backward[::-1]
    assert news(2, "wind", NOW, MEMORY) != news(1, "wind", NOW, MEMORY)


@pytest.mark.parametrize(("lag", "correlation"), [(0, 1.0), (5, np.exp(-0.25)), (20, np.exp(-1)), (100, np.exp(-5))])
def test_news_is_forgotten_exponentially(lag, correlation):
    # 4,000 independent subjects: the mean of the product is the covariance, its standard error about 0.02.
    later = NOW + timedelta(minutes=lag)
    products = [news(7, f"s{k}", NOW, MEMORY) * news(7, f"s{k}", later, MEMORY) for k in range(4000)]
    assert np.mean(products) == pytest.approx(correlation, abs=0.08)


def test_a_forecast_sharpens_with_the_square_root_of_the_lead():
    wind = Forecast(1, "wind", 0.4, MEMORY, sharpens=True)
    far = wind.factor(NOW, NOW + timedelta(days=365)) - 1
    near = wind.factor(NOW, NOW + timedelta(days=365) / 4) - 1
    assert near == pytest.approx(far / 2)
    assert wind.factor(NOW, NOW) == 1


def test_a_forecast_stays_positive():
    wild = Forecast(1, "wind", 50.0, MEMORY)
    factors = [wild.factor(NOW + timedelta(minutes=k), NOW) for k in range(200)]
    assert min(factors) == 0.05
