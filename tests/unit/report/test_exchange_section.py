"""The chapter on sharing: its numbers against a second count, what is hidden, where each leads, what it weighs."""

from __future__ import annotations

import gzip
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy
import pytest

import exchange_year
from concordat import clock
from concordat.errors import InputError, MethodError, StateError, TrustError
from concordat.evidence.provenance import Book, Derived, Fact, RememberingBook, recompute
from concordat.evidence.store import open_store
from concordat.exchange.record import Held
from concordat.report import build
from concordat.report.chapter import Cell, Chapter, Figure, Missing, Note, Num, Paragraph, Report, Table, nums_in
from concordat.report.chapters.exchange import chapter, last_second, read, resolve
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.study import LANGUAGES, Study, read_study, study_for_bloc
from concordat.settings import Settings
from exchange_kit import a_case, at, digest

ON, TRUST = "2026-11-22", "ab" * 32
END = at("2026-11-22T23:59") + 59
STUDY = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\nexchange: {export: the-export%s}\n"
BODIES = [(one.entry.author, one.entry.type, one.entry.body) for one in exchange_year.year()]
Written = tuple[Inputs, Chapter]


def held_of(*, public: bool = True, end: int = END) -> Held:
    return Held.of(exchange_year.year(), "BRICS", TRUST, end, public=public)


def study_with(more: str = "") -> Study:
    return read_study(STUDY % (f", {more}" if more else ""))


@pytest.fixture(scope="module")
def bare(evidence_dir: Path) -> Written:
    """Without any export."""
    book, study = Book(), study_for_bloc("BRICS", on=ON)
    with clock.fixed(ON), open_store(evidence_dir) as store:
        inputs = build.gather(study, who_is_in(study, book), Settings(evidence_dir), store, book)
    return inputs, chapter(inputs)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def joined(bare: Written) -> Callable[[Study, Held | None], Inputs]:
    """The same evidence beside an exchange, with a book of its own."""

    def make(study: Study, held: Held | None) -> Inputs:
        inputs, _ = bare
        book = RememberingBook(inputs.book, OrderedDict())
        return replace(inputs, study=replace(inputs.study, document=study.document), exchange=held, book=book)

    return make


@pytest.fixture(scope="module")
def written(joined: Callable[..., Inputs]) -> Written:
    """For members."""
    inputs = joined(study_with("public: false"), held_of(public=False))
    return inputs, chapter(inputs)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def public(joined: Callable[..., Inputs]) -> Written:
    inputs = joined(study_with(), held_of())
    return inputs, chapter(inputs)  # type: ignore[return-value]


def cells(found: Chapter, table_id: str) -> dict[str, dict[str, Cell]]:
    shown = next(b for b in found.blocks if isinstance(b, Table) and b.id == table_id)
    return {r.id: dict(zip((c.id for c in shown.columns), r.cells, strict=True)) for r in shown.rows}


def value(cell: Cell) -> Any:
    assert cell.main is not None
    return cell.main.value


def words(found: Chapter) -> str:
    runs = [r for b in found.blocks if isinstance(b, Paragraph | Note) for r in b.runs]
    return "".join(str(r.value) if isinstance(r, Num) else getattr(r, "text", r) for r in runs)  # type: ignore[arg-type]


def numbers(found: Chapter) -> Iterator[Num]:
    for block in found.blocks:
        if isinstance(block, Paragraph | Note):
            yield from nums_in(block.runs)
        elif isinstance(block, Table):
            for row in block.rows:
                for cell in row.cells:
                    yield from cell.nums()
    for headline in found.headlines:
        yield from nums_in(headline.runs)


# --- Trading partners -------------------------------------------------------------------------------------------------


def test_without_an_export_the_partners_stand_there_and_a_note_says_what_is_missing(bare: Written) -> None:
    inputs, found = bare
    first = found.blocks[0]
    assert isinstance(first, Note)
    assert "was not computed: it needs an exchange export. Run concordat node export" in words(found)
    assert "name the folder under exchange in study.yaml" in words(found)
    assert "concordat assess BRICS --exchange FOLDER" in words(found)
    assert "of all goods, not ICT" in words(found)
    assert "exchange" not in inputs.study.as_data()
    assert found.headlines == ()


