"""Whose keys count, since when, and who decides that: the bloc's membership file and the chain of its versions.

A version is a DSSE payload in canonical JSON. Version 1 is pinned by the SHA-256 of its payload (read aloud as eight
words); version n + 1 carries the votes of enough members of version n *and* of its own, as TUF's root role does (TUF
specification 1.0.33, section 5.3). A member's vote is signatures by its root keys at its own threshold, made offline.
If a member lost its root keys, the others' threshold gives it new ones.

Versions take effect at a batch of the council log, never at a clock time: an entry counts when its key was valid at the
batch that took it up. A version that changes who is counted (members, their hosts, log, witness or mirror keys, the
rota) takes effect at the beginning of a view (batch 0), so that the votes that open the view can be asked of both
versions; a version that changes persons, roots, thresholds or the expiry may take effect at any batch.

What this does not do: hold private keys (`node.identity`), or decide whom to admit (`council`).

    >>> words_of("7f000001" * 4)
    'lusab babad lusab babad lusab babad lusab babad'
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from concordat import canonical
from concordat.errors import InputError, RuleError, TrustError
from concordat.ledger.entry import _AUTHOR, Entry, Envelope
from concordat.ledger.keys import (
    VerifierKey,
    entry_keyid,
)

MEMBERSHIP_TYPE = "application/vnd.concordat.membership+json; v=1"
BYTES_MAX = 4_000_000
MEMBERS_MAX = 49  # two signatures each and the log's own: a note has at most 100, for other readers too
STATUSES = ("active", "suspended")
WARN_DAYS = 90
ROLES = {"log": "member", "witness": "witness", "mirror": "mirror"}
_HOST = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}(:[0-9]{1,5})?")


@dataclass(frozen=True, order=True)
class Point:
    """A place in the order of the council: batch `batch` of view `view`."""

    view: int
    batch: int

    def __str__(self) -> str:
        return f"view {self.view}, batch {self.batch}"


FIRST_POINT = Point(1, 0)


@dataclass(frozen=True)
class PersonKey:
    """A delegate's key: its label, what it may sign, from and until which batch."""

    label: str
    public: bytes
    may: tuple[str, ...]
    start: Point
    end: Point | None

    @property
    def keyid(self) -> str:
        """The id by which entries name it."""
        return entry_keyid(self.public)


@dataclass(frozen=True)
class Member:
    """One member: its keys in each role, and its delegates."""

    id: str
    host: str
    status: str
    root_threshold: int
    roots: tuple[bytes, ...]
    log: tuple[VerifierKey, ...]
    witness: tuple[VerifierKey, ...]
    mirror: tuple[VerifierKey, ...]
    persons: tuple[PersonKey, ...]

    @property
    def origin(self) -> str:
        """The origin of its log: the name of its log key."""
        return self.log[0].name

    def counted(self) -> tuple[Any, ...]:
        """What must not change within a view."""
        return (self.id, self.host, self.status, self.log, self.witness, self.mirror)


class KeyRing:
    """Some keys, compared by identity: what was verified with them is remembered under them."""

    def __init__(self, keys: tuple[VerifierKey, ...]) -> None:
        self.keys = keys


def quorum_of(n: int) -> int:
    """q = n - floor((n - 1) / 3): any two quorums share more than f members."""
    return n - (n - 1) // 3


