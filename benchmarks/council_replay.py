"""How long do three replicas take to replay 100,000 entries of a council, each verified, received in a random order?

    python benchmarks/council_replay.py [--entries 100000] [--seed 1] [--write]

A bloc of ten votes on proposal after proposal; the entries are signed, handed to each replica in an order of its own
with the places that the council's order gives them, verified once as they arrive, and folded in that order, as a node
does that starts again. Then one byte of a ballot is changed: the replica that gets it names it. Both ways are told: the
replay of what was verified on arrival, and with every signature verified again, whose raw limit is the verification.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import multiprocessing
import random
import time
from datetime import UTC, datetime
from typing import Any

from startup import RESULTS, machine

from concordat import canonical
from concordat.council.fold import Replay, Step, start
from concordat.council.texts import hash_of
from concordat.council.voting import text_of
from concordat.errors import ConcordatError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.fold import Event
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.membership import Point

MEMBERS = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF")
BATCH, DAY, T0 = 128, 86_400, 1_767_225_600
HEAD = "schema: concordat/rule@1\nversion: 1\nmethod: vote\n"
RULES = (
    HEAD + "rule: majority\nvote_change: until_close\nadopt: {share: members, of: voting, more_than: 1/2}\n",
    HEAD + "rule: amend_rules\nadopt: {share: members, of: all, at_least: 2/3}\n",
)
Placed = tuple[int, int, int, int, bytes]  # batch, place in it, ledger time, submission time, leaf


def secret_of(member: str) -> Ed25519Secret:
    """A member's key, the same in every run."""
    return Ed25519Secret(hashlib.sha256(f"replay {member}".encode()).digest())


