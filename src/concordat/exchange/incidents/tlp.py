"""Who may receive an object: its label under TLP 2.0, and whether a caller is within it.

The label of an object is the strictest of its `object_marking_refs` and of all its `granular_markings`. Nothing marked:
AMBER. A marking that nobody can name: RED. An object also takes the label of what it refers to (a relationship of its
two ends, a sighting, a report and any other object of what stands in its `..._ref` and `..._refs`, however deep), since
it tells about them; `created_by_ref` aside, which names who says it. What it refers to and nobody here holds counts as
unmarked.

    CLEAR            anyone
    GREEN            all members of the bloc
    AMBER            members that subscribed to the collection with a stated need, and are named where the sender names
    AMBER+STRICT     organisations of members, each named
    RED              persons' nodes, each named

Recipients are written `BRA` (a member), `BRA/cert-br` (an organisation of it), `BRA:ana` (the node of one key label).
Markings: TLP 1 as STIX 2.1 fixes them (section 7.2.1.4); TLP 2.0 as the OASIS extension `60a3c5c5-...` fixes them, ids
compared with its JSON Schema in oasis-open/cti-stix-common-objects. A marking itself is a public text, but only as it
was published: other words under its id are RED. Statements (copyright) carry no label. The wording of the scopes
follows FIRST TLP 2.0 and was not compared with its text (unverified). Source: exchange.md, section 8.2.

What this can't do: keep a recipient from passing on what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

from concordat.errors import InputError

Stix = Mapping[str, Any]
K = TypeVar("K", str, tuple[str, str])
REACH_MAX = 20_000  # objects that one label may depend on; beyond, RED


class Tlp(IntEnum):
    """A label; the larger, the stricter."""

    CLEAR = 0
    GREEN = 1
    AMBER = 2
    AMBER_STRICT = 3
    RED = 4

    @property
    def text(self) -> str:
        """As people and log entries write it: `AMBER+STRICT`."""
        return self.name.replace("_", "+")

    @classmethod
    def read(cls, text: str, where: str = "") -> Tlp:
        """A label from its text, with or without `TLP:`, in any case; WHITE is CLEAR.

        Raises:
            InputError: not a label.
        """
        name = text.strip().upper().removeprefix("TLP:").replace("+", "_")
        try:
            return cls["CLEAR" if name == "WHITE" else name]
        except KeyError:
            known = ", ".join(label.text for label in cls)
            raise InputError(f'"{text[:40]}" is not a TLP label.', where=where, hint=known, code="tlp") from None


TLP2_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP2: Mapping[Tlp, str] = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
TLP1: Mapping[Tlp, str] = {
    Tlp.CLEAR: "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    Tlp.GREEN: "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    Tlp.AMBER: "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    Tlp.RED: "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
FIXED: Mapping[str, Tlp] = {ref: label for table in (TLP1, TLP2) for label, ref in table.items()}


def marking(label: Tlp) -> dict[str, Any]:
    """The TLP 2.0 marking as a STIX object: what a bundle of ours carries for those who lack it."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP2[label],
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{label.text}",
        "extensions": {TLP2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": label.text.lower()}},
    }


def _published(ref: str) -> dict[str, Any]:
    """A marking of the two standards as they publish it (STIX 2.1, section 7.2.1.4; the extension's own objects)."""
    if ref in TLP2.values():
        return marking(FIXED[ref])
    name = "white" if FIXED[ref] is Tlp.CLEAR else FIXED[ref].text.lower()
    return {
        "type": "marking-definition", "spec_version": "2.1", "id": ref, "created": "2017-01-20T00:00:00.000Z",
        "definition_type": "tlp", "name": f"TLP:{name.upper()}", "definition": {"tlp": name},
    }  # fmt: skip


def _is_published(stix: Stix) -> bool:
    """Whether an object under a fixed id is that marking and nothing else; seconds may lack their fraction."""
    wanted = _published(str(stix["id"]))
    times = (wanted["created"], wanted["created"].replace(".000Z", "Z"))
    return stix.get("created") in times and {**stix, "created": times[0]} == wanted


