"""A token is sent whole or refused, and is printed nowhere; nor is a password in an address."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import h11
import httpx
import pytest

from fts.cli.demo_market import DemoMarket
from fts.client import AsyncClient, Client, NoAnswer
from fts.client.credential import HEADER_VALUE, authorization, redact_url
from fts.client.download import download_market
from fts.errors import ConfigurationError, FtsError
from fts.server import JwtApplication, local
from fts.server.context import RequestContext
from fts.server.settings import read_secret, read_settings

SECRET = "qwertz-do-not-print"
BAD: dict[str, Any] = {
    "line break at the end": f"{SECRET}\n",
    "line break inside": f"{SECRET}\n{SECRET}",
    "carriage return": f"{SECRET}\r",
    "another header": f"{SECRET}\r\nX-Admin: true",
    "space before": f" {SECRET}",
    "tab behind": f"{SECRET}\t",
    "zero": f"{SECRET}\0",
    "control character": f"{SECRET}\x1b[31m",
    "delete": f"{SECRET}\x7f",
    "not ASCII": f"{SECRET}é",
    "line separator": f"{SECRET}\u2028",
    "half a surrogate pair": f"{SECRET}\udcff",
    "bytes": SECRET.encode(),
    "empty": "",
}


def text_of(error: BaseException) -> str:
    """All that a traceback shows."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_token_that_no_header_can_carry_is_refused_at_once(name: str, kind: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        kind("http://127.0.0.1:9", BAD[name])
    assert SECRET not in text_of(refused.value).replace(repr(BAD[name]), "") and SECRET not in str(refused.value)
    assert "token" in str(refused.value)


