"""What a report keeps of an exchange: rows of what was logged up to an instant, and the figures that rest on them.

`Held` is the state of an exchange's log up to an instant. `document` is what a report prints from, as plain data: the
head (whose log, up to when, the hash of the state) and a row for each object, with the entries that speak of it, their
bodies and submission times. The functions below are pure and take such rows, so that `verify --report` counts again
without the log. Lists of trading partners come from `evidence`, and need no log.

For the public no incident stands in the record by name: its rows are tables of counts in which small cells are hidden
(exchange.md, 8.4), and the head leaves incidents out of its counts, since a reader could subtract; places in a member's
log are counted over what is shown. What a record
doesn't show: that the rows are those of the log. For that the report is built again from the export, and the hash of
the state compared. Floats are rounded to nine significant digits. Source: exchange.md, sections 3, 8.5 and 15.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from statistics import median, quantiles
from typing import Any, get_args

from concordat import canonical
from concordat.evidence.provenance import Parts, derivation
from concordat.exchange._body import FintechArea
from concordat.exchange.events import KINDS, check_said
from concordat.exchange.fold import Exchange, Fact, Logged, NoEffect, fold
from concordat.exchange.incidents.exposure import Partners, hhi
from concordat.exchange.incidents.statistics import Table, statistics

SCHEMA = "concordat/exchange-record@1"
DIGITS = 9
# Kinds of object with a row each; questions and harvests are no part of a report.
SHOWN = (
    "agreement", "aid_offer", "aid_request", "algorithm", "case", "dataset", "match", "pair", "report",
)  # fmt: skip
INCIDENT, TABLES = "incident", "incident_table"
PARTNERS, LARGEST = "exchange.record.partners@1", "exchange.record.largest@1"
GRADES, AREAS = range(5), get_args(FintechArea)
QUARTILES = ("lower_quartile", "median", "upper_quartile")


@dataclass(frozen=True)
class Held:
    """An exchange up to an instant.

    Attributes:
        exchange: what was submitted by then. bloc, trust: whose log, and the hash of membership version 1. until: the
            instant, in seconds since 1970. public: no incident by name, and small counts of them hidden.
    """

    exchange: Exchange
    bloc: str
    trust: str
    until: int
    public: bool = True

    @classmethod
    def of(cls, logged: Iterable[Logged], bloc: str, trust: str, end: int, *, public: bool = True) -> Held:
        """The state at `end`, or at the last submission that the log knows of, if that is earlier.

        Entries that no quorum of witnesses had cosigned by then don't count. A log that ends earlier says nothing of
        the time after, so a stage that fell due later is not called late. For the public a log ends with its last entry
        that is no incident's: an instant at which nothing else was logged would tell when one was.
        """
        found = [one for one in logged if one.submitted is not None]
        plain = [one for one in found if not (public and _of_incident(one))]
        reach = max((one.submitted for one in plain or found if one.submitted is not None), default=end)
        until = min(end, reach)
        counted = [one for one in found if one.submitted is not None and one.submitted <= until]
        return cls(fold(counted), bloc, trust, until, public)

    @cached_property
    def state_hash(self) -> str:
        """Hexadecimal SHA-256 of the state and of the submission times, which the state alone leaves out."""
        times = {f.entry: f.submitted for thing in self.exchange.facts for f in self.exchange.all(thing)}
        return canonical.digest({"state": self.exchange.state_hash, "submitted": times})

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of object that have rows."""
        return SHOWN if self.public else (*SHOWN, INCIDENT)

    @cached_property
    def document(self) -> dict[str, Any]:
        """What a report keeps, as plain data."""
        places = self._places
        rows = {
            kind: [_row(self.exchange, kind, key, places) for key in self.exchange.keys(kind)] for kind in self.kinds
        }
        if self.public and self.exchange.keys(INCIDENT):
            rows[TABLES] = tables_of(self.exchange, self.until, public=True)
        return {"head": self.head, "rows": {kind: found for kind, found in rows.items() if found}, "schema": SCHEMA}

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Entry -> its place in its author's log; for the public, among those that are shown: a gap would tell how many
        are not, and so what hides behind a small cell."""
        facts = [fact for kind in self.kinds for fact in self.exchange.all(kind)]
        if not self.public:
            return {fact.entry: fact.seq for fact in facts}
        by: dict[str, list[tuple[int, str]]] = {}
        for fact in facts:
            by.setdefault(fact.author, []).append((fact.seq, fact.entry))
        return {entry: place for found in by.values() for place, (_, entry) in enumerate(sorted(set(found)))}

    @cached_property
    def head(self) -> dict[str, Any]:
        """Whose log, up to when, how many entries, and the hash of the state."""
        facts = [f for kind in self.kinds for f in self.exchange.all(kind)]
        idle = [one for one in self.exchange.no_effect if self._tells(one)]
        return {
            "bloc": self.bloc, "events": len(facts), "no_effect": len(idle), "public": self.public,
            "state": self.state_hash, "trust": self.trust, "until": self.until,
        }  # fmt: skip

    def _tells(self, one: NoEffect) -> bool:
        return KINDS[one.type].thing in self.kinds

    @cached_property
    def data(self) -> bytes:
        """The document as a file of the report."""
        return canonical.dumps(self.document, floats=True) + b"\n"


def _of_incident(one: Logged) -> bool:
    return one.entry.type in KINDS and KINDS[one.entry.type].thing == INCIDENT


def _row(exchange: Exchange, thing: str, key: tuple[str, ...], places: Mapping[str, int]) -> dict[str, Any]:
    """An object with the entries that speak of it."""
    facts = [
        {
            "author": f.author, "body": f.body.model_dump(mode="json", exclude_none=True), "entry": f.entry,
            "seq": places[f.entry], "submitted": f.submitted, "type": f.type,
        }
        for f in exchange.of(thing, key)
    ]  # fmt: skip
    return {"facts": facts, "key": list(key)}


def exchange_of_rows(rows: Iterable[Parts]) -> Exchange:
    """The state that rows come to, each entry checked as it was when it was folded."""
    facts: dict[str, dict[tuple[str, ...], tuple[Fact, ...]]] = {}
    for row in rows:
        key = tuple(row["key"])
        found = [_fact(said, key) for said in row["facts"]]
        facts.setdefault(found[0].thing, {})[key] = tuple(found)
    return Exchange({thing: dict(sorted(kind.items())) for thing, kind in sorted(facts.items())})


def _fact(said: Mapping[str, Any], key: tuple[str, ...]) -> Fact:
    kind = KINDS[said["type"]]
    body = check_said(kind.name, said["body"], said["author"])
    return Fact(
        said["entry"], said["author"], said["seq"], kind.name, kind.says, kind.thing, key, body, said["submitted"]
    )


def tidy(value: Any) -> float | None:
    """A number rounded to nine significant digits; None stays None."""
    return None if value is None else float(f"{float(value):.{DIGITS}g}")


# --- Data -------------------------------------------------------------------------------------------------------------


def _counted(parts: dict[str, Any], name: str, by: Mapping[str, int], members: Iterable[str]) -> None:
    """A count and its parts, a member that logged nothing at 0: `datasets`, `datasets_BRA`."""
    parts[name] = sum(by.values())
    parts.update({f"{name}_{key}": by.get(key, 0) for key in sorted({*by, *members})})


def _text_of(fact: Fact) -> tuple[str, str, str]:
    """Provider, consumer and hash of the agreement that a fact is about."""
    return fact.body.provider, fact.body.consumer, fact.body.hash


def _duties(facts: Sequence[Fact]) -> tuple[dict[tuple[str, int], str] | None, set[tuple[str, int]]]:
    """What entries say of an agreement's duties: (duty, number) -> day, or None if nothing; and which are done.

    Where the confirmation names them, only these can be done.
    """
    said = [f.body.duties for f in facts if f.says == "confirmed" and f.body.duties is not None]
    promised = {(d.duty, d.number): d.due or "" for duties in said for d in duties} if said else None
    done = {(f.body.duty, f.body.number) for f in facts if f.says == "duty"}
    return promised, done if promised is None else done & set(promised)


@derivation("exchange.record.data")
def data(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Datasets on offer, agreements that both sides signed, transfers and duties done: `datasets`, `datasets_BRA`, ...

    Also `given` and `taken` (agreements by provider and consumer), `sent` and `received` (transfers), `duties` that are
    done, `open` and `overdue` ones (by who promised; overdue: their day had ended at `until`), `untold` (agreements
    whose confirmation names no duties, not even none), `waiting` (agreements that one side has signed), `ended`.
    Inputs: rows of datasets and agreements; `members` are those that are listed though they logged nothing, here and
    below.
    """
    from concordat.exchange.measures import measure

    exchange = exchange_of_rows(inputs)
    parts: dict[str, Any] = {"value": None, "waiting": 0, "ended": 0, "untold": 0}
    names = ("given", "taken", "sent", "received", "duties", "open", "overdue")
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    today = datetime.fromtimestamp(int(parameters["until"]), UTC).date().isoformat()
    for key in exchange.keys("agreement"):
        facts = exchange.of("agreement", key)
        # Anyone may name the id of an agreement: it is one where both say the same parties and hash.
        reached, confirmed = ({_text_of(f) for f in facts if f.says == says} for says in ("reached", "confirmed"))
        parts["waiting"] += len(reached ^ confirmed)
        parts["ended"] += len({_text_of(f) for f in facts if f.says == "ended"} & (reached | confirmed))
        for pair in sorted(reached & confirmed):
            provider, consumer, _ = pair
            counts["given"][provider] += 1
            counts["taken"][consumer] += 1
            mine = [f for f in facts if _text_of(f) == pair]
            moved = len({f.body.transfer for f in mine if f.says == "transferred"})
            counts["sent"][provider] += moved
            counts["received"][consumer] += moved
            promised, done = _duties(mine)
            parts["untold"] += promised is None
            counts["duties"][consumer] += len(done)
            for due in (due for duty, due in (promised or {}).items() if duty not in done):
                counts["overdue" if due and due < today else "open"][consumer] += 1
    _counted(parts, "datasets", measure("datasets_shared", exchange).by, parameters["members"])
    for name, by in counts.items():
        _counted(parts, name, by, parameters["members"])
    return parts


