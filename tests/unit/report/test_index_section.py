"""The chapter on the index, written from the embedded Factbook: tables, pictures, what is left out, own studies.

Ranks and intervals themselves are held to second methods in `tests/unit/observatory` and `tests/conformance`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from concordat.errors import InputError, TrustError
from concordat.evidence.provenance import Book, Derived, recompute
from concordat.evidence.store import open_store
from concordat.figures.render import svg
from concordat.observatory.named import named
from concordat.report.build import gather, read_options
from concordat.report.chapter import Chapter, Figure, Missing, Note, Paragraph, Table
from concordat.report.chapters.observatory import index, read
from concordat.report.earlier import Earlier
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.study import Study, read_study, study_for_bloc, study_for_countries
from concordat.settings import Settings

ON = "2026-11-22"
Written = tuple[Inputs, Chapter | Missing]
OWN = """\
schema: concordat/study@1
countries: [BRA, IND, ZAF, EGY]
date: 2026-11-22
index:
  definition:
    schema: concordat/index@1
    index: mine
    title: An index of one's own
    tree:
      - pillar: use
        indicators: [{id: internet_users_pct, direction: up, goalposts: [0, 100]}]
      - pillar: lines
        indicators: [{id: fixed_broadband_per_100, direction: up, goalposts: [0, 50]}]
    steps:
      - normalise: {method: goalposts}
      - aggregate: {default: arithmetic}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Study], Written]:
    """The chapter of a study, all from one store."""
    settings = Settings.load({"data_dir": str(tmp_path_factory.mktemp("data"))})

    def write(study: Study) -> Written:
        book = Book()
        read_options(study)
        with open_store(settings.data_dir) as store:
            inputs = gather(study, who_is_in(study, book), settings, store, book)
        return inputs, index(inputs)

    return write


@pytest.fixture(scope="module")
def brics(written: Callable[[Study], Written]) -> tuple[Inputs, Chapter]:
    inputs, found = written(study_for_bloc("BRICS", on=ON))
    assert isinstance(found, Chapter)
    return inputs, found


def words(chapter: Chapter) -> str:
    runs = [r for b in chapter.blocks if isinstance(b, (Paragraph, Note)) for r in b.runs]
    return "".join(r if isinstance(r, str) else f"<{getattr(r, 'value', getattr(r, 'text', ''))}>" for r in runs)


def tables(chapter: Chapter) -> dict[str, Table]:
    found = {b.id: b for b in chapter.blocks if isinstance(b, Table)}
    return found | {b.table.id: b.table for b in chapter.blocks if isinstance(b, Figure)}


def test_members_stand_from_first_to_last_each_with_an_interval_that_holds_its_middle(
    brics: tuple[Inputs, Chapter],
) -> None:
    table = tables(brics[1])["index-ranks"]
    assert [row.cells[0].main.value for row in table.rows] == list(range(1, 11))  # type: ignore[union-attr]
    assert {row.id for row in table.rows} == set(brics[0].who.members)
    scores = [row.cells[1].main.value for row in table.rows]  # type: ignore[union-attr]
    assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
    for row in table.rows:
        interval = row.cells[2].main
        assert interval is not None
        if interval.lower is not None:
            assert interval.lower <= interval.value <= interval.upper  # type: ignore[operator]


def test_what_the_release_cannot_say_is_left_out_by_name(brics: tuple[Inputs, Chapter]) -> None:
    said = words(brics[1])
    assert "Left out, since too few countries have a figure: People covered by a 4G network" in said
    assert "Left out whole: Affordability" in said
    assert "all <16384> combinations" in said
    assert "needs an earlier named release" in said


def test_parts_of_a_score_add_up_to_its_distance_from_the_mean_country(brics: tuple[Inputs, Chapter]) -> None:
    for row in tables(brics[1])["index-parts"].rows:
        *parts, baseline, score = (cell.main.value for cell in row.cells if cell.main is not None)
        assert sum(parts) == pytest.approx(score - baseline, abs=1e-6)  # type: ignore[operator,arg-type]


def test_of_two_members_one_is_ahead_as_often_as_the_other_is_behind(brics: tuple[Inputs, Chapter]) -> None:
    table = tables(brics[1])["index-ahead"]
    ids = [row.id for row in table.rows]
    for i, row in enumerate(table.rows):
        for j, cell in enumerate(row.cells):
            if i == j:
                assert cell.main is None
            else:
                other = table.rows[j].cells[ids.index(row.id)].main
                assert cell.main is not None
                assert cell.main.value + other.value == pytest.approx(100)  # type: ignore[operator,union-attr]


def test_shares_of_the_doubt_add_up_to_all_of_it(brics: tuple[Inputs, Chapter]) -> None:
    table = tables(brics[1])["index-drivers"]
    assert sum(row.cells[0].main.value for row in table.rows) == pytest.approx(100, abs=1e-6)  # type: ignore[union-attr,misc]


