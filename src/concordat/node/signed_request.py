"""Which member asks: requests signed by a member's node key (RFC 9421, HTTP Message Signatures, one fixed profile).

Covered, in this order: `@method`, `@authority`, `@path`, `content-digest` (RFC 9530, SHA-256); parameters `created`,
`nonce`, `keyid` (`<member>/<key id>`), `alg="ed25519"`, `tag="concordat-peer"`. The authority and path are those of the
receiver's public address, so that a request signed for one node says nothing at another. It is good for ten minutes
around `created`, and once: a repeated nonce is refused, so that nobody uses up a member's share with her own requests.

The signature only says whose limits count; what a request brings proves itself. Not here: any other profile, signed
answers (TLS and the signatures inside carry those).
"""

from __future__ import annotations

import base64
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from concordat.errors import InputError, TrustError
from concordat.ledger.keys import Ed25519Secret, entry_keyid, verify_ed25519
from concordat.ledger.membership import Membership, MembershipChain

WINDOW_S = 600  # a wrong clock is told by `health` and the replica; it must not cut a member off
NONCES_MAX = 100_000
COVERED = '("@method" "@authority" "@path" "content-digest")'
_INPUT = re.compile(
    r'peer=\("@method" "@authority" "@path" "content-digest"\);created=([0-9]{1,12});nonce="([0-9a-f]{32})"'
    r';keyid="([A-Z][A-Z0-9]{1,15})/([0-9a-f]{16})";alg="ed25519";tag="concordat-peer"'
)
_SIGNATURE = re.compile(r"peer=:([A-Za-z0-9+/]{86}==):")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


def content_digest(body: bytes) -> str:
    """The header `Content-Digest` of a body (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


def signature_base(method: str, url: str, digest: str, parameters: str) -> bytes:
    """The signed bytes (RFC 9421 section 2.5).

    >>> print(signature_base("GET", "https://b.example/c/x", "sha-256=:x:", "p").decode())
    "@method": GET
    "@authority": b.example
    "@path": /c/x
    "content-digest": sha-256=:x:
    "@signature-params": p
    """
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    authority = host if parts.port in (None, default) else f"{host}:{parts.port}"
    lines = (
        f'"@method": {method}',
        f'"@authority": {authority}',
        f'"@path": {parts.path or "/"}',
        f'"content-digest": {digest}',
        f'"@signature-params": {parameters}',
    )
    return "\n".join(lines).encode()


@dataclass(frozen=True)
class RequestSigner:
    """Signs a member's requests.

    Attributes:
        member: who asks. secret: its node key.
    """

    member: str
    secret: Ed25519Secret

    def headers(self, method: str, url: str, body: bytes, now: int) -> dict[str, str]:
        """The headers of a signed request.

        Args:
            url: the whole address, as the receiver is known. now: seconds since 1970.
        """
        digest = content_digest(body)
        keyid = entry_keyid(self.secret.public)
        parameters = f'{COVERED};created={now};nonce="{secrets.token_hex(16)}";keyid="{self.member}/{keyid}"'
        parameters += ';alg="ed25519";tag="concordat-peer"'
        signature = base64.b64encode(self.secret.sign(signature_base(method, url, digest, parameters))).decode()
        return {
            "content-digest": digest,
            "signature-input": f"peer={parameters}",
            "signature": f"peer=:{signature}:",
        }


class RequestVerifier:
    """Verifies members' requests at one node.

    Args:
        chain: the membership. public_url: the address under which others know this node.
    """

    def __init__(self, chain: MembershipChain, public_url: str) -> None:
        self.chain, self.public_url = chain, public_url.rstrip("/")
        self._nonces: OrderedDict[str, int] = OrderedDict()

    def member_of(self, method: str, path: str, headers: dict[str, str], now: int) -> str | None:
        """Who signed a request, its body aside (`check_body` compares that); None if nobody did.

        Args:
            path: below the public address, as `/sync/heads`. headers: by lower-case name. now: seconds since 1970.

        Raises:
            InputError: another profile, or too old. TrustError: no such key, a signature that fails, or a repetition.
        """
        given = headers.get("signature-input")
        if given is None and "signature" not in headers:
            return None
        where = "signed request"
        found = _INPUT.fullmatch(given or "")
        value = _SIGNATURE.fullmatch(headers.get("signature", ""))
        digest = headers.get("content-digest", "")
        if not found or not value or not _DIGEST.fullmatch(digest):
            raise InputError("not signed in the form that members use.", where=where, code="signature_form")
        created, nonce, member, keyid = int(found[1]), found[2], found[3], found[4]
        if abs(now - created) > WINDOW_S:
            hint = "Set the clock of the sender, or of this node."
            what = f"signed {abs(now - created):,} s away from this node's clock."
            raise InputError(what, where=where, hint=hint, code="signature_time")
        public = node_key(self.chain.last, member, keyid)
        signed = signature_base(method, f"{self.public_url}{path}", digest, (given or "").removeprefix("peer="))
        verify_ed25519(public, base64.b64decode(value[1]), signed, f"the signature of {member}'s request")
        self._once(nonce, now)
        return member

    def _once(self, nonce: str, now: int) -> None:
        while self._nonces and next(iter(self._nonces.values())) < now - 2 * WINDOW_S:
            self._nonces.popitem(last=False)
        if nonce in self._nonces:
            raise TrustError("this request was seen before.", where="signed request", code="replayed")
        self._nonces[nonce] = now
        if len(self._nonces) > NONCES_MAX:
            self._nonces.popitem(last=False)


def check_body(headers: dict[str, str], body: bytes) -> None:
    """The body is the one that was signed.

    Raises:
        TrustError: it isn't.
    """
    if headers.get("content-digest") != content_digest(body):
        raise TrustError("the body is not the one that was signed.", where="signed request", code="digest")


def node_key(version: Membership, member: str, keyid: str) -> bytes:
    """The public key by which an active member's node signs its requests.

    Raises:
        TrustError: no such member, or not its node key.
    """
    found = next((m for m in version.active if m.id == member), None)
    for key in found.persons if found else ():
        if key.label == "node" and key.keyid == keyid:
            return key.public
    what = f"membership version {version.version} lists no node key {keyid} of {member}."
    raise TrustError(what, where="signed request", code="unknown_key")
