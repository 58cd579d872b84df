"""How a member without a network is asked what it saw of a log: a question with a number nobody could know before.

A folder says what its member knew when it was written, not when it is read: an old stick shows an old head, and whoever
believed it would sign sizes again that its keys have signed since. So a node that recovers writes a question: signed
with its node key, with 128 random bits that its mark keeps (`recovery_mark`). Each other member answers it with its
node key: the newest head that it holds of the asker's log, and how much it holds of every log. Only such an answer
counts as that member's; it travels as a small file beside the folder, by the same way.

Both are DSSE envelopes over canonical JSON. What an answer claims about the asker's log comes with the head that the
asker's own log keys have signed. Source: node-web.md 2.1, ledger.md 8. Pure: files and clocks are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError, TrustError
from concordat.ledger.council_log import cosigned_head
from concordat.ledger.entry import Envelope, sign_envelope
from concordat.ledger.keys import ED25519_LOG, Ed25519Secret
from concordat.ledger.membership import MembershipChain
from concordat.ledger.note import Note
from concordat.ledger.replica import Replica
from concordat.node.signed_request import node_key

QUESTION = "application/vnd.concordat.recovery-question+json; v=1"
ANSWER = "application/vnd.concordat.recovery-answer+json; v=1"
BYTES_MAX = 1_000_000
NONCE = 32  # hexadecimal digits
LOGS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks, in which bloc, and the number that an answer must repeat."""

    asker: str
    bloc: str
    nonce: str

    def sign(self, secret: Ed25519Secret) -> bytes:
        """The file, signed with the asker's node key."""
        payload = {"asker": self.asker, "bloc": self.bloc, "nonce": self.nonce}
        return sign_envelope(QUESTION, canonical.dumps(payload), [(ED25519_LOG, secret)]).to_bytes()

    @classmethod
    def read(cls, data: bytes, chain: MembershipChain, where: str) -> Question:
        """A question of a member of the bloc.

        Raises:
            InputError: not a question. TrustError: of another bloc, or not signed by the node of who asks.
        """
        envelope, payload = _opened(data, QUESTION, {"asker", "bloc", "nonce"}, where)
        found = cls(payload["asker"], payload["bloc"], payload["nonce"])
        _require_bloc(found.bloc, chain, where)
        _verify(envelope, chain, found.asker, where)
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What a member saw when it was asked.

    Attributes:
        by: the member that answers. asker, bloc, nonce: of the question. head: the newest head of the asker's log that
            it holds, with the asker's signatures alone; empty for none. logs: entries held of each log, by origin.
    """

    by: str
    asker: str
    bloc: str
    nonce: str
    head: str
    logs: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, replica: Replica, question: Question) -> Answer:
        """What a replica has to say to a question.

        Raises:
            InputError: its own question.
        """
        if question.asker == replica.me:
            raise InputError("this node asks that itself.", where="question", code="own_question")
        asked = next((log for log in replica.shelf.logs.values() if log.owner == question.asker), None)
        head = ""
        if asked is not None and asked.head is not None:
            signed = tuple(s for s in asked.head.signatures if s.name == asked.origin)
            head = str(Note(asked.head.text, signed))
        return cls(replica.me, question.asker, question.bloc, question.nonce, head, _held(replica))

    def sign(self, secret: Ed25519Secret) -> bytes:
        """The file, signed with the node key of who answers."""
        logs = [[origin, size] for origin, size in self.logs]
        payload = {
            "asker": self.asker, "bloc": self.bloc, "by": self.by, "head": self.head, "logs": logs, "nonce": self.nonce
        }  # fmt: skip
        return sign_envelope(ANSWER, canonical.dumps(payload), [(ED25519_LOG, secret)]).to_bytes()

    @classmethod
    def read(cls, data: bytes, chain: MembershipChain, question: Question, where: str) -> Answer:
        """An answer to this very question.

        Raises:
            InputError: not an answer. TrustError: to another question, or not signed by the node of who answers.
        """
        keys = {"asker", "bloc", "by", "head", "logs", "nonce"}
        envelope, payload = _opened(data, ANSWER, keys, where)
        logs = payload["logs"]
        if not isinstance(logs, list) or len(logs) > LOGS_MAX or not all(_is_size(item) for item in logs):
            raise InputError("logs are pairs of an origin and a size.", where=where, code="recovery_answer")
        found = cls(
            payload["by"], payload["asker"], payload["bloc"], payload["nonce"], payload["head"],
            tuple((origin, size) for origin, size in logs),
        )  # fmt: skip
        _require_bloc(found.bloc, chain, where)
        _verify(envelope, chain, found.by, where)
        if (found.asker, found.nonce) != (question.asker, question.nonce):
            what = f"{found.by} answers another question: an older one, or that of another node."
            hint = "Write this node's question: concordat node sync --recover --ask FILE"
            raise TrustError(what, where=where, hint=hint, code="stale")
        return found

    def size(self, chain: MembershipChain) -> int:
        """The size of the asker's log that it shows, under the asker's own signature; 0 for none.

        Raises:
            InputError, TrustError: a head that the asker's log keys have not signed, or of another log.
        """
        if not self.head:
            return 0
        head = cosigned_head(self.head, chain.last.member_ring(self.asker)).checkpoint
        if head.origin != chain.last.member(self.asker).origin:
            raise TrustError("the head is of another log.", where=self.by, code="origin")
        return head.size

    def all_here(self, replica: Replica) -> bool:
        """Whether everything that the answer speaks of is here by now."""
        held = dict(_held(replica))
        return all(size <= held.get(origin, 0) for origin, size in self.logs)


def _held(replica: Replica) -> tuple[tuple[str, int], ...]:
    sizes = {origin: log.size for origin, log in replica.shelf.logs.items()}
    sizes |= {council.origin: council.size for council in replica.councils.values()}
    return tuple(sorted(sizes.items()))


def _is_size(item: Any) -> bool:
    if not isinstance(item, list) or len(item) != 2:
        return False
    return isinstance(item[0], str) and type(item[1]) is int and item[1] >= 0


def _opened(data: bytes, kind: str, keys: set[str], where: str) -> tuple[Envelope, dict[str, Any]]:
    envelope = Envelope.parse(data, kind, where, BYTES_MAX)
    payload = canonical.loads(envelope.payload, exact=True)
    texts = keys - {"logs"}
    if not isinstance(payload, dict) or set(payload) != keys or not all(isinstance(payload[k], str) for k in texts):
        raise InputError(f"not a payload of {', '.join(sorted(keys))}.", where=where, code="recovery_paper")
    nonce = payload["nonce"]
    if len(nonce) != NONCE or set(nonce) - set("0123456789abcdef"):
        raise InputError("the number is not of 32 hexadecimal digits.", where=where, code="recovery_paper")
    return envelope, payload


def _require_bloc(bloc: str, chain: MembershipChain, where: str) -> None:
    if bloc != chain.last.bloc:
        raise TrustError(f"of {bloc[:40]}; this node is of {chain.last.bloc}.", where=where, code="bloc")


def _verify(envelope: Envelope, chain: MembershipChain, member: str, where: str) -> None:
    """One signature, by the node key that the membership gives the member.

    Raises:
        TrustError: another one.
    """
    try:
        public = node_key(chain.last, member, envelope.signatures[0][0])
        envelope.verify(envelope.signatures[0][0], public, f"what {member} says")
    except ConcordatError as error:
        raise TrustError(error.what, where=where, hint=error.hint, code=error.code) from None
