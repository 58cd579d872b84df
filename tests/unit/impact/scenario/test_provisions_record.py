"""The record of provisions in force: counts by hand, and the same as the command says of the same store."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from concordat.cli import main
from concordat.evidence.provenance import Book, recompute
from concordat.impact.provisions_record import counted, provisions
from concordat.rulebook.record import own
from concordat.rulebook.store import RuleStore
from concordat.rulebook.taxonomy import DATA
from rulebook_build import HEAD, coding, instrument, unit

ON = "2026-11-01"
HARD = ("EC-DUTY", "EC-NDDP", "EC-AUTH", "DF-FLOW", "DF-LOCA")
RESERVED = 'in_force: "2010-01-01", reservation: ["DF-LOCA: not for us"]'
DEAL = instrument(
    "deal", rows=f'party: BRA, {RESERVED}\nparty: CHN, {RESERVED}\nparty: IND, in_force: "2010-01-01"'
).replace("digital_agreement", "trade_agreement_chapter")
LATER = instrument("later", "IND, ZAF", in_force="2015-01-01").replace("digital_agreement", "trade_agreement_chapter")
PLEDGE = instrument("pledge", "BRA, CHN, IND, ZAF", binding="soft")
MEMBERS = ["BRA", "CHN", "IND", "ZAF"]
CODINGS = {
    "deal": [[f"deal/{n}", code, 2, "", None, "human", "A. Reader"] for n, code in enumerate(HARD)]
    + [["deal/9", "AI-RISK", 1, "", 0.9, "model", "shipped"]],
    "pledge": [["pledge/1", "DF-FLOW", 2, "", 0.9, "model", "shipped"]],
}


def inputs(catalogue: str, codings: dict[str, Any]) -> list[dict[str, Any]]:
    rows = yaml.safe_load("instruments:\n" + catalogue)["instruments"]
    return [{"row": r} for r in rows] + [{"codings": codings[name]} for name in sorted(codings)]


def parts(catalogue: str = DEAL + LATER + PLEDGE, **more: Any) -> dict[str, Any]:
    said = {"members": MEMBERS, "on": ON, "coded": sorted(CODINGS)}
    return provisions(inputs(catalogue, CODINGS), said | more)


# By hand. The deal: BRA-CHN without DF-LOCA, which both reserved, 5 provisions; BRA-IND and CHN-IND 6 each. The pledge
# is soft: alone between BRA-ZAF, CHN-ZAF and IND-ZAF, so 3 more.
def test_the_counts_are_those_by_hand() -> None:
    found = parts()
    assert (found["pairs"], found["agreements"]) == (6, 4)
    assert (found["chapters"], found["chapters_unknown"]) == (2, 1)  # BRA-CHN has 4 hard codes; IND-ZAF has no text
    assert (found["provisions"], found["quantified"], found["quoted"], found["without"]) == (20, 0, 5, 15)
    assert (found["pairs_DF-FLOW"], found["binding_DF-FLOW"], found["soft_DF-FLOW"]) == (6, 3, 3)
    assert (found["pairs_DF-LOCA"], found["pairs_AI-RISK"], found["soft_AI-RISK"]) == (2, 3, 3)
    assert (found["uncoded"], found["threshold"], found["value"]) == (1, 5, None)
    assert (found["base_year"], found["in_base"]) == (None, None)


def test_agreements_older_than_the_trade_data_are_counted() -> None:
    assert [parts(base_year=year)["in_base"] for year in (2009, 2010, 2015)] == [0, 3, 4]


def test_what_is_replaced_between_two_counts_no_more() -> None:
    newer = instrument("newer", "BRA, IND", more="    relations: [{kind: replaces, to: deal}]")
    found = parts(DEAL + LATER + PLEDGE + newer)
    assert (found["agreements"], found["provisions"], found["uncoded"]) == (3, 15, 2)  # BRA-IND keeps the pledge alone


def test_no_effect_has_a_number_and_lines_say_what_is_known() -> None:
    said = {"members": MEMBERS, "on": ON, "coded": sorted(CODINGS)}
    found = counted(inputs(DEAL + LATER + PLEDGE, CODINGS), said)
    lines = {(line.code, line.depth): line for line in found.lines}
    assert lines["DF-FLOW", 2].quote == "data_flow_regimes"
    assert lines["DF-FLOW", 1].status == lines["AI-RISK", 1].status == "no quantified effect"
    assert sum(line.pairs for line in found.lines) == found.counts["provisions"]
    assert (found.uncoded, found.names) == (("later",), {"later": "later"})
    assert found.agreements == (("BRA", "CHN"), ("BRA", "IND"), ("CHN", "IND"), ("IND", "ZAF"))


def test_nothing_coded_counts_nothing() -> None:
    found = provisions(inputs(DEAL + PLEDGE, {}), {"members": MEMBERS, "on": ON, "coded": []})
    assert (found["provisions"], found["chapters"], found["chapters_unknown"], found["uncoded"]) == (0, 0, 3, 2)
    assert not [name for name in found if name.startswith("pairs_")]


def test_instruments_to_load_stand_with_those_that_bind_first() -> None:
    said = {"members": MEMBERS, "on": ON, "coded": []}
    assert counted(inputs(DEAL + LATER + PLEDGE, {}), said).uncoded == ("deal", "later", "pledge")


def test_a_book_computes_the_record_again() -> None:
    book = Book()
    given = inputs(DEAL + LATER + PLEDGE, CODINGS)
    ids = [book.fact("study.yaml", "", f"#/rules/{n}", row) for n, row in enumerate(given)]
    said = {"members": MEMBERS, "on": ON, "coded": sorted(CODINGS)}
    made = book.derive("impact.provisions_record.provisions@1", ids, said)
    assert recompute(made, book.__getitem__) == made.parts


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A machine's store: the packaged catalogue, an agreement and relation of one's own, texts of five instruments."""
    from concordat.rulebook.catalogue import load_catalogue, parse_catalogue
    from concordat.rulebook.model import ParsedInstrument
    from concordat.rulebook.packaged import refresh

    mine = instrument("own-deal", "BRA, IND, ZAF", more="    relations: [{kind: replaces, to: brics-degu}]")
    mine = mine.replace("digital_agreement", "trade_agreement_chapter") + instrument("own-empty", "BRA, EGY")
    coded = {
        "own-deal": [(code, 2) for code in HARD],
        "own-empty": [("OTHER", 0)],
        "rcep": [("EC-PAPL", 1), ("DF-FLOW", 2), ("DI-CAPA", 1)],
        "wct": [("IP-TPMS", 2)],
        "brics-degu": [("DI-CAPA", 1), ("AI-RISK", 2)],
    }
    with RuleStore.open(tmp_path / "rulebook.sqlite") as store:
        refresh(store)
        store.put_catalogue(parse_catalogue(HEAD + mine, known=load_catalogue().instruments))
        for name, some in coded.items():
            units = tuple(unit(name, str(n), f"{name} {n}", n) for n in range(len(some)))
            store.put_text(ParsedInstrument(name, name, "en", units), name.encode())
            store.add_codings(coding(f"{name}/{n}", code, depth) for n, (code, depth) in enumerate(some))
    return tmp_path


