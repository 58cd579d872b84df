"""The part on provisions in force: its counts, the words for what has no size, and where it stands in the chapter."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from concordat import clock
from concordat.errors import StateError
from concordat.evidence.provenance import Book, recompute
from concordat.evidence.store import open_store
from concordat.impact.provision_map import load_map
from concordat.impact.provisions_record import Line
from concordat.report import impact_provisions
from concordat.report.build import gather
from concordat.report.chapter import Block, Chapter, Code, Missing, Note, Num, Paragraph, Runs, Table, nums_in
from concordat.report.impact_scenarios import write
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.messages import Messages
from concordat.report.study import LANGUAGES, Study, read_study, study_for_bloc, study_for_countries
from concordat.rulebook.taxonomy import load_taxonomy
from concordat.settings import Settings

ON = "2026-11-22"
# CHN and IDN are parties to RCEP, all three to the copyright treaties; the numbers of articles are the user's own.
CODED = """\
schema: concordat/study@1
countries: [CHN, IDN, IND]
date: 2026-11-22
rules:
  first_year: 2015
  draws: 200
  codings:
    rcep:
    - [rcep/12.11, EC-DUTY, 2, '', 0.97, model, shipped]
    - [rcep/12.6, EC-AUTH, 2, '', 0.92, human, an officer]
    - [rcep/12.7, EC-NDDP, 2, '', 0.92, human, an officer]
    - [rcep/12.14, DF-LOCA, 2, exceptions, 0.92, human, an officer]
    - [rcep/12.15, DF-FLOW, 2, exceptions, 0.92, human, an officer]
    - [rcep/12.5, EC-PAPL, 1, '', 0.9, model, shipped]
    wct: [[wct/11, IP-TPMS, 2, '', 0.9, model, shipped]]
