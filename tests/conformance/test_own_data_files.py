"""Real tables through real mappings: what each file gives, by counts made with the csv module alone.

Shared data: Gapminder's panel of the World Development Indicators (2026-03-01), four files of the UN's SDG database
(October 2020), the UN's E-Government Development Index, the OECD's Digital Government Index. Expected conflicts and
quarantined rows are those printed in the specification of evidence, sections 1, 7 and 15.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat.errors import InputError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.conflicts import find_conflicts
from concordat.evidence.observation import Observation
from concordat.evidence.quality import quarantine
from concordat.evidence.sources import tabular
from concordat.evidence.sources._base import Meta, Problem
from concordat.evidence.sources.factbook import parse_edition, read_edition

Parse = Callable[..., "Parsed"]
PANEL = "wdi_panel_gapminder_2026.csv"
# Gapminder's name -> indicator, unit, breakdown.
MAPPED: dict[str, tuple[str, str, dict[str, str]]] = {
    "internet_users": ("internet_users_pct", "percent", {}),
    "broadband_subscribers_per_100_people": ("fixed_broadband_per_100", "per_100", {}),
    "cell_phones_per_100_people": ("mobile_subscriptions_per_100", "per_100", {}),
    "electricity_use_per_person": ("electricity_consumption_kwh_per_person", "kwh", {}),
    "expenditure_per_student_tertiary_percent_of_gdp_per_person": (
        "education_expenditure_tertiary_pct_gdp_per_person", "percent", {},
    ),
    "aged_15_24_unemployment_rate_percent": ("unemployment_youth_pct", "percent", {}),
    "females_aged_15_24_unemployment_rate_percent": ("unemployment_youth_pct", "percent", {"sex": "F"}),
    "males_aged_15_24_unemployment_rate_percent": ("unemployment_youth_pct", "percent", {"sex": "M"}),
    "foreign_direct_investment_net_inflows_percent_of_gdp": ("fdi_inflow_pct_gdp", "percent", {}),
    "gdppercapita_us_inflation_adjusted": ("gdp_constant_2015_usd_per_person", "usd_2015", {}),
    "total_gdp_us_inflation_adjusted": ("gdp_constant_2015_usd", "usd_2015", {}),
    "high_technology_exports_percent_of_manufactured_exports": ("high_tech_exports_pct", "percent", {}),
    "income_share_of_poorest_20percent": ("income_share_quintile_pct", "percent", {"q": "1"}),
    "income_share_of_2nd_poorest_20percent": ("income_share_quintile_pct", "percent", {"q": "2"}),
    "income_share_of_middle_20percent": ("income_share_quintile_pct", "percent", {"q": "3"}),
    "income_share_of_2nd_richest_20percent": ("income_share_quintile_pct", "percent", {"q": "4"}),
    "income_share_of_richest_20percent": ("income_share_quintile_pct", "percent", {"q": "5"}),
    "inequality_index_gini": ("gini_index", "index_0_100", {}),
    "literacy_rate_adult_total_percent_of_people_ages_15_and_above": ("literacy_adult_pct", "percent", {}),
    "literacy_rate_adult_female_percent_of_females_ages_15_above": ("literacy_adult_pct", "percent", {"sex": "F"}),
    "literacy_rate_adult_male_percent_of_males_ages_15_and_above": ("literacy_adult_pct", "percent", {"sex": "M"}),
    "patent_applications_total": ("patent_applications", "count", {}),
    "services_percent_of_gdp": ("services_pct_gdp", "percent", {}),
    "urban_population_percent_of_total": ("urban_population_pct", "percent", {}),
}  # fmt: skip
SDG_NATURE = "{column: nature, values: {c: C, ca: CA, e: E, g: G, m: M, n: N, notspec: N, estimated: E}}"
SEX = "{column: sex, values: {bothsex: total, female: F, male: M}}"


@dataclass(frozen=True)
class Parsed:
    rows: list[Observation]
    problems: list[Problem]


def indicator_column(codes: dict[str, tuple[str, str, dict[str, str]]], column: str) -> str:
    values = {c: {"indicator": i, "unit": u, "breakdown": b} for c, (i, u, b) in codes.items()}
    return json.dumps({"column": column, "others": "leave_out", "values": values})


@pytest.fixture(scope="module")
def parse(shared_data: Path) -> Parse:
    def parsed(file: str, source: str, columns: str, measure: str = "") -> Parsed:
        mapping = (
            f"schema: concordat/import@1\nfile: {file}\ndataset: {{id: demo, title: T, producer: P, "
            f"published: 2026-03-01, licence: CC-BY-4.0, class: {source}}}\ncolumns: {{{columns}}}\n{measure}\n"
        )
        importer = tabular.read_mapping(mapping.encode(), load_catalogue(), where="map.yaml")
        when = datetime(2026, 3, 1, tzinfo=UTC)
        meta = Meta(importer.source_id, "demo", "v1", date(2026, 3, 1), when, "ab" * 32, file, "1")
        found = list(importer.parse((shared_data / file).read_bytes(), meta))
        rows = [o for o in found if isinstance(o, Observation)]
        return Parsed(rows, [p for p in found if isinstance(p, Problem)])

    return parsed


@pytest.fixture(scope="module")
def panel(parse: Parse) -> Parsed:
    columns = "area: {column: iso3}, period: {column: year}, value: {column: value}, indicator: "
    return parse(PANEL, "worldbank_wdi", columns + indicator_column(MAPPED, "indicator"))


def records(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from csv.DictReader(stream)


def test_every_row_of_the_panel_is_a_figure_or_counted_as_left_out(panel: Parsed, shared_data: Path) -> None:
    counts = Counter(row["indicator"] for row in records(shared_data / PANEL))
    assert sum(counts.values()) == 126_371
    assert len(counts) == 32
    assert len(panel.rows) == sum(counts[name] for name in MAPPED)
    assert {p.text for p in panel.problems} == {
        f'"{name}": {count} rows left out, as the mapping says.' for name, count in counts.items() if name not in MAPPED
    }


def test_the_panel_s_values_are_those_of_the_file(panel: Parsed, shared_data: Path) -> None:
    expected = {
        (f"row {number}, value", row["iso3"], int(row["year"]), float(row["value"]))
        for number, row in enumerate(records(shared_data / PANEL), 2)
        if row["indicator"] in MAPPED
    }
    assert {(o.raw_locator, o.area, o.year, o.value) for o in panel.rows} == expected


def test_six_internet_use_figures_of_the_panel_conflict_with_the_factbook(panel: Parsed) -> None:
    catalogue = load_catalogue()
    factbook, _ = parse_edition(read_edition(), catalogue)
    rows = [o for o in (*panel.rows, *factbook) if o.indicator_id == "internet_users_pct"]
    conflicts = find_conflicts(rows, catalogue)
    assert {(c.area, c.year, c.second.value, round(c.first.value or 0.0, 2)) for c in conflicts} == {
        ("CHN", 2023, 78.0, 90.6),
        ("HUN", 2024, 92.0, 93.78),
        ("JAM", 2023, 83.0, 89.47),
        ("PAN", 2023, 78.0, 68.55),
        ("LCA", 2022, 74.0, 65.35),
        ("ASM", 1990, 40.3, 0.0),
    }
    assert {c.first.source_id for c in conflicts} == {"worldbank_wdi.demo"}


SDG = {
    "sdg_2020_internet_users.csv": ("internet_users_pct", ""),
    "sdg_2020_rd_expenditure.csv": ("rd_expenditure_pct_gdp", ""),
    "sdg_2020_4g_coverage.csv": ("mobile_coverage_4g_pct", ""),
    "sdg_2020_mobile_ownership_by_sex.csv": ("mobile_ownership_pct", f"sex: {SEX}"),
    "sdg_2020_ict_skills_by_sex.csv": ("ict_skills_pct", f"sex: {SEX}, skill: {{column: type_of_skill}}"),
}


@pytest.mark.parametrize("file", SDG)
def test_the_sdg_files_give_a_figure_for_every_row(parse: Parse, shared_data: Path, file: str) -> None:
    indicator, split = SDG[file]
    columns = f"area: {{column: iso3}}, period: {{column: year}}, value: {{column: value}}, nature: {SDG_NATURE}"
    columns += f", breakdown: {{{split}}}" if split else ""
    found = parse(file, "un_sdg", columns, f"value_is: {{indicator: {indicator}, unit: percent}}")
    written = list(records(shared_data / file))
    assert found.problems == []
    assert [(o.area, o.year, o.value) for o in found.rows] == [
        (row["iso3"], int(row["year"]), float(row["value"])) for row in written
    ]
    if "type_of_skill" in written[0]:
        sexes = {"bothsex": "", "female": "sex=F;", "male": "sex=M;"}
        assert [o.breakdown for o in found.rows] == [f"{sexes[r['sex']]}skill={r['type_of_skill']}" for r in written]


def test_the_zeros_of_the_e_government_index_are_quarantined_and_blanks_are_missing(
    parse: Parse, shared_data: Path
) -> None:
    columns = "area: {column: iso3}, period: {column: year}, value: {column: egdi}"
    found = parse("egdi_2010_2018.csv", "un_desa", columns, "value_is: {indicator: egovernment_index, unit: index_0_1}")
    written = list(records(shared_data / "egdi_2010_2018.csv"))
    assert (len(found.rows), found.problems) == (965, [])
    assert sum(o.missing_reason == "not_published" for o in found.rows) == sum(not row["egdi"] for row in written)
    refused = quarantine(found.rows, load_catalogue())
    assert {o.area for o in found.rows if o.year == 2012 and (o.vintage_id, o.obs_id) in refused} == {
        "CAF",
        "GIN",
        "LBY",
    }
    one_zero = {
        (row["iso3"], int(row["year"]))
        for row in written
        if row["egdi"] and float(row["egdi"]) > 0 and any(row[c] and float(row[c]) == 0 for c in ("epi", "osi", "tii"))
    }
    assert one_zero
    assert not one_zero & {(o.area, o.year) for o in found.rows if (o.vintage_id, o.obs_id) in refused}


def test_a_file_that_begins_with_the_mark_of_utf_8_keeps_its_first_column(parse: Parse, shared_data: Path) -> None:
    file = "oecd_digital_government_index_2023.csv"
    assert (shared_data / file).read_bytes().startswith(b"\xef\xbb\xbf")
    codes = {"digital_design": ("egovernment_index", "index_0_1", {})}
    columns = "area: {column: cc_iso3c}, period: {column: ref_year}, value: {column: value}, indicator: "
    found = parse(file, "other", columns + indicator_column(codes, "variable"))
    wanted = [row for row in records(shared_data / file) if row["variable"] == "digital_design"]
    assert [(o.area, o.value) for o in found.rows] == [(row["cc_iso3c"], float(row["value"])) for row in wanted]


def test_an_index_of_the_oecd_that_the_catalogue_does_not_have_is_refused_by_name(parse: Parse) -> None:
    codes = {"digital_design": ("digital_government_index", "index_0_1", {})}
    columns = "area: {column: cc_iso3c}, period: {column: ref_year}, value: {column: value}, indicator: "
    with pytest.raises(InputError, match='"digital_government_index" is not an indicator I know'):
        parse("oecd_digital_government_index_2023.csv", "other", columns + indicator_column(codes, "variable"))
