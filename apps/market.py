"""The market as its exchange publishes it: prices over delivery time, and one product in depth."""

from __future__ import annotations

import math
from html import escape
from threading import Thread
from typing import Any

import holoviews as hv
import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document

from apps.feed import Feed, Seen
from apps.product import kind_order
from fts import viz
from fts.errors import FtsError
from fts.viz.axes import price_unit, rate_unit

_GOOD, _BAD, _BUSY = "#1f7a4d", "#b3261e", "#7a6a1f"
_LABEL = "font-size:.8rem;opacity:.7;white-space:nowrap"
_VALUE = "font-size:1.35rem;font-variant-numeric:tabular-nums;white-space:nowrap"


def page(feed: Feed) -> pmui.Page:
    """One reader's page; it follows the feed until the reader leaves."""
    return MarketPage(feed).view


class MarketPage:
    """What one reader sees, and which product they chose.

    Attributes
    ----------
    view : Page
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._seen = feed.seen
        self._doc: Document | None = pn.state.curdoc
        self.kind = pmui.Select(label="product", options=[], min_width=150, sizing_mode="stretch_width")
        self.delivery = pmui.Select(label="delivery", options=[], min_width=150, sizing_mode="stretch_width")
        self._status = _html()
        self._lost = _html(visible=False)
        self._batch = _html()
        self._numbers = _html()
        self._certificate = _html()
        self._hint = _html(visible=False)
        self._forward = _Picture()
        self._clearing = _Picture()
        self._history = _Picture()
        self._volumes = _Picture()
        self.view = self._page()
        self.kind.param.watch(self._offer_deliveries, "value")
        self.delivery.param.watch(lambda _: self._show_product(), "value")
        self._show(self._seen)
        unwatch = feed.watch(self._arrived)
        if self._doc is not None:
            self._doc.on_session_destroyed(lambda _: unwatch())
        Thread(target=feed.clear, name="fts-clearing", daemon=True).start()

    def _page(self) -> pmui.Page:
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
        return pmui.Page(
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

    def _arrived(self, seen: Seen) -> None:
        """A new view, from the feed's thread: shown when the page has its turn."""
        if self._doc is not None:
            self._doc.add_next_tick_callback(lambda: self._show(seen))

    def _show(self, seen: Seen) -> None:
        before, self._seen = self._seen, seen
        self._status.object = _status(seen)
        self._lost.object = "" if seen.lost is None else _banner(seen.lost, seen)
        self._lost.visible = seen.lost is not None
        self._batch.object = _batch(seen)
        self._certificate.object = _certificate(seen)
        if list(before.products.index) != list(seen.products.index) or not self.kind.options:
            self._offer_kinds()
        if before.cleared != seen.cleared or not self._forward.drawn:
            self._show_forward()
            self._show_product()
        elif before.outcome is not seen.outcome or before.operator != seen.operator:
            self._show_clearing()

    def _offer_kinds(self) -> None:
        kinds = sorted(self._seen.products["kind"].unique(), key=kind_order)
        chosen = self.kind.value if self.kind.value in kinds else _middle(kinds)
        self.kind.param.update(options=kinds, value=chosen)
        self._offer_deliveries()

    def _offer_deliveries(self, _: Any = None) -> None:
        rows = self._seen.products[self._seen.products["kind"] == self.kind.value]
        options = {text or "–": product for product, text in rows["delivery"].items()}
        kept = self.delivery.value if self.delivery.value in options.values() else None
        same = next((product for text, product in options.items() if text == self._delivery_text()), None)
        self.delivery.param.update(options=options, value=kept or same or next(iter(options.values()), None))
        self._show_forward()

    def _delivery_text(self) -> str:
        chosen = self.delivery.value
        return str(self._seen.products["delivery"].get(chosen, "")) if chosen else ""

    def _show_forward(self) -> None:
        seen = self._seen
        frame = seen.products.join(seen.prices["price"])[["kind", "from", "thru", "price"]].dropna(subset=["from"])
        if not len(frame) or seen.cleared is None:
            return
        shape = (tuple(frame.index), tuple(frame["price"].isna()), self.kind.value)
        self._forward.draw(shape, viz.forward_curve, frame, seen.units, highlight=self.kind.value)

    def _show_product(self) -> None:
        seen, product = self._seen, self.delivery.value
        if product is None:
            return
        row = seen.prices.loc[product] if product in seen.prices.index else {"price": math.nan, "rate": math.nan}
        self._numbers.object = _numbers(row["price"], row["rate"], seen)
        self._show_clearing()
        try:
            outcomes = self._feed.outcomes(product)
        except FtsError as error:
            self._lost.param.update(object=_banner(str(error), seen), visible=True)
            return
        self._history.draw((), viz.price_history, outcomes, seen.units, title="Price by batch", height=210)
        self._volumes.draw((), viz.volume_history, outcomes, seen.units, title="Traded volume by batch", height=210)

    def _show_clearing(self) -> None:
        seen, product = self._seen, self.delivery.value
        known = seen.outcome is not None and product in seen.outcome.auction.product_ids.to_pylist()
        self._clearing.box.visible = known
        self._hint.visible = not known
        self._hint.object = _hint(seen)
        if known and seen.outcome is not None:
            self._clearing.draw(
                (),
                viz.supply_demand,
                seen.outcome.auction,
                seen.outcome,
                product,
                seen.units,
                title=f"Supply and demand, {seen.products['label'].get(product, product)}",
            )


