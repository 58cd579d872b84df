"""A year of a council of ten members, said entry by entry: what the chapter on commitments and its tests are made from.

Founding, rules, commitments of the packaged documents with targets, two cycles of review with three coders, proposals
with amendments, votes, a reservation and an opt-out, a silence, a consultation, recommendations, a dispute. About 500
entries, a batch each, always the same. Whatever members say, vote, code or promise here is invented, and no fact about
a country; so are the population weights, which are round numbers of about the right size.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any

from concordat.council.commit.register import Register
from concordat.council.constitution import act_hash
from concordat.council.state import Council
from council_kit import AMEND, DAY, HOUR, SILENCE, TEN, Bloc

CODERS = ("BRA", "IND", "ZAF")
PEOPLE = {
    "ARE": 10, "BRA": 212, "CHN": 1410, "EGY": 115, "ETH": 130,
    "IDN": 282, "IND": 1440, "IRN": 90, "RUS": 144, "ZAF": 63,
}  # fmt: skip
FIRST = ("brics-2a", "brics-2g", "t20-f3b", "t20-f4a")
SECOND = (*FIRST, "brics-1e", "brics-3c")
MORE = ("brics-1b", "brics-2b", "brics-2e", "brics-2f", "brics-3a", "brics-4b", "t20-f1a", "t20-f4b", "t20-g1")
USERS = """schema: concordat/target@1
commitment: t20-f4a
indicator: internet_users_pct
unit: percent
direction: up
baseline:
  year: 2019
  values: {ARE: 95, BRA: 74, CHN: 64, EGY: 57, ETH: 15, IDN: 48, IND: 40, IRN: 70, RUS: 83, ZAF: 68}
target:
  year: 2030
  by: member
  values: {ARE: 100, BRA: 95, CHN: 92, EGY: 90, ETH: 60, IDN: 90, IND: 90, IRN: 92, RUS: 97, ZAF: 92}
"""
BROADBAND = """schema: concordat/target@1
commitment: t20-f4a
indicator: fixed_broadband_per_100
unit: per_100
direction: up
baseline:
  year: 2019
  values: {ARE: 31, BRA: 15, CHN: 31, EGY: 8, IDN: 4, IND: 1.4, IRN: 11, RUS: 22, ZAF: 2}
target: {year: 2030, value: 50, by: all}
"""
POWER = """schema: concordat/target@1
commitment: t20-f3b
indicator: electricity_access_pct
unit: percent
direction: up
baseline: {year: 2018, values: {ETH: 45, IND: 95, ZAF: 90}}
target: {year: 2030, by: member, values: {ETH: 90, IND: 100, ZAF: 100}}
"""
STATEMENTS = (
    "Members should publish one figure a year on each commitment.",
    "Case files are shared with every member, not with a few.",
    "A member that can't meet a target says so before the review.",
    "Small members get help with their statistics.",
    "Algorithms of public offices are registered.",
    "Cross-border data follow the rules of the member they come from.",
    "The secretariat rotates every year.",
    "Disputes go to a neutral within ten days.",
    "The review names members.",
    "Reports appear in all languages of the members.",
    "Payments between members are settled in their own currencies.",
    "Members tell each other of incidents within a day.",
)


def drawn(*names: object) -> int:
    """A whole number from names: always the same."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, names)).encode()).digest()[:4], "big")


def digest(name: str) -> str:
    """A hash that stands for a document nobody has."""
    return hashlib.sha256(name.encode()).hexdigest()


@cache
def year(extra: int = 0) -> Bloc:
    """The year; with `extra` more commitments in the second review (at most 9: fifteen are then assessed)."""
    bloc = Bloc()
    _found(bloc)
    _register(bloc)
    first = _review(bloc, 2025, FIRST)
    shared = _sharing(bloc)
    for text in (USERS, BROADBAND, POWER):
        _target(bloc, text)
    _consult(bloc, shared)
    _rejected(bloc)
    _silent(bloc)
    second = _review(bloc, 2026, (*SECOND, *MORE[:extra]), lift=1)
    _recommend(bloc, first, second)
    _dispute(bloc)
    return bloc


def places(bloc: Bloc) -> dict[str, tuple[int, int]]:
    """The batch of each entry."""
    return {e.entry.id: (e.point.view, e.point.batch) for step in bloc.history for e in step.events}


def _found(bloc: Bloc) -> None:
    qualified = (resources.files("concordat.council.decide") / "rules" / "qualified.yaml").read_text("utf-8")
    weights = {
        "table": "population",
        "day": "2026-01-01",
        "unit": "million people",
        "source": "invented, round numbers",
    }
    bloc.all_say("WeightsAdopted", **weights, values=PEOPLE)
    bloc.found(AMEND, qualified, SILENCE)
    for member in CODERS:
        bloc.say(member, "FullPowersIssued", person="coder", scope=["CodeAssigned"], until="2026-12-31")


