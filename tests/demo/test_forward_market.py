"""Notebook 03, executed for real."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "03_forward_market.ipynb"
PICTURE = "application/vnd.holoviews_exec.v0+json"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("notebooks")]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_it_is_stored_without_outputs():
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_it_clears_the_whole_market_and_complains_of_nothing(executed):
    told = {stream: "" for stream in ("stdout", "stderr")}
    for output in outputs(executed):
        if output["output_type"] == "stream":
            told[output["name"]] += output["text"]
    assert "exact: 3,420 portfolios, 576 products" in told["stdout"]
    assert told["stderr"] == ""


def test_its_pictures_have_units_on_their_axes(executed):
    shown = [output["data"]["text/html"] for output in outputs(executed) if PICTURE in output.get("data", {})]
    pictures = [picture for picture in shown if "axis_label" in picture]
    assert len(pictures) == 5
    for picture, axis in zip(
        pictures,
        (
            "mean load (kW per GWh a year)",
            "price (EUR/MWh)",
            "price [EUR/MWh]",
            "net trade (MWh/h of trading)",
            "net trade (MWh/h of trading)",
        ),
        strict=True,
    ):
        assert axis in picture


def test_what_is_bought_is_sold(executed):
    (table,) = [
        output["data"]["text/html"]
        for output in outputs(executed)
        if "bought [MWh/h of trading]" in output.get("data", {}).get("text/html", "")
    ]
    cells = [
        [int(cell.split("</td>")[0]) for cell in row.split("<td>")[1:]] for row in table.split("<tr>") if "<td>" in row
    ]
    assert len(cells) == 12
    bought, sold, paid = (sum(column) for column in zip(*cells, strict=True))
    # Each of the twelve is rounded to a whole number.
    assert abs(bought - sold) <= 12
    assert abs(paid) <= 6
