"""How a bloc's record begins: members' public keys become one membership file, each signs it, each pins its hash.

`member.json` of each node holds public keys alone and may travel by any way. One member puts them together (`found`),
all sign with two of their three root keys (`sign`), and each node adopts the signed file once, by a hash that its
people compared aloud. A node that has written entries adopts only a next version of the chain it has.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from concordat import canonical, clock
from concordat.errors import InputError, StateError, TrustError
from concordat.ledger.entry import Envelope, sign_envelope
from concordat.ledger.keys import ED25519_LOG, Ed25519Secret
from concordat.ledger.membership import (
    MEMBERSHIP_TYPE,
    Membership,
    MembershipChain,
    check_names,
    quorum_of,
)
from concordat.node.identity import (
    ROLES,
    Identity,
    check_owner,
    locked,
    make_keys,
    member_record,
    read_identity,
    read_root,
    write_private,
)
from concordat.node.stores import SQLITE, open_log

VALID_DAYS = 400  # a little over a year: renewed yearly


def init(home: Path, identity: Identity, passphrase: str = "", database: str = SQLITE) -> Membership:
    """Make a node: keys, `member.json`, and a membership of this member alone, replaced when the bloc founds its own.

    Raises:
        InputError: a bloc, member or host that can't stand in a membership file. StateError: a node is there already.
    """
    check_names(identity.bloc, identity.member, identity.host)
    expires = default_expiry()
    halfway = (home / "identity.json").exists() and not (home / "pinned.txt").exists()
    if not (halfway and read_identity(home) == identity):  # an init that was interrupted goes on
        make_keys(home, identity, passphrase)
    record = member_record(home, identity, passphrase)
    text = json.dumps({"bloc": identity.bloc, "member": record}, indent=1, sort_keys=True, ensure_ascii=False)
    (home / "member.json").write_text(text + "\n", encoding="utf-8")
    data = canonical.dumps({**found_payload(identity.bloc, [record]), "expires": expires})
    signed = sign_payload(data, _roots(home, passphrase))
    open_log(home, database, create=True, origin=identity.name("log")).close()
    adopt(home, [signed.to_bytes()], database)
    return Membership.parse(signed.to_bytes())


def _roots(home: Path, passphrase: str) -> list[Ed25519Secret]:
    return [read_root(path, passphrase) for path in sorted((home / "roots").glob("root-*.json"))[:2]]


def default_expiry() -> str:
    """A little over a year from now."""
    try:
        return (clock.now() + timedelta(days=VALID_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    except OverflowError:
        hint = "Set the machine's clock."
        raise StateError(f"this clock says {clock.now():%Y}.", where="clock", hint=hint, code="clock") from None


def found_payload(bloc: str, records: Sequence[Mapping[str, Any]], merge_delay_hours: int = 24) -> dict[str, Any]:
    """The payload of version 1 for these members; its rota is in order of their ids."""
    members = sorted((dict(record) for record in records), key=lambda record: str(record.get("id")))
    return {
        "bloc": bloc,
        "effective": {"batch": 0, "view": 1},
        "expires": default_expiry(),
        "members": members,
        "merge_delay_hours": merge_delay_hours,
        "rota": [str(record.get("id")) for record in members],
        "threshold": quorum_of(len(members)),
        "v": 1,
        "version": 1,
    }


def read_record(path: Path) -> tuple[str, dict[str, Any]]:
    """(bloc, member) of a `member.json`.

    Raises:
        InputError: not such a file.
    """
    try:
        raw = json.loads(path.read_bytes())
        return str(raw["bloc"]), dict(raw["member"])
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        hint = "Ask the member for the member.json of its node."
        raise InputError("not a member.json.", where=str(path), hint=hint, code="member_file") from None


def sign_payload(payload: bytes, roots: Sequence[Ed25519Secret], before: Envelope | None = None) -> Envelope:
    """A membership payload with signatures of root keys, those of `before` kept."""
    fresh = sign_envelope(MEMBERSHIP_TYPE, payload, [(ED25519_LOG, root) for root in roots])
    both = {**dict(before.signatures if before else ()), **dict(fresh.signatures)}
    return Envelope(MEMBERSHIP_TYPE, payload, tuple(sorted(both.items())))


def merged(files: Sequence[bytes], where: Sequence[str]) -> Envelope:
    """One envelope with the signatures of several copies of one payload.

    Raises:
        InputError: not a membership file. TrustError: the copies are of two payloads.
    """
    envelopes = [Membership.parse(data, name).envelope for data, name in zip(files, where, strict=True)]
    for envelope, name in zip(envelopes, where, strict=True):
        if envelope.payload != envelopes[0].payload:
            raise TrustError(f"another text than {where[0]}.", where=name, code="membership")
    pairs = {pair for envelope in envelopes for pair in envelope.signatures}
    if len({keyid for keyid, _ in pairs}) != len(pairs):
        raise TrustError("two signatures by one key.", where=", ".join(where), code="membership")
    return Envelope(MEMBERSHIP_TYPE, envelopes[0].payload, tuple(sorted(pairs)))


def adopt(home: Path, files: Sequence[bytes], database: str = SQLITE) -> Membership:
    """Take signed versions: the first one pins its hash, later ones continue the chain.

    Args:
        files: envelopes, in order of their versions. A node that joins later brings all of them.

    Raises:
        TrustError: votes missing, a gap, another bloc, this node is not in the last one. StateError: entries were
            written under another first version.
    """
    identity = read_identity(home)
    new = [Membership.parse(data) for data in files]
    check_owner(identity, new[-1].bloc)
    check_own_keys(home, new[-1])
    lock = locked(home)
    try:
        store = open_log(home, database, origin=identity.name("log"))
    except BaseException:
        os.close(lock)
        raise
    try:
        if new[0].version == 1:
            if (home / "pinned.txt").exists() and pinned_hash(home) == new[0].hash and len(files) == 1:
                return new[0]  # adopted before
            if store.origins():
                what = "this node has written entries under another membership."
                raise StateError(what, where=str(home), hint="Begin a new node for a new bloc.", code="has_entries")
            chain = MembershipChain.verify(files, new[0].hash)
            write_private(home / "pinned.txt", new[0].hash.encode() + b"\n")
        else:
            held = store.papers("membership")
            chain = MembershipChain.verify([held[key] for key in sorted(held, key=int)], pinned_hash(home))
            for data in files:
                chain = chain.extended(data)
        with store.commit():
            store.drop_papers("membership")
            for version in chain.versions:
                store.put_paper("membership", str(version.version), version.envelope.to_bytes())
    finally:
        store.close()
        os.close(lock)
    return chain.last


def check_own_keys(home: Path, membership: Membership) -> None:
    """What a membership file says of this member is what its own `member.json` says: nobody swapped its keys.

    Raises:
        TrustError: the member is not in it, or with another host or other keys.
    """
    identity = read_identity(home)
    own = next((m for m in membership.members if m.id == identity.member), None)
    if own is None or own.host != identity.host:
        raise TrustError(f"{identity.member} at {identity.host} is not in it.", where="membership", code="membership")
    try:
        _, record = read_record(home / "member.json")
    except InputError:  # moved away: doctor compares the private keys
        return
    said = {role: [str(key) for key in getattr(own, role)] for role in ROLES}
    odd = [role for role in ROLES if said[role] != record.get(role)]
    roots = {base64.b64encode(root).decode() for root in own.roots}
    if roots != set(record["root"]["keys"]):
        odd.append("root")
    persons = {(p.label, base64.b64encode(p.public).decode()) for p in own.persons}
    if not {(p["label"], p["key"]) for p in record["persons"]} <= persons:
        odd.append("person")
    if odd:
        what = f"it gives {identity.member} {odd[0]} keys that are not those of this node."
        raise TrustError(what, where="membership", hint="Don't sign it; ask who put it together.", code="swapped")


def renewed_payload(
    last: Membership,
    records: Sequence[Mapping[str, Any]],
    removed: Sequence[str],
    expires: str,
    point: tuple[int, int],
    persons: Sequence[tuple[str, Mapping[str, Any]]] = (),
    ended: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The payload of the next version: members added or replaced, removed, persons' keys begun or ended, a new expiry.

    Args:
        last: the newest version. records: members as in their `member.json`. point: (view, batch) from which it counts.
        persons: (member, person as in a `person-request.json`), whose keys begin there. ended: (member, key label) of
            those whose keys end there.

    Raises:
        InputError: a member or key that is to be removed or ended isn't there; a label that is in use.
    """
    raw: dict[str, Any] = canonical.loads(last.payload)
    members = {record["id"]: record for record in raw["members"]}
    for gone in removed:
        if gone not in members:
            known = ", ".join(sorted(members))
            raise InputError(f"{gone} is not a member.", where="--remove", hint=f"Members: {known}", code="member")
        del members[gone]
    for record in records:
        name, fixed = str(record.get("id")), ("host", "log", "witness", "mirror")
        if name in members and any(members[name][part] != record.get(part) for part in fixed):
            what = (
                f"{name}'s host or node keys differ from those it has: the program can't take over such a change yet."
            )
            raise InputError(what, where="--member", hint="Let it leave, and join under another id.", code="rotation")
        members[name] = dict(record)
    for name, person in persons:
        _begin_person(members, name, person, point)
    for name, label in ended:
        _end_person(members, name, label, point)
    active = [key for key in sorted(members) if members[key].get("status") == "active"]
    rota = [key for key in raw["rota"] if key in active] + [key for key in active if key not in raw["rota"]]
    raw |= {
        "effective": {"batch": point[1], "view": point[0]},
        "expires": expires,
        "members": [members[key] for key in sorted(members)],
        "rota": rota,
        "threshold": quorum_of(len(active)) if active else 1,
        "version": last.version + 1,
    }
    return raw


