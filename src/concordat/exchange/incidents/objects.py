"""Incidents as STIX 2.1: read with limits, no custom content, 2.0 converted; our stage extension read and written.

    bundle = read_bundle(data, where="bundle.json")
    incident = incident_in(bundle)                   # the one incident that a bundle tells of
    facts_of(incident).became_aware                  # what our extension says of it

`stix2` 3.0.2 judges every object (`allow_custom=False`: an unknown property or type is refused by name). What is kept
is the JSON as it was received, not as a library would write it again. Limits: 8 MiB, 10,000 objects, depth 32,
patterns of 10 kB. STIX 2.0 is judged as 2.0, converted and never written: `spec_version` is added, the old `labels` of
five types are repeated in the field that 2.1 gave them, observables inside `observed-data` stay as received; what 2.0
doesn't say and 2.1 asks for (`malware.is_family`) is set to false and listed as not said.

The extension's id is the UUID 5 of `urn:concordat:stix:incident-stage:1` in the name space of URLs (RFC 9562).
The incident core extension of OASIS is kept where it comes and not interpreted: its text is a draft. CACAO playbooks
are documents like others here: stored and hashed by whoever keeps them, never run. Source: exchange.md, section 8.1.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.errors import InputError
from concordat.exchange.incidents.tlp import FIXED, Graded, Tlp, grade_all, marks_of
from concordat.settings import need_extra

BYTES_MAX = 8 * 2**20
OBJECTS_MAX = 10_000
PATTERN_BYTES_MAX = 10_000
STAGE_URN = "urn:concordat:stix:incident-stage:1"
STAGE_EXTENSION = f"extension-definition--{uuid.uuid5(uuid.NAMESPACE_URL, STAGE_URN)}"
_AUTHOR = f"identity--{uuid.uuid5(uuid.NAMESPACE_URL, 'urn:concordat:stix:author')}"
_ID = re.compile(r"[a-z][a-z0-9-]{1,60}--[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_STAGE = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Types of 2.0 whose `labels` became a field of their own in 2.1.
_TYPES_20 = {
    "indicator": "indicator_types",
    "malware": "malware_types",
    "report": "report_types",
    "threat-actor": "threat_actor_types",
    "tool": "tool_types",
}
_OBJECTS_20 = frozenset(_TYPES_20) | {
    "attack-pattern", "campaign", "course-of-action", "identity", "intrusion-set", "marking-definition",
    "observed-data", "relationship", "sighting", "vulnerability",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a file or request held.

    Attributes:
        objects: as received, or converted, in the order of the file. notes: what was converted or assumed.
    """

    objects: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()


def read_json(data: bytes, where: str) -> Any:
    """JSON within the limits of size and depth, without double keys.

    Raises:
        InputError: over a limit, not UTF-8, not JSON.
    """
    if len(data) > BYTES_MAX:
        raise InputError(f"{len(data):,} bytes; at most {BYTES_MAX:,}.", where=where, code="too_large")
    try:
        return canonical.loads(data, floats=True)
    except InputError as error:
        place = f"{where}, {error.where}" if error.where else where
        raise InputError(error.what, where=place, hint=error.hint, code=error.code) from None


def read_bundle(data: bytes, where: str = "bundle") -> Bundle:
    """A bundle, or one object by itself.

    Raises:
        InputError: over a limit, not JSON, or an object that is not STIX, by its id. MethodError: without [exchange].
    """
    value = read_json(data, where)
    if isinstance(value, dict) and value.get("type") == "bundle":
        found = value.get("objects", [])
        if not isinstance(found, list):
            raise InputError("objects is not a list.", where=where, code="bundle")
    else:
        found = [value]
    return read_objects(found, where)


def read_objects(found: Sequence[Any], where: str) -> Bundle:
    """Objects of one sender, each judged.

    Raises:
        InputError: too many, or one that is not STIX, by its id.
    """
    if len(found) > OBJECTS_MAX:
        raise InputError(f"{len(found):,} objects; at most {OBJECTS_MAX:,}.", where=where, code="too_many")
    objects, notes = [], []
    for number, one in enumerate(found):
        read, more = read_object(one, f"{where}, object {number + 1}")
        objects.append(read)
        notes += more
    return Bundle(tuple(objects), tuple(notes))


