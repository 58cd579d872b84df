"""A bloc of four in which anything is said: a body of every type that fits the state, and ways that lead somewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from concordat.council.constitution import act_hash
from concordat.council.decide.sealed import commitment
from concordat.council.texts import hash_of
from concordat.council.voting import question_hash, text_of
from concordat.errors import ConcordatError
from council_kit import AMEND, DAY, HOUR, MAJORITY, SILENCE, Bloc

FOUR = ("BRA", "CHN", "IND", "ZAF")
ELECT = "rule: elect\nversion: 1\nmethod: election\nsystem: borda\nseats: 1\n"
NEGATIVE = """rule: negative_consensus
version: 1
method: vote
adopt: {none_of: [{share: members, choice: no, of: present, at_least: 1}]}
"""
TIED = MAJORITY.replace("rule: majority", "rule: tied").replace("vote_change", "tie: chair_decides\nvote_change")
A, ZERO = "a" * 64, "0" * 64
TARGET = "indicator: x\ndirection: up\nbaseline: {year: 2023, value: 1}\ntarget: {year: 2030, value: 2}\n"
MOMENTS = (0, 0, 0, 1, HOUR, 13 * HOUR, DAY, 3 * DAY, 16 * DAY, 2 * DAY + HOUR, 37 * HOUR)
STAGES = ("coding", "drafts", "comments", "final", "adopted", "consultation", "mediation", "panel", "facilitation")


class World:
    """A bloc of four, and bodies of every type that name what there is."""

    def __init__(self) -> None:
        self.bloc = Bloc(FOUR).found(AMEND, MAJORITY, SILENCE, ELECT, NEGATIVE, TIED)
        self.author = ""

    def pick(self, kind: str, n: int) -> str:
        """Something of a kind, or an id of nothing."""
        found = sorted(self.bloc.council.things.get(kind, {}))
        return str(found[n % len(found)]) if found else "x-2026-001"

    def when(self, n: int) -> str:
        """An instant in the coming days."""
        return datetime.fromtimestamp(self.bloc.now + (n % 5) * 12 * HOUR, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def body(self, kind: str, author: str, n: int, m: int) -> dict[str, Any]:
        """A body of a type, by two numbers."""
        self.author = author
        made = getattr(self, f"_{kind.lower()}", None)
        return made(n, m) if made else self._plain(kind, n, m)

    def _voteopened(self, n: int, m: int) -> dict[str, Any]:
        council = self.bloc.council
        proposal, cycle = self.pick("proposal", n), self.pick("cycle", n)
        subjects = (
            (proposal, "majority"), (self.pick("amendment", n), "majority"), ("tea", "tied"), ("who", "elect"),
            (f"withdraw {proposal}", "majority"), (f"report {cycle}", "majority"),
            (f"adopt {self.pick('dispute', n)}", "negative_consensus"),
        )  # fmt: skip
        subject, rule = subjects[m % len(subjects)]
        found = council.find("proposal", subject)
        rule = found.rule if found else rule
        try:
            text = text_of(council, subject, "")
        except ConcordatError:
            text = question_hash(subject, "")
        more: dict[str, Any] = {"candidates": ["a", "b"]} if rule == "elect" else {}
        more |= {"reveal_until": self.when(4)} if rule == "elect" and n % 2 else {}
        return {"subject": subject, "rule": rule, "closes": self.when(1 + n % 3), "text": text, **more}

    def _vote(self, n: int) -> Any:
        return self.bloc.council.find("vote", self.pick("vote", n))

    def _ballotcast(self, n: int, m: int) -> dict[str, Any]:
        vote = self._vote(n)
        named = {"text": vote.text, "rule": vote.rule_hash} if vote and m % 7 else {"text": ZERO, "rule": ZERO}
        choice: Any = ("yes", "no", "abstain", "object", ["a", "b"], ["b"])[m % 6]
        more = {"proxy_for": FOUR[n % 4]} if m % 5 == 4 else {}
        return {"vote": self.pick("vote", n), "choice": choice, **named, **more}

    def _ballotcommitted(self, n: int, m: int) -> dict[str, Any]:
        vote = self._vote(n)
        sealed = commitment(self.pick("vote", n), self.author, bytes(32), ["b"] if m % 9 == 8 else ["a"])
        named = {"text": vote.text, "rule": vote.rule_hash} if vote else {"text": ZERO, "rule": ZERO}
        return {"vote": self.pick("vote", n), "commitment": sealed, **named}

    def _resultdeclared(self, n: int, m: int) -> dict[str, Any]:
        vote = self._vote(n)
        right = vote is not None and vote.result_hash and m % 3
        return {
            "vote": self.pick("vote", n), "outcome": vote.outcome if right else "adopted",
            "result": vote.result_hash if right else ZERO,
        }  # fmt: skip

    def _proposaltabled(self, n: int, m: int) -> dict[str, Any]:
        texts = {"en": [{"id": "p1", "text": "We share."}, {"id": "p2", "text": f"Each year {n}."}]}
        rule = ("majority", "silence", "amend_rules", "nothing")[m % 4]
        second = {"rules": [MAJORITY.replace("version: 1", "version: 2")]}
        suspend = {"member": "ZAF", "reason": "x"}
        acts: tuple[tuple[str, dict[str, Any]], ...] = (
            ("MemberSuspended", suspend), ("AgendaSet", {"items": []}), ("RuleAdopted", second),
            ("ChairAppointed", {"member": "CHN"}), ("GroupAdopted", {"group": "g", "members": ["CHN", "IND"]}),
            ("MemberAdmitted", {"member": "EGY", "membership": 2}), ("WeightsAdopted", self._weights(1)),
            ("CommitmentMoved", {"commitment": "c0", "to": "lapsed", "reason": "r"}),
            ("ProposalEnded", {"proposal": "p-2026-001", "to": "ended"}),
        )  # fmt: skip
        act = [None, *(act_hash(*found) for found in acts)]
        body = {"title": "t", "rule": rule, "amendment_rule": "majority", "texts": texts, "authentic": ["en"]}
        return body | ({"act": act[n % 10]} if n % 10 else {})

    def _proposal(self, n: int) -> Any:
        return self.bloc.council.find("proposal", self.pick("proposal", n))

    def _textcertified(self, n: int, m: int) -> dict[str, Any]:
        found = self._proposal(n)
        languages = {k: hash_of(found.text.texts[k]) for k in found.authentic} if found else {"en": ZERO}
        version = found.text.hash if found and m % 5 else ZERO
        return {"proposal": self.pick("proposal", n), "version": version, "languages": languages}

    def _amendmenttabled(self, n: int, m: int) -> dict[str, Any]:
        found = self._proposal(n)
        versions = [v.hash for v in found.versions] if found else [ZERO]
        change: dict[str, Any] = (
            {"op": "replace", "paragraph": "p1", "text": {"en": f"New {m}."}},
            {"op": "delete", "paragraph": "p2"},
            {"op": "insert_after", "paragraph": "start", "id": f"q{m}", "text": {"en": "First."}},
            {"op": "replace", "paragraph": "p9", "text": {"en": "No."}},
        )[m % 4]
        return {"proposal": self.pick("proposal", n), "base": versions[-1 - m % len(versions)], "change": change}

    def _amendmentsordered(self, n: int, m: int) -> dict[str, Any]:
        key = self.pick("proposal", n)
        pending = [a.id for a in self.bloc.council.all("amendment") if a.proposal == key and a.status == "pending"]
        return {"proposal": key, "order": pending[:: (-1) ** m] or ["a"], "reason": "r"}

    def _translationsupplied(self, n: int, m: int) -> dict[str, Any]:
        found = self._proposal(n)
        words = dict.fromkeys(found.text.ids, "mots") if found else {"p1": "mots"}
        base = found.text.hash if found else ZERO
        return {"proposal": self.pick("proposal", n), "base": base, "language": ("fr", "en")[m % 2], "words": words}

    def _silencestarted(self, n: int, m: int) -> dict[str, Any]:
        found = self._proposal(n)
        rule, text = (found.rule, found.certified or ZERO) if found else ("silence", ZERO)
        return {"proposal": self.pick("proposal", n), "rule": rule, "text": text, "hours": (24, 48, 100)[m % 3]}

    def _opinionvoted(self, n: int, m: int) -> dict[str, Any]:
        key = self.pick("consultation", n)
        found = self.bloc.council.find("consultation", key)
        row: list[Any] = [1 + m % 3, ("agree", "disagree", "pass", "yes")[n % 4]]
        rows = [[f"{m % 4:016x}", *row], [f"{n % 4:016x}", *row]] if found and found.public == "public" else [row]
        return {"consultation": key, "opinions": rows}

    def _codeassigned(self, n: int, m: int) -> dict[str, Any]:
        cell = {"cycle": self.pick("cycle", n), "commitment": f"c{m % 3}", "member": FOUR[n % 4]}
        return cell | {"code": (-1, 0, 1, None)[m % 4], "reason": "r" if n % 2 else "", "sources": [A] if m % 5 else []}

    def _stageadvanced(self, n: int, m: int) -> dict[str, Any]:
        subject = self.pick(("cycle", "dispute")[n % 2], m)
        more = {"release": A} if n % 3 else {"decision": self.pick("vote", n)}
        return {"subject": subject, "to": STAGES[m % len(STAGES)], **more}

    def _membersuspended(self, n: int, m: int) -> dict[str, Any]:
        return {"member": "ZAF", "reason": "x"} | ({"decision": self.pick("vote", n)} if m % 4 else {})

    def _agendaset(self, n: int, m: int) -> dict[str, Any]:
        items = [{"item": f"i{k % 5}", "kind": "debate", "title": "t"} for k in range(n % 3, n % 3 + m % 4)]
        return {"items": items} | ({"decision": self.pick("vote", n)} if m % 4 == 0 else {})

    def _ruleadopted(self, n: int, m: int) -> dict[str, Any]:
        text = MAJORITY.replace("version: 1", f"version: {1 + n % 3}")
        return {"rules": [text, "rule: [", text][m % 3 : m % 3 + 1], "decision": self.pick("vote", -1)}

    def _commitmentregistered(self, n: int, m: int) -> dict[str, Any]:
        document = self.pick("proposal", n) if m % 2 else "d"
        row = {"document": document, "kind": "k", "who": "w", "what": "w", "measures": [{"source": "wb"}]}
        return {"commitments": [{**row, "id": f"c{k % 3}"} for k in range(m % 3, m % 3 + 1 + n % 3)]}

    @staticmethod
    def _weights(n: int) -> dict[str, Any]:
        values = dict.fromkeys(FOUR, 1 + n)
        return {"table": "pop", "day": "2026-01-01", "unit": "u", "source": "s", "values": values}

    def _plain(self, kind: str, n: int, m: int) -> dict[str, Any]:
        pick, decision = self.pick, self.pick("vote", -1 if m < 0 else m)
        proposal, vote, member = pick("proposal", n), pick("vote", n), FOUR[n % 4]
        silence, consultation, cycle = pick("silence", n), pick("consultation", n), pick("cycle", n)
        dispute, pledge = {"dispute": pick("dispute", n)}, pick("commitment", n)
        made: dict[str, dict[str, Any]] = {
            "MemberAdmitted": {"member": ("ZAF", "EGY")[n % 2], "membership": 2, "decision": decision},
            "ObserverAdmitted": {"observer": ("FRA", "ZAF")[n % 2]},
            "FullPowersIssued": {"person": "del", "scope": [("all", "BallotCast")[n % 2]]},
            "KeyRotated": {"role": "node", "membership": 1 + n % 3},
            "WeightsAdopted": {**self._weights(n), "decision": decision},
            "GroupAdopted": {"group": "g", "members": [member, FOUR[m % 4]], "decision": decision},
            "ChairAppointed": {"member": member, "decision": decision},
            "MeetingOpened": {"title": "m", "begins": self.when(n)},
            "AttendanceRecorded": {"meeting": pick("meeting", n), "present": [member] if m % 2 else [member, "BRA"]},
            "ClockTicked": {},
            "ProposalWithdrawn": {"proposal": proposal, "leave": decision},
            "ProposalDeferred": {"proposal": proposal, "reason": "r", "resumed": bool(m % 2)},
            "ProposalEnded": {"proposal": proposal, "to": ("ended", "amended")[m % 2], "decision": decision},
            "AmendmentWithdrawn": {"amendment": pick("amendment", n)},
            "ProxyGiven": {"vote": vote, "to": FOUR[m % 4]},
            "BallotRevealed": {"vote": vote, "nonce": ZERO, "ballot": (["a"], ["b"])[m % 5 == 4]},
            "VoteClosed": {"vote": vote},
            "TieBroken": {"vote": vote, "choice": ("yes", "no")[m % 2]},
            "ResultChallenged": {"vote": vote, "reason": "r"},
            "SilenceBroken": {"silence": silence, "reason": "r"},
            "SilenceExtended": {"silence": silence, "hours": 24},
            "SilenceAnnounced": {"silence": silence, "journal": bool(m % 2)},
            "ReservationMade": {"proposal": proposal, "paragraphs": [("p1", "p2")[m % 2]], "reason": "r"},
            "ReservationObjected": {"reservation": pick("standing", n), "reason": "r"},
            "OptOutMade": {"proposal": proposal, "reason": "r"},
            "ExplanationGiven": {"vote": vote, "text": "t"},
            "ConsultationOpened": {
                "title": "t", "public": ("public", "delegations")[n % 2], "closes": self.when(m),
            },
            "ConsultationClosed": {"consultation": consultation},
            "StatementSubmitted": {"consultation": consultation, "text": f"s{m % 3}"},
            "StatementModerated": {
                "consultation": consultation, "statement": 1 + m % 3, "decision": "rejected", "reason": "r",
            },
            "TargetSet": {
                "commitment": pledge, "target": f"commitment: c{m % 3}\n{TARGET}",
                **({"decision": decision} if n % 2 else {}),
            },
            "IndicatorBound": {"commitment": pledge, "measure": 1 + m % 2, "indicator": "x", "unit": "percent"},
            "EvidenceSubmitted": {"commitment": pledge, "text": "t", "sources": [A]},
            "CommitmentMoved": {"commitment": pledge, "to": "lapsed", "reason": "r", "decision": decision},
            "CycleOpened": {
                "title": "t", "year": 2026, "commitments": [pledge], "selection": "s", "rule": "majority",
            },
            "GuidelineFixed": {"cycle": cycle, "text": "g"},
            "MemberCommented": {"cycle": cycle, "text": "t"},
            "ReportPublished": {"cycle": cycle, "stage": ("draft", "final")[m % 2], "report": A},
            "RecommendationMade": {"cycle": cycle, "to": member, "text": "t", "specific": True},
            "RecommendationAnswered": {
                "recommendation": pick("recommendation", n), "answer": "noted", "reason": "r",
            },
            "DisputeFiled": {"procedure": ("council-default", "odr")[n % 2], "respondent": FOUR[m % 4], "subject": "x"},
            "ResponseFiled": dispute,
            "NeutralAppointed": {**dispute, "neutral": ("PCA", "BRA.del", "N2", "N3")[m % 4]},
            "NeutralChallenged": {**dispute, "neutral": "PCA", "reason": "r"},
            "DeadlineExtended": {**dispute, "period": ("5d", "400d", "x")[m % 3]},
            "DisputeSuspended": {**dispute, "resume": bool(m % 2)},
            "SettlementReached": {**dispute, "terms": A},
            "DisputeWithdrawn": dispute,
            "DecisionIssued": {**dispute, "text": "t"},
            "DecisionAdopted": {**dispute, "decision": decision},
            "DecisionRejected": {**dispute, "decision": decision},
        }  # fmt: skip
        return made[kind]

    def act(self, kind: str, who: int, n: int, m: int, moment: int, flaw: int) -> None:
        """One entry, sometimes with a flaw in its body, by whoever."""
        self.bloc.now += MOMENTS[moment % len(MOMENTS)]
        author = (*FOUR, "BRA", "BRA", "FRA")[who % 7]  # the chair more often than others
        body = self.body(kind, author, n, m)
        if flaw == 1 and body:
            body = dict(sorted(body.items())[1:])
        elif flaw == 2:
            body = {**body, "strange": 1}
        elif flaw == 3 and body:
            body = {**body, min(body): 7}
        at = self.bloc.now - (HOUR if m % 11 == 10 else 0)
        self.bloc.say(author, kind, delegate="del" if m % 13 == 12 else "node", at=at, **body)


Line = tuple[str, int, int, int, int, int]  # type, who, two numbers that choose, the time before, the flaw


def _chain(*said: str) -> tuple[Line, ...]:
    """`ProposalTabled 0 -1 0 6`: type, who, two numbers, and the moment that passes before it."""
    found = []
    for line in said:
        kind, *numbers = line.split()
        who, n, m, moment = (*map(int, numbers), *(0,) * (4 - len(numbers)))
        found.append((kind, who, n, m, moment, 0))
    return tuple(found)


_TABLED = (
    "ProposalTabled 0 0 0",
    "TextCertified 0 -1 1",
    "VoteOpened 0 -1 0",
    *(f"BallotCast {w} -1 6" for w in range(4)),
)
_ADOPTED = (*_TABLED, "ClockTicked 0 0 0 9", "ClockTicked 0 0 0 7")
_SUSPENDED = ("ProposalTabled 0 1 2", *_ADOPTED[1:], "MemberSuspended 0 -1 1", "BallotCast 3 -1 6")
_CYCLE = (
    "CommitmentRegistered 1 2 0", "CycleOpened 0 -1 0", "GuidelineFixed 0 -1 0", "StageAdvanced 0 -2 0",
    "CodeAssigned 1 -1 2", "CodeAssigned 2 -1 2", "StageAdvanced 0 -2 1", "ReportPublished 0 -1 0",
    "StageAdvanced 0 -2 2", "MemberCommented 1 -1 0", "StageAdvanced 0 -2 3 8", "ReportPublished 0 -1 1",
    "VoteOpened 0 -1 5", *(f"BallotCast {w} -1 6" for w in range(4)), "ClockTicked 0 0 0 9", "StageAdvanced 0 -6 4 7",
)  # fmt: skip
_DISPUTE = ("DisputeFiled 1 -2 3", *(f"StageAdvanced {w} -1 {m} 3" for m in (5, 6, 7) for w in (1, 3)))
_PANEL = (
    *_DISPUTE, *(f"NeutralAppointed {w} -1 {m} 3" for m in (1, 2, 3) for w in (1, 3)), "FullPowersIssued 0 0 0",
    "DecisionIssued 0 -1 12 3", "VoteOpened 0 -1 6",
)  # fmt: skip
# Ways that lead somewhere, so that entries meet more than the empty council.
CHAINS: tuple[tuple[Line, ...], ...] = (
    _chain("ProposalTabled 0 0 0", "AmendmentTabled 1 -1 0", "AmendmentTabled 2 -1 0", "AmendmentsOrdered 0 -1 0",
           "VoteOpened 0 0 1", "BallotCast 1 -1 6", "BallotCast 2 -1 6", "ClockTicked 0 0 0 9", "ClockTicked 0 0 0 7"),
    _chain(*_TABLED),
    _chain(*_ADOPTED, "ReservationMade 3 -1 0", "OptOutMade 1 -1 0", "ReservationObjected 2 -1 0"),
    _chain(*_SUSPENDED),
    _chain(*_TABLED, "ProxyGiven 3 -1 1", "BallotCast 1 -1 34", "ClockTicked 0 0 0 10", "ClockTicked 0 0 0 6",
           "ResultDeclared 0 -1 1", "ResultChallenged 3 -1 0"),
    _chain("ProposalTabled 0 0 1", "TextCertified 0 -1 1", "SilenceStarted 0 -1 0", "SilenceExtended 0 -1 0"),
    _chain("ProposalTabled 0 0 1", "TextCertified 0 -1 1", "SilenceStarted 0 -1 0", "SilenceBroken 2 -1 0"),
    _chain("VoteOpened 0 -1 3", "BallotCommitted 1 -1 0", "BallotCommitted 2 -1 0", "BallotRevealed 1 -1 0 10",
           "BallotRevealed 2 -1 4"),
    _chain("ConsultationOpened 2 1 4", "StatementSubmitted 1 -1 0", "StatementSubmitted 1 -1 1", "OpinionVoted 3 -2 0"),
    _chain("ConsultationOpened 2 2 4", "StatementSubmitted 1 -1 0", "StatementModerated 0 -1 0", "OpinionVoted 3 -4 0"),
    _chain(*_CYCLE),
    _chain(*_CYCLE[:9], "RecommendationMade 1 -1 0", "RecommendationAnswered 3 -1 0"),
    _chain("CommitmentRegistered 1 2 0", "TargetSet 1 0 0", "IndicatorBound 1 0 0", "EvidenceSubmitted 2 0 0"),
    _chain(*_DISPUTE, "NeutralAppointed 1 -1 0 3", "NeutralAppointed 3 -1 0 3", "NeutralChallenged 1 -1 0 3"),
    _chain(*_DISPUTE[:3], "DeadlineExtended 1 -1 0 3", "DeadlineExtended 3 -1 0 3", "SettlementReached 1 -1 0 3"),
    _chain("DisputeFiled 1 -1 3", "ResponseFiled 3 -1 0 3", "DisputeSuspended 1 -1 0 3", "DisputeSuspended 3 -1 0 3"),
    _chain("DisputeFiled 1 -2 3", "DisputeWithdrawn 1 -1 0 3"),
    _chain(*_TABLED, "VoteClosed 0 -1 0 4", "BallotCast 1 -1 6 3"),
    _chain("ProposalTabled 0 0 0", "TranslationSupplied 1 -1 0", "AmendmentTabled 1 -1 0", "AmendmentWithdrawn 1 -1 0",
           "ProposalDeferred 0 -1 0", "ProposalDeferred 0 -1 1", "ProposalWithdrawn 0 -1 0"),
    _chain("ProposalTabled 0 0 1", "TextCertified 0 -1 1", "SilenceStarted 0 -1 0", "ClockTicked 0 0 0 7",
           "ClockTicked 0 0 0 3", "SilenceAnnounced 0 -1 0", "SilenceAnnounced 0 -1 1"),
    _chain("ProposalTabled 0 3 2", *_ADOPTED[1:], "RuleAdopted 2 1 0", *_TABLED),
    _chain("ProposalTabled 0 4 2", *_ADOPTED[1:], "ChairAppointed 2 1 -2"),
    _chain("ProposalTabled 0 5 2", *_ADOPTED[1:], "GroupAdopted 2 1 -2"),
    _chain("ProposalTabled 0 6 2", *_ADOPTED[1:], "MemberAdmitted 2 1 -2"),
    _chain("ProposalTabled 0 7 2", *_ADOPTED[1:], "WeightsAdopted 2 1 -2"),
    _chain("CommitmentRegistered 1 2 0", "ProposalTabled 0 8 2", *_ADOPTED[1:], "CommitmentMoved 2 0 -2"),
    _chain(*_ADOPTED, "ProposalTabled 0 9 2", *_ADOPTED[1:], "ProposalEnded 2 0 -2"),
    _chain("VoteOpened 0 -1 2", "BallotCast 0 -1 6", "BallotCast 1 -1 6", "BallotCast 2 -1 1", "BallotCast 3 -1 1",
           "ClockTicked 0 0 0 10", "ClockTicked 0 0 0 6", "TieBroken 0 -1 0"),
    _chain(*_PANEL, *(f"BallotCast {w} -1 6" for w in range(4)), "ClockTicked 0 0 0 9", "DecisionAdopted 1 -1 -2 7"),
    _chain(*_PANEL, *(f"BallotCast {w} -1 1" for w in range(4)), "ClockTicked 0 0 0 9", "DecisionRejected 1 -1 -2 7"),
    _chain("ConsultationOpened 2 2 4", "StatementSubmitted 1 -1 0", "ConsultationClosed 0 -1 0"),
    _chain("MeetingOpened 0 0 0", "AttendanceRecorded 0 0 0", "AttendanceRecorded 1 1 1", "AgendaSet 0 2 3"),
    _chain("FullPowersIssued 1 0 0", "KeyRotated 1 0 12", "ObserverAdmitted 0 0 0", "ExplanationGiven 6 -1 0"),
)  # fmt: skip
