"""The published verdicts: 31 messages of the shared data, and more of the same kind made from other messages.

`expected.csv` beside the samples says for each file whether it is valid and, if not, in which layer it breaks. The same
twenty ways to break a message, and some more, are then applied to both valid samples and to made-up messages of every
version that the gate reads: every DOCTYPE refused, every valid message accepted, every other one refused in its layer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_iso_breaks import bases, broken, rows, valid_forms
from clearing_iso_kit import MESSAGES
from concordat.clearing.iso import Gate
from concordat.clearing.iso.profile import HEADERS, NATIVE

LAYER = {"parse": "parse", "unsafe": "safety", "schema": "schema", "business": "rules", "": ""}
# The rule that each kind of business break is about.
RULE = {
    "amount_decimals_exceed_currency": "B02",
    "currency_not_iso4217": "B01",
    "commodity_currency_XAU": "B03",
    "nboftxs_mismatch": "B04",
    "header_msgdef_mismatch": "B06",
    "header_from_bic_mismatch": "B07",
    "unknown_country": "B08",
}


def test_all_published_verdicts_and_their_layers(shared_data: Path) -> None:
    gate = Gate()
    wrong, judged = [], rows(shared_data)
    for row in judged:
        verdict = gate.judge((shared_data / "iso20022" / row["file"]).read_bytes())
        layer, _, kind = row["layer_and_reason"].partition(":")
        if verdict.layer != LAYER[layer] or (row["verdict"] == "valid") != (not verdict.layer):
            wrong.append((row["file"], verdict.layer, verdict.findings))
        elif kind in RULE:
            assert RULE[kind] in {f.code for f in verdict.findings}, row["file"]
    assert len(judged) == 31
    assert not wrong


def test_more_messages_of_the_same_kind_get_the_right_verdict(shared_data: Path) -> None:
    gate = Gate()
    wrong, counted = [], 0
    for name, data in bases(shared_data).items():
        for kind, form in valid_forms(data):
            counted += 1
            if gate.judge(form).layer:
                wrong.append((name, kind, gate.judge(form).findings[:2]))
        for kind, layer, mutant in broken(data):
            counted += 1
            verdict = gate.judge(mutant)
            if verdict.layer != layer or (kind in RULE and RULE[kind] not in {f.code for f in verdict.findings}):
                wrong.append((name, kind, f"{layer} expected, {verdict.layer or 'accepted'}: {verdict.findings[:2]}"))
    assert not wrong, "\n".join(map(str, wrong))
    assert counted > 600


def test_every_version_the_gate_reads_has_a_message_here() -> None:
    assert set(MESSAGES) == set(NATIVE)
    assert HEADERS == ("head.001.001.02",)
