"""What was decided, by what rule, and can I check it? The verdict with its fractions, the roll call, the proof.

The file of a result holds every ballot with its proof; `concordat council verify` counts it again without a node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from concordat.report.chapter import Code, Note, Num, Paragraph
from concordat.web.pages import _decision_tables as tables
from concordat.web.pages._council import (
    counted,
    instances_of,
    link_to,
    log_of,
    moment,
    part,
    record,
    state,
    thing,
    trail,
)
from concordat.web.pages.item import ID
from concordat.web.site import Door, Doors, FileForm, Laid, Link, Page, Query, Said, Section, block, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from concordat.report.chapter import Block, Runs
    from concordat.report.council_section import Log
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

# What a reader may do with a vote in each state: the end of the form's address.
DOORS = {
    **dict.fromkeys(("counted", "declared", "recounted"), "challenge"),
    "open": "vote",
    "final": "explain",
}


class DecisionQuery(Query):
    """A vote."""

    id: str = Field(description="the id of a vote: v-2026-001", pattern=ID)


@dataclass(frozen=True, slots=True)
class View:
    """A vote at a final batch.

    Attributes:
        subject: what was voted on. outcome: empty while nothing is counted. rule: name, version, hash.
        counts: how many chose what, counted again from the ballots. conditions: of the rule, parents first, as the
            count gives them. roll: a line for each entitled member. text: the hash that ballots name.
        declared: who announced the result; false: who announced another one.
    """

    id: str
    subject: str
    about: str
    title: str
    method: str
    status: str
    outcome: str
    rule: tuple[str, int, str]
    text: str
    entry: str
    opened: int
    closes: int
    final_at: int
    result_hash: str
    counts: tuple[tuple[str, Num], ...]
    entitled: Num | None
    conditions: tuple[dict[str, Any], ...]
    roll: tuple[dict[str, Any], ...]
    not_counted: tuple[dict[str, str], ...]
    lines: tuple[str, ...]
    declared: tuple[str, ...]
    false: tuple[str, ...]
    challenges: tuple[tuple[str, str], ...]
    explanations: tuple[dict[str, str], ...]


def view(reader: Reader, query: DecisionQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such vote at this batch.
    """
    council = record(reader, query.id).council
    v = thing(reader, "vote", query.id)
    found = counted(reader, v.id)
    tally = v.result.get("tally", {})
    counts = tuple((c, part(found, c)) for c in tables.CHOICES if c in found.parts)
    proposal = council.find("proposal", v.subject)
    return View(
        v.id, v.subject, v.about, v.title or (proposal.title if proposal else ""), v.method, v.status, v.outcome,
        (v.rule, v.rule_version, v.rule_hash), v.text, v.entry, v.opened, v.closes, v.final_at, v.result_hash, counts,
        part(found, "entitled") if v.entitled else None, tuple(dict(n) for n in tally.get("nodes", ())),
        tuple(_ballot(v, m) for m in v.entitled),
        tuple({"entry": e, "member": m, "reason": r} for e, m, r in v.not_counted),
        tuple(v.result.get("election", {}).get("lines", ())), v.declared, tuple(a for a, _ in v.false_declarations),
        tuple((a, r) for a, r in v.challenges),
        tuple({"member": x.member, "text": x.text, "entry": x.entry}
              for x in council.all("explanation") if x.vote == v.id),
    )  # fmt: skip


