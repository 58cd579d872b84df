"""The label of an object and who may have it: one row a rule of the specification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, RuleError
from concordat.exchange.incidents.tlp import (
    FIXED,
    TLP1,
    TLP2,
    TLP2_EXTENSION,
    Caller,
    Policy,
    Shared,
    Tlp,
    check_recipients,
    grade_all,
    marking,
    may_send,
    tlp_of,
)
from taxii_kit import campaign, name, relationship

MEMBERS = frozenset({"BRA", "IND", "ZAF"})
POLICY = Policy(MEMBERS, {"IND": "protects the payment system", "ZAF": "   "})


def test_the_ids_are_those_of_the_standards() -> None:
    """Written out again from STIX 2.1, 7.2.1.4, and from OASIS's schema of the TLP 2.0 extension."""
    short = {ref.removeprefix("marking-definition--"): label.text for ref, label in FIXED.items()}
    assert short == {
        "613f2e26-407d-48c7-9eca-b8e91df99dc9": "CLEAR",
        "34098fce-860f-48ae-8e50-ebd3cc5e41da": "GREEN",
        "f88d31f6-486f-44da-b317-01333bde0b82": "AMBER",
        "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "RED",
        "94868c89-83c2-464b-929b-a1a8aa3c8487": "CLEAR",
        "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "GREEN",
        "55d920b0-5e8b-4f79-9ee9-91f868d9b421": "AMBER",
        "939a9414-2ddd-4d32-a0cd-375ea402b003": "AMBER+STRICT",
        "e828b379-4e03-4974-9ac4-e53a884c97c1": "RED",
    }


def test_the_old_ids_are_those_that_stix2_ships() -> None:
    stix2 = pytest.importorskip("stix2", reason="needs the extra [exchange]")
    shipped = {
        Tlp.CLEAR: stix2.TLP_WHITE,
        Tlp.GREEN: stix2.TLP_GREEN,
        Tlp.AMBER: stix2.TLP_AMBER,
        Tlp.RED: stix2.TLP_RED,
    }
    assert {label: one.id for label, one in shipped.items()} == dict(TLP1)


@pytest.mark.parametrize("label", list(Tlp), ids=lambda label: label.text)
def test_our_markings_are_stix(label: Tlp) -> None:
    stix2 = pytest.importorskip("stix2", reason="needs the extra [exchange]")
    made = marking(label)
    assert stix2.parse(made, allow_custom=False).id == TLP2[label]
    assert made["extensions"][TLP2_EXTENSION]["tlp_2_0"] == label.text.lower()


