"""A repository of OAI-PMH 2.0 in memory: what its sections 2.5 to 4.5 ask of a server, for tests of who harvests.

It judges requests: an argument that the protocol doesn't allow is `badArgument`, a token that it didn't give is
`badResumptionToken`. Tokens say all that they need, as section 3.5.1 allows; its clock moves as a test says.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

DAY, SECOND = "YYYY-MM-DD", "YYYY-MM-DDThh:mm:ssZ"
FORMS = {DAY: "%Y-%m-%d", SECOND: "%Y-%m-%dT%H:%M:%SZ"}
DC = "http://purl.org/dc/elements/1.1/"


@dataclass(frozen=True)
class Held:
    """One item: when it was last touched, its metadata by prefix (none: deleted), and its sets."""

    stamp: int
    metadata: Mapping[str, str]
    sets: tuple[str, ...] = ()


def dublin_core(*elements: tuple[str, str] | tuple[str, str, str]) -> str:
    """A record in oai_dc: (element, text) or (element, text, language)."""
    rows = []
    for name, text, *language in elements:
        said = f" xml:lang={quoteattr(language[0])}" if language else ""
        rows.append(f"<dc:{name}{said}>{escape(text)}</dc:{name}>")
    spaces = f'xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="{DC}"'
    return f"<oai_dc:dc {spaces}>{''.join(rows)}</oai_dc:dc>"


def wrapped(inner: str, at: str = "2002-06-01T19:20:30Z", verb: str = "ListRecords") -> bytes:
    """A response around what it holds; `error` elements stand without a verb."""
    body = inner if inner.startswith("<error") else f"<{verb}>{inner}</{verb}>"
    head = '<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
    request = f'<request verb="{verb}">http://an.oa.org/OAI-script</request>'
    return f"{head}<responseDate>{at}</responseDate>{request}{body}</OAI-PMH>".encode()


@dataclass
class Repository:
    """The server.

    Attributes:
        now: its clock, in seconds since 1970. granularity, deletions: as `Identify` says them. size: records a page.
        items: by identifier. forgets: tokens are known no more.
    """

    now: int = 1_023_045_630
    granularity: str = SECOND
    deletions: str = "persistent"
    size: int = 2
    prefixes: tuple[str, ...] = ("oai_dc",)
    items: dict[str, Held] = field(default_factory=dict)
    forgets: bool = False

    def put(self, name: str, title: str, **more: Any) -> None:
        """A record is made, or changed."""
        self.items[name] = Held(self.now, {"oai_dc": dublin_core(("title", title))}, **more)

    def drop(self, name: str) -> None:
        """A record is deleted: forgotten, or kept as deleted, as the repository promises."""
        if self.deletions == "no":
            self.items.pop(name, None)
        elif name in self.items:
            self.items[name] = Held(self.now, {}, self.items[name].sets)

    @property
    def live(self) -> dict[str, str]:
        """Identifier -> metadata of what is not deleted."""
        return {name: held.metadata["oai_dc"] for name, held in self.items.items() if held.metadata}

    def said(self, stamp: int, granularity: str = "") -> str:
        return datetime.fromtimestamp(stamp, UTC).strftime(FORMS[granularity or self.granularity])

    def answer(self, query: Mapping[str, str]) -> bytes:
        """The response to the arguments of a request."""
        arguments = dict(query)
        verb = arguments.pop("verb", "")
        match verb:
            case "Identify" if not arguments:
                return self._whole(self._identity(), verb)
            case "ListMetadataFormats" if not arguments:
                rows = (f"<metadataPrefix>{p}</metadataPrefix><schema>urn:x</schema>" for p in self.prefixes)
                return self._whole("".join(f"<metadataFormat>{row}</metadataFormat>" for row in rows), verb)
            case "ListRecords":
                return self._list(arguments)
            case "Identify" | "ListMetadataFormats":
                return self._error("badArgument", "the request includes illegal arguments")
        return self._error("badVerb", f"{verb} is not a verb")

    def _whole(self, inner: str, verb: str = "ListRecords") -> bytes:
        return wrapped(inner, self.said(self.now, SECOND), verb)

    def _error(self, code: str, words: str) -> bytes:
        return self._whole(f'<error code="{code}">{escape(words)}</error>')

    def _identity(self) -> str:
        earliest = self.said(min((held.stamp for held in self.items.values()), default=0))
        return (
            "<repositoryName>Made</repositoryName><baseURL>http://an.oa.org/OAI-script</baseURL>"
            "<protocolVersion>2.0</protocolVersion><adminEmail>a@an.oa.org</adminEmail>"
            f"<earliestDatestamp>{earliest}</earliestDatestamp><deletedRecord>{self.deletions}</deletedRecord>"
            f"<granularity>{self.granularity}</granularity>"
        )

    def _list(self, arguments: dict[str, str]) -> bytes:
        after: tuple[int, str] = (-1, "")
        if "resumptionToken" in arguments:
            if len(arguments) > 1:
                return self._error("badArgument", "resumptionToken is an exclusive argument")
            try:
                state = json.loads(urlsafe_b64decode(arguments["resumptionToken"]))
            except ValueError:
                state = None
            if self.forgets or not isinstance(state, dict):
                return self._error("badResumptionToken", "the value is invalid or expired")
            after = (state["stamp"], state["name"])
            arguments = state["arguments"]
        if not {"metadataPrefix"} <= arguments.keys() <= {"metadataPrefix", "from", "until", "set"}:
            return self._error("badArgument", "required arguments are missing, or there are others")
        prefix, start = arguments["metadataPrefix"], arguments.get("from", "")
        if prefix not in self.prefixes:
            return self._error("cannotDisseminateFormat", f"{prefix} is not supported")
        if start and len(start) > len(self.said(0)):
            return self._error("badArgument", "from is finer than the granularity")
        found = sorted(
            (held.stamp, name)
            for name, held in self.items.items()
            if (not held.metadata or prefix in held.metadata)
            and self.said(held.stamp)[: len(start)] >= start
            and (not arguments.get("set") or arguments["set"] in held.sets)
        )
        if not found:
            return self._error("noRecordsMatch", "no record matches")
        rest = [one for one in found if one > after]
        rows = "".join(self._record(name, prefix) for _, name in rest[: self.size])
        if len(rest) > self.size:
            stamp, name = rest[self.size - 1]
            state = {"stamp": stamp, "name": name, "arguments": arguments}
            token = urlsafe_b64encode(json.dumps(state).encode()).decode()
            rows += f'<resumptionToken completeListSize="{len(found)}">{token}</resumptionToken>'
        elif after != (-1, ""):
            rows += f'<resumptionToken completeListSize="{len(found)}"/>'  # the last part says so by an empty one
        return self._whole(rows)

    def _record(self, name: str, prefix: str) -> str:
        held = self.items[name]
        sets = "".join(f"<setSpec>{escape(one)}</setSpec>" for one in held.sets)
        status = "" if held.metadata else ' status="deleted"'
        header = f"<identifier>{escape(name)}</identifier><datestamp>{self.said(held.stamp)}</datestamp>{sets}"
        inner = f"<metadata>{held.metadata[prefix]}</metadata>" if held.metadata else ""
        return f"<record><header{status}>{header}</header>{inner}</record>"
