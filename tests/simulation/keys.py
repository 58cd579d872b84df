"""Members with keys for the simulator and the tests: made from names, so that every run has the same ones."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from concordat import canonical
from concordat.errors import TrustError
from concordat.ledger import council_log, entry, keys, note, views
from concordat.ledger.entry import Entry, sign_envelope
from concordat.ledger.keys import ED25519_COSIGNATURE, ED25519_LOG, MLDSA44_COSIGNATURE, Ed25519Secret, MLDSA44Secret
from concordat.ledger.membership import MEMBERSHIP_TYPE, MembershipChain
from concordat.ledger.note import Checkpoint, Note, NoteSigner, Signature
from concordat.ledger.signer import Floor, Signer

NAMES = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF")
BLOC = "BRICS"


def seed_of(*parts: str) -> bytes:
    """32 bytes for a name: for tests alone, where a key must be the same in every run."""
    return hashlib.sha256("/".join(("test key", *parts)).encode()).digest()


@dataclass
class StubSecret:
    """A key whose signatures cost one hash: sound only where every party is played by the test."""

    public: bytes

    def sign(self, message: bytes) -> bytes:
        half = hashlib.sha256(self.public + message).digest()
        return half + half


class BrokenInvariant(AssertionError):  # noqa: N818 - it is a finding
    """A run that must not happen."""


@dataclass
class RecordingSecret:
    """A key of an honest member that remembers all it signed, and stops the run where two statements contradict (7).

    Heads: no smaller size, of one size one root, no earlier time. Council heads: none below a view that it voted for.
    Votes: none that names less than the certificate that a cosigned head carried. Entries: one under each number.
    """

    inner: StubSecret | Ed25519Secret
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    entries: dict[tuple[str, str, int], bytes] = field(default_factory=dict)
    time: int = 0
    voted: int = 0
    least: tuple[int, int] = (0, 0)

    @property
    def public(self) -> bytes:
        return self.inner.public

    def sign(self, message: bytes) -> bytes:
        if message.startswith(b"DSSEv1 "):
            self._statement(json.loads(message[message.index(b"{") :]), message)
        else:
            lines = message.decode().split("\n")
            if lines[0] == "cosignature/v1":
                now = int(lines[1].removeprefix("time "))
                self._require(now >= self.time, f"time {now} after {self.time}")
                self.time, lines = now, lines[2:]
            self._head(lines[0], int(lines[1]), lines[2], cosigned=message.startswith(b"cosignature"))
        return self.inner.sign(message)

    def _head(self, origin: str, size: int, root: str, *, cosigned: bool) -> None:
        known = self.heads.get(origin, (0, ""))
        self._require(size >= known[0], f"{origin}: size {size} after {known[0]}")
        self._require(size > known[0] or root == known[1], f"{origin}: two roots of size {size}")
        self.heads[origin] = (size, root)
        if cosigned and "/council/" in origin:
            view = int(origin.rpartition("/")[2])
            self._require(view >= self.voted, f"{origin} after a vote for {self.voted}")
            if size >= 2:
                self.least = max(self.least, (view, size - 1))

    def _statement(self, raw: dict[str, Any], message: bytes) -> None:
        if "highest" in raw:
            place = (raw["highest"]["view"], raw["highest"]["size"]) if raw["highest"] else (0, 0)
            self._require(place >= self.least, f"a vote that names {place} after {self.least}")
            self.voted = max(self.voted, raw["view"])
            return
        number = (raw["scope"] if raw["scope"] == "order" else "", str(raw["body"].get("view", "")), raw["seq"])
        if number[0] == "":
            number = ("", "", raw["seq"])
        self._require(self.entries.setdefault(number, message) == message, f"two entries {number}")

    def _require(self, holds: bool, what: str) -> None:
        if not holds:
            raise BrokenInvariant(f"7: an honest key signed {what}")


@lru_cache(maxsize=1000)
def secret(*parts: str) -> Ed25519Secret:
    """The Ed25519 key of a name."""
    return Ed25519Secret(seed_of(*parts))


def host(member: str) -> str:
    return f"node.{member.lower()}.example"


def note_signers(member: str, role: str, *, stub: bool = False, mldsa: bool = False) -> tuple[NoteSigner, ...]:
    """The note signers of a member in a role: Ed25519, and ML-DSA-44 if asked for."""
    name = f"{host(member)}/{BLOC}/{'member' if role == 'log' else role}"
    kind = ED25519_LOG if role == "log" else ED25519_COSIGNATURE
    key: Any = secret(member, role)
    first = NoteSigner(name, kind, StubSecret(key.public) if stub else key)  # type: ignore[arg-type]
    if not mldsa:
        return (first,)
    return (first, NoteSigner(name, MLDSA44_COSIGNATURE, MLDSA44Secret(seed_of(member, role, "mldsa"))))


def signer(
    member: str, *, stub: bool = False, mldsa: bool = False, floor: Floor | None = None, recorded: bool = False
) -> Signer:
    """The signer of a member's node; `recorded`: its keys stop the run where they contradict themselves."""
    roles = {role: note_signers(member, role, stub=stub, mldsa=mldsa) for role in ("log", "witness", "mirror")}
    node: Any = StubSecret(secret(member, "node").public) if stub else secret(member, "node")
    if recorded:
        node = RecordingSecret(node)
        for role, (first, *others) in roles.items():
            kept: Any = RecordingSecret(first.secret)  # type: ignore[arg-type]
            roles[role] = (NoteSigner(first.name, first.kind, kept), *others)
    return Signer(member, node=node, floor=floor, **roles)


