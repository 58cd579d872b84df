"""What does another member offer this node? Its catalogue, asked of its own node over the Dataspace Protocol.

The request is signed by this node, so that what is shown is what this member may see. Pages are followed on the
member's own host, at most 100 of them; each is checked by the published schema: the page as a whole, then dataset by
dataset, so that one that is not as it must be is named and takes no other with it. Nothing is kept: whoever wants a
dataset asks for it by `exchange_get`, which proves it. Source: exchange.md 5.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from concordat.errors import InputError, SourceError
from concordat.exchange.catalogue.dsp_catalog import CONTEXT, parse_dsp_catalog
from concordat.exchange.catalogue.model import Dataset
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.schemas import parse_catalog
from concordat.exchange.dataspace.terms import terms_words
from concordat.node.exchange_service import ExchangeService
from concordat.node.exchange_wording import reason_of
from concordat.node.outbound import Reply
from concordat.settings import nearest

PAGES_MAX = 100
TOLD_MAX = 100  # refusals by name; the others are counted
NAME_MAX, REASON_MAX = 200, 300  # characters
_NEXT = re.compile(r'<([^<>]{1,2000})>\s*;\s*rel="?next"?')


async def look(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The catalogue of a member: `datasets` for people, `messages` as they came without what is no dataset, `refused`.

    Args:
        wanted: `member`.

    Returns:
        Under `refused`, up to 100 datasets that are not as they must be, each with its name and the reason, and under
        `refused_count` how many there are.

    Raises:
        InputError: no such member, or an answer that is no catalogue. SourceError: no answer, an error, or a next page
            on another host.
    """
    member, places = known_member(exchange, str(wanted.get("member", ""))), exchange.engine.side.places
    url = f"{places[member]}{messages.PATH}/catalog/request"
    found: list[dict[str, Any]] = []
    refused: list[tuple[str, str]] = []
    body = messages.encode({"@context": [CONTEXT], "@type": "CatalogRequestMessage"})
    for _ in range(PAGES_MAX):
        reply = await exchange.client.send(member, "POST", url, body)
        if reply.status != 200:
            raise SourceError(f"{member} answers {reply.status}: {reason_of(reply.body)}", where=url, code="catalogue")
        message, bad = parse_catalog(reply.body, where=f"{member}, catalogue")
        found.append(message)
        refused += [(_name(dataset), reason[:REASON_MAX]) for dataset, reason in bad]
        onward = next_page(reply, places[member], member)
        if not onward:
            pages = [parse_dsp_catalog(page) for page in found]
            refused += [(one.key, one.reason) for page in pages for one in page.failed]
            datasets = [_shown(dataset) for page in pages for dataset in page.datasets]
            told = {"refused": [list(one) for one in refused[:TOLD_MAX]], "refused_count": len(refused)}
            return {"datasets": datasets, "member": member, "messages": found, **told}
        url = onward
    raise SourceError(f"over {PAGES_MAX} pages.", where=member, code="endless")


def _name(dataset: Any) -> str:
    """How a dataset that is none calls itself."""
    said = dataset.get("@id") if isinstance(dataset, Mapping) else None
    return said[:NAME_MAX] if isinstance(said, str) and said else "?"


def known_member(exchange: ExchangeService, member: str) -> str:
    """Another active member.

    Raises:
        InputError: it is none.
    """
    places = exchange.engine.side.places
    if member in places:
        return member
    close = nearest(member, places)
    hint = f'Did you mean "{close[0]}"?' if close else f"Members: {', '.join(sorted(places)) or 'none besides'}."
    raise InputError(f'"{member[:40]}" is no other active member.', where="member", hint=hint, code="unknown_member")


def next_page(reply: Reply, place: str, member: str) -> str:
    """The address of the next page of a catalogue; empty after the last.

    Args:
        place: the base address of the member's node.

    Raises:
        SourceError: it is on another host.
    """
    found = _NEXT.search(reply.headers.get("link", ""))
    if found is None:
        return ""
    if not found.group(1).startswith(f"{place}/"):
        raise SourceError(f"its next page is elsewhere: {found.group(1)[:120]}.", where=member, code="host")
    return found.group(1)


def _shown(dataset: Dataset) -> dict[str, Any]:
    """A dataset for people."""
    parts = {part.sha256: part for part in dataset.distributions}
    return {
        "access": dataset.access, "bytes": sum(part.bytes or 0 for part in parts.values()), "files": len(parts),
        "id": dataset.identifier.rpartition("/")[2] or dataset.id,
        "terms": terms_words(dict(dataset.policies[0])) if dataset.policies else "",
        "title": dataset.title.get("en") or next(iter(dataset.title.values()), ""), "uuid": dataset.id,
        "version": dataset.version,
    }  # fmt: skip
