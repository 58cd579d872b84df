"""One TAXII 2.1 request over a store, as a pure function: discovery, collections, objects, manifests, versions, status.

    response = handle(request, store, site)

Routes (behind `/taxii2/`): `` | `<root>/` | `<root>/status/<id>/` | `<root>/collections/` | `.../<collection>/` |
`.../manifest/` | `.../objects/` (GET, POST) | `.../objects/<id>/` (GET, DELETE) | `.../objects/<id>/versions/`. Roots
and addresses are made of the request's own host. A root or collection that a caller may not know of is not there (404),
as is an object; a caller that proved nothing gets 401 instead, whether there is something or not. Who may read anything
of a collection may know of it. POST answers 202 with a status that only its sender can read: each object is judged
(`objects`), the same id and version again is a success that stores nothing, a label above the collection's ceiling is a
failure, and so is one that needs named recipients, which TAXII can't carry. Both are judged by what the sender may see,
or an answer would tell of what is hidden; what turns out stricter is stored, and nobody else gets it. DELETE takes the
last version, or those that `match[version]` names, and only from who added them. Members that left write nothing.
Errors are TAXII error objects. Section numbers: TAXII 2.1, OASIS Standard of 2021.

What this does not do: prove who calls, keep time, open a socket (`node.taxii_routes`); TAXII 2.0 or channels.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.exchange.incidents._taxii_filters import read_filters, visible
from concordat.exchange.incidents._taxii_model import (
    MEDIA,
    STIX_MEDIA,
    Collection,
    New,
    Request,
    Response,
    Row,
    Site,
    Store,
    time_text,
)
from concordat.exchange.incidents.objects import BYTES_MAX, OBJECTS_MAX, read_json, read_object
from concordat.exchange.incidents.tlp import FIXED, Caller, Shared, Tlp, may_send

__all__ = ["MEDIA", "Collection", "New", "Request", "Response", "Row", "Site", "Store", "handle"]

_TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 413: "Payload Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Entity",
    501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip


class _RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


def handle(request: Request, store: Store, site: Site) -> Response:
    """The answer to one request. Nothing is raised but faults of the program and of the store."""
    try:
        _check_accept(request)
        return _routed(request, store, site)
    except _RefusedError as refused:
        status, words = refused.status, refused.words
    except MethodError as error:  # an extra is missing
        status, words = 501, str(error)
    except InputError as error:
        status, words = 413 if error.code == "too_large" else 400, str(error)
    if status in (403, 404) and not request.caller.member:
        status, words = 401, "Say who you are: HTTP Basic with a password of this node, or a member's token."
    return error_response(status, words)


def error_response(status: int, words: str) -> Response:
    """An error object (section 3.6.1)."""
    facts = {"title": _TITLES.get(status, "Error"), "description": words, "http_status": str(status)}
    more = (("www-authenticate", 'Basic realm="taxii", charset="UTF-8"'),) if status == 401 else ()
    return Response(status, _json(facts), (("content-type", MEDIA), *more))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def _ok(value: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    body = value if isinstance(value, bytes) else _json(value)
    return Response(status, body, (("content-type", MEDIA), *headers))


def _check_accept(request: Request) -> None:
    """The caller takes what we send (section 1.6.8.1)."""
    said = request.headers.get("accept", "*/*")
    for part in said.split(","):
        name, _, rest = part.replace(" ", "").lower().partition(";")
        version = dict(p.partition("=")[::2] for p in rest.split(";")).get("version", "2.1").strip('"')
        if name in ("*/*", "application/*") or (name == "application/taxii+json" and version == "2.1"):
            return
    raise _RefusedError(406, f"This server sends {MEDIA}.")


def _routed(request: Request, store: Store, site: Site) -> Response:
    parts = [part for part in request.path.split("/") if part]
    match request.method, parts:
        case "GET", []:
            return _discovery(request, store, site)
        case "GET", [root]:
            _root(request, store, site, root)
            return _ok(_root_facts(site, root))
        case "GET", [root, "status", number]:
            _root(request, store, site, root)
            found = store.status(root, number, request.caller.id)
            if found is None:
                raise _RefusedError(404, "No such status.")
            return _ok(found)
        case "GET", [root, "collections"]:
            listed = _root(request, store, site, root)
            return _ok({"collections": [_facts(c, request, site) for c in listed]} if listed else {})
        case method, [root, "collections", name, *rest]:
            collection = _collection(request, store, site, root, name)
            return _in_collection(method, collection, rest, request, store, site)
    raise _RefusedError(405 if request.method not in ("GET", "POST", "DELETE") else 404, "There is no such address.")


def _in_collection(
    method: str, collection: Collection, rest: list[str], request: Request, store: Store, site: Site
) -> Response:
    match method, rest:
        case "GET", []:
            return _ok(_facts(collection, request, site))
        case "GET", ["manifest"]:
            return _page(collection, request, store, site, _manifest)
        case "GET", ["objects"]:
            return _page(collection, request, store, site, _envelope)
        case "POST", ["objects"]:
            return _post(collection, request, store, site)
        case "GET", ["objects", name]:
            return _page(collection, request, store, site, _envelope, name)
        case "GET", ["objects", name, "versions"]:
            return _page(collection, request, store, site, _versions, name, all_versions=True)
        case "DELETE", ["objects", name]:
            return _delete(collection, name, request, store, site)
    raise _RefusedError(404, "There is no such address.")


# --- What there is ----------------------------------------------------------------------------------------------------


def _discovery(request: Request, store: Store, site: Site) -> Response:
    roots = [root for root in sorted(site.roots) if _listed(request, store, site, root) is not None]
    if not roots:
        raise _RefusedError(404, "There is nothing here.")
    urls = [f"{request.base}{root}/" for root in roots]
    return _ok({"title": site.title, "default": urls[0], "api_roots": urls})


def _listed(request: Request, store: Store, site: Site, root: str) -> list[Collection] | None:
    """The collections of a root that a caller may know of; None if it may not know of the root."""
    if root not in site.roots:
        return None
    found = [c for c in store.collections(root) if _knows(c, request, store, site)]
    return found if found or request.caller.member in site.members else None


def _knows(collection: Collection, request: Request, store: Store, site: Site) -> bool:
    member = request.caller.member
    if collection.ceiling is Tlp.CLEAR:
        return True
    if member in site.members and (
        collection.ceiling <= Tlp.AMBER or member in collection.subscribers or member in collection.writers
    ):
        return True
    policy = site.policy(collection)
    return any(may_send(shared, request.caller, policy) for shared in store.held_for(collection.id))


def _root(request: Request, store: Store, site: Site, root: str) -> list[Collection]:
    found = _listed(request, store, site, root)
    if found is None:
        raise _RefusedError(404, "There is no such root.")
    return found


def _root_facts(site: Site, root: str) -> dict[str, Any]:
    return {"title": site.roots[root], "versions": [MEDIA], "max_content_length": BYTES_MAX}


def _collection(request: Request, store: Store, site: Site, root: str, name: str) -> Collection:
    for collection in _root(request, store, site, root):
        if collection.id == name:
            return collection
    raise _RefusedError(404, "There is no such collection.")


def _facts(collection: Collection, request: Request, site: Site) -> dict[str, Any]:
    writes = _writes(collection, request, site)
    words = f"{collection.topic}, up to TLP:{collection.ceiling.text}"
    return {
        "id": collection.id, "title": collection.title, "description": words, "can_read": True, "can_write": writes,
        "media_types": [STIX_MEDIA],
    }  # fmt: skip


# --- Reading ----------------------------------------------------------------------------------------------------------


def _page(
    collection: Collection, request: Request, store: Store, site: Site,
    write: Callable[[list[Row], str], bytes], name: str = "", *, all_versions: bool = False,
) -> Response:  # fmt: skip
    """One page of what the caller sees, written as objects, manifest or versions."""
    allowed = ("spec_version",) if all_versions else ("version", "spec_version") if name else None
    asked = read_filters(request.query, allowed) if allowed else read_filters(request.query)
    if name:
        policy = site.policy(collection)
        if not any(may_send(row.shared, request.caller, policy) for row in store.versions(collection.id, [name])):
            raise _RefusedError(404, "There is no such object.")
        from dataclasses import replace

        versions = frozenset({"all"}) if all_versions else asked.versions
        asked = replace(asked, ids=frozenset({name}), versions=versions)
    rows = list(islice(visible(store, collection, site, request.caller, asked), asked.limit + 1))
    more, rows = len(rows) > asked.limit, rows[: asked.limit]
    if not rows:
        return _ok({})
    first, last = time_text(rows[0].added), time_text(rows[-1].added)
    headers = (("x-taxii-date-added-first", first), ("x-taxii-date-added-last", last))
    return _ok(write(rows, str(rows[-1].added) if more else ""), headers=headers)


def _envelope(rows: list[Row], following: str) -> bytes:
    head = f'"more": true, "next": "{following}", ' if following else '"more": false, '
    return b"{" + head.encode() + b'"objects": [' + b", ".join(row.body for row in rows) + b"]}"


def _manifest(rows: list[Row], following: str) -> bytes:
    listed = [
        {"id": row.id, "date_added": time_text(row.added), "version": row.version, "media_type": STIX_MEDIA}
        for row in rows
    ]
    return _json({"more": bool(following), "objects": listed, **({"next": following} if following else {})})


def _versions(rows: list[Row], following: str) -> bytes:
    more = {"next": following} if following else {}
    return _json({"more": bool(following), "versions": [row.version for row in rows], **more})


# --- Writing ----------------------------------------------------------------------------------------------------------


def _writes(collection: Collection, request: Request, site: Site) -> bool:
    member = request.caller.member
    return bool(member) and member in collection.writers and member in site.members


def _check_writes(collection: Collection, request: Request, site: Site) -> None:
    if not _writes(collection, request, site):
        raise _RefusedError(403, "This collection takes nothing from you.")


def _post(collection: Collection, request: Request, store: Store, site: Site) -> Response:
    _check_writes(collection, request, site)
    kind = request.headers.get("content-type", "").replace(" ", "").lower()
    if kind not in (MEDIA, "application/taxii+json", MEDIA.replace("=2.1", '="2.1"')):
        raise _RefusedError(415, f"Send {MEDIA}.")
    value = read_json(request.body, "body")
    found = value.get("objects") if isinstance(value, dict) else None
    if not isinstance(found, list) or not found:
        raise _RefusedError(422, 'The body is an envelope: {"objects": [...]} with at least one object.')
    if len(found) > OBJECTS_MAX:
        raise _RefusedError(413, f"At most {OBJECTS_MAX:,} objects at once.")
    read = [_read(one, number) for number, one in enumerate(found)]
    with store.change():
        outcomes = add_objects(collection, request.caller, store, site, [new for new in read if isinstance(new, New)])
        number = str(uuid.uuid4())
        refused = [{"id": one[0], "message": one[1]} for one in read if not isinstance(one, New)]
        body = _json(_status(number, site, outcomes, refused))
        store.put_status(collection.root, number, request.caller.id, body, site.now)
    return _ok(body, 202)


def _read(one: Any, number: int) -> New | tuple[str, str]:
    """An object to store, or its id and why it is none."""
    try:
        stix, _ = read_object(one, f"object {number + 1}")
    except MethodError:
        raise
    except ConcordatError as error:
        name = one.get("id") if isinstance(one, dict) else None
        return str(name)[:100] if isinstance(name, str) else "", str(error)
    return New.of(stix)


def add_objects(
    collection: Collection, caller: Caller, store: Store, site: Site, new: list[New],
    recipients: frozenset[str] = frozenset(),
) -> list[tuple[str, str, str]]:  # fmt: skip
    """Store objects of one sender inside a change; id, version and why not (empty: stored, or known already)."""
    policy = site.policy(collection)
    known: dict[str, list[Row]] = {}
    for row in store.versions(collection.id, {one.id for one in new}):
        if may_send(row.shared, caller, policy):
            known.setdefault(row.id, []).append(row)
    for rows in known.values():
        rows.sort(key=lambda row: row.owner != caller.id)  # its own first
    outcomes: dict[int, tuple[str, str, str]] = {}
    fresh: list[tuple[int, New]] = []
    seen: dict[tuple[str, str], New] = {}
    for number, one in enumerate(new):
        rows, twin = known.get(one.id, []), seen.get((one.id, one.version))
        same = next((row for row in rows if _same(row, one, store, collection, caller.id)), None)
        if same is not None or (twin is not None and (one.version or twin.stix == one.stix)):
            outcomes[number] = (one.id, same.version if same is not None else one.version, "")
            if same is not None and same.owner == caller.id and same.recipients and recipients - same.recipients:
                store.name_more(collection.id, same.added, same.recipients | recipients)
        elif one.version and not _is_marking(one) and any(not _of(caller, row) for row in rows):
            outcomes[number] = (one.id, one.version, "another member added this object: its versions are its own")
        else:
            seen[one.id, one.version] = one
            fresh.append((number, one))
    rows = list(store.add(collection.id, caller.id, recipients, [one for _, one in fresh]))
    over = []
    labels = store.seen_labels(collection.id, [row.added for row in rows], _sight(collection, caller, store, site))
    for (number, one), row, label in zip(fresh, rows, labels, strict=True):
        why = _refusal(label, row, collection)
        over += [row.added] if why else []
        outcomes[number] = (one.id, row.version, why)
    if over:
        store.drop(collection.id, over)
    return [outcomes[number] for number in range(len(new))]


def _sight(collection: Collection, caller: Caller, store: Store, site: Site) -> Callable[[str, Shared], bool]:
    """Whether a sender may see what lies in a collection: nothing else may bear on what it is answered."""
    policies = {one.id: site.policy(one) for one in store.collections(collection.root)}
    return lambda where, shared: where in policies and may_send(shared, caller, policies[where])


def _same(row: Row, one: New, store: Store, collection: Collection, caller: str) -> bool:
    """The same version; of an object without versions, the same content. A marking counts for its own sender only:
    nobody declares what the markings of others mean."""
    if one.version:
        return row.version == one.version and (row.owner == caller or not _is_marking(one))
    found = store.page(collection.id, row.added - 1, [one.id], [], 1)
    return bool(found) and json.loads(found[0].body) == one.stix


def _of(caller: Caller, row: Row) -> bool:
    """Whether a row was added by the caller's member, under whichever label."""
    return row.owner.partition(":")[0] == caller.member


