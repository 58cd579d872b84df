"""Commitments and how far they are kept: promises, how they were judged, what the evidence shows, what was decided.

Every number is a part of a record over rows of the council's log: its codes, targets, ballots, opinions and the acts in
its disputes, each row with the batches of its entries. Scores of coders and evidence stand side by side and are never
mixed. Titles, statements and reasons are the members' own words and are not translated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from concordat.report import cells, council_decisions, council_scores, council_talks
from concordat.report.chapter import Block, Chapter, Code, Headline, Note, Num, Paragraph
from concordat.report.inputs import COUNCIL_FILE, Inputs

if TYPE_CHECKING:
    from concordat.council.record import Held
    from concordat.evidence.provenance import Derived
    from concordat.report.chapters.council import Options

SHOWN = ("drafts", "comments", "final", "adopted")  # a review whose codes are all given
REVIEW, MOVED = "council.review.record.review@1", "council.review.record.moved@1"


class Log:
    """What the council's log says, as this report prints it.

    Attributes:
        review: the record of the newest review that got as far as drafts; None where none did. cycle: its row.
        before: the same of the review before it. members: with a vote now, in the order of their names.
    """

    def __init__(self, inputs: Inputs, held: Held, options: Options) -> None:
        from concordat.evidence.provenance import text_hash

        self.inputs, self.options = inputs, options
        document = held.document
        self.head: Mapping[str, Any] = document["head"]
        self._rows = document["rows"]
        self._sha256 = text_hash(held.data)
        self.members: list[str] = sorted(self.head["members"], key=self.by_name)
        done = [c for c in self.rows("cycle") if c["status"] in SHOWN]
        done.sort(key=lambda c: (c["year"], c["id"]))
        self.cycle = done[-1] if done else None
        self.cycle_before = done[-2] if len(done) > 1 else None
        self.review = self._review(self.cycle) if self.cycle else None
        self.before = self._review(self.cycle_before) if self.cycle_before else None

    # --- Rows and facts -----------------------------------------------------------------------------------------------

    def rows(self, kind: str) -> list[Mapping[str, Any]]:
        """The rows of a kind."""
        return [r["row"] for r in self._rows.get(kind, ())]

    def fact(self, kind: str, number: int) -> str:
        """The record of a row."""
        row = self._rows[kind][number]
        return self.inputs.book.fact(COUNCIL_FILE, self._sha256, f"#/rows/{kind}/{number}", row)

    def facts(self, kind: str, keep: Any = None) -> list[str]:
        """The records of the rows of a kind."""
        return [self.fact(kind, n) for n, row in enumerate(self.rows(kind)) if keep is None or keep(row)]

    def fact_of(self, kind: str, key: str) -> str:
        """The record of one object."""
        return self.fact(kind, next(n for n, row in enumerate(self.rows(kind)) if row["id"] == key))

    def find(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """The row of one object, or None."""
        return next((row for row in self.rows(kind) if row["id"] == key), None)

    def head_num(self, part: str) -> Num:
        """A number of the head: how many entries, which batch."""
        record = self.inputs.book.fact(COUNCIL_FILE, self._sha256, "#/head", dict(self.head))
        return Num(self.head[part], unit="count", id=record, part=part)

    # --- Words --------------------------------------------------------------------------------------------------------

    def name(self, member: str) -> str:
        """A member's name in the report's language; its own label where it is no country."""
        from concordat.world import countries

        known = {c.iso3 for c in countries()}
        return self.inputs.area_name(member) if member in known else member

    def by_name(self, member: str) -> tuple[str | bytes, str]:
        """What sorts members by name."""
        from concordat.report.inputs import order_of

        return order_of(self.name(member), self.inputs.study.language)

    def names(self, members: Sequence[str]) -> str:
        """Names in a list."""
        return self.inputs.words.listed(map(self.name, sorted(members, key=self.by_name)))

    def day(self, seconds: int) -> str:
        """A day in words, in UTC."""
        return self.long(datetime.fromtimestamp(seconds, UTC).date())

    def long(self, day: date) -> str:
        """A day in words."""
        from concordat.report.standing import long_date

        return long_date(self.inputs, day)

    def in_year(self, seconds: int) -> bool:
        """Whether an instant lies in the report's year."""
        return datetime.fromtimestamp(seconds, UTC).year == self.inputs.study.year

    # --- Reviews ------------------------------------------------------------------------------------------------------

    def _review(self, cycle: Mapping[str, Any]) -> Derived:
        """The record of a review: its cells, its commitments' targets and the figures of their indicators."""
        from concordat.council.review.record import adopted_targets

        chosen = set(cycle["chosen"])
        ids = self.facts("cycle", lambda row: row["id"] == cycle["id"])
        ids += self.facts("commitment", lambda row: row["id"] in chosen)
        ids += self.facts("cell", lambda row: row["cycle"] == cycle["id"])
        coded = {row["member"] for row in self.rows("cell") if row["cycle"] == cycle["id"]}
        members = sorted({*self.head["members"], *coded})
        named = [i for p in self.rows("commitment") if p["id"] in chosen for i in adopted_targets(p)]
        observed, units = self._figures(sorted({self.options.indicators.get(i, i) for i in named}), members)
        book = self.inputs.book
        said: dict[str, Any] = {
            "members": members,
            "observed": [indicator for indicator, _ in observed],
            "units": units,
            "names": dict(sorted(self.options.indicators.items())),
            "seed": self.options.seed,
            "draws": self.options.draws,
            "league": self.options.league,
        }
        return book.derive(REVIEW, [*ids, *(book.observe(o) for _, o in observed)], said)

    def _figures(
        self, indicators: Sequence[str], members: Sequence[str]
    ) -> tuple[list[tuple[str, Any]], dict[str, str]]:
        """The figures of the study's release: of each year the one that would be chosen."""
        from concordat.evidence.resolve import yearly_series
        from concordat.report.chapters.evidence import read

        catalogue = self.inputs.catalogue
        known = [i for i in indicators if i in catalogue.indicators]
        series = yearly_series(self.inputs.observations, catalogue, known, not_after=read(self.inputs.study).not_after)
        observed = [(i, o) for i in known for member in members for _, o in sorted(series[i].get(member, {}).items())]
        return observed, {i: catalogue.indicators[i].unit for i in known}

    def moved(self) -> Derived | None:
        """What moved between the two newest reviews."""
        if self.review is None or self.before is None or self.cycle is None or self.cycle_before is None:
            return None
        both = sorted(set(self.cycle["chosen"]) & set(self.cycle_before["chosen"]))
        members = [m for m in self.head["members"] if f"member_{m}" in self.before.parts]
        said = {"members": members, "commitments": both}
        return self.inputs.book.derive(MOVED, [self.before.id, self.review.id], said)


