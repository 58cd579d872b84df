"""Texts of questions and answers: who may have them, and what is believed of an answer."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("stix2", reason="needs the extra [exchange]")
pytest.importorskip("jsonschema", reason="the exchange's messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")

from concordat.errors import ConcordatError, InputError, RuleError, SourceError, TrustError
from concordat.exchange.incidents.tlp import Caller, Tlp
from concordat.node.exchange import say
from concordat.node.exchange_orders import ORDERS
from concordat.node.home import Node
from concordat.node.incidents import keep_text
from concordat.node.outbound import Reply
from concordat.node.question_texts import read_text, text_of
from exchange_live import both
from unit_node import found

TEXT = b"What do you require of reserves?\n"


def asked(node: Node, label: Tlp = Tlp.AMBER, name: str = "q-1", **to: Any) -> str:
    """A question on the log; the hash of its text."""
    document = keep_text(node, TEXT, label)
    body = {"due": "2026-12-31", "label": label.text, "question": name, "document": document, **to}
    say(node, "QuestionAsked", body)
    return str(document["hash"])


@pytest.mark.parametrize(
    ("label", "to", "may"),
    [
        (Tlp.AMBER, {"to": ["IND"]}, {"IND"}),
        (Tlp.RED, {"to": ["IND", "ZAF"]}, {"IND", "ZAF"}),
        (Tlp.GREEN, {"to": ["IND"]}, {"BRA", "IND", "ZAF"}),
        (Tlp.AMBER, {"group": "bloc"}, {"BRA", "IND", "ZAF"}),
        (Tlp.AMBER, {"group": "supervision"}, set()),
    ],
    ids=["amber", "red", "green", "bloc", "nobody"],
)
def test_a_text_is_for_those_asked(tmp_path: Path, label: Tlp, to: dict[str, Any], may: set[str]) -> None:
    with Node(found(tmp_path, ("BRA", "IND", "ZAF"))[0]) as node:
        digest = asked(node, label, **to)
        for member in ("BRA", "IND", "ZAF", "XXX", ""):
            given = text_of(node, digest, Caller(member, "node"))
            assert (given is not None) == (member in may), member
            assert text_of(node, digest, Caller(member, "cert")) is None, "only a member's node"
        assert text_of(node, "ab" * 32, Caller("IND", "node")) is None
        other = keep_text(node, b"no question names this", Tlp.AMBER)["hash"]
        assert text_of(node, other, Caller("IND", "node")) is None


def test_an_answer_goes_to_who_asked(tmp_path: Path) -> None:
    with Node(found(tmp_path, ("BRA", "IND", "ZAF"))[0]) as node:
        document = keep_text(node, b"Full reserves.", Tlp.AMBER)
        say(node, "AnswerGiven", {"asker": "IND", "question": "q-9", "document": document, "label": "AMBER"})
        given = text_of(node, document["hash"], Caller("IND", "node"))
        assert given is not None
        assert base64.b64decode(given["text"]) == b"Full reserves."
        assert text_of(node, document["hash"], Caller("ZAF", "node")) is None


def test_who_was_asked_reads_the_question_from_the_running_node(tmp_path: Path) -> None:
    homes = found(tmp_path, ("BRA", "ZAF"))
    with Node(homes[0]) as node:
        asked(node, to=["ZAF"])

    async def main() -> dict[str, Any]:
        async with both(homes, taxii=True) as nodes:
            wanted = {"asker": "BRA", "question": "q-1"}
            for _ in range(200):  # until ZAF's node has read BRA's log
                try:
                    return await ORDERS["question"](nodes["ZAF"].exchange, wanted)
                except InputError:
                    await asyncio.sleep(0.1)
            raise AssertionError("BRA's log never came")

    said = asyncio.run(main())
    assert base64.b64decode(said["text"]) == TEXT
    assert (said["author"], said["label"]) == ("BRA", "AMBER")


def reading(folder: Path, reply: Reply, **wanted: str) -> dict[str, Any]:
    """BRA reads its own log's question as if it were IND's, whose node answers so."""

    async def ask(*_: Any) -> Reply:
        return reply

    with Node(found(folder, ("BRA", "IND"))[0]) as node:
        asked(node, to=["IND"])

        async def read(look: Any) -> Any:
            return look(node)

        side = SimpleNamespace(places={"BRA": "https://bra.example"}, member="IND")
        exchange: Any = SimpleNamespace(
            service=SimpleNamespace(read=read), engine=SimpleNamespace(side=side), client=SimpleNamespace(ask=ask)
        )
        return asyncio.run(read_text(exchange, {"asker": "BRA", "question": "q-1", **wanted}))


def body(salt: str = "00" * 32, text: bytes = TEXT) -> bytes:
    return json.dumps({"salt": salt, "text": base64.b64encode(text).decode()}).encode()


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(200, body()), TrustError, "not the text that BRA logged"),
        (Reply(200, body("")), TrustError, "not the text that BRA logged"),
        (Reply(200, body("zz")), InputError, "no text of a question"),
        (Reply(200, b"{}"), InputError, "no text of a question"),
        (Reply(200, b"[" * 100_000), InputError, "no text of a question"),
        (Reply(404, b""), RuleError, "BRA has no such text for this member"),
        (Reply(503, b""), SourceError, "BRA answers 503"),
    ],
    ids=["other-salt", "no-salt", "no-hex", "empty", "deep", "not-ours", "down"],
)
def test_nothing_is_believed_but_what_the_log_proves(
    tmp_path: Path, reply: Reply, error: type[ConcordatError], words: str
) -> None:
    with pytest.raises(error, match=words):
        reading(tmp_path, reply)


def test_what_was_not_logged_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text of an answer by IND is logged"):
        reading(tmp_path, Reply(404, b""), answer="IND")
