"""What a worker asks of the one that writes: steps of the replica as bytes, and what came of them as bytes again.

A step that only this process could run (a function) can't be handed over; a deed can. There are six: write what
somebody said, append or hand in an envelope that was signed elsewhere, take messages of a member, cosign as witness or
mirror, and keep a paper. A held key never goes along: the deed names the session whose key the agent (`key_agent`)
holds, and the writer has the agent sign. Errors go back as what they are, with their words. Source: node-web.md 2.5 and
3.2.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concordat import errors
from concordat.errors import ConcordatError, InputError, StateError
from concordat.ledger.messages import Message, Out
from concordat.ledger.witness import Answer
from concordat.node.cosigner import Cosigner
from concordat.node.home import Node
from concordat.node.key_agent import AgentKey
from concordat.node.letters import pack, unpack
from concordat.node.own_log import Appending, Recorded, Said, Writing
from concordat.node.writer import BusyError


@dataclass(frozen=True, slots=True)
class Taking:
    """Messages of a member; the result: what to say in reply. `others`: what is for others."""

    sender: str
    messages: Sequence[Message]

    def __call__(self, node: Node) -> tuple[list[Message], Out]:
        """Run it."""
        replies: list[Message] = []
        others: Out = []
        for message in self.messages:
            for receiver, said in node.handle(self.sender, message):
                if receiver == self.sender:
                    replies.append(said)
                else:
                    others.append((receiver, said))
        return replies, others


@dataclass(frozen=True, slots=True)
class Cosigning:
    """A request to the witness or the mirror: `checkpoint`, `pending` or `entries`."""

    cosigner: Cosigner
    what: str
    body: bytes
    gzip: bool = False

    def __call__(self, node: Node) -> tuple[Answer, Out]:
        """Run it."""
        match self.what:
            case "checkpoint":
                return self.cosigner.add_checkpoint(node, self.body)
            case "pending":
                return self.cosigner.add_pending(node, self.body)
        return self.cosigner.add_entries(node, self.body, gzip=self.gzip)


@dataclass(frozen=True, slots=True)
class Keeping:
    """A paper of this node alone, as what opens its sealed ballot."""

    kind: str
    key: str
    data: bytes

    def __call__(self, node: Node) -> tuple[None, Out]:
        """Run it."""
        node.store.put_paper(self.kind, self.key, self.data)
        return None, []


@dataclass(frozen=True, slots=True)
class HandingIn:
    """An envelope for `Writer.submit`: its index, and whether it was known."""

    leaf: bytes


Deed = Writing | Appending | Taking | Cosigning | Keeping | HandingIn


def pack_deed(deed: Deed) -> tuple[str, bytes]:
    """(kind, bytes) of a deed.

    Raises:
        StateError: it has a key that only this process holds.
    """
    match deed:
        case Writing():
            raw: dict[str, Any] = {"key": _key(deed), "person": deed.person, "said": deed.said.value(deed.person)}
            return "write", json.dumps(raw).encode()
        case Appending():
            return "append", deed.leaf
        case HandingIn():
            return "submit", deed.leaf
        case Taking():
            return "take", pack(deed.sender, deed.messages)
        case Cosigning():
            return "cosign", _json({"body": deed.body, "gzip": deed.gzip, "what": deed.what})
    return "keep", _json({"data": deed.data, "key": deed.key, "kind": deed.kind})


def _key(deed: Writing) -> list[str] | None:
    if deed.key is None:
        return None
    if not isinstance(deed.key, AgentKey):
        raise StateError("this key is in the memory of another process.", where="worker", code="key_agent")
    return [_text(deed.key.public), deed.key.session, str(deed.key.path)]


def unpack_deed(kind: str, data: bytes, cosigner: Cosigner) -> Deed:
    """A deed that `pack_deed` wrote.

    Raises:
        InputError: of a kind that this program doesn't know.
    """
    match kind:
        case "write":
            raw = json.loads(data)
            said, key = raw["said"], raw["key"]
            held = None if key is None else AgentKey(_bytes(key[0]), key[1], Path(key[2]))
            return Writing(Said(said["type"], said["body"], said["scope"], tuple(said["refs"])), raw["person"], held)
        case "append":
            return Appending(data)
        case "submit":
            return HandingIn(data)
        case "take":
            return Taking(*unpack(data))
        case "cosign":
            raw = json.loads(data)
            return Cosigning(cosigner, raw["what"], _bytes(raw["body"]), bool(raw["gzip"]))
        case "keep":
            raw = json.loads(data)
            return Keeping(raw["kind"], raw["key"], _bytes(raw["data"]))
    raise InputError(f'no deed is called "{kind[:20]}".', where="outbox", code="deed")


# --- What came of it --------------------------------------------------------------------------------------------------


def pack_result(member: str, result: Any) -> bytes:
    """The result of a deed as bytes.

    Args:
        member: this one, whose replies to messages these are.
    """
    match result:
        case Recorded():
            return _json({"entry": result.entry, "index": result.index, "origin": result.origin})
        case Answer():
            return _json({"body": result.body, "content_type": result.content_type, "status": result.status})
        case list():  # as many as a letter holds were left in it
            return _json({"letter": pack(member, result)})
        case tuple():
            return _json({"index": result[0], "known": result[1]})
    return _json({})


def pack_error(error: BaseException) -> bytes:
    """An error as bytes; a fault of the program as the state error that its caller would see."""
    if not isinstance(error, ConcordatError):
        error = StateError(f"a fault in the writing process ({type(error).__name__}).", code="fault")
    facts = {"code": error.code, "error": type(error).__name__, "hint": error.hint, "what": error.what}
    return _json({**facts, "where": error.where})


def unpack_result(kind: str, data: bytes) -> Any:
    """The result of a deed of some kind.

    Raises:
        What the deed raised where it ran.
    """
    raw = json.loads(data)
    if "error" in raw:
        raise _error(raw)
    match kind:
        case "write" | "append":
            return Recorded(raw["entry"], raw["origin"], raw["index"])
        case "submit":
            return raw["index"], raw["known"]
        case "take":
            return unpack(_bytes(raw["letter"]))[1]
        case "cosign":
            return Answer(raw["status"], raw["content_type"], _bytes(raw["body"]))
    return None


def _error(raw: dict[str, Any]) -> ConcordatError:
    kind = BusyError if raw["error"] == "BusyError" else getattr(errors, raw["error"], StateError)
    found: ConcordatError = kind(raw["what"], where=raw["where"], hint=raw["hint"], code=raw["code"])
    return found


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, default=_text).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
