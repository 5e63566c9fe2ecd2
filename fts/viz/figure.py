"""Files of figures in all formats, and their display in a notebook."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any, TypeVar

import holoviews as hv
from bokeh.embed import components
from bokeh.resources import INLINE
from holoviews.core.dimension import LabelledData
from IPython.core.getipython import get_ipython

from fts.errors import InvalidInput
from fts.viz import style

Figure = TypeVar("Figure")
_MATPLOTLIB_FORMATS = ("png", "svg", "pdf")


def save(picture: Any, file: str | Path, *, dpi: int = 200) -> Path:
    """Write a figure to a file, without a browser.

    Parameters
    ----------
    picture : HoloViews object
    file : path
        Its suffix is the format: png, svg and pdf are drawn by matplotlib, html by bokeh, with all scripts inside.
    dpi : int
        Resolution of a png [dots / inch].

    Raises
    ------
    InvalidInput
        The suffix is none of these.
    """
    path = Path(file)
    kind = path.suffix.removeprefix(".").lower()
    if kind in _MATPLOTLIB_FORMATS:
        path.write_bytes(render(picture, kind, dpi=dpi))
    elif kind == "html":
        path.write_text(_html_page(picture, path.stem), encoding="utf-8")
    else:
        raise InvalidInput(f"{path.name}: a picture is saved as png, svg, pdf or html; name the file accordingly")
    return path


def _html_page(picture: Any, title: str) -> str:
    """Write an HTML page with bokeh's scripts inside."""
    script, container = components(hv.render(picture, backend=style.BOKEH))
    # Bokeh's own scripts only: those of panel would be loaded from another host, and are not needed.
    bokeh = "".join(f"<script>{source}</script>" for source in INLINE.js_raw)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>{bokeh}'
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>{container}{script}</body></html>\n"


def render(picture: Any, kind: str, *, dpi: int = 200) -> bytes:
    """Draw a figure as the bytes of a png, svg or pdf."""
    data, _ = hv.Store.renderers[style.MATPLOTLIB].instance(dpi=dpi)(picture, fmt=kind)
    return data.encode() if isinstance(data, str) else bytes(data)


def show(picture: Figure) -> Figure:
    """Register the display of figures in a notebook, and return the figure.

    Until a notebook loads an interactive backend (``hv.extension("bokeh", inline=True)``), figures are shown as SVG
    by matplotlib, which needs no script and no other host.
    """
    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        shell.display_formatter.formatters["image/svg+xml"].for_type(LabelledData, _svg)
    return picture


def _svg(picture: Any) -> str | None:
    """Draw the SVG that a notebook shows; None if HoloViews shows the figure itself."""
    if hv.extension._loaded:
        return None
    return render(picture, "svg").decode()
