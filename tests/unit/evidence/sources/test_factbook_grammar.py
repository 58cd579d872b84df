"""What one Factbook text says: a table for each rule of the specification of evidence, section 6, and its traps.

Expected figures are read off the texts by a person. Rules 7 to 9 need more than one text: `test_factbook_walk`,
`test_factbook_partners`, `test_factbook_units`.
"""

from __future__ import annotations

import pytest

from concordat.evidence.sources._factbook_grammar import TEXT_MAX, clean_text, parse, split_at_year


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<p>84%&nbsp;(2023&nbsp;est.)</p>", "84% (2023 est.)"),
        ("3<br />million", "3 million"),
        ("&lt;1% &amp; falling", "<1% & falling"),
        ("<1 (2023 est.)", "<1 (2023 est.)"),
        ("84\u200b%\t\n (2023)", "84% (2023)"),
        ("a\ud800b\0c", "a?b c"),
    ],
)
def test_rule_1_tags_become_spaces_and_entities_characters(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@pytest.mark.parametrize(
    ("text", "year", "year_end", "estimate"),
    [
        ("84% (2023 est.)", 2023, 2023, True),
        ("84% (2023)", 2023, 2023, False),
        ("84% (July 2023 est.)", 2023, 2023, True),
        ("5 (FY 2019/20 est.)", 2019, 2020, True),
        ("5 (FY2019-20)", 2019, 2020, False),
        ("5 (2015-2019)", 2015, 2019, False),
        ("5 (2015–19)", 2015, 2019, False),
        ("5 (1999/00)", 1999, 2000, False),
        ("5 (2019-12)", 2019, 2019, False),  # a month, not a range that ends before it starts
        ("5 (1900)", 1900, 1900, False),
        ("5 (2099)", 2099, 2099, False),
        ("5 (1899)", None, None, False),
        ("5 (2100)", None, None, False),
        ("5 (12023)", None, None, False),
        ("5 (2,023 people)", None, None, False),
        ("5 (of GDP) (2021 est.) (2019)", 2021, 2021, True),  # the first that holds a year
        ("5 (west of the river) (2021)", 2021, 2021, False),  # `west` is no estimate
        ("5, 2023 est.", None, None, False),  # no parenthesis, no year
    ],
)
def test_rule_2_the_first_parenthesis_with_a_year_gives_the_period(
    text: str, year: int | None, year_end: int | None, estimate: bool
) -> None:
    p = parse(text)
    assert (p.year, p.year_end, p.estimate) == (year, year_end, estimate)
    assert p.value == (84 if text.startswith("84") else 5)


def test_rule_2_other_parentheses_are_taken_out_of_the_head() -> None:
    assert parse("(of GDP) 3.2% (FY 2019/20 est.)").value == 3.2
    dated = split_at_year("3.2% (of GDP) (2020) revised")
    assert (dated.head, dated.tail) == ("3.2% (of GDP)", "revised")


@pytest.mark.parametrize(
    ("text", "value", "upper"),
    [
        ("(2023 est.) less than 1", None, 1),  # 35 of 219 broadband texts: the first number is a year
        ("(2023 est.) 17", 17, None),
        ("17 (2023 est.) 18", 17, None),  # the head wins
        ("(2023 est.) (of all) 17", 17, None),
    ],
)
def test_rule_3_the_tail_is_read_only_when_the_head_is_blank(
    text: str, value: float | None, upper: float | None
) -> None:
    p = parse(text)
    assert (p.value, p.upper, p.year) == (value, upper, 2023)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("84% (2023 est.)", 84),
        ("13 years (2021 est.)", 13),
        ("277.501 billion kWh (2023 est.)", 277_501_000_000),
        ("61,089,926 (2025 est.)", 61_089_926),
        ("1,234.5 (2025)", 1234.5),
        ("4 thousand", 4_000),
        ("6.98 Million", 6_980_000),
        ("$1.041 billion (2021 est.)", 1_041_000_000),
        ("$2.5 trillion", 2_500_000_000_000),
        ("-$61.194 billion (2019 est.)", -61_194_000_000),
        ("−3.1% (2020 est.)", -3.1),
        ("– 3.1%", -3.1),
        ("-0.0%", 0),
        ("US$ 12", 12),
        ("0.1 million", 100_000),  # exactly: integers, rounded once
        ("1.1 million", 1_100_000),
        ("2021 (2023 est.)", 2021),  # a figure that looks like another year
    ],
)
def test_rule_4_a_number_with_sign_currency_multiplier_and_unit(text: str, value: float) -> None:
    p = parse(text)
    assert (p.value, p.flag, p.lower, p.upper) == (value, "ok", None, None)