@pytest.mark.parametrize("which", ["imports", "exports"])
def test_shares_are_the_publisher_s_and_concentration_is_that_of_the_list(bare: Written, which: str) -> None:
    """A second way: shares straight from the rows of the release; the interval by pouring the rest into buckets."""
    inputs, found = bare
    indicator = {"imports": "import_partner_pct", "exports": "export_partner_pct"}[which]
    seen = 0
    for area, line in cells(found, f"exchange-{which}").items():
        rows = [o for o in inputs.observations if o.indicator_id == indicator and o.area == area and o.value]
        if not rows:
            continue
        newest = max(o.year for o in rows)
        shares = sorted((o.value for o in rows if o.year == newest and o.value), reverse=True)
        told = [value(line[c]) for c in ("first", "second", "third") if line[c].main]
        assert told == shares[:3]
        rest, high = 100 - sum(shares), sum(s * s for s in shares)
        low = high
        while rest > 1e-9:
            poured = min(rest, shares[-1])
            high, rest = high + poured * poured, rest - poured
        num = line["hhi"].main
        assert num is not None
        assert (num.lower, num.upper) == pytest.approx((low / 10_000, high / 10_000), abs=1e-6)
        assert value(line["unlisted"]) == pytest.approx(min(shares[-1], max(0, 100 - sum(shares))))
        assert value(line["year"]) == newest
        seen += 1
    assert seen >= 9


def test_the_sentence_gives_the_spread_of_the_largest_partner(bare: Written) -> None:
    inputs, found = bare
    shown = cells(found, "exchange-imports")
    firsts = [value(shown[member]["first"]) for member in inputs.who.members]
    assert "members with a list of partners: 10 of 10." in words(found), "who is invited is shown, and not counted"
    assert f"has {min(firsts)} to {max(firsts)}, in the median {float(median(firsts))}" in words(found)


def test_a_release_without_partners_leaves_nothing(bare: Written) -> None:
    inputs, _ = bare
    without = {key: one for key, one in inputs.chosen.items() if "partner" not in key[2]}
    found = chapter(replace(inputs, chosen=without))
    assert isinstance(found, Missing)
    assert found.what_to_load == "concordat assess BRICS --exchange FOLDER"


# --- What was logged --------------------------------------------------------------------------------------------------


def test_the_first_note_says_what_is_counted(written: Written, public: Written) -> None:
    for _, found in (written, public):
        first = found.blocks[0]
        assert isinstance(first, Note)
        assert str(first.runs[0]).startswith("Counts are of what was logged, not of what exists")


def test_data_agreements_and_transfers_against_a_second_count(written: Written) -> None:
    _, found = written
    shown = cells(found, "exchange-data")
    offered = Counter(a for a, kind, _ in BODIES if kind == "DatasetOffered")
    offered -= Counter(a for a, kind, _ in BODIES if kind == "DatasetWithdrawn")
    reached = {b["agreement"]: b for _, kind, b in BODIES if kind == "AgreementReached"}
    signed = [reached[b["agreement"]] for _, kind, b in BODIES if kind == "AgreementConfirmed"]
    moved = {b["transfer"]: b for _, kind, b in BODIES if kind == "TransferCompleted"}.values()
    done = Counter(a for a, kind, _ in BODIES if kind == "DutyDone")
    kept = {(b["agreement"], b["number"]) for _, kind, b in BODIES if kind == "DutyDone"}
    for member, line in shown.items():
        assert value(line["datasets"]) == offered[member]
        assert value(line["given"]) == sum(b["provider"] == member for b in signed)
        assert value(line["taken"]) == sum(b["consumer"] == member for b in signed)
        assert value(line["sent"]) == sum(b["provider"] == member for b in moved)
        assert value(line["received"]) == sum(b["consumer"] == member for b in moved)
        assert value(line["duties"]) == done[member]
        named = [(b, d) for a, kind, b in BODIES if kind == "AgreementConfirmed" and a == member
                 for d in b.get("duties", ())]  # fmt: skip
        left = [d.get("due", "9999") for b, d in named if (b["agreement"], d["number"]) not in kept]
        assert value(line["overdue"]) == sum(due < "2026-12-31" for due in left)
        assert value(line["open"]) == sum(due >= "2026-12-31" for due in left)
    assert any(value(line["overdue"]) for line in shown.values())
    said = words(found)
    assert "Agreements that both sides signed: 11; signed by one side so far: 1; ended: 1. Transfers: 11." in said
    notes = [r for b in found.blocks if isinstance(b, Table) for n in b.notes for r in n]
    assert "says nothing of duties" in str(notes)


