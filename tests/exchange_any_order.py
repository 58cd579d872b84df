"""Do entries of the exchange come to one state in whatever order they come in? The long form of a property.

    python tests/exchange_any_order.py 10000         # entries; shuffled, doubled, cut in three

Entries of all types are made, good and bad ones, versions that contradict each other, and reviews, reuses and answers
of things that come later or never.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from concordat.exchange.events import KINDS
from concordat.exchange.fold import Logged, fold
from exchange_kit import at, blob, digest, said, uuid

MEMBERS = ("BRA", "CHN", "IND", "RUS", "ZAF")
INCIDENT = "incident--00000000-0000-4000-8000-{:012d}"


def body_of(kind: str, n: int, author: str, other: str, draw: random.Random) -> dict[str, Any]:
    """A body of a type that speaks of thing n."""
    version = draw.randint(1, 3)
    document = blob(f"{kind}{n}{version}{draw.randint(0, 1)}")
    agreement = {"agreement": uuid(n), "hash": digest(str(n)), "provider": author, "consumer": other}
    asked = {**agreement, "provider": other, "consumer": author}
    aid = {"version": version, "document": document, "kind": "money"}
    counts = {"added": n, "changed": 0, "removed": 0, "failed": 0, "changes": digest("c")}
    times = {"started": "2026-05-01T10:00:00Z", "finished": "2026-05-01T10:05:00Z"}
    file = {"hash": digest(str(n)), "bytes": n, "format": "text/csv"}
    return {
        "DatasetOffered": {"dataset": f"d{n}", "version": version, "uuid": uuid(n), "access": "public",
                           "document": document, "policy": digest("p"), "files": [file]},
        "DatasetWithdrawn": {"dataset": f"d{n}", "version": version, "reason": "error"},
        "AgreementReached": {**agreement, "dataset": f"d{n}", "version": version},
        "AgreementConfirmed": asked,
        "AgreementEnded": {**agreement, "reason": "expired"},
        "TransferCompleted": {**asked, "transfer": uuid(n), "dataset": f"d{n}", "version": 1, "file": digest("f"),
                              "bytes": n},
        "DutyDone": {**asked, "duty": "delete", "on": "2026-06-30"},
        "HarvestFinished": {"source": "portal", "run": n + 1, "kind": "ckan", "outcome": "complete", **counts, **times},
        "CasePublished": {"case": f"c{n}", "version": version, "kind": "practice", "document": document},
        "CaseReviewed": {"owner": other, "case": f"c{n}", "version": version, "grades": [{"result": 0, "grade": 2}]},
        "CaseReused": {"owner": other, "case": f"c{n}", "since": "2026-01-01"},
        "ReportPublished": {"series": "notes", "number": n + 1, "year": 2026, "version": version,
                            "kind": "policy_note", "document": document},
        "AlgorithmPublished": {"algorithm": f"a{n}", "version": version, "document": document},
        "AlgorithmRetired": {"algorithm": f"a{n}", "version": version, "on": "2026-06-01"},
        "IncidentShared": {"incident": INCIDENT.format(n), "version": version, "label": "GREEN", "document": document},
        "IncidentStage": {"incident": INCIDENT.format(n), "stage": "notification"},
        "IncidentClosed": {"incident": INCIDENT.format(n), "outcome": "resolved"},
        "QuestionAsked": {"question": f"q{n}", "to": [other], "due": "2026-06-01", "label": "AMBER",
                          "document": document},
        "AnswerGiven": {"asker": other, "question": f"q{n}", "document": document},
        "AidRequested": {**aid, "request": f"r{n}"},
        "AidOffered": {**aid, "offer": f"o{n}"},
        "MatchComputed": {"match": f"m{n}", "inputs": digest("i"), "requests": n, "offers": n, "result": digest("r"),
                          "pairs": n},
        "MatchAccepted": {"computed": digest("m"), "requester": author, "request": f"r{n}", "offerer": other,
                          "offer": f"o{n}"},
    }[kind]  # fmt: skip


def entries(count: int, seed: int) -> list[Logged]:
    """Entries of all types, one in twenty of them bad."""
    draw = random.Random(seed)
    made, numbers = [], dict.fromkeys(MEMBERS, 0)
    for _ in range(count):
        author, kind = draw.choice(MEMBERS), draw.choice(sorted(KINDS))
        other = draw.choice([m for m in MEMBERS if m != author])
        body = body_of(kind, draw.randint(0, max(3, count // 60)), author, other, draw)
        if draw.random() < 0.05:
            body["surprise"] = 1
        numbers[author] += 1
        submitted = None if draw.random() < 0.1 else "2026-05-01T10:00"
        made.append(said(author, kind, numbers[author], body, submitted))
    return made


def check(made: list[Logged], seed: int, rounds: int) -> str:
    """Fold in several orders, with doubles; the one hash."""
    draw, first = random.Random(seed), fold(made)
    assert first.entries + len(first.no_effect) == len({one.entry.id for one in made})
    for _ in range(rounds):
        again = [*made, *draw.sample(made, len(made) // 10)]
        draw.shuffle(again)
        other = fold(again)
        assert other.state_hash == first.state_hash
        assert other == first
    return first.state_hash


def main(count: int) -> None:
    made = entries(count, 1)
    found = check(made, 2, 3)
    replicas = [fold(sorted(made, key=lambda one, n=n: digest(f"{n}{one.entry.id}"))) for n in range(3)]
    assert {replica.state_hash for replica in replicas} == {found}
    late = [Logged(one.entry, at("2026-05-02T10:00")) for one in made]
    assert fold(late).state_hash == found
    state = fold(made)
    print(f"{count:,} entries, {state.entries:,} count, {len(state.no_effect):,} have no effect: one state, {found}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
