"""What the council decided: votes and silences, who stands apart, recommendations, the power that a rule gives,
statements that bridge, and disputes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.errors import MethodError
from concordat.report import cells
from concordat.report.chapter import Block, Cell, Column, Headline, Note, Num, Paragraph, Row, Runs, Table
from concordat.report.inputs import LARGE_BLOC

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.report.council_section import Log

ROWS_ON_PAGE, CONSULTATIONS_ON_PAGE = 30, 2
STATEMENTS_MAX, NEAREST_MAX = 10, 3
DECISION, POWER = "council.record.decision@1", "council.record.power@1"
CONSULTATION, DISPUTES = "council.record.consultation@1", "council.record.disputes@1"
COUNTED = ("declared", "challenged", "recounted", "counted", "final")
# What a vote may be about beside a proposal, an amendment or a question: the kind of object, and what names it.
NAMED = {"report": ("cycle", "title"), "adopt": ("dispute", "subject"), "withdraw": ("proposal", "title")}
COLUMNS = ("yes", "no", "abstain", "away")
OUTCOMES = ("adopted", "not_adopted", "adjourned", "tie_to_chair", "tied")


def blocks(log: Log) -> Iterator[Block]:
    """Decisions of the year, recommendations, power, consultations, disputes."""
    yield from _decisions(log)
    yield from _recommendations(log)
    yield from _power(log)
    yield from _consultations(log)
    yield from _disputes(log)


# --- Decisions ----------------------------------------------------------------------------------------------------


def _votes(log: Log) -> list[Mapping[str, Any]]:
    """The votes of the report's year that are counted or adjourned, in the order of their closing."""
    found = [v for v in log.rows("vote") if v["status"] in (*COUNTED, "adjourned") and log.in_year(v["closes"])]
    return sorted(found, key=lambda v: (v["closes"], v["id"]))


