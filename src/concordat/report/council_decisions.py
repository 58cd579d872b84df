"""What the council decided: votes and silences, who stands apart, recommendations, the power that a rule gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.errors import MethodError
from concordat.report import cells
from concordat.report.chapter import Block, Cell, Column, Headline, Note, Num, Paragraph, Row, Table
from concordat.report.inputs import LARGE_BLOC

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.report.council_section import Log

ROWS_ON_PAGE = 30
DECISION, POWER = "council.record.decision@1", "council.record.power@1"
COUNTED = ("declared", "challenged", "recounted", "counted", "final")
# What a vote may be about beside a proposal, an amendment or a question: the kind of object, and what names it.
NAMED = {"report": ("cycle", "title"), "adopt": ("dispute", "subject"), "withdraw": ("proposal", "title")}
COLUMNS = ("yes", "no", "abstain", "away")
OUTCOMES = ("adopted", "not_adopted", "adjourned", "tie_to_chair", "tied")


def blocks(log: Log) -> Iterator[Block]:
    """Decisions of the year, recommendations, power."""
    yield from _decisions(log)
    yield from _recommendations(log)
    yield from _power(log)


# --- Decisions ----------------------------------------------------------------------------------------------------


def _votes(log: Log) -> list[Mapping[str, Any]]:
    """The votes of the report's year that are counted or adjourned, in the order of their closing."""
    found = [v for v in log.rows("vote") if v["status"] in (*COUNTED, "adjourned") and log.in_year(v["closes"])]
    return sorted(found, key=lambda v: (v["closes"], v["id"]))


def _silences(log: Log) -> list[Mapping[str, Any]]:
    found = [
        s
        for s in log.rows("silence")
        if s["status"] not in ("running", "extended", "withdrawn") and log.in_year(s["deadline"])
    ]
    return sorted(found, key=lambda s: (s["deadline"], s["id"]))


def _counted(log: Log, vote: Mapping[str, Any]) -> Derived:
    return log.inputs.book.derive(DECISION, [log.fact_of("vote", vote["id"])])


def _on_proposals(log: Log) -> tuple[list[str], list[str]]:
    """The records of the votes on proposals, and of those that adopted one; silences that nobody broke are both."""
    votes = [v for v in _votes(log) if v["status"] in COUNTED and log.find("proposal", v["subject"]) is not None]
    all_ = [_counted(log, v).id for v in votes]
    adopted = [_counted(log, v).id for v in votes if v["outcome"] == "adopted"]
    kept = [log.fact_of("silence", s["id"]) for s in _silences(log) if s["status"] != "broken"]
    return all_ + kept, adopted + kept


def headline(log: Log) -> Iterator[Headline]:
    """How many proposals were adopted, and with how many reservations and opt-outs."""
    inputs, words = log.inputs, log.inputs.words
    decided, adopted = _on_proposals(log)
    if not decided:
        return
    apart = log.facts("standing")
    told: dict[str, Any] = {
        "decided": inputs.count(decided),
        "adopted": inputs.count(adopted),
        "apart": inputs.count(apart),
    }
    told |= {"bloc": cells.bloc_name(inputs), "year": str(inputs.study.year)}
    yield Headline(41, words.text("council.headline_decisions", **told))


def _decisions(log: Log) -> Iterator[Block]:
    inputs, words = log.inputs, log.inputs.words
    votes, silences = _votes(log), _silences(log)
    if not votes and not silences:
        yield Paragraph(words.text("council.decisions_none", year=str(inputs.study.year)))
        return
    decided, adopted = _on_proposals(log)
    told: dict[str, Any] = {"decided": inputs.count(decided), "adopted": inputs.count(adopted)}
    told["votes"] = inputs.count(_counted(log, v).id for v in votes if v["status"] in COUNTED)
    yield Paragraph(words.text("council.decisions", year=str(inputs.study.year), **told))
    dated = [(v["closes"], v["id"], _vote_row(log, v)) for v in votes]
    dated += [(s["deadline"], s["id"], _silence_row(log, s)) for s in silences]
    rows = [row for _, _, row in sorted(dated, key=lambda d: d[:2])]
    names = ("outcome", *COLUMNS)
    yield Table(
        "council-decisions",
        words.plain("council.decisions_table", year=str(inputs.study.year)),
        words.plain("council.decision"),
        tuple(Column(n, words.plain(f"council.column.{n}")) for n in names),
        tuple(rows),
        (words.text("council.decisions_note"),),
        on_page=len(rows) <= ROWS_ON_PAGE,
    )


def _vote_row(log: Log, vote: Mapping[str, Any]) -> Row:
    words, nothing = log.inputs.words, Cell(text=log.inputs.words.plain("council.nothing"))
    record = _counted(log, vote)
    outcome = str(record.parts["outcome"])
    told = {"outcome": words.plain(f"council.outcome.{outcome}") if outcome in OUTCOMES else outcome}
    told["rule"] = f"{vote['rule']} {vote['rule_version']}"
    if vote["status"] == "final":
        said = words.plain("council.decided", day=log.day(vote["final_at"]), **told)
    else:
        said = words.plain("council.decided_not_final", **told)
    counts = [
        Cell(main=Num(record.parts[c], unit="count", id=record.id, part=c)) if c in record.parts else nothing
        for c in COLUMNS
    ]
    return Row(vote["id"], _subject(log, vote), (_with_apart(log, said, vote["subject"]), *counts))


