"""The chapter on rules: its numbers against a second count, a study that carries codings, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.cli import main
from concordat.errors import InputError, TrustError
from concordat.evidence.provenance import Book
from concordat.evidence.store import open_store
from concordat.figures._style import CLASSES, EMPTY
from concordat.report.build import gather
from concordat.report.chapter import Cell, Chapter, Figure, Missing, Note, Paragraph, Table
from concordat.report.chapters.rulebook import chapter, read
from concordat.report.check import check_report
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.study import LANGUAGES, Study, read_study, study_for_bloc, study_for_countries
from concordat.rulebook.binds import binds
from concordat.rulebook.catalogue import load_catalogue
from concordat.rulebook.model import SOFT
from concordat.rulebook.store import RuleStore
from concordat.settings import Settings
from rulebook_build import HEAD, instrument

ON = "2026-11-22"
Written = tuple[Inputs, Chapter | Missing]
# The numbers of RCEP's articles are the user's own; the codings stand for what a coder said of them.
CODED = """\
schema: concordat/study@1
countries: [CHN, IDN, IND]
date: 2026-11-22
rules:
  first_year: 2015
  draws: 200
  codings:
    rcep:
    - [rcep/12.5, EC-PAPL, 1, '', 0.97, model, shipped]
    - [rcep/12.15, DF-FLOW, 2, exceptions, 0.92, human, an officer]
    wct: [[wct/11, IP-TPMS, 2, "", 0.9, model, shipped]]
    wppt: [[wppt/18, IP-TPMS, 2, "", 0.9, model, shipped]]
    wto-ita: [[wto-ita/1, EC-DUTY, 2, '', 0.5, model, shipped]]
    brics-ai: [[brics-ai/1, AI-ETHI, 1, '', 0.9, model, shipped]]
    brics-degu: [[brics-degu/1, DI-CAPA, 1, '', 0.9, model, shipped]]
    g20-ai: [[g20-ai/1, AI-ETHI, 1, '', 0.9, model, shipped]]
