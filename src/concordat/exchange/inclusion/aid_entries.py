"""Aid on the record: the bodies of `AidRequested`, `AidOffered`, `MatchComputed`, and what has been accepted so far.

An entry holds the kind, the sectors, the window and the hash of the file, in the clear form that every member can
compute again (`salted` is false: members hold the file itself). A pair binds once requester and offerer have both
accepted it with the same matching. Source: exchange.md, sections 3 and 9.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.exchange.inclusion.aid import Offer, Request
from concordat.settings import parse_yaml

if TYPE_CHECKING:
    from concordat.exchange.fold import Exchange
    from concordat.exchange.inclusion.assignment import Match

MEDIA_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A pair that somebody has accepted, under one matching (the id of its entry); it binds when both have."""

    request: str
    offer: str
    computed: str
    by: tuple[str, ...]
    binds: bool


def document_bytes(text: str | bytes, *, where: str) -> bytes:
    """The canonical form of a file: the bytes whose SHA-256 entries name."""
    return canonical.dumps(parse_yaml(text, where=where).value)


def aid_body(one: Request | Offer, document: bytes) -> tuple[str, dict[str, Any]]:
    """The type and body of the entry for a request or an offer.

    Raises:
        AssertionError: the document is not the one that was read.
    """
    blob = {"hash": one.sha256, "media_type": MEDIA_TYPE, "salted": False, "size": len(document)}
    body: dict[str, Any] = {"document": blob, "kind": one.kind, "sectors": list(one.sectors), "version": one.version}
    if one.window is not None:
        body |= {"begins": one.window.first.isoformat(), "ends": one.window.last.isoformat()}
    name = one.key.partition("/")[2]
    if isinstance(one, Request):
        return "AidRequested", {**body, "request": name}
    return "AidOffered", {**body, "capacity": one.capacity, "offer": name}


def match_body(made: Match, name: str, document: bytes) -> dict[str, Any]:
    """The body of `MatchComputed`; the document is the whole matching as canonical JSON, its day among it."""
    blob = {
        "hash": hashlib.sha256(document).hexdigest(), "media_type": MEDIA_TYPE, "salted": False, "size": len(document),
    }  # fmt: skip
    causes = Counter(one.cause for one in made.unmatched)
    return {
        "document": blob,
        "inputs": made.inputs,
        "left": [{"reason": cause, "requests": count} for cause, count in sorted(causes.items())],
        "match": name,
        "offers": made.offers,
        "pairs": len(made.pairs),
        "requests": made.requests,
        "result": made.result,
    }


def accepted(state: Exchange) -> tuple[Accepted, ...]:
    """What has been accepted, by request, offer and matching."""
    found: dict[tuple[str, str, str], set[str]] = {}
    sides: dict[tuple[str, str, str], set[str]] = {}
    for fact in state.all("pair", "accepted"):
        body = fact.body
        place = (f"{body.requester}/{body.request}", f"{body.offerer}/{body.offer}", str(body.computed))
        found.setdefault(place, set()).add(fact.author)
        sides[place] = {body.requester, body.offerer}
    return tuple(
        Accepted(*place, by=tuple(sorted(by)), binds=by >= sides[place]) for place, by in sorted(found.items())
    )
