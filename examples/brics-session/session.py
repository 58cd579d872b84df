"""A session of ten members on one machine, from the founding to a dispute that is settled.

The first agenda, a consultation, amendments, votes under three rules, a target, a review with evidence; it ends with an
export that anybody can verify.

    python examples/brics-session/session.py FOLDER

Every entry is signed by its member, witnessed by the others, ordered, mirrored and final before the next step builds on
it. The clock is set by the script, so that a year passes in a minute; positions and texts are invented.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from concordat import clock
from concordat.council.commit.register import Register
from concordat.council.constitution import act_hash
from concordat.council.result import document_of, verify
from concordat.council.texts import hash_of
from concordat.council.voting import text_of
from concordat.ledger.bundle import bundle_of
from concordat.node.demo import Demo
from concordat.node.publish import export

HERE = Path(__file__).parent
TEN = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF")
CHAIR = "ARE"  # first of the rota
Told = Callable[[str], None]

TEXT = {
    "en": ("We share cases of digital policy that worked.", "Each member publishes two cases a year."),
    "ru": ("Мы обмениваемся успешными примерами цифровой политики.", "Каждый член публикует два примера в год."),
    "zh": ("我们分享行之有效的数字政策案例。", "每个成员每年发布两个案例。"),
}
STATEMENTS = (
    "Cases should be public.",
    "Failures should be shared as well.",
    "Two cases a year are too many for small members.",
    "Each case needs a budget figure.",
    "Cases should be translated into every official language.",
    "A case is reviewed by two other members.",
    "Cases may name companies.",
    "The register should be open to observers.",
)


class Session:
    """The ten nodes, the day, and a few words for what is said again and again."""

    def __init__(self, folder: Path, tell: Told) -> None:
        self.folder, self.tell = folder, tell
        self.now = datetime(2026, 5, 4, 8, tzinfo=UTC)
        with self.day():
            self.demo = Demo.found(folder / "demo", "BRICS", TEN)

    @contextmanager
    def day(self) -> Iterator[None]:
        """The clock of everybody, set to the day of the story."""
        with clock.fixed(self.now):
            yield

    def wait(self, **time: int) -> None:
        """Time passes, and one entry lets the council notice."""
        self.now += timedelta(**time)
        self.say((CHAIR, "ClockTicked", {}))

    def say(self, *said: tuple[str, str, dict[str, Any]]) -> None:
        """Members say things, each checked before it is signed; then all becomes final everywhere."""
        with self.day():
            for member, kind, body in said:
                self.demo.say(member, kind, body)
            self.demo.settle()

    @property
    def council(self) -> Any:
        """What all members have agreed on, with the deadlines settled that lie before today."""
        with self.day():
            return self.demo.council_today()

    def newest(self, kind: str) -> Any:
        """The thing of a kind that came last."""
        return max(self.council.all(kind), key=lambda t: (t.batch, t.id))

    def at(self, **time: int) -> str:
        """An instant from now on."""
        return (self.now + timedelta(**time)).strftime("%Y-%m-%dT%H:%MZ")

    # --- Votes --------------------------------------------------------------------------------------------------------

    def vote(self, subject: str, rule: str, choices: dict[str, str]) -> Any:
        """A vote from its opening to its final result."""
        body = {"closes": self.at(days=2), "rule": rule, "subject": subject, "text": text_of(self.council, subject, "")}
        self.say((CHAIR, "VoteOpened", body))
        key = self.newest("vote").id
        self.cast(key, choices)
        return self.counted(key)

    def counted(self, key: str) -> Any:
        """Two days for the ballots, a day in which entries may still be taken up, and the time for challenges."""
        self.wait(days=3, hours=1)
        vote = self.council.get("vote", key)
        if vote.status != "final":
            ballots = {m: b.entry for m, b in vote.ballots.items()}
            declared = {"ballots": ballots, "outcome": vote.outcome, "result": vote.result_hash, "vote": key}
            self.say((CHAIR, "ResultDeclared", declared))
            self.wait(days=3)
            vote = self.council.get("vote", key)
        self.tell(f"  {key} on {vote.subject} under {vote.rule}: {' '.join(vote.result['tally']['lines'])}")
        return vote

    def cast(self, key: str, choices: dict[str, str]) -> None:
        """Each member's ballot."""
        vote = self.council.get("vote", key)
        self.say(
            *(
                (member, "BallotCast", {"choice": choice, "rule": vote.rule_hash, "text": vote.text, "vote": key})
                for member, choice in choices.items()
            )
        )

    def certify(self, *proposals: str) -> None:
        """The chair certifies all authentic languages."""
        said = []
        for proposal in proposals:
            found = self.council.get("proposal", proposal)
            languages = {x: hash_of(found.text.texts[x]) for x in found.authentic}
            body = {"languages": languages, "proposal": proposal, "version": found.text.hash}
            said.append((CHAIR, "TextCertified", body))
        self.say(*said)