def _register(bloc: Bloc) -> None:
    items = Register.load_seed().commitments
    for n in range(0, len(items), 31):
        bloc.say("BRA", "CommitmentRegistered", commitments=[_pledge(c) for c in items[n : n + 31]])
    for commitment, measure, indicator, unit in (
        ("t20-f4a", 1, "internet_users_pct", "percent"),
        ("t20-f4a", 2, "fixed_broadband_per_100", "per_100"),
    ):
        bloc.say("BRA", "IndicatorBound", commitment=commitment, measure=measure, indicator=indicator, unit=unit)


def _pledge(c: Any) -> dict[str, Any]:
    measures = [{"code": m.code, "note": m.note, "source": m.source, "tells": m.tells} for m in c.measures]
    said = {name: getattr(c, name) for name in ("beneficiary", "document", "id", "kind", "topic", "what", "who")}
    return {**said, "anchor": c.anchor.words, "due": c.due or "", "measures": measures, "review_level": c.review_level}


# --- Reviews ------------------------------------------------------------------------------------------------------


def _review(bloc: Bloc, of: int, chosen: tuple[str, ...], lift: int = 0) -> str:
    """A whole cycle: opened, coded by three, drafts, comments, final, adopted by a vote."""
    selection = "One for each field that members named, measurable ones first."
    chair, title, names = bloc.council.chair, f"Review of {of}", list(chosen)
    said = {"title": title, "year": of, "commitments": names, "selection": selection, "rule": "qualified"}
    bloc.say(chair, "CycleOpened", **said)
    cycle = str(bloc.council.all("cycle")[-1].id)
    bloc.say(chair, "GuidelineFixed", cycle=cycle, text="+1: done. 0: under way. -1: nothing, or the reverse.")
    bloc.say(chair, "StageAdvanced", subject=cycle, to="coding", release=digest(f"release of {of}"))
    for commitment in chosen:
        for member in TEN:
            for coder in CODERS:
                _code(bloc, cycle, commitment, member, coder, lift)
    bloc.pass_time(10 * DAY)
    bloc.say(chair, "StageAdvanced", subject=cycle, to="drafts")
    bloc.say(chair, "ReportPublished", cycle=cycle, stage="draft", report=digest(f"draft of {of}"))
    bloc.say(chair, "StageAdvanced", subject=cycle, to="comments")
    for member in ("ETH", "RUS"):
        bloc.say(member, "MemberCommented", cycle=cycle, about=chosen[0], text="The law is in force since May.")
    bloc.pass_time(15 * DAY)
    bloc.say(chair, "StageAdvanced", subject=cycle, to="final")
    bloc.say(chair, "ReportPublished", cycle=cycle, stage="final", report=digest(f"report of {of}"))
    vote = _vote(bloc, f"report {cycle}", abstain=("EGY",))
    bloc.say(chair, "StageAdvanced", subject=cycle, to="adopted", decision=vote)
    return cycle


def _code(bloc: Bloc, cycle: str, commitment: str, member: str, coder: str, lift: int) -> None:
    """The coders share most of a judgement; each differs now and then."""
    said = drawn("cell", commitment, member) % 9 + 2 * lift
    step = drawn("coder", cycle, commitment, member, coder) % 4 == 0
    value = max(-1, min(1, (said > 2) + (said > 6) - 1 - (1 if step else 0)))
    body: dict[str, Any] = {"code": value, "sources": [digest(f"{commitment} {member}")]}
    if commitment == "brics-3c" and member in ("ETH", "IRN"):
        body = {"code": None, "reason": "has no public algorithms that the commitment means"}
    bloc.say(coder, "CodeAssigned", delegate="coder", cycle=cycle, commitment=commitment, member=member, **body)


def _recommend(bloc: Bloc, first: str, second: str) -> None:
    rows = (
        (first, "BRA", "ETH", "Publish the fixed-line tariffs each quarter.", True, "accepted"),
        (first, "IND", "ZAF", "Do more for rural areas.", False, "noted"),
        (second, "ZAF", "RUS", "Open the case archive to researchers of members.", True, "accepted"),
        (second, "CHN", "BRA", "Name one office for requests.", True, ""),
    )
    for cycle, author, to, text, specific, answer in rows:
        bloc.say(author, "RecommendationMade", cycle=cycle, to=to, text=text, specific=specific)
        key = str(bloc.council.all("recommendation")[-1].id)
        if answer:
            bloc.say(to, "RecommendationAnswered", recommendation=key, answer=answer, reason="It is in our plan.")


# --- Decisions ----------------------------------------------------------------------------------------------------


def _decide(
    bloc: Bloc, author: str, title: str, *, no: tuple[str, ...] = (), abstain: tuple[str, ...] = (), **changes: Any
) -> str:
    """A proposal tabled, certified and voted on under the qualified rule; the vote's id."""
    proposal = bloc.table(author, "qualified", title=title, **changes)
    bloc.certify(proposal)
    return _vote(bloc, proposal, no, abstain)


