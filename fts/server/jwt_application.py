"""Default application: a forward market with JSON web tokens."""

from __future__ import annotations

import time
import warnings
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
from fts.exchange.terms import ForwardTerms
from fts.ports.application import Application as Application

ALGORITHMS = ("HS256", "RS256", "EdDSA")
MIN_RSA_BITS = 2048
"""Smallest size of an RSA key [bits] (RFC 7518, section 3.3)."""
TOKEN_CACHE_SECONDS = 60.0
"""Longest time that a valid token stays in the cache [s]; it is never longer than the token is valid."""
MAX_CACHED_TOKENS, MAX_CACHED_TOKEN_LENGTH = 10_000, 2_048
"""Number of valid tokens in the cache, and the length of the longest one [characters]."""
LEEWAY_SECONDS = 60.0
"""Tolerance for the clock of the machine that made a token [s]."""


class Identity(NamedTuple):
    """Bidder and role that a token names.

    Attributes
    ----------
    bidder : UUID
        ``sub``.
    admin : bool
        True if ``admin`` is the JSON value true.
    """

    bidder: UUID
    admin: bool


class JwtApplication(ForwardTerms):
    """Forward market whose bidders are named by signed tokens.

    A token is a JSON web token. It is signed with this secret or, if another service makes the tokens, with the
    private key of a public key. ``sub`` is required and is the bidder's UUID. A token with ``"admin": true`` manages
    products, runs batches and reads their auctions. ``exp``, ``nbf`` and ``iat`` are enforced where present, with
    60 s of leeway. Any valid token views products. Only a bid's own bidder reads and changes it.

    Parameters
    ----------
    secret : str or bytes, optional
        Signs HS256 tokens; it must stay secret, because it can make a token of any bidder.
    algorithm : {"HS256", "RS256", "EdDSA"}
        The only algorithm that is accepted; a token that names another one is invalid.
    public_key : str or bytes, optional
        PEM text of the key that verifies RS256 (2048 bits or more) or EdDSA (Ed25519) tokens.
    audience, issuer : str, optional
        Required values of ``aud`` and ``iss``; by default neither is checked.
    now : callable, optional
        Clock of the market; by default that of the machine. Tokens are always checked by that of the machine.
    seed : int, optional
        As in `ForwardTerms`.

    Raises
    ------
    ConfigurationError
        The algorithm has no key, or the key of another algorithm.
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
        self._key = _verification_key(algorithm, secret, public_key)
        self._audience, self._issuer = audience, issuer
        self._token_cache: dict[str, tuple[Identity | None, float]] = {}
        self._options: Any = {"require": ["sub"], "verify_aud": audience is not None, "verify_iss": issuer is not None}

    def __init_subclass__(cls) -> None:
        """Let a subclass that overrides ``holder``, the name of `identify` in 0.1, override `identify`."""
        super().__init_subclass__()
        if "holder" in vars(cls):
            warnings.warn(f"{cls.__name__}.holder is now called identify; rename it", DeprecationWarning, stacklevel=2)
            cls.identify = vars(cls)["holder"]  # type: ignore[method-assign]

    def holder(self, token: str) -> Identity | None:
        """Return the bidder of a token; the name of `identify` in 0.1."""
        warnings.warn("JwtApplication.holder is now called identify; call that", DeprecationWarning, stacklevel=2)
        return self.identify(token)

    def identify(self, token: str) -> Identity | None:
        """Return the bidder of a token; None if it is malformed, expired or not signed with this key."""
        now = time.time()
        identity, until = self._token_cache.get(token, (None, now))
        if identity is not None and now < until:
            return identity
        identity, until = self._verify(token, now)
        if identity is not None and len(token) <= MAX_CACHED_TOKEN_LENGTH:
            if len(self._token_cache) >= MAX_CACHED_TOKENS:
                self._token_cache.clear()
            self._token_cache[token] = (identity, until)
        return identity

    def _verify(self, token: str, now: float) -> tuple[Identity | None, float]:
        """Verify a token; returns its bidder, and the time until which the result may be cached."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=self._algorithms,
                options=self._options,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
            )
            until = min(now + TOKEN_CACHE_SECONDS, float(claims.get("exp", inf)) + LEEWAY_SECONDS)
            return Identity(UUID(claims["sub"]), claims.get("admin") is True), until
        # A token may be any text: nested too deeply, or with claims of other types.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            return None, now

    def can_create_bid(self, token: str) -> UUID | None:
        """Return the bidder that the token names."""
        identity = self.identify(token)
        return None if identity is None else identity.bidder

    def can_query_bid(self, token: str) -> Sequence[UUID]:
        """Return the bidder that the token names, in a list."""
        identity = self.identify(token)
        return [] if identity is None else [identity.bidder]

    def can_read_bid(self, token: str, bidder: UUID) -> bool:
        """Return True if the token names this bidder."""
        return self.can_create_bid(token) == bidder

    def can_update_bid(self, token: str, bidder: UUID) -> bool:
        """Return True if the token names this bidder."""
        return self.can_create_bid(token) == bidder

    def can_view_products(self, token: str) -> bool:
        """Return True if the token is valid."""
        return self.identify(token) is not None

    def can_manage_products(self, token: str) -> bool:
        """Return True if the token is an admin's."""
        identity = self.identify(token)
        return identity is not None and identity.admin

    def can_run_batch(self, token: str) -> bool:
        """Return True if the token is an admin's."""
        return self.can_manage_products(token)


