"""Promises and their days, entries under an agreement's id, and two running nodes whose persons answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")

from concordat import canonical
from concordat.errors import InputError, RuleError, StateError
from concordat.exchange.catalogue.offer import Offer
from concordat.exchange.dataspace.terms import agreement_hash
from concordat.node.exchange import files_of, offer
from concordat.node.exchange_agreements import agreements, answer, duty, duty_body, duty_rows, duty_state, ours
from concordat.node.exchange_get import get
from concordat.node.exchange_store import Agreement
from concordat.node.hashed_files import HashedFiles
from concordat.node.home import Node
from exchange_live import DATA, OFFER, Running, both
from unit_node import found

Nodes = dict[str, Running]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TEXT = {
    "@id": "urn:uuid:11111111-1111-4111-8111-111111111111", "@type": "Agreement", "assigner": "BRA",
    "assignee": "ZAF", "target": "urn:uuid:d", "timestamp": "2026-11-01T00:00:00Z",
}  # fmt: skip
KEPT = Agreement(TEXT["@id"], "p", "consumer", "BRA", "urn:uuid:d", agreement_hash(TEXT), TEXT, True, {})
ROWS = [
    (KEPT.id, 1, "attribute", None, "attribute", None),
    (KEPT.id, 2, "delete", "2026-11-26", "delete by 2026-11-26", None),
    (KEPT.id, 3, "delete", "2026-11-27", "delete by 2026-11-27", None),
]
PARTIES = {"agreement": KEPT.id, "hash": KEPT.hash, "provider": "BRA", "consumer": "ZAF"}


def said(kind: str, **body: Any) -> Any:
    return SimpleNamespace(type=kind, body=PARTIES | body, id="e" * 64, author="ZAF", seq=1)


@pytest.mark.parametrize(
    ("due", "done", "at", "state"),
    [
        (None, None, "2099-01-01T00:00", "open"),
        ("2026-11-27", None, "2026-11-27T23:59", "open"),
        ("2026-11-27", None, "2026-11-28T00:00", "overdue"),
        ("2026-11-27", "2026-12-31", "2099-01-01T00:00", "done"),
    ],
    ids=range(4),
)
def test_promise_is_overdue_once_its_day_has_ended(due: str, done: str, at: str, state: str) -> None:
    assert duty_state(due, done, datetime.fromisoformat(at).replace(tzinfo=UTC)) == state


def test_log_says_what_is_done() -> None:
    rows = duty_rows(ROWS, [said("DutyDone", duty="delete", number=2, on="2026-11-20")], NOW)
    assert [(row["state"], row["done"]) for row in rows] == [("open", None), ("done", "2026-11-20"), ("open", None)]
    assert rows[1]["entry"] == "e" * 64
    assert [row["state"] for row in duty_rows(ROWS, [], NOW)] == ["open", "overdue", "open"]


def test_body_of_a_promise_that_was_kept() -> None:
    rows = duty_rows(ROWS, [], NOW)
    assert duty_body(KEPT, rows, 2, "2026-11-20", NOW) == PARTIES | {"duty": "delete", "number": 2, "on": "2026-11-20"}
    assert duty_body(KEPT, rows, 1, "", NOW)["on"] == "2026-11-27"
    with pytest.raises(InputError, match="no duty 4"):
        duty_body(KEPT, rows, 4, "", NOW)
    for day, words in (("2026-11-28", "not between"), ("2026-10-31", "not between"), ("soon", "is no day")):
        with pytest.raises(InputError, match=words):
            duty_body(KEPT, rows, 1, day, NOW)
    other = Agreement(KEPT.id, "p", "provider", "ZAF", KEPT.dataset, KEPT.hash, TEXT, True, {})
    with pytest.raises(RuleError, match="ZAF promised it"):
        duty_body(other, rows, 1, "", NOW)
    done = duty_rows(ROWS, [said("DutyDone", duty="attribute", on="2026-11-20")], NOW)
    with pytest.raises(RuleError, match="logged as done"):
        duty_body(KEPT, done, 1, "", NOW)


def test_entries_of_others_under_the_same_id_are_left_out() -> None:
    mine, foreign = said("AgreementConfirmed"), said("AgreementConfirmed", provider="IND")
    assert ours([foreign, mine], KEPT) == [mine]


@pytest.mark.parametrize(
    ("author", "body"),
    [
        ("IND", {"duty": "delete", "number": 2, "on": "2026-11-20"}),
        ("BRA", {"duty": "delete", "number": 2, "on": "2026-11-20"}),
        ("ZAF", {"number": 2, "on": "2026-11-20"}),
        ("ZAF", {"duty": "delete", "number": 2}),
        ("ZAF", {"duty": ["delete"], "number": 2, "on": "2026-11-20"}),
        ("ZAF", {"duty": "delete", "number": [2], "on": "2026-11-20"}),
        ("ZAF", {"duty": "delete", "number": 2, "on": "2026-02-30"}),
    ],
    ids=["another", "provider", "no-duty", "no-day", "duty-list", "number-list", "day"],
)
def test_only_the_promiser_says_that_a_promise_was_kept_and_in_its_form(author: str, body: dict[str, Any]) -> None:
    """Else any member's entry makes it look kept, or stops the list for good."""
    forged = SimpleNamespace(type="DutyDone", body=PARTIES | body, id="f" * 64, author=author, seq=1)
    rows = duty_rows(ROWS, ours([forged], KEPT), NOW)
    assert [(row["state"], row["entry"]) for row in rows] == [("open", None), ("overdue", None), ("open", None)]


