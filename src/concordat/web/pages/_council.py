"""What the council's pages share: the record as rows with their facts, names, days, states in words, where a thing is.

Numbers come from the report's own records of the council (`council.record`), so that a page and a report of the same
batch agree and `/trace` follows both. Time is ledger time. Members' words are marked as theirs and not translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from concordat.report.chapter import Cell, Note, Num
from concordat.report.council_section import Log
from concordat.web.address import NotFoundError
from concordat.web.site import Laid, Link, Said, Section, line

if TYPE_CHECKING:
    from concordat.council.due import Owed
    from concordat.evidence.provenance import Derived
    from concordat.report.chapter import Runs
    from concordat.report.inputs import Inputs
    from concordat.web.council_reader import CouncilSnapshot
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

RECORD_FILE = "record of the council"  # where a fact of these pages stands; its hash is that of the state
DECISION = "council.record.decision@1"
# How an id is spelled -> the page that shows the thing.
PAGES = {"p": "item", "a": "item", "v": "decision", "c": "consult", "d": "dispute", "s": "item"}
_ISSUED = re.compile(r"([a-z]{1,4})-[0-9]{4}-[0-9]{3,}")
# What a member owes, as `council.due` says it -> the message that says it in other languages.
DUTIES = {
    "vote": "vote",
    "open the sealed ballot": "open",
    "speak, or be silent": "silence",
    "comment on the draft": "comment",
    "answer the recommendation": "answer",
    "declare the result": "declare",
    "decide the tie": "tie",
    "announce it": "announce",
    "certify the text, or send it to a consultation": "certify",
    "respond": "respond",
    "decide": "decide",
    "adopt or reject": "adopt",
    "settle": "settle",
    "appoint a neutral": "appoint",
    "no more duties": "no_more",
    "resume, or leave it suspended": "resume",
}


class RowLog(Log):
    """The record as rows with their facts, without the reviews that the report's own chapter computes.

    A report writes all rows into one file and names its hash. Here rows are made when they are asked for, one kind at a
    time, and a fact names the hash of the state: so a page of a long record costs no more than what it shows.
    """

    def __init__(self, inputs: Inputs, reader: Reader) -> None:
        from concordat.report.chapters.council import read

        self.inputs, self.options, self._reader = inputs, read(inputs.study), reader
        held = reader.held()
        self.head, self._held = held.head, held
        self.members = sorted(self.head["members"], key=self.by_name)
        self.cycle = self.cycle_before = self.review = self.before = None

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return self._reader.of_council(("rows", kind), lambda: self._held.rows(kind))

    def rows(self, kind: str) -> list[Mapping[str, Any]]:
        """The rows of a kind."""
        return [row["row"] for row in self._of(kind)]

    def fact(self, kind: str, number: int) -> str:
        """The record of a row."""
        row = self._of(kind)[number]
        named = row["row"].get("id", str(number))
        return self.inputs.book.fact(RECORD_FILE, self.head["state"], f"{kind} {named}", row)

    def fact_of(self, kind: str, key: str) -> str:
        """The record of one object."""
        return self.fact(kind, next(n for n, row in enumerate(self.rows(kind)) if row["id"] == key))

    def head_num(self, part: str) -> Num:
        """A number of the head."""
        record = self.inputs.book.fact(RECORD_FILE, self.head["state"], "head", dict(self.head))
        return Num(self.head[part], unit="count", id=record, part=part)


def log_of(reader: Reader, language: str = "en") -> RowLog:
    """The rows of the record, in a language; there must be a record."""
    return reader.of_council(("log", language), lambda: RowLog(reader.council_inputs(language), reader))


def record(reader: Reader, key: str = "") -> CouncilSnapshot:
    """The record.

    Args:
        key: what is asked for in it, for the message.

    Raises:
        NotFoundError: none is loaded.
    """
    if reader.council is None:
        what = f"no record of the council is loaded here{f', so there is no {key[:64]}' if key else ''}."
        hint = "Its node serves it: concordat node serve. An export shows it: concordat web export --node-home."
        raise NotFoundError(what, hint=hint, code="no_record")
    return reader.council


def thing(reader: Reader, kind: str, key: str) -> Any:
    """An object of the record.

    Raises:
        NotFoundError: no record, or none of that id; the nearest ids are named.
    """
    from concordat.settings import nearest

    council = record(reader, key).council
    found = council.find(kind, key)
    if found is None:
        known = sorted(council.things.get(kind, {}))
        close = nearest(key, known, 3) if known else []
        name = kind.replace("_", " ")
        hint = f"Near it are: {', '.join(close)}." if close else f"There is no {name} at all yet."
        if known and not close:
            hint = f"The newest is {known[-1]}."
        raise NotFoundError(f"there is no {name} {key[:64]!r} at this batch.", hint=hint, code="unknown_id")
    return found


def without_record(title: Runs, words: Words) -> Laid:
    """A page where no record is loaded: what would be here, and what loads it."""
    return Laid(title, (Section("none", (Note(words.text("web.no_record")),)),))


# --- Words ------------------------------------------------------------------------------------------------------------


def moment(log: Log, seconds: int) -> str:
    """An instant: day and hour in UTC. Ledger time is 0 while nothing is final."""
    if not seconds:
        return log.inputs.words.plain("web.before_first")
    at = datetime.fromtimestamp(seconds, UTC)
    return log.inputs.words.plain("web.moment", day=log.day(seconds), time=f"{at:%H:%M}")


def until(log: Log, seconds: int) -> str:
    """A deadline in a sentence; a dash where there is none."""
    return moment(log, seconds) if seconds else log.inputs.words.plain("council.nothing")


def clock(log: Log, seconds: int, note: str = "{until}") -> Cell:
    """An instant in a table: short, and the same in every language."""
    if not seconds:
        return Cell(text=log.inputs.words.plain("council.nothing"))
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    before, _, after = note.partition("{until}")
    return Cell(text=f"{before}{text}{after}", runs=line(before, Said(text, "en", whole=True), after))


def state(words: Words, name: str) -> str:
    """The state of a thing in words; its own name where it has none."""
    key = f"web.state.{name}"
    return words.plain(key) if key in words else name.replace("_", " ")


def duty(words: Words, owed: Owed) -> str:
    """What is owed, in words; the record's own English where it says something else."""
    what, _, stage = owed.what.partition(" (")
    if what in DUTIES:
        said = words.plain(f"web.duty.{DUTIES[what]}")
        return f"{said} ({stage}" if stage else said
    return owed.what


