"""The JSON Schema of a rule file, for editors and other programs.

It says what a file may look like, and which keys go with a method; `Rule.load` checks more (time zones, the size of the
tree, what a threshold may be) and explains itself better. Numbers may be text, as the loader reads them.

    >>> json_schema()["$defs"]["nobody"]["properties"]
    {'nobody': {'const': 'objects'}}
"""

from __future__ import annotations

from typing import Any

from concordat.council.decide.rules import COMMON, KEYS, METHODS, SCHEMA, SYSTEMS
from concordat.council.decide.tree import CHOICES, COMPARISONS, JOINS

_NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}
_WHOLE = {"$ref": "#/$defs/whole"}
_NUMBER = {"$ref": "#/$defs/number"}
_HOURS = {"type": ["string", "integer"], "pattern": r"^[0-9]{1,6}(\.\.([0-9]{1,6})?)?$"}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `concordat/rule@1`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "type": "object",
        "required": ["rule", "version", "method"],
        "additionalProperties": False,
        "properties": _properties(),
        "allOf": [_only(method) for method in METHODS],
        "$defs": _definitions(),
    }


def _only(method: str) -> dict[str, Any]:
    """The keys that go with a method."""
    known = dict.fromkeys((*COMMON, *KEYS[method]), True)
    needed = {"vote": ["adopt"], "silence": ["hours", "deadline_zone"], "election": ["system", "seats"]}
    then = {"properties": known, "additionalProperties": False, "required": needed.get(method, [])}
    return {"if": {"properties": {"method": {"const": method}}}, "then": then}


def _properties() -> dict[str, Any]:
    limits = dict.fromkeys(("at_least", "more_than"), _NUMBER)
    return {
        "schema": {"const": SCHEMA},
        "rule": _NAME,
        "version": _WHOLE,
        "method": {"enum": list(METHODS)},
        "note": {"type": "string"},
        "verified": {"type": "boolean"},
        "challenge_hours": _WHOLE,
        "quorum": _object(
            {"share": _NAME, "count": _NAME, "of": _NAME, **limits, "counted": _words("at_vote", "at_opening")}
        ),
        "vote_change": _words("until_close", "never"),
        "proxy": _WHOLE,
        "abstain": _words("not_counted", "counted"),
        "adopt": {"$ref": "#/$defs/condition"},
        "tie": _words("not_adopted", "chair_decides"),
        "objection_hours": _HOURS,
        "hours": _HOURS,
        "deadline_zone": {"type": "string"},
        "who_may_break": _NAME,
        "amendment_breaks": {"type": "boolean"},
        "extend": _object({"times": _WHOLE, "by": _NAME}, required=["times"]),
        "system": {"enum": list(SYSTEMS)},
        "seats": _WHOLE,
        "quotas": {"type": "object", "propertyNames": _NAME, "additionalProperties": _WHOLE},
    }


def _definitions() -> dict[str, Any]:
    condition = {"$ref": "#/$defs/condition"}
    listed = {"type": "array", "minItems": 1, "items": condition}
    found: dict[str, Any] = {
        "number": {
            "type": ["string", "integer"],
            "pattern": r"^([0-9]+(\.[0-9]+)?|[0-9]+/[0-9]*[1-9][0-9]*)$",
            "minimum": 0,
        },
        "whole": {"type": ["string", "integer"], "pattern": r"^([0-9]+(\.0+)?|[0-9]+/1)$", "minimum": 0},
        "against": _object({"against": _NAME, "at_least": _WHOLE}, required=["against"]),
        "nobody": _object({"nobody": {"const": "objects"}}, required=["nobody"]),
    }
    for kind in ("share", "count"):
        limits = dict.fromkeys(COMPARISONS, _NUMBER)
        leaf = _object({kind: _NAME, "choice": {"enum": list(CHOICES)}, "of": _NAME, **limits}, required=[kind])
        found[kind] = leaf | {"oneOf": [{"required": [word]} for word in COMPARISONS]}
    for kind in JOINS:
        inner = _object({"n": _WHOLE, "of": listed}, required=["n", "of"]) if kind == "at_least_of" else listed
        found[kind] = _object({kind: inner}, required=[kind])
    kinds = ("share", "count", "against", "nobody", *JOINS)
    return found | {"condition": {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds]}}


def _object(properties: dict[str, Any], *, required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
    }


def _words(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}