def _is_marking(one: New) -> bool:
    return one.id.startswith("marking-definition--") and one.id not in FIXED


def _refusal(label: Tlp, row: Row, collection: Collection) -> str:
    if label > collection.ceiling:
        return f"TLP:{label.text} is above the TLP:{collection.ceiling.text} of this collection"
    if label >= Tlp.AMBER_STRICT and not row.recipients:
        words = f"TLP:{label.text} needs named recipients, which TAXII can't carry"
        return f"{words}: concordat exchange incident share --to"
    return ""


def _status(
    number: str, site: Site, outcomes: list[tuple[str, str, str]], refused: list[dict[str, str]]
) -> dict[str, Any]:
    """A status resource (section 4.3.1); all is done when it is made."""
    good = [{"id": name, "version": version} for name, version, why in outcomes if not why]
    bad = [{"id": name, "version": version, "message": why} for name, version, why in outcomes if why] + refused
    bad = [{key: value for key, value in one.items() if value} for one in bad]
    return {
        "id": number, "status": "complete", "request_timestamp": time_text(site.now),
        "total_count": len(good) + len(bad), "success_count": len(good), "failure_count": len(bad), "pending_count": 0,
        **({"successes": good} if good else {}), **({"failures": bad} if bad else {}),
    }  # fmt: skip


def _delete(collection: Collection, name: str, request: Request, store: Store, site: Site) -> Response:
    """Take versions back (section 5.7): tombstones stay."""
    from dataclasses import replace

    asked = replace(read_filters(request.query, ("version", "spec_version")), ids=frozenset({name}), limit=10**6)
    with store.change():
        rows = list(visible(store, collection, site, request.caller, asked))
        if not rows:
            raise _RefusedError(404, "There is no such object.")
        _check_writes(collection, request, site)
        if any(row.owner != request.caller.id for row in rows):
            raise _RefusedError(403, "Only who added an object takes it back.")
        store.withdraw(collection.id, [row.added for row in rows], site.now)
    return Response(200, b"", (("content-type", MEDIA),))
