"""Tokens and addresses: what of them can be sent, and what of them can be shown."""

from __future__ import annotations

import re

from fts.errors import ConfigurationError

# RFC 9110, section 5.5: visible characters, with spaces and tabs only between them; and ASCII, which httpx sends.
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20\x09\x21-\x7e]*[\x21-\x7e])?", re.ASCII)
_FORBIDDEN = re.compile(r"[^\x20\x09\x21-\x7e]")
_USER = re.compile(r"//[^/?#]*@")


def authorization(token: str | None) -> dict[str, str]:
    """Build the header that says whose request it is; none without a token.

    Parameters
    ----------
    token : str, optional

    Raises
    ------
    ConfigurationError
        The token cannot be sent in a header. The message says where, and holds nothing of the token.
    """
    if token is None:
        return {}
    if not isinstance(token, str):
        raise ConfigurationError(f"a token is a text, not {type(token).__name__}; give the text that fts token prints")
    if HEADER_VALUE.fullmatch(token) is None:
        raise ConfigurationError(f"the token cannot be sent in an HTTP header: {_fault(token)}")
    return {"Authorization": f"Bearer {token}"}


def shown(url: str) -> str:
    """Write an address without the user and the password that it may hold."""
    return _USER.sub("//", str.__str__(url))


def _fault(token: str) -> str:
    if not token:
        return "it is empty; give a token, or none"
    found = _FORBIDDEN.search(token)
    if found is None:
        return "it begins or ends with a space or a tab; leave them out"
    what = "a line break" if found.group() in "\r\n" else "a character that is no visible one of ASCII"
    return f"character {found.start() + 1} of {len(token)} is {what}; give the token alone, as fts token prints it"