def test_cases_reports_and_records_against_a_second_count(written: Written) -> None:
    _, found = written
    shown = cells(found, "exchange-records")
    cases = Counter(a for a, kind, _ in BODIES if kind == "CasePublished")
    reused = {b["owner"] for _, kind, b in BODIES if kind == "CaseReused"}
    records = Counter(a for a, kind, _ in BODIES if kind == "AlgorithmPublished")
    records -= Counter(a for a, kind, _ in BODIES if kind == "AlgorithmRetired")
    for member, line in shown.items():
        assert value(line["cases"]) == cases[member]
        assert value(line["reused"]) == (member in reused)
        assert value(line["reports"]) == 3
        assert value(line["algorithms"]) == records[member]
    topics = cells(found, "exchange-topics")
    areas = Counter(area for _, kind, b in BODIES if kind == "CasePublished" for area in b["fintech_area"])
    assert {key: value(topics[key]["cases"]) for key in exchange_year.AREAS} == {a: areas[a] for a in areas} | {
        a: 0 for a in exchange_year.AREAS if a not in areas
    }
    assert value(topics["dac-220"]["cases"]) == cases.total()
    assert value(cells(found, "exchange-series")["BRA.digital"]["rebuilt"]) == 1


def test_grades_are_the_lowest_of_each_result(written: Written) -> None:
    _, found = written
    given: dict[tuple[str, int], list[int]] = {}
    for _, kind, body in BODIES:
        if kind == "CaseReviewed":
            for grade in body["grades"]:
                given.setdefault((body["owner"], grade["result"]), []).append(grade["grade"])
    lowest = Counter(min(grades) for grades in given.values())
    shown = cells(found, "exchange-grades")
    assert {n: value(shown[f"grade-{n}"]["results"]) for n in range(5)} == {n: lowest[n] for n in range(5)}
    differ = sum(len(set(grades)) > 1 for grades in given.values())
    cases = sum(kind == "CasePublished" for _, kind, _ in BODIES)
    assert f"graded: {len(given)}; on {differ} of them the reviewers differ. Cases without a review: {cases - 10}" in (
        words(found)
    )


def test_aid_and_its_matching(written: Written) -> None:
    said = words(written[1])
    assert "Aid asked for: 4; offered: 2. Pairs that one side or both accepted: 2; binding, as both did: 1." in said
    assert "gave 2 pairs from 4 requests and 2 offers, and left 2 requests without" in said


def test_why_requests_got_nothing_stands_beside_the_matching(written: Written) -> None:
    said = words(written[1])
    assert "by the commonest reason: all offers that fit were taken: 1; the windows don't meet: 1" in said
    assert "not on the log" not in said


def test_how_completely_records_are_filled_against_numpy(written: Written) -> None:
    bodies = [(a, b) for a, kind, b in BODIES if kind == "AlgorithmPublished"]
    bodies = [(a, b) for a, b in bodies if (a, b["algorithm"]) != ("ZAF", "alg-0")]  # retired
    shown = cells(written[1], "exchange-filled")
    assert set(shown) == {"core", "nl"}
    for standard, line in shown.items():
        found = [100 * f["filled"] / f["fields"] for _, b in bodies for f in b.get("filled", ()) if
                 f["standard"] == standard]  # fmt: skip
        assert value(line["records"]) == len(found) == {"core": 19, "nl": 9}[standard]
        wanted = numpy.percentile(found, [25, 50, 75])
        names = ("lower_quartile", "median", "upper_quartile")
        assert [value(line[n]) for n in names] == pytest.approx(list(wanted), rel=1e-8)
    assert "how completely 10 of the algorithm records are filled" in words(written[1])