"""


@pytest.fixture(scope="module")
def written(evidence_dir: Path) -> Callable[[Study], Written]:
    def make(study: Study) -> Written:
        book = Book()
        with clock.fixed(ON), open_store(evidence_dir) as store:
            inputs = gather(study, who_is_in(study, book), Settings(evidence_dir), store, book)
        return inputs, chapter(inputs)

    return make


def blocks(found: Chapter | Missing, kind: type) -> dict[str, Any]:
    assert isinstance(found, Chapter)
    return {b.id: b for b in found.blocks if isinstance(b, kind)}


def table(found: Chapter | Missing, table_id: str) -> dict[str, dict[str, Cell]]:
    every = blocks(found, Table) | {f.table.id: f.table for f in blocks(found, Figure).values()}
    shown = every[table_id]
    return {r.id: dict(zip((c.id for c in shown.columns), r.cells, strict=True)) for r in shown.rows}


def words(found: Chapter | Missing) -> str:
    assert isinstance(found, Chapter)
    runs = [r for b in found.blocks if isinstance(b, Paragraph | Note) for r in b.runs]
    return " ".join(r if isinstance(r, str) else str(getattr(r, "value", getattr(r, "text", ""))) for r in runs)


def test_the_matrix_says_what_binds_says_of_each_pair(written: Callable[[Study], Written]) -> None:
    inputs, found = written(study_for_bloc("BRICS", on=ON))
    shown = table(found, "rules-matrix")
    catalogue = load_catalogue()
    with RuleStore.memory() as store:
        store.put_catalogue(catalogue)
        for a, b in combinations(inputs.who.all, 2):
            between = binds(store, a, b, on=date.fromisoformat(ON))
            hard = {u.instrument for u in between.uncoded if catalogue[u.instrument].binding not in SOFT}
            for one, other in ((a, b), (b, a)):
                num = shown[one][other].main
                assert num is not None
                assert num.value == len(hard), f"{a} {b}: {sorted(hard)}"


def test_it_says_that_absence_is_no_proof_and_what_to_load(written: Callable[[Study], Written]) -> None:
    _, found = written(study_for_bloc("BRICS", on=ON))
    said = words(found)
    assert "never that there is no rule" in said
    assert "concordat rulebook load FILE --as" in said
    assert "no instrument known to us" not in said.split("An empty cell")[0]
    assert isinstance(found, Chapter)
    assert [b.id for b in found.blocks if isinstance(b, Figure)] == [
        "rules-matrix", "rules-network", "rules-topics", "rules-years",
    ]  # fmt: skip


def test_the_darkest_shade_is_all_fellow_members(written: Callable[[Study], Written]) -> None:
    _, found = written(read_study(CODED))
    boxes = blocks(found, Figure)["rules-topics"].spec["layer"][0]["data"]["values"]
    shades = {d["text"]: d["fill"] for d in boxes}
    assert (shades["2"], shades["·"]) == (CLASSES[-1], EMPTY)  # both of two fellow members
    assert shades["1"] not in (CLASSES[-1], EMPTY)


def test_invited_countries_are_shown_and_not_counted(written: Callable[[Study], Written]) -> None:
    inputs, found = written(study_for_bloc("BRICS", on=ON))
    assert "SAU" in inputs.who.invited
    assert "SAU" in table(found, "rules-matrix")
    assert isinstance(found, Chapter)
    first = found.blocks[0]
    assert isinstance(first, Paragraph)
    assert next(r.value for r in first.runs if hasattr(r, "value")) == 45  # of 10 members


def test_drafts_of_the_five_documents_are_counted(written: Callable[[Study], Written]) -> None:
    _, found = written(study_for_bloc("BRICS", on=ON))
    shown = table(found, "rules-drafts")
    sums = {
        column: sum(int(cells[column].main.value) for cells in shown.values())  # type: ignore[union-attr,arg-type]
        for column in ("items", "proposals", "agenda")
    }
    assert sums == {"items": 104, "proposals": 93, "agenda": 64}  # spec/rulebook.md sections 2 and 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chapter_is_written_in_every_language(written: Callable[[Study], Written], language: str) -> None:
    inputs, found = written(study_for_bloc("BRICS", on=ON, languages=(language,)))
    assert isinstance(found, Chapter)
    assert len(found.headlines) == 2
    assert inputs.words.plain("rules.matrix") in {b.title for b in found.blocks if isinstance(b, Figure)}


def test_one_country_has_no_rules_with_itself(written: Callable[[Study], Written]) -> None:
    _, found = written(study_for_countries(["IND"], on=ON))
    assert isinstance(found, Missing)


def test_two_members_without_a_tie(written: Callable[[Study], Written]) -> None:
    _, found = written(study_for_countries(["ETH", "IRN"], on=ON))
    assert isinstance(found, Chapter)
    assert str(found.headlines[0].runs[0]).startswith("No two members of")


def test_a_large_bloc_has_tables_in_the_data_files_alone(written: Callable[[Study], Written]) -> None:
    inputs, found = written(study_for_bloc("WTO", on=ON))
    assert inputs.who.large
    shown = blocks(found, Table)
    assert not blocks(found, Figure) or set(blocks(found, Figure)) == {"rules-years"}
    assert "rules-pairs-all" not in shown
    assert all(not t.on_page or len(t.rows) <= 30 for t in shown.values())


# --- Studies that carry codings -------------------------------------------------------------------------------------


def test_codings_of_the_study_give_depths(written: Callable[[Study], Written]) -> None:
    _, found = written(read_study(CODED))
    shown = table(found, "rules-pairs-all")
    depth = shown["CHN.IDN"]["depth"].main
    assert depth is not None
    assert depth.value is not None
    assert depth.value > 0
    assert "made or confirmed by people" in words(found)
    assert "macro F1" in words(found)


def test_the_report_rebuilds_and_a_changed_coding_is_found(tmp_path: Path, evidence_dir: Path) -> None:
    study = tmp_path / "own.yaml"
    study.write_text(CODED, encoding="utf-8")
    folders = [tmp_path / "one", tmp_path / "two"]
    with clock.fixed(ON):
        assert main(["assess", "--study", str(study), "--out", str(folders[0]), "--quiet",
                     "--data-dir", str(evidence_dir)]) == 0  # fmt: skip
        again = str(folders[0] / "study.yaml")
        assert main(["assess", "--study", again, "--out", str(folders[1]), "--quiet",
                     "--data-dir", str(tmp_path / "elsewhere")]) == 0  # fmt: skip
    for path in sorted(folders[0].rglob("*.*")):
        if path.name != "manifest.json":
            assert path.read_bytes() == (folders[1] / path.relative_to(folders[0])).read_bytes(), path.name
    with open_store(evidence_dir) as store:
        checked = check_report(folders[0], store)
        assert not checked.faults
        assert checked.followed == checked.records
    kept = folders[0] / "study.yaml"
    kept.write_text(kept.read_text(encoding="utf-8").replace("0.97", "0.91"), encoding="utf-8")
    assert any(isinstance(f, TrustError) and "study.yaml" in str(f) for f in check_report(folders[0]).faults)


def test_a_store_that_cannot_be_read_costs_the_chapter_and_not_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rulebook.sqlite").write_text("no database", encoding="utf-8")
    with clock.fixed(ON):
        assert main(["assess", "--countries", "BRA,IND", "--out", str(tmp_path / "r"), "--quiet",
                     "--data-dir", str(tmp_path)]) == 0  # fmt: skip
    capsys.readouterr()
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "file is not a database" in page
    assert "codings" not in (tmp_path / "r" / "study.yaml").read_text(encoding="utf-8")  # another day it may be read


def test_kosovo_has_a_place_in_the_chapter(written: Callable[[Study], Written]) -> None:
    _, found = written(study_for_countries(["XKX", "ALB", "SRB"], on=ON))
    assert "XKX" in table(found, "rules-matrix")


def test_the_store_of_this_machine_is_read_and_kept_in_the_study(tmp_path: Path, evidence_dir: Path) -> None:
    own = tmp_path / "rulebook.sqlite"
    from rulebook_build import coding, unit

    with RuleStore.open(own) as store:
        from concordat.rulebook.catalogue import parse_catalogue
        from concordat.rulebook.model import ParsedInstrument

        store.put_catalogue(load_catalogue())
        (row,) = parse_catalogue(HEAD + instrument("pact", "BRA, IND")).instruments.values()
        store.put_instrument(row, parse_catalogue(HEAD + instrument("pact", "BRA, IND")).of("pact"))
        store.put_text(ParsedInstrument("pact", "Pact", "en", (unit("pact", "1", "Data flows."),)), b"x")
        store.add_codings([coding("pact/1", "DF-FLOW")])
    from concordat.report.chapters.rulebook import resolve

    found = resolve(study_for_countries(["BRA", "IND"], on=ON), tmp_path)
    assert found.codings == {"pact": [["pact/1", "DF-FLOW", 2, "", 0.9, "model", "shipped"]]}
    assert [i["id"] for i in found.instruments] == ["pact"]
    written_ = found.as_data()["rules"]
    again = read(_study_with(written_))
    assert (dict(again.codings or {}), again.instruments) == (dict(found.codings or {}), found.instruments)


def _study_with(rules: object) -> Study:
    import yaml

    data = {"schema": "concordat/study@1", "countries": ["BRA", "IND"], "date": ON, "rules": rules}
    return read_study(yaml.safe_dump(data, sort_keys=False))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("first_yaer: 2000", "first_year"),
        ("draws: 3", "draws"),
        ("codings: some", "codings"),
        ("codings: {rceep: [[rceep/1, DF-FLOW, 2, '', 0.9, model, x]]}", 'Did you mean "rcep"?'),
        ("codings: {rcep: [[depa/1, DF-FLOW, 2, '', 0.9, model, x]]}", "depa/1"),
        ("codings: {rcep: [[rcep/1, DF-FLOWS, 2, '', 0.9, model, x]]}", 'Did you mean "DF-FLOW"?'),
        ("codings: {rcep: [[rcep/1, DF-FLOW, 7, '', 0.9, model, x]]}", "2"),
        ("codings: {rcep: [[rcep/1, DF-FLOW, 2, '', 1.9, model, x]]}", "1"),
        ("codings: {rcep: [[rcep/1, DF-FLOW, 2, '', 0.9, guess, x]]}", "lexicon"),
    ],
)
def test_a_wrong_key_of_rules_is_refused_with_its_line(keys: str, said: str) -> None:
    text = f"schema: concordat/study@1\ncountries: [BRA, IND]\nrules:\n  {keys}\n"
    with pytest.raises(InputError) as found:
        read(read_study(text))
    assert said in str(found.value)
    assert "line 4" in found.value.where
