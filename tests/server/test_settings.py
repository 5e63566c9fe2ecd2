"""Where settings come from, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fts.errors import ConfigurationError
from fts.server import Limits
from fts.server.settings import read_secret, read_settings

FILE = """
[server]
bind_address = "127.0.0.1:9000"
page_limit = 7
auto_solve = true
[database]
database_path = "market.duckdb"
create_if_missing = false
[schedule]
from = "2027-01-01T00:00:30Z"
every = "1m"
[market]
time_unit = "1day"
quantity_unit = "t"
money_unit = "USD"
[limits]
body = 1000
points = 10
seconds = 2.5
[cors]
origins = ["https://a.example", "https://b.example"]
[token]
aud = "market"
iss = "operator"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "fts.toml"
    path.write_text(FILE)
    return str(path)


def test_the_defaults_are_safe() -> None:
    settings = read_settings(None, {})
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.database == ":memory:" and settings.schedule is None and not settings.auto_solve
    assert settings.limits == Limits() and settings.page_limit == 100 and settings.origins == ("*",)
    assert settings.time_unit is settings.audience is None


def test_a_file_says_everything(file: str) -> None:
    settings = read_settings(file, {})
    assert (settings.port, settings.page_limit, settings.auto_solve) == (9000, 7, True)
    assert (settings.database, settings.create_if_missing) == ("market.duckdb", False)
    assert settings.schedule is not None
    assert settings.schedule.every == timedelta(minutes=1)
    assert settings.schedule.after(datetime(2027, 1, 1, 5, tzinfo=UTC)) == datetime(2027, 1, 1, 5, 0, 30, tzinfo=UTC)
    assert (settings.time_unit, settings.quantity_unit, settings.money_unit) == ("1day", "t", "USD")
    assert settings.limits == Limits(1000, 10, 2.5)
    assert settings.origins == ("https://a.example", "https://b.example")
    assert (settings.audience, settings.issuer) == ("market", "operator")


def test_what_is_said_beats_the_environment_beats_the_file(file: str) -> None:
    environment = {
        "APP_CONFIG": file,
        "APP_SERVER__PAGE_LIMIT": "8",
        "APP_SERVER__AUTO_SOLVE": "false",
        "APP_LIMITS__SECONDS": "9",
        "APP_CORS__ORIGINS": "https://c.example, https://d.example",
        "APP_SCHEDULE__EVERY": "2m",
        "APP_OTHER__THING": "of another program",
        "PATH": "/bin",
    }
    settings = read_settings(None, environment, {("schedule", "every"): "3m", ("database", "database_path"): None})
    assert (settings.page_limit, settings.auto_solve, settings.port) == (8, False, 9000)
    assert settings.limits == Limits(1000, 10, 9.0)
    assert settings.origins == ("https://c.example", "https://d.example")
    assert settings.schedule is not None and settings.schedule.every == timedelta(minutes=3)
    assert settings.database == "market.duckdb"


@pytest.mark.parametrize(
    "text",
    [
        "[server]\npage_limit = 0",
        "[server]\npage_limit = true",
        '[server]\npage_limit = "many"',
        '[server]\nauto_solve = "yes"',
        "[server]\nauto_solve = 1",
        '[server]\nbind_address = "localhost"',
        '[server]\nbind_address = "localhost:99999"',
        "[server]\npage_limits = 5",
        "[serve]\npage_limit = 5",
        "page_limit = 5",
        "[schedule]\nevery = 10",
        '[schedule]\nevery = "often"',
        '[schedule]\nfrom = "2027-01-01T00:00:00Z"',
        '[schedule]\nevery = "10s"\nfrom = "2027-01-01"',
        '[limits]\nbody = "large"',
        "[limits]\nseconds = 0",
        "[limits]\nseconds = nan",
        "[cors]\norigins = 5",
        "not toml",
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fts.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError):
        read_settings(str(path), {})


def test_an_environment_that_cannot_be_used_is_named() -> None:
    for name, value in (("APP_SERVER__PAGE_LIMIT", "-1"), ("APP_SERVER__PAGE_LIMITS", "5"), ("APP_CONFIG", "/no/file")):
        with pytest.raises(ConfigurationError, match=name if "__" in name else value):
            read_settings(None, {name: value})


def test_a_secret_has_32_bytes() -> None:
    good = "0123456789abcdef" * 2
    assert read_secret(good, {}) == good
    assert read_secret(None, {"APP_SECRET": good}) == good
    assert read_secret("é" * 16, {}) == "é" * 16
    for said, environment in ((None, {}), ("", {"APP_SECRET": good}), (good[1:], {}), (None, {"APP_SECRET": "x"})):
        with pytest.raises(ConfigurationError) as refused:
            read_secret(said, environment)
        assert good[1:] not in str(refused.value)
