"""Where settings come from, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fts.errors import ConfigurationError
from fts.exchange import MarketOptions, Schedule
from fts.models.auction import Auction
from fts.server import JwtApplication, Limits, create_app
from fts.server.settings import read_secret, read_settings
from fts.store import DuckStore

SECRET = "a secret of this test, long enough"

FILE = '''
[server]
bind_address = "127.0.0.1:9000"
page_limit = 7
log = "json"
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
bulk_rows = 50
rate = 0.5
[cors]
origins = ["https://a.example", "https://b.example"]
[token]
algorithm = "EdDSA"
public_key = """
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
aud = "market"
iss = "operator"
'''


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "fts.toml"
    path.write_text(FILE)
    return str(path)


def test_the_defaults_are_safe() -> None:
    settings = read_settings(None, {})
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.database == ":memory:" and settings.market.schedule is None and not settings.market.auto_solve
    assert settings.limits == Limits() and settings.market.page_limit == 100 and settings.origins == ("*",)
    assert settings.market.time_unit is settings.audience is settings.public_key is None
    assert (settings.algorithm, settings.log) == ("HS256", "text")
    # 64 clients with one token at 2,000 requests a second are not held up.
    assert settings.limits.rate > 2_000


def test_a_file_says_everything(file: str) -> None:
    settings = read_settings(file, {})
    market = settings.market
    assert (settings.port, market.page_limit, market.auto_solve) == (9000, 7, True)
    assert (settings.database, settings.create_if_missing) == ("market.duckdb", False)
    assert market.schedule is not None
    assert market.schedule.every == timedelta(minutes=1)
    assert market.schedule.after(datetime(2027, 1, 1, 5, tzinfo=UTC)) == datetime(2027, 1, 1, 5, 0, 30, tzinfo=UTC)
    assert (market.time_unit, market.quantity_unit, market.money_unit) == ("1day", "t", "USD")
    assert settings.limits == Limits(body=1000, points=10, seconds=2.5, bulk_rows=50, rate=0.5)
    assert settings.origins == ("https://a.example", "https://b.example")
    assert (settings.audience, settings.issuer) == ("market", "operator")
    assert settings.algorithm == "EdDSA" and settings.log == "json"
    assert settings.public_key is not None and "MCowBQYDK2VwAyEA11qYAYKxCrfVS" in settings.public_key


def test_what_is_said_beats_the_environment_beats_the_file(file: str) -> None:
    environment = {
        "APP_CONFIG": file,
        "APP_SERVER__PAGE_LIMIT": "8",
        "APP_SERVER__AUTO_SOLVE": "false",
        "APP_LIMITS__SECONDS": "9",
        "APP_LIMITS__BULK_ROWS": "60",
        "APP_CORS__ORIGINS": "https://c.example, https://d.example",
        "APP_SCHEDULE__EVERY": "2m",
        "APP_OTHER__THING": "of another program",
        "PATH": "/bin",
    }
    settings = read_settings(None, environment, {("schedule", "every"): "3m", ("database", "database_path"): None})
    assert (settings.market.page_limit, settings.market.auto_solve, settings.port) == (8, False, 9000)
    assert settings.limits == Limits(body=1000, points=10, seconds=9.0, bulk_rows=60, rate=0.5)
    assert settings.origins == ("https://c.example", "https://d.example")
    assert settings.market.schedule is not None and settings.market.schedule.every == timedelta(minutes=3)
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
        "[limits]\nrate = 0",
        "[limits]\nrate = nan",
        "[limits]\nrate = true",
        "[limits]\nbulk_rows = 0.5",
        "[server]\nlog = true",
        '[token]\nalgorithm = "none"',
        '[token]\nalgorithm = "HS512"',
        '[token]\nalgorithm = ["HS256", "RS256"]',
        '[token]\nalgorithm = "RS256"\npublic_key = "nowhere.pem"',
        '[token]\npublic_key = "key.pem"',
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


OLDER = {
    "API_PORT": "9001",
    "DATABASE": "older.db",
    "TRADE_RATE": "15m",
    "SCHEDULE_FROM": "2026-01-01T00:00:05Z",
    "SCHEDULE_EVERY": "5m",
}


def test_the_names_of_0_3_are_read() -> None:
    settings = read_settings(None, OLDER)
    assert (settings.host, settings.port) == ("127.0.0.1", 9001)
    assert (settings.database, settings.market.time_unit) == ("older.db", "15m")
    assert settings.market.schedule is not None and settings.market.schedule.every == timedelta(minutes=5)
    assert settings.market.schedule.from_ == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)


def test_the_newer_names_beat_those_of_0_3_wherever_they_stand(file: str) -> None:
    assert read_settings(file, OLDER) == read_settings(file, {})
    newer = {
        "APP_SERVER__BIND_ADDRESS": "127.0.0.1:9002",
        "APP_DATABASE__DATABASE_PATH": "newer.db",
        "APP_MARKET__TIME_UNIT": "1day",
        "APP_SCHEDULE__EVERY": "1m",
    }
    assert read_settings(None, newer | OLDER) == read_settings(None, newer | {"SCHEDULE_FROM": OLDER["SCHEDULE_FROM"]})
    said = read_settings(None, OLDER, {("schedule", "every"): "2m", ("database", "database_path"): "said.db"})
    assert said.market.schedule is not None and said.market.schedule.every == timedelta(minutes=2)
    assert (said.database, said.port, said.market.time_unit) == ("said.db", 9001, "15m")
    # One that is not needed is not looked at.
    assert read_settings(None, newer | {"API_PORT": "none"}).port == 9002


@pytest.mark.parametrize(
    "name, value",
    [("API_PORT", "http"), ("API_PORT", "65536"), ("API_PORT", ""), ("DATABASE", ""), ("TRADE_RATE", " ")],
)
def test_a_name_of_0_3_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is "):
        read_settings(None, {name: value})


def test_a_public_key_is_a_text_or_a_file(tmp_path: Path) -> None:
    path, text = tmp_path / "key.pem", "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"
    path.write_text(text)
    for said in (text, str(path)):
        environment = {"APP_TOKEN__ALGORITHM": "RS256", "APP_TOKEN__PUBLIC_KEY": said}
        assert read_settings(None, environment).public_key == text


def test_a_secret_may_have_its_name_of_0_3() -> None:
    good, other = "0123456789abcdef" * 2, "f" * 32
    assert read_secret(None, {"API_SECRET": good}) == good
    assert read_secret(None, {"API_SECRET": good, "APP_SECRET": other}) == other
    assert read_secret(other, {"API_SECRET": good}) == other
    with pytest.raises(ConfigurationError, match="5 bytes"):
        read_secret(None, {"API_SECRET": "short"})


def test_a_secret_has_32_bytes() -> None:
    good = "0123456789abcdef" * 2
    assert read_secret(good, {}) == good
    assert read_secret(None, {"APP_SECRET": good}) == good
    assert read_secret("é" * 16, {}) == "é" * 16
    for said, environment in ((None, {}), ("", {"APP_SECRET": good}), (good[1:], {}), (None, {"APP_SECRET": "x"})):
        with pytest.raises(ConfigurationError) as refused:
            read_secret(said, environment)
        assert good[1:] not in str(refused.value)


def test_options_of_the_market_are_one_object_or_keywords_which_replace_its_own() -> None:
    options = MarketOptions(page_limit=7, auto_solve=True, schedule=Schedule("5m"), time_unit="15m")
    market = create_app(DuckStore(), JwtApplication(SECRET), options=options, page_limit=8, schedule="6m").state.market
    assert (market.page_limit, market.auto_solve, market.units.time_unit) == (8, True, "15m")
    assert market.schedule == Schedule(timedelta(minutes=6))
    with pytest.raises(ConfigurationError, match="not both"):
        create_app(DuckStore(), JwtApplication(SECRET), options=MarketOptions(solver="native"), clearing=Auction.solve)
    with pytest.raises(TypeError, match="page_size"):
        create_app(DuckStore(), JwtApplication(SECRET), page_size=8)  # type: ignore[call-arg]
