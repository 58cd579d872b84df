"""The Factbook is loaded once and found afterwards; a release of it alone can be made again on any machine.

The tests run on a copy of two small invented files, which goes the same way as the package.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from concordat import clock
from concordat.errors import InputError, StateError, TrustError
from concordat.evidence import embedded
from concordat.evidence.catalogue import Catalogue
from concordat.evidence.embedded import ensure_embedded, latest_vintages, rebuild_release
from concordat.evidence.observation import Observation
from concordat.evidence.sources import factbook
from concordat.evidence.store import Store, Vintage, VintageMeta, open_store
from concordat.evidence.trace import trace

BLOCS = "b" * 64


def _country(internet: str) -> bytes:
    return json.dumps({"Communications": {"Internet users": {"percent of population": {"text": internet}}}}).encode()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a Factbook of two countries."""
    for path, text in (("africa/et.json", "17% (2021 est.)"), ("south-america/br.json", "84% (2023 est.)")):
        file = tmp_path / "factbook" / path
        file.parent.mkdir(parents=True)
        file.write_bytes(_country(text))
    return tmp_path / "factbook"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """A store on another machine."""
    with open_store(tmp_path / "other") as opened:
        yield opened


def _internet(store: Store, vintage: Vintage) -> dict[str, Observation]:
    return {
        o.area: o for o in store.observations(vintage) if o.indicator_id == "internet_users_pct" and not o.breakdown
    }


# --- Loaded once ---


def test_bytes_rows_and_retrievals_are_stored_and_each_row_leads_to_its_text(
    store: Store, catalogue: Catalogue, copy: Path
) -> None:
    vintage = ensure_embedded(store, catalogue, copy)
    rows = _internet(store, vintage)
    assert {area: (o.value, o.year) for area, o in rows.items()} == {"ETH": (17.0, 2021), "BRA": (84.0, 2023)}
    assert [store.raw.get(sha256) for sha256 in vintage.raw] == [
        _country("17% (2021 est.)"),
        _country("84% (2023 est.)"),
    ]
    steps = dict(trace(rows["ETH"].obs_id, store).steps)
    assert steps["text"] == "17% (2021 est.)"
    assert "FILE copy in a folder: africa/et.json" in steps["retrieved"]


