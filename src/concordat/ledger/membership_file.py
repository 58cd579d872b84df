"""Reads the payload of one membership version, and names the path of each fault."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

from concordat import canonical
from concordat.errors import InputError
from concordat.ledger.entry import _AUTHOR, _LABEL, _SCOPE, _TIME, Envelope
from concordat.ledger.keys import ED25519_COSIGNATURE, ED25519_LOG, MLDSA44_COSIGNATURE, VerifierKey, check_public
from concordat.ledger.membership import _HOST, MEMBERS_MAX, ROLES, STATUSES, Member, Membership, PersonKey, Point

_TOP = frozenset(
    ("bloc", "effective", "expires", "members", "merge_delay_hours", "rota", "threshold", "v", "version")
)  # fmt: skip


def read(raw: Any, envelope: Envelope, where: str) -> Membership:
    """One version from its payload.

    Raises:
        InputError: not of that form, with the path of the fault. TrustError: a weak key.
    """
    return _Reader(where).membership(raw, envelope)


class _Reader:
    """Reads one payload, naming the path of each fault."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.seen: dict[bytes, str] = {}

    def fault(self, path: str, what: str) -> InputError:
        return InputError(what, where=f"{self.where}, $.{path}", code="membership")

    def membership(self, raw: Any, envelope: Envelope) -> Membership:
        self.keys(raw, _TOP, "")
        if raw["v"] != 1 or raw["v"] is True:
            raise self.fault("v", "must be 1.")
        self.text(raw["bloc"], _AUTHOR, "bloc")
        self.text(raw["expires"], _TIME, "expires")
        members = raw["members"]
        if not isinstance(members, list) or not 1 <= len(members) <= MEMBERS_MAX:
            raise self.fault("members", f"1 to {MEMBERS_MAX} members.")
        read = tuple(self.member(m, f"members[{i}]", raw["bloc"]) for i, m in enumerate(members))
        ids = [m.id for m in read]
        if ids != sorted(set(ids)):
            raise self.fault("members", "must be in order of their ids, each once.")
        if len({m.host for m in read}) != len(read):
            raise self.fault("members", "two members have one host.")
        active = [m.id for m in read if m.status == "active"]
        rota = raw["rota"]
        if not isinstance(rota, list) or sorted(map(str, rota)) != active or not active:
            raise self.fault("rota", "must name each active member once.")
        return Membership(
            bloc=raw["bloc"], version=self.count(raw["version"], 1, "version"),
            effective=self.point(raw["effective"], "effective"),
            expires=raw["expires"], threshold=self.count(raw["threshold"], 1, "threshold", len(active)),
            merge_delay_hours=self.count(raw["merge_delay_hours"], 1, "merge_delay_hours", 24 * 365),
            rota=tuple(rota), members=read, payload=envelope.payload, envelope=envelope,
        )  # fmt: skip

    def member(self, raw: Any, path: str, bloc: str) -> Member:
        self.keys(raw, {"id", "host", "status", "root", "log", "witness", "mirror", "persons"}, path)
        self.text(raw["id"], _AUTHOR, f"{path}.id")
        self.text(raw["host"], _HOST, f"{path}.host")
        if raw["status"] not in STATUSES:
            raise self.fault(f"{path}.status", f"one of {', '.join(STATUSES)}.")
        self.keys(raw["root"], {"threshold", "keys"}, f"{path}.root")
        roots = tuple(
            self.public(key, f"{path}.root.keys[{i}]") for i, key in enumerate(self.items(raw["root"]["keys"], path))
        )
        named = {
            role: self.vkeys(raw[role], f"{path}.{role}", f"{raw['host']}/{bloc}/{name}", role)
            for role, name in ROLES.items()
        }
        persons = tuple(self.person(p, f"{path}.persons[{i}]") for i, p in enumerate(self.items(raw["persons"], path)))
        threshold = self.count(raw["root"]["threshold"], 1, f"{path}.root.threshold", len(roots))
        return Member(raw["id"], raw["host"], raw["status"], threshold, roots, **named, persons=persons)

    def vkeys(self, raw: Any, path: str, name: str, role: str) -> tuple[VerifierKey, ...]:
        keys = tuple(VerifierKey.parse(str(text)) for text in self.items(raw, path))
        first = ED25519_LOG if role == "log" else ED25519_COSIGNATURE
        if [k.kind for k in keys] not in ([first], [first, MLDSA44_COSIGNATURE]):
            raise self.fault(path, f"an Ed25519 key of type {first:#04x}, then at most one ML-DSA-44 key.")
        for key in keys:
            if key.name != name:
                raise self.fault(path, f'the key is named "{key.name}" instead of "{name}".')
            self.once(key.public, path)
        return keys

    def person(self, raw: Any, path: str) -> PersonKey:
        self.keys(raw, {"label", "key", "may", "from", "until"}, path)
        self.text(raw["label"], _LABEL, f"{path}.label")
        may = self.items(raw["may"], f"{path}.may")
        for scope in may:
            if scope != "clearing":
                self.text(scope, _SCOPE, f"{path}.may")
        end = None if raw["until"] is None else self.point(raw["until"], f"{path}.until")
        start = self.point(raw["from"], f"{path}.from")
        return PersonKey(raw["label"], self.public(raw["key"], f"{path}.key"), tuple(may), start, end)

    def public(self, raw: Any, path: str) -> bytes:
        try:
            key = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise self.fault(path, "not the base64 of a key.") from None
        check_public(key, f"{self.where}, $.{path}")
        self.once(key, path)
        return key

    def once(self, key: bytes, path: str) -> None:
        """One key, one role: the same key in two places would let a signature count for what it was not made for."""
        if key in self.seen:
            raise self.fault(path, f"the same key stands at {self.seen[key]}.")
        self.seen[key] = path

    def point(self, raw: Any, path: str) -> Point:
        self.keys(raw, {"view", "batch"}, path)
        return Point(self.count(raw["view"], 1, f"{path}.view"), self.count(raw["batch"], 0, f"{path}.batch"))

    def keys(self, raw: Any, wanted: Iterable[str], path: str) -> None:
        if not isinstance(raw, Mapping) or set(raw) != set(wanted):
            raise self.fault(path, f"an object with {', '.join(sorted(wanted))}.")

    def items(self, raw: Any, path: str) -> list[Any]:
        if not isinstance(raw, list) or len(raw) > 10_000:
            raise self.fault(path, "a list was expected.")
        return raw

    def text(self, raw: Any, pattern: re.Pattern[str], path: str) -> None:
        if not isinstance(raw, str) or not pattern.fullmatch(raw):
            raise self.fault(path, f'"{str(raw)[:60]}" can\'t stand here.')

    def count(self, raw: Any, low: int, path: str, high: int = canonical.INTEGER_MAX) -> int:
        if type(raw) is not int or not low <= raw <= high:
            raise self.fault(path, f"a whole number from {low} to {high}.")
        return raw