STATEMENT = {
    "type": "marking-definition", "id": name("marking-definition", 1), "definition_type": "statement",
    "definition": {"statement": "Copyright"},
}  # fmt: skip
CASES: list[tuple[str, dict[str, Any], list[dict[str, Any]], Tlp]] = [
    ("unmarked", campaign(1), [], Tlp.AMBER),
    ("green", campaign(1, Tlp.GREEN), [], Tlp.GREEN),
    ("the stricter of two", campaign(1, object_marking_refs=[TLP2[Tlp.GREEN], TLP1[Tlp.RED]]), [], Tlp.RED),
    ("one property red", campaign(1, Tlp.CLEAR, granular_markings=[
        {"marking_ref": TLP2[Tlp.RED], "selectors": ["name"]}]), [], Tlp.RED),
    ("a language marks nothing", campaign(1, Tlp.CLEAR, granular_markings=[
        {"lang": "pt", "selectors": ["name"]}]), [], Tlp.CLEAR),
    ("an unknown marking", campaign(1, object_marking_refs=[name("marking-definition", 9)]), [], Tlp.RED),
    ("unknown beside clear", campaign(1, object_marking_refs=[TLP2[Tlp.CLEAR], "x"]), [], Tlp.RED),
    ("markings of another form", campaign(1, object_marking_refs="x"), [], Tlp.RED),
    ("a marking that is no text", campaign(1, object_marking_refs=[7]), [], Tlp.RED),
    ("a statement says nothing of readers", campaign(1, object_marking_refs=[STATEMENT["id"]]), [STATEMENT], Tlp.AMBER),
    ("a statement beside green", campaign(1, object_marking_refs=[STATEMENT["id"], TLP2[Tlp.GREEN]]), [STATEMENT],
     Tlp.GREEN),
    ("own words under another id", campaign(1, object_marking_refs=[name("marking-definition", 2)]), [
        {**marking(Tlp.CLEAR), "id": name("marking-definition", 2)}], Tlp.RED),
    ("a fixed id means what it means", campaign(1, Tlp.RED), [
        {**marking(Tlp.RED), "extensions": {TLP2_EXTENSION: {"tlp_2_0": "clear"}}}], Tlp.RED),
    ("a relationship between green and red", relationship(1, name("campaign", 1), name("campaign", 2), Tlp.CLEAR), [
        campaign(1, Tlp.GREEN), campaign(2, Tlp.RED)], Tlp.RED),
    ("a relationship to what is not here", relationship(1, name("campaign", 1), name("campaign", 2), Tlp.GREEN), [
        campaign(1, Tlp.GREEN)], Tlp.AMBER),
    ("stricter than both ends", relationship(1, name("campaign", 1), name("campaign", 2), Tlp.RED), [
        campaign(1, Tlp.CLEAR), campaign(2, Tlp.CLEAR)], Tlp.RED),
    ("a report on a relationship to red", {"type": "report", "id": name("report", 1),
        "object_marking_refs": [TLP2[Tlp.CLEAR]], "object_refs": [name("relationship", 1)]}, [
        relationship(1, name("campaign", 1), name("campaign", 2), Tlp.CLEAR), campaign(1, Tlp.CLEAR),
        campaign(2, Tlp.RED)], Tlp.RED),
    ("a sighting of red", {"type": "sighting", "id": name("sighting", 1), "object_marking_refs": [TLP2[Tlp.CLEAR]],
        "sighting_of_ref": name("campaign", 2)}, [campaign(2, Tlp.RED)], Tlp.RED),
    ("a sighting where red was seen", {"type": "sighting", "id": name("sighting", 1),
        "object_marking_refs": [TLP2[Tlp.CLEAR]], "sighting_of_ref": name("campaign", 1),
        "where_sighted_refs": [name("campaign", 2)]}, [campaign(1, Tlp.CLEAR), campaign(2, Tlp.RED)], Tlp.RED),
    ("who says it is not what is said", campaign(1, Tlp.CLEAR, created_by_ref=name("identity", 1)), [
        {"type": "identity", "id": name("identity", 1), "object_marking_refs": [TLP2[Tlp.RED]]}], Tlp.CLEAR),
    ("a mail whose part is red", {"type": "email-message", "id": "email-message--1", "object_marking_refs": [
        TLP2[Tlp.CLEAR]], "body_multipart": [{"body": "x"}, {"body_raw_ref": name("campaign", 2)}]}, [
        campaign(2, Tlp.RED)], Tlp.RED),
    ("an extension that names red", campaign(1, Tlp.CLEAR, extensions={"extension-definition--1": {
        "deep": [{"used_refs": [name("campaign", 2)]}]}}), [campaign(2, Tlp.RED)], Tlp.RED),
    ("markings of parts are no references", campaign(1, Tlp.CLEAR, granular_markings=[
        {"marking_ref": TLP2[Tlp.GREEN], "selectors": ["name"]}]), [], Tlp.GREEN),
    ("a marking as it was published", marking(Tlp.RED), [], Tlp.CLEAR),
    ("other words under its id", {**marking(Tlp.CLEAR), "name": "the secret"}, [], Tlp.RED),
    ("more words under its id", {**marking(Tlp.CLEAR), "x_note": "the secret"}, [], Tlp.RED),
    ("an end that was red once", relationship(1, name("campaign", 1), name("campaign", 2), Tlp.CLEAR), [
        campaign(1, Tlp.CLEAR), campaign(2, Tlp.RED, 1), campaign(2, Tlp.GREEN, 2)], Tlp.RED),
]  # fmt: skip


