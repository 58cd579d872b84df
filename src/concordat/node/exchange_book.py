"""What a running node has offered and said in the exchange: its own log, and the documents and files beside it.

`LogBook` signs an entry once, however often it is asked for (a crash between signing and the next step must not say it
twice), many threads' entries under one head, and checks entries that a peer shows. `LogOffers` reads the datasets that
this member's log offers. Both go through the one writer of the node, and are called from threads beside the loop.
Source: exchange.md 3, 4.1, 5.3.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError, TrustError
from concordat.exchange.catalogue.dsp_catalog import LABEL, dsp_dataset
from concordat.exchange.catalogue.offer import dataset_of, label_of, parse_document
from concordat.exchange.dataspace.behaviours import Rule
from concordat.exchange.events import KINDS, SCOPE, check_said
from concordat.ledger.entry import Entry
from concordat.ledger.kept import KeptEntries
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.messages import Out
from concordat.node.exchange import files_of, is_gone, service_of
from concordat.node.exchange_parts import File, Offered
from concordat.node.home import Node
from concordat.node.service import Service

UNKNOWN = ("dataset", "offered", "version")
AT_ONCE = 256  # entries that the writer's thread reads for the exchange between two steps of others
FEW = 32  # entries that a step on the writer's thread looks through by itself
OFFERED, WITHDRAWN = "DatasetOffered", "DatasetWithdrawn"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a thread wants to say: its digest, type and body; the entry, once it is durable."""

    key: str
    kind: str
    body: Mapping[str, Any]
    leaf: Future[bytes] = field(default_factory=Future)


class LogBook:
    """This member's log, for the exchange.

    Args:
        service: the running node. passed: told of entries from an index up to another that are about no offer.
    """

    def __init__(self, service: Service, passed: Callable[[int, int], None] = lambda *_: None) -> None:
        self._service, self._passed = service, passed
        self._catching = threading.Lock()
        self._guard, self._wanted, self._led = threading.Lock(), list[_Wanted](), False
        self._known: dict[str, int] = {}  # digest of what was said -> its index in the log
        self._of_agreements: set[tuple[str, str, str]] = set()
        self._read = 0

    def said(self, kind: str, body: Mapping[str, Any]) -> str:
        """Sign an entry, or find it: the same type and body are signed once. Its envelope in base64.

        Raises:
            InputError: the body is not of that type. StateError: nothing can be signed now.
        """
        check_said(kind, dict(body), self._service.member)
        wanted = _Wanted(canonical.digest([kind, dict(body)]), kind, dict(body))
        self._catch_up(FEW)
        with self._guard:  # whoever finds nobody waiting goes to the writer, for all who come until it is their turn
            self._wanted.append(wanted)
            leads, self._led = not self._led, True
        if leads:
            self._lead()
        return base64.b64encode(wanted.leaf.result()).decode()

    def _lead(self) -> None:
        """Say in one step what all wait for; each hears of its own entry once the commit is durable."""
        taken: list[_Wanted] = []

        def step(node: Node) -> tuple[dict[str, bytes | ConcordatError], Out]:
            taken.extend(self._all_wanted())
            return self._say(node, {one.key: one for one in taken})

        try:
            found = self._service.writer.run(step, gather=True).result()
        except BaseException as error:
            for one in taken or self._all_wanted():
                one.leaf.set_exception(error)
            return
        for one in taken:
            leaf = found[one.key]
            if isinstance(leaf, bytes):
                one.leaf.set_result(leaf)
            else:
                one.leaf.set_exception(leaf)

    def _all_wanted(self) -> list[_Wanted]:
        with self._guard:
            found, self._wanted, self._led = self._wanted, [], False
        return found

    def _say(self, node: Node, wanted: Mapping[str, _Wanted]) -> tuple[dict[str, bytes | ConcordatError], Out]:
        """On the writer's thread, which looks and signs: of two who say the same, one signs."""
        own, start = node.replica.own, self._read
        self._note([own.entries[index] for index in own.entries.of_kinds(SCOPE, KINDS, start)], own.size)
        fresh = [one for one in wanted.values() if one.key not in self._known]
        found: dict[str, bytes | ConcordatError] = {}
        out: Out = []
        try:
            if fresh:
                out += self._signed(node, fresh)
        except InputError:  # nothing was signed: each by itself, and who can't hears of it
            for one in fresh:
                try:
                    out += self._signed(node, [one])
                except InputError as fault:
                    found[one.key] = fault
        return {key: found.get(key) or own.entries.leaves[self._known[key]] for key in wanted}, out

    def _signed(self, node: Node, fresh: Sequence[_Wanted]) -> Out:
        start = node.replica.own.size
        entries, out = node.write_all([(one.kind, one.body, SCOPE) for one in fresh])
        if all(one.kind not in (OFFERED, WITHDRAWN) for one in fresh):
            self._passed(start, start + len(entries))
        self._note(entries, node.replica.own.size)
        return out

    def _note(self, entries: Sequence[Entry], read: int) -> None:
        """Remember what entries say: all of ours of the exchange, up to a size of the log."""
        for entry in entries:
            key = canonical.digest([entry.type, entry.body])
            self._known.setdefault(key, entry.seq - 1)
            if "agreement" in entry.body:
                self._of_agreements.add((entry.type, entry.body["agreement"], str(entry.body.get("hash"))))
        self._read = max(self._read, read)  # last: whoever reads it finds what came before it

    def _catch_up(self, behind: int = 0) -> None:
        """Read what the own log has gained since the last time, if it is more than so many entries.

        A long log is hashed here, by whoever asks: the writer's thread, which serves all, hands it out in lots.
        """
        with self._catching:
            while self._service.node.replica.own.size > self._read + behind:
                start = self._read

                def look(node: Node) -> tuple[int, list[Entry]]:
                    own = node.replica.own.entries
                    found, read = first_of(own, KINDS, start)  # noqa: B023 - called before the next turn
                    return read, [own[index] for index in found]

                read, fresh = self._service.writer.read(look).result()
                self._note(fresh, read)

    def has(self, kind: str, agreement: str, digest: str) -> bool:
        """Whether this member's log says that of an agreement of that hash."""
        self._catch_up()
        return (kind, agreement, digest) in self._of_agreements

    def check(self, envelope: str, member: str, kind: str, body: Mapping[str, Any]) -> None:
        """An envelope is a member's entry of a kind, signed by a key that may, and its body says that in every field.

        Args:
            body: what it must say. Of the dataset this side may know less than the provider; nothing else may be added.

        Raises:
            InputError, TrustError, RuleError: it isn't; which field differs.
        """
        try:
            leaf = base64.b64decode(envelope, validate=True)
        except ValueError:
            raise InputError("the entry is not base64.", where="entry", code="entry") from None
        entry = self._service.chain.verify_entry(Entry.parse(leaf))
        if (entry.author, entry.scope, entry.type) != (member, SCOPE, kind):
            what = f"it is {entry.type} of {entry.author}, not {kind} of {member}."
            raise TrustError(what, where="entry", code="entry")
        check_said(kind, entry.body, entry.author)
        check_body(kind, entry.body, body)