class _Picture:
    """A picture that changes in place: what stays the same stays on screen, and keeps its zoom.

    Attributes
    ----------
    box : Column
        Where it stands.
    drawn : bool
        Whether there is something on it yet.
    """

    def __init__(self) -> None:
        self._pane = pn.pane.HoloViews(sizing_mode="stretch_width", linked_axes=False)
        self.box = pn.Column(self._pane, sizing_mode="stretch_width")
        self.drawn = False
        self._shape: tuple[Any, ...] | None = None
        self._pipe = hv.streams.Pipe()

    def draw(self, shape: tuple[Any, ...], picture: Any, *values: Any, **named: Any) -> None:
        """Draw ``picture(*values, **named)``; another shape makes a new picture, with its own view."""
        content = (picture, values, named)
        if shape == self._shape:
            self._pipe.send(content)
            return
        self._shape, self._pipe, self.drawn = shape, hv.streams.Pipe(data=content), True
        self._pane.object = hv.DynamicMap(_drawn, streams=[self._pipe])


def _drawn(data: Any) -> Any:
    picture, values, named = data
    return picture(*values, **named)


def _html(**named: Any) -> pn.pane.HTML:
    return pn.pane.HTML("", sizing_mode="stretch_width", margin=0, **named)


def _middle(kinds: list[str]) -> str | None:
    return next((kind for kind in reversed(kinds) if kind.endswith(" 12")), kinds[0] if kinds else None)


def _status(seen: Seen) -> str:
    if seen.lost is not None:
        badge = _badge("status", "token refused" if seen.refused else "exchange lost", _BAD)
    elif seen.batch is None:
        badge = _badge("status", "live, no batch yet", _BUSY)
    else:
        badge = _badge("status", "live", _GOOD)
    return f'<div role="status" style="text-align:right;padding-right:1em">{badge}</div>'


def _badge(name: str, text: str, ground: str) -> str:
    style = f"background:{ground};color:#fff;border-radius:1em;padding:.2em .9em;white-space:nowrap"
    return f'<span id="{name}" style="{style}">{escape(text)}</span>'


