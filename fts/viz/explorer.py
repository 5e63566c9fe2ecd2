"""Interactive controls that change one bid and solve the auction again."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets
import pandas as pd

from fts.errors import FtsError
from fts.models.auction import Auction
from fts.models.curve import Constant, Curve, DemandCurve
from fts.models.outcome import Outcome
from fts.models.records import Units
from fts.viz.axes import price_unit, rate_unit
from fts.viz.figure import render
from fts.viz.supply_demand import supply_demand


def explore(auction: Auction, units: Units | None = None) -> widgets.Widget:
    """Show controls in the notebook that change a bid, with the resulting prices, fills and surplus.

    Every point of the chosen demand curve has a slider and a number field for its rate and its price; the auction is
    solved again at each change. If a change breaks a rule of curves, the error is shown and the last outcome stays.

    Parameters
    ----------
    auction : Auction
        Auction; it is not changed, because the controls use copies.
    units : Units, optional
        Units of the market, for labels.

    Raises
    ------
    NotSolved, UnboundedAuction
        The auction itself cannot be solved.
    """
    return Explorer(auction, units).view


class Explorer:
    """State of the controls: the auction, the demand that is changed, and the outcome.

    Attributes
    ----------
    view : Widget
        Widget that the notebook shows.
    outcome : Outcome
        Outcome of the changed auction.
    """

    def __init__(self, auction: Auction, units: Units | None = None) -> None:
        self._auction, self._units = auction, units
        self._before: Outcome = auction.solve()
        self.outcome = self._before
        self.demand = widgets.Dropdown(options=auction.demand_ids.to_pylist(), description="demand")
        self.product = widgets.Dropdown(options=auction.product_ids.to_pylist(), description="product")
        self.reset = widgets.Button(description="as it was", icon="undo", tooltip="take the change back")
        self.fields: list[widgets.BoundedFloatText] = []
        self._read: Callable[[], DemandCurve] = lambda: self._auction.demands[self.demand.value]
        self._points = widgets.VBox()
        self.message = widgets.HTML()
        self.figures = widgets.HTML()
        self.picture = widgets.HTML()
        controls = widgets.VBox(
            [widgets.HBox([self.demand, self.reset]), self._points, self.message],
            layout=widgets.Layout(min_width="370px"),
        )
        result_box = widgets.VBox(
            [self.product, self.picture], layout=widgets.Layout(min_width="360px", flex="1 1 360px")
        )
        self.view = widgets.VBox(
            [widgets.HBox([controls, result_box], layout=widgets.Layout(flex_flow="row wrap")), self.figures]
        )
        self.demand.observe(self._choose, "value")
        self.product.observe(self._draw, "value")
        self.reset.on_click(self._choose)
        self._choose()

    def _choose(self, _: Any = None) -> None:
        """Create the controls of the chosen demand, with its original curve."""
        self.fields = []
        curve = self._auction.demands[self.demand.value]
        self._read = self._constant(curve) if isinstance(curve, Constant) else self._piecewise(curve)
        self._clear()

    def _piecewise(self, curve: Curve) -> Callable[[], DemandCurve]:
        rates, prices = _slider_range(curve.rates.tolist()), self._price_range()
        rate_label, price_label = f"rate [{rate_unit(self._units)}]", f"price [{price_unit(self._units)}]"
        rows = []
        for k, (rate, price) in enumerate(curve.points):
            rows.append(widgets.HTML(f"<b>point {k}</b>"))
            rows.append(self._number(rate_label, rate, rates))
            rows.append(self._number(price_label, price, prices))
        self._points.children = rows
        fields = self.fields
        return lambda: Curve([(fields[k].value, fields[k + 1].value) for k in range(0, len(fields), 2)])

    def _constant(self, curve: Constant) -> Callable[[], DemandCurve]:
        rows = [self._number(f"price [{price_unit(self._units)}]", curve.price, self._price_range())]
        price = self.fields[-1]
        ends: dict[str, widgets.BoundedFloatText | None] = {}
        finite = [end for end in (curve.min_rate, curve.max_rate) if math.isfinite(end)]
        for name, end in (("min_rate", curve.min_rate), ("max_rate", curve.max_rate)):
            if math.isfinite(end):
                rows.append(self._number(f"{name} [{rate_unit(self._units)}]", end, _slider_range(finite)))
                ends[name] = self.fields[-1]
            else:
                rows.append(widgets.HTML(f"{name}: unlimited"))
                ends[name] = None
        self._points.children = rows
        return lambda: Constant(
            price.value, **{name: None if field is None else field.value for name, field in ends.items()}
        )

    def _number(self, label: str, value: float, bounds: tuple[float, float]) -> widgets.Widget:
        """Create a slider and a number field with the same value."""
        low, high = min(bounds[0], value), max(bounds[1], value)
        places = 2 - math.floor(math.log10(high - low))
        slider = widgets.FloatSlider(
            value=value,
            min=low,
            max=high,
            step=10.0**-places,
            continuous_update=True,
            readout=False,
            description=label,
            style={"description_width": "115px"},
            layout=widgets.Layout(width="270px"),
        )
        field = widgets.BoundedFloatText(
            value=value, min=low, max=high, step=10.0**-places, layout=widgets.Layout(width="85px")
        )
        field.continuous_update = True

        def update_field(change: dict[str, Any]) -> None:
            # The browser's slider adds up steps; the last digits of the sum are rounding errors.
            field.value = round(change["new"], max(places, 0) + 2)

        def update_slider(change: dict[str, Any]) -> None:
            if abs(slider.value - change["new"]) > 10.0 ** -(places + 3):
                slider.value = change["new"]

        slider.observe(update_field, "value")
        field.observe(update_slider, "value")
        field.observe(self._clear, "value")
        self.fields.append(field)
        return widgets.HBox([slider, field])

    def _price_range(self) -> tuple[float, float]:
        return _slider_range([float(price) for price in self._auction.point_prices])

    def _clear(self, _: Any = None) -> None:
        try:
            changed = dict(self._auction.demands) | {self.demand.value: self._read()}
            self.outcome = Auction(changed, self._auction.portfolios).solve()
        except FtsError as error:
            self.message.value = f'<p style="color:#d6456b;max-width:360px">{escape(str(error))}</p>'
            return
        self.message.value = ""
        self.figures.value = self._tables()
        self._draw()

    def _draw(self, _: Any = None) -> None:
        if self.product.value is None or self.product.value not in self.outcome.auction.product_ids.to_pylist():
            self.picture.value = ""
            return
        picture = supply_demand(self.outcome.auction, self.outcome, self.product.value, self._units)
        svg = render(picture, "svg").decode()
        # A white background keeps it readable in dark notebooks.
        self.picture.value = f'<div style="background:#fff;max-width:560px">{svg[svg.index("<svg") :]}</div>'

    def _tables(self) -> str:
        price, rate = price_unit(self._units), rate_unit(self._units)
        money = "money/time" if self._units is None else f"{self._units.money_unit}/{rate.rpartition('/')[2]}"
        before, after = self._before, self.outcome
        tables = [
            _table("product", f"price [{price}]", before.products["price"], after.products["price"]),
            _table("portfolio", f"rate [{rate}]", before.portfolios["rate"], after.portfolios["rate"]),
            _table("demand", f"surplus [{money}]", before.demands["surplus"], after.demands["surplus"]),
            _table("", f"welfare [{money}]", _total(before), _total(after)),
        ]
        return f'<div style="display:flex;flex-wrap:wrap;align-items:flex-start;gap:.5em 1.5em">{"".join(tables)}</div>'


def _slider_range(values: list[float]) -> tuple[float, float]:
    """Compute the range of a slider: the values and 0, extended by half of their range."""
    low, high = min([*values, 0.0]), max([*values, 0.0])
    more = 0.5 * (high - low) or 1.0
    return low - (more if low < 0 else 0.0), high + (more if high > 0 or low == 0 else 0.0)


def _total(outcome: Outcome) -> pd.Series:
    return pd.Series({"all": outcome.certificate.welfare})


def _table(name: str, measure: str, before: pd.Series, after: pd.Series) -> str:
    rows = "".join(
        f"<tr><td>{escape(str(key))}</td><td><b>{_number(after[key])}</b></td><td>{_number(before.get(key))}</td></tr>"
        for key in after.index
    )
    return (
        '<table style="border-spacing:0.8em 0.1em;border-collapse:separate;text-align:right">'
        f"<tr><th>{name}</th><th>{escape(measure)}</th><th>was</th></tr>{rows}</table>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value + 0.0:,.2f}"
