"""Profiles and the register of schemas: what is written where, what is refused, and which of the two judges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_iso_kit import xml
from concordat.clearing.iso import Gate, RuleSet, Schema, register
from concordat.clearing.iso.profile import HEADERS, NATIVE, profile
from concordat.clearing.iso.scheme_rules import rule_set
from concordat.clearing.iso.tree import AMOUNT_NAMES, AMOUNT_SUFFIX, COUNTRIES, CURRENCIES, TIMES
from concordat.errors import InputError, TrustError
from concordat.node.clearing.schemas import SchemaStore, files_of_folder, files_of_package

ALL = (*NATIVE, *HEADERS)
BANK = "pacs.009.001.08"


def own_xsd(message: str) -> bytes:
    """A whole schema, from our own profile: what a user's file would say."""
    return profile(message).to_xsd()


def fields() -> list[tuple[str, str]]:
    found = set()
    for message in ALL:
        given = profile(message)
        for part in given.reachable():
            for field in given.sequences.get(part) or given.choices.get(part) or ():
                found.add((field.name, "with_attribute" if field.kind in given.with_attribute else field.kind))
    return sorted(found)


def test_the_versions_of_the_specification_are_read() -> None:
    said = (
        "pacs.008.001.08 pacs.009.001.08 pacs.009.001.10 pacs.002.001.10 pacs.002.001.12 pacs.004.001.09 "
        "pacs.004.001.11 camt.056.001.08 camt.029.001.09 camt.052.001.08 camt.053.001.08 camt.054.001.08 "
        "head.001.001.02"
    )
    assert set(said.split()) <= set(ALL)
    assert any(message.startswith("camt.050.") for message in ALL)


def test_the_lists_that_rules_go_through_hold_every_element_of_their_kind() -> None:
    assert set(TIMES) <= {name for name, kind in fields() if kind in ("datetime", "date")}
    for name, kind in fields():
        assert (kind == "with_attribute") <= (name.endswith(AMOUNT_SUFFIX) or name in AMOUNT_NAMES), name
        assert (kind == "country") == (name in COUNTRIES), name
        assert (kind == "currency") <= (name in CURRENCIES), name
        assert (kind == "iban") == (name == "IBAN"), name
        assert (kind == "lei") == (name == "LEI"), name


def test_profiles_say_which_parts_no_schema_vouches_for() -> None:
    assert {m for m in ALL if profile(m).verified} == {
        "pacs.008.001.08",
        "camt.052.001.08",
        "camt.053.001.08",
        "camt.054.001.08",
    }
    for message in ALL:
        assert set(profile(message).unverified) <= set(profile(message).reachable())


def test_no_profile_has_a_part_that_nobody_uses() -> None:
    used = {part for message in ALL for part in profile(message).reachable()}
    written = {p for m in ALL for g in (profile(m).sequences, profile(m).choices, profile(m).with_attribute) for p in g}
    assert written == used


def test_an_unknown_message_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match=r"pacs\.008\.001\.08"):
        profile("pacs.008.001.07")


def test_a_registered_schema_judges_and_the_verdict_names_it() -> None:
    schema = register(own_xsd(BANK), "own.xsd")
    assert Gate().judge(xml(BANK)).schemas == {"AppHdr": "profile, unverified", "Document": "profile, unverified"}
    assert Gate([schema]).judge(xml(BANK)).schemas["Document"] == f"xsd sha256:{schema.sha256}"
    stricter = register(own_xsd(BANK).replace(b'"INDA"', b'"INDX"'), "stricter.xsd")
    assert Gate([stricter]).judge(xml(BANK)).layer == "schema"


