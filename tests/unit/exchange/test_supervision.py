"""Questions among supervisors, and sandbox records."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.errors import InputError
from concordat.exchange.fold import Logged, fold
from concordat.exchange.supervision import default_due, end_of_day, questions_of, read_sandboxes, sandbox_counts
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import Ed25519Secret

BLOB = {"hash": "0" * 64, "media_type": "text/plain", "salted": True, "size": 64}
ASKED = {"question": "q-reserves", "due": "2026-05-18", "label": "AMBER", "document": BLOB}
MEMBERS = ("BRA", "IND", "RUS", "ZAF")


def said(author: str, seq: int, kind: str, **body: Any) -> Logged:
    """An entry of a member."""
    entry = Entry.new(
        author=author, bloc="BRICS", membership=1, person="node", seq=seq, prev=FIRST if seq == 1 else "1" * 64,
        scope="exchange", ts="2026-05-04T13:20:11Z", type=kind, body=body, secret=Ed25519Secret(bytes(32)),
    )  # fmt: skip
    return Logged(entry, 1)


def test_a_question_stays_open_for_those_who_have_not_answered() -> None:
    log = [
        said("BRA", 1, "QuestionAsked", **ASKED, group="bloc", area="blockchain_currency"),
        said("IND", 1, "AnswerGiven", asker="BRA", question="q-reserves", document=BLOB, label="AMBER"),
        said("ZAF", 1, "AnswerGiven", asker="BRA", question="q-reserves", declined="no_mandate"),
    ]
    for order in (log, log[::-1]):
        (found,) = questions_of(fold(order), MEMBERS, ())
        assert (found.asker, found.id, found.area, found.label) == ("BRA", "q-reserves", "blockchain_currency", "AMBER")
        assert found.asked_of == ("IND", "RUS", "ZAF")
        assert (dict(found.declined), sorted(found.answered)) == ({"ZAF": "no_mandate"}, ["IND"])
        assert found.open_for == ("RUS",)
        assert found.due == end_of_day("2026-05-18")


def test_an_answer_after_a_refusal_counts() -> None:
    log = [
        said("BRA", 1, "QuestionAsked", **ASKED, to=["ZAF"]),
        said("ZAF", 1, "AnswerGiven", asker="BRA", question="q-reserves", declined="resources"),
        said("ZAF", 2, "AnswerGiven", asker="BRA", question="q-reserves", document=BLOB, label="GREEN"),
    ]
    (found,) = questions_of(fold(log), MEMBERS, ())
    assert (dict(found.declined), sorted(found.answered), found.open_for) == ({}, ["ZAF"], ())


def test_a_group_of_supervisors_is_who_may_sign_for_it() -> None:
    log = [said("BRA", 1, "QuestionAsked", **ASKED, group="supervision")]
    (found,) = questions_of(fold(log), MEMBERS, ("BRA", "RUS"))
    assert found.asked_of == ("RUS",)


def test_an_answer_to_what_nobody_has_seen_is_no_question() -> None:
    log = [said("ZAF", 1, "AnswerGiven", asker="BRA", question="q-reserves", declined="other")]
    assert questions_of(fold(log), MEMBERS, ()) == []


def test_days() -> None:
    assert end_of_day("2026-05-18") == 1_779_148_800  # 2026-05-19T00:00:00Z
    assert default_due(1_777_887_000) == "2026-05-18"  # asked on 4 May: in 14 days
    with pytest.raises(InputError, match="not a day"):
        end_of_day("2026-02-30")


# --- Sandboxes --------------------------------------------------------------------------------------------------------

FILE = f"""schema: concordat/sandbox@1
member: BRA
records:
  - {{firm_ref: {"a" * 64}, product: Instant loans, fintech_area: crowd_p2p, start: "2025-01-10", end: "2025-12-31",
     rules_relaxed: [EC-CONS], customers_max: 5000, incidents: 2, outcome: authorised}}
  - {{firm_ref: {"b" * 64}, product: Token fund, fintech_area: blockchain_currency, start: "2026-01-10",
     incidents: 0, outcome: running}}
  - {{firm_ref: {"c" * 64}, product: Loans, fintech_area: crowd_p2p, start: "2025-03-01", end: "2025-06-01",
     outcome: stopped}}
"""


def test_sandboxes_are_counted_by_member_and_area() -> None:
    counts = sandbox_counts([read_sandboxes(FILE)])
    rows = [(c.member, c.area, c.item, dict(c.outcomes), c.incidents) for c in counts]
    assert rows == [
        ("BRA", "blockchain_currency", "FIN-f", {"running": 1}, 0),
        ("BRA", "crowd_p2p", "FIN-d", {"authorised": 1, "stopped": 1}, None),  # one does not say: no sum
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("a" * 64, "Acme Ltd", "firm_ref"), ("crowd_p2p, start", "loans, start", "fintech_area"),
     ('end: "2025-12-31"', 'end: "2024-12-31"', "before it starts"), ("outcome: running", "outcome: changed", "no end"),
     ("product: Instant loans", "product: ask ana@acme.example", "e-mail"),
     ('"2025-01-10"', '"2025-02-30"', "not a day"),
     ("customers_max", "customer_max", "customers_max"), ("EC-CONS", "consumer law", "rules_relaxed"),
     ("outcome: stopped", "outcome: running", "an end")],
    ids=["firm", "area", "dates", "ended", "contact", "day", "key", "provision", "running"],
)  # fmt: skip
def test_a_record_that_can_not_be_is_refused(old: str, new: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_sandboxes(FILE.replace(old, new, 1), "s.yaml")