@pytest.mark.parametrize("name", BAD)
def test_so_does_a_copy(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        download_market("http://127.0.0.1:9", BAD[name], tmp_path / "copy.duckdb")
    assert SECRET not in str(refused.value)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("code", range(0x180))
def test_what_is_accepted_can_be_sent_and_read(code: int) -> None:
    """Held against the library that writes the header: nothing that it refuses is accepted here."""
    for token in (f"a{chr(code)}b", f"{chr(code)}b", f"a{chr(code)}"):
        if HEADER_VALUE.fullmatch(token):
            assert authorization(token) == {"Authorization": f"Bearer {token}"}
            header = httpx.Headers(authorization(token)).raw
            sent = h11.Connection(h11.CLIENT).send(
                h11.Request(method="GET", target="/", headers=[*header, (b"Host", b"x")])
            )
            assert sent is not None and f"Bearer {token}\r\n".encode() in sent
        else:
            assert code in (0x20, 0x09) or not 0x21 <= code <= 0x7E
    assert HEADER_VALUE.fullmatch(f"a{chr(code)}b") is None or code == 0x09 or 0x20 <= code <= 0x7E


def test_the_message_says_where() -> None:
    with pytest.raises(ConfigurationError, match="character 4 of 7 is a line break"):
        authorization("abc\ndef")
    with pytest.raises(ConfigurationError, match="begins or ends with a space"):
        authorization("abc ")
    with pytest.raises(ConfigurationError, match="it is empty"):
        authorization("")


def test_a_token_with_a_space_inside_reaches_an_application_that_reads_it_so() -> None:
    seen: list[str] = []

    class Asked(JwtApplication):
        def can_view_products(self, token: str) -> bool:
            seen.append(token)
            return True

    with local(application=Asked(SECRET)) as url, Client(url, "two words~") as client:
        assert client.products()["results"] == []
    assert seen == ["two words~"]


def commands(tmp_path: Path) -> dict[str, list[str]]:
    return {
        "dashboard": ["dashboard", "--exchange", "http://127.0.0.1:9", "--port", "0", "--no-browser"],
        "backup": ["backup", "http://127.0.0.1:9", str(tmp_path / "copy.duckdb")],
    }


@pytest.mark.parametrize("command", ["dashboard", "backup"])
@pytest.mark.parametrize("given", ["--token", "FTS_TOKEN"])
def test_commands_refuse_it_in_a_line(command: str, given: str, tmp_path: Path) -> None:
    environment, arguments = dict(os.environ), commands(tmp_path)[command]
    token = BAD["line break at the end"]
    if given == "--token":
        arguments += ["--token", token]
    else:
        environment["FTS_TOKEN"] = token
    ran = subprocess.run(
        [sys.executable, "-m", "fts", *arguments], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode != 0
    assert ran.stderr.startswith("fts: the token cannot be sent in an HTTP header") and ran.stderr.count("\n") == 1
    assert SECRET not in ran.stdout + ran.stderr


ADDRESSES = [
    f"http://user:{SECRET}@127.0.0.1:9",
    f"http://{SECRET}@127.0.0.1:9",
    f"http://user:{SECRET}@127.0.0.1:99999999",
    f"http://user:1{SECRET}\0@127.0.0.1:9",
    f"ftp://user:{SECRET}@127.0.0.1:9",
]


def ask(url: str) -> Any:
    with Client(url, timeout=5) as client:
        return client.health()


def ask_async(url: str) -> Any:
    async def ask() -> Any:
        async with AsyncClient(url, timeout=5) as client:
            return await client.health()

    # A browser test before this one may have left its event loop in the main thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()


def copy(url: str) -> Any:
    download_market(url, "abc", f"/nowhere/{uuid4()}/copy")


@pytest.mark.parametrize("url", ADDRESSES)
@pytest.mark.parametrize("use", [ask, ask_async, copy])
def test_the_password_in_an_address_is_not_shown(use: Callable[[str], Any], url: str) -> None:
    with pytest.raises((NoAnswer, ConfigurationError)) as refused:
        use(url)
    shown_error = "".join(traceback.format_exception_only(refused.value))
    assert SECRET not in shown_error and "127.0.0.1" in shown_error
    cause = refused.value.__cause__
    assert cause is None or SECRET not in str(cause)


def test_an_address_keeps_the_rest() -> None:
    assert redact_url("https://user:p@exchange.example:1/a@b?c=@") == "https://exchange.example:1/a@b?c=@"
    assert redact_url("http://127.0.0.1:8080/a@b") == "http://127.0.0.1:8080/a@b"


def test_what_holds_a_secret_does_not_show_it() -> None:
    market = DemoMarket(Path("m"), True, SECRET, None, 1, [], [], {})  # type: ignore[arg-type]
    assert SECRET not in repr(market)
    assert SECRET not in repr(RequestContext(None, SECRET, {}))  # type: ignore[arg-type]
    assert SECRET not in repr(JwtApplication(SECRET)) + repr(Client("http://127.0.0.1:9", SECRET).__dict__)


@pytest.mark.parametrize("token", [SECRET, f"{SECRET}'\"\\x", f'{SECRET}"é'.encode().decode("latin-1")])
def test_the_log_of_a_defect_has_the_token_in_no_form(token: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(JwtApplication):
        def can_view_products(self, token: str) -> bool:
            raise ValueError(f"no such token: {token} {token!r} {[token]}")

    with local(application=Broken(SECRET)) as url, caplog.at_level(logging.DEBUG, "fts"):
        headers = [(b"Authorization", f"Bearer {token}".encode("latin-1"))]
        assert httpx.get(f"{url}/product", headers=headers).status_code == 500
    assert "(the token)" in caplog.text
    assert SECRET not in caplog.text.replace(repr(SECRET), "")


def test_settings_show_no_key() -> None:
    for key in (SECRET, SECRET * 1000, f"{SECRET}\0"):
        with pytest.raises(ConfigurationError, match="neither PEM text") as refused:
            read_settings(None, {"APP_TOKEN__ALGORITHM": "EdDSA", "APP_TOKEN__PUBLIC_KEY": key})
        assert SECRET not in text_of(refused.value)
    with pytest.raises(ConfigurationError, match="not UTF-8") as wrong:
        read_secret(SECRET * 3 + "\udcff", {})
    assert SECRET not in text_of(wrong.value)
    with pytest.raises(FtsError) as short:
        read_secret(SECRET, {})
    assert SECRET not in text_of(short.value)
