"""Pages of a catalogue: nothing twice, nothing left out, and none larger than another node reads."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

import exchange_pair as pair
from concordat.errors import InputError
from concordat.exchange.catalogue.dsp_catalog import dsp_dataset
from concordat.exchange.catalogue.offer import HeldFile, Offer, dataset_of
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.schemas import MESSAGE_BYTES_MAX, NODES_MAX, parse
from concordat.node import exchange
from concordat.node.exchange_pages import BYTES_MAX, MOST, PARTS_MAX, Size, check_fits, pages, size_of
from exchange_live import OFFER

SIZES = st.builds(
    Size,
    st.integers(1, BYTES_MAX + 5) | st.integers(1, 500),
    st.integers(1, PARTS_MAX + 5) | st.integers(1, 100),
)


@given(st.lists(SIZES, max_size=350))
def test_every_dataset_stands_on_one_page_within_the_bounds(sizes: list[Size]) -> None:
    found = list(pages(sizes))
    assert [place for page in found for place in page] == list(range(len(sizes)))

    def fits(places: range) -> bool:
        held = [sizes[place] for place in places]
        return sum(s.bytes for s in held) <= BYTES_MAX and sum(s.parts for s in held) <= PARTS_MAX

    for page in found:
        assert len(page) <= MOST
        assert len(page) == 1 or fits(page)
    for page, following in pairwise(found):  # no page ends early
        assert len(page) == MOST or not fits(range(page.start, following.start + 1))


@pytest.mark.parametrize(
    ("count", "lengths"), [(0, [0]), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
)
def test_pages_of_small_datasets_are_of_a_hundred(count: int, lengths: list[int]) -> None:
    assert [len(page) for page in pages([Size(1_000, 50)] * count)] == lengths


def shown(number: int, files: int, words: int, languages: int = 1) -> dict[str, Any]:
    """A dataset as catalogues show it."""
    offer = Offer.load(OFFER)
    parts = [offer.files[0].model_copy(update={"path": f"f{place}.csv"}) for place in range(files)]
    texts = {f"{a}{b}": "x" * words for a in "abcdef" for b in "abcdef"}
    description = dict(list(texts.items())[:languages])
    offer = offer.model_copy(update={"id": f"d{number}", "files": parts, "description": description})
    held = [HeldFile(10, hashlib.sha256(f"{number} {place}".encode()).hexdigest()) for place in range(files)]
    dataset = dataset_of(offer.document(held, 1), bloc="BRICS", base="https://bra.example", entry="0" * 64)
    return {key: value for key, value in dsp_dataset(dataset).items() if key != "@context"}


@pytest.mark.parametrize(("files", "words"), [(8, 50), (1, 9_900)], ids=["parts", "bytes"])
def test_another_node_reads_every_page(tmp_path: Path, files: int, words: int) -> None:
    """A hundred datasets of eight files have over 20,000 parts, and with long texts over a million bytes."""
    made = [shown(number, files, words) for number in range(MOST)]
    held = [replace(pair.offered(), uuid=dataset["@id"], shown=dataset) for dataset in made]
    world = pair.World([pair.Station("BRA", tmp_path, pair.Shelf(*held)), pair.Station("ZAF", tmp_path, pair.Shelf())])
    request = messages.encode({"@context": [messages.CONTEXT], "@type": "CatalogRequestMessage"})
    found, page = [], 1
    while True:
        url = f"{pair.BASES['BRA']}/dsp/2025-1/catalog/request"
        call = replace(world.stations["ZAF"].call("POST", url, request, world.now), query={"page": str(page)})
        answer = world.stations["BRA"].engine.handle(call, world.now)
        found += [dataset["@id"] for dataset in parse(answer.body, "Catalog")["dataset"]]
        if 'rel="next"' not in answer.headers["link"]:
            break
        page += 1
    assert page > 1
    assert found == [dataset["@id"] for dataset in made]


def test_a_dataset_that_no_node_would_read_is_refused_by_name() -> None:
    check_fits(shown(1, 256, 50), where="d1")
    with pytest.raises(InputError, match="fewer files, languages and words"):
        check_fits(shown(1, 1, 30_000, languages=32), where="d1")
    with pytest.raises(InputError, match="parts"):
        check_fits({"keyword": ["a"] * PARTS_MAX}, where="d1")


def test_what_the_check_lets_through_fits_when_it_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a node the check takes what it can't know as long as it can be: a little more, never less."""
    sizes: list[int] = []
    monkeypatch.setattr(exchange, "check_fits", lambda shown, **_: sizes.append(size_of(shown).bytes))
    offer = Offer.load(OFFER)
    for count in (1, 60, 256):
        parts = [offer.files[0].model_copy(update={"path": f"f{place}.csv"}) for place in range(count)]
        wanted = offer.model_copy(update={"files": parts})
        exchange.check_size(wanted)
        held = [HeldFile(10, hashlib.sha256(f"{place}".encode()).hexdigest()) for place in range(count)]
        dataset = dataset_of(wanted.document(held, 1), bloc="BRICS", base="https://bra.example", service="urn:uuid:"
                             + "0" * 36, entry="0" * 64)  # fmt: skip
        real = size_of({k: v for k, v in dsp_dataset(dataset).items() if k != "@context"}).bytes
        assert real <= sizes[-1] <= real + 400 + 32 * count


def test_a_page_is_well_below_what_a_node_reads() -> None:
    assert BYTES_MAX + 100_000 < MESSAGE_BYTES_MAX
    assert PARTS_MAX + 1_000 < NODES_MAX
