"""What a message of a given version must look like, where no published schema file is at hand: our own profiles.

ISO publishes a schema (XSD) for every version of every message, and its terms do not let us ship them. A profile
states the same facts in our own form: for each part of a message its elements in order, how often each may occur, and
what a value must be (length, pattern, list of codes, digits, date). Parts have the numbers that ISO gave them and
never change once numbered, so a part that two messages share is written once, in `profiles/components.yaml`.

A profile is compiled in memory to the language of libxml2's validator, so that a profile and a registered schema are
checked by one engine, at one speed. A test holds every profile for which a full published XSD is at hand to that XSD,
on mutants. A profile of which a part was never seen in an XSD says so: `status: unverified`, and so does every
verdict.

Sources: the message definition reports and schemas of ISO 20022 (iso20022.org), as public packages carry them:
docs/reference/iso20022-rules.md, "Profiles". What it does not do: external code lists (their codes are text of at
most four letters here, as in the XSDs), and rules that join two elements: those are B01 to B24.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from concordat.errors import InputError
from concordat.settings import nearest, parse_yaml

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
NATIVE = (
    "pacs.008.001.08", "pacs.009.001.08", "pacs.009.001.10", "pacs.002.001.10", "pacs.002.001.12", "pacs.004.001.09",
    "pacs.004.001.11", "camt.056.001.08", "camt.029.001.09", "camt.050.001.07", "camt.052.001.08", "camt.053.001.08",
    "camt.054.001.08", "pain.001.001.09",
)  # fmt: skip
HEADERS = ("head.001.001.02",)
_PLAIN = {
    "date": "xs:date", "datetime": "xs:dateTime", "time": "xs:time", "boolean": "xs:boolean", "year": "xs:gYear",
    "year_month": "xs:gYearMonth", "text": "xs:string",
}  # fmt: skip
_SECTIONS = ("patterns", "codes", "sequences", "choices", "with_attribute")
_OCCURS = re.compile(r"^(.*) (\d+)\.\.(\d+|n)$")


@dataclass(frozen=True, slots=True)
class Field:
    """One element of a part: its name, what it holds, and how often it may occur (`most` None: without bound)."""

    name: str
    kind: str
    least: int
    most: int | None


@dataclass(frozen=True)
class Profile:
    """The elements of one message version.

    Attributes:
        message: as `pacs.008.001.08`. namespace: the XML namespace of that version.
        element: `Document` or `AppHdr`. root: the one element inside `Document`, and its part.
        unverified: parts that were written without an XSD at hand; empty for a profile that agrees with one.
        patterns, codes, sequences, choices, with_attribute: the vocabulary, of this message and the shared parts.
    """

    message: str
    namespace: str
    element: str
    root: str
    unverified: tuple[str, ...]
    patterns: Mapping[str, str]
    codes: Mapping[str, tuple[str, ...]]
    sequences: Mapping[str, tuple[Field, ...]]
    choices: Mapping[str, tuple[Field, ...]]
    with_attribute: Mapping[str, Mapping[str, Any]]

    @property
    def verified(self) -> bool:
        """Whether every part was held against a published XSD."""
        return not self.unverified

    def reachable(self) -> tuple[str, ...]:
        """The parts that this message uses, in the order in which they are met."""
        found: dict[str, None] = {}
        waiting = [self.root.rpartition(" ")[2]]
        while waiting:
            name = waiting.pop(0)
            if name in found:
                continue
            found[name] = None
            fields = self.sequences.get(name) or self.choices.get(name) or ()
            waiting += [f.kind for f in fields if self._is_part(f.kind)]
        return tuple(found)

    def _is_part(self, kind: str) -> bool:
        return kind in self.sequences or kind in self.choices or kind in self.with_attribute

    def to_xsd(self) -> bytes:
        """The profile in the language of XML Schema, for the validator alone: it is never written to disk."""
        return "\n".join(_schema_lines(self)).encode()


@cache
def profile(message: str) -> Profile:
    """The profile of a message version.

    Raises:
        InputError: there is none; the nearest is named.
    """
    if message not in NATIVE and message not in HEADERS:
        close = nearest(message, (*NATIVE, *HEADERS))
        hint = f'The nearest is "{close[0]}".' if close else f"There are: {', '.join((*NATIVE, *HEADERS))}."
        raise InputError(f'there is no profile of "{message}".', hint=hint, code="unknown_message")
    return _read(_document("components.yaml"), _document(f"{message}.yaml"))


@cache
def _document(name: str) -> dict[str, Any]:
    text = importlib.resources.files("concordat.clearing.iso").joinpath("profiles", name).read_text("utf-8")
    value: dict[str, Any] = parse_yaml(text, where=name).value
    return value


def _read(shared: Mapping[str, Any], own: Mapping[str, Any]) -> Profile:
    both = {s: {**shared.get(s, {}), **own.get(s, {})} for s in _SECTIONS}
    fields = {s: {part: _fields(of) for part, of in both[s].items()} for s in ("sequences", "choices")}
    return Profile(
        message=own["message"],
        namespace=own["namespace"],
        element=own["element"],
        root=own["root"],
        unverified=tuple(own.get("unverified", ())),
        patterns=both["patterns"],
        codes={name: tuple(values) for name, values in both["codes"].items()},
        sequences=fields["sequences"],
        choices=fields["choices"],
        with_attribute=both["with_attribute"],
    )


def _fields(written: Mapping[str, str]) -> tuple[Field, ...]:
    """The elements of one part, as `PstlAdr: PostalAddress24 0..1` says them; without a range, exactly one."""
    found = []
    for name, said in written.items():
        match = _OCCURS.match(said)
        kind, least, most = match.groups() if match else (said, "1", "1")
        found.append(Field(name, kind, int(least), None if most == "n" else int(most)))
    return tuple(found)


def _schema_lines(given: Profile) -> Iterator[str]:
    yield (
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{given.namespace}" '
        f'targetNamespace="{given.namespace}" elementFormDefault="qualified">'
    )
    inside, _, part = given.root.rpartition(" ")
    if inside:
        yield f'<xs:element name="{given.element}"><xs:complexType><xs:sequence>'
        yield f'<xs:element name="{inside}" type="{part}"/></xs:sequence></xs:complexType></xs:element>'
    else:
        yield f'<xs:element name="{given.element}" type="{part}"/>'
    kinds: dict[str, None] = {}
    for name in given.reachable():
        if name in given.with_attribute:
            yield from _attribute_lines(name, given.with_attribute[name], kinds)
            continue
        group = "sequence" if name in given.sequences else "choice"
        yield f'<xs:complexType name="{name}"><xs:{group}>'
        for field in given.sequences.get(name) or given.choices[name]:
            yield _element_line(given, field, kinds)
        yield f"</xs:{group}></xs:complexType>"
    for kind in kinds:
        yield _simple_line(given, kind)
    yield "</xs:schema>"


def _element_line(given: Profile, field: Field, kinds: dict[str, None]) -> str:
    occurs = f'minOccurs="{field.least}" maxOccurs="{"unbounded" if field.most is None else field.most}"'
    if field.kind == "any":
        return f'<xs:any namespace="##any" processContents="lax" {occurs}/>'
    if given._is_part(field.kind):
        return f'<xs:element name="{field.name}" type="{field.kind}" {occurs}/>'
    kinds[field.kind] = None
    return f'<xs:element name="{field.name}" type="{_kind_name(field.kind)}" {occurs}/>'


def _attribute_lines(name: str, said: Mapping[str, Any], kinds: dict[str, None]) -> Iterator[str]:
    """A value with one attribute, as an amount with its currency."""
    kinds[said["value"]] = kinds[said["of"]] = None
    use = "required" if said["required"] else "optional"
    yield f'<xs:complexType name="{name}"><xs:simpleContent><xs:extension base="{_kind_name(said["value"])}">'
    yield f'<xs:attribute name="{said["attribute"]}" type="{_kind_name(said["of"])}" use="{use}"/>'
    yield "</xs:extension></xs:simpleContent></xs:complexType>"


def _kind_name(kind: str) -> str:
    return _PLAIN.get(kind) or "v_" + kind.replace(" ", "_")


def _simple_line(given: Profile, kind: str) -> str:
    """One kind of value: `text 35`, `text 0-70`, `decimal 18.5 positive`, `base64 10000`, a pattern or a code list."""
    if kind in _PLAIN:
        return ""
    word, _, rest = kind.partition(" ")
    if kind in given.codes:
        facets = "".join(f"<xs:enumeration value={quoteattr(code)}/>" for code in given.codes[kind])
        base = "xs:string"
    elif kind in given.patterns:
        facets, base = f"<xs:pattern value={quoteattr(given.patterns[kind])}/>", "xs:string"
    elif word == "text":
        facets, base = _length(rest), "xs:string"
    elif word == "base64":
        facets, base = _length(rest), "xs:base64Binary"
    elif word == "decimal":
        digits, _, sign = rest.partition(" ")
        total, _, fraction = digits.partition(".")
        facets = f'<xs:totalDigits value="{total}"/><xs:fractionDigits value="{fraction}"/>'
        facets += '<xs:minInclusive value="0"/>' if sign == "positive" else ""
        base = "xs:decimal"
    else:
        raise InputError(
            f'"{kind}" is not a kind of value, a part, a pattern or a code list.', where=given.message, code="profile"
        )
    restriction = f'<xs:restriction base="{base}">{facets}</xs:restriction>'
    return f'<xs:simpleType name="{_kind_name(kind)}">{restriction}</xs:simpleType>'


def _length(said: str) -> str:
    """`35` is 1 to 35 letters, `0-70` says both ends, `1..` has no upper one."""
    if not said:
        return ""
    if said.endswith(".."):
        return f'<xs:minLength value="{said[:-2]}"/>'
    least, _, most = said.rpartition("-")
    return f'<xs:minLength value="{least or 1}"/><xs:maxLength value="{most}"/>'