def _vote(bloc: Bloc, subject: str, no: tuple[str, ...] = (), abstain: tuple[str, ...] = ()) -> str:
    vote = bloc.open_vote(subject, "qualified")
    choices = {m: "no" if m in no else "abstain" if m in abstain else "yes" for m in TEN}
    bloc.cast(vote, choices)
    found = bloc.finish(vote)
    bloc.say(bloc.council.chair, "ResultDeclared", vote=vote, outcome=found.outcome, result=found.result_hash)
    return vote


def _sharing(bloc: Bloc) -> str:
    """A proposal with two amendments, adopted; one member reserves a paragraph, one stays out, one explains."""
    proposal = bloc.table("IND", "qualified", title="Sharing case files")
    base = bloc.council.get("proposal", proposal).text.hash
    changes = (
        ("BRA", {"op": "replace", "paragraph": "p1", "text": {"en": "We share case files within a month."}}),
        ("ZAF", {"op": "insert_after", "paragraph": "p2", "id": "p3", "text": {"en": "Poor members get help."}}),
    )
    for author, change in changes:
        bloc.say(author, "AmendmentTabled", proposal=proposal, base=base, change=change, reason="clearer")
    for amendment, no in zip(bloc.council.all("amendment"), ((), ("IRN", "RUS", "CHN", "IND", "EGY")), strict=True):
        _vote(bloc, amendment.id, no=no)
    bloc.certify(proposal)
    vote = _vote(bloc, proposal, no=("IRN",), abstain=("EGY", "RUS"))
    bloc.say("RUS", "ReservationMade", proposal=proposal, paragraphs=["p2"], reason="National law forbids it.")
    bloc.say("BRA", "ReservationObjected", reservation=bloc.council.all("standing")[-1].id, reason="It empties p2.")
    bloc.say("IRN", "OptOutMade", proposal=proposal, reason="Not before the archive law.")
    bloc.say("EGY", "ExplanationGiven", vote=vote, text="We wait for our parliament.")
    return proposal


def _target(bloc: Bloc, text: str) -> None:
    from concordat.council.commit.targets import Target

    commitment = Target.load(text).commitment
    act = act_hash("TargetSet", {"commitment": commitment, "target": text})
    title = f"Baseline, target and date for {commitment}"
    vote = _decide(bloc, "BRA", title, kind="commitment", act=act, abstain=("ARE",))
    bloc.say("BRA", "TargetSet", commitment=commitment, target=text, decision=vote)


def _rejected(bloc: Bloc) -> None:
    _decide(bloc, "CHN", "A fund for shared statistics", no=("BRA", "IND", "ZAF", "ETH"), abstain=("IDN",))


def _silent(bloc: Bloc) -> None:
    """A text adopted because nobody broke the silence."""
    proposal = bloc.table("ZAF", "silence", title="Forms for the exchange of cases")
    bloc.certify(proposal)
    text = bloc.council.get("proposal", proposal).certified
    chair = bloc.council.chair
    bloc.say(chair, "SilenceStarted", proposal=proposal, rule="silence", text=text, hours=72)
    bloc.pass_time(5 * DAY)
    bloc.say(chair, "SilenceAnnounced", silence=bloc.council.all("silence")[-1].id)


# --- Consultation and dispute -------------------------------------------------------------------------------------


def _consult(bloc: Bloc, proposal: str) -> None:
    from datetime import UTC, datetime

    del proposal  # adopted already; this one asks what should come next
    closes = datetime.fromtimestamp(bloc.now + 14 * DAY, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    bloc.say("BRA", "ConsultationOpened", title="What the next review should ask", closes=closes)
    key = str(bloc.council.all("consultation")[-1].id)
    for n, text in enumerate(STATEMENTS):
        bloc.say(TEN[n % len(TEN)], "StatementSubmitted", consultation=key, text=text)
    bloc.say(
        bloc.council.chair, "StatementModerated", consultation=key, statement=7, decision="rejected", reason="off topic"
    )
    camps = {m: n % 2 for n, m in enumerate(TEN)}
    for member in TEN:
        opinions = []
        for n in range(1, len(STATEMENTS) + 1):
            shared, mood = n % 4 == 1, drawn("opinion", n, member) % 12
            agrees = mood > 0 if shared else (mood > 0) == (camps[member] == n % 2)
            opinions.append([n, "pass" if mood == 5 and not shared else "agree" if agrees else "disagree"])
        bloc.say(member, "OpinionVoted", consultation=key, opinions=opinions)
    bloc.pass_time(16 * DAY)


def _dispute(bloc: Bloc) -> None:
    """Egypt against South Africa: answered in time, then no facilitator in time, then one; open at the end."""
    bloc.say("EGY", "DisputeFiled", procedure="odr", respondent="ZAF", subject="Access to shared case files")
    key = str(bloc.council.all("dispute")[-1].id)
    bloc.pass_time(5 * DAY)
    bloc.say("ZAF", "ResponseFiled", dispute=key)
    bloc.pass_time(25 * DAY)
    for party in ("EGY", "ZAF"):
        bloc.say(party, "NeutralAppointed", dispute=key, neutral="CHN.neutral")
    bloc.pass_time(2 * DAY + HOUR)


def council() -> Council:
    """The council at the end of the year."""
    return year().council