# --- Cases, reports, algorithms ---------------------------------------------------------------------------------------


@derivation("exchange.record.cases")
def cases(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Cases that stand: `cases`, `reused` (by a member other than the owner), both by member; `area_big_data_ai`,
    `sector_112` (a case counts once in each of its own); `unreviewed`; of results that were graded `graded`, `grade_0`
    to `grade_4` (the lowest grade that its reviewers gave) and `differ` (reviewers differ). Inputs: rows of cases.
    """
    from concordat.exchange.cases.standing import standing_of
    from concordat.exchange.measures import Window, measure, standing

    exchange = exchange_of_rows(inputs)
    areas, sectors, grades = Counter(dict.fromkeys(AREAS, 0)), Counter[str](), Counter[int]()
    unreviewed = differ = 0
    for fact in standing(exchange, "case", Window()):
        areas.update(set(fact.body.fintech_area))
        sectors.update({code[:3] for code in fact.body.sectors})
        found = standing_of(exchange, fact.author, fact.key[1], fact.version)
        results = sorted({review.result for review in found.reviews})
        unreviewed += not results
        for low, high in (given for result in results if (given := found.grades(result))):
            grades[low] += 1
            differ += low != high
    parts: dict[str, Any] = {"value": None, "unreviewed": unreviewed, "differ": differ, "graded": grades.total()}
    _counted(parts, "cases", measure("cases", exchange).by, parameters["members"])
    _counted(parts, "reused", measure("case_count", exchange).by, parameters["members"])
    parts.update({f"grade_{grade}": grades[grade] for grade in GRADES})
    parts.update({f"area_{area}": count for area, count in sorted(areas.items())})
    parts.update({f"sector_{code}": count for code, count in sorted(sectors.items())})
    return parts


@derivation("exchange.record.reports")
def reports(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Reports that stand: `reports` by member, `kind_national_report`, `jointly`; of a series `issues_BRA/notes`,
    `first_` and `last_` (years), `rebuilt_` (a command rebuilt the same bytes). Inputs: rows of reports.
    """
    from concordat.exchange.measures import Window, standing

    exchange = exchange_of_rows(inputs)
    members, kinds, jointly = Counter[str](), Counter[str](), 0
    series: dict[str, list[Fact]] = {}
    for fact in standing(exchange, "report", Window()):
        members[fact.author] += 1
        kinds[fact.body.kind] += 1
        jointly += bool(fact.body.jointly)
        series.setdefault(f"{fact.author}/{fact.body.series}", []).append(fact)
    parts: dict[str, Any] = {"value": None, "jointly": jointly}
    _counted(parts, "reports", members, parameters["members"])
    parts.update({f"kind_{kind}": count for kind, count in sorted(kinds.items())})
    for name, issues in sorted(series.items()):
        years = [fact.body.year for fact in issues]
        parts |= {f"issues_{name}": len(issues), f"first_{name}": min(years), f"last_{name}": max(years)}
        parts[f"rebuilt_{name}"] = sum(fact.body.reproducible == "yes" for fact in issues)
    return parts


@derivation("exchange.record.algorithms")
def algorithms(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of the algorithm register that stand: `algorithms` by member, `standard_nl_1_0`.

    Of those whose entry says how far it is filled, for each standard: `records_core`, and `lower_quartile_core`,
    `median_core`, `upper_quartile_core`, per cent of its fields (linear interpolation, Hyndman and Fan 1996, type 7).
    `unsaid`: entries that say nothing of it. Inputs: rows of algorithms.
    """
    from concordat.exchange.measures import Window, measure, standing

    exchange = exchange_of_rows(inputs)
    parts: dict[str, Any] = {"value": None}
    _counted(parts, "algorithms", measure("algorithm_register_entries", exchange).by, parameters["members"])
    kept = Counter(fact.body.standard for fact in standing(exchange, "algorithm", Window()))
    parts.update({f"standard_{name}": count for name, count in sorted(kept.items())})
    shares: dict[str, list[float]] = {}
    for fact in standing(exchange, "algorithm", Window()):
        for one in fact.body.filled:
            shares.setdefault(one.standard, []).append(100 * one.filled / one.fields)
    parts["unsaid"] = sum(not fact.body.filled for fact in standing(exchange, "algorithm", Window()))
    for name, found in sorted(shares.items()):
        cuts = quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
        parts[f"records_{name}"] = len(found)
        parts.update({f"{q}_{name}": tidy(cut) for q, cut in zip(QUARTILES, cuts, strict=True)})
    return parts


# --- Incidents --------------------------------------------------------------------------------------------------------


def tables_of(exchange: Exchange, now: int, *, public: bool) -> list[dict[str, Any]]:
    """The tables of incidents as they stood at an instant, stages by the packaged timeline alone."""
    from concordat.exchange.incidents.deadlines import Timeline, records_of

    timeline = Timeline.default()
    found = statistics(records_of(exchange), {timeline.name: timeline}, now, public=public)
    return [_plain(table) for table in found]


def _plain(table: Table) -> dict[str, Any]:
    """A table for the public: without the ids of entries, whose number would tell what is hidden."""
    cells = [{"count": c.count, "hours": tidy(c.hours), "key": c.key, "shown": c.shown} for c in table.cells]
    return {"by": table.by, "cells": cells, "shown": table.shown, "total": table.total, "withheld": table.withheld}


@derivation("exchange.record.incidents")
def incidents(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Incidents and their stages, for members: see `incident_tables`. Inputs: rows of incidents. `until`: when."""
    return _incident_parts(tables_of(exchange_of_rows(inputs), int(parameters["until"]), public=False))


@derivation("exchange.record.incident_tables")
def incident_tables(inputs: Sequence[Parts], _parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Incidents and their stages: `total_quarter`, `count_quarter_2026-Q2`, `count_stage_early_warning/late`, and
    `hours_stage_early_warning/late` (median hours from awareness to submission). None: hidden. `due`, `in_time`: stages
    that were met or missed, and met; None where any of them is hidden. Inputs: rows of tables for the public.
    """
    return _incident_parts(inputs)


def _incident_parts(tables: Iterable[Parts]) -> dict[str, Any]:
    parts: dict[str, Any] = {"value": None, "due": None, "in_time": None}
    for table in tables:
        by = table["by"]
        parts[f"total_{by}"] = table["total"]
        for cell in table["cells"]:
            name = f"{by}_{part_name(cell['key'])}"
            parts |= {f"count_{name}": cell["count"], f"hours_{name}": cell["hours"]}
        if by == "stage" and not table["withheld"]:
            ended = {c["key"]: c["count"] for c in table["cells"] if c["key"].endswith((": in time", ": late"))}
            if None not in ended.values():
                parts["due"] = sum(ended.values())
                parts["in_time"] = sum(n for key, n in ended.items() if key.endswith(": in time"))
    return parts


def part_name(key: str) -> str:
    """A cell's key as part of a name: `early_warning: in time` -> `early_warning/in_time`."""
    return key.replace(": ", "/").replace(" ", "_")


# --- Aid --------------------------------------------------------------------------------------------------------------


@derivation("exchange.record.aid")
def aid(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Aid: `requests` and `offers` that stand, by member; of the newest matching on the log `asked`, `offered`,
    `pairs` and `unmatched` (requests without a pair), None where there is none, and `left_taken` and such, how many
    of these for which reason, if it says so; `accepted` pairs, and those of them that `bind`, as both sides accepted.
    Inputs: rows of requests, offers, matchings and pairs.
    """
    from concordat.exchange.inclusion.aid_entries import accepted
    from concordat.exchange.measures import Window, standing

    exchange = exchange_of_rows(inputs)
    parts: dict[str, Any] = {"value": None}
    for name, thing in (("requests", "aid_request"), ("offers", "aid_offer")):
        _counted(
            parts, name, Counter(fact.author for fact in standing(exchange, thing, Window())), parameters["members"]
        )
    made = list(exchange.all("match", "computed"))
    last = max(made, key=lambda f: (f.submitted or 0, f.entry)).body if made else None
    parts |= {"asked": None, "offered": None, "pairs": None, "unmatched": None}
    if last is not None:
        parts |= {"asked": last.requests, "offered": last.offers, "pairs": last.pairs}
        parts["unmatched"] = last.requests - last.pairs
        parts.update({f"left_{one.reason}": one.requests for one in last.left})
    pairs = accepted(exchange)
    return parts | {"accepted": len(pairs), "bind": sum(pair.binds for pair in pairs)}


# --- Trading partners -------------------------------------------------------------------------------------------------


def _percent(parts: Parts) -> float:
    """A share in percent, of an observation or of a figure that was chosen among several."""
    return float(parts["value"]) * float(10 ** parts.get("unit_mult", 0))


@derivation("exchange.record.partners")
def partners(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """How concentrated a member's trade is: `lower` and `upper` of the Herfindahl-Hirschman index of shares of 1.

    Also `listed`, what the partners listed have together, and `unlisted`, the most that any other can have, in percent.
    Inputs: the shares of one list in percent; `partners`, whose they are, in the same order.
    """
    shares = {who: _percent(one) / 100 for who, one in zip(parameters["partners"], inputs, strict=True)}
    mine = Partners(inputs[0]["area"], inputs[0]["year"], shares, {})
    low, high = hhi(mine)
    return {
        "value": None, "lower": tidy(low), "upper": tidy(high), "year": mine.year,
        "listed": tidy(100 * math.fsum(shares.values())), "unlisted": tidy(100 * min(mine.smallest, mine.rest)),
    }  # fmt: skip


@derivation("exchange.record.largest")
def largest(inputs: Sequence[Parts], _parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Shares in percent: the median as `value`, and the smallest and largest as `least` and `most`."""
    found = sorted(_percent(one) for one in inputs)
    return {"value": tidy(median(found)), "least": tidy(found[0]), "most": tidy(found[-1])}
