"""Sharing an incident from a node: its objects into a collection, its bytes beside the log, its entry's body.

    with store.change():
        prepared = prepare(node, store, bundle, recipients, topic="incidents")
        entry = say(node, "IncidentShared", prepared.body)

Nobody can read the objects before that change ends, so what can be read is on the log, also after a crash in between.

The bundle is kept in the store of blobs, salted unless it is CLEAR; its objects lie in the collection of the topic with
the bundle's label as ceiling, each under its own label and for the recipients that were named. The entry holds hash,
label, codes and times; from AMBER on the recipients' members, of RED only a salted hash of their list. The body of an
incident is never on the log. Source: exchange.md, sections 3 and 8.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.errors import RuleError
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
from concordat.ledger.entry import blob_reference
from concordat.node.exchange import exchange_of
from concordat.node.home import Node
from concordat.node.taxii_store import TaxiiStore

STIX = "application/stix+json"
LABEL = "node"  # of the key that signs for the member


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready to be said.

    Attributes:
        body: of `IncidentShared`. incident: its id. graded: label of the bundle, and the object that it comes from.
        facts: of our extension. collection: where the objects lie. refused: objects that were not stored, and why.
    """

    body: dict[str, Any]
    incident: str
    graded: Graded
    facts: IncidentFacts
    collection: Collection
    refused: tuple[tuple[str, str], ...]


def prepare(
    node: Node, store: TaxiiStore, bundle: Bundle, to: list[str], *, topic: str = "incidents", stage: str = "",
    became_aware: str = "", timeline: str = "default",
) -> Prepared:  # fmt: skip
    """Keep the objects and the bytes of an incident, and make the body of its entry.

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
    check_said("IncidentShared", body, member)  # before anybody can read the objects
    collection, refused = _stored(node, store, bundle, label, recipients, topic)
    return Prepared(body, incident["id"], graded, facts, collection, refused)


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


def _stored(
    node: Node, store: TaxiiStore, bundle: Bundle, label: Tlp, recipients: frozenset[str], topic: str
) -> tuple[Collection, tuple[tuple[str, str], ...]]:
    member, bloc = node.identity.member, node.chain.last.bloc
    root = bloc.lower()
    made = store.make_collection(root, topic, label, f"{topic.capitalize()}, TLP:{label.text}", [member])
    site = Site({root: bloc}, frozenset(m.id for m in node.chain.last.active), 0)
    new = [New(one["id"], str(one.get("modified") or one.get("created") or ""), one) for one in bundle.objects]
    with store.change():
        outcomes = add_objects(made, Caller(member, LABEL), store, site, new, recipients)
    return made, tuple((name, why) for name, _, why in outcomes if why)


def keep_text(node: Node, text: bytes, label: Tlp, media_type: str = "text/plain") -> dict[str, Any]:
    """Keep a text that an entry names; the reference, salted unless it is CLEAR."""
    salt = None if label is Tlp.CLEAR else secrets.token_bytes(32)
    reference = blob_reference(text, media_type, salt)
    node.store.put_blob(reference["hash"], salt, text)
    return reference