def _banner(reason: str, seen: Seen) -> str:
    stays = f" Shown is the batch of {_clock(seen.cleared)}." if seen.cleared else ""
    what, advice = "The exchange cannot be reached.", " Trying again."
    if seen.refused:
        what = "The exchange refuses this dashboard's token."
        advice = " Start the dashboard with a valid one: fts dashboard --token, or FTS_TOKEN; fts token makes one."
    style = f"background:{_BAD};color:#fff;border-radius:4px;padding:.6em 1em"
    return (
        f'<div id="lost" role="alert" style="{style}"><b>{what}</b> '
        f"{escape(reason)}.{stays}{advice}</div>"
    )


def _batch(seen: Seen) -> str:
    batch = seen.batch
    if batch is None:
        return _figures([("latest batch", "none yet")])
    failed = batch["status"] == "not solved"
    figures = [
        ("latest batch", f'<span id="batch">{_clock(batch["instant"])}</span>'),
        ("status", _badge("batch-status", batch["status"], _BAD if failed else _GOOD)),
        ("products", f"{batch['products']:,}"),
        ("portfolios", f"{batch['portfolios']:,}"),
        ("cleared in", f"{batch['seconds']:.2g} s"),
    ]
    welfare = (batch.get("certificate") or {}).get("welfare")
    if welfare is not None:
        time = rate_unit(seen.units).rpartition("/")[2]
        figures.append(("gains from trade", f"{welfare:,.0f} <small>{escape(seen.units.money_unit)}/{time}</small>"))
    if failed and batch.get("reason"):
        figures.append(("reason", escape(batch["reason"])))
    return _figures(figures)


def _numbers(price: float, rate: float, seen: Seen) -> str:
    return _figures(
        [
            ("clearing price", _number("price", price, price_unit(seen.units))),
            ("traded volume", _number("volume", rate, rate_unit(seen.units))),
        ]
    )


def _number(name: str, value: float, unit: str) -> str:
    text = "–" if math.isnan(value) else f"{value + 0.0:,.4f}"
    return f'<span id="{name}">{text}</span> <small>{escape(unit)}</small>'


def _figures(figures: list[tuple[str, str]]) -> str:
    cells = "".join(
        f'<div><div style="{_LABEL}">{label}</div><div style="{_VALUE}">{value}</div></div>' for label, value in figures
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.4em 2.2em;padding:4px 8px">{cells}</div>'


def _certificate(seen: Seen) -> str:
    certificate = (seen.batch or {}).get("certificate")
    if certificate is None:
        return f'<div style="{_LABEL}">No certificate yet.</div>'
    measures = [
        ("imbalance", "net trade of a product, against its volume"),
        ("domain", "rates outside what was bid"),
        ("consistency", "portfolio prices against marginal prices"),
        ("gap", "gains from trade left over"),
        ("fit", "change of the curves that makes it exact"),
    ]
    rows = "".join(
        f"<tr><td>{name}</td>"
        f'<td id="{name}" style="text-align:right;padding:0 1.5em">{_measure(certificate[name])}</td>'
        f'<td style="opacity:.7">{said}</td></tr>'
        for name, said in measures
    )
    return (
        f"<div><b>Certificate of the latest batch</b> "
        f'<span style="opacity:.7">relative measures; tolerance {_measure(certificate["tol"])}</span></div>'
        f'<table style="color:inherit;border-spacing:0 .15em;font-variant-numeric:tabular-nums">{rows}</table>'
    )


def _measure(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}".replace("-", "−")


def _hint(seen: Seen) -> str:
    if not seen.operator:
        text = "Supply and demand are drawn for operators: this dashboard's token does not read bids."
    elif seen.cleared is None:
        text = "Supply and demand appear with the first batch."
    elif seen.outcome is None:
        text = "Reading the batch's bids …"
    else:
        text = "Nobody bids for this product."
    return f'<div id="hint" style="opacity:.7;padding:2em 1em">{text}</div>'


def _clock(instant: str) -> str:
    return f"{instant[:10]} {instant[11:19]} UTC"
