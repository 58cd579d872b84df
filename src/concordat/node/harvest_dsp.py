"""Another member's catalogue as a source that can be harvested: asked over the Dataspace Protocol, signed by this node.

What comes is what that member shows to this one, page by page on its own host, each checked by the published schema:
the page as a whole, then dataset by dataset, so that one that is not as it must be is a failed record and no more. A
dataset that it hides or withdraws is gone from the next harvest. Source: exchange.md 4.2, 5.2, 5.5.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError, SourceError
from concordat.exchange.catalogue.dsp_catalog import CONTEXT, parse_dsp_catalog
from concordat.exchange.catalogue.harvest import Page, record_of
from concordat.exchange.catalogue.model import Failure
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.partners import not_taken, read_partners
from concordat.exchange.dataspace.schemas import parse_catalog
from concordat.exchange.dataspace.token import Request, make_token
from concordat.node.exchange_look import next_page
from concordat.node.exchange_service import PARTNERS
from concordat.node.exchange_wording import reason_of
from concordat.node.harvester import REASON_MAX, REQUEST_MAX_S
from concordat.node.outbound import Outbound
from concordat.node.peers import Peers
from concordat.settings import nearest

if TYPE_CHECKING:
    from concordat.node.home import Node
    from concordat.node.settings import NodeSettings

Sign = Callable[[str, bytes], str]  # address and body of a request -> its token


class MemberCatalogue:
    """The catalogue of a member.

    Args:
        member: its id. base: its node's address. sign: makes a request's token. outbound: the way out.
    """

    kind = "dsp"

    def __init__(self, member: str, base: str, sign: Sign, outbound: Outbound) -> None:
        self.member, self.address = member, base
        self._sign, self._outbound = sign, outbound

    async def page(self, token: str) -> Page:
        """The first page, or the one at an address that the page before named.

        Raises:
            SourceError: an error of that node, or a next page on another host. InputError: no catalogue.
        """
        url = token or f"{self.address}{messages.PATH}/catalog/request"
        body = messages.encode({"@context": [CONTEXT], "@type": "CatalogRequestMessage"})
        bare = url.partition("?")[0]
        headers = {
            "accept": "application/json", "authorization": f"Bearer {self._sign(bare, body)}",
            "content-type": "application/json",
        }  # fmt: skip
        reply = await self._outbound.request("POST", url, body=body, headers=headers, timeout_s=REQUEST_MAX_S)
        if reply.status != 200:
            what = f"{self.member} answers {reply.status}: {reason_of(reply.body)}"
            raise SourceError(what, where=bare, code="status")
        message, refused = parse_catalog(reply.body, where=f"{self.member}, catalogue")
        found = parse_dsp_catalog(message)
        records = tuple(record_of(dataset) for dataset in found.datasets)
        failed = (*found.failed, *(_failure(dataset, reason) for dataset, reason in refused))
        return Page(records, failed, next_page(reply, self.address, self.member))


def _failure(dataset: Any, reason: str) -> Failure:
    """A dataset that is not as the schema says; without an id, it may be any."""
    name = dataset.get("@id") if isinstance(dataset, Mapping) else None
    if isinstance(name, str) and name:
        return Failure(name, reason[:REASON_MAX])
    return Failure("?", reason[:REASON_MAX], named=False)


def catalogue_of(node: Node, member: str, settings: NodeSettings, outbound: Outbound) -> MemberCatalogue:
    """The catalogue of a member, asked by a node that is open here.

    Raises:
        InputError: no other active member of that name. RuleError: a partner outside the bloc.
    """
    me, peers = node.identity.member, Peers(node.identity.member, node.chain, settings)
    peer = peers.get(member)
    if peer is None:
        _refuse_partner(node, member)
        known = sorted(peers.by_member)
        close = nearest(member, known)
        hint = f'Did you mean "{close[0]}"?' if close else f"Members: {', '.join(known) or 'none besides this one'}."
        raise InputError(f'"{member[:40]}" is no other active member.', where="ADDRESS", hint=hint,
                         code="unknown_member")  # fmt: skip
    outbound.allow(peer.url)

    def sign(url: str, body: bytes) -> str:
        return make_token(
            node.signer.node, Request("POST", url, peer.url, body), member=me, label="node", bloc=node.chain.last.bloc,
            membership=node.chain.last.version, now=node.now, jti=secrets.token_bytes(16),
        )  # fmt: skip

    return MemberCatalogue(member, peer.url, sign, outbound)


def _refuse_partner(node: Node, member: str) -> None:
    """A node that `partners.yaml` names may ask here, and is not asked.

    Raises:
        RuleError: it is one. InputError, TrustError: the file is not as it must be.
    """
    path = node.home / PARTNERS
    if path.is_file():
        members = {one.id for one in node.chain.last.active}
        if member in read_partners(path.read_bytes(), members, where=str(path)):
            raise not_taken(member, "ADDRESS")
