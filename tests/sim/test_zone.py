"""The sample market as a file."""

from __future__ import annotations

import shutil

import pytest

from fts import bundled
from fts.errors import InvalidFile
from fts.sim.zone import read_zone


def test_a_dozen_bidders_with_names_of_their_own(zone):
    assert len(zone.agents) == 12
    assert len({agent.name for agent in zone.agents}) == 12


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ('by = "hour"', 'by = "quarter"', r"\[\[retailer\]\] number 2: 'quarter'"),
        ("g25 = 1700", "g99 = 1700", r"\[\[retailer\]\] number 3: 'g99'"),
        ("capacity_mw = 720", "", r"\[\[gas\]\] number 2: 'capacity_mw'"),
        ("[market]", "[market", "not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, written, instead, message):
    shutil.copytree(bundled.folder("data"), tmp_path, dirs_exist_ok=True)
    path = tmp_path / "bidders.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(written, instead, 1), encoding="utf-8")
    with pytest.raises(InvalidFile, match=message):
        read_zone(tmp_path)
