"""A council without a ledger under it: entries that nobody signed, taken one batch each, with a clock that tests set.

What the ledger makes sure of (signatures, order, submission times) is assumed here; `tests/unit/node/test_council.py`
joins the two.
"""

from __future__ import annotations

import hashlib
from typing import Any

from concordat import canonical
from concordat.council.fold import Replay, Step, start
from concordat.council.state import Council
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.fold import Event
from concordat.ledger.membership import Point

HOUR, DAY = 3_600, 86_400
T0 = 1_767_225_600  # 2026-01-01 00:00 UTC
TEN = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF")
MAJORITY = """schema: concordat/rule@1
rule: majority
version: 1
method: vote
quorum: {share: members, of: all, at_least: 1/2, counted: at_vote}
adopt: {share: members, of: voting, more_than: 1/2}
vote_change: until_close
proxy: 1
challenge_hours: 48
"""
AMEND = """schema: concordat/rule@1
rule: amend_rules
version: 1
method: vote
adopt: {share: members, of: all, at_least: 2/3}
"""
CONSENSUS = """schema: concordat/rule@1
rule: consensus
version: 1
method: consensus
adopt: {nobody: objects}
"""
SILENCE = """schema: concordat/rule@1
rule: silence
version: 1
method: silence
hours: 24..72
deadline_zone: Asia/Shanghai
who_may_break: members
amendment_breaks: true
extend: {times: 1, by: chair}
"""
RULES = (MAJORITY, AMEND, CONSENSUS, SILENCE)


def entry(author: str, kind: str, body: dict[str, Any], seq: int, *, person: str = "node", ts: int = T0) -> Entry:
    """An entry with an id of its own and no signature."""
    payload = canonical.dumps({"author": author, "body": body, "person": person, "seq": seq, "ts": ts, "type": kind})
    return Entry(
        leaf=payload, id=hashlib.sha256(payload).hexdigest(), author=author, bloc="BRICS", membership=1, person=person,
        seq=seq, prev=FIRST, refs=(), scope="council", ts="2026-01-01T00:00:00Z", type=kind, body=body, keyid="0" * 16,
        signature=b"", payload=payload,
    )  # fmt: skip


class Bloc:
    """A council that entries are said to; `now` is the clock of everybody."""

    def __init__(self, members: tuple[str, ...] = TEN, *, chair: str = "", merge_delay_hours: int = 24) -> None:
        self.members = members
        self.replay = Replay(start("BRICS", members, chair=chair, merge_delay_hours=merge_delay_hours))
        self.now = T0
        self.history: list[Step] = []
        self.seq = 0

    @property
    def council(self) -> Council:
        """The state so far."""
        return self.replay.council

    def say(self, author: str, type_: str, /, *, delegate: str = "node", at: int | None = None, **body: Any) -> str:
        """One entry in a batch of its own; its id."""
        self.seq += 1
        said = entry(author, type_, body, self.seq, person=delegate, ts=self.now)
        point = Point(1, self.seq)
        self.step(Step(point, self.now, (Event(said, point, self.now if at is None else at, self.now),)))
        return said.id

    def step(self, step: Step) -> None:
        """One batch."""
        self.history.append(step)
        self.replay.step(step)

    def pass_time(self, seconds: int) -> None:
        """Time goes on, and a tick lets the council notice."""
        self.now += seconds
        self.say(self.members[0], "ClockTicked")

    def refusal(self) -> str:
        """Why the last entry without effect had none."""
        return self.council.no_effect[-1].reason

    def all_say(self, kind: str, **body: Any) -> None:
        """Every member says the same."""
        for member in self.members:
            self.say(member, kind, **body)

    def found(self, *rules: str) -> Bloc:
        """The founding: every member adopts the rules."""
        self.all_say("RuleAdopted", rules=list(rules or RULES))
        return self

    def table(self, author: str = "IND", rule: str = "majority", **changes: Any) -> str:
        """A proposal of two paragraphs in English; its id."""
        texts = {"en": [{"id": "p1", "text": "We share cases."}, {"id": "p2", "text": "We report each year."}]}
        body = {"title": "Sharing", "rule": rule, "texts": texts, "authentic": ["en"], **changes}
        self.say(author, "ProposalTabled", **body)
        return str(self.council.all("proposal")[-1].id)

    def certify(self, proposal: str) -> None:
        """The chair certifies the newest version."""
        from concordat.council.texts import hash_of

        found = self.council.get("proposal", proposal)
        languages = {language: hash_of(found.text.texts[language]) for language in found.authentic}
        self.say(self.council.chair, "TextCertified", proposal=proposal, version=found.text.hash, languages=languages)

    def open_vote(self, subject: str, rule: str = "majority", hours: int = 48, **changes: Any) -> str:
        """The chair opens a vote; its id."""
        from datetime import UTC, datetime

        from concordat.council.voting import text_of

        closes = datetime.fromtimestamp(self.now + hours * HOUR, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = changes.pop("text", None) or text_of(self.council, subject, changes.get("title", ""))
        before = len(self.council.all("vote"))
        self.say(self.council.chair, "VoteOpened", subject=subject, rule=rule, closes=closes, text=text, **changes)
        votes = self.council.all("vote")
        assert len(votes) == before + 1, self.refusal()
        return str(max(votes, key=lambda v: v.id).id)

    def cast(self, vote: str, choices: dict[str, Any]) -> None:
        """Ballots by member."""
        found = self.council.get("vote", vote)
        for member, choice in choices.items():
            self.say(member, "BallotCast", vote=vote, choice=choice, text=found.text, rule=found.rule_hash)

    def decide(self, kind: str, body: dict[str, Any], author: str = "", rule: str = "amend_rules") -> str:
        """A final vote that adopted a proposal of exactly this act; its id."""
        from concordat.council.constitution import act_hash

        proposal = self.table(author or self.members[0], rule=rule, act=act_hash(kind, body))
        self.certify(proposal)
        vote = self.open_vote(proposal, rule)
        self.cast(vote, dict.fromkeys(self.council.members, "yes"))
        self.finish(vote)
        return vote

    def finish(self, vote: str) -> Any:
        """Let the vote close, be counted and become final; the vote."""
        found = self.council.get("vote", vote)
        self.now = max(self.now, found.closes)
        self.pass_time(self.council.merge_delay_s + 1)
        self.pass_time(60 * DAY // 10)
        return self.council.get("vote", vote)
