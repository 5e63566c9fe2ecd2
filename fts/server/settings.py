"""Settings of `fts serve`: from a file, the environment and the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fts.errors import ConfigurationError, FtsError
from fts.exchange.context import PAGE_LIMIT, MarketOptions
from fts.exchange.schedule import Schedule
from fts.server.jwt_application import ALGORITHMS
from fts.server.limits import Limits

LOOPBACK = "127.0.0.1"
MIN_SECRET_BYTES = 32
"""Smallest size of a secret [bytes]: the size of its signatures."""


@dataclass(frozen=True)
class Settings:
    """Settings of one exchange.

    Attributes
    ----------
    host : str
    port : int
        0: any free port.
    market : MarketOptions
    database : str
        A file, or ``:memory:``.
    create_if_missing : bool
        True if a missing file is created.
    limits : Limits
    origins : tuple of str
        Origins whose web pages may call the exchange.
    audience, issuer : str or None
        Required ``aud`` and ``iss`` of tokens.
    algorithm : str
        Algorithm of the tokens' signatures.
    public_key : str or None
        PEM text of the key that verifies tokens, if they are not signed with the secret.
    log : str
        ``text``, or ``json`` with one line per request.
    """

    host: str
    port: int
    market: MarketOptions
    database: str
    create_if_missing: bool
    limits: Limits
    origins: tuple[str, ...]
    audience: str | None
    issuer: str | None
    algorithm: str
    public_key: str | None
    log: str


def _parse_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def _parse_count(value: Any) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if type(value) is not int or value < 1:
        raise ValueError("a whole number above 0")
    return value


def _parse_number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("a number")
    return float(value)


def _parse_flag(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _choice(*texts: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in texts:
            raise ValueError(f"one of {', '.join(texts)}")
        return str(value)

    return read


def _parse_port(value: Any) -> str:
    if not value.strip().isdecimal() or int(value) > 65535:
        raise ValueError("a port")
    return f"{LOOPBACK}:{int(value)}"


def _parse_texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list):
        raise ValueError("a list of texts")
    return tuple(_parse_text(part) for part in value)


PARSERS: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("server", "bind_address"): _parse_text,
    ("server", "page_limit"): _parse_count,
    ("server", "auto_solve"): _parse_flag,
    ("server", "log"): _choice("text", "json"),
    ("database", "database_path"): _parse_text,
    ("database", "create_if_missing"): _parse_flag,
    ("schedule", "from"): _parse_text,
    ("schedule", "every"): _parse_text,
    ("market", "time_unit"): _parse_text,
    ("market", "quantity_unit"): _parse_text,
    ("market", "money_unit"): _parse_text,
    **{
        ("limits", field.name): _parse_number if field.name in ("rate", "seconds") else _parse_count
        for field in fields(Limits)
    },
    ("cors", "origins"): _parse_texts,
    ("token", "algorithm"): _choice(*ALGORITHMS),
    ("token", "public_key"): _parse_text,
    ("token", "aud"): _parse_text,
    ("token", "iss"): _parse_text,
}
"""Parser of each setting, by section and key in the file; ``APP_SECTION__KEY`` in the environment."""

LEGACY_NAMES: Mapping[str, tuple[tuple[str, str], Callable[[Any], Any]]] = {
    "API_PORT": (("server", "bind_address"), _parse_port),
    "DATABASE": (("database", "database_path"), _parse_text),
    "TRADE_RATE": (("market", "time_unit"), _parse_text),
    "SCHEDULE_FROM": (("schedule", "from"), _parse_text),
    "SCHEDULE_EVERY": (("schedule", "every"), _parse_text),
}
"""Names of settings in the environment of the server of 0.3; used if the setting has no other source."""

DEFAULTS: Mapping[tuple[str, str], Any] = {
    ("server", "bind_address"): f"{LOOPBACK}:8080",
    ("server", "page_limit"): PAGE_LIMIT,
    ("server", "auto_solve"): False,
    ("server", "log"): "text",
    ("database", "database_path"): ":memory:",
    ("database", "create_if_missing"): True,
    ("cors", "origins"): ("*",),
    ("token", "algorithm"): "HS256",
}


def read_settings(
    file: str | None, environment: Mapping[str, str], command_line: Mapping[tuple[str, str], Any] | None = None
) -> Settings:
    """Read the settings, in this order of precedence: command line, environment, file, default.

    If none of the first three has a setting, the environment may have it under its name of 0.3.

    Parameters
    ----------
    file : str, optional
        TOML file; by default the one that ``APP_CONFIG`` names, if any.
    environment : mapping
        Environment variables, such as ``os.environ``.
    command_line : mapping of (section, key) to value, optional
        Options of the command line; None: not given.

    Raises
    ------
    ConfigurationError
    """
    name = file or environment.get("APP_CONFIG")
    values = {} if name is None else _parse_file(name)
    values |= _parse_environment(environment)
    values |= {location: value for location, value in (command_line or {}).items() if value is not None}
    values = {**DEFAULTS, **_parse_legacy_names(environment, values), **values}
    host, port = _parse_address(values["server", "bind_address"])
    limits, units = (
        {key: value for (section, key), value in values.items() if section == wanted} for wanted in ("limits", "market")
    )
    return Settings(
        host=host,
        port=port,
        market=MarketOptions(
            page_limit=values["server", "page_limit"],
            auto_solve=values["server", "auto_solve"],
            schedule=_make_schedule(values.get(("schedule", "every")), values.get(("schedule", "from"))),
            **units,
        ),
        database=values["database", "database_path"],
        create_if_missing=values["database", "create_if_missing"],
        limits=Limits(**limits),
        origins=values["cors", "origins"],
        audience=values.get(("token", "aud")),
        issuer=values.get(("token", "iss")),
        algorithm=values["token", "algorithm"],
        public_key=_read_public_key(values["token", "algorithm"], values.get(("token", "public_key"))),
        log=values["server", "log"],
    )


def read_secret(command_line: str | None, environment: Mapping[str, str]) -> str:
    """Read the secret that signs tokens, from the command line, ``APP_SECRET`` or, as in 0.3, ``API_SECRET``.

    Raises
    ------
    ConfigurationError
        The secret is missing, or too short.
    """
    secret = command_line if command_line is not None else environment.get("APP_SECRET", environment.get("API_SECRET"))
    if not secret:
        raise ConfigurationError(
            "an exchange needs a secret to sign tokens with: "
            "export APP_SECRET=$(python -c 'import secrets; print(secrets.token_hex(32))')"
        )
    if not _is_utf8(secret):
        raise ConfigurationError("the secret is not UTF-8 text; use letters and digits")
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ConfigurationError(
            f"the secret has {len(secret.encode())} bytes, fewer than {MIN_SECRET_BYTES}; make one with "
            "python -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return secret


def _parse_file(name: str) -> dict[tuple[str, str], Any]:
    try:
        with Path(name).open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {name}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigurationError(f"the configuration {name} is not TOML: {error}") from error
    values = {}
    for section, entries in content.items():
        if not isinstance(entries, dict):
            raise ConfigurationError(f"the configuration {name} has {section!r} outside a section")
        for key, value in entries.items():
            location = f"[{section}] {key} in {name}"
            values[section, key] = _parse_setting(section, key, value, location)
    return values


def _parse_environment(environment: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    sections = {section for section, _ in PARSERS}
    values = {}
    for name, value in environment.items():
        section, _, key = name.removeprefix("APP_").lower().partition("__")
        if name.startswith("APP_") and section in sections and key:
            values[section, key] = _parse_setting(section, key, value, name)
    return values


def _parse_legacy_names(
    environment: Mapping[str, str], values: Mapping[tuple[str, str], Any]
) -> dict[tuple[str, str], Any]:
    return {
        location: _parse(read, environment[name], name)
        for name, (location, read) in LEGACY_NAMES.items()
        if name in environment and location not in values
    }


def _parse_setting(section: str, key: str, value: Any, location: str) -> Any:
    if (section, key) not in PARSERS:
        known = ", ".join(f"[{known}] {name}" for known, name in PARSERS)
        raise ConfigurationError(f"{location} is not a setting; the settings are {known}")
    return _parse(PARSERS[section, key], value, location)


def _parse(read: Callable[[Any], Any], value: Any, location: str) -> Any:
    try:
        return read(value)
    except FtsError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{location} is {value!r}; it must be {error}") from error


def _parse_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(f"{text!r} is not an address to listen on; write host:port, such as 127.0.0.1:8080")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _read_public_key(algorithm: str, key: str | None) -> str | None:
    """Read the PEM text of the public key: the setting itself, or the content of the file that it names."""
    if key is None or "-----BEGIN" in key:
        return key
    if algorithm == "HS256":
        raise ConfigurationError('a public key cannot verify HS256 tokens; set [token] algorithm = "RS256" or "EdDSA"')
    try:
        return Path(key).read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the public key {key} is not PEM text") from error
    except (OSError, ValueError):
        # If it is no file, it may be a key pasted without its first line, so neither it nor the error is shown.
        raise ConfigurationError(
            "[token] public_key is neither PEM text, which begins -----BEGIN, nor a file that can be read"
        ) from None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _make_schedule(every: str | None, start: str | None) -> Schedule | None:
    if every is None:
        if start is not None:
            raise ConfigurationError(
                "the schedule has 'from' without 'every'; set the time between batches with 'every'"
            )
        return None
    return Schedule(every, start)