@pytest.mark.parametrize(("one", "others", "label"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_label_of_an_object(one: dict[str, Any], others: list[dict[str, Any]], label: Tlp) -> None:
    assert tlp_of(one, others).label == label


def test_a_circle_of_references_ends() -> None:
    ring = [{"id": f"note--{i}", "object_marking_refs": [TLP2[Tlp.GREEN]], "object_refs": [f"note--{(i + 1) % 5}"]}
            for i in range(5)]  # fmt: skip
    assert {grade.label for grade in grade_all(ring).values()} == {Tlp.GREEN}
    ring[3]["object_marking_refs"] = [TLP2[Tlp.RED]]
    grades = grade_all(ring)
    assert {grade.label for grade in grades.values()} == {Tlp.RED}
    assert {grade.because for grade in grades.values()} == {"note--3"}


def test_the_marking_of_an_unknown_object_in_the_shared_data_is_red(shared_data: Path) -> None:
    """It refers to RED and to an id that differs from it in the last digit."""
    one = json.loads((shared_data / "exchange/stix/interop-objectmarking-test.json").read_text())
    assert tlp_of(one).label == Tlp.RED
    known, unknown = one["object_marking_refs"]
    assert FIXED[known] == Tlp.RED
    assert tlp_of({**one, "object_marking_refs": [unknown]}).label == Tlp.RED


# --- Who may have it --------------------------------------------------------------------------------------------------

ANYBODY, STRANGER = Caller(), Caller("USA", "cert", "cert-us")
ROWS: list[tuple[Tlp, set[str], Caller, bool]] = [
    (Tlp.CLEAR, set(), ANYBODY, True),
    (Tlp.GREEN, set(), ANYBODY, False),
    (Tlp.GREEN, set(), STRANGER, False),
    (Tlp.GREEN, set(), Caller("ZAF", "x"), True),
    (Tlp.AMBER, set(), Caller("IND", "x"), True),
    (Tlp.AMBER, set(), Caller("ZAF", "x"), False),  # subscribed, and its need is blank
    (Tlp.AMBER, set(), Caller("BRA", "x"), False),  # not subscribed
    (Tlp.AMBER, {"IND"}, Caller("IND", "x"), True),
    (Tlp.AMBER, {"BRA"}, Caller("IND", "x"), False),  # others were named
    (Tlp.AMBER, {"BRA"}, Caller("BRA", "x"), False),  # named, but no need is stated
    (Tlp.AMBER_STRICT, {"IND/cert-in"}, Caller("IND", "x", "cert-in"), True),
    (Tlp.AMBER_STRICT, {"IND/cert-in"}, Caller("IND", "cert-in"), False),  # a label is no organisation
    (Tlp.AMBER_STRICT, {"IND/cert-in"}, Caller("IND", "x", "bank"), False),
    (Tlp.AMBER_STRICT, {"IND/cert-in"}, Caller("ZAF", "x", "cert-in"), False),
    (Tlp.AMBER_STRICT, {"IND"}, Caller("IND", "x", "cert-in"), False),  # a member is no organisation
    (Tlp.AMBER_STRICT, set(), Caller("IND", "x", "cert-in"), False),
    (Tlp.AMBER_STRICT, {"USA/cert-us"}, STRANGER, False),
    (Tlp.RED, {"IND:ana"}, Caller("IND", "ana"), True),
    (Tlp.RED, {"IND:ana"}, Caller("IND", "bela", "ana"), False),
    (Tlp.RED, {"IND", "IND/ana"}, Caller("IND", "ana", "ana"), False),
    (Tlp.RED, set(), Caller("IND", "ana"), False),
    (Tlp.RED, {"IND:"}, Caller("IND", ""), False),
    (Tlp.RED, set(), Caller("BRA", "cert"), True),  # who added it
    (Tlp.RED, set(), Caller("BRA", "other"), False),
]


@pytest.mark.parametrize(("label", "recipients", "caller", "allowed"), ROWS, ids=[str(i) for i in range(len(ROWS))])
def test_who_may_have_what(label: Tlp, recipients: set[str], caller: Caller, allowed: bool) -> None:
    assert may_send(Shared(label, "BRA:cert", frozenset(recipients)), caller, POLICY) is allowed


def test_who_left_the_bloc_reads_not_even_its_own() -> None:
    shared = Shared(Tlp.GREEN, "BRA:cert")
    assert not may_send(shared, Caller("BRA", "cert"), Policy(frozenset({"IND"})))


@pytest.mark.parametrize(
    ("label", "named", "error"),
    [
        (Tlp.RED, [], RuleError), (Tlp.AMBER, [], RuleError), (Tlp.RED, ["IND"], InputError),
        (Tlp.RED, ["IND/cert"], InputError), (Tlp.AMBER_STRICT, ["IND"], InputError),
        (Tlp.AMBER_STRICT, ["IND:ana"], InputError), (Tlp.AMBER, ["USA"], RuleError), (Tlp.RED, ["USA:ana"], RuleError),
    ],
    ids=str,
)  # fmt: skip
def test_recipients_that_a_label_does_not_take(label: Tlp, named: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        check_recipients(label, named, MEMBERS)


def test_recipients_that_it_takes() -> None:
    assert check_recipients(Tlp.RED, ["IND:ana"], MEMBERS) == {"IND:ana"}
    assert check_recipients(Tlp.AMBER_STRICT, ["IND/cert"], MEMBERS) == {"IND/cert"}
    assert check_recipients(Tlp.AMBER, ["IND", "BRA"], MEMBERS) == {"IND", "BRA"}
    assert check_recipients(Tlp.GREEN, [], MEMBERS) == frozenset()


@pytest.mark.parametrize(
    ("text", "label"), [("tlp:amber+strict", Tlp.AMBER_STRICT), ("WHITE", Tlp.CLEAR), (" red", Tlp.RED)]
)
def test_labels_are_read_as_people_write_them(text: str, label: Tlp) -> None:
    assert Tlp.read(text) is label


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(InputError, match="AMBER"):
        Tlp.read("purple")


@pytest.mark.parametrize("which", ["WHITE", "GREEN", "AMBER", "RED"])
def test_the_old_markings_are_public_as_stix2_ships_them(which: str) -> None:
    stix2 = pytest.importorskip("stix2", reason="needs the extra [exchange]")
    one = json.loads(getattr(stix2, f"TLP_{which}").serialize())
    assert tlp_of(one).label == Tlp.CLEAR
    assert tlp_of({**one, "definition": {"tlp": "clear"}}).label == Tlp.RED
