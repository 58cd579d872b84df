"""The chapter on the divide, written from the embedded Factbook: sentences, tables, picture, and blocs of odd sizes.

The figures are those of the Factbook's 2026 edition; the measures are checked in `tests/conformance`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from concordat.evidence.provenance import Book, parts_of
from concordat.evidence.store import open_store
from concordat.figures.numbers import end_part, format_num
from concordat.figures.render import svg
from concordat.report.build import gather, read_options
from concordat.report.chapter import Chapter, Code, Figure, Missing, Note, Num, Run, Runs, Table, nums_in
from concordat.report.chapters.observatory import chapter
from concordat.report.inputs import LARGE_BLOC, Inputs, who_is_in
from concordat.report.study import Study, read_study, study_for_bloc, study_for_countries
from concordat.settings import Settings

ON = "2026-11-22"
ODD = """schema: concordat/study@1
countries: [ARG, BRA, CUB, ERI, ETH, IND, ITA, JPN, PRK]
divide:
  indicators:
    [gdp_growth_pct, gdp_current_usd, unemployment_pct, households_internet_pct, gini_index, internet_users_pct]
"""

Written = tuple[Inputs, Chapter | Missing]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Study], Written]:
    """The chapter of a study, all from one store."""
    settings = Settings.load({"data_dir": str(tmp_path_factory.mktemp("data"))})

    def write(study: Study) -> Written:
        book = Book()
        read_options(study)
        with open_store(settings.data_dir) as store:
            inputs = gather(study, who_is_in(study, book), settings, store, book)
        return inputs, chapter(inputs)

    return write


@pytest.fixture(scope="module")
def brics(written: Callable[[Study], Written]) -> tuple[Inputs, Chapter]:
    inputs, found = written(study_for_bloc("BRICS", on=ON))
    assert isinstance(found, Chapter)
    return inputs, found


def text(runs: Runs) -> str:
    def one(run: Run) -> str:
        if isinstance(run, Num):
            return format_num(run).replace("\u00a0", " ")
        return run.text if isinstance(run, Code) else str(run)

    return "".join(one(run) for run in runs)


def table(found: Chapter, table_id: str) -> dict[str, list[str]]:
    """Row id -> the cells as text, of a table of the chapter."""
    (wanted,) = (b for b in found.blocks if isinstance(b, Table) and b.id == table_id)
    return {
        row.id: [" ".join(filter(None, [text((c.main,)) if c.main else "", c.text])) for c in row.cells]
        for row in wanted.rows
    }


def numbers(found: Chapter) -> Iterator[Num]:
    for block in found.blocks:
        if isinstance(block, Table):
            yield from (num for row in block.rows for cell in row.cells for num in cell.nums())
        elif not isinstance(block, Figure):
            yield from nums_in(block.runs)
    for headline in found.headlines:
        yield from nums_in(headline.runs)


def test_the_two_sentences_of_the_first_screen(brics: tuple[Inputs, Chapter]) -> None:
    gap, without = (text(h.runs) for h in brics[1].headlines)
    assert gap == (
        "The divide: People using the Internet goes from 17.0% (16.5–17.5) in Ethiopia (2021) to 100.0% (99.5–100.0) in"
        " United Arab Emirates (2023)"
        ", 83.0 (82.0–83.5) points apart; Gini 0.109 (0.105–0.113) weighted by population, 0.151 (0.148–0.154)"
        " unweighted."
    )
    assert without == (
        "1.23 billion (1.21B–1.25B) people in BRICS (10) do not use the Internet: 50.7% (49.9–51.5) of them live in"
        " India, 25.1% (24.4–25.8) in China."
    )


def test_each_measure_is_given_without_invited_countries_and_with_them(brics: tuple[Inputs, Chapter]) -> None:
    rows = table(brics[1], "divide-measures")
    assert len(rows) == 28
    assert {row.partition(".")[2] for row in rows if row.startswith("BRICS.")} == {
        row.partition(".")[2] for row in rows if row.startswith("BRICS+invited.")
    }
    assert rows["BRICS.max"][0] == "100.0% (99.5–100.0) United Arab Emirates"
    assert rows["BRICS+invited.max"][0] == "100.0% (99.5–100.0) Saudi Arabia, United Arab Emirates"
    assert rows["BRICS.max"][3].endswith("several members")  # too many to name
    assert rows["BRICS.gini.weighted"][0].startswith("0.109 (")
    assert rows["BRICS.ratio"][1] == "> 44.5"  # Ethiopia's broadband is known only to be below 1
    assert rows["BRICS.gini_shortfall"][2] == "for percentages only"


def test_who_is_without(brics: tuple[Inputs, Chapter]) -> None:
    rows = table(brics[1], "divide-without")
    assert list(rows)[:3] == ["IND", "CHN", "ETH"]
    assert rows["IND"][1].startswith("50.7% (")
    assert rows["SAU"][1] == ""  # no share of those without in a bloc it is not a member of
    assert rows["BRICS.people"][0].startswith("1.23 billion (")


def test_gaps_inside_members(brics: tuple[Inputs, Chapter]) -> None:
    found = table(brics[1], "divide-within-loc-electricity_access_pct")
    assert found["ETH"] == ["94%", "43%", "51 (50–52)"]
    assert found["CHN"] == ["no figure"] * 3
    assert table(brics[1], "divide-within-sex-unemployment_youth_pct")["EGY"][:2] == ["12.4%", "47.1%"]
    notes = [text(b.runs) for b in brics[1].blocks if isinstance(b, Note)]
    assert any("People using the Internet. To load one: concordat evidence pull" in note for note in notes)


def test_each_printed_number_is_a_part_of_its_record(brics: tuple[Inputs, Chapter]) -> None:
    inputs, found = brics
    count = 0
    for num in numbers(found):
        parts = parts_of(inputs.book[num.id])
        if num.value is not None:
            assert parts[num.part] == num.value
        for end, name in ((num.lower, "lower"), (num.upper, "upper")):
            if end is not None:
                assert parts[end_part(num.part, name)] == end  # type: ignore[arg-type]
        count += 1
    assert count > 300


def test_the_picture_says_in_words_what_it_shows(brics: tuple[Inputs, Chapter]) -> None:
    (figure,) = (b for b in brics[1].blocks if isinstance(b, Figure) and b.id == "without")
    assert figure.alt.replace("\u00a0", " ") == (
        "Dot plot of people without (People using the Internet). Most: India, 624M, then China, 310M. "
        "In all of BRICS + invited (11): 1.23 billion."
    )
    assert any(isinstance(b, Table) and b.id == figure.table.id for b in brics[1].blocks)
    drawn = svg(figure.spec, figure.id, 8)
    for area in ("IND", "ARE"):
        assert f'data-part="people_{area}"' in drawn
    assert "India" in drawn


def test_the_same_study_gives_the_same_chapter(
    brics: tuple[Inputs, Chapter], written: Callable[[Study], Written]
) -> None:
    assert written(study_for_bloc("BRICS", on=ON))[1] == brics[1]


# --- Blocs of odd sizes -------------------------------------------------------------------------------------------


def test_one_country_has_no_divide(written: Callable[[Study], Written]) -> None:
    _, found = written(study_for_countries(["BRA"], on=ON))
    assert isinstance(found, Missing)
    assert "at least 2 members" in found.reason


def test_two_countries_with_one_figure_in_common(written: Callable[[Study], Written]) -> None:
    """The Holy See and North Korea: of the four indicators both have access to electricity alone."""
    _, found = written(study_for_countries(["VAT", "PRK"], on=ON))
    assert isinstance(found, Chapter)
    (headline,) = found.headlines
    assert text(headline.runs).startswith(
        "The divide: People with access to electricity goes from 54.7% (54.7–54.8) in North Korea"
    )
    assert any("Fewer than two members" in text(b.runs) for b in found.blocks if isinstance(b, Note))


def test_a_bloc_of_the_world_stays_short_and_says_what_missing_members_leave_open(
    written: Callable[[Study], Written],
) -> None:
    _, found = written(study_for_bloc("UN", on=ON))
    assert isinstance(found, Chapter)
    tables = [b for b in found.blocks if isinstance(b, Table)]
    assert sum(len(t.rows) for t in tables if t.on_page) <= LARGE_BLOC
    assert {len(t.rows) for t in tables if not t.on_page} == {193, 194}
    (figure,) = (b for b in found.blocks if isinstance(b, Figure) and b.id == "without")
    drawn = set(re.findall(r'data-part="(people_[A-Z]{3})"', svg(figure.spec, figure.id, 8)))
    assert len(drawn) == 10
    assert {"people_IND", "people_CHN", "people_NGA"} < drawn
    people = next(iter(nums_in(found.headlines[1].runs)))
    assert people.part == "people_lower"  # North Korea has no figure: "2.65 billion to 2.84 billion"
    assert "% to " in text(found.headlines[1].runs)


def test_any_indicator_may_be_asked_for(written: Callable[[Study], Written]) -> None:
    """Growth below zero, money, no weight, no source, too few figures, people with one member unknown."""
    _, found = written(read_study(ODD))
    assert isinstance(found, Chapter)
    rows = table(found, "divide-measures")
    growth, money, unemployment, gini_index, internet = range(5)
    assert "not above zero" in rows["GROUP.ratio"][growth]
    assert rows["GROUP.min"][growth].endswith("Cuba")
    assert rows["GROUP.gap"][money].startswith("US$")
    assert rows["GROUP.gini.weighted"][money] == "no weights near enough in time"
    assert rows["GROUP.mean"][gini_index] == "not shown: too few members"
    assert rows["GROUP.gini"][unemployment].startswith("0.")
    assert rows["GROUP.gini_shortfall"][internet].startswith("0.")
    assert table(found, "divide-without")["PRK"] == ["no figure", "no figure"]
    assert any("Households" in text(b.runs) for b in found.blocks if isinstance(b, Note))
