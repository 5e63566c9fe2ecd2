"""How an exchange is run: a file, the environment, and what was said on the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fts.errors import ConfigurationError, FtsError
from fts.exchange.schedule import Schedule
from fts.server.jwt_application import ALGORITHMS
from fts.server.limits import Limits

LOOPBACK = "127.0.0.1"
SHORTEST_SECRET = 32
"""A secret has at least this many bytes: the size of the signatures that it makes."""


@dataclass(frozen=True)
class Settings:
    """How one exchange is run.

    Attributes
    ----------
    host : str
    port : int
        0: any free one.
    page_limit : int
    auto_solve : bool
    database : str
        A file, or ``:memory:``.
    create_if_missing : bool
        Whether a file that is not there is made.
    schedule : Schedule or None
    time_unit, quantity_unit, money_unit : str or None
    limits : Limits
    origins : tuple of str
        Web pages of which origins may call.
    audience, issuer : str or None
        Required in tokens.
    algorithm : str
        How tokens are signed.
    public_key : str or None
        PEM text of the key that checks them, where they are not signed with the secret.
    log : str
        ``text``, or ``json`` with a line for every request.
    """

    host: str
    port: int
    page_limit: int
    auto_solve: bool
    database: str
    create_if_missing: bool
    schedule: Schedule | None
    time_unit: str | None
    quantity_unit: str | None
    money_unit: str | None
    limits: Limits
    origins: tuple[str, ...]
    audience: str | None
    issuer: str | None
    algorithm: str
    public_key: str | None
    log: str


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def _count(value: Any) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if type(value) is not int or value < 1:
        raise ValueError("a whole number above 0")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("a number")
    return float(value)


def _flag(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _one_of(*texts: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in texts:
            raise ValueError(f"one of {', '.join(texts)}")
        return str(value)

    return read


def _port(value: Any) -> str:
    if not value.strip().isdecimal() or int(value) > 65535:
        raise ValueError("a port")
    return f"{LOOPBACK}:{int(value)}"


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list):
        raise ValueError("a list of texts")
    return tuple(_text(part) for part in value)


KEYS: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("server", "bind_address"): _text,
    ("server", "page_limit"): _count,
    ("server", "auto_solve"): _flag,
    ("server", "log"): _one_of("text", "json"),
    ("database", "database_path"): _text,
    ("database", "create_if_missing"): _flag,
    ("schedule", "from"): _text,
    ("schedule", "every"): _text,
    ("market", "time_unit"): _text,
    ("market", "quantity_unit"): _text,
    ("market", "money_unit"): _text,
    **{("limits", field.name): _number if field.name in ("rate", "seconds") else _count for field in fields(Limits)},
    ("cors", "origins"): _texts,
    ("token", "algorithm"): _one_of(*ALGORITHMS),
    ("token", "public_key"): _text,
    ("token", "aud"): _text,
    ("token", "iss"): _text,
}
"""Section and key in the file, and how its value is read. ``APP_SECTION__KEY`` is the same in the environment."""

OLDER: Mapping[str, tuple[tuple[str, str], Callable[[Any], Any]]] = {
    "API_PORT": (("server", "bind_address"), _port),
    "DATABASE": (("database", "database_path"), _text),
    "TRADE_RATE": (("market", "time_unit"), _text),
    "SCHEDULE_FROM": (("schedule", "from"), _text),
    "SCHEDULE_EVERY": (("schedule", "every"), _text),
}
"""What the server of 0.3 called a setting in the environment; read where the setting is said nowhere else."""

DEFAULTS: Mapping[tuple[str, str], Any] = {
    ("server", "bind_address"): f"{LOOPBACK}:8080",
    ("server", "page_limit"): 100,
    ("server", "auto_solve"): False,
    ("server", "log"): "text",
    ("database", "database_path"): ":memory:",
    ("database", "create_if_missing"): True,
    ("cors", "origins"): ("*",),
    ("token", "algorithm"): "HS256",
}


def read_settings(
    file: str | None, environment: Mapping[str, str], said: Mapping[tuple[str, str], Any] | None = None
) -> Settings:
    """Settings: what was said beats the environment, which beats the file, which beats the default.

    A setting that none of the first three has may stand in the environment under its name of 0.3.

    Parameters
    ----------
    file : str, optional
        A TOML file; by default that which ``APP_CONFIG`` names, if any.
    environment : mapping
        Such as ``os.environ``.
    said : mapping of (section, key) to value, optional
        From the command line; None is not said.

    Raises
    ------
    ConfigurationError
    """
    name = file or environment.get("APP_CONFIG")
    given = {} if name is None else _of_file(name)
    given |= _of_environment(environment)
    given |= {place: value for place, value in (said or {}).items() if value is not None}
    given = {**DEFAULTS, **_of_older_names(environment, given), **given}
    host, port = _address(given["server", "bind_address"])
    limits = {key: value for (section, key), value in given.items() if section == "limits"}
    return Settings(
        host=host,
        port=port,
        page_limit=given["server", "page_limit"],
        auto_solve=given["server", "auto_solve"],
        database=given["database", "database_path"],
        create_if_missing=given["database", "create_if_missing"],
        schedule=_schedule(given.get(("schedule", "every")), given.get(("schedule", "from"))),
        time_unit=given.get(("market", "time_unit")),
        quantity_unit=given.get(("market", "quantity_unit")),
        money_unit=given.get(("market", "money_unit")),
        limits=Limits(**limits),
        origins=given["cors", "origins"],
        audience=given.get(("token", "aud")),
        issuer=given.get(("token", "iss")),
        algorithm=given["token", "algorithm"],
        public_key=_key(given["token", "algorithm"], given.get(("token", "public_key"))),
        log=given["server", "log"],
    )


def read_secret(said: str | None, environment: Mapping[str, str]) -> str:
    """The secret that signs tokens, from the command line, ``APP_SECRET`` or, as in 0.3, ``API_SECRET``.

    Raises
    ------
    ConfigurationError
        There is none, or it is short.
    """
    secret = said if said is not None else environment.get("APP_SECRET", environment.get("API_SECRET"))
    if not secret:
        raise ConfigurationError(
            "an exchange needs a secret to sign tokens with: "
            "export APP_SECRET=$(python -c 'import secrets; print(secrets.token_hex(32))')"
        )
    if not _is_utf8(secret):
        raise ConfigurationError("the secret is no UTF-8 text; make one of letters and digits")
    if len(secret.encode()) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"the secret has {len(secret.encode())} bytes, fewer than {SHORTEST_SECRET}; make one with "
            "python -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return secret


def _of_file(name: str) -> dict[tuple[str, str], Any]:
    try:
        with Path(name).open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {name}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigurationError(f"the configuration {name} is no TOML: {error}") from error
    given = {}
    for section, entries in content.items():
        if not isinstance(entries, dict):
            raise ConfigurationError(f"the configuration {name} has {section!r} outside a section")
        for key, value in entries.items():
            place = f"[{section}] {key} in {name}"
            given[section, key] = _value(section, key, value, place)
    return given


def _of_environment(environment: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    sections = {section for section, _ in KEYS}
    given = {}
    for name, value in environment.items():
        section, _, key = name.removeprefix("APP_").lower().partition("__")
        if name.startswith("APP_") and section in sections and key:
            given[section, key] = _value(section, key, value, name)
    return given


def _of_older_names(environment: Mapping[str, str], given: Mapping[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    return {
        place: _read(read, environment[name], name)
        for name, (place, read) in OLDER.items()
        if name in environment and place not in given
    }


def _value(section: str, key: str, value: Any, place: str) -> Any:
    if (section, key) not in KEYS:
        known = ", ".join(f"[{known}] {name}" for known, name in KEYS)
        raise ConfigurationError(f"{place} is no setting; there are {known}")
    return _read(KEYS[section, key], value, place)


def _read(read: Callable[[Any], Any], value: Any, place: str) -> Any:
    try:
        return read(value)
    except FtsError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{place} is {value!r}; it must be {error}") from error


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(f"{text!r} is no address to listen on; write 127.0.0.1:8080")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _key(algorithm: str, key: str | None) -> str | None:
    """The PEM text of the public key, which is the setting itself or the file that it names."""
    if key is None or "-----BEGIN" in key:
        return key
    if algorithm == "HS256":
        raise ConfigurationError("a public key checks no HS256 token; say [token] algorithm = \"RS256\" or \"EdDSA\"")
    try:
        return Path(key).read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the public key {key} is no PEM text") from error
    except (OSError, ValueError):
        # What is no file may be a key that was pasted without its first line: neither it nor its error is shown.
        raise ConfigurationError(
            "[token] public_key is neither PEM text, which begins -----BEGIN, nor a file that can be read"
        ) from None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _schedule(every: str | None, start: str | None) -> Schedule | None:
    if every is None:
        if start is not None:
            raise ConfigurationError("the schedule has a 'from' and no 'every'; say how often batches run")
        return None
    return Schedule(every, start)
