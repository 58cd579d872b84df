"""What a report keeps of a council: rows of its state, each with the batches of the entries it came from, and figures.

`Held` is a council up to one batch. `document` is what a report prints from, as plain data: the head (whose log, up to
which batch, the hash of the state) and rows by kind: `{"row": ..., "entries": {entry: [view, batch]}}`. The functions
below are pure and take such rows, so that `verify --report` computes every number again without the log: votes are
counted again from their ballots, the power of a rule from its text, a consultation from its opinions, disputes from
their events. Reviews are in `council.review.record`.

What it doesn't show: that the rows are those of the log. For that the report is built again from the export, and the
hash of the state compared. Floats are rounded to nine significant digits, so that the last bits of a processor's sums
do not change a record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.council.state import Council, value_of
from concordat.evidence.provenance import Parts, derivation

if TYPE_CHECKING:
    from concordat.council.consult.analysis import Analysis
    from concordat.council.consultations import Statement

SCHEMA = "concordat/council-record@1"
DIGITS = 9
WHOLE = (
    "commitment", "consultation", "dispute", "group", "recommendation", "silence", "standing", "weights",
)  # fmt: skip
SHORT = {
    "amendment": ("author", "batch", "entry", "id", "proposal", "status"),
    "proposal": ("author", "batch", "entry", "id", "kind", "rule", "status", "title", "votes"),
}
KINDS = (*WHOLE, *SHORT, "vote", "rule", "cell", "cycle")
CHOICES = ("yes", "no", "abstain", "present_not_voting", "not_participating", "absent")


@dataclass(frozen=True)
class Held:
    """A council up to one batch.

    Attributes:
        trust: the hash of membership version 1. batches: entry id -> (view, batch).
    """

    council: Council
    trust: str
    batches: Mapping[str, tuple[int, int]]

    @cached_property
    def document(self) -> dict[str, Any]:
        """What a report keeps, as plain data."""
        rows = {kind: self.rows(kind) for kind in KINDS}
        return {"head": self.head, "rows": {kind: found for kind, found in rows.items() if found}, "schema": SCHEMA}

    @cached_property
    def head(self) -> dict[str, Any]:
        """Whose log, up to which batch, and the hash of the state."""
        council = self.council
        return {
            "batch": council.at.batch,
            "bloc": council.bloc,
            "events": council.events,
            "ledger_time": council.ledger_time,
            "members": list(council.members),
            "no_effect": len(council.no_effect),
            "state": council.state_hash,
            "trust": self.trust,
            "view": council.at.view,
        }

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """The rows of a kind, each with the batches of the entries that it names."""
        return [{"entries": self._entries(value), "row": value} for value in _values(self.council, kind)]

    @cached_property
    def data(self) -> bytes:
        """The document as a file of the report."""
        return canonical.dumps(self.document) + b"\n"

    def _entries(self, value: Any) -> dict[str, list[int]]:
        """The entries that a row names, with their batches."""
        found = {text for text in _texts(value) if text in self.batches}
        return {text: list(self.batches[text]) for text in sorted(found)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _values(council: Council, kind: str) -> Iterator[dict[str, Any]]:
    """The objects of a kind as rows; the cells of a review are rows of their own."""
    if kind in ("cell", "cycle"):
        yield from _reviews(council, kind)
        return
    for thing in council.all(kind):
        value = value_of(thing)
        if kind in SHORT:
            value = {name: value[name] for name in SHORT[kind]}
        elif kind == "vote":
            value = {**value, "rule_text": council.get("rule_version", thing.rule_hash).text}
        elif kind == "consultation":
            value = {**value, **_said(council, thing)}
        yield value


def _said(council: Council, consultation: Any) -> dict[str, Any]:
    """The statements of a consultation with their words, and the opinions."""
    from concordat.council.consultations import votes_of

    said = votes_of(council, consultation.id)
    votes = {"cells": value_of(said.cells), "entries": said.entries, "host": said.host}
    return {"statements": [_statement(s) for s in consultation.statements], "votes": votes}


def _reviews(council: Council, kind: str) -> Iterator[dict[str, Any]]:
    for cycle in council.all("cycle"):
        value = value_of(cycle)
        codes = value.pop("codes")
        if kind == "cycle":
            yield value
            continue
        for cell, given in sorted(codes.items()):
            commitment, _, member = cell.partition("|")
            yield {"codes": given, "commitment": commitment, "cycle": cycle.id, "member": member}


def _statement(said: Statement) -> dict[str, Any]:
    """A statement with its words, which the state keeps by their entry alone."""
    return {
        "author": said.author,
        "entry": said.entry,
        "meta": said.meta,
        "moderated": said.moderated,
        "number": said.number,
        "text": said.text,
    }


def tidy(value: Any) -> float | None:
    """A number rounded to nine significant digits; None stays None."""
    return None if value is None else float(f"{float(value):.{DIGITS}g}")


def row_of(parts: Parts) -> Mapping[str, Any]:
    """The row of a fact."""
    row: Mapping[str, Any] = parts["row"]
    return row


# --- Votes and power ----------------------------------------------------------------------------------------------


@derivation("council.record.decision")
def decision(inputs: Sequence[Parts], _parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A vote counted again from its ballots: `outcome`, how many chose what, `away` (neither yes, no nor abstaining),
    `entitled`, `ballots`.

    The input is the vote's row, with the text of its rule.
    """
    from concordat.council._result_model import vote_of_row
    from concordat.council.counting import tally_of
    from concordat.council.decide.rules import Rule

    row = row_of(inputs[0])
    vote = vote_of_row(row)
    parts: dict[str, Any] = {"value": None, "outcome": vote.outcome, "ballots": len(vote.ballots)}
    parts["entitled"] = len(vote.entitled)
    if not vote.result:
        return parts
    head = vote.result
    rule = Rule.load(row["rule_text"], where=vote.rule)
    outcome, again = tally_of(vote, rule, head["at_vote"], head["at_opening"], head["chair"])
    counts = again.get("tally", {}).get("counts", {})
    if outcome != "tie_to_chair":  # such a count stays a tie when the chair's time is over, and nothing is adopted
        parts["outcome"] = outcome
    if counts:
        parts |= {choice: counts.get(choice, 0) for choice in CHOICES}
        parts["away"] = sum(parts[choice] for choice in CHOICES[3:])
    return parts


