"""What is given again is never older than it says: marks of kept answers, and batches that come."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import StateError
from concordat.web.most_asked import MostAsked
from council_kit import Bloc
from web_council_kit import Said, chain_of_ten, site_with
from web_kit import get, text

pytest.importorskip("starlette", reason="needs the extra [web]")

TITLE = "Sharing of tide tables"


class Busy(Said):
    """A source that says, when told so, that it can't be looked at now; or is slow."""

    busy = False

    def look(self, look: Any) -> Any:
        if self.busy:
            raise StateError("the node is busy.", hint="Try again in a moment.", code="busy")
        return super().look(look)


@pytest.fixture
def bloc() -> Bloc:
    return Bloc().found()


@pytest.fixture
def source(bloc: Bloc) -> Busy:
    return Busy(list(bloc.history), chain_of_ten())


def go_on(bloc: Bloc, source: Said) -> None:
    for step in bloc.history[len(source.steps) :]:
        source.take(step)


def header(answer: Any, name: str) -> str:
    return dict(answer.headers).get(name, "")


def scope(address: str) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": address, "query_string": b"", "headers": []}


def asked(app: Any, address: str) -> bytes:
    """The body that the application sends."""
    import asyncio

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope(address), None, send))
    assert sent[0]["status"] == 200, sent
    body: bytes = sent[1]["body"]
    return body


def test_a_page_made_while_the_record_could_not_be_read_is_not_kept(
    evidence_dir: Path, bloc: Bloc, source: Busy
) -> None:
    from concordat.web.app import create_app

    app = create_app(lambda: site)
    site = site_with(evidence_dir, source)
    old = asked(app, "/agenda")
    bloc.table(title=TITLE)
    go_on(bloc, source)
    source.busy = True
    assert asked(app, "/agenda") == old
    source.busy = False
    assert TITLE.encode() in asked(app, "/agenda")
    assert TITLE.encode() in asked(app, "/agenda")  # from what was kept


def test_what_the_page_of_the_evidence_says_is_kept_while_batches_come(
    evidence_dir: Path, bloc: Bloc, source: Busy
) -> None:
    site = site_with(evidence_dir, source)
    answer, agenda = get(site, "/about"), get(site, "/agenda")
    assert site.still(answer.mark)
    assert site.still(agenda.mark)
    bloc.table()
    go_on(bloc, source)
    assert site.still(answer.mark)
    assert not site.still(agenda.mark)


def test_a_language_that_the_address_names_is_carried_by_links_and_one_that_the_browser_likes_is_not(
    evidence_dir: Path, source: Busy
) -> None:
    for first in ("liked", "named"):
        site = site_with(evidence_dir, source)
        ask = {
            "liked": lambda: get(site, "/agenda", accept_language="pt"),  # noqa: B023
            "named": lambda: get(site, "/agenda?lang=pt"),  # noqa: B023
        }
        ask[first]()
        assert 'href="/"' in text(ask["liked"]())
        assert 'href="/?lang=pt"' in text(ask["named"]())


# --- What is wrong with the node is on every page ---


def test_what_is_wrong_is_on_every_page_as_long_as_it_is(evidence_dir: Path, source: Busy) -> None:
    wrong: list[str] = []
    site = site_with(evidence_dir, source)
    site._bars = lambda: tuple(wrong)
    before = {address: get(site, address) for address in ("/", "/about", "/agenda")}
    wrong.append("the <database> is away.")
    for address, answer in before.items():
        assert not site.still(answer.mark)
        now = get(site, address)
        assert text(now).count("the &lt;database&gt; is away.") == 1
        assert site.still(now.mark)
        assert get(site, address, if_none_match=header(answer, "etag")).status == 200
    assert '<span lang="en" dir="ltr">the &lt;database&gt;' in text(get(site, "/about?lang=ar"))
    wrong.clear()
    for address, answer in before.items():
        assert get(site, address).body == answer.body
        assert site.still(answer.mark)


# --- Back in the record ---


