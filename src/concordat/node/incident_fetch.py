"""What did another member share with this node? Its collections, read over TAXII and kept here under the same labels.

The running node asks the other member's own, signed like every request among nodes, through the one way out (allowed
hosts, checked addresses, bounds of bytes and time). It reads what was added since it last asked: at most 200
collections, 10,000 objects of each; what is over waits for the next time. Each page is kept with its place in one
transaction, so that nothing is left out when a connection breaks. An object is judged as if it were added by its
sender; one that isn't STIX 2.1, or is another member's, is left out and told. What isn't STIX is told once: it is asked
for again only from the beginning.

Then the manifests are read (`incident_manifest`). What this member may have by now though it lies before the place that
was reached, as an older incident of which it was made a recipient, is read by its id. A copy that its sender gives no
more, since it took the object back or ended this member's right to it, is set aside: it is named in the answer, nobody
reads it over TAXII, and its bytes stay here; when it is given again it is read again.

What came lies in one collection a member, `from-bra`, up to RED, whose only subscriber is this member: GREEN and CLEAR
may be read from there by those whom the label means, AMBER by this member's own callers, what is stricter by nobody
over TAXII; `--out` writes all of it into a file. TAXII carries objects, not the bundle whose hash is logged: the answer
says for each incident whether its sender logged it. Source: exchange.md 8.2 and 8.3; TAXII 2.1, sections 3 and 5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

from concordat.errors import ConcordatError, InputError, MethodError, SourceError
from concordat.exchange.dataspace.partners import not_taken
from concordat.exchange.incidents._taxii_model import MEDIA, Collection, New, Site, nanoseconds
from concordat.exchange.incidents.objects import OBJECTS_MAX, bundle_bytes, read_json, read_object
from concordat.exchange.incidents.taxii import add_objects
from concordat.exchange.incidents.tlp import Caller, Tlp
from concordat.node.exchange import exchange_of
from concordat.node.exchange_look import known_member
from concordat.node.exchange_service import ExchangeService
from concordat.node.incident_manifest import Listed, compared, read_rows
from concordat.node.taxii_routes import microseconds, open_taxii
from concordat.node.taxii_store import TaxiiStore

LABEL = "node"  # of the key that signs for a member
COLLECTIONS_MAX = 200
PAGE = 500
PAGES_MAX = OBJECTS_MAX // PAGE
ROWS, MANIFESTS_MAX = 1_000, 100  # of a manifest: rows of a page, and pages
IDS = 50  # objects asked for at once: an address of some 3,000 characters
TOLD_MAX = 100  # refusals by name; the others are counted
MARK_MAX = 200  # characters of an id or of a place that another node gives


@dataclass(slots=True)
class _Read:
    """What one fetch came to. more: the sender has more than was read at once. odd: ids of what is no STIX."""

    ids: list[str] = field(default_factory=list)
    refused: list[list[str]] = field(default_factory=list)
    odd: set[str] = field(default_factory=set)
    collections: int = 0
    more: bool = False
    listed: list[Listed] = field(default_factory=list)
    whole: bool = True  # whether every manifest was read to its end


async def fetch(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a member shares with this node, and keep it.

    Args:
        wanted: `member`; `again`: read from the beginning; `whole`: answer with all that is held of it and still given,
            as a STIX bundle; `taken_back`: with what was set aside as well.

    Raises:
        InputError: no such member, or an answer that is no TAXII. RuleError: a partner outside the bloc. SourceError:
            no answer, or an error of the other node. TrustError: an address or a bound that is broken.
            StateError: the disk refuses.
    """
    member = known_member(exchange, str(wanted.get("member", "")))
    if member in exchange.engine.side.outside:
        raise not_taken(member)
    home, bloc, mine = exchange.service.node.home, exchange.service.bloc, exchange.engine.side.member
    members = frozenset(one.id for one in exchange.service.chain.last.active)
    store, read = await exchange.do(lambda: open_taxii(home)), _Read()
    try:
        kept = await exchange.do(lambda: _place(store, bloc.lower(), member, mine))
        site = Site({bloc.lower(): bloc}, members, microseconds())
        base = f"{exchange.engine.side.places[member]}/taxii2/{quote(bloc.lower(), safe='')}/collections/"
        for name in await _collections(exchange, member, base):
            read.collections += 1
            url = f"{base}{quote(name, safe='')}/objects/?limit={PAGE}&match%5Bversion%5D=all"
            if wanted.get("again"):
                await exchange.do(partial(store.put_unread, member, name, ()))
            after = "" if wanted.get("again") else await exchange.do(partial(store.fetched, member, name))
            await _collection(exchange, store, site, kept, (member, mine, name), (url, after), read)
            await _behind(exchange, store, site, kept, (member, mine, name), f"{base}{quote(name, safe='')}", read)
        aside = await exchange.do(lambda: _aside(store, kept, read, site.now)) if read.whole else []
        taken = bool(wanted.get("taken_back"))
        held = await exchange.do(lambda: _held(store, kept, taken_back=taken)) if wanted.get("whole") else []
    finally:
        await exchange.do(store.close)
    incidents = [one for one in dict.fromkeys(read.ids) if one.startswith("incident--")]
    logged = await exchange.service.read(lambda node: _logged(node, member, incidents))
    found = {
        "collections": read.collections, "incidents": logged, "kept_in": kept.id, "member": member, "more": read.more,
        "objects": len(read.ids), "refused": read.refused[:TOLD_MAX], "refused_count": len(read.refused),
        "taken_back": aside[:TOLD_MAX], "taken_back_count": len(aside),
    }  # fmt: skip
    return found | ({"bundle": bundle_bytes(held).decode()} if wanted.get("whole") else {})