def is_nonblocking(application: Application) -> bool:
    """Return True if an application decides without input or output: this class, with no method overridden."""
    kind = type(application)
    names = [name for name in dir(JwtApplication) if name.startswith(("can_", "generate_", "identify", "now"))]
    return issubclass(kind, JwtApplication) and all(
        getattr(kind, name) is getattr(JwtApplication, name) for name in names
    )


def write_token(
    secret: str | bytes, bidder: UUID, *, admin: bool = False, issued: datetime, expires: datetime | None = None
) -> str:
    """Make a token that a `JwtApplication` with this secret accepts.

    Parameters
    ----------
    secret : str or bytes
    bidder : UUID
    admin : bool
        True if it manages products and runs batches.
    issued : datetime
    expires : datetime, optional
        By default never.
    """
    claims: dict[str, Any] = {"sub": str(bidder), "iat": issued}
    if admin:
        claims["admin"] = True
    if expires is not None:
        claims["exp"] = expires
    return jwt.encode(claims, _key(secret), algorithm="HS256")


def _verification_key(algorithm: str, secret: str | bytes | None, public_key: str | bytes | None) -> Any:
    """Load the key that verifies signatures; it must be a key of this algorithm, so that no other key is accepted."""
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(
            f"{algorithm!r} is not a supported algorithm of tokens; use one of {', '.join(ALGORITHMS)}"
        )
    if algorithm == "HS256":
        if secret is None or public_key is not None:
            raise ConfigurationError("HS256 tokens need a secret and no public key; RS256 and EdDSA need a public key")
        return _key(secret)
    if public_key is None:
        raise ConfigurationError(
            f"{algorithm} tokens need a public key; give the PEM text of the key that verifies them"
        )
    try:
        key = load_pem_public_key(public_key.encode() if isinstance(public_key, str) else public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        # The message leaves out the text, which may be the private key.
        raise ConfigurationError(
            "the public key is not PEM text that begins with -----BEGIN PUBLIC KEY-----; "
            "make one from the private key with: openssl pkey -in private.pem -pubout"
        ) from error
    if algorithm == "EdDSA" and not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(
            "the public key is not an Ed25519 key, which EdDSA tokens need; give an Ed25519 public key"
        )
    if algorithm == "RS256" and not (isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS):
        raise ConfigurationError(f"RS256 tokens need an RSA key of {MIN_RSA_BITS} bits or more; give such a public key")
    return key


def generate_jwt(secret: str | bytes, days: float, admin: bool = False) -> tuple[str, UUID]:
    """Make a token of a new bidder, valid from now on.

    Parameters
    ----------
    secret : str or bytes
    days : float
        Validity [days].
    admin : bool
        True if it manages products and runs batches.

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
    # HMAC itself pads a short key with zeros (RFC 2104), so this changes no signature. PyJWT warns about short keys;
    # `fts serve` checks the length of a secret itself.
    return (secret.encode() if isinstance(secret, str) else secret).ljust(32, b"\0")