def num(record: Derived, part: str, unit: str = "count", decimals: int | None = None) -> Num | None:
    """A part of a record with its interval, where it has one; None where it has no value."""
    parts = record.parts
    if parts.get(part) is None:
        return None
    low, high = parts.get(f"{part}_lower"), parts.get(f"{part}_upper")
    return Num(parts[part], low, high, unit, record.id, part=part, decimals=decimals)


def sure(record: Derived, part: str, unit: str = "count", decimals: int | None = None) -> Num:
    """As `num`, of a part that has a value."""
    found = num(record, part, unit, decimals)
    assert found is not None, part
    return found


def write(inputs: Inputs, held: Held, options: Options) -> Chapter:
    """The chapter."""
    log = Log(inputs, held, options)
    blocks: list[Block] = [*_introduction(log)]
    blocks += council_scores.blocks(log)
    blocks += council_decisions.blocks(log)
    blocks += council_talks.blocks(log)
    blocks += _check(log)
    title = inputs.words.plain("chapter.commitments")
    sources = _sources(log)
    return Chapter("commitments", title, tuple(blocks), tuple(_headlines(log)), sources)


def _sources(log: Log) -> tuple[str, ...]:
    from concordat.evidence.observation import Observation

    book = log.inputs.book
    inputs = log.review.inputs if log.review is not None else ()
    found = (book[i] for i in inputs)
    return tuple(sorted({o.dataset_id for o in found if isinstance(o, Observation)}))


def _introduction(log: Log) -> Iterator[Block]:
    words, head = log.inputs.words, log.head
    yield Paragraph(
        words.text(
            "council.intro",
            bloc=log.inputs.bloc_label,
            batch=log.head_num("batch"),
            view=log.head_num("view"),
            day=log.day(head["ledger_time"]),
            events=log.head_num("events"),
            idle=log.head_num("no_effect"),
        )
    )


def _check(log: Log) -> Iterator[Block]:
    """How anybody makes sure of it."""
    words = log.inputs.words
    told = {"file": Code(COUNCIL_FILE), "audit": Code("concordat ledger audit FOLDER")}
    hashes = {"state": Code(log.head["state"][:16]), "trust": Code(log.head["trust"][:16])}
    yield Note(words.text("council.check", **told, **hashes))


def _headlines(log: Log) -> Iterator[Headline]:
    words, bloc = log.inputs.words, cells.bloc_name(log.inputs)
    if log.review is not None and log.cycle is not None and num(log.review, "bloc") is not None:
        told: dict[str, Any] = {name: sure(log.review, name) for name in ("assessed", "registered")}
        told |= {"score": sure(log.review, "bloc", "percent", 0), "bloc": bloc, "year": str(log.cycle["year"])}
        alpha = num(log.review, "alpha", "ratio", 2)
        if alpha is None:
            yield Headline(61, words.text("council.headline", **told))
        else:
            key = f"council.headline_alpha{council_scores.label(log.review)}"
            yield Headline(61, words.text(key, alpha=alpha, **told))
    yield from council_decisions.headline(log)
