"""Who is calling: a member's node, by a short JSON Web Token that is good for one request.

    Authorization: Bearer <header>.<claims>.<signature>

Our own reader on purpose: the only algorithm is EdDSA (Ed25519, RFC 8037), keys come from the membership file alone,
and the header is exactly `{alg, kid, typ}`; a token that brings or points to its own key (`jwk`, `jku`, `x5u`), asks
for an extension (`crit`) or another algorithm is refused before anything is verified. The claims bind the token to a
receiver (`aud`), a method and address (`htm`, `htu`, as in RFC 9449), a body (`bh`) and five minutes; `jti` makes it
good once.

Reading raises a `TrustError` that names the check. Source: RFC 7515, RFC 7519, RFC 8037; exchange.md 5.5. Not here:
which requests need one, and what the caller may see.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.ledger.keys import Ed25519Secret, entry_keyid, verify_ed25519

LIFE_S = 300
SKEW_S = 120
TOKEN_MAX = 4_000
JTI_BYTES = 16
SEEN_MAX = 200_000
HEADER_KEYS = {"alg", "kid", "typ"}
CLAIMS = {"aud", "bh", "bloc", "exp", "htm", "htu", "iat", "iss", "jti", "membership", "sub"}
WHERE = "bearer token"


@dataclass(frozen=True, slots=True)
class Request:
    """What a token is bound to.

    Attributes:
        method: `POST`. url: the whole address, as the receiver is known. audience: the receiver's base address.
        body: its bytes, empty for a GET.
    """

    method: str
    url: str
    audience: str
    body: bytes = b""

    @property
    def body_hash(self) -> str:
        """base64url SHA-256 of the body."""
        return _encoded(hashlib.sha256(self.body).digest())


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a token: the member, the label of its key, and the key's id; the token's own id and its end."""

    member: str
    label: str
    keyid: str
    jti: str
    until: int


# member, label, key id -> public key, if that key may sign for `exchange` at the last final batch; else TrustError.
Keys = Callable[[str, str, str], bytes]


def make_token(
    secret: Ed25519Secret,
    request: Request,
    *,
    member: str,
    label: str,
    bloc: str,
    membership: int,
    now: int,
    jti: bytes,
) -> str:
    """A token for one request.

    Args:
        secret: the key, of the person `label` of `member`. membership: the version that lists it. now: seconds since
            1970. jti: 16 random bytes.
    """
    assert len(jti) == JTI_BYTES
    header = {"alg": "EdDSA", "kid": entry_keyid(secret.public), "typ": "dsp+jwt"}
    claims = {
        "aud": request.audience, "bh": request.body_hash, "bloc": bloc, "exp": now + LIFE_S, "htm": request.method,
        "htu": request.url, "iat": now, "iss": member, "jti": _encoded(jti), "membership": membership,
        "sub": f"{member}/{label}",
    }  # fmt: skip
    signed = f"{_encoded(canonical.dumps(header))}.{_encoded(canonical.dumps(claims))}"
    return f"{signed}.{_encoded(secret.sign(signed.encode()))}"


class Seen:
    """The ids of tokens that were used and have not ended; a token is good once, also for two threads at a time.

    Args:
        used: (member, id, end) of those that were used before a start, the earliest end first.
    """

    def __init__(self, used: Iterable[tuple[str, str, int]] = ()) -> None:
        self._guard = threading.Lock()
        self._until: OrderedDict[tuple[str, str], int] = OrderedDict(((m, jti), until) for m, jti, until in used)

    def once(self, member: str, jti: str, until: int, now: int) -> None:
        """Remember a token.

        Raises:
            TrustError: it was used before, or so many are remembered that this can't be told.
        """
        with self._guard:
            while self._until and next(iter(self._until.values())) < now - SKEW_S:
                self._until.popitem(last=False)
            if (member, jti) in self._until:
                raise TrustError(f"this token of {member} was used before.", where=WHERE, code="replayed")
            if len(self._until) >= SEEN_MAX:
                raise TrustError("too many tokens at once.", where=WHERE, code="too_many")
            self._until[member, jti] = until