def member_payload(
    member: str, *, mldsa: bool = False, persons: Iterator[Any] | tuple[Any, ...] = ()
) -> dict[str, Any]:
    """A member as the membership file holds it."""
    people = [("node", secret(member, "node").public), ("del-04", secret(member, "del-04").public), *persons]
    return {
        "host": host(member),
        "id": member,
        "log": [str(s.key) for s in note_signers(member, "log", mldsa=mldsa)],
        "mirror": [str(s.key) for s in note_signers(member, "mirror", mldsa=mldsa)],
        "persons": [
            {
                "from": {"batch": 0, "view": 1},
                "key": base64.b64encode(public).decode(),
                "label": label,
                "may": ["council", "exchange", "order"],
                "until": None,
            }
            for label, public in people
        ],
        "root": {
            "keys": [base64.b64encode(secret(member, f"root{i}").public).decode() for i in range(3)],
            "threshold": 2,
        },
        "status": "active",
        "witness": [str(s.key) for s in note_signers(member, "witness", mldsa=mldsa)],
    }


def membership_payload(n: int, *, mldsa: bool = False, merge_delay_hours: int = 24) -> dict[str, Any]:
    """Version 1 for the first n members."""
    return {
        "bloc": BLOC,
        "effective": {"batch": 0, "view": 1},
        "expires": "2030-12-31T00:00:00Z",
        "members": [member_payload(m, mldsa=mldsa) for m in NAMES[:n]],
        "merge_delay_hours": merge_delay_hours,
        "rota": list(NAMES[:n]),
        "threshold": n - (n - 1) // 3,
        "v": 1,
        "version": 1,
    }


def sign_membership(payload: dict[str, Any], voters: tuple[str, ...]) -> bytes:
    """The envelope with two root signatures of each voter."""
    roots = [(ED25519_LOG, secret(m, f"root{i}")) for m in voters for i in (0, 1)]
    return sign_envelope(MEMBERSHIP_TYPE, canonical.dumps(payload), roots).to_bytes()


@lru_cache(maxsize=32)
def chain(n: int, *, mldsa: bool = False, merge_delay_hours: int = 24) -> MembershipChain:
    """The membership of the first n members, verified."""
    payload = membership_payload(n, mldsa=mldsa, merge_delay_hours=merge_delay_hours)
    data = sign_membership(payload, NAMES[:n])
    return MembershipChain.verify([data], hashlib.sha256(canonical.dumps(payload)).hexdigest())


def _stub_verify(public: bytes, signature: bytes, message: bytes, what: str = "the signature") -> None:
    if signature[:32] != signature[32:]:  # a real one: the roots of the membership file
        keys.verify_ed25519(public, signature, message, what)
        return
    half = hashlib.sha256(public + message).digest()
    if signature != half + half:
        raise TrustError(f"{what} does not verify.", code="signature")


@contextmanager
def stub_signatures() -> Iterator[None]:
    """Heads, entries and votes signed by `StubSecret`; bytes read once, since many members read the same ones."""
    saved = (entry.verify_ed25519, note.verify_ed25519, council_log.parse_entry, council_log.parse_batch)
    saved_methods = [(owner, name, owner.__dict__[name]) for owner, name in _REMEMBERED]
    forget()
    check_name = note.check_name
    note.check_name = lru_cache(maxsize=1_000)(check_name)  # type: ignore[assignment]
    batches: dict[str, Any] = {}

    def parse_batch(found: Entry, where: str) -> Any:
        if found.id not in batches:
            batches[found.id] = saved[3](found, where)
        return batches[found.id]

    verify_entry, verified = MembershipChain.verify_entry, {}

    def verify_once(of: MembershipChain, found: Entry) -> Entry:
        """As many members check the same bytes under the same membership; a refusal is made anew."""
        if (id(of), found.leaf) not in verified:
            verified[id(of), found.leaf] = (verify_entry(of, found), of)
        return found

    MembershipChain.verify_entry = verify_once  # type: ignore[method-assign]
    entry.verify_ed25519 = note.verify_ed25519 = _stub_verify  # type: ignore[assignment]
    council_log.parse_entry = lru_cache(maxsize=20_000)(Entry.parse)  # type: ignore[assignment]
    council_log.parse_batch = parse_batch
    for owner, name, method in saved_methods:
        setattr(owner, name, _remembering(method, getattr(owner, name)))
    try:
        yield
    finally:
        entry.verify_ed25519, note.verify_ed25519, council_log.parse_entry, council_log.parse_batch = saved  # type: ignore[assignment]
        note.check_name = check_name
        MembershipChain.verify_entry = verify_entry  # type: ignore[method-assign]
        for owner, name, method in saved_methods:
            setattr(owner, name, method)
        forget()


_REMEMBERED: tuple[tuple[type, str], ...] = (
    (Signature, "parse"),
    (Signature, "line"),
    (Note, "parse"),
    (Note, "__str__"),
    (Checkpoint, "text"),
)


def _remembering(method: Any, bound: Any) -> Any:
    """A method that remembers its answers: what it works on doesn't change."""
    if not isinstance(method, classmethod):
        name = f"_{method.__name__} told"

        def told(self: Any) -> Any:
            kept = self.__dict__
            if name not in kept:
                kept[name] = method(self)
            return kept[name]

        return told
    return staticmethod(lru_cache(maxsize=20_000)(bound))


def forget() -> None:
    """Nothing verified with one kind of signatures counts for the other."""
    for remembered in (
        council_log.cosigned_head,
        council_log._signed_certificate,
        council_log._submission,
        note.verify_signature,
        views._verify_vote,
    ):
        remembered.cache_clear()
