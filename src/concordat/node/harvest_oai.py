"""An OAI-PMH repository as a source that can be harvested: read only, page by page, or what changed since last time.

    https://repository.example/oai                        what it has, in DCAT if it offers that, else in Dublin Core
    https://repository.example/oai?set=open-data          one of its sets
    https://repository.example/oai?metadataPrefix=oai_dc  in that format

A reading asks `Identify` and `ListMetadataFormats` once, then `ListRecords` until there is no resumption token. If the
reading before came to its end whole, and the repository promises to remember deletions, only what changed since then is
asked for (`from`); what it doesn't name then is not gone. Otherwise, as where its clock has gone back since, everything
is read, and what is missing is gone. A list that breaks off with `noRecordsMatch` says of nothing that it is gone.

The harvester's token is the repository's own with what belongs to it, so that a reading goes on under the same choice
of format, set and time, whatever the repository says of itself meanwhile. A repository that is busy (503 or 429) says
when it may be asked again; the harvester waits so long, within its deadline.

Source: OAI-PMH 2.0, sections 3.1.1.1 (encoding), 3.1.2.2 (503), 3.5; exchange.md 4.2. Every request goes through
`outbound`: one host, no redirects, bounded bytes and time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from concordat.errors import InputError, SourceError
from concordat.exchange.catalogue import oai
from concordat.exchange.catalogue.harvest import Page
from concordat.exchange.catalogue.shacl import BYTES_MAX
from concordat.exchange.inclusion.hardened import lxml
from concordat.node.harvester import REQUEST_MAX_S, BusyError
from concordat.node.outbound import Outbound, Reply

KIND = "oai-pmh"
CHOICES = ("metadataPrefix", "set")
WAIT_S = 60  # where a busy repository doesn't say how long
BUSY = (429, 503)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading goes on: the repository's token, and what the reading is of.

    Attributes:
        token: opaque. prefix: of the metadata. since: `from` of the first request; empty for everything. at: when the
            repository gave its first answer, by its own clock.
    """

    token: str
    prefix: str
    since: str
    at: str

    def text(self) -> str:
        """As the store keeps it."""
        return json.dumps(asdict(self), ensure_ascii=True, sort_keys=True, separators=(",", ":"))

    @classmethod
    def of(cls, text: str) -> Place:
        """What `text` was made of.

        Raises:
            SourceError: something else.
        """
        try:
            return cls(**{key: str(value) for key, value in json.loads(text).items()})
        except (ValueError, TypeError, AttributeError):
            raise SourceError("the place where the last run stopped can't be read.", code="token") from None


class OaiRepository:
    """A repository.

    Args:
        address: its base URL, which may choose a `set` and a `metadataPrefix`. outbound: the way out.
        mark: what the reading before left (`Page.mark`), to ask for what changed since; empty for everything.

    Raises:
        InputError: the address chooses anything else, or a format that is not read. MethodError: the extra [exchange]
            is not installed.
    """

    kind = KIND

    def __init__(self, address: str, outbound: Outbound, mark: str = "") -> None:
        self.address, self._outbound, self._mark = address, outbound, mark
        self._base, self._choice = choice_of(address)
        lxml()  # before a run begins, not in it

    async def page(self, token: str) -> Page:
        """The first page, or the one at a token.

        Raises:
            SourceError: an error of the protocol, or no answer of it. BusyError: it asks to come again later.
        """
        if token:
            place = Place.of(token)
            data = await self._ask({"verb": "ListRecords", "resumptionToken": place.token})
            return self._page(oai.parse_records(data, place.prefix, self._base, further=True), place)
        repository = oai.parse_identify(await self._ask({"verb": "Identify"}), self._base)
        offered = oai.parse_formats(await self._ask({"verb": "ListMetadataFormats"}), self._base)
        prefix = oai.chosen_prefix(offered, self._choice.get("metadataPrefix", ""), self._base)
        since = self._since(repository, prefix)
        asked = {"verb": "ListRecords", "metadataPrefix": prefix, "from": since, "set": self._choice.get("set", "")}
        listing = oai.parse_records(await self._ask(asked), prefix, self._base)
        return self._page(listing, Place("", prefix, since, listing.at))

    def _since(self, repository: oai.Repository, prefix: str) -> str:
        """`from`, where an earlier reading was of the same metadata and deletions are remembered; else empty.

        A set is read whole each time: the protocol tells of no record that has left it.
        """
        before, _, mark = self._mark.partition(" ")
        if not mark or before != prefix or not repository.remembers or self._choice.get("set"):
            return ""
        return oai.from_of(mark, repository)

    @staticmethod
    def _page(listing: oai.Listing, place: Place) -> Page:
        token = Place(listing.token, place.prefix, place.since, place.at).text() if listing.token else ""
        mark = f"{place.prefix} {place.at}"
        return Page(listing.records, listing.failed, token, listing.gone, bool(place.since), mark)

    async def _ask(self, arguments: Mapping[str, str]) -> bytes:
        given = {name: value for name, value in arguments.items() if value}
        url = f"{self._base}?{urlencode(given, quote_via=quote, safe='')}"
        headers = {"accept": "text/xml, application/xml;q=0.9"}
        reply = await self._outbound.request("GET", url, headers=headers, limit=BYTES_MAX, timeout_s=REQUEST_MAX_S)
        if reply.status in BUSY:
            raise BusyError(wait_of(reply), where=self._base)
        if reply.status != 200:
            head = " ".join(reply.body[:320].decode("utf-8", "replace").split())[:80]
            raise SourceError(f"status {reply.status}. It begins: {head}", where=self._base, code="status")
        return reply.body


def choice_of(address: str) -> tuple[str, dict[str, str]]:
    """(base URL, what the address chooses).

    Raises:
        InputError: it chooses something else, or a format that is not read.

    >>> choice_of("https://r.example/oai?set=open-data")
    ('https://r.example/oai', {'set': 'open-data'})
    """
    parts = urlsplit(address)
    given = parse_qsl(parts.query, keep_blank_values=True)
    chosen = dict(given)
    odd = sorted({name for name in chosen if name not in CHOICES})
    if odd or len(given) != len(chosen) or parts.fragment:
        what = f'"{(odd or [parts.fragment or parts.query])[0][:40]}" is nothing that an address of OAI-PMH chooses.'
        hint = "The base URL, with set and metadataPrefix at most: https://repository.example/oai?set=open-data"
        raise InputError(what, where="ADDRESS", hint=hint, code="address")
    if wanted := chosen.get("metadataPrefix", ""):
        oai.chosen_prefix((wanted,), wanted, address)
    return parts._replace(query="", fragment="").geturl(), chosen


def wait_of(reply: Reply) -> int:
    """How many seconds a busy repository asks to wait: a number, or an instant by its own clock (RFC 9110, 10.2.3)."""
    said = reply.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return int(said[:9])
    try:
        then, now = parsedate_to_datetime(said), parsedate_to_datetime(reply.headers.get("date", ""))
        return max(0, round((then - now).total_seconds()))
    except (TypeError, ValueError, OverflowError):
        return WAIT_S