IMPORT = b'<xs:import namespace="urn:x" schemaLocation="http://example.org/x.xsd"/>'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"not xml", "not_a_schema"),
        (b"<Document/>", "not_a_schema"),
        (b"<!DOCTYPE a>" + own_xsd(BANK), "not_a_schema"),
        (own_xsd(BANK).replace(BANK.encode(), b"pacs.009.001.11"), "not_native"),
        (own_xsd(BANK).replace(b"pacs.009.001.08", b"pacs.009.001.10"), "partial_schema"),
        (
            own_xsd(BANK).replace(b'elementFormDefault="qualified">', b'elementFormDefault="qualified">' + IMPORT),
            "not_alone",
        ),
        (own_xsd(BANK).replace(b'type="GroupHeader93"', b'type="Nowhere"'), "not_a_schema"),
        (b" " * (4 << 20) + own_xsd(BANK), "not_a_schema"),
    ],
)
def test_a_file_that_is_no_whole_schema_is_set_aside_with_the_reason(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        register(data, "file.xsd")
    assert caught.value.code == code
    assert caught.value.where == "file.xsd"


def test_the_store_keeps_one_schema_a_version_and_notices_a_change(tmp_path: Path) -> None:
    store = SchemaStore.under(tmp_path)
    assert store.load() == ()
    first = register(own_xsd(BANK), "a.xsd")
    second = register(own_xsd(BANK) + b"\n", "b.xsd")
    store.add(first)
    assert [s.sha256 for s in store.load()] == [first.sha256]
    store.add(second)
    store.add(register(own_xsd("pacs.008.001.08"), "c.xsd"))
    assert [(s.message, s.sha256) for s in store.load()][1] == (BANK, second.sha256)
    assert len(store.load()) == 2
    changed = next(store.folder.glob(f"{BANK}.*.xsd"))
    changed.write_bytes(changed.read_bytes().replace(b'maxOccurs="1"', b'maxOccurs="9"'))
    with pytest.raises(TrustError, match="not those that were registered"):
        store.load()


def test_a_folder_is_registered_with_each_reason_for_what_is_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "xsd"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.xsd").write_bytes(own_xsd(BANK))
    (folder / "deep" / "b.xsd").write_bytes(own_xsd("head.001.001.02"))
    (folder / "c.xsd").write_bytes(own_xsd(BANK) + b"\n")
    (folder / "d.xsd").write_bytes(b"no")
    (folder / "e.txt").write_bytes(b"no")
    (folder / "link.xsd").symlink_to(folder / "a.xsd")
    done = SchemaStore.under(tmp_path / "data").add_all(files_of_folder(folder))
    assert [s.message for s in done.registered] == ["head.001.001.02", BANK]
    assert [name for name, _ in done.set_aside] == ["c.xsd", "d.xsd"]
    gate = Gate(SchemaStore.under(tmp_path / "data").load())
    assert all(by.startswith("xsd sha256:") for by in gate.judge(xml(BANK)).schemas.values())


@pytest.mark.parametrize(
    "files", [files_of_folder(Path("nowhere")), files_of_package("no-such-package"), files_of_package("pytest")]
)
def test_a_source_without_schemas_is_named(files: object, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        SchemaStore.under(tmp_path).add_all(files)  # type: ignore[arg-type]


def test_an_unusable_registered_schema_never_passes_a_message_unchecked() -> None:
    broken = Schema(BANK, "0" * 64, "broken.xsd", b"<xs:schema/>")
    with pytest.raises(InputError):
        Gate([broken]).judge(xml(BANK))


def test_a_scheme_says_which_versions_and_rules_there_are() -> None:
    document = {
        "messages": {"pacs.008": ["001.08"], "head.001": ["001.02"]},
        "rules": {"B16": "on", "B11": {"days_ahead": 5}},
        "corridors": [{"id": "br-in", "from": "BR", "to": ["DDDDINBB"], "pairs": ["BRL/INR"], "purposes": ["GDDS"]}],
    }
    rules = rule_set(document)
    assert rules.settings == {"B16": True, "B11": {"days_ahead": 5}}
    (corridor,) = rules.corridors
    assert (corridor.payer, corridor.payee, corridor.currencies) == ({"BR"}, {"DDDDINBB"}, {"BRL", "INR"})
    assert not Gate((), rules).judge(xml("pacs.008.001.08")).layer
    refused = Gate((), rules).judge(xml(BANK))
    assert (refused.layer, refused.findings[0].code) == ("schema", "not_in_scheme")
    assert rule_set({}) == RuleSet()
    with pytest.raises(InputError, match=r"pacs\.008\.001\.13"):
        rule_set({"messages": {"pacs.008": ["001.13"]}})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"rules": ["B16"]}, "rules is not a mapping"),
        ({"messages": ["pacs.008"]}, "messages is not a mapping"),
        ({"messages": {"pacs.008": "001.08"}}, r"messages, pacs\.008 is not a list of texts"),
        ({"messages": {"pacs.008": [1.08]}}, "in quotes"),
        ({"corridors": {"id": "a"}}, "corridors is not a list"),
        ({"corridors": ["a"]}, r"corridors\[1\] is not a mapping with id, from and to"),
        ({"corridors": [{"id": "a", "from": "BR"}]}, r"corridors\[1\] is not a mapping with id, from and to"),
        ({"corridors": [{"id": "a", "from": False, "to": "IN"}]}, r"corridors\[1\], from is not a list of texts"),
        ({"corridors": [{"id": "a", "from": "BR", "to": "IN", "pairs": 5}]}, "pairs is not"),
        ({"corridors": [{"id": "a", "from": "BR", "to": "IN", "purposes": "GDDS"}]}, "purposes is not"),
    ],
)
def test_a_scheme_of_another_form_is_refused_by_its_key(document: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        rule_set(document)
