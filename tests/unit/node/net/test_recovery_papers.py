"""A question of a node that recovers and the answers to it: whose they are, to which question, what they may claim."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from concordat import canonical, clock
from concordat.errors import ConcordatError, InputError, TrustError
from concordat.ledger.entry import sign_envelope
from concordat.ledger.keys import ED25519_LOG, Ed25519Secret
from concordat.node.home import Node
from concordat.node.publish import export
from concordat.node.recovery_papers import ANSWER, Answer, Question
from concordat.node.sync import sync
from unit_node import IDS, found

NONCE = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    """BRA has written two entries; IND has taken them, ZAF has seen nothing."""
    root = tmp_path_factory.mktemp("papers")
    with clock.fixed("2026-11-22"):
        made = {member: Node(home) for member, home in zip(IDS, found(root), strict=True)}
        for word in ("one", "two"):
            made["BRA"].write("Said", {"word": word}, "council")
        export(made["BRA"].replica, root / "stick")
        sync(made["IND"], [root / "stick"])
        yield made
        for node in made.values():
            node.close()


def _asked(nodes: dict[str, Node]) -> Question:
    asker = nodes["BRA"]
    data = Question("BRA", "BRICS", NONCE).sign(asker.signer.node)
    return Question.read(data, nodes["IND"].chain, "question")


def _answered(nodes: dict[str, Node], by: str) -> Answer:
    question = _asked(nodes)
    data = Answer.of(nodes[by].replica, question).sign(nodes[by].signer.node)
    return Answer.read(data, nodes["BRA"].chain, question, "answer")


def test_an_answer_shows_the_head_that_its_writer_holds(nodes: dict[str, Node]) -> None:
    answer = _answered(nodes, "IND")
    assert (answer.by, answer.size(nodes["BRA"].chain)) == ("IND", 2)
    assert dict(answer.logs)[nodes["BRA"].replica.own.origin] == 2
    assert answer.head.count("\u2014 ") == len(nodes["BRA"].signer._keys["log"]), "the owner's own signatures alone"
    assert answer.all_here(nodes["IND"].replica)
    assert not answer.all_here(nodes["ZAF"].replica)


def test_who_has_seen_nothing_says_so(nodes: dict[str, Node]) -> None:
    answer = _answered(nodes, "ZAF")
    assert (answer.head, answer.size(nodes["BRA"].chain)) == ("", 0)


def test_nobody_answers_herself(nodes: dict[str, Node]) -> None:
    with pytest.raises(InputError, match="asks that itself"):
        Answer.of(nodes["BRA"].replica, _asked(nodes))


def test_another_question_another_signer_and_another_bloc_are_refused(nodes: dict[str, Node]) -> None:
    question, chain = _asked(nodes), nodes["BRA"].chain
    good = Answer.of(nodes["IND"].replica, question)
    data = good.sign(nodes["IND"].signer.node)
    with pytest.raises(TrustError, match="IND answers another question"):
        Answer.read(data, chain, Question("BRA", "BRICS", "f" * 32), "answer")
    with pytest.raises(TrustError, match="lists no node key"):
        Answer.read(good.sign(nodes["ZAF"].signer.node), chain, question, "answer")
    with pytest.raises(TrustError, match="of XXX; this node is of BRICS"):
        Question.read(Question("BRA", "XXX", NONCE).sign(nodes["BRA"].signer.node), chain, "question")
    stranger = Ed25519Secret(bytes(32))
    with pytest.raises(TrustError, match="lists no node key"):
        Question.read(Question("BRA", "BRICS", NONCE).sign(stranger), chain, "question")


def test_a_head_that_the_asker_did_not_sign_shows_nothing(nodes: dict[str, Node]) -> None:
    answer = _answered(nodes, "IND")
    text = nodes["IND"].replica.shelf.logs[nodes["BRA"].replica.own.origin].head
    assert text is not None
    forged = Answer("IND", "BRA", "BRICS", NONCE, answer.head.replace("\n2\n", "\n9\n"), answer.logs)
    with pytest.raises(ConcordatError):
        forged.size(nodes["BRA"].chain)


@pytest.mark.parametrize(
    ("field", "value"),
    [("nonce", "g" * 32), ("nonce", "ab"), ("logs", [["x", -1]]), ("logs", [["x"]]), ("logs", {}), ("by", 7), ("v", 1)],
)
def test_a_payload_of_another_shape_is_refused(nodes: dict[str, Node], field: str, value: object) -> None:
    question = _asked(nodes)
    payload = {"asker": "BRA", "bloc": "BRICS", "by": "IND", "head": "", "logs": [], "nonce": NONCE, field: value}
    secret = nodes["IND"].signer.node
    data = sign_envelope(ANSWER, canonical.dumps(payload), [(ED25519_LOG, secret)]).to_bytes()
    with pytest.raises(InputError):
        Answer.read(data, nodes["BRA"].chain, question, "answer")


def test_every_changed_byte_of_a_question_is_refused(nodes: dict[str, Node]) -> None:
    data = Question("BRA", "BRICS", NONCE).sign(nodes["BRA"].signer.node)
    for place in range(0, len(data), 7):
        torn = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(ConcordatError):
            Question.read(torn, nodes["IND"].chain, "question")
    assert json.loads(base64.b64decode(json.loads(data)["payload"]))["nonce"] == NONCE