def check_body(kind: str, said: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """What an entry says of an agreement is what this side holds of it.

    Args:
        said: the body of the entry, valid by its schema. body: what this side would say in its place.

    Raises:
        TrustError: a field that differs, with both values.
    """
    for key in sorted({*said, *body}):
        if key in UNKNOWN and key not in body:
            continue  # the consumer asked without having looked: there is nothing to compare
        if said.get(key) != body.get(key):
            shown, held = (str(part.get(key, "nothing"))[:90] for part in (said, body))
            raise TrustError(f"{kind} says {key} {shown}; this side has {held}.", where=key, code="entry")


class LogOffers:
    """The datasets that this member's log offers.

    Args:
        service: the running node.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.files = files_of(service.node.home)
        self._guard, self._refreshing = threading.Lock(), threading.Lock()
        self._read = 0
        self._versions: dict[tuple[str, int], Offered] = {}
        self._newest: dict[str, int] = {}  # dataset -> the last version that was logged
        self._withdrawn: dict[str, set[int]] = {}

    def all(self) -> Sequence[Offered]:
        """The newest version of each dataset, by uuid; none of a dataset whose newest is withdrawn or not here."""
        with self._guard:
            return [
                offered
                for _, offered in sorted(self._versions.items())
                if offered.version == self._newest[offered.dataset]
                and not is_gone(offered.version, self._withdrawn.get(offered.dataset, ()))
            ]

    def get(self, uuid: str, version: int = 0) -> Offered | None:
        """A dataset by its uuid; 0: the newest version, unless that is withdrawn."""
        if version:
            return self._versions.get((uuid, version))
        return next((offered for offered in self.all() if offered.uuid == uuid), None)

    def passed(self, start: int, end: int) -> None:
        """On the writer's thread: the entries from an index up to another are about no offer, and needn't be read."""
        with self._guard:
            if self._read == start:
                self._read = end

    def refresh(self) -> None:
        """Read what the log has gained. It waits for the log's writer: never inside of a transaction of the store."""
        with self._refreshing:
            while (start := self._read) < self._service.node.replica.own.size:
                read, fresh = self._service.writer.read(partial(_offers_since, start=start)).result()
                for entry, data in fresh:
                    self._take(entry, data)
                with self._guard:
                    self._read = max(self._read, read)

    def _take(self, entry: Entry, data: bytes | None) -> None:
        body = entry.body
        if entry.type == WITHDRAWN:
            with self._guard:
                self._withdrawn.setdefault(body["dataset"], set()).add(body["version"])
            return
        offered = None
        try:
            held = data if data is not None else self.files.get(body["document"]["hash"])
            offered = offered_of(entry, held, self._service.bloc, self._service.public_url)
        except (ConcordatError, OSError) as error:  # one spoilt document takes no other offer with it
            what = f"{body['dataset']}, version {body['version']}, is not offered: {error}"
            self._service.log("error", "offer", {"what": what, "code": getattr(error, "code", "read")})
        with self._guard:
            self._newest[body["dataset"]] = max(body["version"], self._newest.get(body["dataset"], 0))
            if offered is not None:
                self._versions[offered.uuid, offered.version] = offered


def first_of(entries: KeptEntries, kinds: Collection[str], start: int) -> tuple[list[int], int]:
    """The indices from `start` on of the first entries of some types, and the index from which to go on.

    So many at a time that other steps of the writer come between, and that a long log is never in memory whole.
    """
    found = entries.of_kinds(SCOPE, kinds, start)
    return (found, len(entries)) if len(found) <= AT_ONCE else (found[:AT_ONCE], found[AT_ONCE])


def _offers_since(node: Node, start: int) -> tuple[int, list[tuple[Entry, bytes | None]]]:
    """On the writer's thread: the first entries about offers from an index on, with the documents that are stored."""
    found: list[tuple[Entry, bytes | None]] = []
    entries = node.replica.own.entries
    indices, read = first_of(entries, (OFFERED, WITHDRAWN), start)
    for entry in map(entries.__getitem__, indices):
        blob = node.store.blob(entry.body["document"]["hash"]) if entry.type == OFFERED else None
        found.append((entry, blob[1] if blob else None))
    return read, found


def offered_of(entry: Entry, data: bytes, bloc: str, base: str) -> Offered:
    """A dataset on offer, from the entry that offered it and its document.

    Raises:
        InputError, TrustError: the document is another one, or none.
    """
    document = parse_document(data)
    body = entry.body
    if canonical.digest(document["policy"]) != body["policy"]:
        raise TrustError("the terms are not those that were logged.", where=entry.id[:16], code="policy")
    service = service_of(bloc, entry.author, base).id
    dataset = dataset_of(document, bloc=bloc, base=base, service=service, entry=entry.id)
    shown = {key: value for key, value in dsp_dataset(dataset).items() if key != "@context"}
    shown[LABEL] = label_of(document)
    files = tuple(File(f["sha256"], f["bytes"], f["format"], f["name"]) for f in document["files"])
    return Offered(
        dataset.id, document["id"], document["version"], dict(dataset.policies[0]), Rule(document["negotiation"]),
        files, entry.id, shown, label_of(document),
    )  # fmt: skip


def keys_of(chain: MembershipChain, member: str, label: str, keyid: str, final: tuple[int, int]) -> bytes:
    """The key of a member's person or node that may speak in the exchange at the last final batch.

    Args:
        final: view and size of the last final council log.

    Raises:
        TrustError: no such member, key or permission, or it is not valid then.
    """
    who = f"key {keyid} ({member} {label})"
    found = next((m for m in chain.last.active if m.id == member), None)
    key = next((k for k in found.persons if k.keyid == keyid and k.label == label), None) if found else None
    if key is None:
        raise TrustError(f"{who} is not in membership version {chain.last.version}.", code="unknown_key")
    point = Point(*final) if final[0] else Point(1, 0)
    if point < key.start or (key.end is not None and point >= key.end):
        raise TrustError(f"{who} is not valid at {point}.", code="key_not_valid")
    if not {"exchange", "exchange:supervision"} & set(key.may):
        raise TrustError(f"{who} may not speak in the exchange: {', '.join(key.may)}.", code="role")
    return key.public
