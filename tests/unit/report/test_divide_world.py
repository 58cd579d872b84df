"""The divide against the world and over time as blocks: on the embedded Factbook, and on invented series beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.errors import InputError
from concordat.evidence.provenance import Book, parts_of
from concordat.evidence.store import open_store
from concordat.figures.numbers import end_part, format_num
from concordat.figures.render import svg
from concordat.report.build import gather, read_options
from concordat.report.chapter import Chapter, Code, Figure, Note, Num, Run, Runs, Table, nums_in
from concordat.report.chapters.observatory import chapter, read
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.study import Study, read_study, study_for_bloc, study_for_countries
from concordat.settings import Settings
from concordat.world import countries

ON = "2026-11-22"
BRICS = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\n"
MAP = """schema: concordat/import@1
file: series.csv
dataset: {id: invented, title: T, producer: P, published: 2026-03-01, licence: CC-BY-4.0, class: worldbank_wdi}
columns: {area: {column: area}, period: {column: year}, value: {column: value}}
value_is: {indicator: internet_users_pct, unit: percent}
"""
Written = tuple[Inputs, Chapter]
Write = Callable[[Study], Written]


def writer(folder: Path) -> Write:
    settings = Settings.load({"data_dir": str(folder)})

    def write(study: Study) -> Written:
        book = Book()
        read_options(study)
        with open_store(settings.data_dir) as store:
            inputs = gather(study, who_is_in(study, book), settings, store, book)
        found = chapter(inputs)
        assert isinstance(found, Chapter)
        return inputs, found

    return write


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """The chapter of a study, on the Factbook alone."""
    return writer(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def over_time(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """The same with series from 2003 to 2024: logistic curves that begin later the later a code is in the alphabet.

    South Korea is years ahead of all; the Emirates stand at 100 from 2020 on; Ethiopia has no figure after 2021.
    """
    folder = tmp_path_factory.mktemp("series")
    lines = ["area,year,value"]
    for number, country in enumerate(c.iso3 for c in countries()):
        start = 1995.0 if country == "KOR" else 2004 + 12 * number / 249
        for year in range(2003, 2025):
            value = 96 / (1 + math.exp(-0.3 * (year - start)))
            if country == "ARE" and year >= 2020:
                value = 100.0
            if country != "ETH" or year <= 2021:
                lines.append(f"{country},{year},{value:.6f}")
    (folder / "series.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    words = ["evidence", "import", str(folder / "series.csv"), "--map", str(folder / "map.yaml")]
    assert main([*words, "--data-dir", str(folder / "data")]) == 0
    return writer(folder / "data")


@pytest.fixture(scope="module")
def brics(write: Write) -> Written:
    return write(study_for_bloc("BRICS", on=ON))


@pytest.fixture(scope="module")
def brics_over_time(over_time: Write) -> Written:
    return over_time(study_for_bloc("BRICS", on=ON))


def text(runs: Runs) -> str:
    def one(run: Run) -> str:
        if isinstance(run, Num):
            return format_num(run).replace("\u00a0", " ")
        return run.text if isinstance(run, Code) else str(run)

    return "".join(one(run) for run in runs)


def table(found: Chapter, table_id: str) -> dict[str, list[str]]:
    (wanted,) = (b for b in found.blocks if isinstance(b, Table) and b.id == table_id)
    return {
        row.id: [" ".join(filter(None, [text((c.main,)) if c.main else "", c.text])) for c in row.cells]
        for row in wanted.rows
    }


def figure(found: Chapter, figure_id: str) -> Figure:
    (wanted,) = (b for b in found.blocks if isinstance(b, Figure) and b.id == figure_id)
    return wanted


def ids(found: Chapter) -> set[str]:
    return {b.id for b in found.blocks if isinstance(b, (Table, Figure))}


def numbers(found: Chapter) -> Iterator[Num]:
    for block in found.blocks:
        if isinstance(block, Table):
            yield from (num for row in block.rows for cell in row.cells for num in cell.nums())
            yield from (num for note in block.notes for num in nums_in(note))
        elif not isinstance(block, Figure):
            yield from nums_in(block.runs)


NEW = {"divide-world", "divide-held", "lorenz"}
IN_TIME = {"divide-time", "years-behind", "divide-years", "divide-convergence"}


# --- Against the world --------------------------------------------------------------------------------------------


def test_between_and_within_add_up_to_the_whole_in_both_groupings(brics: Written) -> None:
    inputs, found = brics
    (world,) = (b for b in found.blocks if isinstance(b, Table) and b.id == "divide-world")
    record = parts_of(inputs.book[next(n for row in world.rows for c in row.cells for n in c.nums()).id])
    for prefix in ("", "weighted_"):
        for grouping in ("bloc", "income"):
            both = record[f"{prefix}{grouping}_between"] + record[f"{prefix}{grouping}_within"]  # type: ignore[operator]
            assert both == pytest.approx(record[f"{prefix}total"], rel=1e-7)
    rows = table(found, "divide-world")
    assert [len(row) for row in rows.values()] == [2] * 7
    assert all("(" in cell for row in rows.values() for cell in row)  # each with its interval
    notes = " ".join(text(note) for note in world.notes)
    assert "as if drawn from a wider population" in notes
    assert "T leaves out countries at zero (0.0%" in notes


def test_the_gini_beside_the_curves_is_the_one_of_the_other_table(brics: Written) -> None:
    _, found = brics
    held, measures = table(found, "divide-held"), table(found, "divide-measures")
    assert held["gini"][0] == measures["BRICS.gini.weighted"][0]
    assert held["gini"][2] == measures["BRICS.gini"][0]
    picture = figure(found, "lorenz")
    assert "BRICS (10): 0.109; World: 0.1" in picture.alt
    assert 'data-part="weighted_gini"' in svg(picture.spec, picture.id, 8)


def test_a_study_that_does_not_compare_with_the_world_has_the_bloc_s_curve_alone(write: Write) -> None:
    _, found = write(read_study(BRICS + "compare_with: []\n"))
    assert "divide-world" not in ids(found)
    assert len(table(found, "divide-held")["gini"]) == 2
    assert "World" not in figure(found, "lorenz").alt


def test_without_two_figures_of_the_lead_indicator_the_blocks_are_absent(write: Write) -> None:
    """The Holy See and North Korea have no figure of Internet use, though both have one of electricity."""
    _, found = write(study_for_countries(["VAT", "PRK"], on=ON))
    assert not ids(found) & (NEW | IN_TIME)
    _, money = write(read_study(BRICS + "divide: {indicators: [gdp_current_usd]}\n"))
    assert not ids(money) & (NEW | IN_TIME)


def test_on_one_year_a_line_says_what_time_needs(brics: Written) -> None:
    assert not ids(brics[1]) & IN_TIME
    assert any("need several years" in text(b.runs) for b in brics[1].blocks if isinstance(b, Note))


# --- Over time ----------------------------------------------------------------------------------------------------


def test_years_behind_are_those_of_the_invented_curves(brics_over_time: Written) -> None:
    """A curve that begins d years after South Korea's is d years behind it, up to the line between two years."""
    inputs, found = brics_over_time
    number = [c.iso3 for c in countries()].index
    record = next(r.parts for r in inputs.book if getattr(r, "function", "").endswith("records.distance@1"))
    for area in ("BRA", "CHN", "EGY", "IDN"):
        assert record[f"years_{area}"] == pytest.approx(9 + 12 * number(area) / 249, abs=0.05)
    rows = table(found, "divide-time")
    assert rows["ARE"][3] == "above every level of the leader"
    assert set(rows) == set(inputs.who.all)
    drawn = svg(figure(found, "years-behind").spec, "years-behind", 8)
    assert 'data-part="years_BRA"' in drawn