def read_token(token: str, request: Request, keys: Keys, seen: Seen, *, bloc: str, now: int) -> Caller:
    """Who is calling.

    Args:
        token: what stands behind `Bearer`. request: as it came in. keys: the key of a member's person, if it may.
        seen: the tokens that were used. bloc: ours. now: seconds since 1970.

    Raises:
        TrustError: which check failed, and for which key.
    """
    parts = token.split(".")
    if len(token) > TOKEN_MAX or len(parts) != 3:
        raise TrustError("it is not three parts, or over 4,000 characters.", where=WHERE, code="form")
    header, claims = _object(parts[0], "header"), _object(parts[1], "claims")
    if set(header) != HEADER_KEYS or header["alg"] != "EdDSA" or header["typ"] != "dsp+jwt":
        what = "the header is not exactly alg EdDSA, typ dsp+jwt and a key id."
        raise TrustError(what, where=WHERE, code="header")
    if set(claims) != CLAIMS:
        odd = ", ".join(sorted(set(claims) ^ CLAIMS))[:200]
        raise TrustError(f"the claims lack, or have too many of: {odd}.", where=WHERE, code="claims")
    member, label = _subject(claims)
    keyid = str(header["kid"])[:64]
    public = keys(member, label, keyid)
    signed = f"{parts[0]}.{parts[1]}".encode()
    verify_ed25519(
        public, _bytes(parts[2], "signature"), signed, f"the token's signature by {member}/{label} ({keyid})"
    )
    _check_claims(claims, request, bloc, now, f"{member}/{label}")
    seen.once(member, str(claims["jti"]), int(claims["exp"]), now)
    return Caller(member, label, keyid, str(claims["jti"]), int(claims["exp"]))


def _subject(claims: Mapping[str, Any]) -> tuple[str, str]:
    member, subject = claims["iss"], claims["sub"]
    if not isinstance(member, str) or not isinstance(subject, str) or not subject.startswith(f"{member}/"):
        raise TrustError("the subject is not a person of the issuer.", where=WHERE, code="subject")
    return member, subject.removeprefix(f"{member}/")


def _check_claims(claims: Mapping[str, Any], request: Request, bloc: str, now: int, who: str) -> None:
    for key, wanted in (
        ("bloc", bloc), ("aud", request.audience), ("htm", request.method), ("htu", request.url),
        ("bh", request.body_hash),
    ):  # fmt: skip
        if claims[key] != wanted:
            what = f"{key} of the token by {who} is {str(claims[key])[:120]!r}, this request's is {wanted!r}."
            raise TrustError(what, where=WHERE, code=key)
    begin, end = claims["iat"], claims["exp"]
    if type(begin) is not int or type(end) is not int or not begin < end <= begin + LIFE_S:
        raise TrustError(f"the token by {who} is good for more than {LIFE_S} s.", where=WHERE, code="life")
    if not begin - SKEW_S <= now <= end + SKEW_S:
        what = f"the token by {who} was made {now - begin:,} s ago."
        raise TrustError(what, where=WHERE, hint="Compare the two nodes' clocks.", code="expired")
    if len(_bytes(str(claims["jti"]), "jti")) != JTI_BYTES:
        raise TrustError(f"the token by {who} has no id of {JTI_BYTES} bytes.", where=WHERE, code="jti")


def _object(part: str, name: str) -> dict[str, Any]:
    try:
        found = canonical.loads(_bytes(part, name))
    except InputError:
        found = None
    if not isinstance(found, dict):
        raise TrustError(f"its {name} is not an object of JSON.", where=WHERE, code="form")
    return found


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str, name: str) -> bytes:
    """base64url without padding, in its one form."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = None
    if data is None or _encoded(data) != text:
        raise TrustError(f"its {name} is not base64url.", where=WHERE, code="form")
    return data