class Writer:
    """Says things to a council and keeps what was said, signed and placed."""

    def __init__(self) -> None:
        self.replay = Replay(start("BRICS", MEMBERS))
        self.secrets = {m: secret_of(m) for m in MEMBERS}
        self.last = dict.fromkeys(MEMBERS, (0, FIRST))
        self.batch, self.now = 1, T0
        self.waiting: list[Event] = []
        self.placed: list[Placed] = []

    def say(self, member: str, kind: str, body: dict[str, Any]) -> None:
        """One signed entry."""
        seq, prev = self.last[member]
        entry = Entry.new(
            author=member, bloc="BRICS", membership=1, person="node", seq=seq + 1, prev=prev, scope="council",
            ts=datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), type=kind, body=body,
            secret=self.secrets[member],
        )  # fmt: skip
        self.last[member] = (seq + 1, entry.id)
        self.placed.append((self.batch, len(self.waiting), self.now, self.now, entry.leaf))
        self.waiting.append(Event(entry, Point(1, self.batch), self.now, self.now))
        if len(self.waiting) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Close the batch."""
        self.replay.step(Step(Point(1, self.batch), self.now, tuple(self.waiting)))
        self.batch, self.waiting = self.batch + 1, []

    @property
    def council(self) -> Any:
        """The state behind everything that was said."""
        if self.waiting:
            self.flush()
        return self.replay.council


def session(entries: int, seed: int) -> tuple[list[Placed], str]:
    """So many entries of a council at work, and the state hash they come to."""
    said, draw = Writer(), random.Random(seed)
    for member in MEMBERS:
        said.say(member, "RuleAdopted", {"rules": list(RULES)})
    while len(said.placed) < entries:
        text = f"Case {len(said.placed)}"
        texts = {"en": [{"id": "p1", "text": text}]}
        said.say(draw.choice(MEMBERS), "ProposalTabled", {
            "authentic": ["en"], "rule": "majority", "texts": texts, "title": text,
        })  # fmt: skip
        proposal = max(said.council.all("proposal"), key=lambda p: p.tabled * 10**6 + int(p.id.rsplit("-", 1)[1]))
        languages = {"en": hash_of(proposal.text.texts["en"])}
        certified = {"languages": languages, "proposal": proposal.id, "version": proposal.text.hash}
        said.say("ARE", "TextCertified", certified)
        closes = datetime.fromtimestamp(said.now + DAY, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        opened = {"closes": closes, "rule": "majority", "subject": proposal.id}
        said.say("ARE", "VoteOpened", {**opened, "text": text_of(said.council, proposal.id, "")})
        vote = next(v for v in said.council.all("vote") if v.subject == proposal.id)
        ballot = {"rule": vote.rule_hash, "text": vote.text, "vote": vote.id}
        for _ in range(min(97, entries - len(said.placed))):
            said.say(draw.choice(MEMBERS), "BallotCast", {**ballot, "choice": draw.choice(("yes", "no", "abstain"))})
        if said.waiting:
            said.flush()
        said.now += 3 * DAY
    return said.placed, said.council.state_hash


def verified(placed: list[Placed]) -> list[tuple[Placed, Entry]]:
    """Every entry read and its signature verified.

    Raises:
        ConcordatError: the first that fails; it names author and number.
    """
    keys = {m: secret_of(m).public for m in MEMBERS}
    found = []
    for item in placed:
        entry = Entry.parse(item[4], f"batch {item[0]}, entry {item[1]}")
        found.append((item, entry.verify(keys[entry.author])))
    return found


def replica(job: tuple[list[Placed], int]) -> tuple[str, float, float]:
    """A replica that received the entries in an order of its own: (state hash, seconds of verifying, of folding)."""
    placed, seed = list(job[0]), job[1]
    random.Random(seed).shuffle(placed)
    begun = time.perf_counter()
    entries = verified(placed)
    between = time.perf_counter()
    replay = Replay(start("BRICS", MEMBERS))
    batches: dict[int, list[tuple[Placed, Entry]]] = {}
    for item in sorted(entries, key=lambda pair: pair[0][:2]):
        batches.setdefault(item[0][0], []).append(item)
    for number, rows in batches.items():
        point, time_ = Point(1, number), rows[0][0][2]
        events = tuple(Event(entry, point, item[3], item[2]) for item, entry in rows)
        replay.step(Step(point, time_, events))
    return replay.council.state_hash, between - begun, time.perf_counter() - between


def changed(placed: list[Placed], seed: int) -> str:
    """One byte of one ballot changed: what the replica that gets it says."""
    draw = random.Random(seed)
    ballots = [n for n, item in enumerate(placed) if Entry.parse(item[4]).type == "BallotCast"]
    n = draw.choice(ballots)
    envelope = json.loads(placed[n][4])
    payload = base64.b64decode(envelope["payload"]).replace(b'"choice":"', b'"choicf":"')  # one byte
    envelope["payload"] = base64.b64encode(payload).decode()
    leaf = canonical.dumps(envelope)
    try:
        verified([*placed[:n], (*placed[n][:4], leaf), *placed[n + 1 :]])
    except ConcordatError as error:
        return str(error)
    raise AssertionError("a changed byte was not found")


def main() -> None:
    """Measure, print, and store if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    placed, state = session(asked.entries, asked.seed)
    begun = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(replica, [(placed, asked.seed + n) for n in range(3)])
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    said = changed(placed, asked.seed)
    result = {
        "entries": len(placed),
        "replicas": len(found),
        "equal": len({state, *(f[0] for f in found)}) == 1,
        "state": state,
        "replay, s, three replicas one after the other": round(sum(f[2] for f in found), 1),
        "with every signature verified, s, three replicas on two processes": round(seconds, 1),
        "verifying, s a replica": [round(f[1], 1) for f in found],
        "folding, s a replica": [round(f[2], 1) for f in found],
        "a changed byte": said,
        "found in, s": round(time.perf_counter() - begun, 1),
        "seed": asked.seed,
        "machine": machine(),
    }
    print(json.dumps(result, indent=1))
    if asked.write:
        (RESULTS / "council_replay-linux-x86_64-2-cores.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
