"""How many of whose cosignatures make a head good: C2SP tlog-policy, read, written, evaluated.

One directive a line: `log <vkey> [<url>]`, `witness <name> <vkey> [<url>]`, `group <name> <k|any|all> <member> ...`,
`quorum <name|none>`; a line that begins with `#` is a comment. Words are parted by spaces and tabs alone. Names are
defined before they are used; each is in at most one group. A witness's key stands once, under whatever name.
A bloc's file is generated from its membership; anyone can read it without Concordat.

    >>> policy = Policy.parse("quorum none\\n")
    >>> policy.quorum
    'none'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from concordat.errors import InputError, TrustError
from concordat.ledger.keys import ED25519_COSIGNATURE, ED25519_LOG, VerifierKey
from concordat.ledger.note import Checkpoint, SignedCheckpoint

LINES_MAX = 10_000


@dataclass(frozen=True)
class Group:
    """At least `threshold` of these witnesses or groups."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """Logs that are trusted to sign, witnesses, groups of them, and the name that must be satisfied.

    Attributes:
        witnesses: name in this file and verifier key (type 0x04, or 0x06), in the order of the file.
        quorum: the name of a witness or group, or `none`.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: tuple[tuple[str, VerifierKey], ...]
    groups: tuple[Group, ...]
    quorum: str

    @classmethod
    def parse(cls, text: str, where: str = "policy") -> Policy:
        """Read a policy file.

        Raises:
            InputError: an unknown directive, a name used before it is defined, defined twice or in two groups, a
                threshold that can't be met, no quorum or two; with its line.
        """
        lines = text.split("\n")
        if len(lines) > LINES_MAX:
            raise InputError(f"over {LINES_MAX:,} lines.", where=where, code="policy")
        reader = _Reader(where)
        for number, line in enumerate(lines, 1):
            if any((c < " " and c != "\t") or c == "\x7f" for c in line):
                raise InputError("control characters.", where=f"{where}, line {number}", code="policy")
            words = [word for word in line.replace("\t", " ").split(" ") if word]
            if words and not words[0].startswith("#"):
                reader.read(words, f"{where}, line {number}")
        if not reader.quorum:
            raise InputError(
                "no quorum line.", where=where, hint='Write "quorum none" if none is wanted.', code="policy"
            )
        return cls(tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorum)

    def __str__(self) -> str:
        out = [f"log {key}" for key in self.logs]
        out += [f"witness {name} {key}" for name, key in self.witnesses]
        for group in self.groups:
            count = {1: "any", len(group.members): "all"}.get(group.threshold, str(group.threshold))
            out.append(f"group {group.name} {count} {' '.join(group.members)}")
        return "\n".join([*out, f"quorum {self.quorum}"]) + "\n"

    def keys(self) -> list[VerifierKey]:
        """Every key of the file."""
        return [*self.logs, *(key for _, key in self.witnesses)]

    def standing(self, signed: SignedCheckpoint) -> tuple[bool, list[str], list[str]]:
        """Whether the quorum is met; the witnesses that cosigned; those that did not. In the order of the file."""
        have = {(v.key.name, v.key.id) for v in signed.verified}
        signers = [name for name, key in self.witnesses if (key.name, key.id) in have]
        met = {"none", *signers}
        for group in self.groups:  # members are defined before
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(group.name)
        missing = [name for name, _ in self.witnesses if name not in set(signers)]
        return self.quorum in met, signers, missing

    def require(self, data: str | bytes, where: str = "checkpoint") -> SignedCheckpoint:
        """A checkpoint signed by a log of this policy and cosigned by its quorum.

        Raises:
            InputError, TrustError: not a checkpoint; a signature that fails; the quorum is not reached, with who is
                missing.
        """
        signed = Checkpoint.parse(data, self.keys(), where)
        good, signers, missing = self.standing(signed)
        if not good:
            raise TrustError(pending(signers, self.needed(), missing), where=where, code="quorum")
        return signed

    def needed(self) -> int:
        """How many witnesses the quorum needs at least (groups of groups: the cheapest way)."""
        cost = {"none": 0, **{name: 1 for name, _ in self.witnesses}}
        for group in self.groups:
            cost[group.name] = sum(sorted(cost[member] for member in group.members)[: group.threshold])
        return cost[self.quorum]


