"""The notebooks that need no exchange, executed for real in an environment without the server extra."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
GUIDES = ("01_quickstart", "02_bidding", "04_clearing")
PICTURES = {"01_quickstart": 2, "02_bidding": 2, "04_clearing": 5}
#: What `pip install 'fts-lab[server]'` brings beyond the store, and the dashboards: none of it is there.
SERVER = ("fastapi", "uvicorn", "jwt", "starlette", "swagger_ui_bundle", "panel_material_ui")
STORE = ("duckdb", "pytz")
CLEARING = ("04_clearing", SERVER + STORE)
HIDING = """
import sys

for name in {left_out!r}:
    sys.modules[name] = None
"""


@pytest.fixture(
    scope="module",
    params=[
        ("01_quickstart", SERVER),
        ("01_quickstart", SERVER + STORE),
        ("02_bidding", SERVER + STORE),
        CLEARING,
    ],
)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name, left_out = request.param
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(HIDING.format(left_out=left_out)))
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    notebook.cells.pop(0)
    notebook.metadata["left_out"] = left_out
    notebook.metadata["name"] = name
    return notebook


def texts(notebook: Any, kind: str) -> list[str]:
    return [
        output["data"][kind]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if kind in output.get("data", {})
    ]


def printed(notebook: Any) -> str:
    return "".join(
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream"
    )


@pytest.mark.xdist_group("notebooks")
def test_it_runs_and_says_nothing_on_standard_error(executed: Any) -> None:
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not [output for output in outputs if output["output_type"] == "error"]


@pytest.mark.xdist_group("notebooks")
def test_its_pictures_show_offline(executed: Any) -> None:
    drawings = texts(executed, "image/svg+xml")
    assert len(drawings) == PICTURES[executed.metadata["name"]]
    assert all("#2b83c6" in drawing or "#a04fd0" in drawing for drawing in drawings)
    for kind in ("text/html", "application/javascript", "image/svg+xml"):
        for page in texts(executed, kind):
            assert not re.search(r"(?:src|href)=[\"']?https?:|url\(https?:|@import", page)


@pytest.mark.xdist_group("notebooks")
def test_it_shows_what_it_says(executed: Any) -> None:
    shown = "\n".join(texts(executed, "text/plain")) + printed(executed)
    if executed.metadata["name"] == "01_quickstart":
        # The 80th MWh/h is worth 60 - 0.4 · 80; wind and load share (60 - 28)/2 · 80 + (28 - 5) · 80.
        assert re.search(r"noon\s+28\.0\d*\s+80\.0", shown)
        assert "surpluses 3120.0000 EUR/h, welfare 3120.0000 EUR/h" in shown
        assert len(texts(executed, "application/vnd.jupyter.widget-view+json")) == 1
        if "duckdb" in executed.metadata["left_out"]:
            assert "pip install 'fts-lab[store]'" in shown
        else:
            (market,) = [page for page in texts(executed, "text/html") if "Market" in page]
            assert "28" in market
    elif executed.metadata["name"] == "02_bidding":
        for rule in ("prices never rise", "rate 0", "finite", "empty", "min_rate", "generous"):
            assert rule in shown


@pytest.mark.xdist_group("notebooks")
@pytest.mark.parametrize("executed", [CLEARING], indirect=True)
def test_clearing_shows_what_follows_from_the_bids(executed: Any) -> None:
    shown = "\n".join(texts(executed, "text/plain"))
    assert re.search(r"status +exact +not solved +solved", shown)  # as solved; a rate wrong; a price wrong
    assert re.search(r"noon +7\.5 +40 +5 +10", shown)  # half way between the two quotes
    # 60 bought from offers of 40 and 80: half of each.
    assert re.search(r"small +20\n +large +40\n", shown) and re.search(r"1st half +15\n +large, 2nd half +25", shown)
    # A spread of at least 4, nearest to (0, 0) and to (dusk 20, noon 40); no limit to either price alone.
    assert re.search(r"dusk +2 +32 +-inf +inf\nnoon +-2 +28 +-inf +inf", shown)
    # The noon load buys all 20 of wind at 40 - 20/2; dusk is 4 to 12 above.
    assert re.search(r"dusk +34 +34 +42\nnoon +30 +30 +30", shown)
    engines = set(re.findall(r"^(\w+) +exact ", shown, re.M))
    assert {"native", "clarabel", "osqp", "ecos", "scs", "piqp", "highs"} <= engines
    assert re.search(r"^cold +\d+ .*\nwarm +\d+ ", shown, re.M)


@pytest.mark.xdist_group("notebooks")
@pytest.mark.parametrize("executed", [CLEARING], indirect=True)
def test_the_pictures_of_clearing_have_units_on_their_axes(executed: Any) -> None:
    axes = (
        ("share of the price", "share of what is traded"),
        ("MWh/h", "EUR/MWh"),
        ("EUR/MWh", "EUR/MWh"),
        ("EUR/MWh", "EUR/MWh"),
        ("number", "s"),
    )
    for drawing, units in zip(texts(executed, "image/svg+xml"), axes, strict=True):
        written = re.findall(r"<!-- (.*?) -->", drawing)
        for unit in units:
            assert any(label.endswith(f"({unit})") for label in written), (unit, written)


@pytest.mark.parametrize("name", GUIDES)
def test_it_is_stored_without_outputs(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)
        assert len(cell.source.splitlines()) <= 20
