"""`concordat exchange agreements`, `answer`, `duty`: what they print and what they ask of the running node."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from concordat.cli import main
from concordat.node.exchange_store import FILE, Agreement, ExchangeStore
from exchange_catalogue_kit import OFFER

ID = "urn:uuid:08ed7a09-79e2-45af-9cfa-a22f02439441"
ROW = {
    "id": ID, "hash": "a" * 64, "role": "consumer", "with": "BRA", "member": True,
    "dataset": "ict", "version": 1, "final": True,
    "terms": "research, to 2027-12-31", "enforced": ["to 2027-12-31"], "promised": ["research"], "not_enforced": [],
    "uses": None, "text": {"@id": ID, "assigner": "BRA"},
    "duties": [
        {"number": 1, "what": "attribute", "due": None, "done": None, "state": "open", "entry": None},
        {"number": 2, "what": "delete", "due": "2026-11-01", "done": None, "state": "overdue", "entry": None},
        {"number": 3, "what": "inform", "due": None, "done": "2026-11-02", "state": "done", "entry": "e" * 64},
    ],
    "entries": [{"type": "AgreementReached", "author": "BRA", "seq": 2, "entry": "b" * 64, "hash": "a" * 64}],
}  # fmt: skip
OPEN = {
    "pid": "urn:uuid:5c1d", "kind": "negotiation", "role": "consumer", "with": "BRA", "state": "OFFERED",
    "flag": "a person accepts them", "dataset": "ict", "version": 1, "terms": "research", "decision": "permit",
    "text": {"permission": [{"action": "use"}]},
}  # fmt: skip


class Node:
    """A running node that answers as told, and keeps its orders."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.answer: dict[str, Any] = {"agreements": [ROW], "processes": [OPEN]}

    def order(self, name: str, wanted: dict[str, Any], *_: Any) -> dict[str, Any]:
        self.orders.append((name, wanted))
        return self.answer


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    found = Node()
    monkeypatch.setattr("concordat.cli._exchange_agreements._order", found.order)
    return found


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["exchange", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_list_names_terms_duties_and_entries(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "agreements")
    assert code == 0
    for line in (
        "08ed7a09-79e2-45af-9cfa-a22f02439441  ict v1 from BRA, final",
        "  terms: research, to 2027-12-31",
        "  duty 1: attribute (open)",
        "  duty 2: delete (overdue, due 2026-11-01)",
        "  duty 3: inform (done 2026-11-02)",
        f"  AgreementReached: BRA 2, entry {'b' * 64}",
        "  ict v1, offered: research",
    ):
        assert line in out.splitlines()
    assert '"assigner"' not in out
    assert node.orders == [("agreements", {"only": "", "text": False})]


def test_one_agreement_is_printed_with_its_text_and_hash(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "agreements", "08ed")
    assert f"SHA-256 of the canonical text, as both logs hold it: {'a' * 64}" in out
    assert '    "assigner": "BRA"' in out.splitlines()
    assert node.orders[0][1] == {"only": "08ed", "text": True}
    _, out, _ = run(capsys, "agreements", "--json")
    assert json.loads(out)["agreements"][0]["text"] == ROW["text"]
    assert node.orders[1][1]["text"] is True


def test_answers_carry_what_a_person_says(node: Node, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    node.answer = {"moved": True}
    offer = tmp_path / "counter.yaml"
    offer.write_text(OFFER, encoding="utf-8")
    assert run(capsys, "answer", "5c1d", "offer", "--terms", offer)[1] == "urn:uuid:5c1d: offer.\n"
    assert node.orders[0][1]["policy"]["permit"] == "use"
    run(capsys, "answer", "urn:uuid:5c1d", "request", "--purpose", "research", "--onward", "none")
    assert (node.orders[1][1]["purpose"], node.orders[1][1]["onward"]) == (["research"], "none")
    for wrong in (("5c1d", "finalize"), ("5c1d", "accept", "--onward", "none"), ("5c1d", "agree", "--terms", offer)):
        assert run(capsys, "answer", *wrong)[0] == 2
    assert len(node.orders) == 2


def test_promise_is_logged_with_its_evidence(node: Node, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    body = {"duty": "delete", "number": 2, "on": "2026-11-20", "document": {"hash": "4b" * 32}}
    node.answer = {"body": body, "author": "ZAF", "seq": 9}
    paper = tmp_path / "deletion.pdf"
    paper.write_bytes(b"%PDF")
    _, out, _ = run(capsys, "duty", ID, 2, "--on", "2026-11-20", "--evidence", paper)
    assert out == "Done: duty 2 (delete) on 2026-11-20, evidence 4b4b4b4b4b4b4b4b.. kept here. Logged as ZAF 9.\n"
    name, wanted = node.orders[0]
    assert (name, wanted["agreement"], wanted["media_type"]) == ("duty", ID, "application/pdf")
    assert base64.b64decode(wanted["evidence"]) == b"%PDF"


def test_get_says_that_an_agreement_was_used_again() -> None:
    from concordat.cli._exchange_get import _lines

    found = {
        "agreement": ID, "again": True, "agreed_at": "2026-11-20T10:00:00Z", "agreed_s": 0.0, "bytes": 9,
        "catalogue_s": 0.1, "enforced": [], "files": [], "not_enforced": [], "offered": "BRA 1", "pending": "",
        "promised": [], "pulled_s": 0.2, "witnesses": ["BRA"],
    }  # fmt: skip
    assert "agreement 08ed.. of 2026-11-20 used again" in _lines(found)[0]
    assert "agreed and final 0.0 s" in _lines(found | {"again": False})[0]


@pytest.mark.parametrize("role", ["consumer", "provider"])
def test_promises_are_owed_by_the_consumer_until_its_log_says_that_they_were_kept(tmp_path: Path, role: str) -> None:
    """Both sides keep the rows; what is owed is ZAF's on either node."""
    from concordat.cli._exchange_due import _duties
    from concordat.exchange.fold import fold

    text = {"@id": ID, "assigner": "BRA", "assignee": "ZAF"}
    store = ExchangeStore(tmp_path / FILE)
    store.put_agreement(Agreement(ID, "p", role, "X", "d", "a" * 64, text, True, {}))
    store.open_duties(ID, [(1, "attribute", None, "attribute"), (2, "delete", "2026-11-01", "delete by 2026-11-01")])
    store.close()
    place: Any = SimpleNamespace(node=SimpleNamespace(home=tmp_path), member="ZAF", exchange=fold([]))
    assert [row["what"] for row in _duties(place, "ZAF")] == ["duty: attribute", "duty: delete"]
    assert _duties(place, "BRA") == []
    assert {row["member"] for row in _duties(place, "")} == {"ZAF"}
    body = SimpleNamespace(hash="a" * 64, number=1)
    done = SimpleNamespace(key=("BRA", ID), body=body, author="ZAF")
    place.exchange = SimpleNamespace(all=lambda *_: [done])
    assert [row["what"] for row in _duties(place, "ZAF")] == ["duty: delete"]
    done.author = "IND"  # not its promise
    assert len(_duties(place, "ZAF")) == 2
