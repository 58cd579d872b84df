"""From an address and a few headers to the bytes of an answer: pages, their twins, the static files, errors.

Pure but for its memory: the same snapshot, address, language and form give the same bytes, and no other header enters
them. A page is made once, kept as plain and gzipped bytes under a bound, and tagged by its hash, so that a reader who
has it is told so in a few bytes (304).
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from concordat.errors import ConcordatError, InputError, MethodError, RuleError, SourceError, StateError, TrustError
from concordat.web import headers, html, twins
from concordat.web.address import Addresses, Asked, MovedError, NotFoundError
from concordat.web.languages import OFFERED, choose, words_of
from concordat.web.most_asked import MostAsked
from concordat.web.static_files import passkey_script, style_sheet

if TYPE_CHECKING:
    from concordat.web.council_reader import CouncilReader, CouncilSnapshot
    from concordat.web.languages import Words
    from concordat.web.most_asked import Asking
    from concordat.web.node_facts import NodeFacts
    from concordat.web.reader import Reader
    from concordat.web.site import Page

CACHE_BYTES = 64 * 1024 * 1024
GZIP_LEVEL = 6
OPENAPI = "/openapi.json"
REMAKE_S = 2.0  # for which a new batch waits until the most asked pages are made again
RETRY_S = 5  # after which one may ask again, where this node can't answer now
PINS_KEPT = 8  # earlier batches whose pages stay quick to make
READ = ("GET", "HEAD")
_STATUS: tuple[tuple[type[ConcordatError], int], ...] = (
    (NotFoundError, 404),
    (InputError, 400),
    (RuleError, 403),
    (TrustError, 409),
    (SourceError, 503),
    (MethodError, 503),
    (StateError, 503),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers in lower case, and the body.

    Attributes:
        page: its address as it is spelled, and its language; None: it is none that may be kept.
        mark: of what it was made from: the same request has the same answer as long as `Site.still` says so.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    page: Asking | None = None
    mark: object = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A page as made: both encodings with their tags."""

    content_type: str
    cache: str
    plain: bytes
    zipped: bytes
    tag: str
    more: tuple[tuple[str, str], ...] = ()

    @property
    def size(self) -> int:
        return len(self.plain) + len(self.zipped)


