"""The pages over a running node: its record, how it stands, and which limit a request counts against.

The evidence is opened when the first page is asked for, by one thread while the others wait: a node without pages to
show is a peer all the same.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from concordat.errors import ConcordatError
from concordat.web.address import BATCH_KEY
from concordat.web.council_reader import CouncilReader
from concordat.web.council_sources import Running
from concordat.web.node_facts import NodeFacts, PeerFacts
from concordat.web.respond import Site
from concordat.web.site import pages

if TYPE_CHECKING:
    from concordat.node.service import Service
    from concordat.web.reader import Reader

LOOK_S = 1.0  # between two looks at a record that nobody asks for
SEARCHES = ("/check", "/search", "/compare", "/trace", "/figure")


class LiveSite:
    """The site of a running node, opened once.

    Args:
        service: the node. open_reader: opens the evidence. forms: whether the node's forms are served beside.
        looking: whether the record is looked at also when nobody asks, and the most asked pages are made again before a
            new batch is shown.
    """

    def __init__(
        self, service: Service, open_reader: Callable[[], Reader], *, forms: bool = True, looking: bool = False
    ) -> None:
        self._service, self._open, self._forms, self._looking = service, open_reader, forms, looking
        self.council = CouncilReader(Running(service))
        self._site: Site | None = None
        self._rest = threading.Event()
        self._lock = threading.Lock()

    def __call__(self) -> Site:
        """The site.

        Raises:
            InputError, StateError: the evidence can't be opened.
        """
        with self._lock:
            if self._site is None:
                self._site = site = Site(
                    self._open(), pages(), public_url=self._service.public_url, council=self.council, forms=self._forms,
                    node=lambda: facts_of(self._service.facts(), self._service.node.home),
                    offered=self._service.settings.languages, bars=lambda: bars_of(self._service),
                )  # fmt: skip
                if self._looking:
                    self.council.before = lambda made: site.make_again(made, self._service.monotonic)
                    threading.Thread(target=self._look_on, name="new batches", daemon=True).start()
            return self._site

    def _look_on(self) -> None:
        """Look at the record now and then, so that a quiet site has made its pages again before somebody comes."""
        while not self._service.stopping:
            with suppress(ConcordatError):
                self.council.current()
            self._rest.wait(LOOK_S)

    def first_page(self) -> None:
        """Open the evidence and make the first page before anybody asks; where that fails, whoever asks is told why.

        What is opened stays for as long as the node runs, so nobody goes through it for what could be thrown away: the
        collector of cycles waits meanwhile, and leaves it alone from then on. What was only needed on the way goes back
        to the system.
        """
        from concordat.node.heap import give_back

        waits = gc.isenabled()
        gc.disable()
        try:
            with suppress(ConcordatError):
                opened = self()
                opened.answer("GET", opened.prefix + "/", "", {"accept-encoding": "gzip"})
            gc.freeze()
            give_back()
        finally:
            if waits:
                gc.enable()


def bars_of(service: Service) -> tuple[str, ...]:
    """What everybody who uses the node must see, on every page: why it doesn't sign, and what is wrong with it."""
    found = (service.recovery.words(), service.disk_low, *(service.alarms[key] for key in sorted(service.alarms)))
    return tuple(words for words in found if words)


def facts_of(status: Mapping[str, Any], home: Any) -> NodeFacts:
    """What `Service.status` says, as the page says it to everybody: no addresses of peers, no paths."""
    from concordat.node.records import DrillDone, read_record

    peers = tuple(
        PeerFacts(p["member"], p["log"], p["lag"], p["state"], p["last_contact_s"], p["note"]) for p in status["peers"]
    )
    drill = read_record(home, DrillDone)
    return NodeFacts(
        status["member"], status["version"], status["url"], status["recovery"],
        tuple(words for _, words in sorted(status["failing"].items())), tuple(status["alarms"].values()), peers,
        drill.at[:10] if drill is not None else "",
    )  # fmt: skip


def limit_of(path: str, query: bytes) -> str:
    """Which limit a request for a page counts against: looking something up, or back in the record, costs more.

    >>> limit_of("/agenda", b"at=1.5"), limit_of("/agenda", b"lang=pt&%61t=1.5"), limit_of("/agenda", b"lang=pt")
    ('search', 'search', 'pages')
    """
    back = any(key == BATCH_KEY for key, _ in parse_qsl(query.decode("ascii", "replace")))
    dear = back or any(part in path for part in SEARCHES)
    return "search" if dear and (query or "/check" not in path) else "pages"
