"""`concordat rulebook`: every command on a small store, all forms alike, faults with their exit codes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main

Run = Callable[..., tuple[int, str, str]]
TEXT = """\
Agreement on Digital Trade

Chapter 1
Digital Trade

Article 1
Cross-Border Transfer of Information
1. Each Party shall allow the cross-border transfer of information by electronic means, where this activity is for the
conduct of business.
2. Nothing in this Article shall prevent a Party from measures to achieve a legitimate public policy objective.

Article 2
Weather
The Parties note that the weather was fine on the day of signature, and thank their hosts for the lunch that was served.
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `concordat rulebook ...` with a data folder of its own."""
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CONCORDAT_NOW", "2026-11-01T00:00:00Z")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "depa.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "other.txt").write_text(TEXT.replace("shall allow", "shall endeavour to allow"), encoding="utf-8")

    def rulebook(*arguments: str) -> tuple[int, str, str]:
        code = main(["rulebook", *arguments])
        return code, *capsys.readouterr()

    return rulebook


def facts(run: Run, *arguments: str) -> Any:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_from_a_text_to_the_rule_that_binds(run: Run) -> None:
    loaded = facts(run, "load", "depa.txt", "--as", "depa")["loaded"][0]
    assert (loaded["articles"], loaded["language"], loaded["gone"]) == (2, "en", [])
    assert "nothing changed" in run("load", "depa.txt", "--as", "depa")[1]
    code, out, _ = run("code", "depa", "--mode", "lexicon")
    assert code == 0
    assert "1 codings" in out
    code, out, _ = run("binds", "SGP", "KOR", "--on", "2026-11-01", "--topic", "DF")
    assert code == 0
    assert "DF-FLOW" in out
    assert "since 2024-05-03" in out
    assert out.rstrip().endswith("Not legal advice.")
    told = facts(run, "binds", "SGP", "KOR", "--topic", "DF-FLOW")
    assert [r["unit"] for r in told["rows"]] == ["depa/1"]
    assert "legitimate public policy" not in told["rows"][0]["provision"]
    rows = list(csv.DictReader(io.StringIO(run("binds", "SGP", "KOR", "--csv")[1])))
    assert [r["instrument"] for r in rows] == ["depa"]
    assert not facts(run, "binds", "SGP", "KOR", "--on", "2024-05-02")["rows"]  # the day before Korea's entry


def test_a_person_decides_and_the_model_gives_way(run: Run) -> None:
    run("load", "depa.txt", "--as", "depa")
    run("code", "depa", "--mode", "lexicon")
    queue = facts(run, "review", "depa")["queue"]
    assert [(q["provision"], q["pairs"]) for q in queue] == [("DF-FLOW", 6)]  # four parties
    chosen = ("review", "--decide", queue[0]["id"][:10], "--provision", "DF-FLOW", "--depth", "1")
    assert run(*chosen)[0] == 2  # neither name nor reason
    made = facts(run, *chosen, "--coder", "ana", "--reason", "weak words")
    assert (made["coding"]["method"], made["coding"]["depth"]) == ("human", 1)
    assert made["payload"]["type"] == "rulebook.coding/v1"
    assert facts(run, "review", "depa")["queue"] == []
    run("code", "depa", "--mode", "lexicon")  # a new run of the model changes nothing of it
    assert facts(run, "binds", "SGP", "KOR")["rows"][0]["depth"] == 1


def test_two_people_disagree_and_the_queue_says_so(run: Run) -> None:
    run("load", "depa.txt", "--as", "depa")
    run("code", "depa", "--mode", "lexicon")
    name = facts(run, "review", "depa")["queue"][0]["id"]
    for coder, depth in (("ann", "2"), ("bob", "1")):
        chosen = ("review", "--decide", name, "--provision", "DF-FLOW", "--depth", depth)
        assert run(*chosen, "--coder", coder, "--reason", "r")[0] == 0
    told = facts(run, "review", "depa")
    assert [q["state"] for q in told["queue"]] == ["disputed"]
    assert [(c["coder"], c["depth"]) for c in told["queue"][0]["said"]] == [("ann", 2), ("bob", 1)]
    assert [(g["a"], g["b"], g["n"], g["same"]) for g in told["agreement"]] == [("ann", "bob", 1, 0)]
    out = run("review", "depa")[1]
    assert "disputed (ann: DF-FLOW binding; bob: DF-FLOW soft)" in out
    assert "Cohen's kappa 0.00" in out
    run("review", "--decide", name, "--provision", "OTHER", "--coder", "ann", "--reason", "r")
    run("review", "--decide", name, "--provision", "OTHER", "--coder", "bob", "--reason", "r")
    assert "not DF-FLOW (human)" in run("show", "depa")[1]


def test_a_new_version_is_told_by_its_units_and_by_the_decisions_that_no_longer_stand(run: Run) -> None:
    assert "  new:" not in run("load", "depa.txt", "--as", "depa")[1]  # all of it is new
    run("code", "depa", "--mode", "lexicon")
    name = facts(run, "review", "depa")["queue"][0]["id"]
    run("review", "--decide", name, "--provision", "DF-FLOW", "--depth", "2", "--coder", "ann", "--reason", "r")
    code, out, err = run("load", "other.txt", "--as", "depa")
    assert (code, "  changed: depa/1, depa/1/1\n" in out) == (0, True)
    assert "decisions that no longer stand: depa/1 DF-FLOW binding (ann, 2026-11-" in err
    assert facts(run, "show", "depa", "--unit", "1")["codings"] == []
    back = facts(run, "load", "depa.txt", "--as", "depa")["loaded"][0]
    assert (back["changed"], back["gone"], back["added_units"]) == (["depa/1", "depa/1/1"], [], [])
    assert [c["coder"] for c in back["revived"]] == ["ann"]
    assert [c["coder"] for c in facts(run, "show", "depa", "--unit", "1")["codings"]] == ["ann"]
    Path("depa.txt").write_text(f"{TEXT}\n\n", encoding="utf-8")
    assert "the same units from other bytes" in run("load", "depa.txt", "--as", "depa")[1]


def test_tables_agree_with_their_json(run: Run) -> None:
    listed = facts(run, "list", "--topic", "DF")["instruments"]
    rows = list(csv.DictReader(io.StringIO(run("list", "--topic", "DF", "--csv")[1])))
    assert [r["id"] for r in rows] == [i["id"] for i in listed]
    assert len(facts(run, "provisions")["provisions"]) == 98
    assert len(facts(run, "drafts", "--agenda")["drafts"]) <= 64
    depa = {r["party"]: r["answer"] for r in facts(run, "status", "depa")["rows"]}
    assert (depa["KOR"], depa["CHN"]) == ("yes", "no")
    assert "◐" in run("status", "rcep")[1]
    assert "Evidence: " in run("show", "depa")[1]


OWN = """\
schema: concordat/instruments@1
instruments:
  - id: my-mou
    name: A memorandum of understanding on trade in services that are supplied online
    type: regulation
    binding: binding
    in_force: "2020-01-01"
    parties_complete: true
    relations: [{to: cptpp, kind: builds_on}, {to: wct, kind: suspends}]
    participation:
      - {party: EU, in_force: "2019-01-23", directed_to: [JPN], in_force_towards: {JPN: "2019-02-01"}, source: "%s"}
      - {party: JPN, in_force: "2020-01-23", directed_to: [EU]}
