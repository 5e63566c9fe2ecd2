"""What each kind of token gets on each kind of route, over HTTP, whichever way tokens are signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from fts.errors import ConfigurationError
from fts.server import JwtApplication, local

PEM, SPKI = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
SECRET = "0123456789abcdef0123456789abcdef"
OTHER = "another secret of at least 32 bytes"
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
ED, OTHER_ED = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
OWNER = str(uuid4())
PRODUCT = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}


def pem(key: Any) -> str:
    return str(key.public_key().public_bytes(PEM, SPKI).decode())


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def hmac_signed(key: str, claims: dict[str, Any]) -> str:
    """Signed with HS256 by hand: libraries refuse a public key as a secret."""
    body = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    digest = hmac.new(key.encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@dataclass(repr=False)
class Signer:
    """One way to sign tokens, and an exchange that checks them so."""

    algorithm: str
    key: Any
    wrong: Any
    foreign: tuple[str, Any]
    application: JwtApplication
    known: str

    def sign(self, claims: dict[str, Any], key: Any = None) -> str:
        return jwt.encode(claims, key or self.key, algorithm=self.algorithm)

    def bad(self) -> dict[str, str]:
        """Tokens that a signature or a claim makes worthless; each would be an admin's."""
        good, now = {"sub": OWNER, "admin": True}, int(time.time())
        return {
            "alg none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(good)}.",
            "alg NONE": f"{part({'alg': 'NONE', 'typ': 'JWT'})}.{part(good)}.",
            "wrong key": self.sign(good, self.wrong),
            "other algorithm": jwt.encode(good, self.foreign[1], algorithm=self.foreign[0]),
            "signed with what everybody knows": hmac_signed(self.known, good),
            "expired": self.sign({**good, "exp": now - 120}),
            "not yet valid": self.sign({**good, "nbf": now + 120}),
            "without sub": self.sign({"admin": True}),
            "sub is no UUID": self.sign({**good, "sub": "alice"}),
            "sub is a number": hmac_signed(SECRET, {"sub": 5}) if self.algorithm == "HS256" else "a.b.c",
            "no token at all": "hello",
        }


SIGNERS = {
    "HS256": Signer("HS256", SECRET, OTHER, ("HS512", SECRET * 2), JwtApplication(SECRET), ""),
    "RS256": Signer(
        "RS256", RSA, OTHER_RSA, ("RS512", RSA), JwtApplication(algorithm="RS256", public_key=pem(RSA)), pem(RSA)
    ),
    "EdDSA": Signer(
        "EdDSA", ED, OTHER_ED, ("HS256", SECRET), JwtApplication(algorithm="EdDSA", public_key=pem(ED)), pem(ED)
    ),
}


@dataclass(repr=False)
class Market:
    """A running exchange with one bid of the owner."""

    signer: Signer
    http: httpx.Client
    demand: str
    portfolio: str
    product: str
    batch: str

    def ask(self, method: str, path: str, token: str | None, **content: Any) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.http.request(method, path.format(**vars(self)), headers=headers, **content)


@pytest.fixture(scope="module", params=SIGNERS)
def market(request: pytest.FixtureRequest) -> Iterator[Market]:
    signer = SIGNERS[request.param]
    with local(application=signer.application) as url, httpx.Client(base_url=url, timeout=60) as http:
        market = Market(signer, http, "", "", "", "")
        admin = signer.sign({"sub": str(uuid4()), "admin": True})
        owner = signer.sign({"sub": OWNER})
        market.product = market.ask("POST", "/product", admin, json=PRODUCT).json()["id"]
        new = {"app_data": {"name": "load"}, "curve_data": [{"rate": 0, "price": 5}]}
        market.demand = market.ask("POST", "/demand", owner, json=new).json()["id"]
        bid = {"app_data": {"name": "load"}, "demand": market.demand, "basis": market.product}
        market.portfolio = market.ask("POST", "/portfolio", owner, json=bid).json()["id"]
        market.batch = market.ask("POST", "/batch", admin).text
        yield market


