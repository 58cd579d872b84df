"""A year of an exchange among ten members, said entry by entry: what the chapter on sharing is tested with.

About 330 entries, always the same. Whatever members offer, publish, grade, reuse, report or ask for here is invented,
and no fact about a country.
"""

from __future__ import annotations

from typing import Any

from concordat.exchange._bodies import CaseKind
from concordat.exchange.fold import Logged
from council_kit import TEN
from exchange_kit import blob, digest, said, uuid

AREAS = ("big_data_ai", "blockchain_currency", "crowd_p2p", "third_party_payment")
KINDS: tuple[CaseKind, ...] = ("practice", "regulatory", "social_innovation")
STANDARDS = ("nl_1_0", "uk_atrs_2022", "core")
REPORTS = ("national_report", "research_output", "series_report")


class Year:
    """What was said so far; `n` counts each member's entries."""

    def __init__(self) -> None:
        self.logged: list[Logged] = []
        self.n: dict[str, int] = dict.fromkeys(TEN, 0)

    def say(self, author: str, kind: str, at: str, /, **body: Any) -> Logged:
        """One more entry of a member, submitted at a time of 2026: `03-02T10:00`."""
        self.n[author] += 1
        one = said(author, kind, self.n[author], body, f"2026-{at}")
        self.logged.append(one)
        return one


def year() -> list[Logged]:
    """All entries."""
    made = Year()
    for place, member in enumerate(TEN):
        _publish(made, place, member)
    for place, member in enumerate(TEN):
        _review(made, place, member)
    for number in range(12):
        _agree(made, number)
    for number in range(14):
        _report_incident(made, number)
    _aid(made)
    return made.logged


def _publish(made: Year, place: int, member: str) -> None:
    """Three datasets, up to five cases, three reports, three algorithm records."""
    for n in range(3):
        file = {"hash": digest(f"{member}{n}"), "bytes": 1000 + n, "format": "text/csv"}
        made.say(
            member, "DatasetOffered", f"01-{n + 10}T09:00", dataset=f"data-{n}", version=1, uuid=uuid(100 * place + n),
            access="restricted", document=blob(f"data{n}"), policy=digest("p"), files=[file],
        )  # fmt: skip
    if place < 3:
        made.say(member, "DatasetWithdrawn", "02-01T09:00", dataset="data-2", version=1, reason="superseded")
    for n in range(1 + place % 5):
        made.say(
            member, "CasePublished", f"02-{n + 10}T09:00", case=f"case-{n}", version=1, kind=KINDS[n % 3],
            document=blob(f"case{n}"), sectors=["22040", "24030"][: 1 + n % 2],
            fintech_area=[AREAS[(place + n) % 4]] if n % 2 else [], **_taught(place, n),
        )  # fmt: skip
    for n, kind in enumerate(REPORTS):
        more = {"jointly": ["BRA", "IND"]} if kind == "research_output" and place == 0 else {}
        made.say(
            member, "ReportPublished", f"03-{n + 10}T09:00", series="digital" if n else "national", number=n + 1,
            year=2025 + n % 2, kind=kind, document=blob(f"r{n}"), reproducible="yes" if n == 2 else "not_tried", **more,
        )  # fmt: skip
        body = {"algorithm": f"alg-{n}", "version": 1, "document": blob(f"a{n}"), "standard": STANDARDS[n]}
        if n < 2:  # the third says nothing of how far it is filled
            body["filled"] = [{"standard": "core", "filled": 9 + place + n, "fields": 27}]
            body["filled"] += [{"standard": "nl", "filled": 31 - place, "fields": 31}] if n == 0 else []
        made.say(member, "AlgorithmPublished", f"03-{n + 20}T09:00", **body)
    if place == 9:
        made.say(member, "AlgorithmRetired", "04-01T09:00", algorithm="alg-0", version=1, on="2026-03-31")


def _taught(place: int, n: int) -> dict[str, Any]:
    """The first case of two members is a course: one in Portuguese on two skills, one in Hindi on a third."""
    if n or TEN[place] not in ("BRA", "IND"):
        return {"languages": ["en"]}
    codes = (("digcomp", "3.4"), ("sdg441", "pcpr")) if TEN[place] == "BRA" else (("digcomp", "2.4"),)
    taught = [{"framework": framework, "code": code} for framework, code in codes]
    return {"languages": ["pt" if TEN[place] == "BRA" else "hi"], "competences": taught}