def _place(store: TaxiiStore, root: str, member: str, mine: str) -> Collection:
    """The collection here for what a member sends."""
    with store.change():
        made = store.make_collection(root, f"from-{member.lower()}", Tlp.RED, f"Received from {member}", [])
        if not made.subscribers.get(mine):
            store.subscribe(made.id, mine, "received by this member")
        return next(one for one in store.collections(root) if one.id == made.id)


async def _asked(exchange: ExchangeService, member: str, url: str) -> tuple[dict[str, Any], Mapping[str, str]]:
    reply = await exchange.client.ask(member, url, MEDIA)
    if reply.status != 200:
        raise SourceError(f"{member} answers {reply.status}: {_reason(reply.body)}", where=url, code="taxii")
    value = read_json(reply.body, f"{member}, TAXII")
    if not isinstance(value, dict):
        raise InputError("that is no TAXII answer.", where=url, hint="Does its node run?", code="taxii")
    return value, reply.headers


def _reason(body: bytes) -> str:
    """What a TAXII error object says, for people."""
    try:
        found = json.loads(body)
        return str(found.get("description") or found.get("title") or "no reason given")[:300]
    except (ValueError, AttributeError, RecursionError):
        return "no reason given"


async def _collections(exchange: ExchangeService, member: str, url: str) -> list[str]:
    """The ids of the collections that the other node shows us and lets us read, sorted."""
    value, _ = await _asked(exchange, member, url)
    listed = value.get("collections", [])
    if not isinstance(listed, list) or len(listed) > COLLECTIONS_MAX:
        raise InputError(f"no list of at most {COLLECTIONS_MAX} collections.", where=url, code="taxii")
    found = {one["id"] for one in listed if isinstance(one, dict) and one.get("can_read") and _is_text(one.get("id"))}
    return sorted(found)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MARK_MAX


async def _collection(
    exchange: ExchangeService, store: TaxiiStore, site: Site, kept: Collection, who: tuple[str, str, str],
    start: tuple[str, str], read: _Read,
) -> None:  # fmt: skip
    """Read a collection from where it was left, page by page."""
    (member, mine, name), (url, after) = who, start
    following, seen = "", {""}
    for _ in range(PAGES_MAX):
        asked = url + (f"&added_after={quote(after, safe='')}" if after else "")
        asked += f"&next={quote(following, safe='')}" if following else ""
        value, headers = await _asked(exchange, member, asked)
        objects, following = value.get("objects", []), value.get("next", "") if value.get("more") else ""
        if not isinstance(objects, list) or len(objects) > PAGE or not (following == "" or _is_text(following)):
            raise InputError(f"no page of at most {PAGE} objects.", where=asked, code="taxii")
        last = headers.get("x-taxii-date-added-last", "")
        if objects:
            nanoseconds(last, f"{member}, X-TAXII-Date-Added-Last")
            await exchange.do(partial(_keep, store, site, kept, (member, mine, name, last), objects, read))
        if not following:
            return
        if following in seen:
            raise SourceError("endless paging: a page leads on to itself.", where=member, code="endless")
        seen.add(following)
    read.more = True