"""


@pytest.fixture(scope="module")
def made(evidence_dir: Path) -> Callable[[Study], Inputs]:
    def make(study: Study) -> Inputs:
        book = Book()
        with clock.fixed(ON), open_store(evidence_dir) as store:
            return gather(study, who_is_in(study, book), Settings(evidence_dir), store, book)

    return make


@pytest.fixture(scope="module")
def coded(made: Callable[[Study], Inputs]) -> Inputs:
    return made(read_study(CODED))


def written(inputs: Inputs) -> Chapter:
    found = write(inputs, None)
    assert isinstance(found, Chapter)
    return found


def text(runs: Runs) -> str:
    said = (r if isinstance(r, str) else r.value if isinstance(r, Num) else getattr(r, "text", "") for r in runs)
    return "".join(map(str, said))


def table(blocks: Sequence[Block], table_id: str = "provisions") -> dict[str, dict[str, Any]]:
    shown = next(b for b in blocks if isinstance(b, Table) and b.id == table_id)
    return {r.id: dict(zip((c.id for c in shown.columns), r.cells, strict=True)) for r in shown.rows}


def numbers(blocks: Sequence[Block]) -> Iterator[Num]:
    for block in blocks:
        if isinstance(block, Table):
            yield from (n for row in block.rows for cell in row.cells for n in cell.nums())
            yield from (n for note in block.notes for n in nums_in(note))
        elif isinstance(block, Paragraph | Note):
            yield from nums_in(block.runs)


def test_rules_are_counted_and_an_effect_that_is_not_known_is_words(coded: Inputs) -> None:
    found = written(coded)
    shown = table(found.blocks)
    assert {name: cells["pairs"].main.value for name, cells in shown.items()} == {
        "agreements": 1, "chapters": 1, "EC-DUTY.binding": 1, "EC-AUTH.binding": 1, "EC-NDDP.binding": 1,
        "DF-LOCA.binding": 1, "DF-FLOW.binding": 1, "EC-PAPL.soft": 1, "IP-TPMS.binding": 3,
    }  # fmt: skip
    effects = {name: cells["effect"].text for name, cells in shown.items()}
    assert effects["agreements"] == "quantified by rta_effect_goods"
    assert "digital_chapter_multiplier" in effects["chapters"]
    assert effects["DF-FLOW.binding"].startswith("quoted: data_flow_regimes")
    assert effects["EC-DUTY.binding"] == "no quantified effect; it would need tariffs by sector"
    assert effects["IP-TPMS.binding"] == effects["EC-PAPL.soft"] == "no quantified effect"
    assert all(cells["effect"].main is None for cells in shown.values())
    paragraph = next(b for b in found.blocks if isinstance(b, Paragraph))
    assert [n.value for n in nums_in(paragraph.runs)] == [9, 3, 0, 2, 7, 1, 3, 5, 1, 0]
    assert "China – Indonesia" in text(paragraph.runs)
    notes = " ".join(text(n) for b in found.blocks if isinstance(b, Table) for n in b.notes)
    assert "5 or more binding codes" in notes
    assert "threshold is ours" in notes
    assert "grade D" in notes


def test_every_number_is_a_part_of_one_record_that_computes_again(coded: Inputs) -> None:
    seen = list(numbers(written(coded).blocks))
    (record_id,) = {n.id for n in seen}
    record = coded.book[record_id]
    parts: Any = recompute(record, coded.book.__getitem__)  # type: ignore[arg-type]
    assert len(seen) > 15
    assert all(n.value == parts[n.part] for n in seen)


def test_without_a_scenario_the_chapter_says_what_it_needs_first(made: Callable[[Study], Inputs]) -> None:
    found = written(made(study_for_bloc("BRICS", on=ON)))
    first = found.blocks[0]
    assert isinstance(first, Note)
    assert text(first.runs).startswith("not computed: needs a scenario")
    assert Code("concordat assess BRICS --scenario FILE") in first.runs
    assert "no provision can be counted" in text(found.blocks[1].runs)  # type: ignore[union-attr]
    assert "Their provisions are not counted" in text(found.blocks[-1].runs)  # type: ignore[union-attr]
    assert set(table(found.blocks)) == {"agreements"}
    assert found.headlines == ()


def test_members_without_an_agreement_have_no_table(made: Callable[[Study], Inputs]) -> None:
    found = written(made(study_for_countries(["ETH", "IRN"], on=ON)))
    assert not any(isinstance(b, Table) for b in found.blocks)
    assert "knows none in force between two members" in text(found.blocks[1].runs)  # type: ignore[union-attr]


def test_one_country_has_no_such_chapter(made: Callable[[Study], Inputs]) -> None:
    inputs = made(study_for_countries(["IND"], on=ON))
    assert isinstance(write(inputs, None), Missing)
    assert not list(impact_provisions.blocks(inputs))


def test_a_store_that_cannot_be_read_costs_this_part_alone(coded: Inputs) -> None:
    assert coded.rules is not None
    broken = replace(coded, rules=replace(coded.rules, fault=StateError("the rulebook is no database.")))
    (note,) = impact_provisions.blocks(broken)
    assert "the rulebook is no database" in text(note.runs)  # type: ignore[union-attr]
    assert isinstance(write(broken, None), Missing)


@pytest.mark.parametrize(("years", "said"), [([2023], 1), ([2006], 0), ([2006, 2023], None), ([], None)])
def test_agreements_in_the_data_already_are_told_where_the_scenarios_have_one_year(
    coded: Inputs, years: list[int], said: int | None
) -> None:
    held = SimpleNamespace(rows=lambda kind: [{"year": y} for y in years] if kind == "scenario" else [])
    inputs = replace(coded, impact=held)  # type: ignore[arg-type]
    runs = next(b for b in impact_provisions.blocks(inputs) if isinstance(b, Paragraph)).runs
    shown = [n.value for n in nums_in(runs) if n.part == "in_base"]
    assert shown == ([] if said is None else [said])  # RCEP is in force between the two since 2023


def test_of_many_rules_the_page_shows_those_of_the_map(made: Callable[[Study], Inputs]) -> None:
    codes = [c for c, p in load_taxonomy().provisions.items() if not p.structural][:60]
    assert "TE-INFR" in codes
    some = "\n".join(f"    - [rcep/{n}, {code}, 2, '', 0.9, model, shipped]" for n, code in enumerate(codes))
    study = CODED.partition("    rcep:")[0] + f"    rcep:\n{some}\n"
    found = written(made(read_study(study)))
    whole = next(b for b in found.blocks if isinstance(b, Table) and b.id == "provisions")
    assert (whole.on_page, len(whole.rows)) == (False, 62)
    mapped = {name.partition(".")[0] for name in table(found.blocks, "provisions-mapped")}
    assert mapped == {"agreements", "chapters", *(c for c in codes if c in load_map().lines)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_part_is_written_in_every_language_and_small(coded: Inputs, language: str) -> None:
    there = replace(coded, words=Messages(language), study=replace(coded.study, language=language))
    found = written(there)
    assert there.words.plain("provisions.table") in {b.title for b in found.blocks if isinstance(b, Table)}
    assert len(gzip.compress(repr(found.blocks).encode())) < 10_000


def test_a_quantified_provision_names_what_it_is_quantified_by() -> None:
    words = Messages("en")
    part: Any = SimpleNamespace(map=load_map(), said=lambda key, **told: words.plain(f"provisions.{key}", **told))
    line = Line("TE-INFR", "Networks", 2, 1, "quantified", "investment then connectivity", "mobile_trade_cost", "")
    assert impact_provisions._effect(part, line) == "quantified: investment then connectivity, mobile_trade_cost"


def test_whatever_the_map_needs_has_words() -> None:
    words = Messages("en")
    needing = [code for code, line in load_map().lines.items() if line.needs]
    assert needing
    assert all("provisions.needs." + code.lower().replace("-", "_") in words for code in needing)
