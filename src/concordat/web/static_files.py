"""The two files that pages name and never hold: the style sheet of all, and the one script, of passkeys.

Each is served under the beginning of its hash, so that a browser may keep it for ever and a changed one has another
address. The script belongs to `/login` and `/account` of a node that offers passkeys, and to nothing else: no public
page and no static export names it. Source: node-web.md 4.5 and 4.6.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources

from concordat.web import headers

NAME_LETTERS = 16
SCRIPT_MAX = 5_000  # bytes: "under 5 kB raw" (node-web.md 4.6)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One of them: its path below the site's prefix, its type, its bytes."""

    path: str
    content_type: str
    body: bytes = field(repr=False)


@lru_cache(maxsize=1)
def style_sheet() -> StaticFile:
    """The style sheet of every page."""
    return _read("site.css", headers.CSS)


@lru_cache(maxsize=1)
def passkey_script() -> StaticFile:
    """The script of the two pages of passkeys."""
    return _read("passkey.js", headers.SCRIPT)


def _read(name: str, content_type: str) -> StaticFile:
    body = (resources.files("concordat.web") / "static" / name).read_bytes()
    path = f"/static/{hashlib.sha256(body).hexdigest()[:NAME_LETTERS]}.{name.rpartition('.')[2]}"
    return StaticFile(path, content_type, body)