async def _behind(
    exchange: ExchangeService, store: TaxiiStore, site: Site, kept: Collection, who: tuple[str, str, str], base: str,
    read: _Read,
) -> None:  # fmt: skip
    """Read the manifest of a collection, and by their ids the objects that lie before the place and are not here."""
    member, mine, name = who
    listed = await _manifest(exchange, member, f"{base}/manifest/?limit={ROWS}&match%5Bversion%5D=all", read)
    read.listed += listed
    place = await exchange.do(partial(store.fetched, member, name))
    reached = nanoseconds(place, "place") if place else -1
    _, missing = compared(listed, await exchange.do(partial(store.versions, kept.id, {one.id for one in listed})))
    tried = {*read.ids, *(known for known, _ in read.refused)}
    behind = {(one.id, one.added) for one in listed if one.key in missing and one.added <= reached}
    unread = behind & await exchange.do(partial(store.unread, member, name))
    ids = sorted({known for known, _ in behind - unread} - tried)
    read.more = read.more or len(ids) > OBJECTS_MAX
    for start in range(0, min(len(ids), OBJECTS_MAX), IDS):
        part = quote(",".join(ids[start : start + IDS]), safe="")
        url = f"{base}/objects/?limit={PAGE}&match%5Bversion%5D=all&match%5Bid%5D={part}"
        await _collection(exchange, store, site, kept, (member, mine, ""), (url, ""), read)
    unread |= {row for row in behind if row[0] in read.odd}
    await exchange.do(partial(store.put_unread, member, name, unread))


async def _manifest(exchange: ExchangeService, member: str, url: str, read: _Read) -> list[Listed]:
    """What a collection holds for this member, page by page."""
    found: list[Listed] = []
    following, seen = "", {""}
    for _ in range(MANIFESTS_MAX):
        value, _ = await _asked(exchange, member, url + (f"&next={quote(following, safe='')}" if following else ""))
        found += read_rows(value, ROWS, f"{member}, manifest")
        following = value.get("next", "") if value.get("more") else ""
        if not following:
            return found
        if not _is_text(following) or following in seen:
            raise SourceError("endless paging: a manifest leads on to itself.", where=member, code="endless")
        seen.add(following)
    read.whole, read.more = False, True  # nothing can be said of what was not listed
    return found


def _aside(store: TaxiiStore, kept: Collection, read: _Read, now: int) -> list[str]:
    """Set aside the copies that their sender gives no more; their ids."""
    with store.change():
        gone, _ = compared(read.listed, store.facts(kept.id))
        store.set_aside(kept.id, [row.added for row in gone], now)
    return sorted({row.id for row in gone})


def _keep(
    store: TaxiiStore, site: Site, kept: Collection, who: tuple[str, str, str, str], objects: list[Any], read: _Read
) -> None:
    """One page and its place, in one transaction; a page of what was asked for by id has no place."""
    member, mine, name, last = who
    new, refused = [], []
    for number, one in enumerate(objects):
        try:
            new.append(New.of(read_object(one, f"object {number + 1}")[0]))
        except MethodError:
            raise
        except ConcordatError as error:
            known = one.get("id") if isinstance(one, dict) else ""
            refused.append([str(known)[:MARK_MAX], str(error)])
            read.odd.add(str(known)[:MARK_MAX])
    with store.change():
        outcomes = add_objects(kept, Caller(member, LABEL), store, site, new, frozenset({mine}))
        store.end_aside(kept.id, [one.id for one in new])
        if name:
            store.put_fetched(member, name, last)
    read.ids += [one for one, _, why in outcomes if not why]
    read.refused += refused + [[one, why] for one, _, why in outcomes if why]


def _held(store: TaxiiStore, kept: Collection, *, taken_back: bool = False) -> list[dict[str, Any]]:
    """Everything that is held of a member, the last version of each object."""
    rows = store.page(kept.id, -1, (), (), OBJECTS_MAX * 10) + (store.aside(kept.id) if taken_back else [])
    last: dict[str, tuple[int, int, bytes]] = {}
    for row in rows:
        last[row.id] = max(last.get(row.id, (-1, -1, b"")), (row.version_ns, row.added, row.body))
    return [json.loads(body) for _, (_, _, body) in sorted(last.items())]


def _logged(node: Any, member: str, incidents: list[str]) -> list[dict[str, str]]:
    """Each incident, and the entry of its sender that shares it; none: it was not logged, as far as is known here."""
    state, found = exchange_of(node.replica), []
    for one in sorted(incidents):
        facts = state.of("incident", (member, one), "published")
        newest = max(facts, key=lambda fact: fact.version, default=None)
        entry = f"{newest.author} {newest.seq}" if newest is not None else ""
        found.append({"id": one, "label": str(newest.body.label) if newest is not None else "", "logged": entry})
    return found
