"""The catalogues that can be harvested: a CKAN portal, a DCAT file or feed, a folder of tables, an OAI-PMH repository.

Every request goes through `outbound`: to the host that the operator named and no other, with its bounds on bytes and
time, without redirects. Another page of a DCAT feed (`hydra:next`) must be on the same host. What a page says is read
by `exchange.catalogue`; a record that can't be read is listed and stops nothing.

Source: CKAN's action API (`package_search`), Hydra core vocabulary (`next`); exchange.md 4.2.
"""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from concordat.errors import InputError, SourceError
from concordat.exchange.catalogue import ckan, table
from concordat.exchange.catalogue._dcat_read import datasets_of
from concordat.exchange.catalogue.harvest import Page, record_of
from concordat.exchange.catalogue.model import Failure, Found
from concordat.exchange.catalogue.shacl import BYTES_MAX, Nodes, read_graph
from concordat.node.harvest_oai import KIND, OaiRepository, choice_of
from concordat.node.harvester import REQUEST_MAX_S, Source
from concordat.node.outbound import Outbound

ROWS = 100
NEXT = ("http://www.w3.org/ns/hydra/core#next", "http://www.w3.org/ns/hydra/core#nextPage")
ACCEPT = "text/turtle, application/ld+json;q=0.9, application/rdf+xml;q=0.8"
FORMS = {"text/turtle": "turtle", "application/ld+json": "json-ld", "application/rdf+xml": "xml"}
KINDS = ("ckan", "csv", "dcat", KIND)


