"""Style of figures: colours for light and dark backgrounds, and the options of each backend."""

from __future__ import annotations

from typing import Any

import holoviews as hv

# Importing a backend registers its options; nothing is drawn.
import holoviews.plotting.bokeh
import holoviews.plotting.mpl
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

DEMAND, SUPPLY, CLEARING, GUIDE = "#2b83c6", "#e0732c", "#a04fd0", "#8b8b8b"
#: Colours of lines that have names.
CYCLE = ("#2b83c6", "#e0732c", "#2e9e6b", "#a04fd0", "#c9a227", "#d6456b", "#35a7b5", "#8c6d46")
BOKEH, MATPLOTLIB = "bokeh", "matplotlib"
_DASHES_BOKEH: dict[str, Any] = {"solid": "solid", "dashed": [6, 4], "dotted": [2, 3]}
_MARKERS_MATPLOTLIB = {"circle": "o", "diamond": "D"}


def line(element: hv.Curve, color: str, *, dash: str = "solid", width: float = 2.5, alpha: float = 1.0) -> hv.Curve:
    """Draw a curve as a line, with its values at the pointer."""
    # Framewise: if a figure changes in place, its axes are adapted.
    common = {"color": color, "alpha": alpha, "framewise": True}
    element = element.opts(
        backend=BOKEH, line_width=width, line_dash=_DASHES_BOKEH[dash], tools=["hover"], muted_alpha=0.1, **common
    )
    # matplotlib draws solid lines by default, and warns over dates if that is set explicitly.
    style = {} if dash == "solid" else {"linestyle": dash}
    return element.opts(backend=MATPLOTLIB, linewidth=0.7 * width, **style, **common)


def dots(element: hv.Scatter, color: str, *, marker: str = "circle", size: float = 7, alpha: float = 1.0) -> hv.Scatter:
    """Draw points as markers, with their values at the pointer."""
    # Framewise: if a figure changes in place, its axes are adapted.
    common = {"color": color, "alpha": alpha, "framewise": True}
    element = element.opts(backend=BOKEH, size=size, marker=marker, tools=["hover"], **common)
    return element.opts(backend=MATPLOTLIB, s=0.5 * size**2, marker=_MARKERS_MATPLOTLIB[marker], **common)


def picture(
    overlay: hv.Overlay, title: str, *, legend: bool = True, dates: bool = False, height: int = 360, **limits: Any
) -> hv.Overlay:
    """Finish an overlay as one figure.

    Parameters
    ----------
    overlay : Overlay
    title : str
    legend : bool
        True if it has a legend, outside the plot.
    dates : bool
        True if the horizontal axis is time.
    height : int
        Height in the browser, where the width is that of the page [pixels].
    **limits
        ``xlim``, ``ylim``: the initial view.
    """
    common = {
        "title": title,
        "show_legend": legend,
        "legend_limit": 1000,
        "show_grid": True,
        "padding": (0.03, 0.08),
        **limits,
    }
    overlay = overlay.opts(
        backend=BOKEH,
        responsive=True,
        height=height,
        min_width=280,
        legend_position="bottom",
        legend_cols=4,
        legend_opts={"click_policy": "mute", "margin": 0, "border_line_alpha": 0, "background_fill_alpha": 0},
        active_tools=[],
        toolbar="above",
        backend_opts={"plot.toolbar.logo": None},
        gridstyle={"grid_line_alpha": 0.25},
        **common,
    )
    return overlay.opts(
        backend=MATPLOTLIB,
        fig_inches=6.4,
        aspect=1.7,
        fontsize={"title": 11, "labels": 10, "ticks": 9, "legend": 9},
        gridstyle={"alpha": 0.3},
        hooks=[_legend_below, _short_dates] if dates else [_legend_below],
        **common,
    )


def _legend_below(plot: Any, _: Any) -> None:
    """Place the legend under the axis label, in as many columns as fit."""
    axes = plot.handles["axis"]
    if plot.show_legend and axes.get_legend():
        handles, labels = axes.get_legend_handles_labels()
        columns = min(4, len(labels))
        plot.handles["legend"] = axes.legend(
            handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=columns, frameon=False, fontsize=9
        )


def _short_dates(plot: Any, _: Any) -> None:
    """Write the common part of all instants once, at the end of the axis."""
    axis = plot.handles["axis"].xaxis
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def rate_zero() -> hv.VLine:
    """Draw the line of rate 0, between selling and buying."""
    line = hv.VLine(0.0).opts(backend=BOKEH, color=GUIDE, line_width=1)
    return line.opts(backend=MATPLOTLIB, color=GUIDE, linewidth=0.8)
