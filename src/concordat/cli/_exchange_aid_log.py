"""`concordat exchange aid request`, `offer`, `list`, `accept`: aid on the record, and what is matched from it."""

from __future__ import annotations

import hashlib
import json as json_
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._exchange_home import AS, DEMO, HOME, JSON, PASSPHRASE, Seat, seat
from concordat.cli._node_home import plain, print_json, read
from concordat.errors import InputError, RuleError

if TYPE_CHECKING:
    from concordat.exchange.fold import Fact
    from concordat.exchange.inclusion.aid import Offer, Request

THINGS = {"aid_request": "request", "aid_offer": "offer"}


def request(
    file: Path = typer.Argument(..., help="The request (concordat/aid-request@1)."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Ask for help on the record: the file is kept by this node, its hash, kind, sectors and window are logged."""
    from concordat.exchange.inclusion.aid_file import load_request

    _say(load_request(read(file), where=str(file)), file, home, passphrase_file, speaker, demo, json)


def offer(
    file: Path = typer.Argument(..., help="The offer (concordat/aid-offer@1)."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Offer help on the record: the file is kept by this node, its hash, kind, sectors and window are logged."""
    from concordat.exchange.inclusion.aid_file import load_offer

    _say(load_offer(read(file), where=str(file)), file, home, passphrase_file, speaker, demo, json)


def _say(one: Request | Offer, file: Path, home: Path, phrase: Path, speaker: str, demo: Path, json: bool) -> None:
    from concordat.exchange.inclusion.aid_entries import aid_body, document_bytes

    document = document_bytes(read(file), where=str(file))
    assert hashlib.sha256(document).hexdigest() == one.sha256
    kind, body = aid_body(one, document)
    with seat(home, phrase, speaker, demo) as place:
        if one.member != place.member:
            what = f"the file is {one.member}'s, and this node is {place.member}'s."
            raise RuleError(
                what, where=f"{file}, member", hint="Each member asks and offers for itself.", code="member"
            )
        _check_new(place, "aid_request" if kind == "AidRequested" else "aid_offer", one)
        place.node.store.put_blob(one.sha256, None, document)
        entry = place.say(kind, body)
    if json:
        print_json(
            {"author": entry.author, "entry": entry.id, "id": one.key, "sha256": one.sha256, "version": one.version}
        )
        return
    done = "Asked" if kind == "AidRequested" else "Offered"
    print(
        f"{done}: {one.key} v{one.version}, {one.kind}, sha256 {one.sha256[:16]}. Logged as {entry.author} {entry.seq}."
    )


def _check_new(place: Seat, thing: str, one: Request | Offer) -> None:
    versions = [f.version for f in place.exchange.of(thing, tuple(one.key.split("/", 1)), "published")]
    if versions and one.version <= max(versions):
        hint = f"Write version: {max(versions) + 1} into the file."
        raise RuleError(f"{one.key} v{max(versions)} is on the record.", where=one.key, hint=hint, code="version")


def newest(place: Seat) -> list[tuple[str, Fact]]:
    """The newest version of each request and offer on the record: what it is, and its fact."""
    state = place.exchange
    return [(word, state.newest(thing, key)) for thing, word in THINGS.items() for key in state.keys(thing)]


def _document(place: Seat, fact: Fact) -> bytes | None:
    """The file that a fact names, if this node holds it (in a demo: any node)."""
    nodes = [place.node, *(place.demo.nodes.values() if place.demo is not None else ())]
    for node in nodes:
        found = node.store.blob(fact.document)
        if found is not None and hashlib.sha256(found[1]).hexdigest() == fact.document:
            return bytes(found[1])
    return None


def logged(place: Seat) -> tuple[list[Request], list[Offer], list[str]]:
    """What is on the record: requests and offers whose files are here, and the keys of those whose files are not."""
    from concordat.exchange.inclusion.aid import Request
    from concordat.exchange.inclusion.aid_file import load_aid

    requests, offers, missing = [], [], []
    for _, fact in newest(place):
        key = "/".join(fact.key)
        data = _document(place, fact)
        if data is None:
            missing.append(key)
            continue
        one = load_aid(data, where=key)
        if isinstance(one, Request):
            requests.append(one)
        else:
            offers.append(one)
    return requests, offers, missing


def list_(
    home: Path = HOME, passphrase_file: Path = PASSPHRASE, speaker: str = AS, demo: Path = DEMO, json: bool = JSON
) -> None:
    """List requests and offers on the record, and what has been accepted by whom."""
    from concordat.exchange.inclusion.aid_entries import accepted

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        rows = [
            {
                "file_here": _document(place, fact) is not None,
                "id": "/".join(fact.key),
                "kind": fact.body.kind,
                "sectors": list(fact.body.sectors),
                "sha256": fact.document,
                "version": fact.version,
                "what": word,
            }
            for word, fact in newest(place)
        ]
        matches = list(place.exchange.all("match", "computed"))
        pairs = accepted(place.exchange)
    if json:
        made = [{"author": f.author, "entry": f.entry, "id": f.key[1], "pairs": f.body.pairs} for f in matches]
        said = [
            {"binds": p.binds, "by": list(p.by), "computed": p.computed, "offer": p.offer, "request": p.request}
            for p in pairs
        ]
        print_json({"accepted": said, "aid": rows, "matches": made})
        return
    for row in rows:
        here = "" if row["file_here"] else "  (its file is not here)"
        print(f"{row['what']:7} {row['id']} v{row['version']}  {row['kind']}  {', '.join(row['sectors']) or '-'}{here}")
    for f in matches:
        counts = f"{f.body.pairs} pairs of {f.body.requests} requests, {f.body.offers} offers"
        print(f"match   {f.author}/{f.key[1]}  {counts}  {f.entry[:16]}")
    for p in pairs:
        print(f"pair    {p.request} and {p.offer}: {'binds' if p.binds else 'accepted by ' + ', '.join(p.by)}")
    if not rows:
        print("No request and no offer is on the record.")


def accept(
    request: str = typer.Argument(..., help="The request: MEMBER/ID."),
    offer: str = typer.Argument(..., help="The offer: MEMBER/ID."),
    computed: str = typer.Argument(..., help="The matching: the id of its entry, or the beginning of it."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Accept a pair of a logged matching; it binds once both sides have accepted it."""
    from concordat.exchange.inclusion.aid_entries import accepted

    with seat(home, passphrase_file, speaker, demo) as place:
        state = place.exchange
        for thing, key in (("aid_request", request), ("aid_offer", offer)):
            state.newest(thing, tuple(key.split("/", 1)))
        entry = _matching(place, computed)
        _check_pair(place, entry, request, offer)
        (requester, asked), (offerer, given) = request.split("/", 1), offer.split("/", 1)
        body = {"computed": entry, "offer": given, "offerer": offerer, "request": asked, "requester": requester}
        written = place.say("MatchAccepted", body)
        now = next(p for p in accepted(place.exchange) if (p.request, p.offer, p.computed) == (request, offer, entry))
    if json:
        print_json({"binds": now.binds, "by": list(now.by), "entry": written.id})
        return
    waits = "" if now.binds else f" Waiting for {offerer if requester in now.by else requester}."
    print(f"{request} and {offer}: accepted by {', '.join(now.by)}.{' It binds.' if now.binds else waits}")


def _matching(place: Seat, start: str) -> str:
    found = sorted({f.entry for f in place.exchange.all("match", "computed") if f.entry.startswith(start)})
    if len(found) != 1 or len(start) < 4:
        what = "more than one matching begins so" if len(found) > 1 else "no matching on the record begins so"
        hint = "See: concordat exchange aid list"
        raise InputError(f'"{plain(start)[:40]}": {what}.', where="computed", hint=hint, code="unknown_id")
    return found[0]


def _check_pair(place: Seat, entry: str, request: str, offer: str) -> None:
    """The pair is one of the matching, where this node holds the matching."""
    fact = next(f for f in place.exchange.all("match", "computed") if f.entry == entry)
    data = _document(place, fact) if fact.document else None
    if data is None:
        return
    pairs = [(p["request"], p["offer"]) for p in json_.loads(data)["pairs"]]
    if (request, offer) not in pairs:
        hint = f"It has {', '.join(f'{r} and {o}' for r, o in pairs[:3])}{', ...' if len(pairs) > 3 else ''}."
        raise RuleError(f"{request} and {offer} are no pair of it.", where=entry[:16], hint=hint, code="no_pair")


def log_match(place: Seat, made: Any, facts: Mapping[str, Any], name: str, missing: list[str]) -> Any:
    """Write `MatchComputed`; only of all that is on the record, so that every member can compute it again.

    Raises:
        RuleError: a file is not here.
    """
    from concordat import canonical
    from concordat.exchange.inclusion.aid_entries import match_body

    if missing:
        hint = "Ask their members for the files, or match without --log."
        raise RuleError(f"no file here for {', '.join(missing)}.", hint=hint, code="no_document")
    document = canonical.dumps(facts)
    body = match_body(made, name, document)
    place.node.store.put_blob(body["document"]["hash"], None, document)
    return place.say("MatchComputed", body)
