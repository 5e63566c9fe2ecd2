"""HTML of market values in a notebook: small self-contained tables for light and dark themes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

_ROWS = 12  # of a table; what is beyond is counted
_TABLE = (
    "color:inherit;border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.2em 1.6em .4em 0;"
    "text-align:right;vertical-align:top"
)
_CELL = "padding:.12em .7em;border:0;border-bottom:1px solid rgba(128,128,128,.3);background:none;text-align:right"
_NAME = _CELL + ";text-align:left"
_QUIET = "opacity:.7;font-weight:normal"
_PRICED = ("price", "rate")
_MEASURED = (*_PRICED, "price_low", "price_high", "valid_from")
#: Grounds of the badge; its text is white on all of them.
_GROUND = {"solved": "#1f7a4d", "exact": "#1f7a4d", "other rule": "#5b5f97"}
_FAILED = "#b3261e"


def curve(value: Any) -> str:
    """Show a curve as its line and the table of its points."""
    constant = not isinstance(value.to_json(), list)
    kind = "Constant" if constant else "Curve"
    what = "one price" if constant else f"{len(value.points)} point{'' if len(value.points) == 1 else 's'}"
    table = _table(("rate", "price"), ((_number(rate), _number(price)) for rate, price in value.points))
    return _block(_heading(kind, what), _row(_sketch(value.points), table))


def certificate(value: Any) -> str:
    """Show a certificate as its status and its measures."""
    measures = [
        ("imbalance", "net trade of a product, against its volume"),
        ("domain", "rates outside their domain"),
        ("consistency", "portfolio prices against marginal prices"),
        ("gap", "gains from trade left over"),
        ("fit", "change of the curves that makes it exact"),
    ]
    rows = [(name, _measure(getattr(value, name)), f'<span style="{_QUIET}">{said}</span>') for name, said in measures]
    heading = _heading(
        "Certificate", f"tolerance {_measure(value.tol)} · welfare {_number(value.welfare)} money/time", value.status
    )
    effort = f"{value.iterations} iterations, " if value.iterations else ""
    return _block(heading, _table(("measure", "relative", ""), rows, text=2), _note(f"{effort}{value.seconds:.3g} s"))


def auction(value: Any) -> str:
    """Show an auction as its size, what it warns of, and what it dropped."""
    counts = [
        ("products", value.product_ids),
        ("portfolios", value.portfolio_ids),
        ("demands", value.demand_ids),
    ]
    rows = [(name, f"{len(ids):,}", escape(_some(ids))) for name, ids in counts]
    idle = int(value.idle.sum())
    notes = [_note(f"{idle:,} portfolio{' is' if idle == 1 else 's are'} idle")] if idle else []
    return _block(_heading("Auction", ""), _table(("", "count", "ids"), rows, text=2), *notes)


def outcome(value: Any) -> str:
    """Show an outcome as its status, its product prices and its portfolio rates."""
    products = _frame(value.products, ("price", "rate"))
    portfolios = _frame(value.portfolios, ("price", "rate", "surplus"))
    said = f"by {escape(value.solver)} · welfare {_number(value.certificate.welfare)} money/time"
    return _block(_heading("Outcome", said, value.certificate.status), _row(products, portfolios))


def market(value: Any) -> str:
    """Show a market as its units, its latest batch and the first of its prices."""
    units = value.units
    prices = value.prices()
    batches = value.batches().results
    said = f"{units.money_unit}/{units.quantity_unit}, rates in {units.quantity_unit} per {units.time_unit}"
    latest = batches[0] if batches else None
    heading = _heading("Market", escape(said), None if latest is None else latest.status)
    note = "no batch yet" if latest is None else f"latest batch {latest.instant:%Y-%m-%d %H:%M:%S} UTC"
    return _block(heading, _note(note), _frame(_named(prices), _PRICED) if len(prices) else _note("no prices yet"))


def _named(prices: Any) -> Any:
    """Prices under what is known of their products, in words, instead of their ids."""
    columns = prices.drop(columns=[name for name in prices.columns if name in _MEASURED])
    if not len(columns.columns):
        return prices
    names = [" · ".join(_shortened(value) for value in row if value is not None) for row in columns.to_numpy().tolist()]
    named = prices[list(_PRICED)].copy()
    named.index = names
    named.index.name = " · ".join(str(name) for name in columns.columns)
    return named


def _shortened(value: Any) -> str:
    """Shorten an instant at midnight or at a full minute; other values stay as they are."""
    text = str(value)
    return text.removesuffix("Z").removesuffix(":00").replace("T", " ") if text[10:11] == "T" else text


def _heading(name: str, said: str, status: str | None = None) -> str:
    badge = "" if status is None else _badge(status)
    return f'<div style="margin:.2em 0"><b>{name}</b> {badge} <span style="{_QUIET}">{said}</span></div>'


def _badge(status: str) -> str:
    ground = _GROUND.get(status, _FAILED)
    style = f"background:{ground};color:#fff;border-radius:.6em;padding:.05em .6em;font-size:90%"
    return f'<span style="{style}">{escape(status)}</span>'


def _note(text: str) -> str:
    return f'<div style="{_QUIET}">{escape(text)}</div>'


def _block(*parts: str) -> str:
    return f'<div style="color:inherit">{"".join(parts)}</div>'


def _row(*parts: str) -> str:
    return f'<div style="display:flex;flex-wrap:wrap;align-items:flex-start">{"".join(parts)}</div>'


def _frame(frame: Any, columns: Sequence[str]) -> str:
    shown = frame.iloc[:_ROWS]
    values = [_cleaned(shown[name].to_list()) for name in columns]
    rows = [
        (escape(str(name)), *(_number(value) for value in row))
        for name, *row in zip(shown.index.to_list(), *values, strict=True)
    ]
    more = len(frame) - len(shown)
    table = _table((str(frame.index.name or ""), *columns), rows)
    return f"<div>{table}{_note(f'… and {more:,} more') if more else ''}</div>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], text: int = 0) -> str:
    """Write a table; its cells are escaped already, its first column and column `text` hold words."""

    def cell(tag: str, k: int, content: str) -> str:
        words = (k == 0 and len(head) > 2) or (k == text and text > 0)
        return f'<{tag} style="{_NAME if words else _CELL}">{content}</{tag}>'

    top = "".join(cell("th", k, escape(name)) for k, name in enumerate(head))
    body = "".join(f"<tr>{''.join(cell('td', k, content) for k, content in enumerate(row))}</tr>" for row in rows)
    return f'<table style="{_TABLE}"><tr>{top}</tr>{body}</table>'


def _some(ids: Any, count: int = 6) -> str:
    shown = [str(name) for name in ids[:count].to_pylist()]
    return ", ".join(shown) + (", …" if len(ids) > count else "")


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value + 0.0:,.6g}".replace("-", "−")


def _cleaned(column: list[float]) -> list[float]:
    """Show rounding errors around 0 as 0; the frame itself keeps every digit."""
    largest = max((abs(value) for value in column if math.isfinite(value)), default=0.0)
    return [0.0 if abs(value) < 1e-9 * largest else value for value in column]


def _measure(value: float) -> str:
    return "∞" if math.isinf(value) else "–" if math.isnan(value) else f"{value:.1e}".replace("-", "−")


def _sketch(points: Sequence[tuple[float, float]]) -> str:
    """Draw a curve as a small line: rate to the right, price upwards, rate 0 marked."""
    rates = [rate for rate, _ in points]
    finite = [rate for rate in rates if math.isfinite(rate)] + [0.0]
    span = max(finite) - min(finite) or 1.0
    low = min(finite) - (0.4 * span if -math.inf in rates else 0.0)
    high = max(finite) + (0.4 * span if math.inf in rates else 0.0)
    prices = [price for _, price in points]
    width, height, edge = 150.0, 90.0, 8.0

    def across(rate: float) -> float:
        return edge + (width - 2 * edge) * (min(max(rate, low), high) - low) / (high - low or 1.0)

    def down(price: float) -> float:
        spread = max(prices) - min(prices)
        return height / 2 if spread == 0 else edge + (height - 2 * edge) * (max(prices) - price) / spread

    line = " ".join(f"{across(rate):.1f},{down(price):.1f}" for rate, price in points)
    dots = "".join(
        f'<circle cx="{across(rate):.1f}" cy="{down(price):.1f}" r="2.5" fill="#2b83c6"/>'
        for rate, price in points
        if math.isfinite(rate)
    )
    zero = f'<line x1="{across(0):.1f}" x2="{across(0):.1f}" y1="0" y2="{height:g}" stroke="#8b8b8b" stroke-width="1"/>'
    path = f'<polyline points="{line}" fill="none" stroke="#2b83c6" stroke-width="2"/>'
    title = "<title>price over rate; the upright line is rate 0</title>"
    return f'<svg width="{width:g}" height="{height:g}" style="margin-right:1em">{title}{zero}{path}{dots}</svg>'
