"""The default application: a forward market whose tokens are JSON web tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import jwt

from fts.exchange.forward import ForwardTerms
from fts.ports.application import Application

ALGORITHM = "HS256"
LEEWAY = 60.0
"""How far the clock of whoever made a token may be off [s]."""


class Holder(NamedTuple):
    """Who holds a token.

    Attributes
    ----------
    bidder : UUID
        ``sub``.
    admin : bool
        Whether ``admin`` is true, and not something like it.
    """

    bidder: UUID
    admin: bool


class JwtApplication(ForwardTerms):
    """A forward market; a bidder is who a signed token says.

    A token is a JSON web token signed with HS256 and this secret. ``sub`` is the bidder's UUID and required;
    ``"admin": true`` manages products, runs batches and reads their auctions. ``exp``, ``nbf`` and ``iat`` are
    enforced where present, with 60 s of leeway. Any valid token views products. Bids are read and changed by
    their own bidder only.

    Parameters
    ----------
    secret : str or bytes
        Signs the tokens; who knows it can be any bidder.
    audience, issuer : str, optional
        Required in ``aud`` and ``iss``; by default neither is looked at.
    now : callable, optional
        The clock of the market; by default that of the machine. Tokens are always judged by that of the machine.
    seed : int, optional
        As in `ForwardTerms`.
    """

    def __init__(
        self,
        secret: str | bytes,
        *,
        audience: str | None = None,
        issuer: str | None = None,
        now: Callable[[], datetime] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(now, seed)
        self._key = _key(secret)
        self._audience, self._issuer = audience, issuer
        self._checks: Any = {"require": ["sub"], "verify_aud": audience is not None, "verify_iss": issuer is not None}

    def holder(self, token: str) -> Holder | None:
        """Who holds a token; None: it is bad, expired or not signed with the secret."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                options=self._checks,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
            )
            return Holder(UUID(claims["sub"]), claims.get("admin") is True)
        # A token is whatever someone sent: nested too deeply, or with claims of strange types.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            return None

    def can_create_bid(self, token: str) -> UUID | None:
        """The bidder that the token names."""
        holder = self.holder(token)
        return None if holder is None else holder.bidder

    def can_query_bid(self, token: str) -> Sequence[UUID]:
        """The bidder that the token names."""
        holder = self.holder(token)
        return [] if holder is None else [holder.bidder]

    def can_read_bid(self, token: str, bidder: UUID) -> bool:
        """Whether the token names this bidder."""
        return self.can_create_bid(token) == bidder

    def can_update_bid(self, token: str, bidder: UUID) -> bool:
        """Whether the token names this bidder."""
        return self.can_create_bid(token) == bidder

    def can_view_products(self, token: str) -> bool:
        """Whether the token is valid."""
        return self.holder(token) is not None

    def can_manage_products(self, token: str) -> bool:
        """Whether the token is an admin's."""
        holder = self.holder(token)
        return holder is not None and holder.admin

    def can_run_batch(self, token: str) -> bool:
        """Whether the token is an admin's."""
        return self.can_manage_products(token)


def answers_from_memory(application: Application) -> bool:
    """Whether an application asks nobody: this one, with none of its methods replaced."""
    kind = type(application)
    asked = [name for name in dir(JwtApplication) if name.startswith(("can_", "generate_", "holder", "now"))]
    return issubclass(kind, JwtApplication) and all(
        getattr(kind, name) is getattr(JwtApplication, name) for name in asked
    )


def write_token(
    secret: str | bytes, bidder: UUID, *, admin: bool = False, issued: datetime, expires: datetime | None = None
) -> str:
    """A token that `JwtApplication` accepts.

    Parameters
    ----------
    secret : str or bytes
    bidder : UUID
    admin : bool
        Whether it manages products and runs batches.
    issued : datetime
    expires : datetime, optional
        None: never.
    """
    claims: dict[str, Any] = {"sub": str(bidder), "iat": issued}
    if admin:
        claims["admin"] = True
    if expires is not None:
        claims["exp"] = expires
    return jwt.encode(claims, _key(secret), algorithm=ALGORITHM)


def _key(secret: str | bytes) -> bytes:
    # HMAC itself fills a short key with zeros (RFC 2104), so this changes no signature; PyJWT warns about short
    # keys, but how long a secret must be is for `fts serve` to say.
    return (secret.encode() if isinstance(secret, str) else secret).ljust(32, b"\0")
