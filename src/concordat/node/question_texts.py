"""How the text of a question, or of an answer, reaches those it is for: from its writer's node, proved by the log.

The log holds a salted hash alone (exchange.md, 3 and 10). `GET /exchange/texts/<hash>` gives salt and text to a
member's node that signs its request (5.5) and is meant: a question to those asked, an answer to who asked; CLEAR and
GREEN to every member, and no other label to anybody else. All others get 404, whether there is such a text or not.
`read_text` asks for it, and believes nothing that the hash on the log doesn't prove. An answer has at most 8 MiB.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError, RuleError, SourceError, TrustError
from concordat.exchange.fold import Exchange, Fact
from concordat.exchange.incidents.tlp import Caller, Tlp
from concordat.exchange.supervision import supervisors_of
from concordat.ledger.entry import verify_blob
from concordat.node.callers import Callers, LimitError
from concordat.node.exchange import exchange_of
from concordat.node.exchange_look import known_member
from concordat.node.exchange_service import ExchangeService

if TYPE_CHECKING:
    from starlette.requests import Request as Asked
    from starlette.responses import Response as Sent
    from starlette.routing import BaseRoute

    from concordat.node.home import Node
    from concordat.node.service import Service

TEXTS = "/exchange/texts/"
JSON = "application/json"
LABEL = "node"  # of the key that signs for a member
Bearer = Callable[[str, "Asked", bytes], Caller | None]


def for_whom(fact: Fact, members: frozenset[str], supervisors: frozenset[str]) -> frozenset[str]:
    """The members that may have the text which an entry names, besides its author."""
    body = fact.body
    if Tlp.read(body.label or Tlp.RED.text, "label") <= Tlp.GREEN:
        return members
    if fact.says == "answered":
        return members & {body.asker}
    return members & (frozenset(body.to) if body.to else {"bloc": members, "supervision": supervisors}[body.group])


def text_of(node: Node, digest: str, caller: Caller) -> dict[str, Any] | None:
    """Salt, text and media type for a caller that may have them; None otherwise."""
    active = node.chain.last.active
    members = frozenset(one.id for one in active)
    if caller.member not in members or caller.label != LABEL:
        return None
    state = exchange_of(node.replica)
    for fact in state.all("question"):
        if fact.author != node.identity.member or fact.document != digest:
            continue
        held = node.store.blob(digest)
        if caller.member in for_whom(fact, members, supervisors_of(active)) and held is not None:
            salt, content = held
            text = base64.b64encode(content).decode()
            return {"media_type": fact.body.document.media_type, "salt": salt.hex() if salt else "", "text": text}
    return None


def text_routes(service: Service, callers: Callers, bearer: Bearer) -> list[BaseRoute]:
    """The route, beside those of TAXII."""
    from starlette.responses import Response
    from starlette.routing import Route

    def answer(status: int, value: Mapping[str, Any], **more: str) -> Sent:
        headers = {"cache-control": "no-store", "vary": "authorization", **more}
        return Response(json.dumps(value, sort_keys=True).encode(), status, headers, JSON)

    async def text(asked: Asked) -> Sent:
        from anyio import to_thread

        header, now = asked.headers.get("authorization", ""), service.monotonic()
        client = asked.client.host if asked.client else ""
        try:
            callers.anybody("pages", callers.address(client, asked.headers.get("x-forwarded-for", "")), now)
            bare = header[7:].strip() if header.lower().startswith("bearer ") else ""
            caller = await to_thread.run_sync(bearer, bare, asked, b"") if bare else None
            if caller is None:
                said = {"error": "a member's token is missing or not good."}
                return answer(401, said, **{"www-authenticate": "Bearer"})
            with callers.member(caller.member, now):
                found = await service.read(lambda node: text_of(node, asked.path_params["digest"], caller))
        except LimitError as error:
            return answer(429, {"error": str(error)}, **{"retry-after": str(max(1, round(error.wait_s)))})
        return answer(404, {"error": "nothing of that name for you."}) if found is None else answer(200, found)

    return [Route(f"{TEXTS}{{digest:str}}", text, methods=["GET"])]


# --- Asking -------------------------------------------------------------------------------------------------------


async def read_text(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The text of a question, or of a member's answer to it, proved by the hash on its author's log.

    Args:
        wanted: `asker`, `question`; `answer`: the member whose answer is wanted, else the question itself.

    Raises:
        InputError: no such question or answer on the log, or another answer than a text. RuleError: it isn't for this
            member, or is not there any more. SourceError: no answer. TrustError: the text is not the logged one.
    """
    asker, name, by = (str(wanted.get(key) or "") for key in ("asker", "question", "answer"))
    fact = await exchange.service.read(lambda node: _fact(exchange_of(node.replica), asker, name, by))
    digest, label = fact.document, str(fact.body.label or Tlp.RED.text)
    reference = fact.body.document.model_dump(mode="json")
    if fact.author == exchange.engine.side.member:
        held = await exchange.service.read(lambda node: node.store.blob(digest))
        if held is None:
            raise RuleError("the text is not here any more.", where=name, code="erased")
        salt, content = held
    else:
        salt, content = await _asked(exchange, fact.author, digest)
    try:
        verify_blob(reference, content, salt)
    except TrustError as error:
        raise TrustError(f"that is not the text that {fact.author} logged: {error}", where=name, code="blob") from None
    return {
        "author": fact.author, "entry": f"{fact.author} {fact.seq}", "hash": digest, "label": label,
        "text": base64.b64encode(content).decode(),
    }  # fmt: skip


def _fact(state: Exchange, asker: str, name: str, by: str) -> Fact:
    facts = state.of("question", (asker, name), "answered" if by else "published")
    found = [fact for fact in facts if fact.document and fact.author == (by or asker)]
    if not found:
        what = f"no text of an answer by {by[:20]}" if by else "no such question"
        hint = "See: concordat exchange question list"
        raise InputError(f"{what} is logged.", where=f"{asker} {name}"[:80], hint=hint, code="unknown_id")
    return max(found, key=lambda fact: (fact.seq, fact.entry))


async def _asked(exchange: ExchangeService, author: str, digest: str) -> tuple[bytes | None, bytes]:
    """Salt and text from the author's node, not yet proved."""
    url = f"{exchange.engine.side.places[known_member(exchange, author)]}{TEXTS}{digest}"
    reply = await exchange.client.ask(author, url, JSON)
    if reply.status == 404:
        hint = "A text goes to those asked, or to who asked; CLEAR and GREEN to all members."
        raise RuleError(f"{author} has no such text for this member.", where=url, hint=hint, code="not_for_us")
    if reply.status != 200:
        raise SourceError(f"{author} answers {reply.status}.", where=url, code="status")
    try:
        value = json.loads(reply.body)
        salt = bytes.fromhex(value["salt"])
        return salt or None, base64.b64decode(value["text"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise InputError("that is no text of a question.", where=url, code="form") from None