def _ballot(vote: Any, member: str) -> dict[str, Any]:
    found, sealed = vote.ballots.get(member), vote.sealed.get(member)
    if found is None:
        return {"member": member, "choice": "sealed" if sealed else "absent", "by": "", "entry": "", "submitted": 0}
    choice = found.choice if isinstance(found.choice, str) else " > ".join(found.choice)
    return {"member": member, "choice": choice, "by": found.by, "entry": found.entry, "submitted": found.submitted}


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    log, council = log_of(reader, words.language), record(reader).council
    result = view.outcome if view.outcome and view.status != "withdrawn" else view.status
    title = line(Said(view.title or view.subject), ": ", state(words, result))
    sections = [Section("verdict", tuple(_verdict(view, log, words)))]
    made = [tables.conditions(view.conditions, words), tables.roll(view, log, words), tables.refused(view, log, words)]
    sections += [Section(t.id, (t,)) for t in made if t is not None and t.rows]
    if view.explanations:
        said: list[Block] = [Paragraph(line(f"{log.name(x['member'])}: ", Said(x["text"]))) for x in view.explanations]
        sections.append(Section("explained", tuple(said), words.plain("web.explanations")))
    sections.append(Section("check", tuple(_proof(view, reader, words)), words.plain("web.check_yourself")))
    on = link_to(council, view.subject)
    above = (*trail(words, ("frame.decide", "agenda")), *([on] if on else []))
    return Laid(title, tuple(sections), _lead(view, log, words), main=tables.whole(view, log, words), trail=above)


def _lead(view: View, log: Log, words: Words) -> Runs:
    counts = dict(view.counts)
    rule = f"{view.rule[0]} {view.rule[1]}"
    if view.entitled is None or not view.outcome:
        return words.text("web.decision_open", rule=rule, closes=moment(log, view.closes))
    if not counts:
        return words.text("web.decision_elected", entitled=view.entitled, rule=rule)
    said = words.text(
        "web.decision_lead", yes=counts["yes"], no=counts["no"], abstain=counts["abstain"], entitled=view.entitled,
        rule=rule,
    )  # fmt: skip
    if view.status == "final":
        return words.sentences(said, words.text("web.decision_final", day=moment(log, view.final_at)))
    if view.final_at:
        return words.sentences(said, words.text("web.decision_until", day=moment(log, view.final_at)))
    return said


def _verdict(view: View, log: Log, words: Words) -> Iterator[Block]:
    if view.status in DOORS:
        name = DOORS[view.status]
        yield block(Doors((Door(words.plain(f"web.door_{name}"), f"/item/{view.id}/{name}"),)))
    for said in view.lines:
        yield Paragraph(line(Said(said, "en")))
    if view.declared:
        yield Paragraph(words.text("web.declared_by", names=log.names(view.declared)))
    for author in view.false:
        yield Note(words.text("web.false_declaration", name=log.name(author)), "warning")
    for author, reason in view.challenges:
        yield Note(line(*words.text("web.challenged_by", name=log.name(author)), " ", Said(reason)))


def _proof(view: View, reader: Reader, words: Words) -> Iterator[Block]:
    trust = record(reader).trust
    if view.result_hash and not record(reader).pinned:
        link = Link(words.plain("web.result_file", name=view.id), "decision", {"id": view.id}, "proof")
        command = f"concordat council verify {view.id}.json --trust {trust}"
        yield Paragraph(line(link, ". ", *words.text("web.verify_with", command=Code(command))))
    if view.result_hash:
        yield Paragraph(words.text("web.hash_of_result", hash=Code(view.result_hash)))
    yield Paragraph(words.text("web.text_and_rule", text=Code(view.text), rule=Code(view.rule[2])))
    entry = Link(view.entry[:12], "entry", {"id": view.entry})
    yield Paragraph(line(words.plain("web.opened_by_entry"), " ", entry))


def result_file(view: View, reader: Reader, _words: Words) -> bytes:
    """The result with every proof.

    Raises:
        InputError: nothing is counted yet. StateError: the node is busy.
    """
    from concordat.council.result import document_of

    found = record(reader)
    return document_of(found.council, view.id, found.bundle, found.trust)


PAGE = Page(
    "decision", "/decision/{id}", "decide", DecisionQuery, view, layout, 25, instances_of("vote"),
    ("council", "waiting"),
    {"proof": FileForm("application/json", result_file, "{}.json")},
)  # fmt: skip
