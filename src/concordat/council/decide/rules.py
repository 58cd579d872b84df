"""Under which written rule is it decided: a decision rule as data, with its hash.

A rule is a YAML file with a name, a version, a method (`vote`, `consensus`, `silence`, `election`) and, but for
elections, a tree of conditions (`tree`). Unknown keys are errors that suggest the nearest one; numbers are exact. The
hash is that of the canonical value, so two ways of writing one rule (0.55 and 11/20) are the same rule. It includes
the note: a rule is what was adopted, word for word.

`Rule.load` reads a file's text, `Rule.of` a parsed value (from an event), `shipped` the rules that come with Concordat.
The language: `docs/reference/decision-rules.md`. Counting is `tally`, time limits of silence are `silence`.

    >>> text = "rule: two_thirds\\nversion: 1\\nmethod: vote\\nadopt: {share: members, of: voting, at_least: 2/3}"
    >>> rule = Rule.load(text)
    >>> rule.tree.threshold, rule.tie, rule.proxy
    (Fraction(2, 3), 'not_adopted', 0)
    >>> shipped("eu_double_majority").weights
    ('population',)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as File
from typing import Any

from concordat import canonical
from concordat.council._zones import zone
from concordat.council.decide.rule_parts import NO_HOURS, ElectionKeys, Hours, Quorum, SilenceKeys
from concordat.council.decide.tree import (
    BASES,
    NODES_MAX,
    Against,
    Leaf,
    NobodyObjects,
    Node,
    Path,
    at,
    check_threshold,
    comparison_of,
    name,
    number,
    one_of,
    only,
    read_node,
    walk,
    whole,
)
from concordat.errors import InputError
from concordat.settings import Document, parse_yaml, unknown_key

SCHEMA = "concordat/rule@1"
METHODS = ("vote", "consensus", "silence", "election")
SYSTEMS = ("stv", "pav", "phragmen", "equal_shares", "borda", "schulze")
HOURS_MAX = 24 * 366
FOLDER = File(__file__).parent / "rules"

COMMON = ("schema", "rule", "version", "method", "note", "verified", "challenge_hours")
_BALLOTS = ("quorum", "vote_change", "proxy")
KEYS: dict[str, tuple[str, ...]] = {
    "vote": (*_BALLOTS, "abstain", "adopt", "tie"),
    "consensus": (*_BALLOTS, "abstain", "adopt", "objection_hours"),
    "silence": ("adopt", "hours", "deadline_zone", "who_may_break", "amendment_breaks", "extend"),
    "election": (*_BALLOTS, "system", "seats", "quotas"),
}
_RANGE = re.compile(r"([0-9]{1,6})(\.\.([0-9]{1,6})?)?")


@dataclass(frozen=True)
class Rule:
    """A decision rule.

    Attributes:
        tree: when a proposal is adopted; None for an election.
        abstain_counted: an abstention is in the base `voting`. tie: `not_adopted` or `chair_decides`.
        vote_change: `until_close` or `never`. proxy: how many others a member may vote for.
        objection_hours: of a consensus, the hours in which an objection may still come.
        verified: what the file says of its own source; None where it says nothing.
    """

    name: str
    version: int
    method: str
    tree: Node | None
    quorum: Quorum | None = None
    abstain_counted: bool = False
    tie: str = "not_adopted"
    vote_change: str = "until_close"
    proxy: int = 0
    challenge_hours: int = 0
    objection_hours: Hours = NO_HOURS
    silence: SilenceKeys | None = None
    election: ElectionKeys | None = None
    note: str = ""
    verified: bool | None = None
    hash: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "hash", canonical.digest(self.to_value()))

    @classmethod
    def load(cls, text: str | bytes, where: str = "rule.yaml") -> Rule:
        """A rule from its file's text.

        Raises:
            InputError: not YAML, an unknown key (with the nearest one), a value out of its range; with the line.
        """
        return cls._read(parse_yaml(text, where=where, numbers_as_text=True))

    @classmethod
    def of(cls, value: Mapping[str, Any], where: str = "rule") -> Rule:
        """A rule from a parsed value, such as `to_value` gives; no floats.

        Raises:
            InputError: as `load`, without lines.
        """
        return cls._read(Document(dict(value) if isinstance(value, Mapping) else value, where, {}))

    @classmethod
    def _read(cls, document: Document) -> Rule:
        if not isinstance(document.value, dict):
            raise InputError(
                "holds no keys.", where=document.where, hint=f"Begin with: schema: {SCHEMA}", code="schema"
            )
        if "schema" in document.value:  # a value inside an event may leave it out
            one_of(document, ("schema",), (SCHEMA,))
        _check_keys(document)
        return _build(document)

    @property
    def weights(self) -> tuple[str, ...]:
        """The tables of weights that the rule asks for, sorted."""
        found = {node.measure for node in self._leaves() if isinstance(node, Leaf)}
        return tuple(sorted(found - {"members"}))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that the rule names, sorted."""
        found: set[str] = set()
        for node in self._leaves():
            if isinstance(node, Leaf):
                found.add(node.of)
            elif isinstance(node, Against):
                found.add(node.group)
        if self.silence:
            found |= {self.silence.who_may_break, self.silence.extend_by} - {"members", "chair"}
        if self.election:
            found |= {group for group, _ in self.election.quotas}
        return tuple(sorted(found - set(BASES)))

    def _leaves(self) -> list[Node]:
        nodes = [node for _, node in walk(self.tree)] if self.tree is not None else []
        return [*nodes, self.quorum.leaf()] if self.quorum else nodes

    def to_value(self) -> dict[str, Any]:
        """The rule as a value that `canonical` writes: every default in full, fractions as `a/b`."""
        value: dict[str, Any] = {"schema": SCHEMA, "rule": self.name, "version": self.version, "method": self.method}
        value |= {"challenge_hours": self.challenge_hours}
        value |= {"note": self.note} if self.note else {}
        value |= {"verified": self.verified} if self.verified is not None else {}
        value |= {"quorum": self.quorum.to_value()} if self.quorum else {}
        value |= {"adopt": self.tree.to_value()} if self.tree is not None else {}
        keys = KEYS[self.method]
        value |= {"vote_change": self.vote_change, "proxy": self.proxy} if "proxy" in keys else {}
        value |= {"abstain": "counted" if self.abstain_counted else "not_counted"} if "abstain" in keys else {}
        value |= {"tie": self.tie} if "tie" in keys else {}
        value |= {"objection_hours": self.objection_hours.to_value()} if "objection_hours" in keys else {}
        value |= self.silence.to_value() if self.silence else {}
        value |= self.election.to_value() if self.election else {}
        return value


