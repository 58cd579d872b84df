"""What the chapters say, block by block, as it was read by eye when it was stored; `--update-golden` stores anew.

One JSON file a report and chapter: canonical JSON, a block or a row a line, so that a diff shows which figure moved.
Ids of records are left out (other tests follow each of them to its bytes), and so are drawings: of a picture its title,
words and the hash of its specification are kept.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import council_year
import exchange_year
from concordat import canonical, clock
from concordat.council.record import Held
from concordat.evidence.provenance import Book
from concordat.evidence.store import open_store
from concordat.exchange.record import Held as ExchangeHeld
from concordat.report import build
from concordat.report.chapter import Figure, Missing, Report
from concordat.report.chapters.exchange import chapter as write_exchange
from concordat.report.chapters.exchange import last_second
from concordat.report.inputs import who_is_in
from concordat.report.study import LANGUAGES, Study, read_study, study_for_bloc, study_for_countries
from concordat.settings import Settings

FOLDER = Path(__file__).parent / "chapters"
ON = "2026-11-22"
CHAPTERS = (
    "standing", "index", "moved", "divide", "size", "rules", "commitments", "exchange", "scenarios", "connectivity",
    "quality", "method",
)  # fmt: skip
EXAMPLES = Path(__file__).parents[2] / "examples"
STUDIES = {
    "brics": lambda: study_for_bloc("BRICS", on=ON),
    "asean": lambda: study_for_bloc("ASEAN", on=ON),
    "ldc": lambda: study_for_bloc("LDC", on=ON),
    "one": lambda: study_for_countries(["IND"], on=ON),
}


@cache
def composed(name: str, data_dir: Path) -> Report:
    with clock.fixed(ON):
        study: Study = STUDIES[name]()
        book = Book()
        with open_store(data_dir) as store:
            inputs = build.gather(study, who_is_in(study, book), Settings(data_dir), store, book)
            return build.compose(inputs, build.citations_of(inputs))


def plain(value: Any) -> Any:
    """A block as plain data: defaults, ids and drawings left out."""
    if isinstance(value, Figure):
        said = {"figure": value.id, "title": value.title, "alt": value.alt, "caption": plain(value.caption)}
        return said | {"table": value.table.id, "spec": canonical.digest(dict(value.spec), floats=True)}
    if is_dataclass(value):
        said = {f.name: getattr(value, f.name) for f in fields(value) if f.name != "id" or not hasattr(value, "lower")}
        kept = {name: plain(v) for name, v in said.items() if v not in (None, "", (), "value")}
        return {"is": type(value).__name__, **kept}
    return [plain(v) for v in value] if isinstance(value, tuple) else value


def lines(blocks: Any) -> str:
    """Canonical JSON, a line for each block, and for each row of a table."""
    out: list[str] = []
    for block in blocks:
        said = plain(block)
        rows = said.pop("rows", []) if isinstance(said, dict) else []
        out.append(canonical.dumps(said, floats=True).decode())
        out += ["  " + canonical.dumps(row, floats=True).decode() for row in rows]
    return "\n".join(out) + "\n"


def check(file: Path, found: str, update: bool) -> None:
    if update:
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    assert file.exists(), f"no golden file {file.name}; run pytest --update-golden and read it"
    wanted = file.read_text(encoding="utf-8").splitlines()
    changed = [f"- {a}\n+ {b}" for a, b in zip(wanted, found.splitlines(), strict=False) if a != b]
    assert found.splitlines() == wanted, f"{file.name}: {len(changed)} lines changed\n" + "\n".join(changed[:5])


@pytest.mark.parametrize("chapter_id", CHAPTERS)
@pytest.mark.parametrize("name", STUDIES)
def test_chapters_say_what_they_said(name: str, chapter_id: str, evidence_dir: Path, update_golden: bool) -> None:
    chapter = next(c for c in composed(name, evidence_dir).chapters if c.id == chapter_id)
    blocks = (chapter,) if isinstance(chapter, Missing) else chapter.blocks
    check(FOLDER / f"{name}-{chapter_id}.jsonl", lines(blocks), update_golden)


@pytest.mark.parametrize("name", STUDIES)
def test_first_screens_say_what_they_said(name: str, evidence_dir: Path, update_golden: bool) -> None:
    report = composed(name, evidence_dir)
    said = [(report.title,), (report.subtitle,), *report.summary]
    check(FOLDER / f"{name}-first.jsonl", lines(said), update_golden)


def test_the_commitments_of_a_year_say_what_they_said(evidence_dir: Path, update_golden: bool) -> None:
    """With the invented year of a council: the chapter, and its sentences among those of the first screen."""
    text = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\ncouncil: {export: the-export}\n"
    bloc = council_year.year()
    held = Held(bloc.council, "ab" * 32, council_year.places(bloc))
    book, study = Book(), read_study(text)
    with clock.fixed(ON), open_store(evidence_dir) as store:
        inputs = build.gather(study, who_is_in(study, book), Settings(evidence_dir), store, book, held)
        report = build.compose(inputs, build.citations_of(inputs))
    chapter = next(c for c in report.chapters if c.id == "commitments")
    assert not isinstance(chapter, Missing)
    check(FOLDER / "brics-year-commitments.jsonl", lines(chapter.blocks), update_golden)
    check(FOLDER / "brics-year-first.jsonl", lines(report.summary), update_golden)


def test_a_year_of_sharing_says_what_it_said(evidence_dir: Path, update_golden: bool) -> None:
    """With the invented year of an exchange, for the public: the chapter, and its sentences on the first screen."""
    text = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\nexchange: {export: the-export}\n"
    book, study = Book(), read_study(text)
    held = ExchangeHeld.of(exchange_year.year(), "BRICS", "ab" * 32, last_second(study.on))
    with clock.fixed(ON), open_store(evidence_dir) as store:
        inputs = build.gather(study, who_is_in(study, book), Settings(evidence_dir), store, book, exchange=held)
        chapter = write_exchange(inputs)
    assert not isinstance(chapter, Missing)
    check(FOLDER / "brics-year-exchange.jsonl", lines(chapter.blocks), update_golden)
    check(FOLDER / "brics-year-exchange-first.jsonl", lines([h.runs for h in chapter.headlines]), update_golden)


def test_a_scenario_and_a_plan_say_what_they_said(evidence_dir: Path, update_golden: bool) -> None:
    """The project's examples in a study of Mercosur: who gains, who pays, where a budget does most."""
    from concordat.cli._assess_impact import open_impact

    names = {"scenarios": ["southern-cone/scenario.yaml"], "plan": "connectivity-plan/plan.yaml"}
    text = f"schema: concordat/study@1\nbloc: {{id: MERCOSUR, date: 2026-11-22}}\nimpact: {json.dumps(names)}\n"
    book, study = Book(), read_study(text)
    opened = open_impact(study, EXAMPLES / "study.yaml")
    with clock.fixed(ON), open_store(evidence_dir) as store:
        inputs = build.gather(study, who_is_in(study, book), Settings(evidence_dir), store, book, impact=opened)
        report = build.compose(inputs, build.citations_of(inputs))
    for chapter in report.chapters:
        if chapter.id in ("scenarios", "connectivity"):
            assert not isinstance(chapter, Missing)
            check(FOLDER / f"mercosur-{chapter.id}.jsonl", lines(chapter.blocks), update_golden)


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_the_first_screen_of_brics_in_each_language(language: str, evidence_dir: Path, update_golden: bool) -> None:
    study = study_for_bloc("BRICS", on=ON, languages=(language,))
    book = Book()
    with open_store(evidence_dir) as store:
        inputs = build.gather(study, who_is_in(study, book), Settings(evidence_dir), store, book)
        report = build.compose(inputs, build.citations_of(inputs))
    contents = tuple(chapter.title for chapter in report.chapters)
    check(
        FOLDER / f"brics-first.{language}.jsonl",
        lines([(report.title,), (report.subtitle,), *report.summary, contents]),
        update_golden,
    )
