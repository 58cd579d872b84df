"""Sharing an incident from a node: its bytes beside the log, its entry, and its objects into a collection.

    prepared, entry = share(node, store, bundle, recipients, topic="incidents")

The bundle is kept in the store of blobs, salted unless it is CLEAR; its objects lie in the collection of the topic with
the bundle's label as ceiling, each under its own label and for the recipients that were named. The entry holds hash,
label, codes and times; from AMBER on the recipients' members, of RED only a salted hash of their list. The body of an
incident is never on the log.

Log and collections are two files. So the objects first wait where nobody can read them, then the entry is written, then
they become readable: nothing can be read that is not on the log. Of a process that ends between the two, `mend` makes
readable what was logged, when the node starts or the next incident is shared, and drops what never was. Source:
exchange.md, sections 3 and 8.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from concordat import canonical
from concordat.errors import RuleError, StateError
from concordat.exchange.events import check_said
from concordat.exchange.incidents.objects import (
    Bundle,
    IncidentFacts,
    bundle_bytes,
    facts_of,
    grade_bundle,
    incident_in,
)
from concordat.exchange.incidents.taxii import Collection, New, Site, add_objects
from concordat.exchange.incidents.tlp import Caller, Graded, Tlp, check_recipients
from concordat.ledger.entry import Entry, blob_reference
from concordat.node.exchange import exchange_of, say
from concordat.node.home import Node
from concordat.node.taxii_store import TaxiiStore

STIX = "application/stix+json"
LABEL = "node"  # of the key that signs for the member


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready to be said.

    Attributes:
        body: of `IncidentShared`. incident: its id. graded: label of the bundle, and the object that it comes from.
        facts: of our extension. collection: where the objects lie. recipients: of the objects. refused: objects that
            were not stored, and why.
    """

    body: dict[str, Any]
    incident: str
    graded: Graded
    facts: IncidentFacts
    collection: Collection
    recipients: frozenset[str]
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def document(self) -> str:
        """The hash under which the bundle is kept."""
        return str(self.body["document"]["hash"])


def share(
    node: Node, store: TaxiiStore, bundle: Bundle, to: list[str],
    write: Callable[[str, Mapping[str, Any]], Entry] | None = None, **said: str,
) -> tuple[Prepared, Entry]:  # fmt: skip
    """Share an incident: readable to whom it is for once its entry is on the log.

    Args:
        to: recipients in the form that the label asks for. write: writes an entry of a type; default: into this node's
            log. said: `topic`, `stage`, `became_aware`, `timeline`, as of `prepare`.

    Raises:
        InputError, RuleError: as `prepare`; nothing is logged, nothing readable. StateError: the disk refuses; it names
            the entry if that was written by then.
    """
    mend(node, store)
    ready = prepare(node, store, bundle, to, **said)
    new = [New.of(one) for one in bundle.objects]
    store.put_pending(ready.document, ready.collection.id, ready.recipients, new)
    try:
        entry = write("IncidentShared", ready.body) if write is not None else say(node, "IncidentShared", ready.body)
    except Exception:
        mend(node, store)  # by the log: it may have been written before what went wrong
        raise
    try:
        return replace(ready, refused=_release(node, store, ready.document)), entry
    except StateError as error:
        what = f"it is logged (entry {entry.id[:16]}), but its objects can't be read yet: {error.what}"
        hint = "Don't share it again: they become readable when the node starts, or with the next incident."
        raise StateError(what, where=error.where, hint=hint, code="logged_unreadable") from None


def mend(node: Node, store: TaxiiStore) -> int:
    """Make readable what waits and is on this member's log, and drop what waits and is not; how many were made so.

    Whoever has the node open may say so: nobody else is about to write its log.
    """
    waiting = [document for document, *_ in store.pending()]
    if not waiting:
        return 0
    facts = exchange_of(node.replica).all("incident")
    logged = {fact.document for fact in facts if fact.author == node.identity.member and fact.says == "published"}
    for document in waiting:
        if document in logged:
            _release(node, store, document)
        else:
            store.end_pending(document)
    return len(logged.intersection(waiting))


