"""What this member says of its exchange is signed once, whoever says it, whenever."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from concordat.errors import ConcordatError, InputError
from concordat.ledger.entry import Entry
from concordat.ledger.note import Note
from concordat.node import exchange_book
from concordat.node.exchange_book import LogBook, LogOffers
from concordat.node.home import Node
from concordat.node.writer import Writer
from unit_node import found


def parties(number: int) -> dict[str, Any]:
    """What an entry about an agreement names."""
    name = f"urn:uuid:00000000-0000-4000-8000-{number:012}"
    return {"agreement": name, "hash": "ab" * 32, "provider": "BRA", "consumer": "ZAF", "duties": []}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Any]:
    with Node(found(tmp_path, ("BRA", "ZAF"))[1]) as node:
        writer = Writer(node, gather_s=0.0)
        yield SimpleNamespace(member="ZAF", node=node, writer=writer)
        writer.close()


def size(service: Any) -> int:
    return int(service.node.replica.own.size)


def test_of_those_who_say_the_same_at_once_one_signs(service: Any) -> None:
    book = LogBook(service)
    with ThreadPoolExecutor(8) as threads:
        envelopes = list(threads.map(lambda n: book.said("AgreementConfirmed", parties(n % 2)), range(16)))
    assert (len(set(envelopes)), size(service)) == (2, 2)


@pytest.mark.parametrize("few", [0, 3, 1_000])
def test_what_was_said_before_a_start_is_found(service: Any, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Whether the step looks through the log by itself, through its end alone, or not at all."""
    monkeypatch.setattr(exchange_book, "FEW", few)
    first = LogBook(service)
    before = [first.said("AgreementConfirmed", parties(n)) for n in range(6)]
    again = LogBook(service)
    assert [again.said("AgreementConfirmed", parties(n)) for n in range(6)] == before
    assert size(service) == 6
    again.said("AgreementConfirmed", parties(6))
    assert first.said("AgreementConfirmed", parties(6)) == again.said("AgreementConfirmed", parties(6))
    assert size(service) == 7


@pytest.mark.parametrize("lot", [1, 2, 5, 6, 7])
def test_a_long_log_is_read_in_lots_and_nothing_of_it_is_passed_over(
    service: Any, monkeypatch: pytest.MonkeyPatch, lot: int
) -> None:
    monkeypatch.setattr(exchange_book, "AT_ONCE", lot)
    monkeypatch.setattr(exchange_book, "FEW", 0)
    first = LogBook(service)
    before = [first.said("AgreementConfirmed", parties(n)) for n in range(6)]
    looks: list[int] = []
    monkeypatch.setattr(service.writer, "read", Reading(service.writer, looks).read)
    again = LogBook(service)
    assert all(again.has("AgreementConfirmed", parties(n)["agreement"], "ab" * 32) for n in range(6))
    assert looks == [min(lot, 6 - start) for start in range(0, 6, lot)]
    assert [again.said("AgreementConfirmed", parties(n)) for n in range(6)] == before


class Reading:
    """A writer's looks, and how many entries each gave."""

    def __init__(self, writer: Writer, looks: list[int]) -> None:
        self._read, self._looks = writer.read, looks

    def read(self, look: Any) -> Any:
        """As the writer's."""

        def counted(node: Node) -> Any:
            found = look(node)
            self._looks.append(len(found[1]))
            return found

        return self._read(counted)


def test_another_kind_or_body_is_another_word(service: Any) -> None:
    book = LogBook(service)
    ended = {key: value for key, value in parties(1).items() if key != "duties"} | {"reason": "terminated"}
    said = {book.said("AgreementConfirmed", parties(1)), book.said("AgreementEnded", ended)}
    said.add(book.said("AgreementConfirmed", parties(1) | {"hash": "cd" * 32}))
    assert (len(said), size(service)) == (3, 3)
    assert book.has("AgreementEnded", parties(1)["agreement"], "ab" * 32)
    assert not book.has("AgreementEnded", parties(1)["agreement"], "cd" * 32)


def held(service: Any) -> threading.Event:
    """The writer stands still until this is set."""
    gate = threading.Event()
    service.writer.run(lambda node: (gate.wait(10), []))
    return gate


def all_waiting(book: LogBook, count: int) -> None:
    """Return once so many wait for the writer."""
    for _ in range(2_000):
        if len(book._wanted) == count:
            return
        threading.Event().wait(0.005)
    raise AssertionError(f"{len(book._wanted)} of {count} wait")


def test_those_who_wait_together_stand_under_one_head(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[Note] = []
    signer = service.node.signer
    real = signer.head
    monkeypatch.setattr(signer, "head", lambda *given: heads.append(real(*given)) or heads[-1])
    book = LogBook(service)
    gate = held(service)
    with ThreadPoolExecutor(8) as threads:
        saying = [threads.submit(book.said, "AgreementConfirmed", parties(n % 7)) for n in range(8)]
        all_waiting(book, 8)
        gate.set()
        envelopes = [one.result(10) for one in saying]
    entries = [Entry.parse(base64.b64decode(envelope)) for envelope in envelopes]
    assert [entry.body for entry in entries] == [parties(n % 7) for n in range(8)]
    assert (len(heads), size(service), len(set(envelopes))) == (1, 7, 7)
    assert heads[0].text.splitlines()[1] == "7"
    assert [entry.seq for entry in service.node.replica.own.entries] == [1, 2, 3, 4, 5, 6, 7]


def test_of_those_who_wait_together_one_that_can_t_be_said_stops_no_other(service: Any) -> None:
    book = LogBook(service)
    gate = held(service)
    duties = [{"duty": "other", "number": n} for n in range(1, 101)]
    sound = [parties(1), parties(2) | {"duties": duties[:1]}]
    with ThreadPoolExecutor(3) as threads:
        saying = [threads.submit(book.said, "AgreementConfirmed", body) for body in sound]
        all_waiting(book, 2)
        book._wanted.insert(1, exchange_book._Wanted("x", "AgreementConfirmed", {"a": 0.5}))
        bad = book._wanted[1]
        gate.set()
        for one in saying:
            one.result(10)
    with pytest.raises(InputError, match="float"):
        bad.leaf.result(10)
    assert size(service) == 2


def test_a_writer_that_takes_nothing_fails_all_who_wait_and_nobody_after_them(service: Any) -> None:
    book = LogBook(service)
    broken, service.writer.run = service.writer.run, _refusing
    with pytest.raises(ConcordatError, match="busy"):
        book.said("AgreementConfirmed", parties(1))
    service.writer.run = broken
    assert book.said("AgreementConfirmed", parties(1))
    assert size(service) == 1


def _refusing(*_: Any, **__: Any) -> Any:
    raise ConcordatError("busy")


def test_what_is_said_of_agreements_is_not_looked_through_for_offers(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    since = exchange_book._offers_since
    monkeypatch.setattr(exchange_book, "_offers_since", lambda node, start: looked.append(start) or since(node, start))
    offers = LogOffers(service)
    book = LogBook(service, offers.passed)
    book.said("AgreementConfirmed", parties(1))
    offers.refresh()
    assert looked == []
    service.writer.run(lambda node: node.write("CaseCommented", {"case": "x"}, "council")).result()
    book.said("AgreementConfirmed", parties(2))
    offers.refresh()
    assert looked == [1], "an entry of somebody else lies between: it is looked at"
    offers.refresh()
    assert looked == [1]
