"""A scheme's file: what only the gate and later rooms read is checked as strictly as what the core applies."""

from __future__ import annotations

from pathlib import Path

import pytest

from concordat.clearing.scheme_file import json_schema, parse_parts, parse_scheme
from concordat.errors import InputError

EXAMPLE = (Path(__file__).parents[3] / "examples" / "ten-central-banks" / "scheme.yaml").read_text(encoding="utf-8")
FAULTS = [
    ("rules: {B61: on}", '"B61" is not a key I know here'),
    ("rules: {B11: {day_ahead: 1}}", 'Did you mean "days_ahead"?'),
    ("rules: {B16: maybe}", "B16 is 'maybe'"),
    ("rules: 5", "rules is not a mapping"),
    ('messages: {pacs.008: ["001.99"]}', "does not read pacs.008.001.99"),
    ("messages: {pacs.008: [1.08]}", "1.08 was read as a number. Put quotes around it."),
    ("travel_rule: {threshold: {USD: 99999999999999999999}}", "was read as a number. Put quotes around it."),
    ("finality: {moment: 7}", "moment is a text"),
    ("travel_rule: {threshold: {USD: 5}}", "in quotes"),
    ('travel_rule: {threshold: {USX: "5"}}', "is not a current currency code"),
    ('travel_rule: {threshold: {USD: "0"}}', "an amount in minor units"),
    ("travel_rule: {threshold: []}", "threshold must hold keys"),
    ("privacy: {recipients: [bank]}", 'Did you mean "banks"?'),
    ("privacy: {recipients: banks}", "recipients are a list"),
]


@pytest.mark.parametrize(("line", "said"), FAULTS, ids=[line for line, _ in FAULTS])
def test_a_fault_in_a_part_that_the_core_only_keeps_is_named_with_its_line(line: str, said: str) -> None:
    text = EXAMPLE.replace("version: 1\n", f"version: 1\n{line}\n")
    for read in (parse_scheme, parse_parts):
        with pytest.raises(InputError) as told:
            read(text, where="scheme.yaml")
        assert said in str(told.value)
        assert str(told.value).startswith("scheme.yaml, line 6: ")
    with pytest.raises(InputError) as told:
        parse_parts(line, where="parts.yaml")
    assert str(told.value).startswith("parts.yaml, line 1: ")


@pytest.mark.parametrize(
    ("part", "said"),
    [("lsm: {mode: bypass, every_s: 0}", "every_s"), ("lsm: {mode: bypass, every_s: often}", "every_s")],
)
def test_times_are_whole_numbers(part: str, said: str) -> None:
    with pytest.raises(InputError, match=f"{said} is a whole number from 1 on"):
        parse_scheme(EXAMPLE.replace("lsm: {mode: bypass}", part), where="scheme.yaml")
    slow = EXAMPLE.replace("validators: {members", "validators: {timeout_ms: -1, members")
    with pytest.raises(InputError, match="timeout_ms is a whole number from 1 on"):
        parse_scheme(slow, where="scheme.yaml")


def test_what_is_right_is_taken() -> None:
    right = """rules: {B11: {days_ahead: 10}, B16: on, B10: off}
messages: {pacs.008: ["001.08"], head.001: ["001.02"]}
finality: {moment: commit_certificate, clause: "annex B, article 4"}
travel_rule: {threshold: {USD: "100000"}}
privacy: {recipients: [banks, central_banks, issuer]}
"""
    assert parse_scheme(EXAMPLE.replace("version: 1\n", f"version: 1\n{right}"), where="scheme.yaml").version == 1
    keys = ["rules", "messages", "finality", "travel_rule", "privacy"]
    assert list(parse_parts(right, where="parts.yaml")) == keys


def test_the_recipients_are_those_of_the_json_schema() -> None:
    from concordat.clearing.scheme_file import RECIPIENTS

    items = json_schema()["properties"]["privacy"]["properties"]["recipients"]["items"]
    assert tuple(items["enum"]) == RECIPIENTS
