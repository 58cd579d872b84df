"""A node under test: what the Dataspace test kit needs beside the protocol, on loopback alone.

Two trigger routes make the node a consumer on request; offers come from `behaviours.yaml` instead of the log, callers
need not show a token, and nothing is logged. None of it exists unless the setting `exchange_conformance` names a file,
and a node with it refuses to start on an address that others reach. Source: exchange.md 5.7.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from concordat import clock
from concordat.errors import ConcordatError, InputError
from concordat.exchange.dataspace.behaviours import Behaviours, Rule
from concordat.exchange.dataspace.messages import PULL
from concordat.node.exchange_parts import Offered
from concordat.node.exchange_service import ExchangeService

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

TRIGGERS = {
    "negotiations": ("datasetId", "offerId", "providerId", "connectorAddress"),
    "transfers": ("agreementId", "format", "providerId", "connectorAddress"),
}
USE = [{"action": "use"}]


class ScriptedOffers:
    """The offers of a file of behaviours, each on no terms but `use`."""

    def __init__(self, behaviours: Behaviours) -> None:
        self._offered = {name: _offered(name, offer) for name, offer in behaviours.offers.items()}

    def all(self) -> Sequence[Offered]:
        """All of them, by id."""
        return [self._offered[name] for name in sorted(self._offered)]

    def get(self, uuid: str, version: int = 0) -> Offered | None:
        """One of them; there is one version."""
        return self._offered.get(uuid) if version in (0, 1) else None

    def refresh(self) -> None:
        """What is offered doesn't change."""


def _offered(name: str, offer: str) -> Offered:
    policy = {"@id": offer, "@type": "Offer", "permission": USE}
    distribution = {"@type": "Distribution", "format": PULL, "accessService": "urn:concordat:service"}
    shown = {"@id": name, "@type": "Dataset", "hasPolicy": [policy], "distribution": [distribution]}
    return Offered(name, "conformance", 1, policy, Rule.MANUAL, (), "", shown)


def trigger_routes(exchange: ExchangeService) -> list[BaseRoute]:
    """`POST /conformance/negotiations` and `/conformance/transfers`: begin one as the consumer."""
    from starlette.responses import Response
    from starlette.routing import Route

    assert not exchange.auth, "only a node under test has triggers"

    async def trigger(request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            said = _read(await request.body(), kind)
            pid = await exchange.now(lambda at: _begin(exchange, kind, said, at))
        except ConcordatError as error:
            return Response(json.dumps(error.as_dict()), 400, None, "application/json")
        return Response(json.dumps({"pid": pid, "at": clock.now().isoformat()}), 200, None, "application/json")

    return [Route("/conformance/{kind}", trigger, methods=["POST"])]


def _read(data: bytes, kind: str) -> Mapping[str, str]:
    try:
        said = json.loads(data)
    except ValueError:
        said = None
    keys = TRIGGERS.get(kind, ())
    if not keys or not isinstance(said, dict) or any(not isinstance(said.get(key), str) for key in keys):
        raise InputError(f"a trigger of {kind[:40]} names {', '.join(keys) or 'nothing'}.", code="trigger")
    return said


def _begin(exchange: ExchangeService, kind: str, said: Mapping[str, str], at: Any) -> str:
    provider, place = said["providerId"], said["connectorAddress"]
    if kind == "negotiations":
        offer = {"@id": said["offerId"], "@type": "Offer", "target": said["datasetId"], "permission": USE}
        return exchange.mover.ask(provider, offer, at, place=place)
    return exchange.mover.request_transfer(provider, said["agreementId"], said["format"], at, place=place)