def test_the_record_agrees_with_the_command_on_the_same_store(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["scenario", "provisions", "BRICS", "--on", ON, "--base-year", "2006", "--json", "--data-dir"]
    assert main([*command, str(data_dir)]) == 0
    told = json.loads(capsys.readouterr().out)
    with RuleStore.open(data_dir / "rulebook.sqlite") as store:
        kept = own(store)
    rows = yaml.safe_load((DATA / "instruments.yaml").read_text(encoding="utf-8"))["instruments"]
    codings = dict(sorted((kept.codings or {}).items()))
    given = [{"row": r} for r in (*rows, *kept.instruments)] + [{"codings": some} for some in codings.values()]
    members = sorted({m for pair in told["pairs"] for m in pair})
    found = provisions(given, {"members": members, "on": ON, "coded": list(codings), "base_year": 2006})
    assert len(told["pairs"]) == len(list(combinations(members, 2))) == 45
    assert {name: found[name] for name in told["counts"]} == told["counts"]
    assert (found["uncoded"], found["threshold"]) == (len(told["uncoded"]), told["threshold"])
    assert found["in_base"] == sum(a["in_base"] is True for a in told["agreements"])
    by_code = Counter((p["code"], p["depth"]) for p in told["provisions"])
    assert {c: found[f"binding_{c}"] for c, d in by_code if d == 2} == {c: n for (c, d), n in by_code.items() if d == 2}
    assert {c: found[f"soft_{c}"] for c, d in by_code if d == 1} == {c: n for (c, d), n in by_code.items() if d == 1}
    assert sum(n for name, n in found.items() if name.startswith("pairs_")) == told["counts"]["provisions"] > 45
    assert told["counts"]["chapters"] == 3  # own-deal between BRA, IND and ZAF, from whom it takes brics-degu
    assert found["pairs_AI-RISK"] == 42
