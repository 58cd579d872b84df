"""Factbook texts: what is printed is read back, a year is never taken for a value, no text makes the parser raise."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st

from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.locators import Body, file_of
from concordat.evidence.sources._factbook_grammar import parse
from concordat.evidence.sources._factbook_partners import parse_partners
from concordat.evidence.sources.factbook import edition_of, parse_edition

MULTIPLIERS = {"": 1, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
UNITS = ("", "%", " kWh", " years", "% of GDP", " (of GDP)", " people")
LAYOUTS = ("{figure} ({date})", "({date}) {figure}", "<p>{figure}&nbsp;({date})</p>", "{figure}  ({date}) as reported")


@dataclass(frozen=True)
class Figure:
    """What a text is made to say, before it is printed."""

    whole: int
    fraction: str
    grouped: bool
    minus: bool
    below: bool
    currency: str
    multiplier: str
    unit: str

    @property
    def value(self) -> Fraction:
        digits = Fraction(int(f"{self.whole}{self.fraction}"), 10 ** len(self.fraction))
        return (-1 if self.minus and not self.below else 1) * digits * MULTIPLIERS[self.multiplier]

    @property
    def precision(self) -> Fraction:
        return Fraction(MULTIPLIERS[self.multiplier], 2 * 10 ** len(self.fraction))

    def __str__(self) -> str:
        number = f"{self.whole:,}" if self.grouped else str(self.whole)
        number += f".{self.fraction}" if self.fraction else ""
        sign = "less than " if self.below else "-" if self.minus else ""
        multiplier = f" {self.multiplier}" if self.multiplier else ""
        return f"{sign}{self.currency}{number}{multiplier}{self.unit}"


figures = st.builds(
    Figure,
    whole=st.integers(0, 10**12),
    fraction=st.text("0123456789", max_size=3),
    grouped=st.booleans(),
    minus=st.booleans(),
    below=st.booleans(),
    currency=st.sampled_from(["", "$"]),
    multiplier=st.sampled_from(list(MULTIPLIERS)),
    unit=st.sampled_from(UNITS),
)
years = st.integers(1900, 2099)


@st.composite
def dates(draw: st.DrawFn) -> tuple[str, int, int, bool]:
    """A date as printed, its first and last year, and whether it is an estimate."""
    first, estimate = draw(years), draw(st.booleans())
    span = draw(st.sampled_from(["", "/", "-"]))
    last = min(first + draw(st.integers(1, 40)), first - first % 100 + 99) if span else first
    printed = f"{first}{span}{last % 100:02}" if span and last > first else str(first)
    fiscal = "FY " if draw(st.booleans()) else ""
    return f"{fiscal}{printed}{' est.' if estimate else ''}", first, max(first, last), estimate


@given(figures, dates(), st.sampled_from(LAYOUTS))
@settings(max_examples=300)
def test_what_is_printed_is_read_back(figure: Figure, date: tuple[str, int, int, bool], layout: str) -> None:
    printed, first, last, estimate = date
    text = layout.format(figure=figure, date=printed)
    p = parse(text)
    if not figure.below and re.sub(r" \([^)]*\)", "", str(figure)) == str(first):
        assert p.flag == "text"  # `2023 (2023)` holds a year and no figure
        return
    assert (p.year, p.year_end, p.estimate) == (first, last, estimate)
    assert p.precision == float(figure.precision)
    if figure.below:
        assert (p.flag, p.value, p.lower, p.upper) == ("censored_below", None, 0, float(figure.value))
    else:
        assert (p.flag, p.value, p.lower, p.upper) == ("ok", float(figure.value), None, None)


@given(dates(), st.sampled_from(["({})", "{}", "({}) NA", "NA ({})", "({}) (of GDP)", "<p>({})</p>", "{} ({})"]))
@example(("2023 est.", 2023, 2023, True), "{}")
def test_no_value_equals_its_own_year_where_a_text_holds_only_a_year(
    date: tuple[str, int, int, bool], layout: str
) -> None:
    p = parse(layout.format(date[0], date[0]))
    assert p.value is None
    assert p.lower is None
    assert p.flag in ("text", "missing")


fragments = st.sampled_from(
    [
        "less than ", "<", "(", ")", "2023", "1,234", "٨٤", ".", ",", "-", "−", "$", "%", " ", "\u200b", "&lt;", "<p>",
        "&#", "NA", "million", "est.", "FY", "/", "\0", "\ud800", "9" * 400, "²", "½", "Ⅷ",
    ]
)  # fmt: skip
messy = st.lists(fragments | st.text(max_size=8), max_size=14).map("".join)


@given(st.text(max_size=200) | messy)
@settings(max_examples=300)
def test_no_text_makes_the_parser_raise_or_say_two_things(text: str) -> None:
    p = parse(text)
    numbers = [n for n in (p.value, p.lower, p.upper, p.precision) if n is not None]
    assert all(math.isfinite(n) for n in numbers)
    assert (p.flag == "ok") == (p.value is not None)
    assert (p.flag == "censored_below") == (p.upper is not None) == (p.lower is not None)
    assert (p.flag in ("missing", "text")) == bool(p.reason)
    assert all(partner.text for partner in parse_partners(text)[1])


@given(st.lists(st.tuples(st.sampled_from(["China", "USA", "UAE", "Cote d'Ivoire"]), st.integers(0, 999)), max_size=5))
def test_a_printed_list_of_partners_is_read_back_in_its_order(partners: list[tuple[str, int]]) -> None:
    text = ", ".join(f"{name} {share / 10:g}%" for name, share in partners) + " (2023)"
    assert [(p.name, p.value) for p in parse_partners(text)[1]] == [(name, share / 10) for name, share in partners]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | messy,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["text", "note", "total"]), inner),
    max_leaves=6,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "Communications": json_values
        | st.fixed_dictionaries(
            {}, optional={"Internet users": json_values, "Telephones - mobile cellular": json_values}
        ),
        "People and Society": json_values
        | st.fixed_dictionaries({}, optional={"Population": json_values, "Literacy": json_values}),
        "Economy": json_values
        | st.fixed_dictionaries({}, optional={"Exports - partners": json_values, "Exports": json_values}),
    },
)


@given(documents)
@settings(max_examples=150, deadline=None)
def test_any_json_object_gives_rows_whose_text_stands_at_their_place(document: object) -> None:
    bodies = {"africa/et.json": json.dumps(document).encode()}
    rows, problems = parse_edition(edition_of(bodies, version="test"), load_catalogue())
    body = Body(bodies["africa/et.json"], "et.json")
    assert {file_of(place) for place in [o.raw_locator for o in rows] + [p.where for p in problems]} <= set(bodies)
    for o in rows:
        text = body.text_at(o.raw_locator)  # raises if nothing stands there
        if o.value is not None and not o.breakdown.startswith("partner="):
            assert parse(text).value == o.value