def read_object(one: Any, where: str) -> tuple[dict[str, Any], list[str]]:
    """One object as it is kept, and what was converted.

    Raises:
        InputError: it is not STIX 2.1, nor 2.0 that can be converted. MethodError: without the extra [exchange].
    """
    if not isinstance(one, dict) or not isinstance(one.get("type"), str):
        raise InputError("not a STIX object: it has no type.", where=where, code="stix")
    name = one.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name) or not name.startswith(f"{one['type']}--"):
        raise InputError(f'"{str(name)[:80]}" is not an id of {one["type"][:40]}.', where=where, code="stix")
    pattern = one.get("pattern", "")
    if isinstance(pattern, str) and len(pattern.encode("utf-8", "replace")) > PATTERN_BYTES_MAX:
        what = f"a pattern of over {PATTERN_BYTES_MAX:,} bytes."
        raise InputError(what, where=f"{where}, {name}", code="pattern")
    if "spec_version" not in one and one["type"] in _OBJECTS_20:
        _judge(one, "2.0", f"{where}, {name}")
        one, notes = _converted(one)
    else:
        notes = []
    if one["type"] == "observed-data" and "objects" in one:
        _judge_bundled(one, f"{where}, {name}")
    else:
        _judge(one, "2.1", f"{where}, {name}")
    return one, notes


def _judge_bundled(one: Mapping[str, Any], where: str) -> None:
    """Observed data with the observables inside, which 2.1 still allows: they may name each other as in 2.0."""
    outside = {key: value for key, value in one.items() if key != "objects"}
    _judge({**outside, "object_refs": [f"file--{uuid.uuid5(uuid.NAMESPACE_URL, where)}"]}, "2.1", where)
    old = {"type", "id", "created", "modified", "first_observed", "last_observed", "number_observed", "objects"}
    try:
        _judge({key: value for key, value in one.items() if key in old}, "2.0", where)
    except InputError:
        inside = one["objects"]
        if not isinstance(inside, Mapping) or not inside:
            raise
        for number in sorted(inside):
            if not isinstance(inside[number], Mapping):
                raise
            _judge(inside[number], "2.1", f"{where}, objects {number}")


def _judge(one: Mapping[str, Any], version: str, where: str) -> None:
    try:
        import stix2
        from stix2.exceptions import STIXError
    except ImportError:
        raise need_extra("exchange", "Reading STIX") from None
    if one.get("type") == "bundle":
        raise InputError("a bundle inside a bundle.", where=where, code="stix")
    try:
        stix2.parse(dict(one), allow_custom=False, version=version)
    except (STIXError, ValueError, TypeError, KeyError, AttributeError) as error:
        words = " ".join(str(error).split())[:300]
        raise InputError(f"not STIX {version}: {words}", where=where, code="stix") from None
    except RecursionError:
        raise InputError("a pattern nested too deeply.", where=where, code="pattern") from None