# --- The label of an object -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Graded:
    """A label and the object it comes from: of several alike the object itself, else the smallest id."""

    label: Tlp
    because: str


def marks_of(stix: Stix) -> tuple[list[str], bool]:
    """The ids of all markings of an object, whole or in part, and whether they could be read at all."""
    refs, granular = stix.get("object_marking_refs", []), stix.get("granular_markings", [])
    if not isinstance(refs, list) or not isinstance(granular, list):
        return [], False
    found = list(refs)
    for part in granular:
        if not isinstance(part, Mapping):
            return [], False
        if "marking_ref" in part or "lang" not in part:  # a part that names a language marks nothing
            found.append(part.get("marking_ref"))
    return [ref for ref in found if isinstance(ref, str)], all(isinstance(ref, str) for ref in found)


def own_label(stix: Stix, marking_of: Callable[[str], Stix | None]) -> Tlp:
    """The strictest marking of an object, whatever it refers to.

    Args:
        marking_of: the marking of an id as the same sender gave it; None where it gave none.
    """
    if stix.get("id") in FIXED:
        return Tlp.CLEAR if _is_published(stix) else Tlp.RED  # the markings themselves are public texts
    refs, readable = marks_of(stix)
    if not readable:
        return Tlp.RED
    found = [label for ref in refs if (label := _label_of(ref, marking_of)) is not None]
    return max(found, default=Tlp.AMBER)


def _label_of(ref: str, marking_of: Callable[[str], Stix | None]) -> Tlp | None:
    """What a marking says; None of a statement, which is about rights and not about readers."""
    if ref in FIXED:
        return FIXED[ref]
    given = marking_of(ref)
    if given is not None and given.get("definition_type") == "statement" and not given.get("extensions"):
        return None
    return Tlp.RED


def takes_from(stix: Stix) -> Iterator[str]:
    """The ids of the objects whose label an object takes as well, also of parts of parts: a mail's `body_raw_ref`."""
    yield from _refs_in({key: stix[key] for key in stix if key not in _OTHER_REFS})


_OTHER_REFS = ("created_by_ref", "object_marking_refs", "granular_markings")  # who says it, and how it is marked


