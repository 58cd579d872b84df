"""The catalogue of indicators is that of the specification of evidence, section 5; bad files say where they are bad."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from concordat.errors import InputError
from concordat.evidence._catalogue_model import indicator_schema
from concordat.evidence.catalogue import TOPICS, Catalogue, read_catalogue

CO, EN, EC, PS = "Communications", "Energy", "Economy", "People and Society"
PER_100 = "subscriptions per 100 inhabitants"
SCHOOL = "School life expectancy (primary to tertiary education)"
SHARES = "Household income or consumption by percentage share"
YOUTH = "Youth unemployment rate (ages 15-24)"
GINI = "Gini Index coefficient - distribution of family income"

# The table of section 5: id | unit | Factbook path (`*`: and a year) | World Bank | others | rule | stale/drop.
# `?` behind a code: not checked against a source; codes of breakdowns follow the total's, in the order of their keys.
TABLE = f"""
internet_users_pct | percent | {CO}/Internet users/percent of population | IT.NET.USER.ZS | IT_USE_ii99 i99H isoc_ci_ifp_iu? | weighted_mean population | 3/10
fixed_broadband_per_100 | per_100 | {CO}/Broadband - fixed subscriptions/{PER_100} | IT.NET.BBND.P2 | IT_NET_BBP? | ratio_of_sums population | 3/10
fixed_broadband_subscriptions | count | {CO}/Broadband - fixed subscriptions/total | IT.NET.BBND? | | sum | 3/10
mobile_subscriptions_per_100 | per_100 | {CO}/Telephones - mobile cellular/{PER_100} | IT.CEL.SETS.P2 | | ratio_of_sums population | 3/10
mobile_subscriptions | count | {CO}/Telephones - mobile cellular/total subscriptions | IT.CEL.SETS? | | sum | 3/10
fixed_lines_per_100 | per_100 | {CO}/Telephones - fixed lines/{PER_100} | IT.MLT.MAIN.P2? | | ratio_of_sums population | 3/10
fixed_lines | count | {CO}/Telephones - fixed lines/total subscriptions | IT.MLT.MAIN? | | sum | 3/10
mobile_broadband_per_100 | per_100 | | | i911mw_IDI | weighted_mean population | 3/10
households_internet_pct | percent | | | xHH6_IDI isoc_ci_in_h? | weighted_mean population | 3/10
mobile_coverage_3g_pct | percent | | | IT_MOB_3GNTWK? i271G_IDI | weighted_mean population | 3/8
mobile_coverage_4g_pct | percent | | | IT_MOB_4GNTWK? i271GA_IDI | weighted_mean population | 3/8
mobile_ownership_pct | percent | | | IT_MOB_OWN xHH18_IDI | weighted_mean population | 5/10
mobile_basket_pct_gni | percent | | | i271mb_high_ts_GNI_IDI | median | 2/5
fixed_broadband_basket_pct_gni | percent | | | i154_FBB_ts_GNI_IDI | median | 2/5
mobile_traffic_gb_per_subscription | gigabytes | | | i136mwi_subs_IDI | weighted_mean population | 3/8
fixed_traffic_gb_per_subscription | gigabytes | | | i135tfb_subs_IDI | weighted_mean population | 3/8
secure_servers_per_million | per_million | | IT.NET.SECR.P6? | | ratio_of_sums population | 3/8
ict_skills_pct | percent | | | SE_ADT_ACTS isoc_sk_dskl_*? | weighted_mean population | 5/10
literacy_adult_pct | percent | {PS}/Literacy/total population; female; male | SE.ADT.LITR.ZS? SE.ADT.LITR.FE.ZS? SE.ADT.LITR.MA.ZS? | | weighted_mean population | 8/15
education_expenditure_pct_gdp | percent | {PS}/Education expenditure/Education expenditure (% GDP) | SE.XPD.TOTL.GD.ZS? | | weighted_mean gdp_ppp_intl_2021 | 4/10
education_expenditure_tertiary_pct_gdp_per_person | percent | | SE.XPD.TERT.PC.ZS | | weighted_mean population | 5/10
school_life_expectancy_years | years | {PS}/{SCHOOL}/total; female; male | | | weighted_mean population | 5/10
population | count | {PS}/Population/total; female; male | SP.POP.TOTL | | sum | 2/5
population_growth_pct | percent | {PS}/Population growth rate | SP.POP.GROW? | | weighted_mean population | 3/5
urban_population_pct | percent | {PS}/Urbanization/urban population | SP.URB.TOTL.IN.ZS | | weighted_mean population | 5/10
electricity_access_pct | percent | {EN}/Electricity access/electrification - total population; electrification - rural areas; electrification - urban areas | EG.ELC.ACCS.ZS? EG.ELC.ACCS.RU.ZS? EG.ELC.ACCS.UR.ZS? | | weighted_mean population | 4/10
electricity_consumption_kwh | kwh | {EN}/Electricity/consumption | | | sum | 4/10
electricity_consumption_kwh_per_person | kwh | | EG.USE.ELEC.KH.PC | | ratio_of_sums population | 4/10
gdp_ppp_intl_2021 | intl_usd_2021 | {EC}/Real GDP (purchasing power parity)/Real GDP (purchasing power parity)* | NY.GDP.MKTP.PP.KD? | | sum | 2/5
gdp_ppp_per_person_intl_2021 | intl_usd_2021 | {EC}/Real GDP per capita/Real GDP per capita* | NY.GDP.PCAP.PP.KD? | | ratio_of_sums population | 2/5
gdp_current_usd | usd_current | {EC}/GDP (official exchange rate) | NY.GDP.MKTP.CD? | | sum | 2/5
gdp_constant_2015_usd | usd_2015 | | NY.GDP.MKTP.KD | | sum | 2/5
gdp_constant_2015_usd_per_person | usd_2015 | | NY.GDP.PCAP.KD | | ratio_of_sums population | 2/5
gdp_growth_pct | percent | {EC}/Real GDP growth rate/Real GDP growth rate* | NY.GDP.MKTP.KD.ZG? | | weighted_mean gdp_ppp_intl_2021 | 2/5
services_pct_gdp | percent | {EC}/GDP - composition, by sector of origin/services | NV.SRV.TOTL.ZS? | | weighted_mean gdp_ppp_intl_2021 | 3/10
exports_current_usd | usd_current | {EC}/Exports/Exports* | BX.GSR.GNFS.CD? | | sum | 3/8
imports_current_usd | usd_current | {EC}/Imports/Imports* | BM.GSR.GNFS.CD? | | sum | 3/8
export_partner_pct | percent | {EC}/Exports - partners | | | none | 3/8
import_partner_pct | percent | {EC}/Imports - partners | | | none | 3/8
gini_index | index_0_100 | {EC}/{GINI}/{GINI}* | SI.POV.GINI | | median | 6/12
income_share_lowest10_pct | percent | {EC}/{SHARES}/lowest 10% | SI.DST.FRST.10? | | none | 6/12
income_share_highest10_pct | percent | {EC}/{SHARES}/highest 10% | SI.DST.10TH.10? | | none | 6/12
income_share_quintile_pct | percent | | SI.DST.FRST.20 SI.DST.02ND.20 SI.DST.03RD.20 SI.DST.04TH.20 SI.DST.05TH.20 | | none | 6/12
labour_force | count | {EC}/Labor force | SL.TLF.TOTL.IN? | | sum | 2/6
unemployment_pct | percent | {EC}/Unemployment rate/Unemployment rate* | SL.UEM.TOTL.ZS? | | weighted_mean labour_force | 2/6
unemployment_youth_pct | percent | {EC}/{YOUTH}/total; female; male | SL.UEM.1524.ZS? | | weighted_mean population | 2/6
remittances_pct_gdp | percent | {EC}/Remittances/Remittances* | BX.TRF.PWKR.DT.GD.ZS? | | weighted_mean gdp_ppp_intl_2021 | 3/8
public_debt_pct_gdp | percent | {EC}/Public debt/Public debt* | | | weighted_mean gdp_ppp_intl_2021 | 3/8
exchange_rate_lcu_per_usd | lcu_per_usd | {EC}/Exchange rates/Exchange rates* | PA.NUS.FCRF? | | none | 2/5
fdi_inflow_pct_gdp | percent | | BX.KLT.DINV.WD.GD.ZS | | weighted_mean gdp_ppp_intl_2021 | 3/8
ict_service_exports_pct | percent | | BX.GSR.CCIS.ZS? | | none | 3/8
ict_service_exports_current_usd | usd_current | | BX.GSR.CCIS.CD? | | sum | 3/8
ict_goods_exports_pct | percent | | TX.VAL.ICTG.ZS.UN? | | none | 3/8
ict_goods_imports_pct | percent | | TM.VAL.ICTG.ZS.UN? | | none | 3/8
high_tech_exports_pct | percent | | TX.VAL.TECH.MF.ZS | | none | 3/8
rd_expenditure_pct_gdp | percent | | GB.XPD.RSDV.GD.ZS? | GB_XPD_RSDV | weighted_mean gdp_ppp_intl_2021 | 4/10
patent_applications | count | | IP.PAT.RESD? | | sum | 4/10
egovernment_index | index_0_1 | | | | none | 3/6
"""  # noqa: E501
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]


def test_the_indicators_are_those_of_the_specification(catalogue: Catalogue) -> None:
    assert sorted(catalogue.indicators) == sorted(row[0] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_indicator_is_as_the_specification_s_table_has_it(catalogue: Catalogue, row: list[str]) -> None:
    name, unit, factbook, worldbank, others, rule, age = row
    i = catalogue.indicators[name]
    assert i.unit == unit
    assert f"{i.aggregate_rule} {i.aggregate_weight if i.aggregate_rule != 'sum' else ''}".strip() == rule
    assert f"{i.age_stale}/{i.age_drop}" == age
    assert _factbook_paths(i.maps.get("cia_factbook")) == factbook
    assert _codes(i, "worldbank_wdi") == worldbank
    assert " ".join(filter(None, (_codes(i, source) for source in ("un_sdg", "itu", "eurostat")))) == others


def _factbook_paths(place) -> str:
    """`section/field/key; key of a breakdown; ...`"""
    if place is None:
        return ""
    return "; ".join(["/".join(place.path), *(place.breakdowns[b][-1] for b in sorted(place.breakdowns))])


def _codes(indicator, source: str) -> str:
    place = indicator.maps.get(source)
    if place is None:
        return ""
    mark = "?" if place.status == "unverified" else ""
    codes = [place.code, *(place.breakdowns[b] for b in sorted(place.breakdowns))]
    return " ".join(code + mark for code in codes if code)


def test_every_indicator_has_its_words_and_its_order_of_sources(catalogue: Catalogue) -> None:
    assert len(catalogue.by_topic("connectivity")) == 15
    assert sum(len(catalogue.by_topic(topic)) for topic in TOPICS) == len(ROWS)
    internet = catalogue.get("internet_users_pct")
    assert internet.source_order == ("member_official", "itu", "un_sdg", "worldbank_wdi", "cia_factbook")
    assert (internet.bounds, internet.headline, internet.check_jump, internet.tolerance_abs) == (
        (0, 100),
        True,
        10,
        0.1,
    )
    assert internet.name("hi") == "इंटरनेट उपयोगकर्ता"
    assert internet.name("sw") == internet.name() == "People using the Internet"


def test_a_rate_is_a_ratio_of_the_total_and_the_population(catalogue: Catalogue) -> None:
    for rate, total in [
        ("fixed_broadband_per_100", "fixed_broadband_subscriptions"),
        ("mobile_subscriptions_per_100", "mobile_subscriptions"),
        ("fixed_lines_per_100", "fixed_lines"),
    ]:
        i = catalogue.get(rate)
        assert (i.aggregate_numerator, i.aggregate_denominator, i.aggregate_per) == (total, "population", 100)


def test_the_schema_file_is_that_of_the_model() -> None:
    stored = (files("concordat.evidence") / "_data" / "schema" / "indicators-1.json").read_text(encoding="utf-8")
    assert json.loads(stored) == indicator_schema()


# --- Bad files ------------------------------------------------------------------------------------------------------

GOOD = """\
schema: concordat/indicators@1
indicators:
  - id: people_counted
    names: {en: "People counted"}
    definition: "An invented indicator for the tests of bad files."
    topic: people
    unit: count
    bounds: [0, null]
    polarity: neutral
    breakdowns: [sex]
    aggregate: {rule: sum}
    tolerance: {abs: 0}
    age_years: {stale: 3, drop: 10}
    maps:
      cia_factbook: {path: [Society, People], status: verified}