def test_every_record_gives_the_same_numbers_when_computed_again(brics: tuple[Inputs, Chapter]) -> None:
    records = [r for r in brics[0].book if isinstance(r, Derived) and r.function.startswith("observatory.record.")]
    assert len(records) == 2
    for record in records:
        recompute(record, brics[0].book.__getitem__)


def test_pictures_are_drawn(brics: tuple[Inputs, Chapter]) -> None:
    figures = [b for b in brics[1].blocks if isinstance(b, Figure)]
    assert [f.id for f in figures] == ["index-ranks", "index-parts", "index-ahead"]
    for figure in figures:
        assert "<svg" in svg(figure.spec, figure.id, 8)
        assert figure.alt


@pytest.mark.parametrize("countries", [["IND"], ["IND", "BRA"]])
def test_one_or_two_countries_have_no_index(written: Callable[[Study], Written], countries: list[str]) -> None:
    found = written(study_for_countries(countries, on=ON))[1]
    assert isinstance(found, Missing)
    assert "at least 3" in found.reason


def test_a_large_bloc_keeps_its_table_off_the_page(written: Callable[[Study], Written]) -> None:
    found = written(study_for_bloc("WTO", on=ON))[1]
    assert isinstance(found, Chapter)
    assert not [b for b in found.blocks if isinstance(b, Figure)]
    assert not tables(found)["index-ranks"].on_page


def test_a_study_may_define_an_index_of_its_own(written: Callable[[Study], Written]) -> None:
    inputs, found = written(read_study(OWN))
    assert isinstance(found, Chapter)
    table = tables(found)["index-ranks"]
    assert [c.id for c in table.columns] == ["place", "score", "use", "lines"]  # nothing varied: no interval
    assert "An index of one's own" in words(found)
    assert inputs.study.as_data()["index"]["definition"]["index"] == "mine"
    again = read_study(inputs.study.as_yaml())
    assert read(again).index.hash == read(inputs.study).index.hash


def test_a_fault_in_the_studys_index_is_told_with_its_line() -> None:
    with pytest.raises(InputError) as told:
        read(read_study(OWN.replace("direction: up, goalposts: [0, 50]", "direktion: up, goalposts: [0, 50]")))
    assert 'study.yaml, line 13: "direktion" is not a key I know here. Did you mean "direction"?' in str(told.value)


def test_a_written_study_holds_the_named_indexs_hash_and_refuses_another() -> None:
    study = study_for_bloc("BRICS", on=ON)
    assert read(study).as_data()["index"] == {"named": "digital-readiness", "sha256": named("digital-readiness").hash}
    head = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\n"
    with pytest.raises(TrustError, match="is not the one of the study"):
        read(read_study(head + f"index: {{named: digital-readiness, sha256: {'ab' * 32}}}\n"))
    with pytest.raises(InputError, match='Did you mean "digital-readiness"'):
        read(read_study(head + "index: {named: digital-readines}\n"))
    with pytest.raises(InputError, match="both named and defined"):
        read(read_study(OWN.replace("index:\n  definition", "index:\n  named: hdi\n  definition")))


def test_an_earlier_release_tells_why_scores_changed(brics: tuple[Inputs, Chapter]) -> None:
    inputs = brics[0]
    then = dict(inputs.chosen)
    key = ("internet_users_pct", "ETH", "")
    row = replace(then[key].observation, value=40.0, vintage_id="then")
    then[key] = replace(then[key], observation=row, value=40.0, lower=39.5, upper=40.5, conflicts=())
    earlier = Earlier("2025-11", date(2025, 11, 1), (), inputs.who.members, 2026, (row,), then)
    book = Book()
    found = index(replace(inputs, earlier=earlier, book=book))
    assert isinstance(found, Chapter)
    table = tables(found)["index-change"]
    assert [c.id for c in table.columns] == ["before", "after", "change", "cause_1"]
    assert table.columns[3].title == "Revised figures"
    changes = {r.id: [c.main.value for c in r.cells if c.main is not None] for r in table.rows}
    before, after, change, revised = changes["ETH"]
    assert (before, after) == (pytest.approx(before), pytest.approx(before + change))  # type: ignore[operator]
    assert change == pytest.approx(revised)
    assert change < -1  # type: ignore[operator]
    assert all(found[2] == 0 for area, found in changes.items() if area != "ETH")
    for record in book:
        if isinstance(record, Derived) and record.function == "observatory.record.change@1":
            recompute(record, book.__getitem__)


def test_an_earlier_release_with_the_same_figures_changes_nothing(brics: tuple[Inputs, Chapter]) -> None:
    inputs = brics[0]
    earlier = Earlier("2025-11", date(2025, 11, 1), (), inputs.who.members, 2026, (), dict(inputs.chosen))
    found = index(replace(inputs, earlier=earlier, book=Book()))
    assert isinstance(found, Chapter)
    assert "no score of this index changed" in words(found)