# --- Skills -----------------------------------------------------------------------------------------------------------


def with_skills(inputs: Inputs, shares: dict[tuple[str, str], float]) -> Inputs:
    """The same evidence with shares of people who did an activity, made from observations of something else."""
    chosen = dict(inputs.chosen)
    like = next(c for (i, _, split), c in sorted(chosen.items()) if i == "import_partner_pct" and split and c.value)
    for (area, skill), share in shares.items():
        made = replace(
            like.observation, obs_id=digest(area + skill)[:32], indicator_id="ict_skills_pct", area=area,
            breakdown={"skill": skill}, value=share, unit_mult=0, lower=None, upper=None,
        )  # fmt: skip
        chosen["ict_skills_pct", area, f"skill={skill}"] = replace(like, observation=made)
    return replace(inputs, chosen=chosen)


def test_the_largest_gap_stands_beside_courses_on_it_and_in_a_language_of_the_member(
    joined: Callable[..., Inputs],
) -> None:
    shares = {("BRA", "pcpr"): 5.5, ("BRA", "email"): 30.0, ("IND", "email"): 12.0, ("CHN", "pcpr"): 8.25}
    found = chapter(with_skills(joined(study_with(), held_of()), shares))
    assert isinstance(found, Chapter)
    shown = cells(found, "exchange-skills")
    assert {key: (value(line["gap"]), line["activity"].text) for key, line in shown.items()} == {
        "BRA": (94.5, "pcpr"), "CHN": (91.75, "pcpr"), "IND": (88.0, "email"),
    }  # fmt: skip
    # The Portuguese course teaches programming; the Hindi one collaborating, which no activity of the three shows.
    assert {key: (value(line["taught"]), value(line["own"])) for key, line in shown.items()} == {
        "BRA": (1, 1), "CHN": (1, 0), "IND": (0, 1),
    }  # fmt: skip
    said = words(found)
    assert "members with a figure 3 of" in said
    assert "courses on the log: 2" in said
    without = re.search(r"No course on the log is in a language of ([^.]*)\.", said)
    assert without is not None
    assert {"China", "Russia"} <= set(without[1].split(", "))
    assert {"Brazil", "India"}.isdisjoint(without[1].split(", "))
    # The share is told to a whole percent, as the one that it was made of: 5.5 is from 5 to 6.
    gap = shown["BRA"]["gap"].main
    assert gap is not None
    assert (gap.lower, gap.upper) == pytest.approx((94, 95))


def test_without_any_course_every_member_with_or_without_figures_is_named(joined: Callable[..., Inputs]) -> None:
    bare = Held.of([a_case("BRA", 1)], "BRICS", TRUST, END)
    found = chapter(with_skills(joined(study_with(), bare), {("BRA", "pcpr"): 5.5}))
    assert isinstance(found, Chapter)
    (said,) = re.findall(r"No course on the log is in a language of ([^.]*)\.", words(found))
    assert {"Brazil", "China", "India"} <= set(said.split(", "))


def test_without_a_figure_of_skills_the_chapter_says_how_to_get_one(written: Written) -> None:
    notes = [str(b.runs) for b in written[1].blocks if isinstance(b, Note)]
    assert any("ict_skills_pct" in note and "concordat evidence pull un_sdg" in note for note in notes)


# --- Incidents --------------------------------------------------------------------------------------------------------


def test_members_see_every_count_of_incidents_with_its_hours(written: Written) -> None:
    _, found = written
    quarters = {key: value(line["incidents"]) for key, line in cells(found, "exchange-quarters").items()}
    assert quarters == {"2026-Q1": 5, "2026-Q2": 9}
    stages = cells(found, "exchange-stages")
    late = sum(number % 4 == 0 for number in range(14))
    assert value(stages["early_warning.late"]["stages"]) == late
    assert value(stages["early_warning.in_time"]["stages"]) == 14 - late
    assert value(stages["early_warning.in_time"]["hours"]) == 12
    assert value(stages["early_warning.late"]["hours"]) == 60
    num = stages["early_warning.late"]["stages"].main
    assert num is not None
    assert num.marks == ("unverified",), "deadlines were not held against their source"


