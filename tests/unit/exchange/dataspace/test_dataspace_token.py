"""A member's token: good for one request, one receiver, five minutes and one time; refused before anything is verified
where it brings its own key or another algorithm."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from concordat.errors import InputError, TrustError
from concordat.exchange.dataspace.token import Request, Seen, make_token, read_token
from concordat.ledger.keys import Ed25519Secret, entry_keyid

SECRET, OTHER = Ed25519Secret(b"\1" * 32), Ed25519Secret(b"\2" * 32)
NOW = 1_795_000_000
ASKED = Request("POST", "https://bra.example/dsp/2025-1/catalog/request", "https://bra.example", b"{}")


def keys(member: str, label: str, keyid: str) -> bytes:
    if (member, label, keyid) != ("ZAF", "node", entry_keyid(SECRET.public)):
        raise TrustError(f"no such key of {member}.", code="unknown_key")
    return SECRET.public


def made(request: Request = ASKED, secret: Ed25519Secret = SECRET, now: int = NOW, jti: bytes = b"j" * 16) -> str:
    return make_token(secret, request, member="ZAF", label="node", bloc="BRICS", membership=1, now=now, jti=jti)


def read(token: str, request: Request = ASKED, now: int = NOW, seen: Seen | None = None) -> Any:
    return read_token(token, request, keys, seen or Seen(), bloc="BRICS", now=now)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(header: dict[str, Any] | None = None, secret: Ed25519Secret = SECRET, **claims: Any) -> str:
    """A token with other parts, signed all the same."""
    first, second, _ = made().split(".")
    old = [json.loads(base64.urlsafe_b64decode(p + "==")) for p in (first, second)]
    new = [part(header if header is not None else old[0]), part({**old[1], **claims})]
    signed = ".".join(new)
    return f"{signed}.{base64.urlsafe_b64encode(secret.sign(signed.encode())).rstrip(b'=').decode()}"


HEADER = {"alg": "EdDSA", "kid": entry_keyid(SECRET.public), "typ": "dsp+jwt"}


def test_a_token_names_its_member() -> None:
    caller = read(made())
    assert (caller.member, caller.label, caller.keyid) == ("ZAF", "node", entry_keyid(SECRET.public))
    header = json.loads(base64.urlsafe_b64decode(made().split(".")[0] + "=="))
    assert header == HEADER


def test_a_token_is_good_once() -> None:
    seen, token = Seen(), made()
    read(token, seen=seen)
    with pytest.raises(TrustError, match="used before"):
        read(token, seen=seen, now=NOW + 400)
    read(made(jti=b"k" * 16), seen=seen)
    with pytest.raises(TrustError, match="made"):  # forgotten only after it can't be good any more
        read(token, seen=seen, now=NOW + 1_000)


@pytest.mark.parametrize(
    ("request_", "check"),
    [
        (Request("GET", ASKED.url, ASKED.audience, b"{}"), "htm"),
        (Request("POST", ASKED.url + "x", ASKED.audience, b"{}"), "htu"),
        (Request("POST", ASKED.url, "https://ind.example", b"{}"), "aud"),
        (Request("POST", ASKED.url, ASKED.audience, b"{ }"), "bh"),
    ],
    ids=["method", "address", "receiver", "body"],
)
def test_a_token_is_bound_to_its_request(request_: Request, check: str) -> None:
    with pytest.raises(TrustError) as caught:
        read(made(), request_)
    assert caught.value.code == check


@pytest.mark.parametrize(("seconds", "good"), [(-121, False), (-120, True), (420, True), (421, False)])
def test_a_token_ends(seconds: int, good: bool) -> None:
    if good:
        read(made(), now=NOW + seconds)
    else:
        with pytest.raises(TrustError, match="made"):
            read(made(), now=NOW + seconds)


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"alg": "none"},
        HEADER | {"alg": "HS256"},
        HEADER | {"alg": "ES256"},
        HEADER | {"typ": "JWT"},
        HEADER | {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}},
        HEADER | {"jku": "https://evil.example/keys"},
        HEADER | {"x5u": "https://evil.example/cert"},
        HEADER | {"crit": ["b64"]},
        {"alg": "EdDSA", "typ": "dsp+jwt"},
    ],
    ids=range(9),
)
def test_header_is_exactly_ours(header: dict[str, Any]) -> None:
    with pytest.raises(TrustError, match="header"):
        read(forged(header))


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "BRA", "sub": "BRA/node"}, "unknown_key"),
        ({"sub": "IND/node"}, "subject"),
        ({"sub": "ZAF/del-01"}, "unknown_key"),
        ({"bloc": "G20"}, "bloc"),
        ({"exp": NOW + 301}, "life"),
        ({"exp": True}, "life"),
        ({"iat": "now"}, "life"),
        ({"jti": "c2hvcnQ"}, "jti"),
        ({"extra": 1}, "claims"),
    ],
    ids=range(9),
)
def test_claims_are_exactly_ours(claims: dict[str, Any], code: str) -> None:
    with pytest.raises(TrustError) as caught:
        read(forged(**claims))
    assert caught.value.code == code


def test_signature_is_the_members() -> None:
    with pytest.raises(TrustError, match="does not verify"):
        read(forged(secret=OTHER))
    head, claims, signature = made().split(".")
    for broken in (
        f"{head}.{claims}",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature}=",
        "a.b.c",
        "." * 9,
        "x" * 5_000,
    ):
        with pytest.raises(TrustError):
            read(broken)


def test_unknown_keys_come_from_the_membership_alone() -> None:
    with pytest.raises((TrustError, InputError), match="no such key"):
        read(forged(HEADER | {"kid": entry_keyid(OTHER.public)}, secret=OTHER))
