"""Which schema judges which message: the XSDs that the user registered, else our own profile.

ISO's schema files may not be shipped, so a user hands in those she has; the room takes bytes, the command and `node`
read the files. A registered XSD is known by its SHA-256 and its namespace. It judges only if it is the whole
published definition: some packages carry shortened files under the published namespace, which refuse valid messages
and let others through. A file that lacks elements of our profile is therefore set aside by name, and the profile
stays in use.

Every message is checked by exactly one of the two, and the verdict says which. A version without a profile is refused
with the accepted ones listed, whatever is registered: no rule and no typed form is known for it. `xsi:schemaLocation`
is never followed, and a schema that includes or imports another is not taken.

What it does not do: fetch a schema.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from concordat.clearing.iso.findings import FINDINGS_MAX, Finding, shown
from concordat.clearing.iso.profile import HEADERS, NAMESPACE, NATIVE, profile
from concordat.clearing.iso.tree import Element, Parts, local, path_of
from concordat.errors import InputError
from concordat.settings import need_extra

XSD_BYTES_MAX = 4 << 20
MESSAGE_MAX = 400
_XS = "{http://www.w3.org/2001/XMLSchema}"
_NO_VALUE = "SCHEMAV_CVC_DATATYPE_VALID_1_2_1"
_WHITE = " \t\r\n"
_CODES = {
    "SCHEMAV_ELEMENT_CONTENT": "element",
    "SCHEMAV_CVC_PATTERN_VALID": "pattern",
    "SCHEMAV_CVC_ENUMERATION_VALID": "code_list",
    "SCHEMAV_CVC_MINLENGTH_VALID": "length",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "length",
    "SCHEMAV_CVC_TOTALDIGITS_VALID": "digits",
    "SCHEMAV_CVC_FRACTIONDIGITS_VALID": "digits",
    "SCHEMAV_CVC_MININCLUSIVE_VALID": "range",
    _NO_VALUE: "value",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "attribute",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "attribute",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "element",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "text",
}
_ASIDE = "It is set aside; the profile judges this version."
_CONSEQUENCE = "is not a valid value of the"  # libxml2 says why, and then once more that
_STEP = re.compile(r"^(?:[^:\[\]]+:)?([^:\[\]]+)(?:\[(\d+)\])?$")


@dataclass(frozen=True, slots=True)
class Schema:
    """One registered XSD: `message` is what its namespace says, `name` what the user calls the file."""

    message: str
    sha256: str
    name: str
    data: bytes

    @property
    def namespace(self) -> str:
        """The XML namespace that it judges."""
        return NAMESPACE + self.message


def register(data: bytes, name: str) -> Schema:
    """An XSD, if it is the whole published schema of a version that this gate reads.

    Raises:
        InputError: it is not such a file; the reason is named (`not_a_schema`, `not_native`, `partial_schema`, ...).
    """
    root = _read_schema(data, name)
    message = str(root.get("targetNamespace", "")).removeprefix(NAMESPACE)
    if message not in NATIVE and message not in HEADERS:
        said = f"{shown(message) or 'no namespace'} is not a version that this gate reads."
        raise InputError(said, where=name, hint=f"It reads: {', '.join((*NATIVE, *HEADERS))}.", code="not_native")
    for tag in ("include", "import", "redefine"):
        if root.find(_XS + tag) is not None:
            raise InputError(f"the schema has an xs:{tag}; none is followed.", where=name, code="not_alone")
    root_part = profile(message).root.rpartition(" ")[2]
    if all(part.get("name") != root_part for part in root.iterfind(_XS + "complexType")):
        raise InputError(
            f"has no {root_part}: it is not the published {message}.", where=name, hint=_ASIDE, code="partial_schema"
        )
    known = {str(element.get("name")) for element in root.iter(_XS + "element")}
    missing = _element_names(message) - known
    if missing:
        raise InputError(
            f"lacks {len(missing)} element{'s' if len(missing) > 1 else ''} of the published {message} "
            f"({', '.join(sorted(missing)[:3])}, ...): it would refuse valid messages.",
            where=name,
            hint=_ASIDE,
            code="partial_schema",
        )
    schema = Schema(message, hashlib.sha256(data).hexdigest(), name, data)
    _compiled(schema)
    return schema


def _element_names(message: str) -> set[str]:
    given = profile(message)
    names = {given.element}
    for part in given.reachable():
        names |= {f.name for f in given.sequences.get(part) or given.choices.get(part) or ()}
    return names - {"any"}


def _read_schema(data: bytes, name: str) -> Element:
    etree = _etree()
    if len(data) > XSD_BYTES_MAX or b"<!" in data.replace(b"<!--", b""):
        raise InputError("too large for a schema, or with a DOCTYPE.", where=name, code="not_a_schema")
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(f"not XML: {shown(str(error))}.", where=name, code="not_a_schema") from None
    if root.tag != _XS + "schema":
        raise InputError("not an XML Schema (XSD).", where=name, code="not_a_schema")
    return root


def _etree() -> Any:
    try:
        from lxml import etree
    except ImportError:
        raise need_extra("clearing", "checking XML") from None
    return etree


@cache
def _compiled(schema: Schema) -> Any:
    etree = _etree()
    try:
        return etree.XMLSchema(_read_schema(schema.data, schema.name))
    except etree.XMLSchemaParseError as error:
        raise InputError(
            f"the schema is broken: {shown(str(error))}.", where=schema.name, code="not_a_schema"
        ) from None


@cache
def _compiled_profile(message: str) -> Any:
    etree = _etree()
    return etree.XMLSchema(etree.fromstring(profile(message).to_xsd()))


class Schemas:
    """The validators of one gate, compiled when first used."""

    def __init__(self, registered: Iterable[Schema] = ()) -> None:
        # The last one registered for a version judges it; which, its hash in the verdict says.
        self._registered = {schema.message: schema for schema in registered}
        self._ready: dict[tuple[str, str], tuple[Any, str]] = {}

    def check(self, parts: Parts, used: dict[str, str]) -> list[Finding]:
        """What is wrong with the header and the document; `used` is filled with what judged them."""
        findings: list[Finding] = []
        for name, element, version in (
            ("AppHdr", parts.header, parts.header_version),
            ("Document", parts.document, parts.version),
        ):
            if element is None:
                continue
            ready = self._ready.get((name, version)) or self._validator(name, version)
            if ready is None:
                findings.append(_unknown(element, version, HEADERS if name == "AppHdr" else NATIVE))
                continue
            validator, used[name] = ready
            if not validator.validate(element) and not (_unpadded(validator, element) and validator.validate(element)):
                findings += _explained(validator, element)
        return findings

    def _validator(self, name: str, version: str) -> tuple[Any, str] | None:
        if version not in (HEADERS if name == "AppHdr" else NATIVE):
            return None
        schema = self._registered.get(version)
        if schema is not None:
            ready = _compiled(schema), f"xsd sha256:{schema.sha256}"
        else:
            said = "profile" if profile(version).verified else "profile, unverified"
            ready = _compiled_profile(version), said
        self._ready[name, version] = ready
        return ready


def _unpadded(validator: Any, root: Element) -> bool:
    """Take the white space around dates and times away, which XML Schema allows and libxml2 refuses; if there was any.

    Only elements go where the validator names a value that is none of its built-in type: never a text's own spaces.
    """
    refused = {
        (entry.line, local(entry.message.partition(": ")[0]).strip("'"))
        for entry in validator.error_log
        if entry.type_name == _NO_VALUE
    }
    padded = False
    for element in root.iter() if refused else ():
        text = element.text or ""
        if (element.sourceline, local(element.tag)) in refused and text != text.strip(_WHITE) and not len(element):
            element.text = text.strip(_WHITE)
            padded = True
    return padded


def _unknown(element: Element, version: str, accepted: tuple[str, ...]) -> Finding:
    what = f"{shown(version) or 'no namespace'} is not a version that this gate reads."
    hint = f"It reads: {', '.join(accepted)}."
    return Finding("schema", "unknown_version", path_of(element), element.sourceline or 0, what, hint)


def _explained(validator: Any, root: Element) -> list[Finding]:
    """libxml2's findings in our words: local names, no value unescaped, one finding for one fault."""
    findings: list[Finding] = []
    for entry in validator.error_log:
        subject, _, rest = entry.message.partition(": ")
        if _CONSEQUENCE in rest and findings and findings[-1].line == entry.line and findings[-1].code != "value":
            continue
        code = _CODES.get(entry.type_name, "schema")
        if len(findings) >= FINDINGS_MAX:  # only counted: to find a place among thousands takes long
            findings.append(Finding("schema", code, "", entry.line, ""))
            continue
        element = _located(root, entry.path)
        rest = re.sub(r"\{urn:iso:[^{}]*\}", "", re.sub(r"^\[facet '[a-zA-Z]+'\] ", "", rest))
        rest = re.sub(r"'v_([a-z0-9_.]+)'", lambda kind: f"'{kind[1].replace('_', ' ')}'", rest)
        said = shown(rest.strip().replace('"', "'"), MESSAGE_MAX)
        path = path_of(root if element is None else element)
        if element is None:
            said = f"{shown(local(subject))}: {said}"
        findings.append(Finding("schema", code, path, entry.line, said))
    return findings or [Finding("schema", "schema", path_of(root), root.sourceline or 0, "the schema refuses it.")]


def _located(root: Element, path: str | None) -> Element | None:
    """The element that libxml2's path means, read from the validated part down."""
    element = root
    for step in (path or "").strip("/").split("/")[1:]:
        match = _STEP.match(step)
        if match is None:
            return None
        name, number = match[1], int(match[2] or 1)
        found = [c for c in element if name == "*" or local(c.tag) == name]
        if len(found) < number:
            return None
        element = found[number - 1]
    return element if path else None
