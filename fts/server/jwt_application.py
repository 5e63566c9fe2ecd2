"""The default application: a forward market whose tokens are JSON web tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fts.errors import ConfigurationError
from fts.exchange.forward import ForwardTerms
from fts.ports.application import Application

ALGORITHMS = ("HS256", "RS256", "EdDSA")
SHORTEST_RSA = 2048
"""An RSA key has at least this many bits (RFC 7518, section 3.3)."""
MEMORY = 60.0
"""How long a good token need not be checked again [s]; never beyond its own end."""
TOKENS, USUAL = 10_000, 2_048
"""How many good tokens are kept in mind, and how long each may be."""
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

    A token is a JSON web token signed with this secret or, where tokens come from elsewhere, with the private
    key that belongs to a public one. ``sub`` is the bidder's UUID and required; ``"admin": true`` manages
    products, runs batches and reads their auctions. ``exp``, ``nbf`` and ``iat`` are enforced where present, with
    60 s of leeway. Any valid token views products. Bids are read and changed by their own bidder only.

    Parameters
    ----------
    secret : str or bytes, optional
        Signs HS256 tokens; who knows it can be any bidder.
    algorithm : {"HS256", "RS256", "EdDSA"}
        The only one that a token may be signed with, whatever it says of itself.
    public_key : str or bytes, optional
        PEM text of the key that checks RS256 (2048 bits or more) or EdDSA (Ed25519) tokens.
    audience, issuer : str, optional
        Required in ``aud`` and ``iss``; by default neither is looked at.
    now : callable, optional
        The clock of the market; by default that of the machine. Tokens are always judged by that of the machine.
    seed : int, optional
        As in `ForwardTerms`.

    Raises
    ------
    ConfigurationError
        The algorithm has no key, or one that is not its own.
    """

    def __init__(
        self,
        secret: str | bytes | None = None,
        *,
        algorithm: str = "HS256",
        public_key: str | bytes | None = None,
        audience: str | None = None,
        issuer: str | None = None,
        now: Callable[[], datetime] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(now, seed)
        self._algorithms = [algorithm]
        self._key = _checking_key(algorithm, secret, public_key)
        self._audience, self._issuer = audience, issuer
        self._checked: dict[str, tuple[Holder | None, float]] = {}
        self._checks: Any = {"require": ["sub"], "verify_aud": audience is not None, "verify_iss": issuer is not None}

    def holder(self, token: str) -> Holder | None:
        """Who holds a token; None: it is bad, expired or not signed with the key of this exchange."""
        now = time.time()
        holder, until = self._checked.get(token, (None, now))
        if holder is not None and now < until:
            return holder
        holder, until = self._check(token, now)
        if holder is not None and len(token) <= USUAL:
            if len(self._checked) >= TOKENS:
                self._checked.clear()
            self._checked[token] = (holder, until)
        return holder

    def _check(self, token: str, now: float) -> tuple[Holder | None, float]:
        """Who holds a token, and until when that need not be checked again."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=self._algorithms,
                options=self._checks,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
            )
            until = min(now + MEMORY, float(claims.get("exp", inf)) + LEEWAY)
            return Holder(UUID(claims["sub"]), claims.get("admin") is True), until
        # A token is whatever someone sent: nested too deeply, or with claims of strange types.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            return None, now

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
    """A token that a `JwtApplication` with this secret accepts.

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
    return jwt.encode(claims, _key(secret), algorithm="HS256")


def _checking_key(algorithm: str, secret: str | bytes | None, public_key: str | bytes | None) -> Any:
    """What a signature is checked with; the kind of key belongs to the algorithm, so that none passes for another."""
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(f"tokens cannot be signed with {algorithm!r}; there are {', '.join(ALGORITHMS)}")
    if algorithm == "HS256":
        if secret is None or public_key is not None:
            raise ConfigurationError("HS256 tokens need a secret and no public key; RS256 and EdDSA need a public key")
        return _key(secret)
    if public_key is None:
        raise ConfigurationError(f"{algorithm} tokens need a public key; give the PEM text of the key that checks them")
    try:
        key = load_pem_public_key(public_key.encode() if isinstance(public_key, str) else public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        # The text stays unsaid: it may be the private key.
        raise ConfigurationError(
            "the public key is no PEM text that begins -----BEGIN PUBLIC KEY-----; "
            "make one from the private key with: openssl pkey -in private.pem -pubout"
        ) from error
    if algorithm == "EdDSA" and not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError("EdDSA tokens need an Ed25519 key, and this public key is another; give that one")
    if algorithm == "RS256" and not (isinstance(key, RSAPublicKey) and key.key_size >= SHORTEST_RSA):
        raise ConfigurationError(f"RS256 tokens need an RSA key of {SHORTEST_RSA} bits or more; give a public key such")
    return key


def generate_jwt(secret: str | bytes, days: float, admin: bool = False) -> tuple[str, UUID]:
    """A token of a new bidder, valid from now on.

    Parameters
    ----------
    secret : str or bytes
    days : float
        How long it is valid.
    admin : bool
        Whether it manages products and runs batches.

    Returns
    -------
    str
        The token.
    UUID
        The bidder.
    """
    bidder, issued = uuid4(), datetime.now(UTC)
    return write_token(secret, bidder, admin=admin, issued=issued, expires=issued + timedelta(days=days)), bidder


def _key(secret: str | bytes) -> bytes:
    # HMAC itself fills a short key with zeros (RFC 2104), so this changes no signature; PyJWT warns about short
    # keys, but how long a secret must be is for `fts serve` to say.
    return (secret.encode() if isinstance(secret, str) else secret).ljust(32, b"\0")