def _refs_in(whole: Stix) -> Iterator[str]:
    waiting: list[tuple[str, Any]] = [("", whole)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend((name, value[name]) for name in sorted(value, reverse=True))
        elif isinstance(value, list):
            one = key[:-1] if key.endswith("_refs") else ""
            waiting.extend((one, part) for part in reversed(value))
        elif isinstance(value, str) and key.endswith("_ref"):
            yield value


def strictest(start: K, own: Tlp, refs: Iterable[K], held: Callable[[K], tuple[Tlp, Iterable[K]]]) -> tuple[Tlp, K]:
    """The label of an object that has `own` and refers to `refs`, and where it comes from.

    Args:
        start, refs: names by which `held` knows objects: ids, or ids as one sender sees them. held: own label and
            references of what a name stands for; AMBER and none for what nobody here holds.
    """
    found, because = own, start
    seen, waiting = {start}, sorted(set(refs), reverse=True)
    while waiting:
        ref = waiting.pop()
        if ref in seen:
            continue
        seen.add(ref)
        if len(seen) > REACH_MAX:
            return Tlp.RED, start
        label, more = held(ref)
        if label > found or (label == found and because != start and ref < because):
            found, because = label, ref
        waiting.extend(more)
    return found, because


def grade_all(objects: Sequence[Stix]) -> dict[str, Graded]:
    """The label of every object of one sender, by id; of several versions of an id the strictest."""
    by_id: dict[str, list[Stix]] = {}
    for stix in objects:
        by_id.setdefault(str(stix.get("id", "")), []).append(stix)
    marking_of = lambda ref: by_id[ref][-1] if ref in by_id else None  # noqa: E731
    table = {
        key: (
            max(own_label(one, marking_of) for one in versions),
            [ref for one in versions for ref in takes_from(one)],
        )
        for key, versions in by_id.items()
    }
    unheld: tuple[Tlp, list[str]] = (Tlp.AMBER, [])
    return {
        key: Graded(*strictest(key, own, refs, lambda ref: table.get(ref, unheld)))
        for key, (own, refs) in table.items()
    }


def tlp_of(stix: Stix, objects: Sequence[Stix] = ()) -> Graded:
    """The label of one object among others of the same sender.

    >>> tlp_of({"id": "campaign--1", "object_marking_refs": [TLP2[Tlp.GREEN]]}).label.text
    'GREEN'
    >>> tlp_of({"id": "campaign--1"}).label.text, tlp_of({"id": "a--1", "object_marking_refs": ["x"]}).label.text
    ('AMBER', 'RED')
    """
    rest = [other for other in objects if other.get("id") != stix.get("id")]
    return grade_all([stix, *rest])[str(stix.get("id", ""))]


# --- Who may have it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as it was proved: nobody known, or a member's node with the label of its key.

    Attributes:
        member: id; empty for anybody. label: of the key or password. organisation: short name; empty if none is known.
    """

    member: str = ""
    label: str = ""
    organisation: str = ""

    @property
    def id(self) -> str:
        """`BRA:ana`; empty for anybody."""
        return f"{self.member}:{self.label}" if self.member else ""


@dataclass(frozen=True, slots=True)
class Shared:
    """An object as far as sending goes.

    Attributes:
        label: with all it refers to. owner: the caller that added it. recipients: whom the sender named, if anybody.
    """

    label: Tlp
    owner: str
    recipients: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom labels mean here and today.

    Attributes:
        members: the active members of the bloc. subscribers: of the collection, each with its need in words.
    """

    members: frozenset[str] = frozenset()
    subscribers: Mapping[str, str] = field(default_factory=dict)


def may_send(shared: Shared, caller: Caller, policy: Policy) -> bool:
    """Whether a caller is within an object's label: asked at every single read, also by pages, counts and manifests.

    Who added an object reads it as long as its member belongs to the bloc.
    """
    if shared.label is Tlp.CLEAR:
        return True
    if not caller.member or caller.member not in policy.members:
        return False
    if shared.owner and shared.owner == caller.id:
        return True
    named = shared.recipients
    match shared.label:
        case Tlp.GREEN:
            return True
        case Tlp.AMBER:
            forms = {caller.member, caller.id} | ({_organisation(caller)} if caller.organisation else set())
            return bool(policy.subscribers.get(caller.member, "").strip()) and (not named or bool(named & forms))
        case Tlp.AMBER_STRICT:
            return bool(caller.organisation) and _organisation(caller) in named
        case _:
            return bool(caller.label) and caller.id in named


def _organisation(caller: Caller) -> str:
    return f"{caller.member}/{caller.organisation}"


def check_recipients(label: Tlp, recipients: Iterable[str], members: Iterable[str]) -> frozenset[str]:
    """The recipients of a label, in the form that the label asks for.

    Raises:
        InputError: a label that needs recipients and has none, or one of another form. RuleError: not a member.
    """
    from concordat.errors import RuleError

    found, known = frozenset(recipients), set(members)
    forms = {Tlp.AMBER_STRICT: ("/", "organisations, as BRA/cert-br"), Tlp.RED: (":", "persons' nodes, as BRA:ana")}
    sign, words = forms.get(label, ("", "members, as BRA"))
    if label >= Tlp.AMBER and not found:
        raise RuleError(f"{label.text} needs --to: it goes to {words}.", where="--to", code="no_recipients")
    for one in sorted(found):
        member = one.replace(":", "/").partition("/")[0]
        if member not in known:
            raise RuleError(f"{member[:20]} is not a member of this bloc.", where="--to", code="not_a_member")
        name = one.partition(sign)[2] if sign else ""
        other = {"/": ":", ":": "/"}.get(sign, "")
        if sign and (not name or (other and other in one)):
            what = f"{label.text} goes to {words}; {one[:60]} is none."
            raise InputError(what, where="--to", code="recipient_form")
    return found
