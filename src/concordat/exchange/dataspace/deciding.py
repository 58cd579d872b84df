"""May this member use this data now? Three answers: permit, deny, or undetermined with the fact that is missing.

A constraint is true, false or unknown (Kleene's strong three-valued logic). A fact is the set of values that it may
still have: one value where it is known, the purposes that the asker declared, anything where nothing is known. A
constraint is true if it holds for each of them, false if for none, unknown otherwise; so a declaration that goes beyond
the terms is never read as one that keeps them, and to learn more of a fact never turns true into false or back.

Permit: some permission is true and no prohibition is true or unknown. Deny: a prohibition is true, or no permission can
become true. Anything else is undetermined, and a node refuses it. A term outside the profile is unknown, never skipped.

Source: exchange.md 5.6; ODRL Information Model 2.2, sections 2.5 and 2.6. Not here: duties, which are promises
(`terms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

from concordat import world
from concordat.errors import InputError
from concordat.exchange.dataspace.odrl import (
    ACTIONS,
    LOGICAL,
    ONWARD,
    PROFILE,
    PURPOSES,
    RECORDED,
    TLP,
    fault_of,
    operand_of,
)

DEPTH_MAX = 8
DAY: Final = timedelta(days=1)
POLICY_KEYS = (
    "@context", "@id", "@type", "profile", "permission", "prohibition", "obligation", "target", "assigner", "assignee",
    "timestamp",
)  # fmt: skip


class Verdict(StrEnum):
    """What a policy comes to."""

    PERMIT = "permit"
    DENY = "deny"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Context:
    """The facts of one use; None where a fact is not known.

    Attributes:
        member: who asks, as its token says. at: when. uses_before: how often this agreement was used already.
        label: the TLP label of the object. purposes, residency: what the asker declared, each value it may come to.
        onward: as declared. action: what is asked for; the pull of a body is `read`, which `use` includes.
    """

    member: str | None = None
    at: datetime | None = None
    uses_before: int | None = None
    label: str | None = None
    purposes: frozenset[str] | None = None
    residency: frozenset[str] | None = None
    onward: frozenset[str] | None = None
    action: str = "read"

    def __post_init__(self) -> None:
        assert self.at is None or self.at.tzinfo is not None, "an instant without its zone"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, and why: each reason is one sentence."""

    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def words(self) -> str:
        """`undetermined: ...` on one line."""
        return f"{self.verdict.value}: {' '.join(self.reasons)}" if self.reasons else self.verdict.value


class Truth(NamedTuple):
    """True, False or None (unknown), and the sentences that say why not true."""

    value: bool | None
    why: tuple[str, ...] = ()


def decide(policy: Mapping[str, Any], context: Context) -> Decision:
    """What a policy says of one use.

    Args:
        policy: an ODRL offer or agreement, valid by the protocol's schema. context: the facts.
    """
    foreign = _foreign(policy)
    prohibitions = [_rule(rule, context, "a prohibition") for rule in policy.get("prohibition", ())]
    for truth, rule in zip(prohibitions, policy.get("prohibition", ()), strict=True):
        if truth.value is True and not foreign:
            return Decision(Verdict.DENY, (f"a prohibition applies: {_said(rule)}.",))
    permissions = [_rule(rule, context, "the permission") for rule in policy.get("permission", ())]
    if all(truth.value is False for truth in permissions):
        why = _once(sentence for truth in permissions for sentence in truth.why)
        return Decision(Verdict.DENY, why or ("nothing is permitted.",))
    open_ = [truth for truth in prohibitions if truth.value is None]
    if any(truth.value is True for truth in permissions) and not open_ and not foreign:
        return Decision(Verdict.PERMIT, ())
    asked = [] if any(truth.value is True for truth in permissions) else [t for t in permissions if t.value is None]
    return Decision(Verdict.UNDETERMINED, _once((*foreign, *(s for truth in (*open_, *asked) for s in truth.why))))


def declared(policy: Mapping[str, Any]) -> dict[str, frozenset[str] | None]:
    """What the parties of a policy declared by its permissions: `purposes`, `residency`, `onward`.

    A value counts if every permission of the policy bounds the operand; otherwise nothing was declared about it.
    """
    found: dict[str, frozenset[str] | None] = {}
    for name in RECORDED:
        bounds = [_bound(rule, name) for rule in policy.get("permission", ())]
        known = [bound for bound in bounds if bound is not None]
        whole = bool(bounds) and len(known) == len(bounds)
        found["purposes" if name == "purpose" else name] = frozenset().union(*known) if whole else None
    return found