def test_a_second_run_parses_nothing_and_says_nothing(
    store: Store, catalogue: Catalogue, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    first = ensure_embedded(store, catalogue, copy, said.append)
    assert said == [f"Loading The World Factbook (2 files) into {store.data_dir}."]
    monkeypatch.setattr(factbook, "parse_edition", lambda *_: pytest.fail("parsed again"))
    assert ensure_embedded(store, catalogue, copy, said.append) == first
    assert len(said) == 1


def test_changed_bytes_are_another_vintage_beside_the_first(store: Store, catalogue: Catalogue, copy: Path) -> None:
    first = ensure_embedded(store, catalogue, copy)
    (copy / "africa" / "et.json").write_bytes(_country("19% (2022 est.)"))
    second = ensure_embedded(store, catalogue, copy)
    assert second.id != first.id
    assert _internet(store, first)["ETH"].value == 17.0
    assert _internet(store, second)["ETH"].value == 19.0


def test_a_catalogue_that_asks_for_something_else_is_another_vintage(
    store: Store, catalogue: Catalogue, copy: Path
) -> None:
    indicators = dict(catalogue.indicators)
    del indicators["internet_users_pct"]
    first = ensure_embedded(store, catalogue, copy)
    assert ensure_embedded(store, replace(catalogue, indicators=indicators), copy).id != first.id


def test_a_deleted_table_is_made_again_from_the_bytes_with_the_same_days(
    store: Store, catalogue: Catalogue, copy: Path
) -> None:
    first = ensure_embedded(store, catalogue, copy)
    rows = store.observations(first)
    store.path(first).unlink()
    with clock.fixed("2031-05-05"):
        again = ensure_embedded(store, catalogue, copy)
        assert again == first
        assert store.observations(again) == rows
    assert rows[0].known_from == date(2026, 11, 22)


def test_a_load_cut_short_is_loaded_by_the_next_run(
    store: Store, catalogue: Catalogue, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "write_vintage", interrupted, raising=False)
    with pytest.raises(KeyboardInterrupt):
        ensure_embedded(store, catalogue, copy)
    monkeypatch.undo()
    assert store.vintages() == []
    assert set(_internet(store, ensure_embedded(store, catalogue, copy))) == {"BRA", "ETH"}


def test_another_process_that_was_quicker_is_believed(
    store: Store, catalogue: Catalogue, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = embedded._found, []

    def slow(*arguments: object) -> Vintage | None:
        asked.append(arguments)
        if len(asked) == 1:  # not there when we look; there when we hold the lock
            with open_store(store.data_dir) as quicker, monkeypatch.context() as patch:
                patch.setattr(embedded, "_found", real)
                ensure_embedded(quicker, catalogue, copy)
            return None
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(embedded, "_found", slow)
    found = ensure_embedded(store, catalogue, copy, lambda _: pytest.fail("loaded twice"))
    assert store.vintages() == [found]


def test_a_folder_without_a_factbook_says_what_it_should_hold(
    store: Store, catalogue: Catalogue, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"holds no Factbook\. Give a folder with files such as africa/et\.json"):
        ensure_embedded(store, catalogue, tmp_path / "nothing")


# --- The newest of everything ---


def _other_dataset(vintage: Vintage, vintage_id: str, known_from: date) -> VintageMeta:
    columns = {name: getattr(vintage, name) for name in VintageMeta.__slots__}
    return VintageMeta(**columns | {"id": vintage_id, "dataset_id": "other", "known_from": known_from})


def test_the_newest_vintage_of_each_dataset_and_the_factbook_in_use(
    store: Store, catalogue: Catalogue, copy: Path
) -> None:
    used = ensure_embedded(store, catalogue, copy)
    for vintage_id, known_from in (("b", date(2026, 3, 1)), ("a", date(2026, 4, 1)), ("c", date(2020, 1, 1))):
        store.write_vintage(_other_dataset(used, vintage_id, known_from), [])
    with clock.fixed("2027-01-01"):
        (copy / "africa" / "et.json").write_bytes(_country("19% (2022 est.)"))
        ensure_embedded(store, catalogue, copy)
    (copy / "africa" / "et.json").write_bytes(_country("17% (2021 est.)"))
    assert [v.ref for v in latest_vintages(store, catalogue, copy)] == [used.ref, "other/a"]


# --- Releases made again ---


def test_a_release_of_the_factbook_alone_is_made_again_on_another_machine_and_day(
    store: Store, other: Store, catalogue: Catalogue, copy: Path
) -> None:
    made = store.make_release(None, [ensure_embedded(store, catalogue, copy)], catalogue.hash, BLOCS)
    with clock.fixed("2029-01-01"):
        again = rebuild_release(other, made.name, catalogue, BLOCS, factbook_path=copy)
    assert again.as_dict() == made.as_dict()
    assert other.release(made.name).hash == made.hash


def test_a_release_that_is_here_is_found(store: Store, catalogue: Catalogue, copy: Path) -> None:
    made = store.make_release("2026-11", [ensure_embedded(store, catalogue, copy)], catalogue.hash, BLOCS)
    assert rebuild_release(store, "2026-11", catalogue, BLOCS, factbook_path=copy) == made


@pytest.mark.parametrize("named", [True, False], ids=["the report names its vintages", "the report names none"])
def test_another_release_says_which_vintages_are_missing(
    store: Store, other: Store, catalogue: Catalogue, copy: Path, named: bool
) -> None:
    factbook_vintage = ensure_embedded(store, catalogue, copy)
    second = store.write_vintage(_other_dataset(factbook_vintage, "v1", date(2026, 1, 1)), [])
    made = store.make_release("2026-11", [factbook_vintage, second], catalogue.hash, BLOCS)
    with pytest.raises(StateError) as caught:
        rebuild_release(other, made.name, catalogue, BLOCS, vintages=made.vintages if named else (), factbook_path=copy)
    missing = f"other/v1 (rows {second.logical_hash[:12]})" if named else "those of 2026-11"
    assert f"the release 2026-11 needs vintages that are not here: {missing}." in str(caught.value)
    assert caught.value.code == "missing_vintages"


def test_another_text_of_the_factbook_does_not_pass_for_the_release(
    store: Store, other: Store, catalogue: Catalogue, copy: Path
) -> None:
    vintage = ensure_embedded(store, catalogue, copy)
    made = store.make_release(None, [vintage], catalogue.hash, BLOCS)
    (copy / "africa" / "et.json").write_bytes(_country("19% (2022 est.)"))
    with pytest.raises(StateError, match=rf"not here: {vintage.ref} \(rows {vintage.logical_hash[:12]}\)"):
        rebuild_release(other, made.name, catalogue, BLOCS, vintages=made.vintages, factbook_path=copy)


@pytest.mark.parametrize("which", ["the indicator catalogue", "the bloc table"])
def test_a_release_made_with_other_tables_is_refused_by_name(
    store: Store, catalogue: Catalogue, copy: Path, which: str
) -> None:
    store.make_release("2026-11", [ensure_embedded(store, catalogue, copy)], catalogue.hash, BLOCS)
    changed = replace(catalogue, hash="d" * 64) if which == "the indicator catalogue" else catalogue
    blocs = "d" * 64 if which == "the bloc table" else BLOCS
    with pytest.raises(TrustError, match=f"the release 2026-11 was made with {which}"):
        rebuild_release(store, "2026-11", changed, blocs, factbook_path=copy)


def test_a_release_of_other_tables_that_is_not_here_says_what_differs(
    store: Store, other: Store, catalogue: Catalogue, copy: Path
) -> None:
    made = store.make_release(None, [ensure_embedded(store, catalogue, copy)], catalogue.hash, BLOCS)
    with pytest.raises(StateError, match="all its vintages are here, but with another catalogue or bloc table"):
        rebuild_release(other, made.name, catalogue, "d" * 64, vintages=made.vintages, factbook_path=copy)


def test_the_rows_do_not_depend_on_the_store(
    store: Store, other: Store, catalogue: Catalogue, copy: Path, observe: Callable[..., Observation]
) -> None:
    other.write_vintage(
        _other_dataset(ensure_embedded(store, catalogue, copy), "v1", date(2026, 1, 1)),
        [observe(50.0, source="cia_factbook", dataset_id="other", vintage_id="v1")],
    )
    here, there = (s.observations(ensure_embedded(s, catalogue, copy)) for s in (store, other))
    assert here == there