def pending(signers: Iterable[str], needed: int, missing: Iterable[str]) -> str:
    """The words for a quorum that is not reached: not an error, a state.

    >>> pending(["BRA", "IND"], 3, ["CHN", "RUS"])
    'pending: 2 of 3; missing CHN, RUS'
    """
    return f"pending: {len(list(signers))} of {needed}; missing {', '.join(missing) or 'nobody'}"


class _Reader:
    """What was read so far, with the rules about names."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.logs: list[VerifierKey] = []
        self.witnesses: list[tuple[str, VerifierKey]] = []
        self.groups: list[Group] = []
        self.quorum = ""
        self._names: set[str] = {"none"}
        self._grouped: set[str] = set()

    def read(self, words: list[str], place: str) -> None:
        word, rest = words[0], words[1:]
        if word == "log" and 1 <= len(rest) <= 2:
            key = VerifierKey.parse(rest[0])
            if key.kind != ED25519_LOG:
                raise InputError("a log's key has type 0x01.", where=place, code="policy")
            self.logs.append(key)
        elif word == "witness" and 2 <= len(rest) <= 3:
            key = VerifierKey.parse(rest[1])
            if key.kind == ED25519_LOG:
                raise InputError("a witness's key has type 0x04 or 0x06.", where=place, code="policy")
            if any(key.public == other.public for _, other in self.witnesses):  # under another name it is no other
                raise InputError(f"the key of {key.name} stands twice.", where=place, code="policy")
            self._define(rest[0], place)
            self.witnesses.append((rest[0], key))
        elif word == "group" and len(rest) >= 3:
            self._group(rest[0], rest[1], rest[2:], place)
        elif word == "quorum" and len(rest) == 1:
            if self.quorum:
                raise InputError("a second quorum line.", where=place, code="policy")
            self._known(rest[0], place)
            self.quorum = rest[0]
        else:
            hint = "Known: log <vkey>, witness <name> <vkey>, group <name> <k> <member>..., quorum <name>."
            raise InputError(f'"{" ".join(words)[:60]}" is no directive.', where=place, hint=hint, code="policy")

    def _define(self, name: str, place: str) -> None:
        if name in self._names:
            raise InputError(f'"{name}" is defined twice.', where=place, code="policy")
        self._names.add(name)

    def _known(self, name: str, place: str) -> None:
        if name not in self._names:
            raise InputError(f'"{name}" is used before it is defined.', where=place, code="policy")

    def _group(self, name: str, count: str, members: list[str], place: str) -> None:
        for member in members:
            self._known(member, place)
            if member == "none" or member in self._grouped:
                raise InputError(f'"{member}" is in a group already, or none.', where=place, code="policy")
            self._grouped.add(member)
        threshold = {"any": 1, "all": len(members)}.get(count) or (
            int(count) if count.isascii() and count.isdigit() and len(count) <= 6 else 0
        )
        if not 1 <= threshold <= len(members):
            raise InputError(f'"{count}" of {len(members)} can\'t be met.', where=place, code="policy")
        self._define(name, place)
        self.groups.append(Group(name, threshold, tuple(members)))


def member_policy(
    logs: Iterable[VerifierKey], cosigners: Iterable[tuple[str, Iterable[VerifierKey]]], quorum: int
) -> Policy:
    """The policy of a bloc: `quorum` of its members, each with its Ed25519 cosigner key."""
    witnesses = [(member, key) for member, keys in cosigners for key in keys if key.kind == ED25519_COSIGNATURE]
    names = tuple(name for name, _ in witnesses)
    if quorum == 0:
        return Policy(tuple(logs), tuple(witnesses), (), "none")
    return Policy(tuple(logs), tuple(witnesses), (Group("members", quorum, names),), "members")