"""


def _read(text: str, name: str = "people.yaml") -> Catalogue:
    return read_catalogue({name: text.encode()})


def test_the_good_file_is_good() -> None:
    assert list(_read(GOOD).indicators) == ["people_counted"]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("    polarity: neutral", "    polarty: neutral", 9, '"polarty"*polarity'),
        ("    unit: count\n", "", 3, "unit*missing"),
        ("unit: count", "unit: counts", 7, "'count'*found 'counts'"),
        ("unit: count", "unit: 7", 7, "unit"),
        ("id: people_counted", "id: People Counted", 3, "People Counted"),
        ("[0, null]", "[5, 5]", None, "lower bound must be below"),
        ("{stale: 3, drop: 10}", "{stale: 3, drop: 2}", 13, "drop must not be below stale"),
        ("{stale: 3, drop: 10}", "{stale: -1, drop: 2}", 13, "greater than or equal to 0"),
        ("{abs: 0}", "{abs: -1}", 12, "greater than or equal to 0"),
        ("{rule: sum}", "{rule: weighted_mean}", 11, "weighted_mean needs a weight"),
        ("{rule: sum}", "{rule: sum, numerator: population}", 11, "come together"),
        ("{rule: sum}", "{rule: mean}", 11, "found 'mean'"),
        ('{en: "People counted"}', "{pt: Pessoas}", 4, "English name"),
        ('{en: "People counted"}', '{en: ""}', 4, "at least 1 character"),
        ("[Society, People]", "[Society]", 15, "a path has a section, a field"),
        ("path: [Society, People], ", "", 15, "needs a path"),
        ("status: verified", "status: sure", 15, "found 'sure'"),
        ("path: [Society, People]", "path: [S, P], breakdowns: {loc=rural: [S, P]}", None, 'loc=rural" is not among'),
        ("path: [Society, People]", "path: [S, P], breakdowns: {female: [S, P]}", None, "not of the form sex=F"),
        ("topic: people", "topic: energy", 6, "people_counted is of topic energy*Move it to energy.yaml"),
        ("indicators@1", "indicators@2", 1, "concordat/indicators@1"),
        ("maps:", "replaced_by: other\n    maps:", None, "replaced_by needs a retired date"),
        ("maps:", "retired: soon\n    maps:", 14, "retired"),
    ],
)
def test_a_bad_file_is_told_with_its_line(old: str, new: str, line: int | None, words: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        _read(GOOD.replace(old, new))
    place = caught.value.where
    assert place.startswith("people.yaml, line ")
    assert line is None or place == f"people.yaml, line {line}"
    assert all(word in str(caught.value) for word in words.split("*"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("{rule: weighted_mean, weight: people_conted}", 'Did you mean "people_counted"?'),
        ("{rule: weighted_mean, weight: zzz}", "Name an id of the catalogue."),
        ("{rule: sum, numerator: people_counted, denominator: peple_counted}", 'Did you mean "people_counted"?'),
    ],
)
def test_an_unknown_weight_is_told_with_the_nearest_id(wrong: str, words: str) -> None:
    with pytest.raises(InputError, match="which is no indicator") as caught:
        _read(GOOD.replace("{rule: sum}", wrong))
    assert (caught.value.where, caught.value.code, caught.value.hint) == (
        "people.yaml, line 3",
        "unknown_indicator",
        words,
    )


def test_an_id_is_never_used_twice_in_one_file_or_two() -> None:
    entry = GOOD.partition("indicators:\n")[2]
    with pytest.raises(InputError, match='the id "people_counted" stands twice') as caught:
        _read(GOOD + entry)
    assert (caught.value.where, caught.value.code) == ("people.yaml, line 16", "duplicate_id")
    assert "It stands first in people.yaml, line 3; ids are never reused." in str(caught.value)
    other = GOOD.replace("topic: people", "topic: energy")
    with pytest.raises(InputError, match="stands twice") as caught:
        read_catalogue({"people.yaml": GOOD.encode(), "energy.yaml": other.encode()})
    assert caught.value.where == "energy.yaml, line 3"


def test_a_retired_id_stays_names_its_successor_and_leaves_its_topic() -> None:
    entry = GOOD.partition("indicators:\n")[2]
    new = entry.replace("id: people_counted", "id: people_registered")
    retired = "retired: 2026-01-31\n    replaced_by: people_registered\n    maps:"
    known = _read(GOOD.replace("maps:", retired) + new)
    assert known.get("people_counted").replaced_by == "people_registered"
    assert [i.id for i in known.by_topic("people")] == ["people_registered"]
    with pytest.raises(InputError, match='replaced_by of people_counted names "people_registered"'):
        _read(GOOD.replace("maps:", retired))


def test_an_unknown_indicator_is_told_with_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(InputError) as caught:
        catalogue.get("internet_user_pct", where="study.yaml, line 4")
    assert str(caught.value) == (
        'study.yaml, line 4: "internet_user_pct" is not an indicator I know. Did you mean "internet_users_pct"?'
    )


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"schema: concordat/indicators@1\nindicators: [", b"null"])
def test_what_is_no_catalogue_is_an_input_error(body: bytes) -> None:
    with pytest.raises(InputError, match=r"people\.yaml"):
        read_catalogue({"people.yaml": body})


def test_the_hash_of_a_catalogue_is_of_its_bytes_and_not_of_their_order() -> None:
    energy = GOOD.replace("topic: people", "topic: energy").replace("people_counted", "energy_counted").encode()
    there = read_catalogue({"people.yaml": GOOD.encode(), "energy.yaml": energy})
    back = read_catalogue({"energy.yaml": energy, "people.yaml": GOOD.encode()})
    assert there.hash == back.hash
    assert there.hash != _read(GOOD).hash != _read(GOOD + "\n").hash
