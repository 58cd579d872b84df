"""The book holds only numbers that their inputs give, and `recompute` finds every number that they do not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from concordat.errors import StateError, TrustError
from concordat.evidence.aggregate import derive_bloc, derive_with_other, pick_weights
from concordat.evidence.catalogue import Catalogue
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Book, Derived, Fact, Record, parts_of, recompute, text_hash
from concordat.evidence.ranks import derive_ranks
from concordat.evidence.resolve import resolve, yearly_series

Observe = Callable[..., Observation]
FUNCTIONS = {
    "evidence.aggregate.bloc@1",
    "evidence.aggregate.with_other@1",
    "evidence.provenance.count@1",
    "evidence.ranks.interval@1",
    "evidence.resolve.chosen@1",
}


@pytest.fixture
def book(observe: Observe, below: Observe, catalogue: Catalogue) -> Book:
    """A small report: one record of every function of evidence."""
    rows = [
        observe(90.6, "CHN"), observe(78.0, "CHN", source="cia_factbook", precision=0.5), observe(84.0, "BRA"),
        below(17.0, "ETH"), observe(56.0, "IND"),
    ]  # fmt: skip
    people = {"CHN": 1.4e9, "BRA": 2e8, "IND": 1.4e9, "ETH": 1.2e8}
    rows += [observe(n, area, indicator_id="population") for area, n in people.items()]
    figures = {key[1]: c for key, c in resolve(rows, catalogue, not_after=2026).items() if key[0] != "population"}
    indicator = catalogue.indicators["internet_users_pct"]
    series = yearly_series(rows, catalogue, ["population"], not_after=2026)
    book = Book()
    bloc = derive_bloc(
        book, indicator, figures, pick_weights(indicator, figures, series, people, not_after=2026), people
    )
    derive_with_other(book, bloc, rows[1])
    derive_ranks(book, indicator, figures, sorted(people))
    book.derive("evidence.provenance.count@1", [book.fact("blocs.yaml", "", "#/blocs/0", {"value": "BRICS"})])
    return book


def derived_of(book: Book) -> list[Derived]:
    return [r for r in book if isinstance(r, Derived)]


def changed(value: Any) -> Any:
    """Another value of the same kind, as a hand that edits a file would put it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return "x" if value is None else f"{value}x"


def test_the_book_of_the_example_uses_every_function_of_evidence(book: Book) -> None:
    assert {r.function for r in derived_of(book)} == FUNCTIONS


def test_what_was_not_changed_is_computed_again_equal(book: Book) -> None:
    for record in derived_of(book):
        assert recompute(record, book.__getitem__) == record.parts


def test_a_change_of_any_part_of_any_record_is_found(book: Book) -> None:
    for record in derived_of(book):
        for name, value in record.parts.items():
            with pytest.raises(TrustError) as caught:
                recompute(replace(record, parts={**record.parts, name: changed(value)}), book.__getitem__)
            assert (caught.value.code, caught.value.where) == ("recompute", f"record {record.id}")
        for parts in ({**record.parts, "more": 1}, dict(list(record.parts.items())[1:])):
            with pytest.raises(TrustError, match="changed after it was written"):
                recompute(replace(record, parts=parts), book.__getitem__)


@pytest.mark.parametrize("size", [1e-9, -1e-9])
def test_even_the_smallest_change_is_found(book: Book, size: float) -> None:
    bloc = next(r for r in derived_of(book) if r.function == "evidence.aggregate.bloc@1")
    assert isinstance(bloc.parts["mean_upper"], float)
    with pytest.raises(TrustError):
        recompute(replace(bloc, parts={**bloc.parts, "mean_upper": bloc.parts["mean_upper"] + size}), book.__getitem__)


def test_a_changed_input_is_found(book: Book) -> None:
    chosen = next(r for r in derived_of(book) if r.function == "evidence.resolve.chosen@1")

    def lookup(record_id: str) -> Record:
        record = book[record_id]
        return replace(record, value=1.0) if isinstance(record, Observation) else record

    with pytest.raises(TrustError, match="the record says"):
        recompute(chosen, lookup)