NEW_DEMAND = {"app_data": {"name": "new"}, "curve_data": None}
NEW_PORTFOLIO = {"app_data": {"name": "new"}, "demand": None, "basis": None}
MISSING = str(uuid4())
# Method, path, body; and the status for the owner of the bid, for another bidder, and for an admin who is neither.
ROUTES: list[tuple[str, str, Any, int, int, int]] = [
    ("GET", "/product", None, 200, 200, 200),
    ("GET", "/product/{product}", None, 200, 200, 200),
    ("GET", "/product/{product}/outcomes", None, 200, 200, 200),
    ("POST", "/product", PRODUCT, 401, 401, 409),
    ("GET", "/demand", None, 200, 200, 200),
    ("POST", "/demand", NEW_DEMAND, 201, 201, 201),
    ("GET", "/demand/{demand}", None, 200, 401, 401),
    ("PUT", "/demand/{demand}", [{"rate": 0, "price": 6}], 200, 401, 401),
    ("GET", f"/demand/{MISSING}", None, 404, 404, 404),
    ("PUT", f"/demand/{MISSING}", [{"rate": 0, "price": 6}], 404, 404, 404),
    ("POST", "/portfolio", NEW_PORTFOLIO, 201, 201, 201),
    ("GET", "/portfolio/{portfolio}", None, 200, 401, 401),
    ("GET", "/portfolio/{portfolio}/outcomes", None, 200, 401, 401),
    ("PATCH", "/portfolio/{portfolio}", {}, 200, 401, 401),
    ("DELETE", "/portfolio/{portfolio}", None, 200, 401, 401),
    ("DELETE", "/demand/{demand}", None, 200, 401, 401),
    ("GET", "/batch", None, 200, 200, 200),
    ("GET", "/batch/{batch}/prices", None, 200, 200, 200),
    ("GET", "/batch/{batch}/auction", None, 401, 401, 200),
    ("POST", "/batch", None, 401, 401, 200),
]
# A thing that is not there is not there for anyone with a token; a permission on a thing is asked after that.
BAD_ON_ROUTES = [(method, path, body, 404 if MISSING in path else 401) for method, path, body, *_ in ROUTES]


def test_the_right_token_in_the_right_place(market: Market) -> None:
    tokens = (
        market.signer.sign({"sub": str(uuid4())}),
        market.signer.sign({"sub": str(uuid4()), "admin": True}),
        market.signer.sign({"sub": OWNER}),
    )
    for method, path, body, owner, other, admin in ROUTES:
        # The owner comes last, who may end the bid.
        for token, status in zip(tokens, (other, admin, owner), strict=True):
            reply = market.ask(method, path, token, json=body)
            assert reply.status_code == status, f"{method} {path}: {reply.text}"


@pytest.mark.parametrize("name", SIGNERS["HS256"].bad())
def test_a_bad_token_gets_nowhere(market: Market, name: str, caplog: pytest.LogCaptureFixture) -> None:
    token = market.signer.bad()[name]
    with caplog.at_level(logging.DEBUG):
        for method, path, body, status in BAD_ON_ROUTES:
            reply = market.ask(method, path, token, json=body)
            assert reply.status_code == status, f"{method} {path}: {reply.text}"
            assert token not in reply.text and SECRET not in reply.text
        # The client's own library logs what it sends; the exchange does not.
        told = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not any(token in line or SECRET in line for line in told)
    # What needs no token does not mind one.
    assert market.ask("GET", "/market", token).status_code == 200


def test_without_a_token_nothing_else_is_looked_at(market: Market) -> None:
    for method, path, body, _ in BAD_ON_ROUTES:
        assert market.ask(method, path, None, json=body).status_code == 400
        for header in ("Basic abc", "Bearer", "abc"):
            headers = {"Authorization": header}
            reply = market.http.request(method, path.format(**vars(market)), headers=headers, json=body)
            assert reply.status_code == 400


def good_key() -> str:
    return pem(RSA)


@pytest.mark.parametrize(
    "algorithm, secret, key, told",
    [
        ("HS256", None, None, "need a secret"),
        ("HS256", SECRET, good_key, "no public key"),
        ("RS256", SECRET, None, "need a public key"),
        ("EdDSA", None, good_key, "Ed25519"),
        ("RS256", None, lambda: pem(ED), "RSA key of 2048 bits"),
        ("RS256", None, lambda: pem(rsa.generate_private_key(65537, 1024)), "RSA key of 2048 bits"),
        ("RS256", None, lambda: pem(ec.generate_private_key(ec.SECP256R1())), "RSA key"),
        ("RS256", None, lambda: SECRET, "not PEM text"),
        ("none", None, good_key, "'none' is not a supported algorithm"),
        ("HS512", SECRET, None, "'HS512' is not a supported algorithm"),
    ],
)
def test_a_key_that_is_not_the_algorithm_s_is_refused(
    algorithm: str, secret: str | None, key: Callable[[], str] | None, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        JwtApplication(secret, algorithm=algorithm, public_key=key and key())
    assert SECRET not in str(refused.value)


def test_a_private_key_is_refused_unsaid() -> None:
    form, open_text = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private = ED.private_bytes(PEM, form, open_text).decode()
    with pytest.raises(ConfigurationError, match="-pubout") as refused:
        JwtApplication(algorithm="EdDSA", public_key=private)
    assert private.splitlines()[1] not in str(refused.value)
