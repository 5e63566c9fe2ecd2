"""Page of a market: prices over delivery time, and the details of one product."""

from __future__ import annotations

import math
from threading import Thread
from typing import Any

import holoviews as hv
import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document
from panel_material_ui.template.base import Page

from apps.market_html import banner_html, batch_html, certificate_html, hint_html, numbers_html, status_html
from apps.market_view import MarketFollower, MarketView
from apps.product_labels import kind_order
from fts import viz
from fts.errors import FtsError


def market_page(follower: MarketFollower) -> Page:
    """Create the page of one browser session; it is updated until the session ends."""
    return MarketPage(follower).view


class MarketPage:
    """Page of one browser session, with its chosen product.

    Attributes
    ----------
    view : Page
    """

    def __init__(self, follower: MarketFollower) -> None:
        self._follower = follower
        self._market = follower.view
        self._doc: Document | None = pn.state.curdoc
        self.kind = pmui.Select(label="product", options=[], min_width=150, sizing_mode="stretch_width")
        self.delivery = pmui.Select(label="delivery", options=[], min_width=150, sizing_mode="stretch_width")
        self._status = _html_pane()
        self._lost = _html_pane(visible=False)
        self._batch = _html_pane()
        self._numbers = _html_pane()
        self._certificate = _html_pane()
        self._hint = _html_pane(visible=False)
        self._forward = FigurePane()
        self._clearing = FigurePane()
        self._history = FigurePane()
        self._volumes = FigurePane()
        self.view = self._page()
        self.kind.param.watch(self._offer_deliveries, "value")
        self.delivery.param.watch(lambda _: self._show_product(), "value")
        self._show(self._market)
        unwatch = follower.watch(self._update_later)
        if self._doc is not None:
            self._doc.on_session_destroyed(lambda _: unwatch())
        Thread(target=follower.clear, name="fts-clearing", daemon=True).start()

    def _page(self) -> Page:
        product = pmui.Paper(
            pn.Row(self.kind, self.delivery, self._numbers, sizing_mode="stretch_width"),
            pn.FlexBox(
                pn.Column(self._clearing.box, self._hint, min_width=360, styles={"flex": "1 1 460px"}),
                pn.Column(self._history.box, self._volumes.box, min_width=360, styles={"flex": "1 1 460px"}),
                sizing_mode="stretch_width",
            ),
            sizing_mode="stretch_width",
            sx={"padding": "12px"},
        )
        return Page(
            title="Market",
            header=[self._status],
            main=[
                pn.Column(
                    self._lost,
                    self._batch,
                    pmui.Paper(self._forward.box, sizing_mode="stretch_width", sx={"padding": "12px"}),
                    product,
                    pmui.Paper(self._certificate, sizing_mode="stretch_width", sx={"padding": "12px"}),
                    sizing_mode="stretch_width",
                    styles={"gap": "14px", "padding": "14px"},
                )
            ],
        )

    def _update_later(self, market: MarketView) -> None:
        """Show a new state in the page's own thread; called in the follower's thread."""
        if self._doc is not None:
            self._doc.add_next_tick_callback(lambda: self._show(market))

    def _show(self, market: MarketView) -> None:
        before, self._market = self._market, market
        self._status.object = status_html(market)
        self._lost.object = "" if market.lost is None else banner_html(market.lost, market)
        self._lost.visible = market.lost is not None
        self._batch.object = batch_html(market)
        self._certificate.object = certificate_html(market)
        if list(before.products.index) != list(market.products.index) or not self.kind.options:
            self._offer_kinds()
        if before.cleared != market.cleared or not self._forward.is_drawn:
            self._show_forward()
            self._show_product()
        elif before.outcome is not market.outcome or before.operator != market.operator:
            self._show_clearing()

    def _offer_kinds(self) -> None:
        kinds = sorted(self._market.products["kind"].unique(), key=kind_order)
        chosen = self.kind.value if self.kind.value in kinds else _default_kind(kinds)
        self.kind.param.update(options=kinds, value=chosen)
        self._offer_deliveries()

    def _offer_deliveries(self, _: Any = None) -> None:
        rows = self._market.products[self._market.products["kind"] == self.kind.value]
        options = {text or "–": product for product, text in rows["delivery"].items()}
        kept = self.delivery.value if self.delivery.value in options.values() else None
        same = next((product for text, product in options.items() if text == self._delivery_text()), None)
        self.delivery.param.update(options=options, value=kept or same or next(iter(options.values()), None))
        self._show_forward()

    def _delivery_text(self) -> str:
        chosen = self.delivery.value
        return str(self._market.products["delivery"].get(chosen, "")) if chosen else ""

    def _show_forward(self) -> None:
        market = self._market
        frame = market.products.join(market.prices["price"])[["kind", "from", "thru", "price"]].dropna(subset=["from"])
        if not len(frame) or market.cleared is None:
            return
        key = (tuple(frame.index), tuple(frame["price"].isna()), self.kind.value)
        self._forward.draw(key, viz.forward_curve, frame, market.units, highlight=self.kind.value)

    def _show_product(self) -> None:
        market, product = self._market, self.delivery.value
        if product is None:
            return
        row = market.prices.loc[product] if product in market.prices.index else {"price": math.nan, "rate": math.nan}
        self._numbers.object = numbers_html(row["price"], row["rate"], market)
        self._show_clearing()
        try:
            outcomes = self._follower.outcomes(product)
        except FtsError as error:
            self._lost.param.update(object=banner_html(str(error), market), visible=True)
            return
        self._history.draw((), viz.price_history, outcomes, market.units, title="Price by batch", height=210)
        self._volumes.draw((), viz.volume_history, outcomes, market.units, title="Traded volume by batch", height=210)

    def _show_clearing(self) -> None:
        market, product = self._market, self.delivery.value
        known = market.outcome is not None and product in market.outcome.auction.product_ids.to_pylist()
        self._clearing.box.visible = known
        self._hint.visible = not known
        self._hint.object = hint_html(market)
        if known and market.outcome is not None:
            self._clearing.draw(
                (),
                viz.supply_demand,
                market.outcome.auction,
                market.outcome,
                product,
                market.units,
                title=f"Supply and demand, {market.products['label'].get(product, product)}",
            )


class FigurePane:
    """Pane of a figure that is updated in place, so that it keeps its zoom.

    Attributes
    ----------
    box : Column
        Container of the figure.
    is_drawn : bool
        True once a figure was drawn.
    """

    def __init__(self) -> None:
        self._pane = pn.pane.HoloViews(sizing_mode="stretch_width", linked_axes=False)
        self.box = pn.Column(self._pane, sizing_mode="stretch_width")
        self.is_drawn = False
        self._key: tuple[Any, ...] | None = None
        self._pipe = hv.streams.Pipe()

    def draw(self, key: tuple[Any, ...], picture: Any, *values: Any, **named: Any) -> None:
        """Draw ``picture(*values, **named)``; if the key differs from the last one, the figure is a new one."""
        content = (picture, values, named)
        if key == self._key:
            self._pipe.send(content)
            return
        self._key, self._pipe, self.is_drawn = key, hv.streams.Pipe(data=content), True
        self._pane.object = hv.DynamicMap(_draw, streams=[self._pipe])


def _draw(data: Any) -> Any:
    picture, values, named = data
    return picture(*values, **named)


def _html_pane(**named: Any) -> pn.pane.HTML:
    return pn.pane.HTML("", sizing_mode="stretch_width", margin=0, **named)


def _default_kind(kinds: list[str]) -> str | None:
    return next((kind for kind in reversed(kinds) if kind.endswith(" 12")), kinds[0] if kinds else None)