def _silences(log: Log) -> list[Mapping[str, Any]]:
    found = [
        s for s in log.rows("silence") if s["status"] not in ("running", "extended") and log.in_year(s["deadline"])
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
        about = log.find("proposal", amendment["proposal"])
        title = about["title"] if about is not None else amendment["proposal"]
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


# --- Consultations ------------------------------------------------------------------------------------------------


def _consultations(log: Log) -> Iterator[Block]:
    """Those of the year and open ones; the statements of the latest on the page."""
    rows = [c for c in log.rows("consultation") if log.in_year(c["closes"]) or c["status"] == "open"]
    rows.sort(key=lambda c: (c["closes"], c["id"]), reverse=True)
    for n, row in enumerate(rows):
        yield from _consultation(log, row, on_page=n < CONSULTATIONS_ON_PAGE)


def _consultation(log: Log, row: Mapping[str, Any], *, on_page: bool) -> Iterator[Block]:
    words = log.inputs.words
    said = {"resamples": log.options.resamples}
    try:
        record = log.inputs.book.derive(CONSULTATION, [log.fact_of("consultation", row["id"])], said)
    except MethodError as error:
        yield Note(words.text("council.consultation_failed", title=row["title"], reason=error.what))
        return
    yield Paragraph(words.sentences(*_consultation_words(log, row, record)))
    texts = {str(s["number"]): s["text"] for s in row["statements"] if s["moderated"] >= 0}
    table, basis = _statements(record, texts)
    rows = []
    for key in table:
        parts = [
            (f"{n}_{key}", "percent" if n == "majority" else "count")
            for n in ("agrees", "disagrees", "seen", "majority")
        ]
        line = [Cell(main=Num(record.parts[p], unit=u, id=record.id, part=p, decimals=0)) for p, u in parts]
        consensus = f"consensus_{key}"
        line.append(Cell(main=Num(record.parts[consensus], unit="ratio", id=record.id, part=consensus, decimals=2)))
        rows.append(
            Row(f"{row['id']}.{key}", words.plain("council.statement", number=key, text=texts[key]), tuple(line))
        )
    names = ("agrees", "disagrees", "seen", "majority", "consensus")
    yield Table(
        f"council-{row['id']}",
        words.plain(f"council.statements_{basis}", title=row["title"]),
        words.plain("council.statement_title"),
        tuple(Column(n, words.plain(f"council.column.{n}")) for n in names),
        tuple(rows),
        (words.text("council.statements_note"),),
        on_page=on_page,
    )


def _consultation_words(log: Log, row: Mapping[str, Any], record: Derived) -> Iterator[Runs]:
    from concordat.report.council_section import num, sure

    words = log.inputs.words
    told: dict[str, Any] = {name: sure(record, name) for name in ("voters", "statements", "votes")}
    yield words.text(f"council.consultation_{row['public']}", title=row["title"], **told)
    from concordat.council.consult.analysis import FEW_VOTERS

    if record.parts["voters"] < FEW_VOTERS:
        yield words.text("council.unstable", voters=sure(record, "voters"))
    stability = num(record, "stability", "ratio", 2)
    if not record.parts["searched"] or stability is None:
        yield words.text("council.groups_none")
    elif not record.parts["groups"]:
        yield words.text("council.groups_hidden", stability=stability)
    else:
        yield words.text("council.groups", groups=sure(record, "groups"), stability=stability)
    yield words.text("council.bridging", count=sure(record, "bridging"))


def _statements(record: Derived, texts: Mapping[str, str]) -> tuple[list[str], str]:
    """The statements that bridge; where none does, those that come nearest."""
    parts = record.parts
    found = sorted((k for k in texts if f"consensus_{k}" in parts), key=lambda k: (-parts[f"consensus_{k}"], int(k)))
    bridging = [k for k in found if parts[f"bridges_{k}"]]
    return (bridging[:STATEMENTS_MAX], "bridging") if parts["bridging"] else (found[:NEAREST_MAX], "nearest")


# --- Disputes -----------------------------------------------------------------------------------------------------


def _disputes(log: Log) -> Iterator[Block]:
    from concordat.council.disputes.duties import deadlines
    from concordat.council.disputes.machine import Case
    from concordat.report.council_section import num, sure

    words, rows = log.inputs.words, log.rows("dispute")
    if not rows:
        yield Paragraph(words.text("council.disputes_none"))
        return
    record = log.inputs.book.derive(DISPUTES, log.facts("dispute"))
    told: dict[str, Any] = {name: sure(record, name) for name in ("cases", "ended", "settled", "met", "missed")}
    runs = words.text("council.disputes", **told)
    days = num(record, "days")
    if days is not None:
        runs = words.sentences(runs, words.text("council.disputes_days", days=days))
    yield Paragraph(runs)
    lines = []
    for row in rows:
        case = Case.from_value(row["case"])
        due = deadlines(case, log.head["ledger_time"])
        next_ = [_duty(log, d) for d in due if d.day is not None]
        parties = {"a": log.name(case.filing.complainant), "b": log.name(case.filing.respondent)}
        where = words.plain(
            "council.case", stage=case.stage.replace("_", " "), procedure=case.procedure.name, **parties
        )
        line = (
            Cell(text=where),
            Cell(text=words.listed(next_, "page.list_semicolon") or words.plain("council.nothing")),
            *(Cell(main=sure(record, f"{n}_{row['id']}")) for n in ("met", "missed")),
        )
        lines.append(Row(row["id"], row["subject"], line))
    names = ("case", "due_next", "met", "missed")
    yield Table(
        "council-disputes",
        words.plain("council.disputes_table"),
        words.plain("council.dispute"),
        tuple(Column(n, words.plain(f"council.column.{n}")) for n in names),
        tuple(lines),
        (words.text("council.disputes_note"),),
        on_page=len(lines) <= ROWS_ON_PAGE,
    )


def _duty(log: Log, due: Any) -> str:
    return log.inputs.words.plain("council.duty", name=log.name(due.party), day=log.long(due.day))
