"""The chapter on commitments: its numbers against a second count, where each leads, what is refused, what it weighs."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import council_year
from concordat import clock
from concordat.council.record import Held
from concordat.council.review.intervals import intervals
from concordat.council.reviews import scores_of
from concordat.errors import InputError, MethodError, StateError, TrustError
from concordat.evidence.provenance import Book, Derived, Fact, recompute
from concordat.evidence.store import open_store
from concordat.report import build
from concordat.report.chapter import Cell, Chapter, Figure, Missing, Note, Num, Paragraph, Report, Table, nums_in
from concordat.report.chapters.council import chapter, read
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.study import LANGUAGES, Study, read_study, study_for_bloc
from concordat.settings import Settings
from council_kit import Bloc

ON, TRUST = "2026-11-22", "ab" * 32
STUDY = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\ncouncil: {export: the-export%s}\n"
SCORED = ("commitments-members", "commitments", "commitments-gaps", "commitments-cells", "commitments-moved")
Written = tuple[Inputs, Chapter | Missing]


def held_of(bloc: Bloc) -> Held:
    return Held(bloc.council, TRUST, council_year.places(bloc))


def study_with(more: str = "") -> Study:
    return read_study(STUDY % (f", {more}" if more else ""))


@pytest.fixture(scope="module")
def held() -> Held:
    return held_of(council_year.year())


@pytest.fixture(scope="module")
def gathered(evidence_dir: Path) -> Callable[[Study, Held | None], Inputs]:
    def make(study: Study, held: Held | None) -> Inputs:
        book = Book()
        with clock.fixed(ON), open_store(evidence_dir) as store:
            return build.gather(study, who_is_in(study, book), Settings(evidence_dir), store, book, held)

    return make


@pytest.fixture(scope="module")
def written(gathered: Callable[..., Inputs], held: Held) -> Written:
    inputs = gathered(study_with(), held)
    return inputs, chapter(inputs)


def tables(found: Chapter | Missing) -> dict[str, Table]:
    assert isinstance(found, Chapter)
    of_figures = {b.table.id: b.table for b in found.blocks if isinstance(b, Figure)}
    return of_figures | {b.id: b for b in found.blocks if isinstance(b, Table)}


def cells(found: Chapter | Missing, table_id: str) -> dict[str, dict[str, Cell]]:
    shown = tables(found)[table_id]
    return {r.id: dict(zip((c.id for c in shown.columns), r.cells, strict=True)) for r in shown.rows}


def value(cell: Cell) -> Any:
    assert cell.main is not None
    return cell.main.value


def words(found: Chapter | Missing) -> str:
    assert isinstance(found, Chapter)
    runs = [r for b in found.blocks if isinstance(b, Paragraph | Note) for r in b.runs]
    return "".join(r if isinstance(r, str) else str(getattr(r, "value", getattr(r, "text", ""))) for r in runs)


def numbers(found: Chapter) -> Iterator[Num]:
    for block in found.blocks:
        if isinstance(block, Paragraph | Note):
            yield from nums_in(block.runs)
    for table in tables(found).values():
        for row in table.rows:
            for cell in row.cells:
                yield from cell.nums()
        for note in table.notes:
            yield from nums_in(note)
    for headline in found.headlines:
        yield from nums_in(headline.runs)


# --- Human scores and evidence --------------------------------------------------------------------------------------


def test_scores_are_those_of_the_codes(written: Written, held: Held) -> None:
    _, found = written
    scores = scores_of(held.council, "r-2026-002")
    shown = cells(found, "commitments-members")
    for member, mean in scores.members.items():
        assert mean.percent is not None
        assert value(shown[member]["score"]) == pytest.approx(float(mean.percent), rel=1e-8)
        assert value(shown[member]["n"]) == mean.n
    for commitment, mean in scores.commitments.items():
        assert mean.percent is not None
        assert value(cells(found, "commitments")[commitment]["score"]) == pytest.approx(float(mean.percent), rel=1e-8)
    assert value(shown["BRICS"]["score"]) == pytest.approx(float(scores.bloc.percent or 0), rel=1e-8)
    said = words(found)
    assert "The review of 2026 assessed 6 of 93 registered commitments." in said
    assert f"they differ in {len(scores.disagreements)} cells, and 2 are blank" in said
    for cell in cells(found, "commitments-cells")["brics-3c"].values():
        assert cell.main is None or cell.main.value in (-1, -0.5, 0, 0.5, 1)
    assert cells(found, "commitments-cells")["brics-3c"]["ETH"].main is None


def test_intervals_are_those_of_the_review_and_commitments_have_them_of_their_coders(
    written: Written, held: Held
) -> None:
    _, found = written
    sure = intervals(scores_of(held.council, "r-2026-002"), seed=1)
    for member, cell in cells(found, "commitments-members").items():
        wanted = sure.bloc if member == "BRICS" else sure.members[member]
        num = cell["score"].main
        assert num is not None
        assert wanted.percent is not None
        assert (num.lower, num.upper) == pytest.approx(wanted.percent[1:], rel=1e-8)
    for line in cells(found, "commitments").values():
        num = line["score"].main
        assert num is not None
        assert 0 <= num.lower <= num.value <= num.upper <= 100  # type: ignore[operator]
        assert (num.lower == num.upper) == (value(line["differ"]) == 0)


def test_evidence_by_hand(written: Written) -> None:
    """India: 40 (2019) to 90 (2030), 56 in 2022; broadband 1.4 to 50, 2; electricity 95 (2018) to 100, 99.2."""
    inputs, found = written
    shown = cells(found, "commitments-evidence")
    users = shown["IND.t20-f4a.internet_users_pct"]
    assert [value(users[c]) for c in ("baseline", "observed", "year")] == [40, 56, 2022]
    assert value(users["due"]) == pytest.approx(40 + 50 * 3 / 11)
    assert value(users["evidence"]) == 1  # 16 of the 13.6 points that were due
    broadband = value(shown["IND.t20-f4a.fixed_broadband_per_100"]["evidence"])
    assert broadband == pytest.approx(0.6 / (48.6 * 3 / 11))
    electricity = value(shown["IND.t20-f3b.electricity_access_pct"]["evidence"])
    assert electricity == 1
    mean = (Fraction(1) + Fraction(broadband)) / 2
    assert value(cells(found, "commitments-members")["IND"]["evidence"]) == pytest.approx(float((mean + 1) / 2))
    assert "ETH.t20-f4a.fixed_broadband_per_100" not in shown, "no baseline is stated for Ethiopia"
    assert {o.area for o in inputs.observations} > {"IND"}


def test_only_what_a_decision_adopted_is_a_target(written: Written, held: Held) -> None:
    _, found = written
    steps = {key: line["step"].text for key, line in cells(found, "commitments").items()}
    assert steps["brics-2a"] == "no evidence (no target)"
    assert steps["t20-f4a"] == "substantial"
    pledge = next(r["row"] for r in held.document["rows"]["commitment"] if r["row"]["id"] == "t20-f4a")
    from concordat.council.review.record import adopted_targets

    assert sorted(adopted_targets(pledge)) == ["fixed_broadband_per_100", "internet_users_pct"]
    proposed = {**pledge, "targets": [{**t, "decision": ""} for t in pledge["targets"]]}
    assert adopted_targets(proposed) == {}


def test_scores_and_evidence_are_never_mixed(gathered: Callable[..., Inputs], written: Written, held: Held) -> None:
    """Without any evidence the scores, their intervals and the agreement are what they were."""
    inputs, found = written
    bare = chapter(replace(inputs, observations=()))
    for table_id in ("commitments-members", "commitments"):
        before, after = cells(found, table_id), cells(bare, table_id)
        assert {k: (v["score"].main or Num(None)).value for k, v in before.items()} == {
            k: (v["score"].main or Num(None)).value for k, v in after.items()
        }
    assert "commitments-gaps" not in tables(bare)
    assert cells(bare, "commitments")["t20-f4a"]["step"].text == "no evidence (no figure in the release)"
    for line in cells(found, "commitments-gaps").values():
        assert value(line["gap"]) == pytest.approx(value(line["evidence"]) - value(line["human"]), abs=1e-8)


def test_the_word_for_weak_agreement_is_printed_with_every_table_of_scores(written: Written) -> None:
    _, found = written
    for table_id in SCORED:
        said = "".join(r for note in tables(found)[table_id].notes for r in note if isinstance(r, str))
        assert "tentative" in said, table_id
    assert "tentative, as it is below 0.667" in words(found)
    assert isinstance(found, Chapter)
    assert "tentative" in "".join(r for r in found.headlines[0].runs if isinstance(r, str))


def test_the_page_says_how_little_fifteen_commitments_tell(written: Written) -> None:
    from concordat.council.review.intervals import half_width_points

    assert f"±{half_width_points(15, 0.7):.0f} points" in words(written[1])


def test_members_stand_by_name_and_are_ranked_on_demand_alone(gathered: Callable[..., Inputs], held: Held) -> None:
    plain, ranked = (chapter(gathered(study_with(more), held)) for more in ("", "league: true"))
    names = [r.title for r in tables(plain)["commitments-members"].rows[:-1]]
    assert names == sorted(names)
    assert "rank" not in cells(plain, "commitments-members")["BRA"]
    shown = cells(ranked, "commitments-members")
    for member, line in shown.items():
        num = line["rank"].main
        assert (num is None) == (member == "BRICS")
        assert num is None or 1 <= num.lower <= num.upper <= 10  # type: ignore[operator]
    scores = [value(line["score"]) for line in shown.values()][:-1]
    assert scores == sorted(scores, reverse=True)


def test_what_moved_since_the_review_before(written: Written, held: Held) -> None:
    _, found = written
    before, now = (scores_of(held.council, key) for key in ("r-2026-001", "r-2026-002"))
    for member, line in cells(found, "commitments-moved").items():
        if member != "BRICS":
            change = float((now.members[member].percent or 0) - (before.members[member].percent or 0))
            assert value(line["change"]) == pytest.approx(change, abs=1e-6)
    assert "4 of the 6 commitments in the review of 2026 were in both" in words(found)


# --- Decisions, power, consultation, dispute --------------------------------------------------------------------------


def test_decisions_with_tallies_and_who_stands_apart(written: Written) -> None:
    _, found = written
    shown = cells(found, "council-decisions")
    sharing = shown["v-2026-004"]
    assert [value(sharing[c]) for c in ("yes", "no", "abstain", "away")] == [7, 1, 2, 0]
    text = sharing["outcome"].text
    assert text.startswith("adopted under the rule qualified 1, final on February 27, 2026")
    assert text.endswith("Iran stays out; Russia reserves p2; objection by Brazil")
    assert shown["v-2026-003"]["outcome"].text.startswith("not adopted")
    titles = {r.id: r.title for r in tables(found)["council-decisions"].rows}
    assert titles["v-2026-001"] == "Report: Review of 2025"
    assert titles["v-2026-002"] == "Amendment by Brazil to: Sharing case files"
    assert shown["s-2026-001"]["outcome"].text.startswith("adopted under the rule silence, as nobody spoke against it")
    assert "Proposals decided in 2026: 6; of them adopted: 5." in words(found)
    assert "4 recommendations were made between members: 2 accepted, 1 noted, 1 not answered." in words(found)


def test_the_power_of_a_rule(written: Written) -> None:
    _, found = written
    shown = cells(found, "council-power")
    for column in ("shapley", "banzhaf"):
        assert sum(value(line[column]) for line in shown.values()) == pytest.approx(100, abs=1e-6)
    assert value(shown["CHN"]["shapley"]) == value(shown["IND"]["shapley"]) > value(shown["BRA"]["shapley"])
    assert value(shown["CHN"]["weight_population"]) == council_year.PEOPLE["CHN"]


def test_bridging_statements_come_with_stability_and_the_warning(written: Written) -> None:
    _, found = written
    said = words(found)
    assert "10 delegations, 12 statements, 120 votes. Opinion groups are unstable with 10 voters." in said
    shown = cells(found, "council-c-2026-001")
    assert len(shown) == 2
    for line in shown.values():
        assert value(line["majority"]) >= 90
        assert value(line["seen"]) == 10
    assert all("secretariat" not in r.title for r in tables(found)["council-c-2026-001"].rows), "it was rejected"


def test_disputes_with_deadlines(written: Written) -> None:
    _, found = written
    line = cells(found, "council-disputes")["d-2026-001"]
    assert line["case"].text == "Egypt against South Africa: facilitation (odr)"
    assert line["due_next"].text == "Egypt, July 13, 2026; South Africa, July 13, 2026"
    assert (value(line["met"]), value(line["missed"])) == (1, 2)
    assert "check the current text" in "".join(str(r) for n in tables(found)["council-disputes"].notes for r in n)


# --- Where numbers lead -----------------------------------------------------------------------------------------------


def test_every_number_is_a_part_of_a_record_that_is_computed_again(written: Written) -> None:
    inputs, found = written
    assert isinstance(found, Chapter)
    seen = 0
    for num in numbers(found):
        record = inputs.book[num.id]
        if num.value is not None:
            assert record.parts[num.part] == num.value  # type: ignore[union-attr]
        seen += 1
    assert seen > 300
    for record in inputs.book:
        if isinstance(record, Derived) and record.function.startswith("council."):
            recompute(record, inputs.book.__getitem__)


def test_every_number_leads_to_entries_and_their_batches(written: Written, held: Held) -> None:
    inputs, found = written
    assert isinstance(found, Chapter)

    def facts(record_id: str) -> Iterator[Fact]:
        record = inputs.book[record_id]
        if isinstance(record, Fact):
            yield record
        elif isinstance(record, Derived):
            for one in record.inputs:
                yield from facts(one)

    for record_id in {num.id for num in numbers(found)}:
        rows = [f for f in facts(record_id) if f.file == "council.json"]
        named = {entry: tuple(place) for f in rows for entry, place in f.parts.get("entries", {}).items()}
        assert (
            rows
            or record_id in inputs.who.facts.values()
            or not list(facts(record_id))
            or all(f.file.endswith("blocs.yaml") for f in facts(record_id))
        )
        if rows and rows[0].locator != "#/head":
            assert named
            assert all(held.batches[entry] == place for entry, place in named.items())
    review = next(r for r in inputs.book if isinstance(r, Derived) and r.function.endswith("record.review@1"))
    codes = {c["entry"] for i in review.inputs for c in _codes(inputs.book[i])}
    assert len(codes) in (120, 180)
    assert codes <= set(held.batches)


def _codes(record: Any) -> list[Any]:
    return list(record.parts["row"].get("codes", ())) if isinstance(record, Fact) else []


# --- What is refused --------------------------------------------------------------------------------------------------


def test_without_an_export_the_chapter_says_so(gathered: Callable[..., Inputs]) -> None:
    inputs = gathered(study_for_bloc("BRICS", on=ON), None)
    found = chapter(inputs)
    assert isinstance(found, Missing)
    assert (found.reason, found.what_to_load) == (
        "no council log in this study.",
        "concordat assess BRICS --council FOLDER",
    )
    assert "council" not in inputs.study.as_data()


def test_an_export_that_nobody_opened(gathered: Callable[..., Inputs]) -> None:
    with pytest.raises(MethodError, match="was not opened"):
        chapter(gathered(study_with(), None))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("leage: true", 'Did you mean "league"'),
        ("trust: abc", "council"),
        ("final: {view: 1, batch: 2}", "final without state"),
        (f"state: {'cd' * 32}", "final without state"),
        ("indicators: {users: internet_user_pct}", "internet_users_pct"),
        ("draws: 5", "100"),
    ],
)
def test_a_wrong_key_is_told(more: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(study_with(more))
    assert said in str(error.value)


def test_a_key_without_an_export() -> None:
    text = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\ncouncil: {league: true}\n"
    with pytest.raises(InputError, match="names no export"):
        read(read_study(text))


def test_another_record_than_the_study_s(gathered: Callable[..., Inputs], held: Held) -> None:
    study = gathered(study_with(), held).study
    said = study.as_data()["council"]
    assert said["final"] == {"view": 1, "batch": held.council.at.batch}
    assert (said["state"], said["trust"]) == (held.council.state_hash, TRUST)
    again = read_study(study.as_yaml())
    assert gathered(again, held).study.as_yaml() == study.as_yaml()
    batch = held.council.at.batch
    wrong = f"final: {{view: 1, batch: {batch}}}, state: {'cd' * 32}"
    with pytest.raises(TrustError, match=f"up to batch {batch} the state is"):
        gathered(study_with(wrong), held)
    with pytest.raises(TrustError, match="the study names"):
        gathered(study_with(f"trust: {'cd' * 32}"), held)
    with pytest.raises(StateError, match="the study is made up to batch 3 of view 1"):
        gathered(study_with(f"final: {{view: 1, batch: 3}}, state: {said['state']}"), held)
    text = "schema: concordat/study@1\nbloc: {id: G20, date: 2026-11-22}\ncouncil: {export: x}\n"
    with pytest.raises(InputError, match="council of BRICS, the study of G20"):
        gathered(read_study(text), held)


# --- Other councils ---------------------------------------------------------------------------------------------------


def test_a_council_that_has_said_nothing(gathered: Callable[..., Inputs]) -> None:
    found = chapter(gathered(study_with(), held_of(Bloc())))
    said = words(found)
    for line in ("0 commitments are registered.", "No vote was counted in 2026.", "No dispute was filed."):
        assert line in said
    assert isinstance(found, Chapter)
    assert found.headlines == ()


def test_a_review_that_is_being_coded_is_not_scored_and_a_draft_says_so(gathered: Callable[..., Inputs]) -> None:
    bloc = Bloc(("BRA", "IND", "ZAF"), chair="BRA").found()
    pledge = {"document": "d", "kind": "goal", "topic": "x", "who": "all", "what": "Publish <b>figures</b>"}
    bloc.say("BRA", "CommitmentRegistered", commitments=[{"id": "c-1", **pledge}])
    bloc.say("BRA", "CycleOpened", title="R", year=2026, commitments=["c-1"], selection="the only one", rule="majority")
    cycle = bloc.council.all("cycle")[0].id
    bloc.say("BRA", "GuidelineFixed", cycle=cycle, text="+1: done")
    bloc.say("BRA", "StageAdvanced", subject=cycle, to="coding", release="0" * 64)
    for member in bloc.members:
        for coder in ("BRA", "IND"):
            bloc.say(coder, "CodeAssigned", cycle=cycle, commitment="c-1", member=member, code=1, sources=["0" * 64])
    assert "1 commitment is registered. No review has got as far" in words(
        chapter(gathered(study_with(), held_of(bloc)))
    )
    bloc.say("BRA", "StageAdvanced", subject=cycle, to="drafts")
    found = chapter(gathered(study_with(), held_of(bloc)))
    assert "It is a draft: members may still comment." in words(found)
    assert "Krippendorff's alpha is not defined" in words(found)
    assert value(cells(found, "commitments-members")["ZAF"]["score"]) == 100
    num = cells(found, "commitments-members")["ZAF"]["score"].main
    assert num is not None
    assert num.lower is None, "one commitment gives no interval"
    assert "There is no earlier review in the log to compare with." in words(found)


# --- The page ---------------------------------------------------------------------------------------------------------


def test_headlines_and_figures_keep_to_their_number(written: Written) -> None:
    _, found = written
    assert isinstance(found, Chapter)
    assert len(found.headlines) == 2
    assert len([b for b in found.blocks if isinstance(b, Figure)]) <= 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_words(written: Written, language: str) -> None:
    inputs, english = written
    found = chapter(build.in_language(inputs, language))
    assert isinstance(found, Chapter)
    assert isinstance(english, Chapter)
    assert [type(b) for b in found.blocks] == [type(b) for b in english.blocks]
    ids = {n.id for n in numbers(found)}
    assert len(ids) > 10
    assert ids == {n.id for n in numbers(english)}


def test_fifteen_commitments_weigh_less_than_ten_kilobytes(gathered: Callable[..., Inputs]) -> None:
    from concordat.figures.render import svg
    from concordat.report.outline import Outline
    from concordat.report.render_html import render

    inputs = gathered(study_with(), held_of(council_year.year(9)))
    citations = build.citations_of(inputs)
    report = build.compose(inputs, citations)
    missing = Missing("commitments", "Commitments", "no council log in this study.", "")
    without = replace(report, chapters=tuple(missing if c.id == "commitments" else c for c in report.chapters))

    def weight(of: Report) -> int:
        pictures = {f.id: svg(f.spec, f.id, of.id_length) for f in Outline(of).figures()}
        return len(gzip.compress(render(of, inputs.words, pictures), 9, mtime=0))

    assert weight(report) - weight(without) <= 10_000
