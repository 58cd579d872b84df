"""What one algorithm is, whose, what for, by which law: a record by concept, with the form that it came in.

A record holds values by part of the crosswalk (`provider.name`), in one language, and beside it the fields as the
source wrote them (`source_record`). `from_nl` then `to_nl`, and `from_uk` then `to_uk`, give each field back as it was;
mapped fields come from the parts alone, and only fields that no list knows come from `source_record`.

Between standards a value goes where both have a field for the same part. `by_concept=True` also fills a field whose
concept has values in other parts only (the Dutch `goal` into the British `scope`), joined as text, and says so: the two
lists ask different questions there, and a person must look.

The contact is a role's mailbox: one like `first.last@` draws a warning. It never stands in a log entry, which holds id,
version and hash. Limits of the Dutch list are warnings when read, errors when written. Which words its choices allow is
in no list we have, so they are not checked. Source: exchange.md, section 7.

    >>> record = AlgorithmRecord.from_nl({"name": "Route planner", "provider": "Acme"}, id="br-014")
    >>> record.values["provider.name"], record.to_nl()["provider"]
    ('Acme', 'Acme')
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from concordat import canonical
from concordat.errors import InputError
from concordat.exchange.algorithms.crosswalk import LISTED, Field, Part, crosswalk
from concordat.settings import parse_yaml, unknown_key

SCHEMA = "concordat/algorithm@1"
VALUE_MAX = 50_000
VALUES_MAX = 1_000
KEYS = ("schema", "id", "version", "member", "language", "source_standard", "values", "source_record", "translations")
STANDARDS = ("core", *LISTED)
Value = str | list[Any]
_ID = re.compile(r"[a-z][a-z0-9._-]{0,127}")
_MEMBER = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_PERSON = re.compile(r"[^\W\d_]{1,40}\.[^\W\d_]{2,40}@", re.IGNORECASE)
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class AlgorithmRecord:
    """One version of one algorithm's record.

    Attributes:
        id, version: of the register. values: by part; text, or a list. language: of the texts. member: whose register.
        source_standard: `nl`, `uk` or `core`. source_record: the fields as they came in. translations: language ->
            values by part, for texts that exist in other languages as well.
    """

    id: str
    values: Mapping[str, Value]
    version: int = 1
    member: str = ""
    language: str = ""
    source_standard: str = "core"
    source_record: Mapping[str, Any] = field(default_factory=dict)
    translations: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks ids and values.

        Raises:
            InputError: an id, version, language, part or value that can't be.
        """
        _matches(self.id, _ID, "id", "Small letters, digits, dots and hyphens, a letter first.")
        if self.member:
            _matches(self.member, _MEMBER, "member", "As BRA.")
        for language in (*([self.language] if self.language else []), *self.translations):
            _matches(language, _LANGUAGE, "language", "As pt.")
        if not isinstance(self.version, int) or isinstance(self.version, bool) or self.version < 1:
            raise InputError(f"version {self.version} can't be.", where=self.id, hint="1, 2, 3, ...", code="version")
        if self.source_standard not in STANDARDS:
            crosswalk().standard(self.source_standard, STANDARDS[1:])
        for values in (self.values, *self.translations.values()):
            for key, value in values.items():
                crosswalk().part(key, self.id)
                _check_value(value, f"{self.id}: {key}")

    # --- Forms ---

    @classmethod
    def from_nl(cls, fields: Mapping[str, Any], *, id: str, member: str = "", version: int = 1) -> AlgorithmRecord:  # noqa: A002
        """A record of the Dutch publication standard 1.0.

        Raises:
            InputError: a value that is no text or list.
        """
        return _read("nl", fields, id, member, version)

    @classmethod
    def from_uk(cls, fields: Mapping[str, Any], *, id: str, member: str = "", version: int = 1) -> AlgorithmRecord:  # noqa: A002
        """A record of the British transparency standard, 2022 pilot.

        Raises:
            InputError: a value that is no text or list.
        """
        return _read("uk", fields, id, member, version)

    def to_nl(self, *, by_concept: bool = False) -> dict[str, Any]:
        """The record's fields of the Dutch standard; see the module on `by_concept`."""
        return self.written("nl", by_concept=by_concept).fields

    def to_uk(self, *, by_concept: bool = False) -> dict[str, Any]:
        """The record's fields of the British standard; see the module on `by_concept`."""
        return self.written("uk", by_concept=by_concept).fields

    def written(self, standard: str, *, by_concept: bool = False) -> Written:
        """The record in a standard, and what that left out or joined."""
        return _write(self, standard, by_concept)

    @classmethod
    def load(cls, text: str | bytes, *, where: str = "algorithm.yaml") -> AlgorithmRecord:
        """A record from a file of schema concordat/algorithm@1.

        Raises:
            InputError: not YAML, an unknown key or part, a value that can't be.
        """
        return cls.from_value(parse_yaml(text, where=where, schema="algorithm@1").value, where)

    @classmethod
    def from_value(cls, value: Any, where: str = "algorithm") -> AlgorithmRecord:
        """A record from what `to_value` gave.

        Raises:
            InputError: an unknown key or part, a value that can't be.
        """
        if not isinstance(value, dict) or not isinstance(value.get("values"), dict) or "id" not in value:
            hint = "It needs id and values."
            raise InputError("this is not an algorithm's record.", where=where, hint=hint, code="schema")
        for key in value:
            if key not in KEYS:
                raise unknown_key(str(key), KEYS, where=where)
        rest = {key: value[key] for key in KEYS[1:] if key in value and key not in ("values", "translations")}
        translations = {name: _flat(found) for name, found in value.get("translations", {}).items()}
        return cls(**rest, values=_flat(value["values"]), translations=translations)

    def to_value(self) -> dict[str, Any]:
        """The record as JSON: values by concept and sub-key."""
        found: dict[str, Any] = {"schema": SCHEMA, "id": self.id, "version": self.version}
        for name in ("member", "language", "source_record"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        found["source_standard"] = self.source_standard
        found["values"] = _nested(self.values)
        if self.translations:
            found["translations"] = {name: _nested(values) for name, values in sorted(self.translations.items())}
        return found

    def text(self) -> str:
        """The record as a file that `load` reads back to the same record (JSON, which is YAML as well)."""
        return json.dumps(self.to_value(), ensure_ascii=False, indent=1) + "\n"

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical bytes: what an entry `AlgorithmPublished` names."""
        return canonical.digest(self.to_value(), floats=True)

    @property
    def name(self) -> str:
        """The algorithm's name; its id without one."""
        return as_text(self.values.get("name.name", "")) or self.id

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be looked at: a personal mailbox, limits of the source's standard, months and addresses."""
        return tuple(_warnings(self))


@dataclass(frozen=True, slots=True)
class Written:
    """Fields of a standard.

    Attributes:
        fields: in the order of the crosswalk. left: parts with a value that the standard has no field for. joined:
            field -> parts of the same concept whose values were put there.
    """

    fields: dict[str, Any]
    left: tuple[str, ...]
    joined: Mapping[str, tuple[str, ...]]


def as_text(value: Value) -> str:
    """A value as one line of text: lists by `; `, references by their title and address."""
    if isinstance(value, str):
        return value
    return "; ".join(" ".join(_words(x)) if isinstance(x, dict) else str(x) for x in value)


def _words(reference: Mapping[str, Any]) -> list[str]:
    """The words of a reference, its title first."""
    return [str(reference[key]) for key in sorted(reference, key=lambda key: (key != "title", key))]


# --- From and to a standard -----------------------------------------------------------------------------------------


def _read(standard: str, fields: Mapping[str, Any], key: str, member: str, version: int) -> AlgorithmRecord:
    known = crosswalk().fields(standard)
    # A field that is null or missing has no value; one that is empty is kept as it is.
    values = {known[name].key: _read_value(v) for name, v in fields.items() if name in known and v is not None}
    language = str(fields.get("lang") or "") if standard == "nl" else "en"
    tag = language[:3].lower() if _LANGUAGE.fullmatch(language[:3].lower()) else ""
    return AlgorithmRecord(key, values, version, member, tag, standard, dict(fields))


def _read_value(value: Any) -> Any:
    """A value as text: some registers print ids and years as JSON numbers; a null in a reference is no word of it."""
    if isinstance(value, list):
        return [_read_value(item) for item in value if item is not None]
    if isinstance(value, dict):
        return {str(key): _read_value(item) for key, item in value.items() if item is not None}
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return canonical.number_text(value) if number else value


def _write(record: AlgorithmRecord, standard: str, by_concept: bool) -> Written:
    walk = crosswalk()
    found: dict[str, Any] = {}
    joined: dict[str, tuple[str, ...]] = {}
    for name, part in walk.fields(standard).items():
        if part.key in record.values:
            found[name] = _fitting(record.values[part.key], part.fields[standard], record.source_standard == standard)
    if by_concept:
        for concept in walk.concepts:
            target = next((p for p in concept.parts if standard in p.fields and p.type == "text"), None)
            filled = [p for p in concept.parts if record.values.get(p.key)]
            if target and filled and not any(standard in p.fields for p in filled):
                name = target.fields[standard].name
                found[name] = "\n".join(as_text(record.values[p.key]) for p in filled)
                joined[name] = tuple(p.key for p in filled)
    if record.source_standard == standard:
        known = walk.fields(standard)
        found |= {name: value for name, value in record.source_record.items() if name not in known}
    carried = {key for keys in joined.values() for key in keys}
    left = [p.key for p in walk.parts if record.values.get(p.key) and standard not in p.fields and p.key not in carried]
    return Written(found, tuple(left), joined)


def _fitting(value: Value, to: Field, same: bool) -> Value:
    """A value in the form of another standard's field: a list for a repeated one, text for a single one."""
    if same:
        return value
    if to.many:
        return [value] if isinstance(value, str) else value
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        return "; ".join(str(item) for item in value)
    return value


# --- Checks ---------------------------------------------------------------------------------------------------------


def _matches(text: Any, pattern: re.Pattern[str], what: str, hint: str) -> None:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise InputError(f'"{str(text)[:80]}" can\'t be the {what} of a record.', hint=hint, code=what)


def _check_value(value: Any, where: str) -> None:
    items = value if isinstance(value, list) else [value]
    if len(items) > VALUES_MAX:
        raise InputError(f"over {VALUES_MAX} values.", where=where, code="too_large")
    for item in items:
        words = list(item.values()) if isinstance(item, dict) and isinstance(value, list) else [item]
        for word in words:
            if not isinstance(word, str):
                hint = "Text, a list of texts, or a list of references with title and link."
                raise InputError(f"{str(word)[:40]} is no text.", where=where, hint=hint, code="type")
            if len(word) > VALUE_MAX:
                raise InputError(f"over {VALUE_MAX:,} characters.", where=where, code="too_large")


def _warnings(record: AlgorithmRecord) -> Any:
    contact = as_text(record.values.get("contact.email", ""))
    if _PERSON.search(contact):
        yield "contact.email looks like a person's mailbox: name one of a role, such as algorithms@ministry.example."
    standard = record.source_standard
    for part in crosswalk().parts:
        value = record.values.get(part.key)
        if value is None:
            continue
        yield from _part_warnings(part, value)
        if standard in part.fields:
            yield from limit_faults(part.fields[standard], value)


def _part_warnings(part: Part, value: Value) -> Any:
    text = as_text(value).strip()
    if part.type == "month" and text and not _MONTH.fullmatch(text):
        yield f'{part.key}: "{text[:20]}" is no month; as 2024-03.'
    if part.type == "url" and text and not re.match(r"https?://", text):
        yield f'{part.key}: "{text[:40]}" is no address of the web.'


def limit_faults(field_: Field, value: Value) -> Any:
    """What a standard's own limit says against a value; nothing if it fits."""
    length = len(as_text(value))
    if field_.most is not None and length > field_.most:
        yield f"{field_.name} has {length:,} characters, {field_.most:,} at most."


# --- Values by concept ------------------------------------------------------------------------------------------------


def _flat(values: Any) -> dict[str, Value]:
    if not isinstance(values, dict) or not all(isinstance(inner, dict) for inner in values.values()):
        raise InputError("values stand by concept and sub-key.", hint="As provider: {name: ...}.", code="schema")
    return {f"{concept}.{key}": value for concept, inner in values.items() for key, value in inner.items()}


def _nested(values: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    found: dict[str, dict[str, Value]] = {}
    for part in crosswalk().parts:
        if part.key in values:
            concept, _, key = part.key.partition(".")
            found.setdefault(concept, {})[key] = values[part.key]
    return found