def _begin_person(members: dict[str, Any], name: str, person: Mapping[str, Any], point: tuple[int, int]) -> None:
    known = _persons(members, name)
    if any(p["label"] == person["label"] or p["key"] == person["key"] for p in known):
        what = f"{name} has the key or the label {person['label']} already."
        raise InputError(what, where="--person", hint="A new key needs a new label: the old one stays.", code="label")
    known.append({**person, "from": {"batch": point[1], "view": point[0]}, "until": None})


def _end_person(members: dict[str, Any], name: str, label: str, point: tuple[int, int]) -> None:
    known = next((p for p in _persons(members, name) if p["label"] == label and p["until"] is None), None)
    if known is None or label == "node":
        what = f"{name} has no key {label} that could end."
        raise InputError(what, where="--end-person", hint="As BRA:del-04", code="label")
    known["until"] = {"batch": point[1], "view": point[0]}


def _persons(members: dict[str, Any], name: str) -> list[dict[str, Any]]:
    if name not in members:
        known = ", ".join(sorted(members))
        raise InputError(f"{name} is not a member.", where="person", hint=f"Members: {known}", code="member")
    found: list[dict[str, Any]] = members[name]["persons"]
    return found


def pinned_hash(home: Path) -> str:
    """The hash of membership version 1 that this node was told to trust.

    Raises:
        StateError: it was told none.
    """
    try:
        return (home / "pinned.txt").read_text(encoding="ascii").split()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        raise StateError(
            "no membership is pinned.",
            where=str(home / "pinned.txt"),
            hint="Adopt one: concordat node adopt FILE",
            code="no_membership",
        ) from None
