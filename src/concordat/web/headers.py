"""What every answer says to the browser: nothing but our own style and pictures, no frames, no guesses of types.

The two pages that offer passkeys, and no other, may run our own script and let it ask this node (`SCRIPTED`).

Sources: Content Security Policy Level 3, RFC 9110, RFC 9111, OWASP ASVS 5.0.0 chapter V3. No header names the server.
Under a node `node.edge` adds to every answer, also of others, what it left out, and says how far HTTPS reaches.
"""

from __future__ import annotations

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SCRIPTED = f"{POLICY}; script-src 'self'; connect-src 'self'"
PERMISSIONS = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()"
HTML, JSON, CSV, CSS, SVG, SCRIPT = (
    "text/html; charset=utf-8",
    "application/json",
    "text/csv; charset=utf-8; header=present",
    "text/css; charset=utf-8",
    "image/svg+xml; charset=utf-8",
    "text/javascript; charset=utf-8",
)
PROBLEM = "application/problem+json"
OPEN = (JSON, CSV, SVG)  # may be read by pages of other sites: public, and never with credentials
FOREVER = "public, max-age=31536000, immutable"
CHECK = "public, max-age=0, must-revalidate"
Headers = tuple[tuple[str, str], ...]


def headers_for(content_type: str, cache: str, *, tls: bool = False, scripted: bool = False) -> Headers:
    """The headers of an answer, without its length and tag.

    Args:
        tls: whether browsers come by HTTPS. scripted: whether the page has the script of passkeys.
    """
    shared = content_type in OPEN
    found = [
        ("content-type", content_type),
        ("cache-control", cache),
        ("content-security-policy", SCRIPTED if scripted else POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "cross-origin" if shared else "same-origin"),
        ("permissions-policy", PERMISSIONS),
    ]
    if shared:
        found.append(("access-control-allow-origin", "*"))
    if tls:
        found.append(("strict-transport-security", "max-age=31536000"))
    return tuple(found)
