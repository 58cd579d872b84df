"""The record behind the chapter on rules: the same assessment from rows alone, what a study keeps, what stays out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import yaml

from concordat.errors import InputError
from concordat.evidence.provenance import Book, recompute
from concordat.rulebook import record as made
from concordat.rulebook.assessment import assessment
from concordat.rulebook.catalogue import load_catalogue, row_of
from concordat.rulebook.taxonomy import DATA
from concordat.world import countries
from rulebook_build import coding, instrument, store_of

ON = date(2026, 11, 1)
BOTH = instrument("deal", "BRA, CHN") + instrument("pledge", "BRA, CHN, IND", binding="soft", topics="AI")
OPEN = instrument("club", "BRA", complete=False)
TEXTS = {"deal": [("1", "Data flows."), ("2", "Source code.")]}
DIGITS = 1e-8  # parts are rounded to nine significant digits


def rows(text: str) -> list[dict[str, Any]]:
    return [dict(r) for r in yaml.safe_load("instruments:\n" + text)["instruments"]]


def parts(text: str, *, members: str = "BRA CHN IND", codings: dict[str, Any] | None = None) -> dict[str, Any]:
    given = dict(sorted((codings or {}).items()))
    inputs = [{"row": r} for r in rows(text)] + [{"codings": some} for some in given.values()]
    said = {"members": members.split(), "on": ON.isoformat(), "seed": 1, "first_year": 2009, "draws": 100}
    return made.section(inputs, said | {"coded": list(given)})


def test_pairs_are_counted_as_by_hand() -> None:
    found = parts(BOTH + OPEN)
    assert (found["pairs"], found["pairs_binding"], found["pairs_soft"], found["pairs_none"]) == (3, 1, 2, 0)
    assert (found["binding_BRA_CHN"], found["soft_BRA_CHN"], found["unknown_BRA_CHN"]) == (1, 1, 1)
    assert (found["binding_CHN_IND"], found["soft_CHN_IND"], found["unknown_CHN_IND"]) == (
        0,
        1,
        0,
    )  # neither is on a list
    assert (found["between_deal"], found["members_deal"]) == (1, 2)
    assert (found["between_pledge"], found["members_pledge"], found["shared_soft"]) == (3, 3, 1)
    assert found["topic_DF_BRA"] == found["topic_DF_CHN"] == 1
    assert found["topic_DF_IND"] == found["topic_AI_BRA"] == 0
    assert (found["year_2009_pairs"], found["year_2026_pairs"]) == (0, pytest.approx(100 / 3))
    assert (found["instruments"], found["in_force"], found["incomplete"], found["coded"]) == (3, 2, 1, 0)
    assert found["depth"] is None


def test_codings_of_texts_between_others_are_not_counted() -> None:
    row = ["1", "DF-FLOW", 2, "", 0.9, "model", "shipped"]
    codings = {name: [[f"{name}/1", *row[1:]]] for name in ("deal", "far")}
    found = parts(BOTH + instrument("far", "FRA, DEU"), codings=codings)
    assert (found["coded"], found["codings"]) == (1, 1)


def test_what_one_member_alone_joined_is_no_candidate_for_the_others() -> None:
    found = parts(instrument("bilateral", "CHN, KOR") + instrument("plural", "BRA, CHN"))
    assert [name for name in found if name.startswith("joining_")] == ["joining_plural_IND"]
    assert found["joining_plural_IND"] == 2


def test_rows_give_the_assessment_that_a_store_gives() -> None:
    with store_of(BOTH + OPEN, TEXTS) as store:
        store.add_codings([coding("deal/1", "DF-FLOW"), coding("deal/2", "SC-CODE", 1, probability=0.7)])
        wanted = assessment(store, ["BRA", "CHN", "IND"], ON, 1, first_year=2009, draws=100)
        kept = made.own(store)
    found = parts(BOTH + OPEN, codings={name: list(some) for name, some in (kept.codings or {}).items()})
    assert found["depth_BRA_CHN"] == pytest.approx(wanted.matrix[0].depth.value, abs=DIGITS)
    assert found["depth_BRA_CHN_upper"] == pytest.approx(wanted.matrix[0].depth.high, abs=DIGITS)
    assert (found["codings"], found["by_hand"], found["with_text"]) == (2, 0, 1)


def test_a_row_of_an_instrument_reads_as_the_same_instrument() -> None:
    known = load_catalogue()
    again = made.held_of([row_of(i, known.participations[i.id]) for i in known.instruments.values()], {})
    assert {i.id: i for i in again.instruments} == known.instruments
    assert again.participations == known.participations


def test_a_coding_row_keeps_what_the_figures_need() -> None:
    with store_of(BOTH, TEXTS) as store:
        store.add_codings([coding("deal/1", "DF-FLOW", flags={"exceptions": False, "transition": True})])
        (row,) = (made.own(store).codings or {})["deal"]
    assert row == ["deal/1", "DF-FLOW", 2, "-exceptions transition", 0.9, "model", "shipped"]
    assert made.coding_of(row).flags == {"exceptions": False, "transition": True}


def test_codings_whose_licence_forbids_it_stay_out_unless_asked_for() -> None:
    with store_of(BOTH, TEXTS) as store:
        free, bound = coding("deal/1", "DF-FLOW"), replace(coding("deal/2", "SC-CODE"), licence="CC BY-NC 4.0")
        store.add_codings([free, bound])
        out, inside = made.own(store), made.own(store, internal=True)
    assert ([len(some) for some in (out.codings or {}).values()], out.left_out) == ([1], 1)
    assert ([len(some) for some in (inside.codings or {}).values()], inside.left_out) == ([2], 0)


def test_instruments_of_ones_own_are_kept_and_packaged_ones_are_not() -> None:
    with store_of(BOTH) as store:
        store.put_catalogue(load_catalogue())
        kept = {row["id"] for row in made.own(store).instruments}
    assert kept == {"deal", "pledge"}


def test_what_ones_own_instruments_do_to_known_ones_is_kept() -> None:
    more = "    relations: [{kind: replaces, to: deal, source: its last article}, {kind: amends, to: nobodys}]"
    with store_of(BOTH + instrument("nobodys") + instrument("newer", "BRA, CHN", more=more)) as store:
        kept = made.own(store).instruments
    assert [r.to_id for r in made.relations_of(kept)] == ["deal"]  # of the other the study has no row
    assert made.relations_of(kept)[0].source == "its last article"
    assert {i.id for i in made.held_of(kept, {}).instruments} == {"deal", "newer", "pledge"}


def test_codings_of_an_unknown_instrument_are_refused() -> None:
    with pytest.raises(InputError, match="codings of depa, which is no instrument of the study"):
        parts(BOTH, codings={"depa": [["depa/1", "DF-FLOW", 2, "", 0.9, "model", "shipped"]]})


def test_of_a_large_bloc_only_the_pair_with_most_stands_alone() -> None:
    members = " ".join(sorted(c.iso3 for c in countries())[:65])  # 2,080 pairs
    assert "CHN" in members.split()
    found = parts(instrument("deal", "BRA, CHN"), members=members)
    assert [name for name in found if name.startswith("binding_")] == ["binding_BRA_CHN"]


def test_the_record_is_computed_again_from_its_facts() -> None:
    book = Book()
    packaged = yaml.safe_load((DATA / "instruments.yaml").read_text(encoding="utf-8"))["instruments"]
    ids = [book.fact("f", "0" * 64, f"#/instruments/{n}", {"row": row}) for n, row in enumerate(packaged)]
    said = {"members": ["BRA", "CHN"], "on": "2026-11-01", "seed": 1, "first_year": 2020, "draws": 100, "coded": []}
    record = book.derive("rulebook.record.section@1", ids, said)
    assert recompute(record, book.__getitem__) == record.parts
