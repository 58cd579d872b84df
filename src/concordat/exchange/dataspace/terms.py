"""What was agreed: when two sets of terms are equal, the agreement made of an offer, and its words for people.

Terms are the permission, prohibition, obligation and profile of a policy. They are equal if their canonical JSON is
(RFC 8785), with lists read as sets; the order of an `andSequence` and a repetition under `xone` have a meaning and
stay.
An agreement is the offer's terms with both parties, the target and a time; its SHA-256 is what both sides log.

The words split what software enforces (who, when, how often, label) from what the parties promised (purpose, place,
onward sharing, deletion): after delivery nobody can force a promise, the agreement is evidence of it. Source:
exchange.md 5.3, 5.6.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from concordat import canonical
from concordat.exchange.dataspace.odrl import ENFORCED, OWN, RECORDED, operand_of

TERMS = ("permission", "prohibition", "obligation", "profile")


def terms_of(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The terms alone, in normal form: what two policies must share to be equal."""
    found = {key: _as_set([_normal_rule(r) for r in policy[key]]) for key in TERMS[:3] if policy.get(key)}
    profiles = policy.get("profile") or []
    if profiles:
        found["profile"] = sorted({profiles} if isinstance(profiles, str) else set(profiles))
    return found


def same_terms(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two policies say the same, whatever their ids, parties and times."""
    one, other = (json.dumps({key: policy.get(key) for key in TERMS}) for policy in (a, b))
    return one == other or _normal_bytes(one) == _normal_bytes(other)


@lru_cache(maxsize=1024)
def _normal_bytes(text: str) -> bytes:
    """The normal form of terms. Each step of a negotiation asks for the same ones again."""
    return _bytes(terms_of(json.loads(text)))


def normal_constraint(part: Any) -> Any:
    """A constraint with its lists in one order, so that equal ones have equal bytes."""
    if not isinstance(part, Mapping):
        return part
    made: dict[str, Any] = {}
    for key, value in part.items():
        if not isinstance(value, list):
            made[key] = normal_constraint(value)
            continue
        inner = [normal_constraint(item) for item in value]
        made[key] = inner if key == "andSequence" else sorted(inner, key=_bytes) if key == "xone" else _as_set(inner)
    return made


def _normal_rule(rule: Mapping[str, Any]) -> Any:
    made = normal_constraint(rule)
    if made.get("constraint") == []:  # no constraint and an empty list of them say the same
        del made["constraint"]
    return made


def _as_set(items: list[Any]) -> list[Any]:
    if len(items) < 2:
        return items
    if all(type(item) is str for item in items):  # names of members and purposes: any one order serves
        return sorted(set(items))
    found = {_bytes(item): item for item in items}
    return [found[key] for key in sorted(found)]


def _bytes(value: Any) -> bytes:
    return canonical.dumps(value, floats=True)


# --- Agreements ---------------------------------------------------------------------------------------------------


def agreement_of(
    offer: Mapping[str, Any], identifier: str, target: str, assigner: str, assignee: str, at: datetime
) -> dict[str, Any]:
    """The agreement that an offer becomes.

    Args:
        offer: its terms are taken as they stand. identifier: `urn:uuid:...` of the agreement. target: the dataset.
        assigner: the provider, a member's id. assignee: the consumer. at: when, in UTC.
    """
    terms = {key: offer[key] for key in TERMS if offer.get(key)}
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    parties = {"target": target, "assigner": assigner, "assignee": assignee, "timestamp": stamp}
    return {"@id": identifier, "@type": "Agreement", **terms, **parties}


def agreement_hash(agreement: Mapping[str, Any]) -> str:
    """Lower-case hexadecimal SHA-256 of the canonical agreement: what `AgreementReached` holds."""
    return hashlib.sha256(_bytes(dict(agreement))).hexdigest()


def last_day(until: datetime) -> str:
    """The last day before an end: terms that hold to the end of a day end as the next one begins."""
    first = datetime.min.replace(tzinfo=UTC)
    return (until - timedelta(microseconds=1) if until > first else until).date().isoformat()


def until_of(policy: Mapping[str, Any]) -> datetime | None:
    """The earliest end that a policy's permissions set, as an instant; None without one."""
    ends = []
    for rule in policy.get("permission", ()):
        for part in rule.get("constraint", ()):
            if operand_of(part.get("leftOperand")) == "dateTime" and part.get("operator") in ("lt", "lteq"):
                right = str(part.get("rightOperand"))
                try:
                    if "T" in right:
                        ends.append(datetime.fromisoformat(right).astimezone(UTC))
                    else:
                        day = datetime.combine(date.fromisoformat(right), datetime.min.time(), UTC)
                        ends.append(day + timedelta(days=1 if part["operator"] == "lteq" else 0))
                except (ValueError, OverflowError):
                    continue
    return min(ends, default=None)


@dataclass(frozen=True, slots=True)
class DutyRow:
    """A promise with its day, as it is followed after the agreement.

    Attributes:
        number: its place among the duties of the agreement, from 1. action: `delete`. due: the day, or None where the
            promise has none. words: what was promised.
    """

    number: int
    action: str
    due: date | None
    words: str


def duties_of(agreement: Mapping[str, Any]) -> tuple[DutyRow, ...]:
    """The duties of an agreement as rows, in its order."""
    return tuple(
        DutyRow(i, str(duty.get("action")), _due(duty), _duty_words(duty))
        for i, duty in enumerate(agreement.get("obligation", ()), 1)
    )


def _due(duty: Mapping[str, Any]) -> date | None:
    for part in duty.get("constraint", ()):
        if operand_of(part.get("leftOperand")) == "retainUntil" and isinstance(part.get("rightOperand"), str):
            try:
                return date.fromisoformat(part["rightOperand"])
            except ValueError:
                return None
    return None


def _duty_words(duty: Mapping[str, Any]) -> str:
    said = [str(duty.get("action"))]
    for part in duty.get("constraint", ()):
        joined = {"retainUntil": "by", "occasion": "on"}.get(operand_of(part.get("leftOperand")) or "")
        said.append(f"{joined} {part['rightOperand']}" if joined else _plain(part))
    return " ".join(said)


# --- Words --------------------------------------------------------------------------------------------------------


def terms_words(policy: Mapping[str, Any]) -> str:
    """Terms on one line: `members of BRICS, statistics or research, to 2027-12-31, 20 times`."""
    permitted = "; or ".join(_rule_words(rule) for rule in policy.get("permission", ()))
    parts = [permitted or "nothing"]
    parts += [f"never {_rule_words(rule)}" for rule in policy.get("prohibition", ())]
    must = "; ".join(row.words for row in duties_of(policy))
    return "; ".join(parts) + (f". Must: {must}" if must else "")


@dataclass(frozen=True, slots=True)
class Split:
    """What an agreement holds, by who keeps it: the software, or the parties' word."""

    enforced: tuple[str, ...]
    promised: tuple[str, ...]
    unknown: tuple[str, ...]


def split_of(policy: Mapping[str, Any]) -> Split:
    """The terms that the node enforces at access, those that are promises, and those outside the profile."""
    enforced: list[str] = []
    unknown: list[str] = []
    promised = [row.words for row in duties_of(policy)]
    for kind, rules in (("", policy.get("permission", ())), ("never ", policy.get("prohibition", ()))):
        for part in (p for rule in rules for p in rule.get("constraint", ())):
            name = operand_of(part.get("leftOperand"))
            words = kind + _plain(part)
            (enforced if name in ENFORCED else promised if name in RECORDED else unknown).append(words)
    return Split(*(tuple(dict.fromkeys(found)) for found in (enforced, promised, unknown)))


def _rule_words(rule: Mapping[str, Any]) -> str:
    parts = [_plain(part) for part in rule.get("constraint", ())]
    action = "" if rule.get("action") == "use" else f"{rule.get('action')}: "
    return action + (", ".join(parts) if parts else "any use")


def _plain(part: Any) -> str:
    for key in ("and", "andSequence", "or", "xone"):
        if isinstance(part, Mapping) and key in part:
            joined = {"or": " or ", "xone": " or else "}.get(key, " and ")
            return "(" + joined.join(_plain(inner) for inner in part[key]) + ")"
    left, operator, right = (part.get(key) for key in ("leftOperand", "operator", "rightOperand"))
    values = [str(value) for value in right] if isinstance(right, list) else [str(right)]
    either = " or ".join([", ".join(values[:-1]), values[-1]]) if len(values) > 1 else values[0]
    match operand_of(left), operator:
        case "member", "isAnyOf" | "eq":
            return f"members of {either}" if any(len(value) != 3 for value in values) else either
        case "member", _:
            return f"not {either}"
        case "dateTime", "lteq" | "lt":
            return f"{'to' if operator == 'lteq' else 'before'} {either}"
        case "dateTime", _:
            return f"{'from' if operator == 'gteq' else 'after'} {either}"
        case "count", _:
            return f"{either} times"
        case "tlp", _:
            return f"up to TLP:{either}"
        case "purpose", _:
            return either
        case "residency", _:
            return f"kept in {either}"
        case "onward", _:
            return {"none": "no onward sharing", "members": "onward to members", "public": "made public"}.get(
                either, either
            )
        case "retainUntil", _:
            return f"kept to {either}"
        case _:
            return f"{str(left).removeprefix(OWN)} {operator} {either}"
