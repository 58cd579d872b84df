"""Whatever happens to an OAI-PMH repository, and whatever is forgotten on the way, what is held is what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

pytest.importorskip("lxml", reason="needs the extra [exchange]")

from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.node.harvest_oai import KIND, OaiRepository
from concordat.node.harvest_store import FILE, HarvestStore
from concordat.node.harvester import Harvester
from concordat.node.outbound import Reply
from oai_kit import DAY, SECOND, Repository

ADDRESS = "https://r.example/oai"
NAMES = tuple(f"oai:r.example:{n}" for n in range(8))
STEPS = st.tuples(st.sampled_from(("put", "put", "drop")), st.sampled_from(NAMES), st.integers(0, 3))
NIGHT = 60 * 60 * 24


class Wire:
    """The way out, to a repository in this process; before each further page one more step befalls it."""

    def __init__(self, repository: Repository, meanwhile: list[Any]) -> None:
        self.repository, self.meanwhile = repository, meanwhile

    async def request(self, _method: str, url: str, **_more: Any) -> Reply:
        query = dict(parse_qsl(urlsplit(url).query))
        if "resumptionToken" in query and self.meanwhile:
            befall(self.repository, [self.meanwhile.pop()])
        return Reply(200, self.repository.answer(query))


def befall(repository: Repository, steps: list[Any]) -> None:
    for what, name, title in steps:
        if what == "put":
            repository.put(name, f"title {title}")
        else:
            repository.drop(name)
        repository.now += 7


@settings(max_examples=25)
@given(
    rounds=st.lists(st.tuples(st.lists(STEPS, max_size=8), st.lists(STEPS, max_size=2)), min_size=1, max_size=4),
    deletions=st.sampled_from(("no", "transient", "persistent")),
    granularity=st.sampled_from((DAY, SECOND)),
    size=st.integers(3, 4),  # a page that is touched whole while it is read looks like one that repeats
)
def test_what_is_held_is_what_the_repository_holds(
    rounds: list[tuple[list[Any], list[Any]]], deletions: str, granularity: str, size: int
) -> None:
    repository = Repository(size=size, deletions=deletions, granularity=granularity)
    with TemporaryDirectory() as folder, HarvestStore(Path(folder) / FILE) as store:
        for steps, meanwhile in rounds:
            befall(repository, steps)
            harvested(store, Wire(repository, list(meanwhile)))
        repository.now += 2 * NIGHT
        harvested(store, Wire(repository, []))
        held: Mapping[str, str] = {one.id: one.title[""] for one in store.datasets()}
        assert held == {name: xml.split("title>")[1].split("<")[0] for name, xml in repository.live.items()}


def harvested(store: HarvestStore, wire: Wire) -> None:
    mark = store.mark("r", KIND, ADDRESS)
    source = OaiRepository(ADDRESS, wire, mark)  # type: ignore[arg-type]
    run = asyncio.run(Harvester(store, lambda: 1_800_000_000, "me").run("r", source, accept_removals=True))
    assert run.state == "complete", run.reason