def test_the_years_are_shown_by_countries_where_populations_are_of_one_year(brics_over_time: Written) -> None:
    """The Factbook's populations are of 2025: good for 2024, for no year before 2020."""
    _, found = brics_over_time
    rows = table(found, "divide-years")
    assert list(rows) == ["2004", "2009", "2014", "2019", "2024"]
    assert rows["2019"][0] == "no weights near enough in time"
    assert rows["2024"][0].startswith("0.")
    assert all(row[2].startswith("0.") for row in rows.values())
    picture = figure(found, "divide-years")
    assert text(picture.caption) == "Theil's T, each country once."
    assert 'data-part="bloc_between"' in svg(picture.spec, picture.id, 8)


def test_who_is_not_watched_for_convergence_is_named(brics_over_time: Written) -> None:
    _, found = brics_over_time
    (block,) = (b for b in found.blocks if isinstance(b, Table) and b.id == "divide-convergence")
    assert text(block.notes[-1]) == "Without a figure in the first or the last year: Ethiopia."
    rows = table(found, "divide-convergence")
    assert rows["rate.weighted"][0] == "no weights near enough in time"
    assert [row for row in rows if row.isdigit()] == [str(y) for y in range(2014, 2025)]


def test_each_printed_number_is_a_part_of_its_record(brics_over_time: Written) -> None:
    inputs, found = brics_over_time
    for num in numbers(found):
        parts = parts_of(inputs.book[num.id])
        if num.value is not None:
            assert parts[num.part] == num.value
        for end, name in ((num.lower, "lower"), (num.upper, "upper")):
            if end is not None:
                assert parts[end_part(num.part, name)] == end  # type: ignore[arg-type]


def test_a_leader_without_series_and_a_bloc_too_small_say_what_they_need(over_time: Write) -> None:
    _, found = over_time(read_study(BRICS + "divide: {leader: Kosovo}\n"))
    notes = [text(b.runs) for b in found.blocks if isinstance(b, Note)]
    assert any(n.startswith("Years behind: not computed: needs several years of Kosovo") for n in notes)
    assert ids(found) & IN_TIME == {"divide-years", "divide-convergence"}
    _, two = over_time(study_for_countries(["BRA", "IND"], on=ON))
    notes = [text(b.runs) for b in two.blocks if isinstance(b, Note)]
    assert any(n.startswith("Convergence: not computed: needs") for n in notes)


def test_of_many_members_the_farthest_are_drawn_and_the_table_stands_off_the_page(over_time: Write) -> None:
    _, found = over_time(study_for_bloc("UN", on=ON))
    (block,) = (b for b in found.blocks if isinstance(b, Table) and b.id == "divide-time")
    assert not block.on_page
    assert len(block.rows) == 193
    picture = figure(found, "years-behind")
    assert svg(picture.spec, picture.id, 8).count('data-part="years_') == 40  # a dot and a number for each of twenty
    assert text(picture.caption).startswith("The twenty members farthest behind")
    assert "nearest: " in picture.alt


def test_the_leader_is_a_country_by_code_or_name_and_part_of_the_study() -> None:
    assert read(study_for_bloc("BRICS", on=ON)).leader == "KOR"
    chosen = read(read_study(BRICS + "divide: {leader: Singapore}\n"))
    assert chosen.leader == "SGP"
    assert chosen.as_data()["divide"]["leader"] == "SGP"  # type: ignore[index]
    with pytest.raises(InputError, match='"Atlantis" is not a country I know') as caught:
        read(read_study(BRICS + "divide: {leader: Atlantis}\n"))
    assert "line 3" in str(caught.value)
