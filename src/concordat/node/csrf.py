"""Did this form come from our own page: tokens bound to a cookie, masked anew in each response, and what headers say.

The token of a browser is HMAC-SHA256 of its cookie's value (session or visitor); nothing is stored. In a page it stands
as mask || (mask XOR token) with a fresh mask of 32 bytes, so that a compressed page never holds the same secret twice
(BREACH: Gluck, Harris and Prado, 2013). A form is taken when its token unmasks to that of the cookie it came with
**and** the browser's own word, where it gives one, is not against it: `Sec-Fetch-Site` (Fetch Metadata, W3C) must be
`same-origin` or `none`, `Origin` (RFC 6454) our own address. Pure. Source: node-web.md 3.1 and 6.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from concordat.errors import RuleError

BYTES = 32
_LABEL = b"concordat form v1"


def form_token(cookie: str, mask: bytes | None = None) -> str:
    """The token to print into a form.

    Args:
        cookie: the value of the session's or visitor's cookie. mask: 32 random bytes; tests give their own.
    """
    mask = secrets.token_bytes(BYTES) if mask is None else mask
    assert len(mask) == BYTES
    return base64.urlsafe_b64encode(mask + _xor(mask, _plain(cookie))).decode().rstrip("=")


def check_form_token(cookie: str, written: str) -> None:
    """The token of a form belongs to the cookie that it came with.

    Raises:
        RuleError: no cookie, no token, or another browser's.
    """
    try:
        raw = base64.urlsafe_b64decode(written[:200] + "=" * (-len(written[:200]) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    good = len(raw) == 2 * BYTES and hmac.compare_digest(_xor(raw[:BYTES], raw[BYTES:]), _plain(cookie))
    if not cookie or not good:
        hint = "Open the page again and send it once more; what you wrote is kept."
        raise RuleError("this form was not made for this browser.", hint=hint, code="form_token")


def check_origin(headers: Mapping[str, str], public_origin: str) -> None:
    """Nothing that the browser says of a request is against it.

    Args:
        headers: in small letters. public_origin: scheme, host and port of `public_url`, as `https://node.example.br`.

    Raises:
        RuleError: it came from another site.
    """
    site, origin = headers.get("sec-fetch-site", ""), headers.get("origin", "")
    if site not in ("", "same-origin", "none") or (origin and origin != public_origin.rstrip("/")):
        raise RuleError("this form came from another site.", hint="Send it from our own page.", code="other_site")


def origin_of(url: str) -> str:
    """The origin of an address as browsers write it: small letters, without the scheme's own port (RFC 6454).

    >>> origin_of("https://Node.Example.br:443/concordat"), origin_of("http://127.0.0.1:8080")
    ('https://node.example.br', 'http://127.0.0.1:8080')
    """
    parts = urlsplit(url)
    own = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(own)}"


def _plain(cookie: str) -> bytes:
    return hmac.new(cookie.encode("utf-8", "replace"), _LABEL, hashlib.sha256).digest()


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