def _converted(old: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """An object of 2.0 as one of 2.1, and what 2.0 didn't say."""
    new, notes = {**old, "spec_version": "2.1"}, [f"{old['id']}: STIX 2.0, converted"]
    types = _TYPES_20.get(old["type"])
    if types and types not in new and old.get("labels"):
        new[types] = list(old["labels"])
    if old["type"] == "indicator":
        new |= {"pattern_type": "stix", "pattern_version": "2.0"}
    if old["type"] == "malware" and "is_family" not in new:
        new["is_family"] = False
        notes.append(f"{old['id']}: is_family is not said in STIX 2.0; written as false")
    return new, notes


def bundle_bytes(objects: Iterable[Mapping[str, Any]]) -> bytes:
    """A bundle of objects, its id made of them: the same objects give the same bytes."""
    listed = [dict(one) for one in objects]
    name = uuid.uuid5(uuid.NAMESPACE_URL, canonical.digest(listed, floats=True))
    return json.dumps({"type": "bundle", "id": f"bundle--{name}", "objects": listed}, ensure_ascii=False).encode()


# --- What a bundle is marked with -------------------------------------------------------------------------------------


def grade_bundle(bundle: Bundle) -> Graded:
    """The label of a bundle: that of its strictest object, the first in the file of several alike.

    Raises:
        InputError: nothing in it.
    """
    grades = grade_all(bundle.objects)
    if not grades:
        raise InputError("there is no object in it.", where="bundle", code="empty")
    worst = max(grade.label for grade in grades.values())
    name = next(key for key, grade in grades.items() if grade.label == worst)
    return grades[name]


def marking_notes(bundle: Bundle) -> list[str]:
    """What was assumed of markings: objects without one, and markings that nobody can name."""
    bare, strange = [], set()
    held = {one["id"]: one for one in bundle.objects}
    for one in bundle.objects:
        refs, _ = marks_of(one)
        if not refs and one["id"] not in FIXED:
            bare.append(one["id"])
        strange |= {ref for ref in refs if ref not in FIXED and not _is_statement(held.get(ref))}
    notes = []
    if bare:
        shown = ", ".join(bare[:3]) + (f" and {len(bare) - 3} more" if len(bare) > 3 else "")
        notes.append(f"without a marking, so AMBER: {shown}")
    notes += [f"unknown marking, so RED: {ref}" for ref in sorted(strange)]
    return notes


def _is_statement(stix: Mapping[str, Any] | None) -> bool:
    return stix is not None and stix.get("definition_type") == "statement"


def incident_in(bundle: Bundle) -> dict[str, Any]:
    """The incident that a bundle tells of, in its newest version.

    Raises:
        InputError: none, or several.
    """
    found = {one["id"]: one for one in sorted(_incidents(bundle), key=lambda one: str(one.get("modified", "")))}
    if len(found) != 1:
        what = f"{len(found)} incidents in it." if found else "no incident in it."
        hint = "Share one incident at a time, with its report and what it refers to."
        raise InputError(what, where="bundle", hint=hint, code="incident")
    return next(iter(found.values()))


def _incidents(bundle: Bundle) -> list[dict[str, Any]]:
    return [one for one in bundle.objects if one["type"] == "incident"]


# --- Our extension ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """What our extension says of an incident.

    Attributes:
        stage: of the timeline that was reached. became_aware: by the reporter's word, in UTC. severity: 1 to 5.
        sectors: DAC codes. cross_border: None if not said. affected_members: ISO3. services_down_hours: whole hours.
    """

    stage: str = ""
    became_aware: str = ""
    severity: int | None = None
    sectors: tuple[str, ...] = ()
    cross_border: bool | None = None
    affected_members: tuple[str, ...] = ()
    services_down_hours: int | None = None


_KEYS = {"extension_type", *IncidentFacts.__slots__}


def facts_of(incident: Mapping[str, Any]) -> IncidentFacts | None:
    """What our extension says; None where an incident has none.

    Raises:
        InputError: a value that can't be, or an unknown key, with the nearest one.
    """
    extensions = incident.get("extensions", {})
    raw = extensions.get(STAGE_EXTENSION) if isinstance(extensions, Mapping) else None
    if raw is None:
        return None
    where = f"{incident.get('id', 'incident')}, {STAGE_EXTENSION}"
    if not isinstance(raw, Mapping):
        raise InputError("the extension is no object.", where=where, code="extension")
    for key in raw:
        if key not in _KEYS:
            from concordat.settings import unknown_key

            raise unknown_key(str(key), sorted(_KEYS), where=where)
    return _checked(raw, where)


def _checked(raw: Mapping[str, Any], where: str) -> IncidentFacts:
    severity, hours = raw.get("severity"), raw.get("services_down_hours")
    sectors, affected = raw.get("sectors", []), raw.get("affected_members", [])
    border, stage, aware = raw.get("cross_border"), raw.get("stage", ""), raw.get("became_aware", "")
    tests = (
        ("stage", stage == "" or _fits(_STAGE, stage), "a stage of the timeline, as early_warning"),
        ("became_aware", aware == "" or _fits(_INSTANT, aware), "a time in UTC, as 2026-05-04T09:30:00Z"),
        ("severity", severity is None or (_whole(severity) and 1 <= severity <= 5), "1 to 5"),
        ("sectors", _all(sectors, r"[0-9]{3}([0-9]{2})?"), "DAC codes, as 22040"),
        ("affected_members", _all(affected, r"[A-Z]{3}"), "countries, as BRA"),
        ("cross_border", border is None or isinstance(border, bool), "true or false"),
        ("services_down_hours", hours is None or (_whole(hours) and 0 <= hours <= 10**6), "whole hours"),
    )
    for key, good, hint in tests:
        if not good:
            raise InputError(f"{key} is {str(raw.get(key))[:60]!r}.", where=where, hint=f"Write {hint}.", code="facts")
    return IncidentFacts(stage, aware, severity, tuple(sectors), border, tuple(affected), hours)


def _fits(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _all(values: Any, pattern: str) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) and re.fullmatch(pattern, v) for v in values)


def with_facts(incident: Mapping[str, Any], facts: IncidentFacts) -> dict[str, Any]:
    """An incident with our extension; keys that say nothing are left out."""
    said = {key: getattr(facts, key) for key in IncidentFacts.__slots__}
    said = {k: list(v) if isinstance(v, tuple) else v for k, v in said.items() if v not in (None, "", ())}
    extensions = {**incident.get("extensions", {}), STAGE_EXTENSION: {"extension_type": "property-extension", **said}}
    return {**incident, "extensions": extensions}


def extension_definition() -> list[dict[str, Any]]:
    """The STIX objects that define our extension: who defines it, and its definition; both CLEAR."""
    made, mark = "2026-11-26T00:00:00.000Z", [next(ref for ref, label in FIXED.items() if label is Tlp.CLEAR)]
    head = {"spec_version": "2.1", "created": made, "modified": made, "object_marking_refs": mark}
    author = {"type": "identity", "id": _AUTHOR, **head, "name": "Concordat", "identity_class": "system"}
    definition = {
        "type": "extension-definition", "id": STAGE_EXTENSION, **head, "created_by_ref": _AUTHOR,
        "name": "Incident stage", "description": "Stage of a reporting timeline that an incident has reached.",
        "schema": STAGE_URN, "version": "1.0.0", "extension_types": ["property-extension"],
    }  # fmt: skip
    return [author, definition]