def all_but(choice: str, **others: str) -> dict[str, str]:
    """One choice for everybody but a few; `absent` casts nothing."""
    found = {member: others.get(member, choice) for member in TEN}
    return {member: said for member, said in found.items() if said != "absent"}


# --- The session ------------------------------------------------------------------------------------------------------


def founding(s: Session) -> None:
    """Every founder adopts the same weights and rules."""
    from concordat.cli._council_files import act_of

    weights = act_of([HERE / "population.yaml"])[1]
    rules = [
        (HERE / "rules" / f"{n}.yaml").read_text()
        for n in ("qualified", "majority", "consensus", "silence", "amend_rules")
    ]
    s.say(
        *(
            (m, kind, body)
            for m in TEN
            for kind, body in (("WeightsAdopted", weights), ("RuleAdopted", {"rules": rules}))
        )
    )
    s.tell(f"Founded: {len(s.council.all('rule'))} rules, population of {len(TEN)} members.")


def first_agenda(s: Session) -> None:
    """The commitments of the five source documents, and the agenda they ask for."""
    register = Register.load_seed()
    rows = [
        {
            "anchor": c.anchor.words, "beneficiary": c.beneficiary, "document": c.document, "due": c.due or "",
            "id": c.id,
            "kind": c.kind, "review_level": c.review_level, "topic": c.topic, "what": c.what, "who": c.who,
            "measures": [{"code": m.code, "note": m.note, "source": m.source, "tells": m.tells} for m in c.measures],
        }
        for c in register.commitments
    ]  # fmt: skip
    items = [
        {"item": item.about[0] if len(item.about) == 1 else "set-targets", "kind": "debate", "title": item.title}
        for item in register.agenda
    ]
    registered = [("BRA", "CommitmentRegistered", {"commitments": rows[i : i + 25]}) for i in range(0, len(rows), 25)]
    meeting = (CHAIR, "MeetingOpened", {"begins": s.at(), "title": "First session"})
    s.say(*registered, (CHAIR, "AgendaSet", {"items": items}), meeting)
    s.tell(register.summary())


def consultation(s: Session) -> str:
    """India tables a text in three languages; ten delegations say what they think."""
    texts = {x: [{"id": f"p{n}", "text": words} for n, words in enumerate(rows, 1)] for x, rows in TEXT.items()}
    rules = {"amendment_rule": "majority", "rule": "qualified"}
    body = {**rules, "authentic": sorted(TEXT), "texts": texts, "title": "A register of shared cases"}
    s.say(("IND", "ProposalTabled", body))
    proposal = s.newest("proposal").id
    s.say(("BRA", "ConsultationOpened", {"closes": s.at(days=7), "proposal": proposal, "title": "Shared cases"}))
    key = s.newest("consultation").id
    s.say(*(("BRA", "StatementSubmitted", {"consultation": key, "text": text}) for text in STATEMENTS))
    for_all, small = ("agree", "agree", "pass", "pass", "agree", "agree"), ("ARE", "EGY", "ETH", "ZAF", "IRN")
    said = []
    for member in TEN:
        small_ones = ("agree", "disagree") if member in small else ("disagree", "agree")
        words = [*for_all[:2], small_ones[0], *for_all[2:5], small_ones[1], for_all[5]]
        said.append(
            (member, "OpinionVoted", {"consultation": key, "opinions": [[n, w] for n, w in enumerate(words, 1)]})
        )
    s.say(*said)
    s.wait(days=9)
    from concordat.council.consult import analyse, summary
    from concordat.council.consultations import as_votes

    for line in summary(analyse(as_votes(s.council, key))):
        s.tell(f"  {line}")
    return str(proposal)


def amendments(s: Session, proposal: str) -> None:
    """Two amendments on one paragraph: the one furthest from the text is voted on first."""
    base = s.council.get("proposal", proposal).text.hash

    def change(**words: str) -> dict[str, Any]:
        return {"base": base, "change": {"op": "replace", "paragraph": "p2", "text": words}, "proposal": proposal}

    near = change(
        en="Each member publishes at least one case a year.",
        ru="Каждый член публикует не менее одного примера в год.",
        zh="每个成员每年至少发布一个案例。",
    )
    far = {"base": base, "change": {"op": "delete", "paragraph": "p2"}, "proposal": proposal}
    s.say(("ETH", "AmendmentTabled", near), ("IRN", "AmendmentTabled", far))
    found = {a.author: a.id for a in s.council.all("amendment")}
    order = {
        "order": [found["IRN"], found["ETH"]],
        "proposal": proposal,
        "reason": "a deletion is furthest from the text",
    }
    s.say((CHAIR, "AmendmentsOrdered", order))
    s.vote(found["IRN"], "majority", all_but("no", IRN="yes", RUS="yes"))
    s.vote(found["ETH"], "majority", all_but("yes", CHN="abstain"))


