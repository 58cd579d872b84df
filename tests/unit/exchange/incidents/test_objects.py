"""STIX in and out: what is read, what is refused by name, what 2.0 becomes, what our extension says."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("stix2", reason="needs the extra [exchange]")

from concordat.errors import InputError
from concordat.exchange.incidents.objects import (
    STAGE_EXTENSION,
    IncidentFacts,
    bundle_bytes,
    extension_definition,
    facts_of,
    grade_bundle,
    incident_in,
    marking_notes,
    read_bundle,
    read_objects,
    with_facts,
)
from concordat.exchange.incidents.tlp import TLP1, Tlp
from taxii_kit import campaign, name

OLD_TIMES = {"created": "2017-01-01T00:00:00.000Z", "modified": "2017-01-01T00:00:00.000Z"}


def bundle(*objects: Any, **more: Any) -> bytes:
    """A bundle's bytes."""
    return json.dumps({"type": "bundle", "id": name("bundle", 1), **more, "objects": list(objects)}).encode()


def incident(**more: Any) -> dict[str, Any]:
    """An incident."""
    return {**campaign(1), "type": "incident", "id": name("incident", 1), **more}


@pytest.mark.parametrize(
    ("file", "count"),
    [("indicator-for-c2-ip-address", 1), ("indicator-to-campaign-relationship", 3), ("infrastructure", 10),
     ("interop-objectmarking-test", 1), ("threat-reports/apt1", 76)],
)  # fmt: skip
def test_the_published_bundles_are_read_as_they_are(file: str, count: int, shared_data: Path) -> None:
    data = (shared_data / f"exchange/stix/{file}.json").read_bytes()
    found = read_bundle(data)
    value = json.loads(data)
    assert list(found.objects) == value.get("objects", [value])
    assert len(found.objects) == count
    assert found.notes == ()


def test_what_is_written_is_read_again() -> None:
    objects = [campaign(1, Tlp.GREEN), campaign(2)]
    data = bundle_bytes(objects)
    assert list(read_bundle(data).objects) == objects
    assert bundle_bytes(objects) == data


