"""Harvesting as a pure function: what is new, changed, gone; what is not believed; what never ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concordat.errors import SourceError
from concordat.exchange.catalogue.ckan import dataset_of
from concordat.exchange.catalogue.harvest import Page, Record, Snapshot, Walk, harvest, record_of
from concordat.exchange.catalogue.model import Dataset, Failure
from exchange_catalogue_kit import ckan_record


def _record(number: int, **more: object) -> Record:
    return record_of(dataset_of(ckan_record(number, **more)))


def _held(*records: Record) -> Snapshot:
    return Snapshot({r.key: r.hash for r in records})


def test_new_changed_and_gone() -> None:
    held = _held(_record(1), _record(2), _record(3))
    changes = harvest(held, [Page((_record(1), _record(2, notes="New."))), Page((_record(4),))], 0)
    assert [r.key[-1] for r in changes.added] == ["4"]
    assert [r.key[-1] for r in changes.changed] == ["2"]
    assert [k[-1] for k in changes.removed] == ["3"]
    assert (changes.state, changes.waiting) == ("complete", ())


def test_what_changes_by_itself_is_no_change() -> None:
    touched = _record(1, metadata_modified="2026-01-01T00:00:00", tracking_summary={"total": 5}, num_tags=9)
    assert touched.hash == _record(1).hash
    assert _record(1, version="3").hash != _record(1).hash


def test_nothing_is_removed_before_every_page_was_read() -> None:
    changes = harvest(_held(_record(1), _record(2)), [Page((_record(1),), token="1")], 0)
    assert (changes.removed, changes.token) == ((), "1")


@pytest.mark.parametrize(
    ("held", "gone", "waits"),
    [(20, 10, False), (20, 11, True), (60, 12, False), (60, 13, True), (5, 5, False), (11, 11, True)],
)
def test_many_removals_wait_for_a_person(held: int, gone: int, waits: bool) -> None:
    """More than max(10, 20 %): exchange.md 4.2."""
    records = [_record(n) for n in range(1, held + 1)]
    pages = [Page(tuple(records[gone:]))]
    changes = harvest(_held(*records), pages, 0)
    assert (len(changes.waiting), len(changes.removed)) == ((gone, 0) if waits else (0, gone))
    assert len(harvest(_held(*records), pages, 0, accept_removals=True).removed) == gone


def test_a_record_that_fails_is_listed_and_is_not_gone() -> None:
    held = _held(_record(1), _record(2))
    page = Page((_record(1),), (Failure(_record(2).key, "the record has no title."),))
    changes = harvest(held, [page], 0)
    assert (changes.state, changes.removed, len(changes.failed)) == ("partial", (), 1)


def test_a_record_without_an_id_may_be_any_that_is_missing() -> None:
    held = _held(_record(1), _record(2))
    page = Page((_record(1),), (Failure("record 2", "the record has no id.", named=False),))
    assert harvest(held, [page], 0).waiting == (_record(2).key,)


def test_a_record_that_comes_twice_counts_once() -> None:
    changes = harvest(Snapshot(), [Page((_record(1), _record(2)), token="2"), Page((_record(2), _record(3)))], 0)
    assert [r.key[-1] for r in changes.added] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "pages",
    [
        [Page((_record(1),), token="a"), Page((_record(2),), token="b"), Page((_record(3),), token="a")],
        [Page((_record(1),), token="1"), Page((_record(1),), token="2")],
    ],
    ids=["token", "page"],
)
def test_a_source_that_repeats_itself_is_told_so(pages: list[Page]) -> None:
    with pytest.raises(SourceError, match="endless paging"):
        harvest(Snapshot(), pages, 0)


def test_more_than_ten_thousand_pages_are_endless() -> None:
    pages = (Page((), token=str(n)) for n in range(10_001))
    with pytest.raises(SourceError, match="endless paging: page 10,000"):
        harvest(Snapshot(), pages, 0)


def test_a_run_that_goes_on_knows_what_its_pass_saw() -> None:
    records = [_record(n) for n in (1, 2, 3)]
    walk = Walk(_held(*records), [records[0].key], ["1"])
    walk.take(Page((records[1],)))
    assert walk.finish().removed == (records[2].key,)
    with pytest.raises(SourceError, match="endless"):
        Walk(_held(*records), [records[0].key], ["1"]).take(Page((records[1],), token="1"))


def test_what_failed_on_one_page_and_can_be_read_on_another_is_taken() -> None:
    pages = [Page((), (Failure("urn:x:1", "no title"),), "2"), Page((replace(_record(1), key="urn:x:1"),))]
    found = harvest(Snapshot(), pages, 0)
    assert ([r.key for r in found.added], found.failed, found.state) == (["urn:x:1"], (), "complete")


def test_a_change_beside_an_offer_of_a_table_is_one() -> None:
    """The table keeps the name of an offer beside the model; the rest of the row counts too."""
    one = Dataset("urn:x:1", {"": "Bees"}, source_record={"offer": "bees"})
    assert record_of(one).hash != record_of(replace(one, title={"": "Wasps"})).hash
    assert record_of(one).hash != record_of(replace(one, source_record={"offer": "wasps"})).hash


def test_the_hash_of_the_changes_does_not_depend_on_their_order() -> None:
    one = harvest(_held(_record(9)), [Page((_record(1), _record(2)))], 0)
    two = harvest(_held(_record(9)), [Page((_record(2),)), Page((_record(1),))], 0)
    assert one.hash == two.hash
    assert one.hash != harvest(_held(), [Page((_record(1), _record(2)))], 0).hash


def test_a_page_that_adds_files_to_records_of_another_is_no_repetition() -> None:
    """A folder of tables: the second names the same datasets with other distributions."""
    walk = Walk(Snapshot({}))
    first, second = _record(1), replace(_record(1), hash="0" * 64)
    assert len(walk.take(Page((first,), token="b")).added) == 1
    assert not walk.take(Page((second,), token="c")).added
