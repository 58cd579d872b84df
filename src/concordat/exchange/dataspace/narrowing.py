"""Does one policy permit nothing that another one doesn't? The test behind an automatic answer to a request.

Sufficient, not necessary: each permission of the narrower one must lie inside one of the wider one, each prohibition of
the wider one inside one of the narrower one, and every duty must be kept or tightened. A constraint implies another on
the same operand by subset, earlier date, smaller count or stricter label; what stands in `or`, `xone` or outside the
profile implies only itself. So `narrower(a, b)` means that every context that `decide` permits under a it permits
under b; that it doesn't hold means that a person looks.

Blocs are compared by their members on one day, so the promise holds for contexts of that day; a bloc named on both
sides implies itself on every day. Source: exchange.md 5.3, 5.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from concordat import canonical
from concordat.exchange.dataspace.deciding import DEPTH_MAX, POLICY_KEYS, expanded
from concordat.exchange.dataspace.odrl import TLP, fault_of, operand_of
from concordat.exchange.dataspace.terms import normal_constraint

Constraint = Mapping[str, Any]
_RULE_KEYS = {"action", "constraint"}


def narrower(a: Mapping[str, Any], b: Mapping[str, Any], *, on: date) -> bool:
    """Whether every use that policy `a` permits on a day is permitted by `b`, with no duty dropped.

    Args:
        on: the day on which blocs are expanded.
    """
    if _profiles(a) != _profiles(b) or not set(b) - set(POLICY_KEYS) <= set(a) - set(POLICY_KEYS):
        return False
    inside = all(any(_inside(p, q, on) for q in b.get("permission", ())) for p in a.get("permission", ()))
    forbidden = all(any(_inside(r, s, on) for s in a.get("prohibition", ())) for r in b.get("prohibition", ()))
    duties = all(any(_kept(mine, duty) for mine in a.get("obligation", ())) for duty in b.get("obligation", ()))
    return inside and forbidden and duties


def _profiles(policy: Mapping[str, Any]) -> set[str]:
    found = policy.get("profile", [])
    return set(found) if isinstance(found, list) else {found}


def _inside(p: Mapping[str, Any], q: Mapping[str, Any], on: date) -> bool:
    """Whether rule p holds only where rule q does."""
    if q.get("action") not in ("use", p.get("action")) or set(p) - _RULE_KEYS or set(q) - _RULE_KEYS:
        return False
    mine = _flat(p)
    return all(any(_implies(c, d, on) for c in mine) for d in _flat(q))


def _flat(rule: Mapping[str, Any]) -> list[Constraint]:
    """The constraints of a rule, with every `and` taken apart as deep as `decide` looks."""
    found = []
    pending = [(part, 0) for part in rule.get("constraint", ())]
    while pending:
        part, depth = pending.pop()
        if set(part) == {"and"} and depth < DEPTH_MAX:
            pending.extend((inner, depth + 1) for inner in part["and"])
        else:
            found.append(part)
    return found


def _kept(mine: Mapping[str, Any], duty: Mapping[str, Any]) -> bool:
    """Whether a duty is the other's, or the same with an earlier day."""
    if mine.get("action") != duty.get("action") or set(mine) - _RULE_KEYS or set(duty) - _RULE_KEYS:
        return False
    return all(any(_implies(c, d, date.min) for c in _flat(mine)) for d in _flat(duty))


def _implies(c: Constraint, d: Constraint, on: date) -> bool:
    if _same(c, d):
        return True
    name = operand_of(c.get("leftOperand"))
    if name is None or name != operand_of(d.get("leftOperand")):
        return False
    first, second = (c.get("operator"), c.get("rightOperand")), (d.get("operator"), d.get("rightOperand"))
    if fault_of(name, *first) or fault_of(name, *second):
        return False
    match name:
        case "member":
            return _members(first, second, on)
        case "purpose" | "residency" | "onward":
            return _values(first[1]) <= _values(second[1])
        case "dateTime" | "retainUntil":
            return _dates(str(first[0]), str(first[1]), str(second[0]), str(second[1]))
        case "count":
            return int(str(first[1])) <= int(str(second[1]))
        case "tlp":
            return TLP.index(str(first[1])) <= TLP.index(str(second[1]))
        case _:
            return False


def _same(c: Constraint, d: Constraint) -> bool:
    return canonical.dumps(normal_constraint(c), floats=True) == canonical.dumps(normal_constraint(d), floats=True)


def _values(right: Any) -> frozenset[str]:
    return frozenset([right] if isinstance(right, str) else right)


def _members(first: tuple[Any, Any], second: tuple[Any, Any], on: date) -> bool:
    mine, theirs = (frozenset().union(*(expanded(n, on) for n in _values(r))) for _, r in (first, second))
    inside, within = (operator in ("isAnyOf", "eq") for operator in (first[0], second[0]))
    if inside:
        return mine <= theirs if within else mine.isdisjoint(theirs)
    return not within and theirs <= mine


def _dates(first: str, mine: str, second: str, theirs: str) -> bool:
    """Whether a bound on the time is at least as tight, in the same direction."""
    if (first in ("lt", "lteq")) != (second in ("lt", "lteq")):
        return False
    a, b = _edge(first, mine), _edge(second, theirs)
    return a <= b if first in ("lt", "lteq") else a >= b


def _edge(operator: str, right: str) -> tuple[datetime, int]:
    """Where a bound lies: an instant, and whether it is itself inside (upper bounds) or outside (lower ones)."""
    if "T" in right:
        return datetime.fromisoformat(right), 1 if operator in ("lteq", "gt") else 0
    start = datetime.combine(date.fromisoformat(right), time(), UTC)
    if operator in ("lteq", "gt"):  # a day to its end: all that is before the next one
        start = datetime.max.replace(tzinfo=UTC) if start.date() == date.max else start + timedelta(days=1)
    return start, 0
