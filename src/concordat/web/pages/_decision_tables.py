"""The tables of a decision: conditions of the rule with their fractions, the roll call, ballots that don't count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from concordat.report.chapter import Cell, Column, Row, Table
from concordat.web.pages._council import clock, entry_link, linked, own

if TYPE_CHECKING:
    from concordat.report.council_section import Log
    from concordat.web.languages import Words

CHOICES = ("yes", "no", "abstain", "present_not_voting", "not_participating", "absent")
THRESHOLDS = ("at_least", "more_than", "less_than", "at_most")
SIGNS = {"at_least": "≥", "more_than": ">", "less_than": "<", "at_most": "≤"}


def choice(words: Words, name: str) -> str:
    """A choice in words; an election's ranking as it is."""
    key = f"web.choice.{name}"
    return words.plain(key) if key in words else name


def conditions(nodes: Sequence[dict[str, Any]], words: Words) -> Table | None:
    """Each condition with what was found, what was needed, and whether it is met."""
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("found", "needed", "verdict"))
    rows = []
    for node in nodes:
        said = node["node"]
        if not isinstance(said, dict):  # conditions joined: their parts follow
            rows.append(Row(node["path"], _joined(said, words), (Cell(), Cell(), Cell(text=_met(node, words)))))
            continue
        found = f"{node['numerator']}/{node['denominator']}" if "numerator" in node else ""
        cells = (own(found), own(_needed(said)), Cell(text=_met(node, words)))
        rows.append(Row(node["path"], _what(said, words), cells))
    if not rows:
        return None
    return Table("conditions", words.plain("web.conditions"), words.plain("web.condition"), columns, tuple(rows))


def _joined(kind: str, words: Words) -> str:
    key = f"web.join.{kind}"
    return words.plain(key) if key in words else kind.replace("_", " ")


def _met(node: dict[str, Any], words: Words) -> str:
    key = {"met": "met", "not met": "not_met"}.get(str(node["verdict"]), "empty_base")
    return words.plain(f"web.{key}")


def _needed(leaf: dict[str, Any]) -> str:
    return next((f"{SIGNS[t]} {str(leaf[t]).removesuffix('/1')}" for t in THRESHOLDS if t in leaf), "0")


def _what(leaf: dict[str, Any], words: Words) -> str:
    """Whose choice is measured by what: members or a table of weights, of all, of those present, or of a group."""
    measure = str(leaf.get("share") or leaf.get("count") or leaf.get("measure") or "members")
    measured = words.plain("web.measure.members") if measure == "members" else measure.replace("_", " ")
    base = str(leaf.get("of", "all"))
    of = words.plain(f"web.base.{base}") if f"web.base.{base}" in words else base.replace("_", " ")
    if "against" in leaf:
        return words.plain("web.against_of", group=str(leaf["against"]), count=int(leaf["at_least"]))
    if "nobody" in leaf:
        return words.plain("web.nobody_objects")
    return words.plain("web.measured", measure=measured, choice=choice(words, str(leaf.get("choice", "yes"))), of=of)


def roll(view: Any, log: Log, words: Words) -> Table | None:
    """Who chose what, when, by which entry."""
    if not view.roll:
        return None
    columns = tuple(Column(c, words.plain(f"web.column.{c}")) for c in ("choice", "submitted", "entry"))
    rows = tuple(_ballot(b, log, words) for b in view.roll)
    return Table("roll", words.plain("web.roll_call"), words.plain("council.member"), columns, rows)


def _ballot(ballot: dict[str, Any], log: Log, words: Words) -> Row:
    said = choice(words, ballot["choice"])
    if ballot["by"] not in ("", ballot["member"]):
        said = words.plain("web.cast_by", choice=said, name=log.name(ballot["by"]))
    when = clock(log, ballot["submitted"])
    entry = linked(entry_link(ballot["entry"])) if ballot["entry"] else Cell(text=words.plain("council.nothing"))
    return Row(ballot["member"], log.name(ballot["member"]), (Cell(text=said), when, entry), "member")


def refused(view: Any, log: Log, words: Words) -> Table | None:
    """What doesn't count, and why."""
    columns = (Column("reason", words.plain("web.column.reason")), Column("entry", words.plain("web.column.entry")))
    rows = tuple(
        Row(f"{n}-{r['member']}", log.name(r["member"]), (own(r["reason"]), linked(entry_link(r["entry"]))))
        for n, r in enumerate(view.not_counted)
    )
    return Table("refused", words.plain("web.not_counted"), words.plain("council.member"), columns, rows)


def whole(view: Any, log: Log, words: Words) -> Table | None:
    """The roll call and the counts behind it, for CSV."""
    if not view.roll:
        return None
    columns = (
        Column("choice", words.plain("web.column.choice")),
        Column("count", words.plain("web.column.count"), "count"),
    )
    rows = [Row(b["member"], log.name(b["member"]), (Cell(text=b["choice"]), Cell()), "member") for b in view.roll]
    rows += [Row(name, choice(words, name), (Cell(text=name), Cell(main=num)), "bloc") for name, num in view.counts]
    return Table("decision", words.plain("web.roll_call"), words.plain("council.member"), columns, tuple(rows))