def test_the_public_sees_no_incident_by_name_and_no_small_count(public: Written) -> None:
    inputs, found = public
    assert inputs.exchange is not None
    kept = inputs.exchange.data.decode() + words(found) + repr(found)
    for one in exchange_year.year():
        if one.entry.type.startswith("Incident"):
            assert one.entry.id not in kept
            assert one.entry.body["incident"] not in kept
    for record in inputs.book:
        if isinstance(record, Fact) and record.file == "exchange.json":
            assert "incident--" not in repr(record.parts)
    others = sum(not kind.startswith("Incident") for _, kind, _ in BODIES)
    assert inputs.exchange.head["events"] == others, "a reader could subtract"
    assert "Counts below 3 are hidden" in words(found)


def test_two_incidents_in_all_are_a_hidden_count(joined: Callable[..., Inputs]) -> None:
    some = [one for one in exchange_year.year() if one.entry.body.get("incident", "").endswith(("000001", "000002"))]
    held = Held.of(some, "BRICS", TRUST, END)
    found = chapter(joined(study_with(), held))
    assert isinstance(found, Chapter)
    assert "Incidents shared: < 3." in words(found)
    assert not [b for b in found.blocks if isinstance(b, Table) and b.id in ("exchange-quarters", "exchange-stages")]
    assert found.headlines == ()


def test_a_stage_that_falls_due_after_the_log_ends_is_open(joined: Callable[..., Inputs]) -> None:
    """The log ends an hour after the only report; the report's day is months later."""
    first = next(one for one in exchange_year.year() if one.entry.type == "IncidentShared")
    held = Held.of([first], "BRICS", TRUST, END, public=False)
    assert held.until == first.submitted
    found = chapter(joined(study_with("public: false"), held))
    assert isinstance(found, Chapter)
    assert all(key.endswith(".open") for key in cells(found, "exchange-stages"))


# --- Where numbers lead -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["written", "public", "bare"])
def test_every_number_is_a_part_of_a_record_that_is_computed_again(whose: str, request: Any) -> None:
    inputs, found = request.getfixturevalue(whose)
    seen = 0
    for num in numbers(found):
        record = inputs.book[num.id]
        parts = record.parts if isinstance(record, Fact | Derived) else {"value": record.value, "year": None}
        if num.value is not None and num.part != "year":
            assert parts[num.part] == num.value
        seen += 1
    assert seen > 50
    again = [r for r in inputs.book if isinstance(r, Derived) and r.function.startswith("exchange.")]
    assert again
    for record in again:
        recompute(record, inputs.book.__getitem__)


def test_counts_lead_to_the_entries_behind_them(written: Written) -> None:
    inputs, found = written
    num = cells(found, "exchange-data")["BRA"]["datasets"].main
    assert num is not None
    record = inputs.book[num.id]
    assert isinstance(record, Derived)
    named = {f["entry"] for i in record.inputs for f in inputs.book[i].parts["facts"]}  # type: ignore[union-attr]
    kinds = ("Dataset", "Agreement", "Transfer", "Duty")
    assert named == {one.entry.id for one in exchange_year.year() if one.entry.type.startswith(kinds)}


# --- What is refused --------------------------------------------------------------------------------------------------