@dataclass(frozen=True)
class Membership:
    """One version of the file, read and checked by itself; `MembershipChain` checks the signatures."""

    bloc: str
    version: int
    effective: Point
    expires: str
    threshold: int
    merge_delay_hours: int
    rota: tuple[str, ...]
    members: tuple[Member, ...]
    payload: bytes
    envelope: Envelope

    @property
    def hash(self) -> str:
        """SHA-256 of the payload: what is pinned."""
        return hashlib.sha256(self.payload).hexdigest()

    @cached_property
    def active(self) -> tuple[Member, ...]:
        """The members that count, in order of their ids."""
        return tuple(m for m in self.members if m.status == "active")

    @cached_property
    def origins(self) -> dict[str, str]:
        """Origin of a member's log -> member id, of the active members."""
        return {member.origin: member.id for member in self.active}

    @cached_property
    def quorum(self) -> int:
        """How many active members make a head agreed."""
        return quorum_of(len(self.active))

    def member(self, member_id: str) -> Member:
        """One member.

        Raises:
            TrustError: no such member in this version.
        """
        for member in self.members:
            if member.id == member_id:
                return member
        raise TrustError(
            f"{member_id} is not in membership version {self.version} of {self.bloc}.", code="not_a_member"
        )

    def council_origin(self, view: int) -> str:
        """The origin of the council log of a view."""
        return f"{self.bloc}/council/{view}"

    def chair(self, view: int) -> str:
        """Who chairs a view: the rota in turn."""
        return self.rota[(view - 1) % len(self.rota)]

    def council_keys(self, view: int) -> tuple[VerifierKey, ...]:
        """The chair's log keys under the name of the council log of that view."""
        origin = self.council_origin(view)
        return tuple(VerifierKey(origin, key.kind, key.public) for key in self.member(self.chair(view)).log)

    def cosigner_keys(self, role: str) -> tuple[VerifierKey, ...]:
        """The keys of all active members in the role `witness` or `mirror`."""
        return tuple(key for member in self.active for key in getattr(member, role))

    @cached_property
    def witness_names(self) -> dict[str, str]:
        """Name of a witness key -> member id, of the active members."""
        return {member.witness[0].name: member.id for member in self.active}

    @cached_property
    def mirror_names(self) -> dict[str, str]:
        """Name of a mirror key -> member id, of the active members."""
        return {member.mirror[0].name: member.id for member in self.active}

    @cached_property
    def mirror_ring(self) -> KeyRing:
        """The mirror keys of all active members."""
        return KeyRing(self.cosigner_keys("mirror"))

    def member_ring(self, member_id: str) -> KeyRing:
        """The keys that may sign a head of a member's log: its own, and all witnesses."""
        keys = lambda: self.member(member_id).log + self.cosigner_keys("witness")  # noqa: E731
        return self._ring(("member", member_id), keys)

    def council_ring(self, view: int) -> KeyRing:
        """The keys that may sign a head of a view's council log: its chair, and all mirrors."""
        return self._ring(("view", str(view)), lambda: self.council_keys(view) + self.cosigner_keys("mirror"))

    @cached_property
    def _rings(self) -> dict[tuple[str, str], KeyRing]:
        return {}

    def _ring(self, key: tuple[str, str], keys: Callable[[], tuple[VerifierKey, ...]]) -> KeyRing:
        if key not in self._rings:
            self._rings[key] = KeyRing(keys())
        return self._rings[key]

    @classmethod
    def parse(cls, data: bytes, where: str = "membership") -> Membership:
        """Read one version; its signatures are not checked here.

        Raises:
            InputError: not an envelope or payload of that form, with the path of the fault.
            StateError: a newer format.
            TrustError: a weak key.
        """
        envelope = Envelope.parse(data, MEMBERSHIP_TYPE, where, BYTES_MAX)
        try:
            raw = canonical.loads(envelope.payload, exact=True)
        except InputError as error:
            error.where = f"{where}, {error.where}"
            raise
        from concordat.ledger.membership_file import read

        return read(raw, envelope, where)

    def require_votes(self, envelope: Envelope, what: str) -> list[str]:
        """The members of this version whose root keys signed an envelope at their own thresholds.

        Raises:
            TrustError: a signature of a known root key that fails, or fewer votes than this version's threshold.
        """
        voted = []
        for member in self.active:
            known = {entry_keyid(root): root for root in member.roots}
            good = 0
            for keyid, _ in envelope.signatures:
                if keyid in known:
                    envelope.verify(keyid, known[keyid], what)
                    good += 1
            if good >= member.root_threshold:
                voted.append(member.id)
        if len(voted) < self.threshold:
            missing = ", ".join(m.id for m in self.active if m.id not in voted)
            need = f"{len(voted)} of {self.threshold} votes of membership version {self.version}"
            raise TrustError(f"{what} has {need}; missing {missing}.", code="votes")
        return voted

    def require_in_force(self, today: str) -> None:
        """The file has not expired.

        Args:
            today: a UTC time as in the file.

        Raises:
            RuleError: it has: who must sign a new one, and with which command.
        """
        if today >= self.expires:
            who = ", ".join(m.id for m in self.active)
            raise RuleError(
                f"membership version {self.version} expired on {self.expires[:10]}: nothing new is final.",
                where=self.bloc,
                hint=f"{self.threshold} of {who} must sign version {self.version + 1}: concordat node renew",
                code="expired",
            )

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; below `WARN_DAYS` the node says so."""
        return (datetime.fromisoformat(self.expires.replace("Z", "+00:00")) - now).days


@dataclass(frozen=True)
class MembershipChain:
    """All versions from the pinned first one on, each signed as the one before it demands."""

    versions: tuple[Membership, ...]

    @classmethod
    def verify(cls, files: Sequence[bytes], pinned: str) -> MembershipChain:
        """Verify a chain.

        Args:
            files: the envelopes of versions 1, 2, 3, ... pinned: the SHA-256 of the payload of version 1.

        Raises:
            InputError: a file that can't be read, or no file.
            TrustError: another first version; a gap; votes missing; a change of who counts within a view.
        """
        if not files:
            raise InputError("no membership file.", where="membership", code="membership")
        first = Membership.parse(files[0], "membership version 1")
        if first.hash != pinned:
            what = f"its hash is {first.hash[:16]}..., and {pinned[:16]}... is pinned."
            raise TrustError(what, where="membership version 1", hint="Compare the eight words.", code="pinned")
        if first.version != 1 or first.effective != FIRST_POINT:
            raise TrustError("the first version must be 1, in force from view 1, batch 0.", code="membership")
        roots = {entry_keyid(root) for m in first.members for root in m.roots}
        stray = sorted({keyid for keyid, _ in first.envelope.signatures} - roots)
        if stray:
            raise TrustError(f"signed by key {stray[0]}, which is nobody's root.", where="membership version 1")
        first.require_votes(first.envelope, "membership version 1")
        chain = cls((first,))
        for number, data in enumerate(files[1:], 2):
            chain = chain.extended(data, f"membership version {number}")
        return chain

    def extended(self, data: bytes, where: str = "membership") -> MembershipChain:
        """The chain with one version more.

        Raises:
            InputError, TrustError: as `verify`.
        """
        last, new = self.versions[-1], Membership.parse(data, where)
        if new.version != last.version + 1 or new.bloc != last.bloc:
            what = f"version {new.version} of {new.bloc} doesn't follow version {last.version} of {last.bloc}."
            raise TrustError(what, where=where, code="membership")
        if new.effective <= last.effective:
            raise TrustError(
                f"it takes effect at {new.effective}, not after {last.effective}.", where=where, code="membership"
            )
        counts = [m.counted() for m in new.members] != [m.counted() for m in last.members] or new.rota != last.rota
        if counts and (new.effective.batch or new.effective.view == last.effective.view):
            what = "it changes members, hosts, node keys or the rota, which takes effect at batch 0 of a later view."
            raise TrustError(what, where=where, code="membership")
        hosts = {m.id: m.host for m in last.members}
        moved = sorted(m.id for m in new.members if hosts.get(m.id, m.host) != m.host)
        if moved:
            what = f"{moved[0]} changes its host, and with it the name of its log: a member keeps it."
            raise TrustError(what, where=where, hint="Let it leave and join under another id.", code="membership")
        roots = {entry_keyid(root) for version in (last, new) for m in version.members for root in m.roots}
        stray = sorted({keyid for keyid, _ in new.envelope.signatures} - roots)
        if stray:
            raise TrustError(f"signed by key {stray[0]}, which is nobody's root.", where=where, code="stray")
        last.require_votes(new.envelope, where)
        new.require_votes(new.envelope, where)
        return MembershipChain((*self.versions, new))

    @property
    def last(self) -> Membership:
        """The newest version."""
        return self.versions[-1]

    @cached_property
    def keys_change(self) -> bool:
        """Whether any person's key is valid from or until some batch only, or differs between versions."""
        keys = {p for v in self.versions for m in v.members for p in m.persons}
        return len(self.versions) > 1 or any(p.end is not None or p.start > FIRST_POINT for p in keys)

    @property
    def pinned(self) -> str:
        """The hash of version 1."""
        return self.versions[0].hash

    def last_with(self, member_id: str) -> Membership:
        """The newest version that has a member: who left keeps its log.

        Raises:
            TrustError: no version has it.
        """
        for version in reversed(self.versions):
            if any(m.id == member_id for m in version.members):
                return version
        raise TrustError(f"{member_id} is in no membership version of {self.last.bloc}.", code="not_a_member")

    def at(self, point: Point) -> Membership:
        """The version in force at a batch."""
        if len(self.versions) == 1:
            return self.versions[0]
        return [m for m in self.versions if m.effective <= point][-1]

    def of_view(self, view: int) -> Membership:
        """The version that says who counts in a view: members, keys and rota don't change within one."""
        return self.at(Point(view, 0)) if view > 1 else self.versions[0]

    def in_views(self, first: int, last: int) -> tuple[Membership, ...]:
        """Every version that says who counts in the views from `first` to `last`, without doubles."""
        found = {self.of_view(view).version: self.of_view(view) for view in range(max(first, 1), last + 1)}
        return tuple(found[version] for version in sorted(found))

    def person(self, entry: Entry) -> PersonKey:
        """The key that an entry names, as listed in the version that it names.

        Raises:
            TrustError: no such version, member or key there.
        """
        if entry.membership > len(self.versions):
            what = f"entry {entry.author} {entry.seq} names membership version {entry.membership}"
            what += f"; the newest is {len(self.versions)}."
            raise TrustError(what, code="membership")
        version = self.versions[entry.membership - 1]
        for key in version.member(entry.author).persons:
            if key.keyid == entry.keyid and key.label == entry.person:
                return key
        what = (
            f"entry {entry.author} {entry.seq} is signed by key {entry.keyid} as {entry.person}, which membership"
            f" version {version.version} doesn't list for {entry.author}."
        )
        raise TrustError(what, code="unknown_key")

    def verify_entry(self, entry: Entry) -> Entry:
        """The entry was signed by a key that its membership version lists for its author, for its scope.

        Raises:
            TrustError: another bloc, an unknown key, a scope the key may not sign, or a signature that fails.
        """
        key = self.person(entry)
        if entry.bloc != self.last.bloc:
            raise TrustError(f"entry {entry.author} {entry.seq} is of {entry.bloc}, not {self.last.bloc}.", code="bloc")
        if entry.scope.partition(":")[0] not in key.may and entry.scope not in key.may:
            what = f"key {key.keyid} ({entry.author} {key.label}) may not sign for {entry.scope}: {', '.join(key.may)}."
            raise TrustError(what, code="role")
        return entry.verify(key.public)

    def check_taken_up(self, entry: Entry, point: Point) -> None:
        """The entry's key was valid at the batch that took it up.

        Raises:
            TrustError: not yet, or no longer: which key, by which version, since which batch.
        """
        version = self.at(point)
        name = f"key {entry.keyid} ({entry.author} {entry.person})"
        key = next(
            (k for m in version.members if m.id == entry.author for k in m.persons if k.keyid == entry.keyid), None
        )
        if key is None:
            what = f"{name} is not in membership version {version.version}, in force since {version.effective}"
        elif point < key.start:
            what = f"{name} is valid from {key.start} on (membership version {version.version})"
        elif key.end is not None and point >= key.end:
            what = f"{name} was revoked at {key.end} (membership version {version.version})"
        elif version.member(entry.author).status != "active":
            what = f"{entry.author} is suspended (membership version {version.version})"
        else:
            return
        raise TrustError(f"entry {entry.author} {entry.seq}, taken up at {point}: {what}.", code="key_not_valid")


def check_names(bloc: str, member: str, host: str) -> None:
    """A bloc, a member and a host that can stand in a membership file.

    Raises:
        InputError: which can't.
    """
    for what, text, pattern, hint in (
        ("bloc", bloc, _AUTHOR, "2 to 16 capital letters and digits, as BRICS."),
        ("member", member, _AUTHOR, "2 to 16 capital letters and digits, as BRA."),
        ("host", host, _HOST, "A host name in small letters, as node.example.br"),
    ):
        if not pattern.fullmatch(text):
            raise InputError(f'"{text[:60]}" is not the id of a {what}.', where=what, hint=hint, code="name")


def words_of(hexadecimal: str) -> str:
    """The first 128 bits of a hash as eight words to read aloud: proquints (Wilkerson 2009), 16 bits a word."""
    consonants, vowels = "bdfghjklmnprstvz", "aiou"
    words = []
    for i in range(0, 32, 4):
        n = int(hexadecimal[i : i + 4], 16)
        parts = (
            consonants[n >> 12],
            vowels[n >> 10 & 3],
            consonants[n >> 6 & 15],
            vowels[n >> 4 & 3],
            consonants[n & 15],
        )
        words.append("".join(parts))
    return " ".join(words)
