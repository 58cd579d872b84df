"""IATI: any activities that the schema allows are written, read again and the same, and valid by the schema."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.exchange.inclusion.iati import parse_iati, print_iati
from concordat.exchange.inclusion.iati_model import (
    Activities,
    Activity,
    Budget,
    Code,
    Day,
    Figure,
    Indicator,
    Name,
    Org,
    Period,
    Rest,
    Result,
    Texts,
    Transaction,
    Value,
    Words,
)

etree = pytest.importorskip("lxml.etree", reason="needs the extra [exchange] or [test]")

# Letters that XML 1.0 allows, markup among them; a carriage return is read as a line feed (section 2.11), so it is out.
LETTERS = "abc XYZ 019 -_é中\U0001f600عिя<>&\"'\n\t]"
ATTRIBUTES = ((), (("{urn:example:a}by", "x & y"),), (("{urn:example:a}by", ""), ("{urn:example:b}on", "1")))
ELEMENTS = ((), (), ('<n0:more xmlns:n0="urn:example:a" at="1">a &lt; b<n0:in></n0:in> tail</n0:more>',))
CARRIED = (
    '<tag code="1" vocabulary="1"></tag>',
    '<related-activity ref="A-2" type="1"></related-activity>',
    '<n0:own xmlns:n0="urn:example:a"></n0:own>',
)


class Maker:
    """Random activities, the same for the same seed: a generator of its own, since trees are drawn slowly otherwise."""

    def __init__(self, seed: int) -> None:
        self.g = random.Random(seed)

    def text(self) -> str:
        return "".join(self.g.choices(LETTERS, k=self.g.randrange(20)))

    def word(self) -> str:
        return "".join(self.g.choices("abcXYZ019-é", k=self.g.randrange(1, 8)))

    def day(self, kind: str = "") -> Day:
        return Day((date(2000, 1, 1) + timedelta(self.g.randrange(20_000))).isoformat(), kind)

    def maybe(self, made: Any) -> Any:
        return made() if self.g.random() < 0.5 else None

    def some(self, made: Any, least: int = 0, most: int = 2) -> tuple[Any, ...]:
        return tuple(made() for _ in range(self.g.randrange(least, most + 1)))

    def one(self, *words: str) -> str:
        return self.g.choice(words)

    def rest(self, *, flat: bool = False) -> Rest:
        return Rest(self.g.choice(ATTRIBUTES), () if flat else self.g.choice(ELEMENTS))

    def words(self) -> Words:
        return Words(self.text(), self.one("", "en", "fr", "pt-BR"))

    def texts(self) -> Texts:
        return Texts(self.some(self.words, 1), rest=self.rest())

    def description(self) -> Texts:
        return Texts(self.some(self.words, 1), self.one("", "1", "2"), self.rest())

    def bare(self) -> Code:
        return Code(self.word(), rest=self.rest())

    def coded(self) -> Code:
        return Code(self.word(), self.one("", "99"), narratives=self.some(self.words))

    def org(self) -> Org:
        return Org(self.word(), self.word(), activity=self.one("", "A-1"), narratives=self.some(self.words))

    def value(self) -> Value:
        amount = f"{self.g.randrange(-(10**11), 10**11) / 100:.2f}"
        return Value(amount, self.one("", "USD", "KES"), self.day().iso_date, self.rest(flat=True))

    def budget(self) -> Budget:
        kind, status = self.one("", "1"), self.one("", "2")
        return Budget(self.day(), self.day(), self.value(), kind, status, rest=self.rest())

    def planned(self) -> Budget:
        end, provider, receiver = self.maybe(self.day), self.maybe(self.org), self.maybe(self.org)
        return Budget(self.day(), end, self.value(), "1", provider=provider, receiver=receiver)

    def transaction(self) -> Transaction:
        return Transaction(
            type=self.bare(),
            date=self.day(),
            value=self.value(),
            description=self.maybe(self.texts),
            provider=self.maybe(self.org),
            channel=self.maybe(self.bare),
            sectors=self.some(self.coded),
            aid_types=self.some(lambda: Code(self.word(), self.one("", "2"))),
            tied_status=self.maybe(self.bare),
            humanitarian=self.one("", "1", "true"),
            rest=self.rest(),
        )

    def figure(self) -> Figure:
        return Figure(self.one("", "10", "n/a"), comment=self.maybe(self.texts))

    def period(self) -> Period:
        return Period(self.day(), self.day(), self.some(self.figure), self.some(self.figure))

    def indicator(self) -> Indicator:
        baselines = self.some(lambda: Figure("5", "2020", self.day().iso_date, self.maybe(self.texts)))
        return Indicator(self.texts(), self.maybe(self.texts), baselines, self.some(self.period), self.word(), "1")

    def result(self) -> Result:
        return Result(
            self.texts(), self.maybe(self.texts), self.some(self.indicator, 1), self.word(), self.one("", "0")
        )

    def activity(self) -> Activity:
        shares = (Code("22040", "1", percentage="33.3"), Code("11110", percentage="66.7"))
        return Activity(
            identifier=Name(self.word()),
            reporting_org=Org(self.word(), self.word(), narratives=self.some(self.words, 1)),
            title=self.texts(),
            descriptions=self.some(self.description, 1),
            orgs=self.some(lambda: Org(self.word(), self.word(), self.word()), 1),
            status=self.bare(),
            dates=self.some(lambda: self.day(self.word()), 1),
            countries=self.some(lambda: Code(self.word()), most=1),
            sectors=self.g.choice(((), (Code("22040"),), shares)),
            policy_markers=self.some(lambda: Code(self.word(), significance=self.one("", "2"))),
            flow_type=self.maybe(self.bare),
            budgets=self.some(self.budget),
            planned=self.some(self.planned),
            transactions=self.some(self.transaction),
            results=self.some(self.result, most=1),
            lang=self.one("", "en", "sw"),
            currency="EUR",
            hierarchy=self.one("", "2"),
            rest=self.g.choice((Rest(), Rest((), CARRIED))),
        )

    def file(self) -> Activities:
        return Activities(self.some(self.activity, 1), generated=self.one("", "2026-01-01T00:00:00Z"))


@settings(max_examples=80)
@given(st.integers(0, 10**9))
def test_what_is_written_is_read_again_as_it_was(seed: int) -> None:
    file = Maker(seed).file()
    written = print_iati(file)  # it is held to the schema before it is given out
    assert parse_iati(written).file == file
    assert print_iati(parse_iati(written).file) == written


def test_generated_files_are_valid_by_the_copy_of_the_publisher(shared_data: Any) -> None:
    folder = shared_data / "exchange" / "iati"
    schema = etree.XMLSchema(etree.parse(str(folder / "iati-activities-schema.xsd")))
    for seed in range(40):
        assert schema.validate(etree.fromstring(print_iati(Maker(seed).file()))), schema.error_log