@derivation("council.record.weight")
def weight(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The weight of a member (`member`) in a table; the input is the table's row."""
    return {"value": row_of(inputs[0])["values"][parameters["member"]]}


@derivation("council.record.power")
def power(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The power that a rule gives to each member, in percent: `shapley_BRA`, `banzhaf_BRA`, `prevent_BRA`; `act`.

    Inputs: the rule's row, then those of its weights and groups. Parameters: `members`, who has a vote; `tables`, how
    many of the rows are weights.
    """
    from concordat.council.decide.power import power as power_of
    from concordat.council.decide.rules import Rule

    rule, tables = row_of(inputs[0]), int(parameters["tables"])
    rows = [row_of(i) for i in inputs[1:]]
    found = power_of(
        Rule.load(rule["text"], where=rule["id"]),
        {row["id"]: row["values"] for row in rows[:tables]},
        entitled=tuple(parameters["members"]),
        groups={row["id"]: tuple(row["members"]) for row in rows[tables:]},
    )
    parts: dict[str, Any] = {"value": None, "act": tidy(100 * found.act), "method": found.method}
    for member in found.members:
        parts[f"shapley_{member}"] = tidy(100 * found.shapley[member])
        parts[f"banzhaf_{member}"] = tidy(100 * found.banzhaf_share[member])
        parts[f"prevent_{member}"] = tidy(100 * found.prevent[member])
    return parts


# --- Consultations ------------------------------------------------------------------------------------------------


@derivation("council.record.consultation")
def consultation(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a consultation comes to: `voters`, `statements`, `votes`, `groups` drawn, `stability` of the best group.

    Of each statement `agrees_3`, `disagrees_3`, `seen_3`, `majority_3` (the least probability, in percent, over groups
    that more than half would agree), `bridges_3` (1 or 0) and `consensus_3` (group-informed, comparable over numbers
    of groups); `bridging`, how many bridge. The input is the consultation's row; `resamples` is a parameter.
    """
    found = analysis_of(inputs[0], int(parameters["resamples"]))
    votes, stable = found.votes, found.stability
    parts: dict[str, Any] = {
        "value": None,
        "voters": int(votes.seen.any(axis=1).sum()),
        "statements": len(votes.statements),
        "votes": votes.count,
        "searched": found.grouping.count,
        "groups": len([shown for shown in found.shown if shown]) if found.grouping.count else 0,
        "stability": tidy(max(stable.groups)) if stable and stable.groups else None,
        "bridging": len([bridge for bridge in found.bridging if bridge.bridging]),
    }
    for bridge in found.bridging:
        parts[f"bridges_{bridge.statement}"] = int(bridge.bridging)
        parts[f"agrees_{bridge.statement}"] = sum(s.agrees for s in bridge.shares)
        parts[f"disagrees_{bridge.statement}"] = sum(s.disagrees for s in bridge.shares)
        parts[f"seen_{bridge.statement}"] = sum(s.seen for s in bridge.shares)
        parts[f"majority_{bridge.statement}"] = tidy(100 * min(s.majority for s in bridge.shares))
        parts[f"consensus_{bridge.statement}"] = tidy(bridge.rooted)
    return parts


def analysis_of(parts: Parts, resamples: int) -> Analysis:
    """The analysis of a consultation's row.

    Raises:
        MethodError: fewer than two voters or statements, or no two voters differ.
    """
    from concordat.council.consult.analysis import analyse
    from concordat.council.consult.votes import Opinion, Statement, from_opinions

    row = row_of(parts)
    host, delegations = row["votes"]["host"], row["public"] == "delegations"
    statements = [Statement(str(s["number"]), s["text"], s["moderated"], s["meta"]) for s in row["statements"]]
    opinions = [
        Opinion(voter, statement, choice, (0,), "" if delegations else host[voter], voter if delegations else "")
        for voter, cells in sorted(row["votes"]["cells"].items())
        for statement, choice in sorted(cells.items())
    ]
    votes = from_opinions(
        opinions, statements, public=row["public"], events=row["votes"]["entries"], where=str(row["id"])
    )
    return analyse(votes, resamples=resamples)


# --- Disputes -----------------------------------------------------------------------------------------------------


@derivation("council.record.disputes")
def disputes(inputs: Sequence[Parts], _parameters: Mapping[str, Any]) -> dict[str, Any]:
    """How disputes go: `cases`, `ended`, `settled`, `met`, `missed` (deadlines), `days` (median), `early` (percent
    settled before the final stage); of each `met_d-2026-001`, `missed_d-2026-001`.

    Inputs are the disputes' rows, with the procedure and the events of each case.
    """
    from concordat.council.disputes.duties import kept, statistics
    from concordat.council.disputes.machine import Case

    cases = [Case.from_value(row_of(i)["case"]) for i in inputs]
    found = statistics(cases)
    share = found.share_settled_early
    parts: dict[str, Any] = {
        "value": None, "cases": found.cases, "ended": found.ended, "settled": found.settled,
        "met": found.deadlines_met, "missed": found.deadlines_missed, "days": tidy(found.days_median),
        "early": tidy(None if share is None else 100 * Fraction(share)),
    }  # fmt: skip
    for case in cases:
        late = [k.late for k in kept(case)]
        parts[f"met_{case.case_id}"] = late.count(False)
        parts[f"missed_{case.case_id}"] = late.count(True)
    return parts


# --- Codes ------------------------------------------------------------------------------------------------------------


@derivation("council.record.judged")
def judged(inputs: Sequence[Parts], _parameters: Mapping[str, Any]) -> dict[str, Any]:
    """How coders judged one member and one commitment: `value`, the median of the codes (None where all are blank);
    `coders`. The input is the cell's row; a coder counts once.
    """
    from statistics import median

    codes = row_of(inputs[0])["codes"]
    given = [c["value"] for c in codes if c["value"] is not None]
    return {"value": float(median(given)) if given else None, "coders": len({c["coder"] for c in codes})}