def own(text: str) -> Cell:
    """Somebody's own words as a cell."""
    return Cell(
        text=text,
        runs=line(
            Said(text),
        ),
    )


def linked(link: Link) -> Cell:
    """A cell that leads to a page."""
    return Cell(
        text=link.text,
        runs=line(
            link,
        ),
    )


def link_to(council: Any, key: str, text: str = "") -> Link | None:
    """The page of a thing by its id; None if it has none."""
    if council.find("commitment", key) is not None:
        return Link(text or key, "commitment", {"id": key})
    spelled = _ISSUED.fullmatch(key)
    page = PAGES.get(spelled[1]) if spelled else None
    return Link(text or key, page, {"id": key}) if page else None


def named(council: Any, key: str, text: str = "") -> Cell:
    """A cell that leads to a thing, or names it."""
    found = link_to(council, key, text)
    return linked(found) if found else Cell(text=text or key)


def entry_link(entry_id: str, text: str = "") -> Link:
    """An entry, by the beginning of its id."""
    return Link(text or entry_id[:12], "entry", {"id": entry_id})


def trail(words: Words, *above: tuple[str, str]) -> tuple[Link, ...]:
    """The pages above a page of the council: (message, page)."""
    return tuple(Link(words.plain(key), page) for key, page in above)


# --- Numbers ----------------------------------------------------------------------------------------------------------


def counted(reader: Reader, vote: str) -> Derived:
    """A vote counted again from its ballots."""
    log = log_of(reader)
    return log.inputs.book.derive(DECISION, [log.fact_of("vote", vote)])


def part(found: Derived, name: str) -> Num:
    """A count that a record holds."""
    return Num(found.parts[name], unit="count", id=found.id, part=name)


def many(reader: Reader, kind: str, keep: Any = None) -> Num:
    """How many things of a kind there are, as a number that leads to them."""
    log = log_of(reader)
    return log.inputs.count(log.facts(kind, keep))


def instances_of(kind: str) -> Any:
    """The ids of a kind, for an export."""

    def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
        return tuple({"id": t.id} for t in reader.council.council.all(kind)) if reader.council else ()

    return instances
