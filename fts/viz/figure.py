"""Pictures on paper and on screen: files of every format, and the first picture of a notebook."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import holoviews as hv
from bokeh.embed import components
from bokeh.resources import INLINE
from holoviews.core.dimension import LabelledData
from IPython.core.getipython import get_ipython

from fts.errors import InvalidInput
from fts.viz import style

_PAPER = ("png", "svg", "pdf")


def save(picture: Any, file: str | Path, *, dpi: int = 200) -> Path:
    """Write a picture to a file, without a browser.

    Parameters
    ----------
    picture : HoloViews object
    file : path
        Its ending says the format: png, svg and pdf are drawn by matplotlib, html by bokeh, with all it needs inside.
    dpi : int
        Resolution of a png [dots / inch].

    Raises
    ------
    InvalidInput
        The ending is none of these.
    """
    path = Path(file)
    kind = path.suffix.removeprefix(".").lower()
    if kind in _PAPER:
        path.write_bytes(drawn(picture, kind, dpi=dpi))
    elif kind == "html":
        path.write_text(_page(picture, path.stem), encoding="utf-8")
    else:
        raise InvalidInput(f"{path.name}: a picture is saved as png, svg, pdf or html; name the file accordingly")
    return path


def _page(picture: Any, title: str) -> str:
    """A page of its own, with bokeh inside."""
    script, place = components(hv.render(picture, backend=style.BOKEH))
    # Bokeh's own scripts alone: what panel would add to them is on its server, and not needed.
    bokeh = "".join(f"<script>{source}</script>" for source in INLINE.js_raw)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>{bokeh}'
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>{place}{script}</body></html>\n"


def drawn(picture: Any, kind: str, *, dpi: int = 200) -> bytes:
    """A picture as the bytes of a png, svg or pdf."""
    data, _ = hv.Store.renderers[style.MATPLOTLIB].instance(dpi=dpi)(picture, fmt=kind)
    return data.encode() if isinstance(data, str) else bytes(data)


def show(picture: Any) -> Any:
    """The picture, after making sure that a notebook can show it.

    Until a notebook loads an interactive backend (``hv.extension("bokeh", inline=True)``), pictures show as drawings
    by matplotlib: they need no script, and no other host is asked for anything.
    """
    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        shell.display_formatter.formatters["image/svg+xml"].for_type(LabelledData, _drawing)
    return picture


def _drawing(picture: Any) -> str | None:
    """The drawing a notebook shows, or None where HoloViews shows the picture itself."""
    if hv.extension._loaded:
        return None
    return drawn(picture, "svg").decode()