def _release(node: Node, store: TaxiiStore, document: str) -> tuple[tuple[str, str], ...]:
    """Move what waits under a document into its collection; what is not stored, and why."""
    with store.change():
        for known, name, recipients, new in store.pending():
            if known != document:
                continue
            bloc = node.chain.last.bloc
            collection = next(c for c in store.collections(bloc.lower()) if c.id == name)
            site = Site({bloc.lower(): bloc}, frozenset(m.id for m in node.chain.last.active), 0)
            outcomes = add_objects(collection, Caller(node.identity.member, LABEL), store, site, new, recipients)
            store.end_pending(document)
            return tuple((one, why) for one, _, why in outcomes if why)
    return ()


def prepare(
    node: Node, store: TaxiiStore, bundle: Bundle, to: list[str], *, topic: str = "incidents", stage: str = "",
    became_aware: str = "", timeline: str = "default",
) -> Prepared:  # fmt: skip
    """Keep the bytes of an incident, and make the body of its entry and the collection for its objects.

    Args:
        to: recipients in the form that the label asks for. stage, became_aware: default: as the extension says.

    Raises:
        InputError: no incident, or recipients of another form. RuleError: a label without recipients, a recipient that
            is not a member, or recipients of what goes to all.
    """
    members = frozenset(member.id for member in node.chain.last.active)
    incident, graded = incident_in(bundle), grade_bundle(bundle)
    label, facts = graded.label, facts_of(incident) or IncidentFacts()
    if label < Tlp.AMBER and to:
        whom = "anyone" if label is Tlp.CLEAR else "every member"
        hint = "Leave out --to, or mark it AMBER."
        raise RuleError(f"TLP:{label.text} goes to {whom}.", where="--to", hint=hint, code="recipients")
    recipients = check_recipients(label, to, members)
    member = node.identity.member
    content, salt = bundle_bytes(bundle.objects), None if label is Tlp.CLEAR else secrets.token_bytes(32)
    reference = blob_reference(content, STIX, salt)
    node.store.put_blob(reference["hash"], salt, content)
    before = exchange_of(node.replica).of("incident", (member, incident["id"]), "published")
    body: dict[str, Any] = {
        "document": reference, "incident": incident["id"], "label": label.text, "timeline": timeline,
        "version": 1 + max((fact.version for fact in before), default=0), **_said(facts, stage, became_aware),
        **_recipients(node, label, recipients),
    }  # fmt: skip
    body["collection"] = topic
    check_said("IncidentShared", body, member)
    root = node.chain.last.bloc.lower()
    made = store.make_collection(root, topic, label, f"{topic.capitalize()}, TLP:{label.text}", [member])
    return Prepared(body, incident["id"], graded, facts, made, recipients)


def _said(facts: IncidentFacts, stage: str, became_aware: str) -> dict[str, Any]:
    said = {
        "stage": stage or facts.stage, "became_aware": became_aware or facts.became_aware, "severity": facts.severity,
        "sectors": sorted(set(facts.sectors)), "cross_border": facts.cross_border,
    }  # fmt: skip
    return {key: value for key, value in said.items() if value not in ("", None, [])}


def _recipients(node: Node, label: Tlp, recipients: frozenset[str]) -> dict[str, Any]:
    """What the log may hold of the recipients."""
    if label is Tlp.RED:
        salt, content = secrets.token_bytes(32), canonical.dumps(sorted(recipients))
        digest = hashlib.sha256(salt + content).hexdigest()
        node.store.put_blob(digest, salt, content)
        return {"recipients_hash": digest}
    if label < Tlp.AMBER:
        return {}
    return {"recipients": sorted({one.replace(":", "/").partition("/")[0] for one in recipients})}


def keep_text(node: Node, text: bytes, label: Tlp, media_type: str = "text/plain") -> dict[str, Any]:
    """Keep a text that an entry names; the reference, salted unless it is CLEAR."""
    salt = None if label is Tlp.CLEAR else secrets.token_bytes(32)
    reference = blob_reference(text, media_type, salt)
    node.store.put_blob(reference["hash"], salt, text)
    return reference
