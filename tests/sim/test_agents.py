"""Agents bid what their papers say: values by hand, and what a market makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from fts.models.auction import Auction
from fts.models.curve import Curve
from fts.models.portfolio import Portfolio
from fts.sim.agent import Bids, View, revise
from fts.sim.block import blocks, closing_curve
from fts.sim.forecast import Forecast

HOUR = timedelta(hours=1)


def agent(zone, name):
    return next(agent for agent in zone.agents if agent.name == name)


def calm(agent):
    """The agent with forecasts that never move."""
    forecasts = {
        field: Forecast(1, "calm", 0.0, HOUR)
        for field in ("weather", "customers", "wind", "site", "fuel")
        if hasattr(agent, field)
    }
    return replace(agent, **forecasts)


def price_at(curve, rate):
    return float(np.interp(rate, curve.rates, curve.prices))


def test_a_position_is_closed_in_the_time_a_bidder_has():
    # Worth of the next MWh: 100 at 0 MWh, 50 at 40 MWh. Holding 10 MWh with 2 h left:
    # 0 MWh is 5 MWh/h of selling away, 40 MWh 15 MWh/h of buying, and staying is worth 87.5.
    curve = closing_curve(((0, 100), (40, 50)), position=10, patience=2)
    assert curve == Curve([(-5, 100), (15, 50)])
    assert price_at(curve, 0) == 87.5


def test_a_position_beyond_its_domain_bids_its_way_back():
    assert closing_curve(((0, 100), (40, 50)), position=50, patience=2) == Curve([(-25, 100), (-5, 50), (0, 50)])
    assert closing_curve(((0, 100), (40, 50)), position=-10, patience=2) == Curve([(0, 100), (5, 100), (25, 50)])


def test_every_agent_bids_valid_curves_from_any_position(zone, months, now):
    draw = np.random.default_rng(3)
    for bidder in zone.agents:
        for deliveries in months.values():
            positions = {d.product: float(draw.normal(0, 30_000)) for d in deliveries}
            bids = bidder.bids(View(now, deliveries, {}, positions))
            assert bids.demands and bids.portfolios
            for curve in bids.demands.values():
                assert curve.min_rate <= 0 <= curve.max_rate
            for portfolio in bids.portfolios.values():
                assert set(portfolio.demand) <= set(bids.demands)
                assert set(portfolio.basis) <= {d.product for d in deliveries}


def test_a_view_has_one_answer(zone, months, now):
    for bidder in zone.agents:
        view = View(now, months["2027-03"])
        assert bidder.bids(view) == bidder.bids(view)


def test_a_retailer_short_of_its_target_bids_more(zone, months, now):
    retailer = calm(agent(zone, "Spree Haushaltsstrom"))
    name, product = "2027-01 workday 18", "2027-01 workday 18"
    short = retailer.bids(View(now, months["2027-01"], {}, {product: 1000.0})).demands[name]
    covered = retailer.bids(View(now, months["2027-01"], {}, {product: 5000.0})).demands[name]
    for rate in np.linspace(covered.min_rate, short.max_rate, 50):
        if short.min_rate <= rate <= covered.max_rate:
            assert price_at(short, rate) > price_at(covered, rate)


def test_a_covered_retailer_pays_its_price_at_the_target_and_no_more(zone, months, now):
    retailer = calm(agent(zone, "Lausitz Metall"))
    # A band of 1,600 GWh / 8,760 h over the 744 hours of January: 135,890 MWh.
    target = 1_600_000 / 8760 * 744
    positions = {d.product: 1_600_000 / 8760 * d.hours for d in months["2027-01"]}
    bids = retailer.bids(View(now, months["2027-01"], {}, positions))
    curve = bids.demands["2027-01 month"]
    assert price_at(curve, 0) == pytest.approx(60)
    assert curve.min_rate == pytest.approx(-target / 8)
    assert curve.max_rate == pytest.approx(0.1 * target / 8)
    assert sum(bids.portfolios["2027-01 month"].basis.values()) == pytest.approx(1)


def test_a_retailer_follows_its_forecast(zone, months, now):
    retailer = agent(zone, "Havel Stadtwerke")
    (block,) = blocks(months["2027-01"], "month", retailer.normal)
    targets = [retailer.target(View(now + k * timedelta(seconds=10), months["2027-01"]), block) for k in range(30)]
    assert len(set(targets)) == 30
    assert np.std(np.array(targets) / block.energy) < 0.1


def test_a_wind_park_sells_its_forecast_and_asks_more_beyond(zone, months, now):
    park = calm(agent(zone, "Uckermark Wind"))
    # February: 20 workdays of hour 4, 620 MW.
    forecast = 620 * park.output[2, 4] * 20
    curve = park.bids(View(now, months["2027-02"])).demands["2027-02 workday 4"]
    assert curve.max_rate == 0
    assert curve.min_rate == pytest.approx(-1.2 * forecast / 8)
    assert price_at(curve, -forecast / 8) == pytest.approx(78)


def test_a_stepped_plant_offers_its_steps(zone, months, now):
    plant = calm(agent(zone, "Teltow Spitzenkraft"))
    full = 280 * 20 / 8  # MW · hours / hours of trading
    curve = plant.bids(View(now, months["2027-02"])).demands["2027-02 workday 18"]
    assert curve.rates == pytest.approx([-full, -full / 2, -full / 2, 0])
    assert curve.prices == pytest.approx([131, 124, 101, 96])


def test_a_sold_out_plant_only_buys_back(zone, months, now):
    plant = calm(agent(zone, "Teltow Spitzenkraft"))
    positions = {"2027-02 workday 18": -280.0 * 20}
    curve = plant.bids(View(now, months["2027-02"], {}, positions)).demands["2027-02 workday 18"]
    assert curve.min_rate == 0
    assert curve.points[0][1] == 131


def test_fuel_moves_all_costs_in_proportion(zone, months, now):
    plant = agent(zone, "Eisenhütte GuD")
    factor = plant.fuel.factor(now, months["2027-02"][0].start, "2027-02")
    curve = plant.bids(View(now, months["2027-02"])).demands["2027-02 weekend 3"]
    assert factor != 1
    assert curve.prices == pytest.approx(np.array([92, 74, 60]) * factor)


def market_with_store(store, deliveries, now, worth, positions=None):
    """The store and, in every hour, a deep market of everyone else at `worth` of the hour."""
    bids = store.bids(View(now, deliveries, {}, positions or {}))
    demands, portfolios = dict(bids.demands), dict(bids.portfolios)
    for d in deliveries:
        demands[f"rest {d.hour}"] = Curve([(-20_000, worth(d.hour) + 10), (20_000, worth(d.hour) - 10)])
        portfolios[f"rest {d.hour}"] = Portfolio(f"rest {d.hour}", d.product)
        # A trade among the others, so that no hour is without one.
        demands[f"pair {d.hour}"] = Curve([(0, worth(d.hour) + 20), (1_000, worth(d.hour))])
        portfolios[f"pair {d.hour}"] = Portfolio(f"pair {d.hour}", d.product)
    outcome = Auction(demands, portfolios).solve()
    net = dict.fromkeys((d.product for d in deliveries), 0.0)
    for name, portfolio in bids.portfolios.items():
        for product, weight in portfolio.basis.items():
            net[product] += weight * outcome.portfolios.loc[name, "rate"]
    return {d.hour: net[d.product] for d in deliveries}, outcome


def test_a_store_sells_what_it_buys_less_its_losses(zone, months, now):
    store = agent(zone, "Barnim Batterie")
    deliveries = tuple(d for d in months["2027-02"] if d.day_type == "workday")
    rates, outcome = market_with_store(store, deliveries, now, lambda hour: 30 if hour < 6 else 100)
    bought = sum(rates[hour] for hour in (0, 1, 2, 3, 4, 5))
    sold = -sum(rates[hour] for hour in (6, 7, 8, 9, 10))
    assert sold == pytest.approx(280 * 20 / 8, rel=1e-6)  # a full store a day: worth it
    assert sold == pytest.approx(0.88 * bought, rel=1e-9)
    assert outcome.demands.loc["2027-02 workday store 0-10", "price"] < 0  # one more MWh of store is worth money
    assert rates[11] == rates[22] == 0


def test_a_store_stays_out_where_hours_cost_the_same(zone, months, now):
    store = agent(zone, "Barnim Batterie")
    deliveries = tuple(d for d in months["2027-02"] if d.day_type == "weekend")
    rates, _ = market_with_store(store, deliveries, now, lambda hour: 60)
    assert max(abs(rate) for rate in rates.values()) < 1e-3


def test_a_store_that_has_sold_its_day_only_buys_back(zone, months, now):
    store = agent(zone, "Barnim Batterie")
    deliveries = tuple(d for d in months["2027-02"] if d.day_type == "workday")
    positions = {"2027-02 workday 7": -140.0 * 20, "2027-02 workday 8": -140.0 * 20}
    demands = store.bids(View(now, deliveries, {}, positions)).demands
    assert demands["2027-02 workday store 0-10"].max_rate == 0
    assert demands["2027-02 workday store 0-10"].min_rate == -280 * 20 / 8
    assert demands["2027-02 workday 7 from store"].max_rate == 0
    assert demands["2027-02 workday 9 from store"].min_rate == 0


def test_no_store_charges_with_more_than_its_power(zone):
    for store in zone.agents[-2:]:
        for cycle in store.cycles:
            assert store.energy / store.efficiency / len(cycle.charge) <= store.power


def test_no_changes_where_nothing_changed(zone, months, now):
    bidder = agent(zone, "Harz Pumpspeicher")
    view = View(now, months["2027-05"])
    entered = revise(bidder, view, Bids())
    assert len(entered.demands) == len(bidder.bids(view).demands)
    assert len(revise(bidder, view, bidder.bids(view))) == 0


def test_what_has_begun_is_withdrawn(zone, months, now):
    bidder = agent(zone, "Gewerbekontor")
    held = bidder.bids(View(now, months["2026-12"]))
    changes = revise(bidder, View(months["2026-12"][0].start, months["2026-12"]), held)
    assert changes.demands == dict.fromkeys(held.demands)
    assert changes.portfolios == dict.fromkeys(held.portfolios)
