"""HTML fragments of the market page."""

from __future__ import annotations

import math
from html import escape

from apps.market_view import MarketView
from fts.viz.axes import price_unit, rate_unit

_OK_COLOR, _ERROR_COLOR, _WAITING_COLOR = "#1f7a4d", "#b3261e", "#7a6a1f"
_LABEL = "font-size:.8rem;opacity:.7;white-space:nowrap"
_VALUE = "font-size:1.35rem;font-variant-numeric:tabular-nums;white-space:nowrap"


def status_html(view: MarketView) -> str:
    """Write the badge of the connection."""
    if view.lost is not None:
        badge = _badge("status", "token refused" if view.refused else "exchange lost", _ERROR_COLOR)
    elif view.batch is None:
        badge = _badge("status", "live, no batch yet", _WAITING_COLOR)
    else:
        badge = _badge("status", "live", _OK_COLOR)
    return f'<div role="status" style="text-align:right;padding-right:1em">{badge}</div>'


def _badge(name: str, text: str, background: str) -> str:
    style = f"background:{background};color:#fff;border-radius:1em;padding:.2em .9em;white-space:nowrap"
    return f'<span id="{name}" style="{style}">{escape(text)}</span>'


def banner_html(reason: str, view: MarketView) -> str:
    """Write the banner of a lost connection or a refused token."""
    shown = f" The page shows the batch of {_clock(view.cleared)}." if view.cleared else ""
    headline, advice = "The exchange cannot be reached.", " The dashboard tries again."
    if view.refused:
        headline = "The exchange refuses this dashboard's token."
        advice = " Start the dashboard with a valid one: fts dashboard --token, or FTS_TOKEN; fts token makes one."
    style = f"background:{_ERROR_COLOR};color:#fff;border-radius:4px;padding:.6em 1em"
    return f'<div id="lost" role="alert" style="{style}"><b>{headline}</b> {escape(reason)}.{shown}{advice}</div>'


def batch_html(view: MarketView) -> str:
    """Write the figures of the latest batch."""
    batch = view.batch
    if batch is None:
        return _figures([("latest batch", "none yet")])
    failed = batch["status"] == "not solved"
    figures = [
        ("latest batch", f'<span id="batch">{_clock(batch["instant"])}</span>'),
        ("status", _badge("batch-status", batch["status"], _ERROR_COLOR if failed else _OK_COLOR)),
        ("products", f"{batch['products']:,}"),
        ("portfolios", f"{batch['portfolios']:,}"),
        ("cleared in", f"{batch['seconds']:.2g} s"),
    ]
    welfare = (batch.get("certificate") or {}).get("welfare")
    if welfare is not None:
        time = rate_unit(view.units).rpartition("/")[2]
        figures.append(("gains from trade", f"{welfare:,.0f} <small>{escape(view.units.money_unit)}/{time}</small>"))
    if failed and batch.get("reason"):
        figures.append(("reason", escape(batch["reason"])))
    return _figures(figures)


def numbers_html(price: float, rate: float, view: MarketView) -> str:
    """Write clearing price and volume of the chosen product."""
    return _figures(
        [
            ("clearing price", _number("price", price, price_unit(view.units))),
            ("traded volume", _number("volume", rate, rate_unit(view.units))),
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


def certificate_html(view: MarketView) -> str:
    """Write the certificate of the latest batch as a table."""
    certificate = (view.batch or {}).get("certificate")
    if certificate is None:
        return f'<div style="{_LABEL}">No certificate yet.</div>'
    measures = [
        ("imbalance", "net trade of a product, relative to its volume"),
        ("domain", "rates outside the bids"),
        ("consistency", "portfolio prices minus marginal prices"),
        ("gap", "forgone gains from trade"),
        ("fit", "change of the curves that makes the outcome exact"),
    ]
    rows = "".join(
        f"<tr><td>{name}</td>"
        f'<td id="{name}" style="text-align:right;padding:0 1.5em">{_measure(certificate[name])}</td>'
        f'<td style="opacity:.7">{meaning}</td></tr>'
        for name, meaning in measures
    )
    return (
        f"<div><b>Certificate of the latest batch</b> "
        f'<span style="opacity:.7">relative measures; tolerance {_measure(certificate["tol"])}</span></div>'
        f'<table style="color:inherit;border-spacing:0 .15em;font-variant-numeric:tabular-nums">{rows}</table>'
    )


def _measure(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}".replace("-", "−")


def hint_html(view: MarketView) -> str:
    """Write the reason why supply and demand are not shown."""
    if not view.operator:
        text = "Supply and demand are drawn for operators: this dashboard's token does not read bids."
    elif view.cleared is None:
        text = "Supply and demand appear with the first batch."
    elif view.outcome is None:
        text = "Reading the batch's bids …"
    else:
        text = "This product has no bids."
    return f'<div id="hint" style="opacity:.7;padding:2em 1em">{text}</div>'


def _clock(instant: str) -> str:
    return f"{instant[:10]} {instant[11:19]} UTC"
