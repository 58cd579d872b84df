"""Breaking any rule of the specification of evidence, section 6, must show: each mutation below spoils a trap.

The traps are one text or one small file each, with what a reader must get from it. First all of them hold; then each
mutation, a rule broken in one regular expression or one branch, must make at least one trap of its rule fail. A
mutation that survives means that a rule could be lost unseen.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.sources import _factbook_fields as fields
from concordat.evidence.sources import _factbook_grammar as grammar
from concordat.evidence.sources import _factbook_partners as partners
from concordat.evidence.sources._factbook_units import Money
from concordat.evidence.sources.factbook import edition_of, parse_edition

NEVER = re.compile(r"(?!)")
GDP = "Real GDP (purchasing power parity)"


def reading(text: str) -> str:
    """What the grammar reads, in short: figure, half digit, period, `e` for an estimate, remark, marks."""
    p = grammar.parse(text)
    figure = f"{p.value:.12g}" if p.value is not None else f"<{p.upper:g}" if p.upper is not None else p.reason
    half = f" ~{p.precision:g}" if p.precision is not None else ""
    period = f" {p.year}" if p.year is not None else ""
    period += f"-{p.year_end}" if p.year_end != p.year else ""
    estimate = "e" if p.estimate else ""
    said = f" [{p.remark}]" if p.remark else ""
    return f"{figure}{half}{period}{estimate}{said}{''.join(f' !{mark}' for mark in p.marks)}"


def trade(text: str) -> str:
    """The partners that a text names, in short."""
    found = partners.parse_partners(text)[1]
    return "; ".join(f"{p.name}={p.value:g}" if p.value is not None else f"{p.name}<{p.upper}" for p in found)


def walk(content: str) -> str:
    """The rows and problems of a file of Ethiopia, in short."""
    section, field, body = json.loads(content)
    made = edition_of({"africa/et.json": json.dumps({section: {field: body}}).encode()}, version="test")
    rows, problems = parse_edition(made, load_catalogue())
    said = [
        f"{o.breakdown or 'total'} {o.value if o.value is None else f'{o.value:g}'} {o.year} {o.unit}" for o in rows
    ]
    return "; ".join(said + [f"!{p.rule}" for p in problems])


def _file(*steps: Any) -> str:
    return json.dumps([*steps[:2], {k: {"text": v} if k != "note" else v for k, v in steps[2].items()}])


ALL, RURAL = "electrification - total population", "electrification - rural areas"
# rule -> [(how it is read, text, what a reader must get)]
TRAPS: dict[int, list[tuple[Callable[[str], str], str, str]]] = {
    1: [
        (reading, "<p>84%&nbsp;(2023&nbsp;est.)</p>", "84 ~0.5 2023e"),
        (reading, "5 (2020) no<br />data", "5 ~0.5 2020 [no data]"),
        (reading, "&lt;1 (2020)", "<1 ~0.5 2020"),
        (reading, "5 \n (2020)\n no\n data", "5 ~0.5 2020 [no data]"),
    ],
    2: [
        (reading, "3.2% (of GDP) (FY 2019/20 est.) (2011)", "3.2 ~0.05 2019-2020e [(2011)] !remark_contradicts_year"),
        (reading, "(of GDP) 3% (2020)", "3 ~0.5 2020"),
        (reading, "5 (1834) (west, 2020)", "5 ~0.5 2020"),
    ],
    3: [
        (reading, "(2023 est.) less than 1", "<1 ~0.5 2023e"),
        (reading, "7 (2023 est.) 8", "7 ~0.5 2023e [8]"),
    ],
    4: [
        (reading, "less than 1 (2020)", "<1 ~0.5 2020"),
        (reading, "<0.5", "<0.5 ~0.05"),
        (reading, "-$61.194 billion (2019)", "-61194000000 ~500000 2019"),
        (reading, "61,089,926", "61089926 ~0.5"),
        (reading, "NA (2020)", "not_published 2020"),
        (reading, "Namibia (2020)", "unparsed 2020"),
        (reading, "about 5", "unparsed"),
        (reading, "84-90% (2020)", "unparsed 2020"),
        (reading, "1,23", "unparsed"),
        (reading, "2023 est.", "unparsed"),
        (reading, "no permanent inhabitants", "uninhabited"),
    ],
    5: [
        (reading, "1 (2022) Data of 2019 only.", "1 ~0.5 2022 [Data of 2019 only.] !remark_contradicts_year"),
        (reading, "1 (2023 est.) less than 1", "1 ~0.5 2023e [less than 1] !remark_censors"),
    ],
    6: [(reading, "1.15 billion", "1150000000 ~5e+06"), (reading, "84%", "84 ~0.5"), (reading, "84.0%", "84 ~0.05")],
    7: [
        (
            walk,
            _file("Economy", GDP, {f"{GDP} 2024": "$5 (2022)", f"{GDP} 2021": "$4", "note": "in 2021 dollars"}),
            "total 4 2021 intl_usd_2021; total 5 2022 intl_usd_2021; !key_contradicts_year",
        ),
        (
            walk,
            _file("Energy", "Electricity access", {ALL: "9% (2020)", RURAL: "8%"}),
            "total 9 2020 percent; loc=rural 8 2020 percent; !year_inherited",
        ),
        (
            walk,
            _file("Energy", "Electricity access", {RURAL: "8%"}),
            "loc=rural None 2025 percent; !no_year",
        ),
    ],
    8: [
        (trade, "Serbia (Nis, Bor) 9%, Bahamas, The 5.5%", "Serbia (Nis, Bor)=9; The Bahamas=5.5"),
        (trade, "Peru <1%, Chile 2% (2023)", "Peru<1.0; Chile=2"),
        (
            walk,
            json.dumps(["Economy", "Exports - partners", {"text": "Atlantis 9%, Italy, USA 5% (2023)"}]),
            "partner=ITA None 2023 percent; partner=USA 5 2023 percent; !partner_unknown; !partner_without_share",
        ),
    ],
    9: [
        (
            walk,
            _file("Economy", GDP, {f"{GDP} 2024": "$5", "note": "note: data in 2015 dollars"}),
            "total 5 2024 intl_usd_2015; !unit_other",
        ),
        (walk, _file("Economy", GDP, {f"{GDP} 2024": "$5"}), "total 5 2024 intl_usd_unknown; !unit_unknown"),
    ],
}  # fmt: skip


def _spoiled(rule: int) -> list[str]:
    """The traps of a rule that do not give what a reader must get; one that raises is spoiled as well."""
    spoiled = []
    for read, text, expected in TRAPS[rule]:
        try:
            found = read(text)
        except Exception as error:  # a mutated parser may do anything
            found = repr(error)
        if found != expected:
            spoiled.append(f"{text}: {found}")
    return spoiled


@pytest.mark.parametrize("rule", TRAPS)
def test_every_trap_holds(rule: int) -> None:
    assert _spoiled(rule) == []


def _swap(name: str, old: str, new: str, module: Any = grammar) -> tuple[Any, str, Any]:
    """A regular expression of a module with one piece of its pattern exchanged."""
    pattern = getattr(module, name)
    assert old in pattern.pattern
    return module, name, re.compile(pattern.pattern.replace(old, new), pattern.flags)


def _tags_vanish(_: str, text: str) -> str:
    return re.sub("<[^<>]*>", "", text)


def _white_space_stays(text: str) -> str:
    return html.unescape(re.sub("<[^<>]*>", " ", text)).strip()


def _last_year(clean: str) -> grammar.Dated:
    """Cuts at the last parenthesis with a year instead of the first."""
    found = list(grammar._DATED.finditer(clean))
    cut = found[-1].start() if found else len(clean)
    late = ORIGINAL_SPLIT(clean[cut:])
    return grammar.Dated(clean[:cut].strip(), late.tail, late.year, late.year_end, late.estimate)


def _nothing_cut(clean: str) -> grammar.Dated:
    """Finds the year and leaves it where it is."""
    dated = ORIGINAL_SPLIT(clean)
    return grammar.Dated(
        clean.replace("(", "").replace(")", ""), dated.tail, dated.year, dated.year_end, dated.estimate
    )


def _key_wins(self: Any, target: Any, p: Any, key_year: int | None, where: str, notes: list[str]) -> Any:
    return (key_year, key_year) if key_year else ORIGINAL_YEARS(self, target, p, None, where, notes)


ORIGINAL_SPLIT, ORIGINAL_YEARS = grammar.split_at_year, fields.FieldReader._years
ORIGINAL_PARTNER, ORIGINAL_NUMBER = partners._partner, grammar._number

MUTATIONS: dict[str, tuple[int, tuple[Any, str, Any]]] = {
    "1 tags stay": (1, (grammar, "_TAG", NEVER)),
    "1 tags vanish instead of becoming spaces": (1, (grammar, "_TAG", SimpleNamespace(sub=_tags_vanish))),
    "1 entities stay": (1, (grammar, "html", SimpleNamespace(unescape=lambda text: text))),
    "1 white space stays": (1, (grammar, "clean_text", _white_space_stays)),
    "2 any four digits are a year": (2, _swap("_DATED", "(?:19|20)", r"\d\d")),
    "2 the last year counts": (2, (grammar, "split_at_year", _last_year)),
    "2 the year is not cut out": (2, (grammar, "split_at_year", _nothing_cut)),
    "2 a range is its first year": (2, (grammar, "_range_end", lambda *both: both[0])),
    "2 west is an estimate": (2, (grammar, "_ESTIMATE", re.compile("est"))),
    "2 nothing is an estimate": (2, (grammar, "_ESTIMATE", NEVER)),
    "2 other parentheses stay": (2, (grammar, "_without_parentheses", lambda part: part)),
    "3 the year is read as the value": (3, (grammar, "split_at_year", _nothing_cut)),
    "3 only the head is read": (3, (grammar, "split_at_year", lambda clean: _with(clean, tail=""))),
    "3 the tail is read first": (3, (grammar, "split_at_year", lambda clean: _with(clean, head=""))),
    "4 nothing is censored": (4, (grammar, "_CENSORED", NEVER)),
    "4 < is no limit": (4, _swap("_CENSORED", "|<)", ")")),
    "4 no sign is read": (4, _swap("_VALUE", "[-−–]", "[+]")),
    "4 no currency is read": (4, _swap("_VALUE", r"(?:US ?)?\$|", "")),
    "4 no multiplier is read": (4, _swap("_VALUE", "billion", "milliard")),
    "4 no thousands are grouped": (4, _swap("_VALUE", r"\d{1,3}(?:,\d{3})", r"\d{1,3}(?:;\d{3})")),
    "4 a broken number is half read": (4, _swap("_VALUE", r"(?!\d|[.,]\d)", "")),
    "4 half a range is a value": (4, _swap("_VALUE", grammar._ALONE, "")),
    "4 a number is looked for anywhere": (4, (grammar, "_VALUE", SimpleNamespace(match=grammar._VALUE.search))),
    "4 NA is text": (4, (grammar, "_MISSING", NEVER)),
    "4 Namibia is missing": (4, (grammar, "_MISSING", re.compile("NA", re.IGNORECASE))),
    "4 a bare year is a value": (4, (grammar, "_is_only_a_year", lambda *_: False)),
    "4 nobody is unparsed": (4, (grammar, "_UNINHABITED", NEVER)),
    "5 remarks are dropped": (5, (grammar, "_remark", lambda *_: ("", ()))),
    "5 remarks are never marked": (5, (grammar, "_remark", lambda *both: (both[0], ()))),
    "6 precision forgets the multiplier": (6, (grammar, "_number", lambda found: _precise(found, multiplied=False))),
    "6 precision is a whole digit": (6, (grammar, "_number", lambda found: _precise(found, half=1))),
    "7 keys with a year are not taken": (7, (fields, "_YEAR_KEY", NEVER)),
    "7 the key's year wins": (7, (fields.FieldReader, "_years", _key_wins)),
    "7 no sibling lends its year": (7, (fields.FieldReader, "_lent", lambda *_: None)),
    "7 the package lends its year": (7, (fields.FieldReader, "_lent", lambda *_: (2025, 2025))),
    "8 every comma parts": (8, (partners, "_PIECE", re.compile("[^,]+"))),
    "8 no name is turned round": (8, (partners, "_TURNED", NEVER)),
    "8 < is a share": (8, _swap("_PART", "(?P<below><)?", "(?P<below>!)?<?", partners)),
    "8 decimals are lost": (8, _swap("_PART", r"(?:\.\d{1,6})?", "", partners)),
    "8 no share is zero": (8, (partners, "_partner", lambda part: _zero(ORIGINAL_PARTNER(part)))),
    "9 the note is not read": (9, (fields, "_clean_note", lambda _: "")),
    "9 all dollars are the catalogue's": (9, (fields, "_money_unit", lambda *both: Money(both[0]))),
}  # fmt: skip


def _with(clean: str, **parts: str) -> grammar.Dated:
    dated = ORIGINAL_SPLIT(clean)
    whole = {"head": dated.head, "tail": dated.tail} | parts
    return grammar.Dated(whole["head"], whole["tail"], dated.year, dated.year_end, dated.estimate)


def _precise(found: re.Match[str], *, multiplied: bool = True, half: float = 0.5) -> tuple[float, float, int]:
    value, precision, decimals = ORIGINAL_NUMBER(found)
    scale = 1 if multiplied else 10 ** grammar.MULTIPLIERS[(found["multiplier"] or "").lower()]
    return value, precision / scale * half / 0.5, decimals


def _zero(partner: partners.Partner) -> partners.Partner:
    value = 0.0 if partner.upper is None and partner.value is None else partner.value
    return partners.Partner(partner.name, value, partner.upper, partner.precision, partner.text)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_rule_spoils_one_of_its_traps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, (module, attribute, mutant) = MUTATIONS[name]
    monkeypatch.setattr(module, attribute, mutant)
    if module in (grammar, partners):
        for other in (fields, partners):  # they hold names of their own
            if hasattr(other, attribute):
                monkeypatch.setattr(other, attribute, mutant)
    assert _spoiled(rule)


def test_every_rule_of_the_section_is_broken_by_some_mutation() -> None:
    assert {rule for rule, _ in MUTATIONS.values()} == set(TRAPS) == set(range(1, 10))