def _review(made: Year, place: int, member: str) -> None:
    """Two others grade the first case of each member; some reuse it."""
    for step in (1, 2):
        other = TEN[(place + step) % len(TEN)]
        grades = [{"result": 0, "grade": (place + step * (place % 2)) % 5}, {"result": 1, "grade": step}]
        made.say(
            other, "CaseReviewed", f"05-{step + 10}T09:00", owner=member, case="case-0", version=1, grades=grades[:step]
        )
    if place % 3 == 0:
        for step in (1, 3):
            other = TEN[(place + step) % len(TEN)]
            made.say(other, "CaseReused", "06-01T09:00", owner=member, case="case-0", version=1, since="2026-05-20")


def _agree(made: Year, number: int) -> None:
    """An agreement that both sides sign, but the last one; data that move; duties done."""
    provider, consumer = TEN[number % 10], TEN[(number + 4) % 10]
    base = {"agreement": uuid(9000 + number), "hash": digest(f"g{number}")}
    base |= {"provider": provider, "consumer": consumer}
    day = f"07-{number + 10}"
    made.say(provider, "AgreementReached", f"{day}T09:00", **base, dataset="data-0", version=1)
    if number == 11:
        return
    duties: list[dict[str, Any]] = [{"duty": "attribute", "number": 1}]
    duties.append({"duty": "delete", "number": 2, "due": "2026-08-01" if number % 3 == 1 else "2027-06-30"})
    promised = {"duties": duties} if number % 3 else {}  # a third of the confirmations says nothing of duties
    made.say(consumer, "AgreementConfirmed", f"{day}T09:01", **base, **promised)
    moved = {"transfer": uuid(9500 + number), "dataset": "data-0", "version": 1, "file": digest("f"), "bytes": 1000}
    for side in (provider, consumer):
        made.say(side, "TransferCompleted", f"{day}T09:02", **base, **moved)
    if number % 2:
        made.say(consumer, "DutyDone", f"{day}T10:00", **base, duty="attribute", number=1, on=f"2026-{day}")
    if number == 4:
        made.say(provider, "AgreementEnded", "08-30T09:00", **base, reason="expired")


def _report_incident(made: Year, number: int) -> None:
    """An incident of one of three members; its early warning within a day, or for every fourth a day late."""
    member, month = ("BRA", "ZAF", "IND")[0 if number < 7 else 1 if number < 12 else 2], "02" if number < 5 else "05"
    name = f"incident--00000000-0000-4000-8000-{number:012d}"
    aware = f"2026-{month}-{number + 3:02}T06:00:00Z"
    made.say(
        member, "IncidentShared", f"{month}-{number + 3:02}T08:00", incident=name, version=1, label="GREEN",
        document=blob(name, salted=True), became_aware=aware, sectors=["22040"],
    )  # fmt: skip
    day = number + (5 if number % 4 == 0 else 3)
    made.say(member, "IncidentStage", f"{month}-{day:02}T18:00", incident=name, stage="early_warning")


def _aid(made: Year) -> None:
    for n in range(4):
        body = {"document": blob(f"ask{n}"), "kind": "money", "sectors": ["22040"]}
        made.say(TEN[n], "AidRequested", f"09-0{n + 1}T09:00", request=f"ask-{n}", **body)
    for n in range(2):
        body = {"document": blob(f"give{n}"), "kind": "money", "sectors": ["22040"], "capacity": 1}
        made.say(TEN[n + 5], "AidOffered", f"09-0{n + 5}T09:00", offer=f"give-{n}", **body)
    counts: dict[str, Any] = {"requests": 4, "offers": 2, "pairs": 2}
    counts["left"] = [{"reason": "taken", "requests": 1}, {"reason": "window", "requests": 1}]
    hashes = {"inputs": digest("i"), "result": digest("r")}
    match = made.say(TEN[0], "MatchComputed", "09-10T09:00", match="first", **counts, **hashes)
    pair = {"computed": match.entry.id, "requester": TEN[0], "request": "ask-0", "offerer": TEN[5], "offer": "give-0"}
    for side in (TEN[0], TEN[5]):
        made.say(side, "MatchAccepted", "09-11T09:00", **pair)
    pair = {**pair, "requester": TEN[1], "request": "ask-1", "offerer": TEN[6], "offer": "give-1"}
    made.say(TEN[1], "MatchAccepted", "09-12T09:00", **pair)