"""


def test_a_catalogue_of_ones_own_relates_to_what_is_known(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN % ("the register of the two " * 5), encoding="utf-8")
    assert run("load", "own.yaml")[0] == 0
    (tmp_path / "bad.yaml").write_text((OWN % "").replace("to: cptpp", "to: cptp"), encoding="utf-8")
    code, _, err = run("load", "bad.yaml")
    assert (code, "bad.yaml, line 9" in err, 'Did you mean "cptpp"' in err) == (2, True, True)
    found = run("binds", "JPN", "EU")[1]
    assert "text not loaded; owed by EU to JPN" in found
    assert "text not loaded; owed by JPN to EU" in found
    assert "text not loaded; suspended by my-mou" in found
    bare = [u["instrument"] for u in facts(run, "binds", "JPN", "EU")["not_coded"]]
    assert (bare.count("my-mou"), f"in force and not coded: {len(set(bare))}." in found) == (2, True)
    table = run("status", "my-mou")[1]
    assert "2019-01-23; JPN 2019-02-01" in table
    assert "the register of the two the register of the two the registe…" in table
    assert "supplied…" not in run("status", "my-mou")[1]
    assert "A memorandum of understanding on trade…" in run("list")[1]


def test_a_reason_stands_once_below_a_table_and_not_in_its_cells(run: Run) -> None:
    found = run("regime", "BRICS")[1]
    assert found.count("60% are needed") == 1
    assert "\nnot coded: only 0% of the instruments in force are coded; 60% are needed.\n" in found
    assert found.count("no instrument known to us") == 1
    row = next(csv.DictReader(io.StringIO(run("regime", "BRICS", "--csv")[1])))
    assert row["depth"] == "no text coded"  # a table for programs keeps the whole reason


def test_agreements_side_by_side_gap_clauses_search_and_export(run: Run) -> None:
    run("load", "depa.txt", "--as", "depa")
    run("load", "other.txt", "--as", "sadea")
    run("code", "--mode", "lexicon")
    both = facts(run, "compare", "depa", "sadea")
    assert [both["cells"]["DF-FLOW"][n]["depth"] for n in ("depa", "sadea")] == [2, 1]
    assert [(p["a"], p["b"]) for p in both["alignment"]["pairs"]] == [("depa/1", "sadea/1"), ("depa/2", "sadea/2")]
    assert "{+endeavour to+}" in run("compare", "depa", "sadea", "--words")[1]
    gap = facts(run, "gap", "AUS", "depa")
    assert [(r["provision"], r["kind"]) for r in gap["rows"]] == [("DF-FLOW", "unknown")]  # much is unread
    assert len(facts(run, "clause", "DF-FLOW")["families"]) == 2  # one binding, one soft
    hits = facts(run, "search", "weather lunch")["hits"]
    assert {h["unit"] for h in hits[:2]} == {"depa/2", "sadea/2"}
    text = run("export", "depa")[1]
    assert [r["provision"] for r in csv.DictReader(io.StringIO(text))] == ["DF-FLOW"]
    assert "<akomaNtoso" in run("export", "depa", "--format", "akn")[1]


def test_folds_that_keep_drafting_families_apart_stand_beside_those_by_agreement(run: Run, tmp_path: Path) -> None:
    rules = {
        "SC-CODE": "No Party shall require access to the source code of software owned by a person of the other Party",
        "DF-FLOW": "Each Party shall allow the transfer of information by electronic means for the conduct of business",
        "OTHER": "The Parties shall eliminate customs duties on cotton and rice in ten equal stages from that day on",
    }
    rows = []
    for agreement in "abcdefgh":
        for code, words in rules.items():
            text = words if agreement < "e" else " ".join(reversed(words.split()))  # the same words, another drafter
            row = {"id": f"{agreement}/{code}", "agreement": agreement, "year": 2010, "lang": "en"}
            rows.append(row | {"text": f"{text}, in {agreement}", "code": code})
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    both = facts(run, "eval", "rows.jsonl", "--mode", "tfidf", "--cv", "2", "--families", "--by", "family")
    assert [f["how"] for f in both["folds"]] == ["2 folds by agreement (8 groups)", "2 folds by family (2 groups)"]
    out = run("eval", "rows.jsonl", "--mode", "tfidf", "--cv", "2", "--families")[1]
    assert "agreements apart" in out
    assert "macro F1" in out
    code, _, err = run("eval", "rows.jsonl", "--families", "--split-year", "2005")
    assert code == 2
    assert "there are no folds" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("binds", "CHN", "CHM"), 2, '"CHM" is not a country'),
        (("status", "dpea"), 2, "Did you mean"),
        (("gap", "CHN", "depa"), 4, "is not coded"),
        (("binds", "CHN", "IDN", "--topic", "DF-FLOWS"), 2, "did you mean DF-FLOW"),
        (("load", "nothing.txt"), 2, "can't be read"),
        (("code", "depa"), 2, "has no text here"),
        (("search", "?"), 2, "no words"),
        (("compare", "depa"), 2, "two or more"),
        (("clause", "DF-FLOW"), 4, "no loaded text"),
        (("export", "depa", "--format", "doc"), 2, "not a format"),
        (("import", "other", "depa.txt"), 2, "not a kind"),
        (("review", "--decide", "abc", "--provision", "DF-FLOW"), 2, "no coding"),
        (("eval", "depa.txt"), 2, "depa.txt, line 1"),
        (("status", "depa", "--on", "1 May"), 2, "is not a day"),
    ],
)
def test_faults_end_with_their_exit_code_and_a_sentence(
    run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    found, _, err = run(*arguments)
    assert found == code, err
    assert words in err
    assert "Traceback" not in err


def test_articles_of_two_texts_are_paired(run: Run) -> None:
    run("load", "depa.txt", "--as", "depa")
    run("load", "other.txt", "--as", "other")
    found = facts(run, "align", "depa", "other")["alignment"]
    assert [(p["a"], p["b"]) for p in found["pairs"]] == [("depa/1", "other/1"), ("depa/2", "other/2")]
    assert "{+endeavour+}" in run("align", "depa", "other", "--words")[1].replace("{+endeavour to+}", "{+endeavour+}")
    code, _, err = run("align", "depa", "othr")
    assert code == 2
    assert "other" in err


@pytest.mark.parametrize("name", ["DEPA", "a/b", "../x y", "x\ny"])
def test_what_can_be_no_id_is_refused(run: Run, name: str) -> None:
    code, _, err = run("load", "depa.txt", "--as", name)
    assert code == 2
    assert "can't be the id of an instrument" in err
    assert name != "DEPA" or 'Did you mean "depa"?' in err


def test_a_new_id_close_to_a_known_one_is_remarked_on(run: Run) -> None:
    code, _, err = run("load", "depa.txt", "--as", "cptp")
    assert code == 0
    assert 'Did you mean "cptpp"?' in err


def test_no_cell_of_a_csv_table_is_a_formula(run: Run, tmp_path: Path) -> None:
    (tmp_path / "inj.txt").write_text(TEXT.replace("Weather", "=HYPERLINK(1)"), encoding="utf-8")
    run("load", "inj.txt", "--as", "inj")
    run("load", "depa.txt", "--as", "depa")
    run("code", "inj", "--mode", "lexicon")
    for arguments in (("export", "inj"), ("search", "weather", "--csv"), ("show", "inj", "--csv")):
        code, out, _ = run(*arguments)
        assert code == 0 or arguments[0] == "show"
        assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(out)) for cell in row)


def test_a_file_that_states_dates_makes_an_instrument_with_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pact.xml").write_text(
        "<treaty><meta><treaty_identifier>9</treaty_identifier><name>Pact</name><language>en</language>"
        "<date_signed>2006-03-01</date_signed><date_into_force>2006-07-24</date_into_force>"
        "<parties><partyisocode>PAN</partyisocode><partyisocode>SGP</partyisocode></parties></meta><body>"
        "<chapter number='CHAPTER 1' name='Trade'><article number='ARTICLE 1' name='Scope' article_identifier='1'>"
        "This Agreement shall apply to trade between the Parties.</article></chapter></body></treaty>",
        encoding="utf-8",
    )
    assert run("load", "pact.xml", "--as", "pact")[0] == 0
    rows = {r["party"]: r for r in facts(run, "status", "pact")["rows"]}
    assert {(r["in_force"], r["answer"]) for r in rows.values()} == {("2006-07-24", "yes")}


def test_a_coder_is_fitted_on_labels_of_ones_own(run: Run, tmp_path: Path) -> None:
    run("load", "depa.txt", "--as", "depa")
    data = "Each Party shall allow transfers of information across borders by electronic means, number {}."
    fine = "The Parties note that the weather was fine on day {}, and thank their hosts for lunch."
    rows = [
        {"id": f"{a}{n}{code}", "agreement": a, "year": 2010, "lang": "en", "text": text.format(n), "code": code}
        for a in ("one", "two", "three") for n in range(6) for code, text in (("DF-FLOW", data), ("OTHER", fine))
    ]  # fmt: skip
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    code, _, err = run("code", "depa", "--labels", str(labels))
    assert (code, "have no licence" in err) == (2, True)
    told = facts(run, "code", "depa", "--labels", str(labels), "--licence", "CC BY-NC 4.0")
    assert (told["coder"]["mode"], told["coder"]["licence"]) == ("fitted", "CC BY-NC 4.0")
    assert "DF-FLOW" in told["coded"][0]["provisions"]
    code, out, _ = run("export", "depa")
    assert (code, len(list(csv.reader(io.StringIO(out))))) == (0, 1)  # what the licence binds stays out
    assert facts(run, "code", "depa", "--labels", str(labels), "--licence", "own")["coder"]["licence"] is None
    assert "DF-FLOW" in run("export", "depa")[1]
