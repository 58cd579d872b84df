"""Which terms a member can offer its data under: the policy profile `urn:concordat:odrl:1`, and our files' short form.

A policy is an ODRL offer as the Dataspace Protocol carries it: permissions, prohibitions and duties, each an action
with constraints. The profile is small on purpose, so that every term has one meaning that a program can test
(`deciding`):

| left operand | operators | right operand | what software does with it |
|---|---|---|---|
| `member` | isAnyOf, isNoneOf, eq, neq | ISO 3166-1 alpha-3, or a bloc's id | tested at access |
| `dateTime` | lt, lteq, gt, gteq | a day (to its end, UTC) or an instant with its zone | tested at access |
| `count` | lteq | a whole number as text | counted at access, for each agreement |
| `tlp` | lteq | CLEAR, GREEN, AMBER, AMBER+STRICT, RED | tested at access |
| `purpose` | eq, isAnyOf | statistics, research, supervision, incident-response | recorded only |
| `residency` | eq, isAnyOf | ISO 3166-1 alpha-3 | recorded only |
| `onward` | eq | none, members, public | recorded only |
| `retainUntil` | lteq, on the duty `delete` | a day | promised; a reminder, and evidence for a review |
| `occasion` | eq, on the duty `inform` | publication, breach, transfer | promised |

`dateTime`, `count` and `purpose` are left operands of ODRL; the others are ours and are written as
`urn:concordat:odrl:<name>`. Source: exchange.md 5.6; ODRL Information Model 2.2 (W3C, 2018); the action names are those
of the ODRL Common Vocabulary (status: unverified against its published list).

Not here: what a policy comes to (`deciding`), which of two is narrower (`narrowing`), equality of terms (`terms`).

    >>> from_offer({"permit": "use", "when": {"member": ["BRICS"], "until": "2027-12-31"}})["permission"][0]["action"]
    'use'
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from concordat import world
from concordat.errors import InputError
from concordat.settings import nearest, unknown_key

PROFILE = "urn:concordat:odrl:1"
OWN = "urn:concordat:odrl:"

ACTIONS = ("use", "read", "distribute", "derive", "delete", "inform", "attribute")
PERMITTED = ("use", "read", "distribute", "derive")
DUTIES = ("attribute", "delete", "inform")
DUTIES_MAX = 64  # as many as an entry of the log numbers (`AgreementConfirmed`, `DutyDone`)

PURPOSES = ("statistics", "research", "supervision", "incident-response")
ONWARD = ("none", "members", "public")
TLP = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")  # from the widest circle to the narrowest (TLP 2.0)

OPERATORS: Mapping[str, tuple[str, ...]] = {
    "member": ("isAnyOf", "isNoneOf", "eq", "neq"),
    "dateTime": ("lt", "lteq", "gt", "gteq"),
    "count": ("lteq",),
    "tlp": ("lteq",),
    "purpose": ("eq", "isAnyOf"),
    "residency": ("eq", "isAnyOf"),
    "onward": ("eq",),
    "retainUntil": ("lteq",),
    "occasion": ("eq",),
}
ODRL_OPERANDS = ("dateTime", "count", "purpose")
ENFORCED = ("member", "dateTime", "count", "tlp")
RECORDED = ("purpose", "residency", "onward")
LOGICAL = ("and", "andSequence", "or", "xone")
OCCASIONS = ("publication", "breach", "transfer")

_LISTED = {"tlp": TLP, "purpose": PURPOSES, "onward": ONWARD, "occasion": OCCASIONS}
_POLICY_KEYS = ("permit", "when", "must", "never")
_WHEN_KEYS = ("member", "not_member", "purpose", "residency", "onward", "from", "until", "count", "tlp")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})")


def operand_name(written: str) -> str:
    """How a left operand of the profile is written in a policy: `urn:concordat:odrl:member`, `purpose`."""
    return written if written in ODRL_OPERANDS else OWN + written


def operand_of(written: Any) -> str | None:
    """The profile's left operand that a policy names; None for a foreign one.

    The bare names of ours are not read as ours: `member` in another's profile may mean another thing.
    """
    if not isinstance(written, str):
        return None
    for prefix in ("", "odrl:", "http://www.w3.org/ns/odrl/2/"):
        if written.startswith(prefix) and written[len(prefix) :] in ODRL_OPERANDS:
            return written[len(prefix) :]
    name = written.removeprefix(OWN)
    return name if name != written and name in OPERATORS and name not in ODRL_OPERANDS else None


def from_offer(policy: Mapping[str, Any], *, where: str = "policy") -> dict[str, Any]:
    """The ODRL policy that the block `policy` of an offer file means; without `@id`, which the offer gives it.

    Args:
        policy: `permit`, `when`, `must`, `never`, as plain data. where: how messages call the block.

    Raises:
        InputError: an unknown key (with the nearest one), no permission, a term outside the profile, too many duties.
    """
    _known(policy, _POLICY_KEYS, where)
    actions = _texts(policy.get("permit"), f"{where}.permit")
    if not actions:
        hint = "Write permit: use, and under when: to whom and until when."
        raise InputError("the policy permits nothing.", where=f"{where}.permit", hint=hint, code="no_permission")
    for action in actions:
        _one_of(action, PERMITTED, f"{where}.permit")
    constraints = _when(policy.get("when") or {}, f"{where}.when")
    permission = [{"action": action} | ({"constraint": constraints} if constraints else {}) for action in actions]
    found: dict[str, Any] = {"@type": "Offer", "profile": PROFILE, "permission": permission}
    never = [_never(rule, f"{where}.never[{i}]") for i, rule in enumerate(_rules(policy, "never", where))]
    must = [_must(rule, f"{where}.must[{i}]") for i, rule in enumerate(_rules(policy, "must", where))]
    if len(must) > DUTIES_MAX:
        what = f"{len(must)} duties; an agreement has at most {DUTIES_MAX}."
        raise InputError(what, where=f"{where}.must", code="too_many_duties")
    return found | ({"prohibition": never} if never else {}) | ({"obligation": must} if must else {})


def constraint(name: str, operator: str, right: Any, *, where: str = "policy") -> dict[str, Any]:
    """One constraint of the profile, checked.

    Raises:
        InputError: the operand does not take the operator, or the right operand is none of its values.
    """
    fault = fault_of(name, operator, right)
    if fault:
        raise InputError(fault, where=where, code="not_in_profile")
    return {"leftOperand": operand_name(name), "operator": operator, "rightOperand": right}


def fault_of(name: str, operator: Any, right: Any) -> str:
    """Why a constraint is outside the profile, as a sentence; empty words if it is inside."""
    allowed = OPERATORS[name]
    if operator not in allowed:
        return f"`{name}` takes {' or '.join(allowed)}, not {str(operator)[:40]}."
    values = right if isinstance(right, list) else [right]
    many = operator in ("isAnyOf", "isNoneOf")
    if not values or (isinstance(right, list) != many) or not all(isinstance(value, str) for value in values):
        return f"`{name}` {operator} takes {'a list of texts that is not empty' if many else 'one text'}."
    for value in values:
        if not _allowed(name, value):
            return f"{str(value)[:80]!r} is not a value that `{name}` takes{_choices(name)}."
    return ""


def _allowed(name: str, value: str) -> bool:
    match name:
        case "member":
            return value in world.bloc_ids() or _is_country(value)
        case "residency":
            return _is_country(value)
        case "dateTime":
            return _is_day(value) or _is_instant(value)
        case "retainUntil":
            return _is_day(value)
        case "count":
            return _COUNT.fullmatch(value) is not None
        case _:
            return value in _LISTED[name]


def _choices(name: str) -> str:
    if name in _LISTED:
        return f" ({', '.join(_LISTED[name])})"
    return {
        "member": " (ISO 3166-1 alpha-3, or a bloc's id)",
        "residency": " (ISO 3166-1 alpha-3)",
        "count": ' (a whole number as text: "20")',
        "retainUntil": " (a day: 2027-12-31)",
    }.get(name, " (a day such as 2027-12-31, or an instant with its zone)")


@cache
def _countries() -> frozenset[str]:
    return frozenset(country.iso3 for country in world.countries(user_assigned=True))


def _is_country(code: str) -> bool:
    return code in _countries()


def _is_day(text: str) -> bool:
    try:
        return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_instant(text: str) -> bool:
    try:
        return _INSTANT.fullmatch(text) is not None and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


# --- The short form of our files ----------------------------------------------------------------------------------


def _when(when: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(when, Mapping):
        raise InputError("the conditions are not a table of keys.", where=where, hint="Write when: {member: [BRICS]}.")
    _known(when, _WHEN_KEYS, where)
    made = []
    for key in _WHEN_KEYS:
        if key not in when:
            continue
        place = f"{where}.{key}"
        name, operator = {
            "not_member": ("member", "isNoneOf"),
            "from": ("dateTime", "gteq"),
            "until": ("dateTime", "lteq"),
            "count": ("count", "lteq"),
            "tlp": ("tlp", "lteq"),
            "onward": ("onward", "eq"),
        }.get(key, (key, "isAnyOf"))
        value = when[key]
        right = _texts(value, place) if operator in ("isAnyOf", "isNoneOf") else _text(value, place)
        made.append(constraint(name, operator, right, where=place))
    return made


def _never(rule: Mapping[str, Any], where: str) -> dict[str, Any]:
    _known(rule, ("do", *_WHEN_KEYS), where)
    action = _one_of(rule.get("do", "use"), PERMITTED, f"{where}.do")
    constraints = _when({key: value for key, value in rule.items() if key != "do"}, where)
    if not constraints and action in ("use", "read"):
        hint = "Say when it is forbidden, such as {onward: public}."
        raise InputError("a prohibition of all use leaves nothing to offer.", where=where, hint=hint, code="all_denied")
    return {"action": action} | ({"constraint": constraints} if constraints else {})


def _must(rule: Mapping[str, Any], where: str) -> dict[str, Any]:
    _known(rule, ("do", "by", "on"), where)
    action = _one_of(rule.get("do"), DUTIES, f"{where}.do")
    made: dict[str, Any] = {"action": action}
    if "by" in rule:
        if action != "delete":
            raise InputError("only the duty `delete` has a day.", where=f"{where}.by", code="not_in_profile")
        made["constraint"] = [constraint("retainUntil", "lteq", _text(rule["by"], f"{where}.by"), where=f"{where}.by")]
    if "on" in rule:
        if action != "inform":
            raise InputError("only the duty `inform` has an occasion.", where=f"{where}.on", code="not_in_profile")
        made["constraint"] = [constraint("occasion", "eq", _text(rule["on"], f"{where}.on"), where=f"{where}.on")]
    return made


def _rules(policy: Mapping[str, Any], key: str, where: str) -> Sequence[Mapping[str, Any]]:
    rules = policy.get(key) or []
    if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
        hint = f"Write {key}: [{{...}}, {{...}}]."
        raise InputError("it is not a list of rules.", where=f"{where}.{key}", hint=hint, code="type")
    return rules


def _known(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise unknown_key(str(key), keys, where=where)


def _texts(value: Any, where: str) -> list[str]:
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [_text(item, where) for item in values]


def _text(value: Any, where: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        hint = f'Write it in quotes: "{value}".'
        raise InputError(f"{value} is a number; the protocol carries text.", where=where, hint=hint, code="type")
    if not isinstance(value, str):
        raise InputError(f"{value!r} is not a text.", where=where, code="type")
    return value


def _one_of(value: Any, known: Sequence[str], where: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    close = nearest(str(value), known)
    hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(known)}."
    raise InputError(f'"{str(value)[:60]}" is not one of the profile\'s words.', where=where, hint=hint, code="unknown")