BAD: list[tuple[str, bytes, str]] = [
    ("not JSON", b"{", "not JSON"),
    ("not UTF-8", b'{"type": "\xff"}', "UTF-8"),
    ("a key twice", b'{"type": "bundle", "type": "bundle", "id": "x"}', "twice"),
    ("64 levels", b'{"a":' * 64 + b"1" + b"}" * 64, "32 levels"),
    ("100,000 levels", b"[" * 100_000, "32 levels"),
    ("too long", b" " * (8 * 2**20 + 1), "at most 8,388,608"),
    ("no type", b'{"id": "a"}', "no type"),
    ("a list", b"[1]", "no type"),
    ("objects are no list", b'{"type": "bundle", "objects": 7}', "not a list"),
    ("an unknown type", bundle({**campaign(1), "type": "x-foo", "id": name("x-foo", 1)}), "x-foo"),
    ("an unknown property", bundle({**campaign(1), "foo": 1}), "foo"),
    ("an id of another type", bundle({**campaign(1), "id": name("indicator", 1)}), "not an id of campaign"),
    ("a missing property", bundle({k: v for k, v in campaign(1).items() if k != "name"}), "name"),
    ("a bundle in a bundle", bundle({"type": "bundle", "id": name("bundle", 2)}), "bundle inside"),
    ("a changed TLP marking", bundle({
        "type": "marking-definition", "spec_version": "2.1", "id": TLP1[Tlp.GREEN], "definition_type": "tlp",
        "created": "2017-01-20T00:00:00.000Z", "definition": {"tlp": "white"}}), "spec marking"),
    ("a long pattern", bundle({
        **OLD_TIMES, "type": "indicator", "spec_version": "2.1", "id": name("indicator", 1), "pattern_type": "stix",
        "valid_from": "2017-01-01T00:00:00Z", "pattern": "x" * 10_001}), "10,000 bytes"),
    ("a deep pattern", bundle({
        **OLD_TIMES, "type": "indicator", "spec_version": "2.1", "id": name("indicator", 1), "pattern_type": "stix",
        "valid_from": "2017-01-01T00:00:00Z", "pattern": "(" * 4_000}), "nested too deeply|not STIX"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_is_no_stix_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_bundle(data, "b.json")


def test_at_most_ten_thousand_objects() -> None:
    with pytest.raises(InputError, match="at most 10,000"):
        read_objects([{}] * 10_001, "body")


OLD = {
    "indicator": {"labels": ["malicious-activity"], "pattern": "[ipv4-addr:value = '203.0.113.7']",
                  "valid_from": "2017-01-01T00:00:00Z"},
    "malware": {"labels": ["ransomware"], "name": "x"},
    "observed-data": {"first_observed": "2017-01-01T00:00:00Z", "last_observed": "2017-01-01T00:00:00Z",
                      "number_observed": 1, "objects": {
                          "0": {"type": "file", "name": "foo.exe", "parent_directory_ref": "1"},
                          "1": {"type": "directory", "path": "/x"}}},
}  # fmt: skip


def old_name(kind: str) -> str:
    """An id as 2.0 wants it: of a random UUID."""
    return f"{kind}--{uuid.UUID('7d4ab3a6-5c0e-4d8e-9d3e-3a0d5f0a4a11', version=4)}"


@pytest.mark.parametrize("kind", sorted(OLD))
def test_stix_2_0_is_converted_and_said_so(kind: str) -> None:
    old = {"type": kind, "id": old_name(kind), **OLD_TIMES, **OLD[kind]}
    found = read_bundle(bundle(old, spec_version="2.0"))
    new = found.objects[0]
    assert new["spec_version"] == "2.1"
    assert {key: new[key] for key in old} == old
    assert found.notes[0] == f"{old['id']}: STIX 2.0, converted"
    again = read_bundle(bundle(new))
    assert again.objects[0] == new
    assert again.notes == ()


def test_what_2_0_does_not_say_is_listed() -> None:
    found = read_bundle(bundle({"type": "malware", "id": old_name("malware"), **OLD_TIMES, **OLD["malware"]}))
    assert found.objects[0]["malware_types"] == ["ransomware"]
    assert "is_family is not said" in found.notes[1]


def test_a_bundle_is_as_strict_as_its_strictest_object() -> None:
    found = read_bundle(bundle(campaign(1, Tlp.GREEN), campaign(2, Tlp.RED), campaign(3, Tlp.RED)))
    assert grade_bundle(found).label is Tlp.RED
    assert grade_bundle(found).because == name("campaign", 2)
    assert marking_notes(found) == []


def test_what_is_assumed_of_markings_is_said() -> None:
    strange = name("marking-definition", 7)
    found = read_bundle(bundle(campaign(1), campaign(2, object_marking_refs=[strange])))
    assert marking_notes(found) == [
        f"without a marking, so AMBER: {name('campaign', 1)}", f"unknown marking, so RED: {strange}"
    ]  # fmt: skip


def test_an_incident_is_shared_by_itself() -> None:
    assert incident_in(read_bundle(bundle(campaign(2), incident())))["id"] == name("incident", 1)
    with pytest.raises(InputError, match="no incident"):
        incident_in(read_bundle(bundle(campaign(2))))
    with pytest.raises(InputError, match="2 incidents"):
        incident_in(read_bundle(bundle(incident(), incident(id=name("incident", 2)))))


# --- Our extension ----------------------------------------------------------------------------------------------------


def test_the_extensions_id_is_made_of_its_urn() -> None:
    """UUID version 5 in the name space of URLs, RFC 9562 section 6.6 (6ba7b811-...)."""
    urls = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
    assert f"extension-definition--{uuid.uuid5(urls, 'urn:concordat:stix:incident-stage:1')}" == STAGE_EXTENSION


def test_its_definition_is_stix_and_for_anyone() -> None:
    found = read_objects(extension_definition(), "definition")
    assert grade_bundle(found).label is Tlp.CLEAR


def test_what_the_extension_says_is_read_again() -> None:
    facts = IncidentFacts("early_warning", "2026-05-04T09:30:00Z", 4, ("22040",), True, ("BRA", "IND"), 12)
    made = with_facts(incident(), facts)
    assert facts_of(read_bundle(bundle(made)).objects[0]) == facts
    assert facts_of(incident()) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("severity", 6), ("severity", True), ("severity", "4"), ("became_aware", "yesterday"), ("sectors", ["health"]),
     ("sectors", "220"), ("stage", "Early Warning"), ("affected_members", ["Brazil"]), ("cross_border", "yes"),
     ("services_down_hours", -1), ("sverity", 3)],
)  # fmt: skip
def test_a_value_that_can_not_be_is_refused(key: str, value: Any) -> None:
    made = incident(extensions={STAGE_EXTENSION: {"extension_type": "property-extension", key: value}})
    with pytest.raises(InputError) as error:
        facts_of(made)
    assert name("incident", 1) in str(error.value)


def test_a_misspelt_key_gets_the_nearest() -> None:
    made = incident(extensions={STAGE_EXTENSION: {"extension_type": "property-extension", "sverity": 3}})
    with pytest.raises(InputError, match="severity"):
        facts_of(made)