def three_rules(s: Session, proposal: str) -> None:
    """A double majority, a consensus that fails by one objection, a silence that nobody breaks."""
    s.certify(proposal)
    s.vote(proposal, "qualified", all_but("yes", RUS="no", IRN="no", EGY="abstain"))
    s.say(
        ("IRN", "ReservationMade", {"paragraphs": ["p2"], "proposal": proposal, "reason": "the law on archives"}),
        ("RUS", "ExplanationGiven", {"text": "We would have kept two cases a year.", "vote": s.newest("vote").id}),
    )
    tabled = []
    for author, rule, title in (("CHN", "consensus", "Common terms of data"), ("ZAF", "silence", "A yearly review")):
        texts = {"en": [{"id": "p1", "text": f"{title}: a working group reports within a year."}]}
        tabled.append((author, "ProposalTabled", {"authentic": ["en"], "rule": rule, "texts": texts, "title": title}))
    s.say(*tabled)
    terms, yearly = (next(p.id for p in s.council.all("proposal") if p.author == author) for author in ("CHN", "ZAF"))
    s.certify(terms, yearly)
    opened = {"closes": s.at(days=2), "rule": "consensus", "subject": terms, "text": text_of(s.council, terms, "")}
    silence = {"hours": 48, "proposal": yearly, "rule": "silence", "text": s.council.get("proposal", yearly).certified}
    s.say((CHAIR, "VoteOpened", opened), (CHAIR, "SilenceStarted", silence))
    key = s.newest("vote").id
    s.cast(key, all_but("yes", IND="object", ETH="absent"))
    s.counted(key)
    found = s.newest("silence")
    s.tell(f"  {found.id} on {yearly}: {found.status}, nobody spoke")


def target(s: Session) -> None:
    """A commitment gets its baseline, target and date by a decision, and a measure that the evidence knows."""
    words = (HERE / "target.yaml").read_text()
    act = {"commitment": "xin-7", "target": words}
    texts = {"en": [{"id": "p1", "text": words}]}
    body = {"act": act_hash("TargetSet", act), "authentic": ["en"], "kind": "commitment", "rule": "majority"}
    s.say(("BRA", "ProposalTabled", {**body, "texts": texts, "title": "Internet use: 95 % by 2030"}))
    proposal = s.newest("proposal").id
    s.certify(proposal)
    vote = s.vote(proposal, "majority", all_but("yes"))
    measures = s.council.get("commitment", "xin-7").measures
    place = next(n for n, m in enumerate(measures, 1) if m.source == "wb" and m.code == "IT.NET.USER.ZS")
    bound = {"commitment": "xin-7", "indicator": "internet_users_pct", "measure": place, "unit": "percent"}
    s.say(("BRA", "TargetSet", {**act, "decision": vote.id}), ("BRA", "IndicatorBound", bound))
    s.tell(f"  xin-7 is {s.council.get('commitment', 'xin-7').state}")


def review(s: Session) -> None:
    """A cycle: guideline, data frozen, three coders a cell, comments, adoption; and the evidence beside the codes."""
    chosen = ["xin-7", "t20-f1a", "ggg-2a"]
    why = "one measurable outcome, one output, one process; others have no target yet"
    opened = {"commitments": chosen, "rule": "majority", "selection": why, "title": "Review of 2026", "year": 2026}
    s.say((CHAIR, "CycleOpened", opened))
    key = s.newest("cycle").id
    s.say((CHAIR, "GuidelineFixed", {"cycle": key, "text": (HERE / "guideline.md").read_text()}))
    release, series = figures()
    s.say((CHAIR, "StageAdvanced", {"release": release, "subject": key, "to": "coding"}))
    source = sha256((HERE / "guideline.md").read_bytes()).hexdigest()
    said = []
    for coder in ("BRA", "IND", "ZAF"):
        for n, commitment in enumerate(chosen):
            for m, member in enumerate(TEN):
                value = (n + m + (coder == "ZAF" and m % 4 == 0)) % 3 - 1
                code = {"code": value, "commitment": commitment, "cycle": key, "member": member, "sources": [source]}
                said.append((coder, "CodeAssigned", code))
    s.say(*said)
    s.say((CHAIR, "StageAdvanced", {"subject": key, "to": "drafts"}))
    s.say((CHAIR, "StageAdvanced", {"subject": key, "to": "comments"}))
    s.say(("EGY", "MemberCommented", {"about": "ggg-2a", "cycle": key, "text": "Our law of March is missing."}))
    s.wait(days=15)
    s.say((CHAIR, "StageAdvanced", {"subject": key, "to": "final"}))
    report = sha256(f"report {key}: {s.council.get('cycle', key).coverage}".encode()).hexdigest()
    s.say((CHAIR, "ReportPublished", {"cycle": key, "report": report, "stage": "final"}))
    vote = s.vote(f"report {key}", "majority", all_but("yes"))
    told = {"cycle": key, "specific": True, "text": "Publish the budget of the programme.", "to": "ETH"}
    adopted = (CHAIR, "StageAdvanced", {"decision": vote.id, "subject": key, "to": "adopted"})
    s.say(adopted, ("BRA", "RecommendationMade", told))
    answer = {
        "answer": "accepted",
        "reason": "It is in the next budget.",
        "recommendation": s.newest("recommendation").id,
    }
    s.say(("ETH", "RecommendationAnswered", answer))
    _tell_review(s, key, series)