def context_of(
    policy: Mapping[str, Any], member: str, at: datetime, uses_before: int | None, label: str | None = None
) -> Context:
    """The facts of a use by a member, with what the policy itself declares of purpose, place and onward sharing.

    Args:
        label: the TLP label of the dataset; None where it is not known.
    """
    said = declared(policy)
    return Context(
        member=member, at=at, uses_before=uses_before, label=label, purposes=said["purposes"],
        residency=said["residency"], onward=said["onward"],
    )  # fmt: skip


def _bound(rule: Mapping[str, Any], name: str) -> frozenset[str] | None:
    """The values that a rule leaves to an operand; None without a bound."""
    sets = []
    pending = list(rule.get("constraint", ()))
    while pending:
        part = pending.pop()
        pending.extend(part.get("and", ()))
        right = part.get("rightOperand")
        if operand_of(part.get("leftOperand")) == name and not fault_of(name, part.get("operator"), right):
            sets.append(frozenset(right if isinstance(right, list) else [right]))
    return frozenset.intersection(*sets) if sets else None


# --- Rules and constraints ----------------------------------------------------------------------------------------


def _foreign(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands beside the rules and is not of the profile: nothing around it can then be relied on."""
    found = [f"`{key}` is not in our profile; ask for a manual decision." for key in policy if key not in POLICY_KEYS]
    profiles = policy.get("profile", [])
    for profile in profiles if isinstance(profiles, list) else [profiles]:
        if profile != PROFILE:
            found.append(f"the profile {str(profile)[:80]} is not ours; ask for a manual decision.")
    return tuple(found)


def _rule(rule: Mapping[str, Any], context: Context, what: str) -> Truth:
    action = rule.get("action")
    name = action.removeprefix("odrl:") if isinstance(action, str) else ""
    if name not in ACTIONS:
        return Truth(None, (f"the action `{str(action)[:60]}` is not in our profile; ask for a manual decision.",))
    if name not in ("use", context.action):  # `use` includes every other one
        return Truth(False, (f"{what} is to {name}, not to {context.action}.",))
    foreign = [key for key in rule if key not in ("action", "constraint")]
    parts = [_constraint(part, context, 0) for part in rule.get("constraint", ())]
    parts += [Truth(None, (f"`{str(key)[:60]}` is not in our profile; ask for a manual decision.",)) for key in foreign]
    return _and(parts)


def _constraint(part: Any, context: Context, depth: int) -> Truth:
    logical = [key for key in LOGICAL if key in part] if isinstance(part, Mapping) else []
    if logical:
        if len(part) > 1 or depth >= DEPTH_MAX:
            return Truth(None, ("a compound constraint is not as ODRL writes it; ask for a manual decision.",))
        parts = [_constraint(inner, context, depth + 1) for inner in part[logical[0]]]
        return {"and": _and, "andSequence": _and, "or": _or, "xone": _xone}[logical[0]](parts)
    if not isinstance(part, Mapping) or set(part) != {"leftOperand", "operator", "rightOperand"}:
        return Truth(None, ("a constraint is not as ODRL writes it; ask for a manual decision.",))
    name = operand_of(part["leftOperand"])
    if name is None:
        shown = str(part["leftOperand"])[:60]
        return Truth(None, (f"`{shown}` is not in our profile; ask for a manual decision.",))
    fault = fault_of(name, part["operator"], part["rightOperand"])
    return Truth(None, (fault,)) if fault else _atomic(name, part["operator"], part["rightOperand"], context)


def _atomic(name: str, operator: str, right: Any, context: Context) -> Truth:
    match name:
        case "member":
            return _member(operator, [right] if isinstance(right, str) else right, context)
        case "dateTime":
            return _instant(operator, right, context.at)
        case "count":
            if context.uses_before is None:
                return _missing("count", "how often it was used is not known")
            return _known(
                context.uses_before < int(right), f"it was used {context.uses_before} times; {right} allowed."
            )
        case "tlp":
            if context.label not in TLP:
                return _missing("tlp", "the object has no label")
            held = TLP.index(context.label) <= TLP.index(right)
            return _known(held, f"the object is TLP:{context.label}, the terms go to TLP:{right}.")
        case "purpose" | "residency" | "onward":
            possible = {"purpose": context.purposes, "residency": context.residency, "onward": context.onward}[name]
            return _declared(name, possible, frozenset([right] if isinstance(right, str) else right))
        case _:
            return Truth(None, (f"`{name}` says something of a duty, not of a use; ask for a manual decision.",))


def _declared(name: str, possible: frozenset[str] | None, allowed: frozenset[str]) -> Truth:
    words = ", ".join(sorted(allowed))
    if not possible:
        universe = {"purpose": frozenset(PURPOSES), "onward": frozenset(ONWARD)}.get(name)
        if universe is None or not universe <= allowed:
            return _missing(name, f"the asker did not declare it (the terms say {words})")
        possible = universe
    if possible <= allowed:
        return Truth(True)
    shown = ", ".join(sorted(possible))
    if possible.isdisjoint(allowed):
        return Truth(False, (f"`{name}` is declared as {shown}; the terms say {words}.",))
    return Truth(None, (f"`{name}` is declared as {shown}, of which the terms name only {words}.",))


def _member(operator: str, named: list[str], context: Context) -> Truth:
    if context.member is None:
        return _missing("member", "nobody has said who asks")
    if any(name in world.bloc_ids() for name in named) and context.at is None:
        return _missing("dateTime", "who is in a bloc depends on the day")
    day = context.at.astimezone(UTC).date() if context.at else date.min
    inside = any(context.member in expanded(name, day) for name in named)
    held = inside if operator in ("isAnyOf", "eq") else not inside
    return _known(held, f"{context.member} is {'' if inside else 'not '}among {', '.join(sorted(named))}.")


@cache
def expanded(name: str, day: date) -> frozenset[str]:
    """The countries that a name stands for on a day; a bloc without members then stands for none."""
    if name not in world.bloc_ids():
        return frozenset((name,))
    try:
        return frozenset(world.members(name, day, expand=True))
    except InputError:
        return frozenset()


def _instant(operator: str, right: str, at: datetime | None) -> Truth:
    """A day stands for all its instants, in UTC: `lteq` holds to its end, `lt` to its beginning."""
    if at is None:
        return _missing("dateTime", "the time is not known")
    if "T" in right:
        first = after = datetime.fromisoformat(right)
        held = {"lt": at < first, "lteq": at <= first, "gt": at > after, "gteq": at >= after}[operator]
    else:
        first = datetime.combine(date.fromisoformat(right), time(), UTC)
        last_day = first.date() == date.max
        past = not last_day and at >= first + DAY
        held = {"lt": at < first, "lteq": not past, "gt": past, "gteq": at >= first}[operator]
    return _known(held, f"it is {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC; the terms say {operator} {right}.")


def _missing(name: str, why: str) -> Truth:
    return Truth(None, (f"`{name}` is unknown: {why}.",))


def _known(held: bool, why: str) -> Truth:
    return Truth(held, () if held else (why,))


# --- Kleene's tables ----------------------------------------------------------------------------------------------


def _and(parts: list[Truth]) -> Truth:
    values = [part.value for part in parts]
    value = False if False in values else None if None in values else True
    return Truth(value, _once(s for part in parts if part.value is value for s in part.why) if not value else ())


def _or(parts: list[Truth]) -> Truth:
    values = [part.value for part in parts]
    value = True if True in values else None if None in values else False
    return Truth(value, _once(s for part in parts if part.value is value for s in part.why) if not value else ())


def _xone(parts: list[Truth]) -> Truth:
    """Exactly one; unknown while an unknown part could change that."""
    values = [part.value for part in parts]
    true = values.count(True)
    if true > 1 or (true == 0 and None not in values):
        return Truth(False, ("not exactly one of its alternatives holds.",))
    if None in values:
        return Truth(None, _once(s for part in parts if part.value is None for s in part.why))
    return Truth(True)


def _once(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))


def _said(rule: Mapping[str, Any]) -> str:
    parts = []
    for part in rule.get("constraint", ()):
        left = str(part.get("leftOperand", "a compound constraint")).rpartition(":")[2]
        right = part.get("rightOperand", "")
        shown = ", ".join(map(str, right)) if isinstance(right, list) else str(right)
        parts.append(f"{left} {part.get('operator', '')} {shown}".strip())
    return f"{rule.get('action')}{' if ' if parts else ''}{' and '.join(parts)}"