def test_an_export_that_nobody_opened(joined: Callable[..., Inputs]) -> None:
    with pytest.raises(MethodError, match="was not opened"):
        chapter(joined(study_with(), None))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("pubic: true", 'Did you mean "public"'),
        ("trust: abc", "exchange"),
        ("as_of: yesterday", "neither a day nor an instant"),
        ('as_of: "2026-02-30"', "neither a day nor an instant"),
        ('as_of: "2026-03-01T10:00:00"', "neither a day nor an instant"),
        (f"state: {'cd' * 32}", "state without as_of"),
    ],
)
def test_a_wrong_key_is_told(more: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(study_with(more))
    assert said in str(error.value)


def test_a_day_counts_to_its_last_second() -> None:
    assert read(study_with('as_of: "2026-11-22"')).until == END
    assert last_second(study_with().on) == END
    assert read(study_with('as_of: "2026-11-22T10:00:00+02:00"')).until == at("2026-11-22T08:00")


def test_the_written_study_names_the_state_and_fits_a_later_export_alone() -> None:
    held = held_of()
    said = resolve(study_with(), held).as_data()
    assert said["exchange"] == {
        "as_of": "2026-09-12T09:00:00Z", "export": "the-export", "public": True, "state": held.state_hash,
        "trust": TRUST,
    }  # fmt: skip
    again = study_with(f'as_of: "2026-09-12T09:00:00Z", state: {held.state_hash}, trust: {TRUST}')
    until = read(again).until
    assert until == held.until
    later = [*exchange_year.year(), a_case("RUS", 99, submitted="2026-10-01T09:00")]
    longer = Held.of(later, "BRICS", TRUST, until)
    assert longer.data == held.data
    assert resolve(again, longer).as_data() == said
    with pytest.raises(TrustError, match="the study says"):
        resolve(again, Held.of([*later, a_case("RUS", 98)], "BRICS", TRUST, until))
    with pytest.raises(StateError, match="ends before the instant"):
        resolve(again, held_of(end=until - 86_400))
    with pytest.raises(TrustError, match="the study names"):
        resolve(study_with(f"trust: {'cd' * 32}"), held)
    text = "schema: concordat/study@1\nbloc: {id: G20, date: 2026-11-22}\nexchange: {export: x}\n"
    with pytest.raises(InputError, match="the log is of BRICS, the study of G20"):
        resolve(read_study(text), held)


# --- The page ---------------------------------------------------------------------------------------------------------


def test_headlines_and_figures_keep_to_their_number(written: Written) -> None:
    _, found = written
    said = ["".join(str(r.value) if isinstance(r, Num) else str(r) for r in h.runs) for h in found.headlines]
    cases = sum(kind == "CasePublished" for _, kind, _ in BODIES)
    assert len(said) == 2
    assert said[0].endswith(f"as far as they were logged: 4 of {cases}.")
    # Due by September 12: 14 early warnings and 14 notifications; as no incident was closed, a progress report a month
    # instead of the final one: seven for each of February's five, four for those of May 8 to 11, three for five others.
    due = 14 + 14 + 5 * 7 + 4 * 4 + 5 * 3
    assert said[1] == f"Stages of incidents that were reported in time: 10 of {due}."
    assert len([b for b in found.blocks if isinstance(b, Figure)]) <= 4


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("whose", ["written", "public", "bare"])
def test_every_language_has_the_words(whose: str, language: str, request: Any) -> None:
    inputs, english = request.getfixturevalue(whose)
    found = chapter(build.in_language(inputs, language))
    assert isinstance(found, Chapter)
    assert [type(b) for b in found.blocks] == [type(b) for b in english.blocks]
    assert {n.id for n in numbers(found)} == {n.id for n in numbers(english)}


@pytest.mark.parametrize("whose", ["written", "bare"])
def test_the_chapter_weighs_less_than_ten_kilobytes(whose: str, request: Any) -> None:
    from concordat.figures.render import svg
    from concordat.report.outline import Outline
    from concordat.report.render_html import render

    inputs, _ = request.getfixturevalue(whose)
    report = build.compose(inputs, build.citations_of(inputs))
    missing = Missing("exchange", "What members share", "no export.", "")
    without = replace(report, chapters=tuple(missing if c.id == "exchange" else c for c in report.chapters))

    def weight(of: Report) -> int:
        pictures = {f.id: svg(f.spec, f.id, of.id_length) for f in Outline(of).figures()}
        return len(gzip.compress(render(of, inputs.words, pictures), 9, mtime=0))

    assert weight(report) - weight(without) <= 10_000