class Site:
    """All pages over one reader.

    Args:
        reader: the snapshot that they show. pages: the registry.
        public_url: where the site is reached, with its path prefix; links and permanent links are written with it.
        offered: the languages on offer; the first one is fallen back on.
        council: the record of the bloc's council, if there is one. forms: whether the node's forms are served beside.
        node: says how the running node stands, for the pages that read it.
        bars: says what is wrong with it now, for every page; cheap, for it is asked each time.
    """

    def __init__(
        self,
        reader: Reader,
        pages: Iterable[Page],
        *,
        public_url: str = "",
        offered: tuple[str, ...] = OFFERED,
        cache_bytes: int = CACHE_BYTES,
        council: CouncilReader | None = None,
        forms: bool = False,
        node: Callable[[], NodeFacts] | None = None,
        bars: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._evidence, self.council, self._node = reader, council, node
        self._bars = bars
        self._joint: Reader | None = None
        self._coming: Reader | None = None  # beside a batch that is not shown yet
        self.asks = MostAsked()
        self._pinned: OrderedDict[str, Reader] = OrderedDict()
        self._forms = forms
        self._document = b""
        self.addresses = Addresses(pages)
        self.offered = offered
        self.public_url = public_url.rstrip("/")
        self.prefix = urlsplit(self.public_url).path.rstrip("/")
        self.tls = urlsplit(self.public_url).scheme == "https"
        self.sheet, self.sheet_name = style_sheet().body, style_sheet().path
        self._cache: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()
        self._size, self._bound = 0, cache_bytes
        self._lock = threading.Lock()
        self._making: dict[tuple[str, ...], threading.Lock] = {}

    # --- What pages are made from ------------------------------------------------------------------------------------

    @property
    def reader(self) -> Reader:
        """The evidence beside the newest final batch of the record. A page is made from one such reader alone."""
        if self.council is None:
            return self._evidence
        council, joint = self.council.current(), self._joint
        if joint is None or joint.council is not council:
            coming = self._coming
            if coming is not None and coming.council is council:
                self._joint, self._coming = coming, None
                return coming
            same = joint is not None and joint.council is not None and joint.council.at == council.at
            self._joint = joint = (
                joint.moved_on(council) if same and joint is not None else self._evidence.with_council(council)
            )
        return joint

    def reader_for(self, asked: Asked) -> Reader:
        """The snapshot that a page is made from.

        Raises:
            NotFoundError: the address names a batch, and there is none such here.
        """
        reads = asked.page.reads
        if "node" in reads and self._node is not None:
            return self.reader.beside(self._node())
        if "council" not in reads and "waiting" not in reads:
            return self._evidence
        if not asked.at:
            return self.reader
        if self.council is None:
            hint = "Start the node, or load its export."
            raise NotFoundError("no record of the council is loaded here.", hint=hint, code="no_record")
        view, batch = map(int, asked.at.split("."))
        pinned = self.council.at(view, batch)
        with self._lock:
            if asked.at not in self._pinned:
                self._pinned[asked.at] = self._evidence.with_council(pinned)
                while len(self._pinned) > PINS_KEPT:
                    self._pinned.popitem(last=False)
            return self._pinned[asked.at]

    def _part(self, asked: Asked, reader: Reader) -> str:
        """What of the snapshot a page's bytes depend on: the same text, the same bytes."""
        council, reads = reader.council, asked.page.reads
        alone = "alone" if self._alone(reader) else ""
        if council is None:
            return alone
        parts = [alone, council.batch, council.state, str(council.pinned)]
        if "waiting" in reads:
            parts.append(council.mark)
        if "node" in reads and reader.node is not None:
            parts.append(reader.node.mark)
        return " ".join(parts)

    @property
    def alone(self) -> bool:
        """Whether the record has one node, and no witness."""
        return self.council is not None and self.council.last().alone

    def still(self, mark: object) -> bool:
        """Whether a page made under this mark would be made the same now; cheap, for it is asked each time."""
        if not isinstance(mark, tuple) or mark[1] != self._bars():
            return False
        if self.council is None:
            return mark[0] is None
        return bool(mark[0] == (self.alone if isinstance(mark[0], bool) else self.council.mark()))

    def _mark(self, reader: Reader, bars: tuple[str, ...]) -> object:
        """What a page hangs on: the record as it was seen, or no more than whether it is alone; and what is wrong."""
        if self.council is None:
            return None, bars
        return self._alone(reader) if reader.council is None else reader.council.changes, bars

    def _alone(self, reader: Reader) -> bool:
        return self.alone if reader.council is None else reader.council.alone

    # --- Answers -----------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: str, sent: Mapping[str, str]) -> Answer:
        """The answer to a request.

        Args:
            path: percent-encoded, with the prefix. sent: request headers in lower case; only `accept-language`,
                `accept-encoding` and `if-none-match` are looked at.
        """
        if method not in READ:
            said = (("allow", ", ".join(READ)), *headers.headers_for(headers.HTML, "no-store", tls=self.tls))
            return Answer(405, said, b"")
        if self.prefix:
            if path != self.prefix and not path.startswith(self.prefix + "/"):
                return self._failed(
                    NotFoundError("there is no page outside the site's own path.", code="no_page"), path
                )
            path = path[len(self.prefix) :] or "/"
        if path == OPENAPI:
            return self._send(_keep(self._openapi(), headers.JSON, headers.CHECK), sent, varies=False)
        for file in (style_sheet(), passkey_script()):
            if path == file.path:
                return self._send(_keep(file.body, file.content_type, headers.FOREVER), sent, varies=False)
        try:
            asked = self.addresses.parse(path, query)
            language = self.language_of(asked, sent.get("accept-language", ""))
            reader, bars = self.reader_for(asked), self._bars()
            mark = self._mark(reader, bars)
            answer = self._send(self._page(asked, language, reader, bars), sent, varies=not asked.language)
            if "node" in asked.page.reads:
                return answer
            return replace(answer, page=(self.addresses.address(asked), language), mark=mark)
        except MovedError as moved:
            said = (("location", self.prefix + moved.address), *headers.headers_for(headers.HTML, headers.CHECK))
            return Answer(308, said)
        except ConcordatError as error:
            return self._failed(error, path)

    def _openapi(self) -> bytes:
        """The description of all addresses, made once."""
        from concordat.canonical import dumps
        from concordat.web.openapi import document

        with self._lock:
            if not self._document:
                self._document = dumps(document(self.public_url, self.offered), floats=True) + b"\n"
            return self._document

    def language_of(self, asked: Asked, accept: str) -> str:
        """The address's own language, else the one the browser likes best.

        Raises:
            InputError: the address names one that is not on offer.
        """
        if not asked.language:
            return choose(accept, self.offered)
        if asked.language not in self.offered:
            known = ", ".join(self.offered)
            raise InputError(f"no pages in {asked.language!r}.", where="lang", hint=f"There are: {known}.", code="lang")
        return asked.language

    def bytes_of(self, asked: Asked, language: str, place: html.Place, reader: Reader | None = None) -> bytes:
        """The bytes of a page at a place: for a server, an export, a test.

        Args:
            reader: what it is made from, if that is known already.

        Raises:
            NotFoundError: what the address names is not in this release, or the page has no CSV.
        """
        reader = reader or self.reader_for(asked)
        if asked.release and asked.release != reader.snapshot.release:
            here = reader.snapshot.release
            raise NotFoundError(f"release {asked.release} is not here.", hint=f"Here is {here}.", code="no_release")
        words = words_of(language)
        printed = asked.form in ("html", "csv") and asked.page.glance
        view = (printed or asked.page.view)(reader, asked.query)
        if asked.form == "json":
            return twins.as_json(view, reader, self.addresses.address(replace(asked, form="html")), asked.page.reads)
        if asked.form in asked.page.files:
            return asked.page.files[asked.form].make(view, reader, words)
        laid = asked.page.layout(view, reader, words)
        if asked.form == "csv":
            if laid.main is None:
                raise NotFoundError("this page has no table.", hint="Ask for .json instead.", code="no_table")
            return twins.as_csv(laid.main)
        return html.render(laid, asked, reader, words, self.addresses, place, self.offered)

    def place(self, asked: Asked, reader: Reader | None = None, bars: tuple[str, ...] | None = None) -> html.Place:
        """This site as a place: links are paths under its prefix."""
        reader = reader or self.reader_for(asked)
        pinned = self.pinned(asked, reader)
        permanent = self.public_url + self.addresses.address(pinned)
        return html.Place(
            href=lambda to: self.prefix + self.addresses.address(to),
            sheet=self.prefix + self.sheet_name,
            permanent=permanent if self.public_url else self.prefix + self.addresses.address(pinned),
            asks=True,
            door=lambda path: self.prefix + path if self._forms else None,
            alone=self._alone(reader),
            bars=self._bars() if bars is None else bars,
        )

    def pinned(self, asked: Asked, reader: Reader) -> Asked:
        """The same page with all that it reads pinned: its release, its batch."""
        page, council = asked.page, reader.council
        release = asked.release or (reader.snapshot.release if "evidence" in page.reads else "")
        batch = council.batch if council is not None and council.at != (0, 0) and "council" in page.reads else ""
        return replace(asked, release=release, at=asked.at or batch, form="html")

    # --- The cache ---------------------------------------------------------------------------------------------------

    def make_again(self, council: CouncilSnapshot, monotonic: Callable[[], float]) -> int:
        """Make the most asked pages for a batch that nobody sees yet, for at most `REMAKE_S`; how many were made.

        A page that can't be made for it is left to whoever asks.
        """
        self._coming = reader = self._evidence.with_council(council)
        end, made = monotonic() + REMAKE_S, 0
        for address, language in self.asks.most():
            if monotonic() >= end:
                break
            path, _, query = address.partition("?")
            with suppress(ConcordatError):
                asked = self.addresses.parse(path, query)
                if asked.at or "node" in asked.page.reads or "council" not in asked.page.reads:
                    continue
                self._page(asked, language, reader, self._bars())
                made += 1
        self.asks.fade()
        return made

    def _page(self, asked: Asked, language: str, reader: Reader, bars: tuple[str, ...]) -> _Kept:
        key = (self.addresses.address(asked), language, self._part(asked, reader), *bars)
        with self._lock:
            found = self._cache.get(key)
            if found is not None:
                self._cache.move_to_end(key)
                return found
            one = self._making.setdefault(key, threading.Lock())
        with one:  # whoever comes second finds it made
            with self._lock:
                if key in self._cache:
                    return self._cache[key]
            try:
                kept = self._kept(asked, self.bytes_of(asked, language, self.place(asked, reader, bars), reader))
                with self._lock:
                    self._cache[key] = kept
                    self._size += kept.size
                    while self._size > self._bound and len(self._cache) > 1:
                        self._size -= self._cache.popitem(last=False)[1].size
            finally:  # also of what is not there: whoever asks for names at random fills no memory
                with self._lock:
                    self._making.pop(key, None)
        return kept

    def _kept(self, asked: Asked, body: bytes) -> _Kept:
        """A page's bytes with what is said of them; they last for ever where all that they depend on is pinned."""
        reads = asked.page.reads
        pins = {"evidence": asked.release, "council": asked.at, "waiting": asked.at, "node": ""}
        lasting = all(pins[read] for read in reads) and asked.form in ("json", "csv")
        file = asked.page.files.get(asked.form)
        kinds = {"html": headers.HTML, "json": headers.JSON, "csv": headers.CSV}
        kept = _keep(body, file.content_type if file else kinds[asked.form], _cache(lasting=lasting))
        if file is None or file.shown:
            return kept
        last = self.addresses.address(replace(asked, form="html", language="", at="")).rpartition("/")[2]
        name = file.name.format(last.partition("?")[0])
        return replace(kept, more=(("content-disposition", f'attachment; filename="{name}"'),))

    def _send(self, kept: _Kept, sent: Mapping[str, str], *, varies: bool) -> Answer:
        zipped = "gzip" in sent.get("accept-encoding", "")
        tag = f'"{kept.tag}{"-gz" if zipped else ""}"'
        said = [("etag", tag), ("vary", "Accept-Encoding, Accept-Language" if varies else "Accept-Encoding")]
        said += [*headers.headers_for(kept.content_type, kept.cache, tls=self.tls), *kept.more]
        known = [t.strip().removeprefix("W/") for t in sent.get("if-none-match", "").split(",")]
        if tag in known or "*" in known:
            return Answer(304, tuple(said))
        body = kept.zipped if zipped else kept.plain
        if zipped:
            said.append(("content-encoding", "gzip"))
        said.append(("content-length", str(len(body))))
        return Answer(200, tuple(said), body)

    # --- Errors ------------------------------------------------------------------------------------------------------

    def _failed(self, error: ConcordatError, path: str) -> Answer:
        """The error as a page, or as problem+json where a program asks (RFC 9457)."""
        status = next(code for kind, code in _STATUS if isinstance(error, kind))
        if path.endswith((".json", ".csv")):
            answer = _plain(status, headers.PROBLEM, problem(status, error.what, error.hint, error.code), self.tls)
        else:
            answer = _plain(status, headers.HTML, self._error_page(error, words_of(self.offered[0])), self.tls)
        if not isinstance(error, StateError):
            return answer
        return replace(answer, headers=(*answer.headers, ("retry-after", str(RETRY_S))))

    def _error_page(self, error: ConcordatError, words: Words) -> bytes:
        from markupsafe import escape

        title, hint = escape(words.plain("web.error")), escape(error.hint or "")
        home = escape(self.prefix + "/")
        text = (
            f'<!doctype html>\n<html lang="{words.language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
            f'<link rel="stylesheet" href="{escape(self.prefix + self.sheet_name)}">\n</head>\n<body>\n'
            f'<main id="main">\n<h1>{title}</h1>\n<p class="lead">{escape(error.what)}</p>\n<p>{hint}</p>\n'
            f'<p><a href="{home}">{escape(words.plain("web.home"))}</a></p>\n</main>\n</body>\n</html>\n'
        )
        return text.encode("utf-8")


def problem(status: int, what: str, hint: str | None = None, code: str | None = None) -> bytes:
    """What is wrong and what to do, for a program (RFC 9457)."""
    from concordat.canonical import dumps

    said = {"type": "about:blank", "status": status, "title": what, "detail": hint or "", "code": code or ""}
    return dumps(said) + b"\n"


def _cache(*, lasting: bool) -> str:
    return headers.FOREVER if lasting else headers.CHECK


def _keep(body: bytes, content_type: str, cache: str) -> _Kept:
    tag = hashlib.sha256(body).hexdigest()[:32]
    return _Kept(content_type, cache, body, gzip.compress(body, GZIP_LEVEL, mtime=0), tag)


def _plain(status: int, content_type: str, body: bytes, tls: bool) -> Answer:
    said = headers.headers_for(content_type, "no-store", tls=tls)
    return Answer(status, (*said, ("content-length", str(len(body)))), body)
