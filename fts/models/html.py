"""How market values show themselves in a notebook."""

from __future__ import annotations

from html import escape
from typing import Any


def curve(value: Any) -> str:
    """A curve as a small table of its points."""
    rows = "".join(f"<tr><td>{rate:g}</td><td>{price:g}</td></tr>" for rate, price in value.points)
    return f"<table><tr><th>rate</th><th>price</th></tr>{rows}</table>"


def certificate(value: Any) -> str:
    """A certificate as a small table of its measures."""
    rows = "".join(
        f"<tr><th>{name}</th><td>{escape(str(measure))}</td></tr>" for name, measure in value.to_json().items()
    )
    return f"<table>{rows}</table>"


def auction(value: Any) -> str:
    """An auction in one line."""
    return f"<b>{escape(repr(value))}</b>"


def outcome(value: Any) -> str:
    """An outcome: its status and its product prices."""
    return f"<b>{escape(repr(value))}</b>{value.products.to_html(max_rows=20)}"
