"""The page of indicators says what the catalogue says: its tables are made from it, and compared here.

What stands above the mark on the page is written by hand; what stands below is written by

    pytest tests/tidy/test_reference_indicators.py --update-golden

and the diff is reviewed like code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from concordat.evidence.catalogue import TOPICS, Catalogue, Indicator, SourceMap, load_catalogue
from concordat.report.messages import Messages

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "indicators.md"
MARK = "<!-- From here on made from the catalogue by tests/tidy/test_reference_indicators.py; do not edit. -->"
HEAD = ("id", "what it is", "unit", "better", "the bloc's figure", "stale, dropped", "where sources have it")
BETTER = {"higher_is_better": "higher", "lower_is_better": "lower", "neutral": "neither"}


def test_the_tables_are_those_of_the_catalogue(update_golden: bool) -> None:
    above, mark, below = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert mark, f"{PAGE.name} has no line {MARK}"
    wanted = "\n\n" + "\n\n".join(_sections(load_catalogue())) + "\n"
    if update_golden:
        PAGE.write_text(above + mark + wanted, encoding="utf-8")
    else:
        assert below == wanted, "the catalogue has changed: run this test with --update-golden and review the diff"


def test_every_topic_and_indicator_stands_on_the_page_once() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for indicator_id in load_catalogue().indicators:
        assert text.count(f"\n| `{indicator_id}` |") == 1, indicator_id
    for topic in TOPICS:
        assert text.count(f"\n## {_title(topic)}\n") == 1, topic


@pytest.mark.parametrize(
    ("indicator_id", "says"),
    [
        # As the catalogue's own text reads, checked by eye: one of each rule and each kind of place.
        ("internet_users_pct", "| higher | mean weighted by `population` | 3, 10 |"),
        ("fixed_broadband_per_100", "100 × `fixed_broadband_subscriptions` / `population`; else mean weighted by"),
        ("fixed_lines", "| neither | sum | 3, 10 |"),
        ("mobile_broadband_per_100", "itu: `i911mw_IDI` (seen) |"),
        ("households_internet_pct", "eurostat: `isoc_ci_in_h` (unverified) |"),
        ("population", "sex=M People and Society > Population > male (verified); worldbank_wdi: `SP.POP.TOTL`"),
    ],
)
def test_a_line_says_what_the_catalogue_file_says(indicator_id: str, says: str) -> None:
    assert says in _row(load_catalogue().indicators[indicator_id])


# --- The text -------------------------------------------------------------------------------------------------------


def _sections(catalogue: Catalogue) -> Iterator[str]:
    for topic in TOPICS:
        rows = [_row(i) for i in catalogue.indicators.values() if i.topic == topic]
        head = [f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
        yield f"## {_title(topic)}\n\n" + "\n".join([*head, *rows])


def _title(topic: str) -> str:
    return Messages("en").plain(f"topic.{topic}")


def _row(i: Indicator) -> str:
    what = f"**{i.name()}.** {' '.join(i.definition.split())}"
    if i.retired:
        what += f" Retired {i.retired}" + (f"; see `{i.replaced_by}`." if i.replaced_by else ".")
    unit = Messages("en").plain(f"page.unit.{i.unit}")
    places = "; ".join(f"{source}: {_place(place)} ({place.status})" for source, place in i.maps.items())
    cells = (f"`{i.id}`", what, unit, BETTER[i.polarity], _rule(i), f"{i.age_stale}, {i.age_drop}", places or "none")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _rule(i: Indicator) -> str:
    mean = f"mean weighted by `{i.aggregate_weight}`"
    if i.aggregate_rule == "ratio_of_sums" and i.aggregate_numerator:
        times = "" if i.aggregate_per == 1 else f"{i.aggregate_per:g} × "
        return f"{times}`{i.aggregate_numerator}` / `{i.aggregate_denominator}`; else {mean}"
    return {"weighted_mean": mean, "ratio_of_sums": mean}.get(i.aggregate_rule, i.aggregate_rule)


def _place(place: SourceMap) -> str:
    """The total's code or path, then those of the breakdowns."""
    total = [_code(place.code or place.path)] if place.code or place.path else []
    return ", ".join([*total, *(f"{split} {_code(code)}" for split, code in place.breakdowns.items())])


def _code(code: str | tuple[str, ...]) -> str:
    return f"`{code}`" if isinstance(code, str) else " > ".join(code).replace("*", "\\*")
