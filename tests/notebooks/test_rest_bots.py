"""Notebook 05, executed for real: an exchange, three bots, bids in bulk, refusals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "05_rest_bots.ipynb"
PICTURE = "application/vnd.holoviews_exec.v0+json"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("notebooks")]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def printed(outputs: list[Any], name: str = "stdout") -> str:
    return "".join(output["text"] for output in outputs if output.get("name") == name)


def shown(outputs: list[Any]) -> str:
    return "\n".join(output["data"].get("text/plain", "") for output in outputs if "data" in output)


def test_it_complains_of_nothing(outputs: list[Any]) -> None:
    assert printed(outputs, "stderr") == ""


def test_whatever_one_buys_another_sells(outputs: list[Any]) -> None:
    assert re.search(r"all together: -?0\.000000 MWh", printed(outputs))
    positions = {name: float(re.search(rf"^{name} +(\S+)$", shown(outputs), re.M)[1]) for name in ("wind", "gas")}
    bought = float(re.search(r"^retailer +(\S+)$", shown(outputs), re.M)[1])
    assert bought == pytest.approx(-sum(positions.values()), abs=2e-3)
    # It wants 20; gas helps at first, and the park has 2 MWh/s at most.
    assert 5 < bought < 20 and -2 * 9 < positions["wind"] < 0 and positions["gas"] < 0


def test_its_picture_has_units_on_its_axes(outputs: list[Any]) -> None:
    (picture,) = [
        output["data"]["text/html"]
        for output in outputs
        if PICTURE in output.get("data", {}) and "axis_label" in output["data"]["text/html"]
    ]
    for axis in ("time since the bots began (s)", "price (EUR/MWh)", "rate: + buys, - sells (MWh/s)"):
        assert axis in picture


def test_bids_in_bulk_and_in_one_thread(outputs: list[Any]) -> None:
    said = printed(outputs)
    assert "1000 bids entered" in said and "500 bids changed" in said and str([1] * 10) in said


def test_each_mistake_is_refused_by_its_own_error(outputs: list[Any]) -> None:
    told = dict(re.findall(r"^(.+?): .*\n    \((.*)\)$", printed(outputs), re.M))
    assert told == {
        "the operator's work": "RequestFailed, NotPermitted, FtsError",
        "another's bid": "RequestFailed, NotPermitted, FtsError",
        "no such demand": "RequestFailed, NotFound, FtsError",
        "no such product": "RequestFailed, InvalidInput, FtsError",
        "a curve that rises": "InvalidCurve, InvalidInput, FtsError",
        "the third row is bad": "RequestFailed, NotFound, FtsError",
    }
    assert "row 3" in printed(outputs) and "no answer from the exchange at http://127.0.0.1:9" in printed(outputs)


def test_it_is_stored_without_outputs() -> None:
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)
        assert len(cell.source.splitlines()) <= 20