@pytest.mark.parametrize(
    ("text", "upper"),
    [
        ("less than 1", 1),
        ("Less than 1% (2020)", 1),
        ("under 5,000 (2020)", 5_000),
        ("<0.5 (2020)", 0.5),
        ("&lt; 2 (2020)", 2),
        ("less than $1 million (2020)", 1_000_000),
        ("less than 1.5 thousand", 1_500),
    ],
)
def test_rule_4_less_than_is_an_interval_from_zero(text: str, upper: float) -> None:
    p = parse(text)
    assert (p.value, p.lower, p.upper, p.flag) == (None, 0, upper, "censored_below")


@pytest.mark.parametrize("text", ["NA", "NA (2020)", "(2020 est.) NA", "$NA", "N/A", "NA%", "NA million"])
def test_rule_4_na_is_missing(text: str) -> None:
    p = parse(text)
    assert (p.flag, p.reason, p.value, p.lower) == ("missing", "not_published", None, None)


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "()", "(2023 est.)", "2023", "2023 est.", "FY 2019/20", "2023 (2023 est.)", "Namibia", "n.a. of 5",
        "about 5 million (2020)", "more than 5", "the 5 islands (2020)", "1,23 (2020)", "1.2.3", "1,2345",
        "84-90% (2020)", "84% - 90% (2020)", "5 to 6 million (2020)", "5 million to 6 million", "$5–6 billion", "1/2",
        "1 234 567 (2020)", "-(2020)", "$ (2020)", "%", "9" * 31, "0." + "1" * 21,
        "(2024 est.) The telephone system is down. No data is available for the year 2024.",
    ],
)  # fmt: skip
def test_rule_4_anything_else_is_text_and_never_guessed_at(text: str) -> None:
    p = parse(text)
    assert (p.flag, p.reason, p.value, p.lower, p.upper) == ("text", "unparsed", None, None, None)


@pytest.mark.parametrize("text", ["uninhabited", "Uninhabited (2020)", "no permanent inhabitants; 20 staff"])
def test_rule_4_uninhabited_is_a_reason_of_its_own(text: str) -> None:
    assert (parse(text).flag, parse(text).reason) == ("text", "uninhabited")


@pytest.mark.parametrize(
    ("text", "remark", "marks"),
    [
        ("1,000 (2022 est.) Data of 2019 only.", "Data of 2019 only.", ("remark_contradicts_year",)),
        ("1,000 (2022 est.) no survey since 2022", "no survey since 2022", ()),
        ("0 (2024) no service", "no service", ()),
        ("84 (2023 est.) %", "", ()),
        ("84 (2023 est.);", "", ()),
        ("84 (2023 est.)", "", ()),
        ("1 (2023 est.) less than 1", "less than 1", ("remark_censors",)),
        ("less than 1 (2023) as of 2011", "as of 2011", ("remark_contradicts_year",)),
    ],
)  # fmt: skip
def test_rule_5_a_tail_after_a_value_is_a_remark(text: str, remark: str, marks: tuple[str, ...]) -> None:
    assert (parse(text).remark, parse(text).marks) == (remark, marks)


@pytest.mark.parametrize(
    ("text", "precision", "decimals"),
    [
        ("84%", 0.5, 0),
        ("84.0%", 0.05, 1),
        ("0.876", 0.0005, 3),
        ("1.15 billion", 5_000_000, 0),
        ("61,089,926", 0.5, 0),
        ("4 thousand", 500, 0),
        ("1.2345 thousand", 0.05, 1),
        ("less than 1", 0.5, 0),
    ],
)
def test_rule_6_precision_is_half_of_the_last_printed_digit(text: str, precision: float, decimals: int) -> None:
    assert (parse(text).precision, parse(text).decimals) == (precision, decimals)


def test_the_currency_is_kept_so_that_money_is_not_taken_for_something_else() -> None:
    assert [parse(t).currency for t in ("$5", "€5", "US$5", "less than £5", "5")] == ["$", "€", "US$", "£", ""]


@pytest.mark.parametrize(
    "text", ["9" * 5_000, "(" * 9_000, "<" * 9_000, "1," * 9_000, "&" * 9_000, " " * (TEXT_MAX + 1) + "5", "((2023) 5"]
)
def test_a_huge_or_broken_text_is_no_figure(text: str) -> None:
    assert parse(text).flag == "text"