def _tell_review(s: Session, key: str, series: Any) -> None:
    from concordat.council.commit.targets import Target
    from concordat.council.review.evidence import evidence
    from concordat.council.reviews import scores_of

    scores = scores_of(s.council, key)
    s.tell(f"  {s.council.get('cycle', key).coverage}; {len(scores.coders)} coders; {scores.alpha}")
    found = evidence(Target.load(s.council.get("commitment", "xin-7").target.text), series, at=max(YEARS))
    for member in TEN:
        human, cell = scores.cells["xin-7", member], found.cells[member]
        moved = "no value" if cell.value is None else f"{float(cell.value):+.2f}"
        s.tell(f"  xin-7 of {member}: coders {float(human.value or 0):+.1f}, evidence {moved}")


YEARS: set[int] = set()


def figures() -> tuple[str, Any]:
    """The release of the evidence on this machine, by its hash, and its figures of internet use."""
    from concordat import canonical
    from concordat.cli._index_input import observations
    from concordat.council.commit._series import Series
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.resolve import resolve

    rows, name = observations("auto", None)
    mine = [o for o in rows if o.indicator_id == "internet_users_pct"]
    chosen = resolve(mine, load_catalogue(), not_after=2026, areas=TEN)
    values = {}
    for (_, area, breakdown), found in chosen.items():
        if area in TEN and not breakdown and found.value is not None:
            values[area] = {2026: str(found.value)}  # the newest figure, whatever its year, stands for the review's
    YEARS.add(2026)
    release = canonical.digest(name)
    return release, Series("internet_users_pct", "percent", values, release=release)


def dispute(s: Session) -> None:
    """A dispute under the procedure of online resolution, settled in the negotiation."""
    filed = {"procedure": "odr", "respondent": "IRN", "roster": ["KEN"], "subject": "payment for a shared data set"}
    s.say(("EGY", "DisputeFiled", filed))
    key = s.newest("dispute").id
    s.wait(days=3)
    s.say(("IRN", "ResponseFiled", {"dispute": key}))
    terms = sha256(b"half of it, by the end of the year").hexdigest()
    settled = {"dispute": key, "terms": terms}
    s.say(("EGY", "SettlementReached", settled), ("IRN", "SettlementReached", settled))
    s.tell(f"  {key}: {s.council.get('dispute', key).case.stage}")


def finish(s: Session) -> None:
    """All members hold the same state; the export verifies with a program of its own; a result file with none."""
    state = s.demo.require_equal()
    record = s.folder / "record"
    node = s.demo.nodes["BRA"]
    with s.day():
        export(node.replica, record, node.home)
    checked = subprocess.run([sys.executable, record / "verify.py", record], capture_output=True, text=True, check=True)
    s.tell(checked.stdout.strip().splitlines()[-1])
    vote = next(v.id for v in s.council.all("vote") if v.rule == "qualified")
    data = document_of(s.council, vote, lambda key: bundle_of(node.replica, key).data(), node.chain.pinned)
    (s.folder / f"{vote}.result.json").write_bytes(data)
    s.tell(verify(data, node.chain.pinned).sentence())
    s.tell(f"All ten members: state {state[:16]}, {s.council.events} entries, no effect: {len(s.council.no_effect)}.")


def run(folder: Path, tell: Told = print) -> Session:
    """The whole session; the nodes stay open in what is given back."""
    s = Session(folder, tell)
    for title, part in (("Founding", founding), ("Agenda", first_agenda)):
        tell(f"{title} ({s.now:%Y-%m-%d})")
        part(s)
    tell("Consultation")
    proposal = consultation(s)
    tell("Amendments")
    amendments(s, proposal)
    tell("Three rules")
    three_rules(s, proposal)
    for title, last in (("Target", target), ("Review", review), ("Dispute", dispute), ("Record", finish)):
        tell(f"{title} ({s.now:%Y-%m-%d})")
        last(s)
    return s


if __name__ == "__main__":
    run(Path(sys.argv[1])).demo.close()
