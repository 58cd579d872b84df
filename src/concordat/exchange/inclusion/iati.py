"""IATI 2.03 in and out: aid activities as values, checked against the published schema both ways.

`parse_iati` refuses what the schema refuses, and beyond it: percentages of countries and regions, or of the sectors of
one vocabulary, that do not add up to 100 (within 0.01); an amount without a currency. Codes of the DAC's lists,
countries and currencies that are not known do not stop the import: they are noted, with the nearest ones. Persons'
contact data (`contact-info`) are left out and counted. What has no field of ours is carried as canonical XML, so that
`parse(print(x)) = x`.

Countries and regions: the schema's text asks for 100 over "all reported countries and regions within a vocabulary",
the standard's own example adds up over two vocabularies. Either is accepted, nothing else.

Source: IATI Standard 2.03 (http://iatistandard.org/), schema and guidance in it, CC BY 4.0. It does not convert 1.0x
files, and it does not check organisation identifiers against registers.

    >>> parse_iati(b'<!DOCTYPE z []><iati-activities version="2.03"/>', where="aid.xml")
    Traceback (most recent call last):
    ...
    concordat.errors.InputError: aid.xml: XML refused: DOCTYPE at byte 0. Remove it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from concordat.errors import InputError
from concordat.exchange.inclusion.codelists import codes
from concordat.exchange.inclusion.hardened import Element, canonical, local, lxml, read_xml
from concordat.exchange.inclusion.iati_model import ACTIVITIES, Activities, Activity, Code, Rest, Shape, Value
from concordat.settings import nearest

VERSION = "2.03"
NEAR_100 = Decimal("0.01")
FAULTS_SHOWN = 5
_SCHEMA = Path(__file__).parents[1] / "_data" / "iati" / "iati-activities-schema.xsd"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was seen on import and did not stop it. `where` is the activity's identifier."""

    where: str
    code: str
    what: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds, and what was noted on the way."""

    file: Activities
    notes: tuple[Note, ...]


def parse_iati(data: bytes, *, where: str = "") -> Imported:
    """The activities of an IATI 2.03 file.

    Raises:
        InputError: unsafe or malformed XML, another version, a fault by the schema, percentages that don't add up, an
            amount without a currency; the activity and the rule are named.
        MethodError: the extra [exchange] (lxml) is not installed.
    """
    root = read_xml(data, where)
    if root.tag != "iati-activities":
        hint = "An IATI activity file begins with <iati-activities>."
        raise InputError(f"the root is {local(root.tag)}.", where=where, hint=hint, code="not_iati")
    if root.get("version") != VERSION:
        said = root.get("version") or "not stated"
        hint = "Convert the file first: between versions codes and meanings differ."
        raise InputError(f"IATI version {said}; {VERSION} is read.", where=where, hint=hint, code="iati_version")
    _validate(root, where)
    dropped: dict[str, int] = {}
    file = _read(root, ACTIVITIES, dropped)
    assert isinstance(file, Activities)
    notes = [
        Note(name, "contact_removed", f"{count} contact {'entry' if count == 1 else 'entries'} removed.")
        for name, count in sorted(dropped.items())
    ]
    seen: set[str] = set()
    for activity in file.activities:
        place = f"{where}, {activity.id}" if where else activity.id
        if activity.id in seen:
            notes.append(Note(activity.id, "twice", "the same identifier stands twice in the file."))
        seen.add(activity.id)
        _check_percentages(activity, place)
        _check_currencies(activity, place)
        notes += _notes(activity)
    return Imported(file, tuple(notes))


def print_iati(file: Activities) -> bytes:
    """The file as XML in the sequence of the schema, one line for each part of an activity.

    Raises:
        InputError: the values make no valid IATI 2.03 file; the schema's words say why.
        MethodError: the extra [exchange] (lxml) is not installed.
    """
    etree = lxml()
    root = _element("iati-activities", file, ACTIVITIES)
    _validate(root, "the file to be written")
    _indent(root)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"


# --- Reading and writing by the tables ----------------------------------------------------------------------------


def _read(element: Element, shape: Shape, dropped: dict[str, int]) -> Any:
    values: dict[str, Any] = {}
    more = []
    for name, value in element.attrib.items():
        if name in shape.attributes and value:
            values[shape.attributes[name]] = value
        else:  # also one that is there and empty: the schema may ask for it
            more.append((str(name), str(value)))
    if shape.text:
        values[shape.text] = element.text or ""
    carried = []
    for child in element:
        found = shape.children.get(child.tag)
        if child.tag in shape.dropped:
            key = (element.findtext("iati-identifier") or "").strip()
            dropped[key] = dropped.get(key, 0) + 1
        elif found is None:
            carried.append((_rank(shape, child.tag), canonical(child)))
        elif found[2]:
            values[found[0]] = (*values.get(found[0], ()), _read(child, found[1], dropped))
        else:
            values[found[0]] = _read(child, found[1], dropped)
    if more or carried:
        values["rest"] = Rest(tuple(sorted(more)), tuple(text for _, text in carried))
    return shape.make(**values)


def _rank(shape: Shape, tag: str) -> int:
    names = list(shape.children)
    return names.index(tag) if tag in names else len(names)  # other namespaces stand last


def _element(tag: str, value: Any, shape: Shape) -> Element:
    etree = lxml()
    element = etree.Element(tag)
    for name, field in shape.attributes.items():
        if getattr(value, field):
            element.set(name, getattr(value, field))
    for name, text in value.rest.attributes:
        element.set(name, text)
    if shape.text:
        element.text = getattr(value, shape.text)
    carried: dict[int, list[Element]] = {}
    for text in value.rest.elements:
        child = read_xml(text.encode("utf-8"), "carried")
        carried.setdefault(_rank(shape, child.tag), []).append(child)
    for rank, (name, found) in enumerate(shape.children.items()):
        items = () if found is None else getattr(value, found[0])
        if found is not None and not found[2]:
            items = () if items is None else (items,)
        for item in items:
            assert found is not None
            element.append(_element(name, item, found[1]))
        for child in carried.get(rank, ()):
            element.append(child)
    for child in carried.get(len(shape.children), ()):
        element.append(child)
    return element


def _indent(root: Element) -> None:
    """Line breaks between activities and between their parts; none inside, where white space may be content."""
    root.text = "\n"
    for activity in root:
        activity.tail = "\n"
        if activity.tag != "iati-activity" or not len(activity):
            continue
        activity.text = "\n  "
        for part in activity:
            part.tail = "\n  "
        activity[-1].tail = "\n"


# --- Checks -------------------------------------------------------------------------------------------------------


@cache
def _schema() -> Any:
    etree = lxml()
    # The three files are ours and name each other only; the parser opens nothing else.
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    return etree.XMLSchema(etree.parse(str(_SCHEMA), parser))


def _validate(root: Element, where: str) -> None:
    schema = _schema()
    if schema.validate(root):
        return
    faults = list(schema.error_log)
    said = [f"line {e.line}: {' '.join(e.message.split())[:200]}" for e in faults[:FAULTS_SHOWN]]
    more = f" And {len(faults) - FAULTS_SHOWN} more." if len(faults) > FAULTS_SHOWN else ""
    hint = f"The schema of IATI {VERSION} is strict about the order of elements."
    raise InputError("; ".join(said) + more, where=where, hint=hint, code="iati_schema")


def _shares(items: tuple[Code, ...]) -> Decimal:
    return sum((Decimal(item.percentage.strip()) for item in items), Decimal(0))


def _check_percentages(activity: Activity, where: str) -> None:
    places = (*activity.countries, *activity.regions)
    _check_present(places, "countries and regions", where)
    if any(item.percentage for item in places):
        by_list: dict[str, tuple[Code, ...]] = {}
        for region in activity.regions:
            key = region.vocabulary or "1"
            by_list[key] = (*by_list.get(key, ()), region)
        sums = [_shares(places)]
        within = [_shares((*activity.countries, *regions)) for regions in by_list.values()]
        if not (_is_100(sums[0]) or (within and all(map(_is_100, within)))):
            raise _not_100("countries and regions", sums[0], where)
    vocabularies: dict[str, tuple[Code, ...]] = {}
    for sector in activity.sectors:
        key = sector.vocabulary or "1"
        vocabularies[key] = (*vocabularies.get(key, ()), sector)
    for name, sectors in sorted(vocabularies.items()):
        what = f"sectors of vocabulary {name}"
        _check_present(sectors, what, where)
        if any(s.percentage for s in sectors) and not _is_100(_shares(sectors)):
            raise _not_100(what, _shares(sectors), where)


def _is_100(total: Decimal) -> bool:
    return abs(total - 100) <= NEAR_100


def _check_present(items: tuple[Code, ...], what: str, where: str) -> None:
    without = [item.code for item in items if not item.percentage]
    if without and (len(items) > 1):
        hint = "Several of them need a percentage each, 100 together."
        said = f"{what}: {', '.join(without)} without a percentage."
        raise InputError(said, where=where, hint=hint, code="percentages")
    outside = [i.code for i in items if i.percentage and not 0 <= Decimal(i.percentage.strip()) <= 100]
    if outside:
        raise InputError(f"{what}: {', '.join(outside)} is not between 0 and 100.", where=where, code="percentages")


def _not_100(what: str, total: Decimal, where: str) -> InputError:
    hint = "They must add up to 100, within 0.01."
    return InputError(f"{what} add up to {total} per cent.", where=where, hint=hint, code="percentages")


def _values(activity: Activity) -> Iterator[tuple[str, Value]]:
    for kind, items in (("budget", activity.budgets), ("planned disbursement", activity.planned)):
        for item in items:
            if item.value is not None:
                yield kind, item.value
    for transaction in activity.transactions:
        if transaction.value is not None:
            yield "transaction", transaction.value


def _check_currencies(activity: Activity, where: str) -> None:
    for kind, value in _values(activity):
        if not (value.currency or activity.currency):
            hint = "Give the activity a default-currency, or each value its own."
            raise InputError(f"a {kind} of {value.amount} has no currency.", where=where, hint=hint, code="currency")


def _notes(activity: Activity) -> Iterator[Note]:
    asked = [("country", c.code, "") for c in activity.countries]
    for sector in (*activity.sectors, *(s for t in activity.transactions for s in t.sectors)):
        kind = {"": "Sector", "1": "Sector", "2": "SectorCategory"}.get(sector.vocabulary)
        asked += [("sector", sector.code, kind)] if kind else []
    asked += [("policy marker", m.code, "PolicyMarker") for m in activity.policy_markers if m.vocabulary in ("", "1")]
    for aid in (*activity.aid_types, *(a for t in activity.transactions for a in t.aid_types)):
        asked += [("aid type", aid.code, "AidType")] if aid.vocabulary in ("", "1") else []
    asked += [("currency", value.currency or activity.currency, "") for _, value in _values(activity)]
    for what, code, name in dict.fromkeys(asked):
        known = codes(name) if name else _iso2() if what == "country" else _currencies()
        if code not in known:
            close = nearest(code, known, 3)
            more = f" Near: {', '.join(f'{c} ({known[c]})' for c in close)}." if close else ""
            yield Note(activity.id, "unknown_code", f'{what} "{code[:40]}" is in no list of ours.{more}')
    if activity.budgets and activity.budget_not_provided:
        yield Note(activity.id, "budget_not_provided", "it says that no budget is provided, and has one.")


@cache
def _currencies() -> dict[str, str]:
    """Those in use today: activities of the past name others, which is no fault of theirs."""
    from concordat import world

    return {c.code: c.name for c in world.currencies()}


@cache
def _iso2() -> dict[str, str]:
    from concordat import world

    return {c.iso2: c.short_name for c in world.countries(user_assigned=True) if c.iso2}