def _subject(log: Log, vote: Mapping[str, Any]) -> str:
    words = log.inputs.words
    proposal = log.find("proposal", vote["subject"])
    if proposal is not None:
        return str(proposal["title"])
    amendment = log.find("amendment", vote["subject"])
    if amendment is not None:
        amended = log.find("proposal", amendment["proposal"])
        title = amended["title"] if amended is not None else amendment["proposal"]
        return words.plain("council.amendment", title=title, name=log.name(amendment["author"]))
    about, _, key = str(vote["subject"]).partition(" ")
    if vote["about"] in NAMED:
        kind, name = NAMED[vote["about"]]
        found = log.find(kind, key)
        return words.plain(f"council.{about}_of", title=str(found[name]) if found is not None else key)
    return str(vote["title"] or vote["subject"])


def _with_apart(log: Log, text: str, proposal: str) -> Cell:
    """What was decided; who reserved which paragraphs, who stays out, and who objects to that."""
    words = log.inputs.words
    said = [text]
    for standing in log.rows("standing"):
        if standing["proposal"] != proposal:
            continue
        told = {"name": log.name(standing["member"])}
        if standing["kind"] == "opt_out":
            text = words.plain("council.opt_out", **told)
        else:
            text = words.plain("council.reservation", paragraphs=words.listed(standing["paragraphs"]), **told)
        if standing["objections"]:
            objecting = log.names([member for member, _ in standing["objections"]])
            text = words.plain("council.objection", text=text, names=objecting)
        said.append(text)
    return Cell(text=words.listed(said, "page.list_semicolon"))


def _silence_row(log: Log, silence: Mapping[str, Any]) -> Row:
    words = log.inputs.words
    proposal = log.find("proposal", silence["proposal"])
    title = proposal["title"] if proposal is not None else silence["proposal"]
    told = {"rule": proposal["rule"] if proposal is not None else "", "day": log.day(silence["deadline"])}
    if silence["status"] == "broken":
        said = words.plain("council.broken", names=log.names([member for member, _ in silence["reasons"]]), **told)
    else:
        said = words.plain("council.silent", **told)
    nothing = [Cell(text=words.plain("council.nothing")) for _ in COLUMNS]
    return Row(silence["id"], title, (_with_apart(log, said, silence["proposal"]), *nothing))


def _recommendations(log: Log) -> Iterator[Block]:
    inputs, words = log.inputs, log.inputs.words
    rows = log.rows("recommendation")
    if not rows:
        return
    told: dict[str, Any] = {"count": inputs.count(log.facts("recommendation"))}
    for answer in ("accepted", "noted", ""):
        facts = log.facts("recommendation", lambda row, answer=answer: row["answer"] == answer)
        told[answer or "open"] = inputs.count(facts)
    yield Paragraph(words.text("council.recommendations", **told))


# --- Power --------------------------------------------------------------------------------------------------------


def _rule(log: Log) -> Mapping[str, Any] | None:
    """The rule in force by which most votes of the year were held; of several the first by name."""
    used = Counter(v["rule"] for v in _votes(log) if v["method"] != "election")
    in_force = [r for r in log.rows("rule") if used[r["id"]]]
    return min(in_force, key=lambda r: (-used[r["id"]], r["id"])) if in_force else None


def _power(log: Log) -> Iterator[Block]:
    from concordat.council.decide.rules import Rule

    words, rule = log.inputs.words, _rule(log)
    if rule is None:
        return
    loaded = Rule.load(rule["text"], where=rule["id"])
    tables = [w for w in loaded.weights if log.find("weights", w) is not None]
    groups = [g for g in loaded.groups if log.find("group", g) is not None]
    ids = [log.fact_of("rule", rule["id"]), *(log.fact_of("weights", w) for w in tables)]
    ids += [log.fact_of("group", g) for g in groups]
    said = {"members": sorted(log.members), "tables": len(tables)}
    try:
        record = log.inputs.book.derive(POWER, ids, said)
    except MethodError as error:
        yield Note(words.text("council.power_failed", rule=rule["id"], reason=error.what))
        return
    names = [f"weight_{w}" for w in tables] + ["shapley", "banzhaf", "prevent"]
    columns = [Column(f"weight_{w}", w.replace("_", " ")) for w in tables]
    columns += [Column(n, words.plain(f"council.column.{n}")) for n in names[len(tables) :]]
    rows = []
    for member in log.members:
        line = [_weight(log, w, member) for w in tables]
        line += [
            Cell(main=Num(record.parts[f"{n}_{member}"], unit="percent", id=record.id, part=f"{n}_{member}"))
            for n in names[len(tables) :]
        ]
        rows.append(Row(member, log.name(member), tuple(line), "member"))
    act = Num(record.parts["act"], unit="percent", id=record.id, part="act")
    notes = [words.text("council.power_note", act=act)]
    for table in tables:
        weights = log.find("weights", table)
        assert weights is not None
        told = {"table": table.replace("_", " "), "day": log.long(date.fromisoformat(weights["day"]))}
        notes.append(words.text("council.weights_note", unit=weights["unit"], source=weights["source"], **told))
    title = words.plain("council.power_table", rule=f"{rule['id']} {rule['version']}")
    on_page = len(rows) <= LARGE_BLOC
    yield Table(
        "council-power",
        title,
        words.plain("council.member"),
        tuple(columns),
        tuple(rows),
        tuple(notes),
        on_page=on_page,
    )


def _weight(log: Log, table: str, member: str) -> Cell:
    """A member's weight: a part of a record of its own, so that it can be printed."""
    record = log.inputs.book.derive("council.record.weight@1", [log.fact_of("weights", table)], {"member": member})
    return Cell(main=Num(record.parts["value"], unit="count", id=record.id))