def test_a_missing_input_is_named(book: Book) -> None:
    for record in derived_of(book):
        with pytest.raises(TrustError, match="is made from gone, which is not in the report"):
            recompute(replace(record, inputs=("gone", *record.inputs)), book.__getitem__)


def test_records_that_can_not_be_computed_at_all_are_a_breach_of_trust(book: Book) -> None:
    for record in derived_of(book):
        if record.function != "evidence.provenance.count@1":
            for broken in (replace(record, inputs=()), replace(record, parameters={})):
                with pytest.raises(TrustError):
                    recompute(broken, book.__getitem__)


@pytest.mark.parametrize("function", ["evidence.aggregate.bloc@2", "evidence.aggregate.blob@1", ""])
def test_a_version_that_this_program_has_not_says_what_to_install(book: Book, function: str) -> None:
    record = replace(derived_of(book)[0], function=function)
    with pytest.raises(StateError, match=r"Install the version of concordat named in the report's manifest\."):
        recompute(record, book.__getitem__)


# --- The book ---------------------------------------------------------------------------------------------------------


def test_records_come_in_the_order_of_first_use_each_once(observe: Observe) -> None:
    one, two = observe(1.0, "BRA"), observe(2.0, "IND")
    book = Book()
    for o in (two, one, two, copy.copy(one)):
        assert book.observe(o) == o.obs_id
    assert list(book) == [two, one]
    assert list(book.ids()) == [two.obs_id, one.obs_id]
    assert one.obs_id in book
    assert "0" * 32 not in book


def test_two_vintages_of_one_figure_can_not_stand_in_one_book(observe: Observe) -> None:
    book = Book()
    book.observe(observe(58.0, vintage_id="2020-10"))
    with pytest.raises(AssertionError, match="two vintages"):
        book.observe(observe(15.2, vintage_id="2026-03"))


def test_the_id_of_a_record_is_that_of_its_content() -> None:
    book = Book()
    facts = [("t.csv", "00", "row 2", {"value": 1}), ("t.csv", "00", "row 2", {"value": 2})]
    facts += [("u.csv", "00", "row 2", {"value": 1}), ("t.csv", "01", "row 2", {"value": 1})]
    facts += [("t.csv", "00", "row 3", {"value": 1}), ("t.csv", "00", "row 2", {"other": 1})]
    ids = [book.fact(*fact) for fact in facts]
    assert len(set(ids)) == len(facts)
    assert book.fact(*facts[0]) == ids[0]
    records = [
        book.derive("evidence.provenance.count@1", inputs, p) for inputs in (ids, ids[::-1]) for p in ({}, {"a": 1})
    ]
    assert len({r.id for r in records}) == 4
    assert book.derive("evidence.provenance.count@1", ids) is records[0]


def test_the_caller_s_parameters_can_change_afterwards_without_changing_the_record() -> None:
    book, parameters = Book(), {"a": 1}
    record = book.derive("evidence.provenance.count@1", [], parameters)
    parameters["a"] = 2
    assert record.parameters == {"a": 1}


def test_a_number_can_not_enter_without_its_inputs() -> None:
    with pytest.raises(KeyError):
        Book().derive("evidence.provenance.count@1", ["0" * 32])


def test_the_parts_of_each_kind_of_record(observe: Observe) -> None:
    o = observe(78.0, "CHN", 2023, precision=0.5, unit_mult=3)
    assert parts_of(o) == {
        "value": 78.0, "lower": None, "upper": None, "year": 2023, "precision": 0.5, "censoring": "none",
        "area": "CHN", "unit_mult": 3,
    }  # fmt: skip
    assert parts_of(Fact("i", "f", "", "row 1", {"value": 1})) == {"value": 1}
    assert parts_of(Derived("i", "f@1", (), {}, {"value": 2})) == {"value": 2}


def test_text_hash_is_sha_256() -> None:
    assert text_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4
