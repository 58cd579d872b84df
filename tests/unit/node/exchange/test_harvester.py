"""The harvester: each state that a run can end in, going on where it stopped, and the sources on a local service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, SourceError, StateError, TrustError
from concordat.exchange.catalogue.dcat import catalog_turtle
from concordat.exchange.catalogue.harvest import Page, record_of
from concordat.exchange.catalogue.model import Dataset, Failure
from concordat.node.exchange import exchange_of
from concordat.node.harvest_sources import CkanPortal, CsvFolder, DcatFeed, name_of, source_of
from concordat.node.harvest_store import FILE, HarvestStore, Run
from concordat.node.harvester import DEADLINE_MAX_S, Harvester, Source, finished_body, log_runs
from concordat.node.home import Node
from concordat.node.outbound import Outbound
from exchange_catalogue_kit import a_catalog, a_dataset, ckan_answer, ckan_record
from unit_node import found

NOW = 1_800_000_000


class Script:
    """A source that gives pages, or raises errors, as told; by token."""

    kind, address = "ckan", "https://data.example.br"

    def __init__(self, pages: dict[str, Page | Exception]) -> None:
        self.pages, self.asked = pages, [""][:0]

    async def page(self, token: str) -> Page:
        self.asked.append(token)
        found = self.pages[token]
        if isinstance(found, Exception):
            raise found
        return found


def page(*names: str, token: str = "", failed: tuple[Failure, ...] = ()) -> Page:
    return Page(tuple(record_of(Dataset(f"urn:x:{name}", {"": name})) for name in names), failed, token)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HarvestStore]:
    with HarvestStore(tmp_path / FILE) as opened:
        yield opened


def run(store: HarvestStore, source: Source, *, owner: str = "me", clock: Callable[[], int] = lambda: NOW,
        accept: bool = False) -> Run:  # fmt: skip
    return asyncio.run(Harvester(store, clock, owner).run("portal", source, accept_removals=accept))


def test_a_whole_reading_is_complete_and_failed_records_make_it_partial(store: HarvestStore) -> None:
    first = run(store, Script({"": page("a", "b", token="2"), "2": page("c")}))
    assert (first.state, first.added, first.pages, first.words) == (
        "complete", 3, 2, "complete: 3 added, 0 changed, 0 removed, 0 failed",
    )  # fmt: skip
    bad = Failure("urn:x:b", "the record has no title.")
    second = run(store, Script({"": page("a", "c", failed=(bad,))}))
    assert (second.state, second.failed, second.removed) == ("partial", 1, 0)
    assert store.failures(second.id) == [bad]
    assert [d.id for d in store.datasets()] == ["urn:x:a", "urn:x:b", "urn:x:c"]


def test_a_fault_of_the_source_fails_the_run_and_the_next_goes_on_there(store: HarvestStore) -> None:
    down = SourceError("no answer within 30 s.", code="timeout")
    first = run(store, Script({"": page("a", "b", token="2"), "2": down}))
    assert (first.state, first.added, first.token) == ("failed", 2, "2")
    assert first.reason == "no answer within 30 s."
    source = Script({"2": page("c")})
    second = run(store, source)
    assert (second.state, second.added, second.removed, source.asked) == ("complete", 1, 0, ["2"])
    assert second.reading == first.reading


def test_a_token_that_the_source_forgot_starts_afresh(store: HarvestStore) -> None:
    run(store, Script({"": page("a", token="2"), "2": SourceError("status 500.", code="status")}))
    source = Script({"2": SourceError("status 410.", code="status"), "": page("a", "b")})
    again = run(store, source)
    assert (again.state, again.added, source.asked) == ("complete", 1, ["2", ""])
    assert again.reading == again.id


def test_a_token_is_kept_while_there_is_no_connection(store: HarvestStore) -> None:
    run(store, Script({"": page("a", token="2"), "2": SourceError("status 500.", code="status")}))
    source = Script({"2": SourceError("no connection.", code="connection")})
    assert (run(store, source).token, source.asked) == ("2", ["2"])


def test_the_deadline_is_looked_at_between_pages(store: HarvestStore) -> None:
    times = iter([NOW, NOW, NOW + 30 * 60, NOW + 30 * 60])
    first = run(store, Script({"": page("a", token="2")}), clock=lambda: next(times))
    assert (first.state, first.token, first.added) == ("timed_out", "2", 1)
    assert "within 30 minutes" in first.reason
    assert run(store, Script({"2": page("b")})).state == "complete"


def test_what_failed_before_a_run_went_on_makes_the_whole_reading_partial(store: HarvestStore) -> None:
    times = iter([NOW, NOW, NOW + 30 * 60, NOW + 30 * 60])
    bad = Page((), (Failure("urn:x:bad", "no title"), Failure("row 3", "no id", named=False)), "2")
    first = run(store, Script({"": bad}), clock=lambda: next(times))
    assert (first.state, first.failed) == ("timed_out", 2)
    again = Page((), (Failure("urn:x:bad", "no title"),), "")
    second = run(store, Script({"2": again}))
    assert (second.state, second.failed, finished_body(second, "0" * 64)["failed"]) == ("partial", 2, 2)
    assert second.words == (
        "partial: 0 added, 0 changed, 0 removed, 2 failed; 1 of them failed in the runs that it went on from"
    )
    assert store.failures(second.id) == [Failure("row 3", "no id", named=False), Failure("urn:x:bad", "no title")]
    third = run(store, Script({"": page("a")}))  # a pass of its own
    assert (third.state, third.reason) == ("complete", "")


def test_a_resumed_run_lists_what_failed_before_it(store: HarvestStore) -> None:
    """Run 2 meets no fault of its own: its count, its list and its entry are those of the whole reading."""
    bad = Failure("urn:x:b", "the record has no title.")
    run(store, Script({"": page("a", token="2", failed=(bad,)), "2": SourceError("status 500.", code="status")}))
    second = run(store, Script({"2": page("c")}))
    assert (second.state, second.failed, store.failures(second.id)) == ("partial", 1, [bad])
    assert finished_body(second, "0" * 64)["failed"] == 1


def test_what_failed_and_was_read_on_a_later_page_failed_no_more(store: HarvestStore) -> None:
    bad = Failure("urn:x:b", "the record has no title.")
    first = run(
        store, Script({"": page("a", token="2", failed=(bad,)), "2": SourceError("status 500.", code="status")})
    )
    second = run(store, Script({"2": page("b", "c")}))
    assert (second.state, second.added, second.failed, second.reason) == ("complete", 2, 0, "")
    assert [d.id for d in store.datasets()] == ["urn:x:a", "urn:x:b", "urn:x:c"]
    third = run(store, Script({"": page("a", "c", failed=(bad,), token="2"), "2": page("b")}))
    assert (third.state, third.added, third.changed, third.removed, third.failed) == ("complete", 0, 0, 0, 0)
    assert store.failures(first.id) == [bad]  # what was said of a run that ended stays
    fourth = run(store, Script({"": page("a", "b", "c", token="2"), "2": page(failed=(bad,))}))
    assert (fourth.state, fourth.failed, fourth.removed) == ("partial", 1, 0)


@pytest.mark.parametrize("seconds", [0, DEADLINE_MAX_S + 1])
def test_deadlines_have_a_bound(store: HarvestStore, seconds: int) -> None:
    with pytest.raises(InputError, match="a deadline of"):
        Harvester(store, lambda: NOW, "me", deadline_s=seconds)


def test_endless_paging_fails_and_its_token_is_forgotten(store: HarvestStore) -> None:
    first = run(store, Script({"": page("a", token="2"), "2": page("b", token="2")}))
    assert (first.state, first.token) == ("failed", "")
    assert first.reason.startswith("endless paging")
    source = Script({"": page("a", "b")})
    assert (run(store, source).state, source.asked) == ("complete", [""])


def test_a_run_of_a_process_that_is_gone_is_abandoned(store: HarvestStore) -> None:
    gone = store.begin("portal", "ckan", Script.address, "before", NOW)
    store.page(gone, page("a", token="2"), __import__("concordat.exchange.catalogue.harvest", fromlist=["Walk"]).Walk(
        store.snapshot("portal")).take(page("a", token="2")))  # fmt: skip
    source = Script({"2": page("b")})
    second = run(store, source)
    assert store.run(gone.id).state == "abandoned"
    assert (second.state, source.asked) == ("complete", ["2"])
    assert [d.id for d in store.datasets()] == ["urn:x:a", "urn:x:b"]


def test_two_runs_of_one_source_do_not_go_on_at_once(store: HarvestStore) -> None:
    harvester = Harvester(store, lambda: NOW, "me")
    store.begin("portal", "ckan", Script.address, "me", NOW)
    with pytest.raises(StateError, match="run 1 of portal is going on"):
        asyncio.run(harvester.run("portal", Script({"": page("a")})))


def test_many_removals_wait_and_are_accepted(store: HarvestStore) -> None:
    names = [f"{n:02}" for n in range(40)]
    run(store, Script({"": page(*names)}))
    waits = run(store, Script({"": page(*names[:20])}))
    assert (waits.state, waits.removed, waits.waiting) == ("complete", 0, 20)
    assert "wait for --accept-removals" in waits.words
    accepted = run(store, Script({"": page(*names[:20])}), accept=True)
    assert (accepted.removed, accepted.waiting, len(list(store.datasets()))) == (20, 0, 20)


def test_an_end_is_an_end(store: HarvestStore) -> None:
    done = run(store, Script({"": page("a")}))
    assert store.end(done, "failed", NOW, reason="too late").state == "complete"
    assert store.abandon("another", NOW) == 0
    with pytest.raises(InputError, match="there is no run 9"):
        store.run(9)


def test_runs_are_logged_once(tmp_path: Path) -> None:
    (home,) = found(tmp_path, ("BRA",))
    with Node(home) as node, HarvestStore(home / FILE) as store:
        running = store.begin("portal", "ckan", Script.address, "before", NOW)
        with pytest.raises(StateError, match="is going on"):
            finished_body(running, "0" * 64)
        run(store, Script({"": page("a")}))
        assert [r.id for r in log_runs(node, store)] == [1, 2]
        facts = [(f.body.outcome, f.body.added) for f in exchange_of(node.replica).all("harvest")]
        assert facts == [("abandoned", 0), ("complete", 1)]
        assert log_runs(node, store) == []
        store.logged(2, "")  # as if killed between the entry and this line
        assert [r.id for r in log_runs(node, store)] == [2]
        assert len(list(exchange_of(node.replica).all("harvest"))) == 2
        assert store.run(2).entry == next(f.entry for f in exchange_of(node.replica).all("harvest") if f.body.run == 2)


# --- Sources ------------------------------------------------------------------------------------------------------


def portal(service: Any, kind: str = "ckan", path: str = "") -> Source:
    return source_of(kind, service.url + path, Outbound((), private=True))


def test_a_portal_of_ckan_is_read_to_its_end(store: HarvestStore, local_service: Any, reply: Any) -> None:
    rows = [ckan_record(n) for n in range(1, 251)]

    def answer(asked: Any) -> Any:
        start, count = int(asked.query["start"]), int(asked.query["rows"])
        return reply(json.dumps(ckan_answer(*rows[start : start + count], count=len(rows))).encode())

    service = local_service(answer)
    found = run(store, portal(service))
    assert (found.state, found.added, found.pages) == ("complete", 250, 3)
    assert [a.query["start"] for a in service.asked] == ["0", "100", "200"]
    assert {a.path for a in service.asked} == {"/api/3/action/package_search"}
    assert run(store, portal(service)).words == "complete: 0 added, 0 changed, 0 removed, 0 failed"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html><title>Portal</title>", 200, "not an answer of CKAN: not JSON.*It begins: <html>"),
        (b'{"success": false}', 200, "success is not true"),
        (b"Gone fishing", 503, "status 503. It begins: Gone fishing"),
        (json.dumps(ckan_answer(count=5)).encode(), 200, "it says 5 records and gives none from 0 on"),
    ],
    ids=["html", "false", "status", "ends-early"],
)
def test_what_a_portal_answers_instead_is_the_reason(
    store: HarvestStore, local_service: Any, reply: Any, body: bytes, status: int, words: str
) -> None:
    found = run(store, portal(local_service(lambda _: reply(body, status=status))))
    assert found.state == "failed"
    assert __import__("re").search(words, found.reason)
    assert "127.0.0.1" in found.reason


def test_a_portal_that_repeats_its_first_page_is_told_so(store: HarvestStore, local_service: Any, reply: Any) -> None:
    rows = [ckan_record(n) for n in range(1, 101)]
    found = run(store, portal(local_service(lambda _: reply(json.dumps(ckan_answer(*rows, count=900)).encode()))))
    assert (found.state, found.added, found.pages) == ("failed", 100, 1)
    assert "endless paging" in found.reason


def test_a_dcat_feed_is_followed_on_its_own_host(store: HarvestStore, local_service: Any, reply: Any) -> None:
    pytest.importorskip("rdflib", reason="needs the extra [exchange]")
    first = catalog_turtle(a_catalog(a_dataset())).decode()
    second = first.replace("urn:uuid:ef2f17d4", "urn:uuid:00000000")

    def answer(asked: Any) -> Any:
        turtle = {"content-type": "text/turtle; charset=utf-8"}
        if asked.path == "/second.ttl":
            return reply(second.encode(), kind="text/turtle", headers={})
        host = asked.headers.get("Host") or asked.headers.get("host")
        elsewhere = "https://evil.example" if asked.path == "/evil.ttl" else f"http://{host}"
        link = f"<urn:x:c> <http://www.w3.org/ns/hydra/core#next> <{elsewhere}/second.ttl> .\n"
        return reply((first + link).encode(), kind=turtle["content-type"])

    service = local_service(answer)
    found = run(store, portal(service, "dcat", "/first.ttl"))
    assert (found.state, found.added, found.pages) == ("complete", 2, 2)
    evil = asyncio.run(Harvester(store, lambda: NOW, "me").run("evil", portal(service, "dcat", "/evil.ttl")))
    assert (evil.state, evil.added) == ("failed", 0)
    assert "another host: https://evil.example" in evil.reason


def test_inner_addresses_are_not_asked_unless_allowed(store: HarvestStore, local_service: Any, reply: Any) -> None:
    service = local_service(lambda _: reply(b"{}"))
    found = run(store, source_of("ckan", service.url, Outbound(())))
    assert found.state == "failed"
    assert "private network" in found.reason
    assert service.asked == []


def test_a_folder_of_tables_is_read_file_by_file(store: HarvestStore, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    source = CsvFolder(folder)
    assert "no table" in run(store, source).reason
    (folder / "b.csv").write_text("dataset_id,title\nd2,Rain\n", encoding="utf-8")
    (folder / "a.csv").write_text("dataset_id,title\nd1,Bees\n", encoding="utf-8")
    assert (run(store, source).added, store.runs()[-1].pages) == (2, 2)
    (folder / "b.csv").write_text("dataset_id,title\nd2,\n", encoding="utf-8")
    broken = run(store, source)
    assert (broken.state, broken.removed) == ("failed", 0)
    assert 'row 2: "d2" has no title' in broken.reason


def test_sources_are_named_by_kind_and_address() -> None:
    outbound = Outbound(())
    assert isinstance(source_of("ckan", "https://data.example.br", outbound), CkanPortal)
    assert isinstance(source_of("dcat", "https://data.example.br/c.ttl", outbound), DcatFeed)
    for kind, address, words in (
        ("oai", "https://x.example", "not a kind"),
        ("ckan", "data.example.br", "no address|not an address"),
    ):
        with pytest.raises(InputError, match=words):
            source_of(kind, address, outbound)
    assert name_of("ckan", "https://127.0.0.1:5000/") == "ckan-127.0.0.1-5000"
    with pytest.raises((InputError, TrustError)):
        source_of("ckan", "http://user:pass@data.example.br", outbound)
