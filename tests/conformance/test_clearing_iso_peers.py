"""Two public packages as outside judges: examples, a data model, and every disagreement read against the rule.

`pyiso20022` is a data model of the definitions: it says which elements a part has, in which order, how often, with
which lengths and patterns, and so vouches a second time for every part of every profile. `cbpr-usage-rules` checks
the usage that correspondent banks agreed on; it is no schema validator, so it lets through most of what a schema
refuses.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import typing
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")
pytest.importorskip("xsdata", reason="needs the extra [oracles]")
pytest.importorskip("pyiso20022", reason="needs the extra [oracles]")
pytest.importorskip("cbpr_rules", reason="needs the extra [oracles]")

import cbpr_rules

from clearing_iso_breaks import bases, broken
from concordat.clearing.iso import Gate
from concordat.clearing.iso.profile import HEADERS, NATIVE, Field, Profile, profile

PLAIN = {
    "XmlDate": "date",
    "XmlDateTime": "datetime",
    "XmlTime": "time",
    "bool": "boolean",
    "XmlPeriod": "year_month",
    "str": "text",
}


# --- The data model ---


def model(message: str) -> dict[str, Any]:
    """The classes of one version, by name in lower case (the package spells some names its own way)."""
    name = message.replace(".", "_")
    module = importlib.import_module(f"pyiso20022.{name[:4]}.{name}.{name}")
    return {k.lower(): v for k, v in vars(module).items() if dataclasses.is_dataclass(v)}


def their_kind(field: Any, hint: Any) -> tuple[str, bool]:
    """What one field of the model holds, in the words of a profile, and whether it is a list."""
    listed = typing.get_origin(hint) is list
    if listed:
        hint = typing.get_args(hint)[0]
    inner = [a for a in typing.get_args(hint) if a is not type(None)]
    kind = inner[0] if inner else hint
    said = field.metadata
    if dataclasses.is_dataclass(kind):
        return kind.__name__.lower(), listed  # type: ignore[union-attr]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "codes " + " ".join(sorted(str(member.value) for member in kind)), listed
    if "pattern" in said:
        return "pattern " + said["pattern"], listed
    if kind.__name__ == "Decimal":
        sign = " positive" if said.get("min_inclusive") == 0 else ""
        return f"decimal {said['total_digits']}.{said['fraction_digits']}{sign}", listed
    if kind.__name__ == "bytes":
        return f"base64 {said['max_length']}", listed
    if kind.__name__ == "str" and ("min_length" in said or "max_length" in said):
        least, most = said.get("min_length", 0), said.get("max_length")
        return (f"text {least}.." if most is None else f"text {most}" if least == 1 else f"text {least}-{most}"), listed
    return PLAIN[kind.__name__], listed


def our_kind(given: Profile, kind: str) -> str:
    if kind in given.codes:
        return "codes " + " ".join(sorted(given.codes[kind]))
    if kind in given.patterns:
        return "pattern " + given.patterns[kind]
    return kind.lower() if kind in given.sequences or kind in given.choices or kind in given.with_attribute else kind


@pytest.mark.parametrize("message", [*NATIVE, *HEADERS])
def test_every_part_of_every_profile_is_that_of_a_second_data_model(message: str) -> None:
    given, classes = profile(message), model(message)
    compared = 0
    for part in given.reachable():
        if part in given.with_attribute:
            continue
        ours = given.sequences.get(part) or given.choices[part]
        cls = classes[part.lower()]
        hints = typing.get_type_hints(cls)
        theirs = [f for f in dataclasses.fields(cls) if f.metadata.get("type") in ("Element", "Wildcard")]
        assert [f.name for f in ours] == [f.metadata.get("name", "any") for f in theirs], part
        for mine, field in zip(ours, theirs, strict=True):
            if mine.kind == "any":
                continue
            kind, listed = their_kind(field, hints[field.name])
            assert our_kind(given, mine.kind) in (kind, "year" if kind == "year_month" else kind), (part, mine)
            check_occurrence(mine, field.metadata, listed=listed, choice=part in given.choices)
            compared += 1
    assert compared > 50


def check_occurrence(mine: Field, said: Any, *, listed: bool, choice: bool) -> None:
    if listed:
        assert (mine.least, mine.most) in {
            (said.get("min_occurs", 0), said.get("max_occurs")),
            (1, said.get("max_occurs")),
        }
        assert mine.least == said.get("min_occurs", 0) or choice
    else:
        assert mine.most == 1
        assert choice or mine.least == (1 if said.get("required") else 0), mine


# --- The usage rules ---

# What that package lets through and the gate refuses, and by which rule the gate is right.
THEY_ACCEPT = {
    "a schema's business: element present, in order, once, in a known namespace": {
        "missing_msgid",
        "unknown_element",
        "order_of_the_group",
        "message_id_twice",
        "end_to_end_id_missing",
        "creditor_missing",
        "amount_missing",
        "header_without_message_id",
        "wrong_namespace_version",
        "header_version",
    },
    "a schema's business: the form of a value": {
        "bad_bic_pattern",
        "amount_not_number",
        "amount_negative",
        "amount_empty",
        "amount_exponent",
        "amount_six_decimals",
        "amount_too_many_digits",
        "currency_lowercase",
        "currency_missing",
        "currency_four_letters",
        "date_impossible",
        "creation_time_is_a_date",
        "creation_time_25_hours",
        "header_date",
        "uetr_uppercase_or_bad",
        "message_id_empty",
        "message_id_too_long",
        "charge_bearer",
        "settlement_method",
        "status_too_long",
        "debit_or_credit",
        "number_of_transactions_is_a_word",
        "country_three_letters",
    },
    "any DOCTYPE is refused": {"doctype_bomb", "doctype_external", "doctype_bare"},
    "B02, ISO 4217: JPY has no decimals, EUR has 2": {"amount_decimals_exceed_currency", "three_decimals"},
    "B03: XAU and XTS are no money; that package asks it of fewer messages and codes": {
        "commodity_currency_XAU",
        "test_currency",
    },
    "B01, B08 in messages that it does not know": {"currency_not_iso4217", "unknown_country", "country_uk"},
    "B04, ISO's definition of NbOfTxs": {"nboftxs_mismatch"},
    "B06, B07 in messages that it does not know": {
        "header_msgdef_mismatch",
        "header_from_bic_mismatch",
        "header_to_bic_mismatch",
    },
}
# What it refuses and the gate accepts: usage beyond the definition, for networks that agreed on it.
WE_ACCEPT = {"pain.001:R8": "an order's block must repeat the message id: CBPR+ usage, not ISO's definition"}


def test_every_disagreement_with_the_usage_rules_is_explained(shared_data: Path) -> None:
    gate = Gate()
    they_accept: dict[str, int] = defaultdict(int)
    we_accept: set[str] = set()
    agreed = 0
    for data in bases(shared_data).values():
        for kind, _, message in [("valid", "", data), *broken(data)]:
            accepted = not gate.judge(message).layer
            try:
                found = cbpr_rules.validate_string(message.decode(), year=2026)
            except (UnicodeDecodeError, cbpr_rules.engine.ValidationError):
                continue  # it judges nothing that it can't parse
            if accepted == found["valid"]:
                agreed += 1
            elif accepted:
                we_accept |= {v["rule_number"] for v in found["violations"] if v["severity"] == "violation"}
            else:
                they_accept[kind] += 1
    assert we_accept <= set(WE_ACCEPT), we_accept - set(WE_ACCEPT)
    explained = set().union(*THEY_ACCEPT.values())
    assert set(they_accept) <= explained, set(they_accept) - explained
    assert agreed > 100


def test_the_gate_accepts_all_example_messages_of_the_usage_rules() -> None:
    """The smallest and the largest message of each kind, made by that package with nearly every element there is."""
    gate = Gate()
    judged = 0
    for year in (2025, 2026):
        for kind in cbpr_rules.available(year):
            for variant in ("min", "max"):
                text = cbpr_rules.example_message(year, kind, variant)
                verdict = gate.judge(text.encode())
                assert not verdict.layer, (year, kind, variant, verdict.findings)
                judged += 1
    assert judged == 40