def source_of(kind: str, address: str, outbound: Outbound, mark: str = "") -> Source:
    """The source of a kind at an address.

    Args:
        mark: of `HarvestStore.mark`: a source that can gives what changed since; empty for everything.

    Raises:
        InputError: an unknown kind, or no address of that kind.
    """
    if kind == "csv":
        return CsvFolder(Path(address))
    if kind not in KINDS:
        hint = f"One of {', '.join((*KINDS, 'dsp'))}."
        raise InputError(f'"{kind[:20]}" is not a kind of source.', where="KIND", hint=hint, code="kind")
    parts = _split(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _no_address(address)
    if kind == KIND:
        source = OaiRepository(address, outbound, mark)
        outbound.allow(f"{parts.scheme}://{parts.netloc}")
        return source
    outbound.allow(f"{parts.scheme}://{parts.netloc}")
    return CkanPortal(address, outbound) if kind == "ckan" else DcatFeed(address, outbound)


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # a bracket that stands for no host
        raise _no_address(address) from None


def _no_address(address: str) -> InputError:
    hint = "As https://data.example.br"
    return InputError(f'"{address[:80]}" is not an address.', where="ADDRESS", hint=hint, code="address")


def name_of(kind: str, address: str) -> str:
    """This member's name of a source, made of its host or folder.

    One host may have many repositories and sets of OAI-PMH, whose names differ in any character: theirs end in the
    beginning of the SHA-256 of the whole address.

    Raises:
        InputError: no address, or one that chooses what no address of OAI-PMH does.

    >>> name_of("ckan", "https://Dados.gov.example:8443/"), name_of("csv", "/srv/2025 tables")
    ('dados.gov.example-8443', 'csv-2025-tables')
    >>> name_of("oai-pmh", "https://repository.example/oai?set=open-data")
    'repository.example-open-data-0375068f'
    """
    plain = _split(address).netloc.lower() if kind != "csv" else Path(address).name.lower()
    if kind == KIND and (chosen := choice_of(address)[1]):  # another set of one repository is another source
        plain = "-".join((plain, *(chosen[name].lower() for name in sorted(chosen, reverse=True))))
    name = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")
    name = name if name[:1].isalpha() else f"{kind}-{name}"
    return f"{name[:55]}-{sha256(address.encode()).hexdigest()[:8]}" if kind == KIND else name[:64]


def _page(found: Found, token: str) -> Page:
    return Page(tuple(record_of(dataset) for dataset in found.datasets), found.failed, token)


class CkanPortal:
    """A CKAN portal, 100 records a page in the order of their names.

    The token says where the next page begins and how many records there were at first: where that number changes, pages
    have shifted, and what is missing may not be gone; then nothing is removed.
    """

    kind = "ckan"

    def __init__(self, address: str, outbound: Outbound) -> None:
        self.address = address.rstrip("/")
        self._outbound = outbound

    async def page(self, token: str) -> Page:
        """The page from a record on.

        Raises:
            SourceError: not CKAN's answer, a status that is none of success, or an end before the count it gives.
        """
        first, _, begun = token.partition("/")
        start = int(first) if first.isdecimal() else 0
        url = f"{self.address}/api/3/action/package_search?rows={ROWS}&start={start}&sort=name+asc"
        reply = await self._outbound.request(
            "GET", url, headers={"accept": "application/json"}, timeout_s=REQUEST_MAX_S
        )
        _require_ok(reply.status, reply.body, url)
        rows, count = ckan.results_of(reply.body, url)
        end = start + len(rows)
        if not rows and start < count:
            what = f"it says {count:,} records and gives none from {start:,} on."
            raise SourceError(what, where=url, hint="Ask its publisher.", code="ends_early")
        page = _page(ckan.parse_ckan(reply.body, url), f"{end}/{begun or count}" if end < count else "")
        if begun.isdecimal() and int(begun) != count:
            reason = f"it had {begun} records and now has {count:,}: one may have slipped between two pages"
            page = replace(page, failed=(*page.failed, Failure(url, reason, named=False)))
        return page


class DcatFeed:
    """A DCAT catalogue: one file, or pages that lead from one to the next."""

    kind = "dcat"

    def __init__(self, address: str, outbound: Outbound) -> None:
        self.address = address
        self._outbound = outbound

    async def page(self, token: str) -> Page:
        """The catalogue, or its page at an address.

        Raises:
            SourceError: a status that is none of success, or a next page on another host. InputError: not RDF.
        """
        url = token or self.address
        reply = await self._outbound.request(
            "GET", url, headers={"accept": ACCEPT}, limit=BYTES_MAX, timeout_s=REQUEST_MAX_S
        )
        _require_ok(reply.status, reply.body, url)
        form = FORMS.get(reply.headers.get("content-type", "").partition(";")[0].strip().lower(), "")
        nodes = read_graph(reply.body, form, url)
        return _page(datasets_of(nodes), self._next(nodes, url))

    def _next(self, nodes: Nodes, url: str) -> str:
        found = sorted({v for node in nodes.values() for n in NEXT for v in node.get(n, ()) if isinstance(v, str)})
        if not found or found[0] == url:
            return ""
        try:
            there = urlsplit(found[0])[:2]
        except ValueError:
            raise SourceError(f"its next page is no address: {found[0][:120]}.", where=url, code="page") from None
        if there != urlsplit(self.address)[:2]:
            raise SourceError(f"its next page is on another host: {found[0][:120]}.", where=url, code="host")
        return found[0]


class CsvFolder:
    """A folder of tables (`*.csv`), one file a page, in the order of their names."""

    kind = "csv"

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)
        self._folder = folder

    async def page(self, token: str) -> Page:
        """One file.

        Raises:
            InputError: no folder, no table in it, or a table that is not as it must be.
        """
        if not self._folder.is_dir():
            raise InputError("no such folder.", where=self.address, code="unreadable")
        names = sorted(path.name for path in self._folder.glob("*.csv") if path.is_file())
        if not names:
            raise InputError("there is no table (*.csv) in it.", where=self.address, code="empty")
        name = token or names[0]
        if name not in names:
            raise SourceError(f"{name[:80]} is not there any more.", where=self.address, code="token")
        path = self._folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None
        rest = names[names.index(name) + 1 :]
        return _page(table.parse_csv(data, str(path)), rest[0] if rest else "")


def _require_ok(status: int, body: bytes, url: str) -> None:
    if status != 200:
        head = " ".join(body[:320].decode("utf-8", "replace").split())[:80]
        raise SourceError(f"status {status}. It begins: {head}", where=url, code="status")
