"""An OAI-PMH repository harvested over HTTP on this machine: whole, what changed, busy, forgetful, endless, cut off."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lxml", reason="needs the extra [exchange]")

from concordat.errors import InputError
from concordat.node.harvest_oai import KIND, OaiRepository, Place, choice_of, wait_of
from concordat.node.harvest_sources import name_of, source_of
from concordat.node.harvest_store import FILE, HarvestStore, Run
from concordat.node.harvester import WAITS_MAX, Harvester, finished_body
from concordat.node.outbound import Outbound, Reply
from oai_kit import DAY, Held, Repository, dublin_core, wrapped

NOW = 1_800_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HarvestStore]:
    with HarvestStore(tmp_path / FILE) as opened:
        yield opened


class Served:
    """A repository on this machine, which a test may make answer otherwise; `slept` is what the harvester waited."""

    def __init__(self, local_service: Any, reply: Any, repository: Repository) -> None:
        self.repository, self.reply = repository, reply
        self.instead: list[Any] = []  # answers that come before the repository's own
        self.pages: list[Any] = []  # and those that come before its further pages
        self.service = local_service(self.answer)
        self.slept: list[float] = []
        self.clock = NOW

    def answer(self, asked: Any) -> Any:
        first = self.pages if "resumptionToken" in asked.query else self.instead
        if first:
            return first.pop(0)
        return self.reply(self.repository.answer(asked.query), kind="text/xml; charset=UTF-8")

    @property
    def lists(self) -> list[dict[str, str]]:
        """The arguments of each ListRecords."""
        return [a.query for a in self.service.asked if a.query.get("verb") == "ListRecords"]

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += int(seconds)

    def harvest(self, store: HarvestStore, choice: str = "", *, accept: bool = False, whole: bool = False) -> Run:
        address = f"{self.service.url}/oai{choice}"
        mark = "" if whole else store.mark("portal", KIND, address)
        source = source_of(KIND, address, Outbound((), private=True), mark)
        harvester = Harvester(store, lambda: self.clock, "me", sleep=self._sleep)
        return asyncio.run(harvester.run("portal", source, accept_removals=accept, whole=whole))


@pytest.fixture
def served(local_service: Any, reply: Any) -> Served:
    made = Repository()
    for n in range(5):
        made.put(f"oai:an.oa.org:{n}", f"Rain {n}", sets=("open",) if n % 2 else ())
    made.now += 50
    return Served(local_service, reply, made)


def held(store: HarvestStore) -> dict[str, str]:
    return {dataset.id: dataset.title[""] for dataset in store.datasets()}


def test_everything_is_read_then_what_changed(served: Served, store: HarvestStore) -> None:
    first = served.harvest(store)
    assert (first.state, first.added, first.pages, first.kind) == ("complete", 5, 3, "oai-pmh")
    assert [a.query["verb"] for a in served.service.asked[:2]] == ["Identify", "ListMetadataFormats"]
    assert served.lists[0] == {"verb": "ListRecords", "metadataPrefix": "oai_dc"}
    assert served.lists[1].keys() == {"verb", "resumptionToken"}
    served.repository.now += 100
    served.repository.put("oai:an.oa.org:1", "Snow 1")
    served.repository.put("oai:an.oa.org:9", "Rain 9")
    served.repository.drop("oai:an.oa.org:2")
    second = served.harvest(store)
    assert second.words == "complete: 1 added, 1 changed, 1 removed, 0 failed"
    assert served.lists[-2]["from"] == "2002-06-02T19:21:19Z"  # one second before the first answer of the first reading
    assert set(held(store)) == {f"oai:an.oa.org:{n}" for n in (0, 1, 3, 4, 9)}
    assert held(store)["oai:an.oa.org:1"] == "Snow 1"
    assert finished_body(second, "0" * 64)["kind"] == "oai-pmh"


def test_nothing_new_is_no_record_and_no_fault(served: Served, store: HarvestStore) -> None:
    served.harvest(store)
    for start in ("2002-06-02T19:21:19Z", "2002-06-02T19:22:59Z"):
        served.repository.now += 100
        again = served.harvest(store)
        assert again.words == "complete: 0 added, 0 changed, 0 removed, 0 failed"
        assert served.lists[-1]["from"] == start
    assert len(held(store)) == 5


@pytest.mark.parametrize("deletions", ["no", "transient"])
def test_where_deletions_are_not_remembered_all_is_read(deletions: str, served: Served, store: HarvestStore) -> None:
    served.repository.deletions = deletions
    served.harvest(store)
    del served.repository.items["oai:an.oa.org:3"]
    second = served.harvest(store)
    assert (second.state, second.removed) == ("complete", 1)
    assert all("from" not in query for query in served.lists)


def test_days_are_asked_for_in_days(served: Served, store: HarvestStore) -> None:
    served.repository.granularity = DAY
    served.harvest(store)
    served.repository.now += 86_400
    served.repository.put("oai:an.oa.org:1", "Snow 1")
    second = served.harvest(store)
    assert (second.changed, served.lists[-3]["from"]) == (1, "2002-06-01")  # a day before the first reading began


def test_what_failed_or_waits_is_read_again(served: Served, store: HarvestStore) -> None:
    served.repository.items["oai:an.oa.org:1"] = Held(served.repository.now, {"oai_dc": dublin_core(("date", "2024"))})
    first = served.harvest(store)
    assert (first.state, first.added, first.failed) == ("partial", 4, 1)
    served.repository.now += 100
    assert served.harvest(store).state == "partial"  # nothing touched it, and it is not forgotten
    served.repository.put("oai:an.oa.org:1", "Mended")
    for n in range(10, 50):
        served.repository.put(f"oai:an.oa.org:{n}", f"Rain {n}")
    assert served.harvest(store).state == "complete"
    served.repository.now += 100
    for n in range(10, 50):
        served.repository.drop(f"oai:an.oa.org:{n}")
    waits = served.harvest(store)
    assert (waits.removed, waits.waiting) == (0, 40)
    accepted = served.harvest(store, accept=True)
    assert (accepted.removed, len(held(store))) == (40, 5)


def test_a_set_is_a_source_of_its_own(served: Served, store: HarvestStore) -> None:
    found = served.harvest(store, "?set=open&metadataPrefix=oai_dc")
    assert (found.added, served.lists[0]["set"]) == (2, "open")
    assert re.fullmatch(r".*-open-oai-dc-[0-9a-f]{8}", name_of(KIND, found.address))
    base = "https://journals.example"
    others = (
        f"{base}/a/oai",
        f"{base}/b/oai",
        *(f"{base}/oai?set={name}" for name in ("a:b", "a-b", "a_b", "A_B", "a" * 90)),
    )
    assert len({name_of(KIND, address) for address in others}) == len(others)
    assert all(len(name_of(KIND, address)) <= 64 for address in others)


def test_a_set_is_read_whole_each_time_as_nobody_tells_what_left_it(served: Served, store: HarvestStore) -> None:
    for _ in range(2):
        served.repository.now += 1_000
        served.harvest(store, "?set=open&metadataPrefix=oai_dc")
    assert all("from" not in asked for asked in served.lists)


def test_what_another_address_removed_comes_back_by_a_whole_reading(store: HarvestStore) -> None:
    """Two addresses under one name: the mark of the first is no more, whatever the second came to."""
    for number, address in enumerate(("https://a.example/oai", "https://b.example/oai")):
        run = store.begin("one", KIND, address, "me", number)
        store._do("INSERT OR REPLACE INTO source_mark VALUES (?, ?, ?, ?)", "one", KIND, address, "oai_dc 2026")
        store.abandon("another", number)
        assert run.address == address
    assert store.mark("one", KIND, "https://a.example/oai") == ""


def test_a_busy_repository_is_waited_for(served: Served, store: HarvestStore) -> None:
    later = {"date": "Fri, 27 Nov 2026 07:00:00 GMT", "retry-after": "Fri, 27 Nov 2026 07:02:00 GMT"}
    served.instead = [
        served.reply(b"", status=503, headers={"retry-after": "20"}), served.reply(b"", status=503, headers=later),
        served.reply(b"", status=429),
    ]  # fmt: skip
    found = served.harvest(store)
    assert (found.state, found.added, found.pages) == ("complete", 5, 3)
    assert (served.slept[0], served.slept[2]) == (20, 60)
    assert len(served.slept) == 3


def test_a_repository_that_is_busy_beyond_the_deadline_is_left_for_the_next_run(
    served: Served, store: HarvestStore
) -> None:
    served.pages = [served.reply(b"", status=503, headers={"retry-after": "7200"})]
    first = served.harvest(store)
    assert (first.state, first.added, served.slept) == ("timed_out", 2, [])
    assert "may be asked again in 7,200 s. The next run goes on" in first.reason
    second = served.harvest(store)
    assert (second.state, second.added, second.reading) == ("complete", 3, first.reading)
    assert "from" not in served.lists[-1]


def test_a_reading_from_the_beginning_leaves_the_place_where_the_last_one_stopped(
    served: Served, store: HarvestStore
) -> None:
    served.harvest(store)
    served.pages = [served.reply(b"", status=503, headers={"retry-after": "7200"})]
    served.repository.put("oai:an.oa.org:8", "Rain 8")
    stopped = served.harvest(store, whole=True)
    assert stopped.state == "timed_out"
    del served.repository.items["oai:an.oa.org:3"]  # against its promise
    found = served.harvest(store, whole=True)
    assert (found.state, found.removed, found.reading) == ("complete", 1, found.id)
    assert "from" not in served.lists[-3]


def test_who_is_busy_for_ever_is_given_up(served: Served, store: HarvestStore) -> None:
    served.instead = [served.reply(b"", status=503, headers={"retry-after": "0"})] * WAITS_MAX
    found = served.harvest(store)
    assert (found.state, len(served.slept), set(served.slept)) == ("timed_out", WAITS_MAX - 1, {1})
    assert served.harvest(store).state == "complete"


def test_a_token_that_expired_fails_the_run_and_the_next_begins_anew(served: Served, store: HarvestStore) -> None:
    served.repository.forgets = True
    first = served.harvest(store)
    assert (first.state, first.added) == ("failed", 2)
    assert "it answers badResumptionToken: the value is invalid or expired" in first.reason
    asked = len(served.lists)
    served.repository.size = 9
    second = served.harvest(store)
    assert (second.state, second.added, second.removed) == ("complete", 3, 0)
    assert [sorted(query) for query in served.lists[asked:]] == [
        ["resumptionToken", "verb"], ["metadataPrefix", "verb"],
    ]  # fmt: skip


def test_a_list_that_breaks_off_removes_nothing(served: Served, store: HarvestStore) -> None:
    """`noRecordsMatch` to a token: what the rest of the list holds is not known, and not gone."""
    served.repository.deletions = "no"
    served.harvest(store)
    served.pages = [served.reply(wrapped('<error code="noRecordsMatch"/>'))]
    found = served.harvest(store)
    assert (found.state, found.removed, found.waiting, len(held(store))) == ("partial", 0, 3, 5)
    assert served.harvest(store).words == "complete: 0 added, 0 changed, 0 removed, 0 failed"


def test_a_clock_that_was_ahead_hides_no_change(served: Served, store: HarvestStore) -> None:
    right = served.repository.now
    served.repository.now += 10 * 365 * 86_400
    served.harvest(store)
    served.repository.now = right + 100
    served.repository.put("oai:an.oa.org:1", "Snow 1")
    assert served.harvest(store).changed == 1
    assert "from" not in served.lists[-3]
    served.repository.now += 100
    served.harvest(store)
    assert served.lists[-1]["from"] == "2002-06-02T19:22:59Z"  # and from then on by the right clock


def test_a_token_that_leads_elsewhere_is_no_place_to_go_on_at(served: Served, store: HarvestStore) -> None:
    """A repository that sends who shows an old token to another page: the next run begins anew."""
    moved = served.reply(b"", status=302, headers={"location": "https://r.example/"})
    served.pages = [moved, moved]
    assert served.harvest(store).state == "failed"
    found = served.harvest(store)
    assert (found.state, len(held(store))) == ("complete", 5)


def test_a_repository_that_repeats_a_token_never_ends_and_is_told_so(served: Served, store: HarvestStore) -> None:
    same = "<resumptionToken>again</resumptionToken>"

    def page(n: int) -> Any:
        header = f"<identifier>oai:an.oa.org:{n}</identifier><datestamp>2002-06-02</datestamp>"
        metadata = f"<metadata>{dublin_core(('title', str(n)))}</metadata>"
        return served.reply(wrapped(f"<record><header>{header}</header>{metadata}</record>{same}"))

    identity = [served.reply(served.repository.answer({"verb": v})) for v in ("Identify", "ListMetadataFormats")]
    served.instead, served.pages = [*identity, page(0)], [page(1), page(2)]
    found = served.harvest(store)
    assert (found.state, found.added, found.token) == ("failed", 1, "")
    assert "endless paging" in found.reason


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html>Portal</html>", 200, "no answer of OAI-PMH 2.0: the document is a html"),
        (b"gone fishing", 500, "status 500. It begins: gone fishing"),
        (b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>', 200, "XML refused: DOCTYPE"),
        (b" " * 20_000_001, 200, "an answer of over 20,000,000 bytes"),
    ],
    ids=["html", "status", "entities", "size"],
)
def test_what_comes_instead_is_the_reason(
    served: Served, store: HarvestStore, body: bytes, status: int, words: str
) -> None:
    served.instead = [served.reply(body, status=status)]
    found = served.harvest(store)
    assert (found.state, found.added) == ("failed", 0)
    assert words in found.reason


def test_a_change_of_format_reads_everything(served: Served, store: HarvestStore) -> None:
    served.harvest(store)
    source = OaiRepository(f"{served.service.url}/oai", Outbound((served.service.url,), private=True), "dcat 2002")
    assert asyncio.run(source.page("")).since is False


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://r.example/oai?verb=Identify", '"verb" is nothing'),
        ("https://r.example/oai?set=a&set=b", "set=a&set=b"),
        ("https://r.example/oai#top", '"top" is nothing'),
        ("https://r.example/oai?metadataPrefix=marc21", '"marc21" are not read'),
        ("https://[r.example/oai", "is not an address"),
    ],
    ids=["verb", "twice", "fragment", "format", "bracket"],
)
def test_addresses_choose_a_set_and_a_format_and_nothing_else(address: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        source_of(KIND, address, Outbound(()))
    assert words in str(caught.value)


def test_no_address_has_no_name() -> None:
    for kind in ("ckan", "dcat", KIND):
        with pytest.raises(InputError, match="is not an address"):
            name_of(kind, "https://[r.example/oai")


def test_choices_places_and_waits() -> None:
    assert choice_of("https://r.example/oai") == ("https://r.example/oai", {})
    place = Place("0/200/ä", "oai_dc", "2026-01-01", "2026-02-01T00:00:00Z")
    assert Place.of(place.text()) == place
    for said, wait in (("", 60), ("7", 7), ("soon", 60), ("Fri, 27 Nov 2026 07:02:00 GMT", 60)):
        assert wait_of(Reply(503, b"", {"retry-after": said})) == wait