def test_one_state_at_a_time_is_made_again_and_what_is_there_does_not_wait(
    evidence_dir: Path, bloc: Bloc, source: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    bloc.table()
    bloc.table()
    go_on(bloc, source)
    site = site_with(evidence_dir, source)
    council = site.council
    assert council is not None
    first = get(site, "/agenda?at=1.1")
    assert first.status == 200
    entered, leave = threading.Event(), threading.Event()
    fold = council._folded

    def slowly(*of: Any) -> Any:
        entered.set()
        assert leave.wait(20)
        return fold(*of)

    monkeypatch.setattr(council, "_folded", slowly)
    answers: list[Any] = []
    other = threading.Thread(target=lambda: answers.append(get(site, "/agenda?at=1.2")))
    other.start()
    try:
        assert entered.wait(20)
        refused = get(site, "/agenda.json?at=1.3")
        assert (refused.status, header(refused, "retry-after")) == (503, "5")
        assert header(refused, "content-type") == "application/problem+json"
        assert header(get(site, "/agenda?at=1.3"), "retry-after") == "5"
        assert get(site, "/due?at=1.1").status == 200  # that state is there already
    finally:
        leave.set()
        other.join(20)
    assert [answer.status for answer in answers] == [200]
    assert get(site, "/agenda?at=1.3").status == 200


# --- The most asked pages are made again before a batch is shown ---


def test_a_batch_is_shown_once_the_most_asked_pages_are_made_for_it(
    evidence_dir: Path, bloc: Bloc, source: Busy
) -> None:
    site = site_with(evidence_dir, source)
    council = site.council
    assert council is not None
    entered, leave, made = threading.Event(), threading.Event(), []

    def before(coming: Any) -> None:
        entered.set()
        assert leave.wait(20)
        made.append(site.make_again(coming, lambda: 0.0))

    council.before = before
    old = get(site, "/agenda")
    for address in ("/agenda", "/agenda", "/about", "/due", "/agenda?at=1.1"):
        page = get(site, address).page
        assert page is not None
        site.asks.count(page)
    bloc.table(title=TITLE)
    go_on(bloc, source)
    assert get(site, "/agenda").body == old.body
    assert entered.wait(20)
    assert get(site, "/agenda").body == old.body
    assert site.still(old.mark)  # it is what is shown
    (mover,) = [t for t in threading.enumerate() if t.name == "new batch"]
    leave.set()
    mover.join(20)
    assert made == [2]  # not the page of the evidence, and not what is pinned
    assert not site.still(old.mark)
    kept = {key[0] for key in site._cache}
    for address in ("/agenda", "/due"):
        before_asking = len(site._cache)
        assert TITLE in text(get(site, address)) or address == "/due"
        assert len(site._cache) == before_asking, kept


def test_a_batch_does_not_wait_for_ever_and_not_for_a_page_that_fails(
    evidence_dir: Path, bloc: Bloc, source: Busy
) -> None:
    site = site_with(evidence_dir, source)
    site.asks.count(("/item/p-2099-999", "en"))
    site.asks.count(("/agenda", "en"))
    coming = site.reader.council
    assert coming is not None
    assert site.make_again(coming, lambda: 0.0) == 1
    times = iter([0.0, 9.0])
    assert site.make_again(coming, lambda: next(times)) == 0
    council = site.council
    assert council is not None
    council.before = lambda _: (_ for _ in ()).throw(StateError("no."))
    bloc.table(title=TITLE)
    go_on(bloc, source)
    caught: list[Any] = []
    threading.excepthook, hook = caught.append, threading.excepthook
    try:
        council.current()
        for thread in [t for t in threading.enumerate() if t.name == "new batch"]:
            thread.join(20)
    finally:
        threading.excepthook = hook
    assert TITLE in text(get(site, "/agenda"))


def test_what_was_asked_for_long_ago_fades_and_few_pages_are_counted() -> None:
    asks = MostAsked(kept=2)
    for page in ("a", "a", "a", "b", "b"):
        asks.count((page, "en"))
    asks.fade()
    asks.fade()
    asks.count(("b", "en"))
    assert asks.most(1) == [("b", "en")]  # 2 / 4 + 1, against 3 / 4
    asks.count(("c", "en"))
    assert {page for page, _ in asks.most()} == {"b", "c"}
