"""Tokens that can be sent in a header, and addresses without their passwords."""

from __future__ import annotations

import re

from fts.errors import ConfigurationError

# RFC 9110, section 5.5: visible characters, with spaces and tabs only between them; and ASCII, which httpx sends.
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20\x09\x21-\x7e]*[\x21-\x7e])?", re.ASCII)
_FORBIDDEN = re.compile(r"[^\x20\x09\x21-\x7e]")
_USER = re.compile(r"//[^/?#]*@")


def authorization(token: str | None) -> dict[str, str]:
    """Build the authorization header; empty without a token.

    Parameters
    ----------
    token : str, optional

    Raises
    ------
    ConfigurationError
        The token cannot be sent in a header. The message has the position, and no part of the token.
    """
    if token is None:
        return {}
    if not isinstance(token, str):
        raise ConfigurationError(f"a token is a text, not {type(token).__name__}; give the text that fts token prints")
    if HEADER_VALUE.fullmatch(token) is None:
        raise ConfigurationError(f"the token cannot be sent in an HTTP header: {_fault(token)}")
    return {"Authorization": f"Bearer {token}"}


def redact_url(url: str) -> str:
    """Remove user and password from an address."""
    return _USER.sub("//", str.__str__(url))


def _fault(token: str) -> str:
    if not token:
        return "it is empty; give a token, or none"
    found = _FORBIDDEN.search(token)
    if found is None:
        return "it begins or ends with a space or a tab; leave them out"
    what = "a line break" if found.group() in "\r\n" else "a character that is no visible one of ASCII"
    return f"character {found.start() + 1} of {len(token)} is {what}; give the token alone, as fts token prints it"