# --- Shipped ------------------------------------------------------------------------------------------------------


@cache
def shipped_names() -> tuple[str, ...]:
    """The names of the rules that come with Concordat, sorted."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))


@cache
def shipped(rule: str) -> Rule:
    """A rule that comes with Concordat.

    Raises:
        InputError: no such rule; with the nearest name.
    """
    if rule not in shipped_names():
        raise unknown_key(rule, shipped_names(), where="shipped rules")
    return Rule.load((FOLDER / f"{rule}.yaml").read_bytes(), where=f"rules/{rule}.yaml")


def by_name(rules: Iterable[Rule], where: str = "rules") -> dict[str, Rule]:
    """Rules in force at one time, by name.

    Raises:
        InputError: two different rules have one name; with both hashes.
    """
    found: dict[str, Rule] = {}
    for rule in rules:
        other = found.setdefault(rule.name, rule)
        if other.hash != rule.hash:
            what = f'two rules are named "{rule.name}": {other.hash} (version {other.version}) and {rule.hash} '
            what += f"(version {rule.version})."
            raise InputError(what, where=where, hint="Rename one, or let one replace the other.", code="two_rules")
    return dict(sorted(found.items()))


# --- Reading ------------------------------------------------------------------------------------------------------


def _check_keys(document: Document) -> None:
    everything = sorted({*COMMON, *(key for keys in KEYS.values() for key in keys)})
    for key in document.value:
        if key not in everything:
            raise unknown_key(str(key), everything, where=document.place(key))
    method = one_of(document, ("method",), METHODS)
    for key in document.value:
        if key not in COMMON and key not in KEYS[method]:
            homes = " or ".join(m for m in METHODS if key in KEYS[m])
            what = f'"{key}" belongs to method {homes}, not to {method}.'
            raise InputError(what, where=document.place(key), hint="Remove it, or change method.", code="method")


def _build(document: Document) -> Rule:
    value = document.value
    method = value["method"]
    return Rule(
        name=name(document, ("rule",)),
        version=whole(document, ("version",), low=1),
        method=method,
        tree=_tree(document, method),
        quorum=_quorum(document) if "quorum" in value else None,
        abstain_counted=_word(document, "abstain", ("not_counted", "counted")) == "counted",
        tie=_word(document, "tie", ("not_adopted", "chair_decides")),
        vote_change=_word(document, "vote_change", ("until_close", "never")),
        proxy=whole(document, ("proxy",), high=1000) if "proxy" in value else 0,
        challenge_hours=whole(document, ("challenge_hours",), high=HOURS_MAX) if "challenge_hours" in value else 0,
        objection_hours=_hours(document, "objection_hours") if "objection_hours" in value else NO_HOURS,
        silence=_silence(document) if method == "silence" else None,
        election=_election(document) if method == "election" else None,
        note=_note(document),
        verified=_flag(document, "verified") if "verified" in value else None,
    )


def _tree(document: Document, method: str) -> Node | None:
    if method == "election":
        return None
    if method != "vote" and "adopt" not in document.value:
        return NobodyObjects()
    tree = read_node(document, ("adopt",))
    count = sum(1 for _ in walk(tree))
    if count > NODES_MAX:
        raise InputError(
            f"{count:,} conditions; at most {NODES_MAX:,}.", where=document.place("adopt"), code="too_large"
        )
    return tree


def _quorum(document: Document) -> Quorum:
    path: Path = ("quorum",)
    only(document, path, ("share", "count", "of", "at_least", "more_than", "counted"))
    value = at(document, path)
    kinds = [key for key in ("share", "count") if key in value]
    if len(kinds) != 1:
        hint = "Write {share: members, of: all, at_least: 1/2}."
        raise InputError("a quorum is one share or one count.", where=document.place(*path), hint=hint, code="quorum")
    comparison = comparison_of(document, path)
    threshold = number(document, (*path, comparison))
    check_threshold(document, (*path, comparison), threshold, share=kinds[0] == "share")
    of = name(document, (*path, "of")) if "of" in value else "all"
    if of in ("present", "voting"):
        hint = "Write of: all, or of: <group>."
        raise InputError(
            f"a quorum of: {of} is always met.", where=document.place(*path, "of"), hint=hint, code="quorum"
        )
    counted = one_of(document, (*path, "counted"), ("at_vote", "at_opening")) if "counted" in value else "at_vote"
    return Quorum(kinds[0] == "share", name(document, (*path, kinds[0])), of, comparison, threshold, counted)


def _silence(document: Document) -> SilenceKeys:
    value = document.value
    named = zone(at(document, ("deadline_zone",)), where=document.place("deadline_zone")).key
    times, by = 0, "chair"
    if "extend" in value:
        only(document, ("extend",), ("times", "by"))
        times = whole(document, ("extend", "times"), high=100)
        by = name(document, ("extend", "by")) if "by" in value["extend"] else "chair"
    return SilenceKeys(
        hours=_hours(document, "hours", low=1),
        deadline_zone=named,
        who_may_break=name(document, ("who_may_break",)) if "who_may_break" in value else "members",
        amendment_breaks=_flag(document, "amendment_breaks") if "amendment_breaks" in value else True,
        extend_times=times,
        extend_by=by,
    )


def _election(document: Document) -> ElectionKeys:
    system = one_of(document, ("system",), SYSTEMS)
    seats = whole(document, ("seats",), low=1, high=10_000)
    quotas: list[tuple[str, int]] = []
    if "quotas" in document.value:
        written = at(document, ("quotas",))
        if not isinstance(written, dict):
            hint = "Write {africa: 1}."
            raise InputError("quotas must be a mapping.", where=document.place("quotas"), hint=hint, code="type")
        for group in sorted(written):
            name(Document(group, document.place("quotas", group), {}), ())
            quotas.append((group, whole(document, ("quotas", group), low=1, high=seats)))
    return ElectionKeys(system, seats, tuple(quotas))


def _hours(document: Document, key: str, low: int = 0) -> Hours:
    value = at(document, (key,))
    match = _RANGE.fullmatch(str(value)) if not isinstance(value, bool) else None
    hint = "Write 48, 24..72 or 0.. ."
    if match is None:
        raise InputError(f'{key} can\'t be "{str(value)[:60]}".', where=document.place(key), hint=hint, code="hours")
    first = int(match[1])
    last = first if match[2] is None else (None if match[3] is None else int(match[3]))
    if first < low or (last is not None and last < first) or max(first, last or 0) > HOURS_MAX:
        what = f"{key} must run upwards from {low} to at most {HOURS_MAX:,}, not {str(value)[:60]}."
        raise InputError(what, where=document.place(key), hint=hint, code="hours")
    return Hours(first, last)


def _word(document: Document, key: str, known: tuple[str, ...]) -> str:
    return one_of(document, (key,), known) if key in document.value else known[0]


def _flag(document: Document, key: str) -> bool:
    value = at(document, (key,))
    if not isinstance(value, bool):
        raise InputError(f"{key} must be true or false.", where=document.place(key), code="type")
    return value


def _note(document: Document) -> str:
    note = document.value.get("note", "")
    if not isinstance(note, str):
        raise InputError("note must be text.", where=document.place("note"), hint="Write it in quotes.", code="type")
    return note