def test_a_file_is_kept_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its size, at most one piece of it is in memory, and its checksum is that of what was kept."""
    source, store = tmp_path / "big", HashedFiles(tmp_path / "kept")
    data = bytes(range(256)) * 10_000
    source.write_bytes(data)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read whole"))
    size, digest = store.copy(source)
    assert (size, digest) == (len(data), hashlib.sha256(data).hexdigest())
    monkeypatch.undo()
    assert store.get(digest) == data
    with pytest.raises(OSError, match="No such file"):
        store.copy(tmp_path / "absent")
    monkeypatch.setattr("concordat.node.hashed_files.os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(StateError, match="not kept: full"):
        store.copy(source)
    (tmp_path / "kept" / "left.new").write_bytes(b"x")
    store.sweep()
    assert [path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()] == [digest]


# --- Two running nodes ------------------------------------------------------------------------------------------------

BY_HAND = OFFER.replace("negotiation: automatic", "negotiation: manual").replace(
    "files: [", "files: [{path: copy.csv, format: text/csv, license: CC-BY-4.0}, "
)


def run(root: Path, work: Callable[[Nodes], Awaitable[Any]]) -> None:
    """Some work with both nodes running; BRA negotiates by hand, and two of its files have the same bytes."""
    homes = found(root, ("BRA", "ZAF"))
    for name in ("ict.csv", "copy.csv"):
        (root / name).write_bytes(DATA)
    with Node(homes[0]) as node:
        offer(node, Offer.load(BY_HAND), root)

    async def main() -> None:
        async with both(homes) as nodes:
            await work(nodes)

    asyncio.run(main())


def wanted(**more: Any) -> dict[str, Any]:
    return {"dataset": "ict", "member": "BRA", "purpose": ["research"], "wait_s": 60} | more


def test_persons_answer_and_the_same_command_goes_on(tmp_path: Path) -> None:
    async def work(nodes: Nodes) -> None:
        zaf, bra = nodes["ZAF"].exchange, nodes["BRA"].exchange
        with pytest.raises(StateError, match="not finished") as caught:
            await get(zaf, wanted(wait_s=2))
        assert "the same command goes on" in caught.value.hint
        (theirs,) = bra.store.processes("negotiation")
        (shown,) = (await agreements(bra, {"only": theirs.pid, "text": True}))["processes"]
        assert shown["text"]["permission"] == theirs.body["offer"]["permission"]
        assert (await answer(bra, {"pid": theirs.pid, "move": "agree"}))["moved"]
        first = await get(zaf, wanted())
        assert len(zaf.store.processes("negotiation")) == 1  # no second one was begun
        assert [Path(file["path"]).read_bytes() for file in first["files"]] == [DATA, DATA]
        assert bra.engine.uses(first["agreement"]) == 1  # the same bytes are one use
        again = await get(zaf, wanted())
        assert (again["again"], again["agreement"]) == (True, first["agreement"])
        assert len(zaf.store.agreements()) == 1
        await _text_and_entries(nodes, first["agreement"])
        await _promise_kept(nodes, first["agreement"])
        with pytest.raises(StateError, match="not finished"):  # the count of two is used up: it is asked for anew
            await get(zaf, wanted(wait_s=2))
        (waiting,) = bra.store.processes("negotiation", open_only=True)
        assert waiting.pid != theirs.pid

    run(tmp_path, work)


async def _text_and_entries(nodes: Nodes, agreement: str) -> None:
    """Both sides read the same text, whose hash both logs hold under the entries that are named."""
    for one in nodes.values():
        for _ in range(200):  # the other's entries come by replication
            (row,) = (await agreements(one.exchange, {"only": agreement, "text": True}))["agreements"]
            if {"AgreementReached", "AgreementConfirmed"} <= {e["type"] for e in row["entries"]}:
                break
            await asyncio.sleep(0.05)
        assert {e["type"]: e["author"] for e in row["entries"] if e["type"] != "TransferCompleted"} == {
            "AgreementReached": "BRA", "AgreementConfirmed": "ZAF",
        }  # fmt: skip
        digest = hashlib.sha256(canonical.dumps(row["text"], floats=True)).hexdigest()
        assert {e["hash"] for e in row["entries"]} == {row["hash"]} == {digest}
        assert "text" not in (await agreements(one.exchange, {}))["agreements"][0]
    with pytest.raises(InputError, match="no agreements"):
        await agreements(nodes["ZAF"].exchange, {"only": "ffff"})


async def _promise_kept(nodes: Nodes, agreement: str) -> None:
    zaf, bra = nodes["ZAF"], nodes["BRA"]
    said_of = {b"cited on page 3": "text/plain", b"cited": "text/plain", b"A": "application/octet-stream"}
    orders = [
        {"agreement": agreement, "number": 1, "evidence": base64.b64encode(proof).decode(), "media_type": kind}
        for proof, kind in said_of.items()
    ]
    found = await asyncio.gather(*(duty(zaf.exchange, order) for order in orders), return_exceptions=True)
    (done,) = (answer for answer in found if isinstance(answer, dict))  # salted apart, all would be logged
    refused = [answer for answer in found if answer is not done]
    assert {str(one) for one in refused} == {str(refused[0])}
    assert isinstance(refused[0], RuleError)
    said = await zaf.service.read(lambda node: [e for e in node.replica.own.entries if e.type == "DutyDone"])
    assert [entry.id for entry in said] == [done["entry"]]
    await _day_kept(zaf, agreement, done)
    document = done["body"]["document"]
    salt, content = await zaf.service.read(lambda node: node.store.blob(document["hash"]))
    assert content in said_of  # whichever came first
    assert (document["media_type"], document["salted"]) == (said_of[content], True)
    assert hashlib.sha256(salt + content).hexdigest() == document["hash"]
    with pytest.raises(RuleError, match="logged as done"):
        await duty(zaf.exchange, {"agreement": agreement, "number": 1})
    with pytest.raises(RuleError, match="ZAF promised it"):
        await duty(bra.exchange, {"agreement": agreement, "number": 1})
    for one in (zaf, bra):  # the provider reads it in its copy of ZAF's log
        for _ in range(200):
            (row,) = (await agreements(one.exchange, {}))["agreements"]
            if row["duties"][0]["entry"] == done["entry"]:
                break
            await asyncio.sleep(0.05)
        assert row["duties"][0]["state"] == "done"


async def _day_kept(one: Running, agreement: str, done: dict[str, Any]) -> None:
    """The node ended after the entry and before its day was kept: the same command keeps it, and logs nothing more."""
    with one.exchange.store.commit():
        one.exchange.store._db.execute("UPDATE duty SET done = NULL")
    assert one.exchange.store.duties(agreement)[0][-1] is None
    with pytest.raises(RuleError, match="logged as done"):
        await duty(one.exchange, {"agreement": agreement, "number": 1, "evidence": "Qg=="})
    assert one.exchange.store.duties(agreement)[0][-1] == done["body"]["on"]


def test_offered_file_is_the_one_that_was_read(tmp_path: Path) -> None:
    """Two files of the same bytes lie once, under their hash; the catalogue and the log name both."""
    homes = found(tmp_path, ("BRA", "ZAF"))
    for name in ("ict.csv", "copy.csv"):
        (tmp_path / name).write_bytes(DATA)
    with Node(homes[0]) as node:
        made = offer(node, Offer.load(BY_HAND), tmp_path)
    assert [f["name"] for f in made.document["files"]] == ["copy.csv", "ict.csv"]
    assert files_of(homes[0]).all() == [(hashlib.sha256(DATA).hexdigest(), len(DATA))]
    assert len(made.entry.body["files"]) == 2
