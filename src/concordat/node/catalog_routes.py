"""What a member offers to everyone, at `/catalog.jsonld`, `.ttl` and `.xml`, so that other portals can harvest it.

Only datasets whose offer says `access: public` are shown: strangers ask here without saying who they are. Members see
the rest by the Dataspace Protocol (`exchange_routes`). A catalogue is printed once for each length of the own log, and
has its SHA-256 as its tag. Source: exchange.md 4.1.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from concordat.errors import ConcordatError
from concordat.exchange.catalogue.model import Catalog
from concordat.node.callers import Callers, LimitError
from concordat.node.exchange import catalog_of, exchange_of
from concordat.node.home import Node
from concordat.node.server import status_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from concordat.node.service import Service

FORMS = {"jsonld": "application/ld+json", "ttl": "text/turtle; charset=utf-8", "xml": "application/rdf+xml"}
SHORTLY = "public, max-age=60"


def catalog_routes(service: Service, callers: Callers) -> list[BaseRoute]:
    """One route a form."""
    from starlette.routing import Route

    at = _Catalogue(service, callers)
    return [Route(f"/catalog.{form}", at.handler(form), methods=["GET"]) for form in sorted(FORMS)]


class _Catalogue:
    """The catalogue, read on the writer's thread and printed on another."""

    def __init__(self, service: Service, callers: Callers) -> None:
        from starlette.responses import Response

        self._service, self._callers, self._response = service, callers, Response
        self._printed: dict[str, tuple[int, bytes, str]] = {}  # form -> (length of the log, bytes, tag)

    def handler(self, form: str) -> Callable[[Request], object]:
        """The handler of one form."""

        async def catalogue(request: Request) -> Response:
            try:
                client = request.client.host if request.client else ""
                address = self._callers.address(client, request.headers.get("x-forwarded-for", ""))
                self._callers.anybody("pages", address, self._service.monotonic())
                data, tag = await asyncio.to_thread(self._print, form)
            except LimitError as fault:
                return self._response(b"too many requests\n", 429, {"retry-after": str(max(1, round(fault.wait_s)))})
            except ConcordatError as fault:
                return self._response(f"{fault}\n".encode(), status_of(fault), {}, "text/plain; charset=utf-8")
            headers = {"cache-control": SHORTLY, "etag": f'"{tag}"'}
            if request.headers.get("if-none-match") == headers["etag"]:
                return self._response(b"", 304, headers)
            return self._response(data, 200, headers, FORMS[form])

        return catalogue

    def _print(self, form: str) -> tuple[bytes, str]:
        size = self._service.writer.read(lambda node: node.replica.own.size).result()
        held = self._printed.get(form)
        if held is None or held[0] != size:
            size, whole = self._service.writer.read(self._look).result()
            data = _printed_as(form, whole)
            held = self._printed[form] = (size, data, hashlib.sha256(data).hexdigest())
        return held[1], held[2]

    def _look(self, node: Node) -> tuple[int, Catalog]:
        whole = catalog_of(node, exchange_of(node.replica), base=self._service.public_url, public=True)
        return node.replica.own.size, whole


def _printed_as(form: str, whole: Catalog) -> bytes:
    from concordat.exchange.catalogue.dcat import catalog_jsonld, catalog_turtle, catalog_xml

    return {"jsonld": catalog_jsonld, "ttl": catalog_turtle, "xml": catalog_xml}[form](whole)
