"""What a report may hold: rows that may not be passed on are not used, unless the study takes their terms on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.evidence.licences import licence
from concordat.evidence.observation import Observation, make_observation
from concordat.evidence.store import VintageMeta
from concordat.report.chapter import Code
from concordat.report.messages import Messages
from concordat.report.permitted import Terms, meta_rows, permitted
from concordat.report.study import LANGUAGES, read_study

LICENCES = {"free": "CC-BY-4.0", "alike": "ODbL-1.0", "unstated": "unstated", "secret": "member-confidential"}


def _row(dataset: str, value: float | None = 50, **columns: Any) -> Observation:
    about = {"source_id": dataset, "dataset_id": dataset, "vintage_id": f"{dataset}-1", "raw_locator": "row 2"}
    when = {"period_start": date(2024, 1, 1), "period_end": date(2024, 12, 31), "known_from": date(2026, 3, 1)}
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    figure = {"indicator_id": "internet_users_pct", "area": "BRA", "unit": "percent", "value": value}
    rest = {"retrieved_at": moment, "raw_sha256": "", "parser_version": "1"}
    return make_observation(**figure | about | when | rest | columns)


def _vintage(dataset: str) -> Any:
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    return VintageMeta(
        id=f"{dataset}-1", dataset_id=dataset, source_id=dataset, published=None, known_from=date(2026, 3, 1),
        retrieved_at=moment, parser_version="1", raw=(), origin={"title": f"Table {dataset}"},
        licence=licence(LICENCES[dataset]).as_dict(),
    )  # fmt: skip


VINTAGES = [_vintage(dataset) for dataset in LICENCES]
ROWS = [_row(dataset) for dataset in LICENCES]


def _used(accept: list[str]) -> tuple[list[str], Terms]:
    used, terms = permitted(ROWS, VINTAGES, accept)
    return [o.dataset_id for o in used], terms


@pytest.mark.parametrize(
    ("accept", "used", "terms"),
    [
        (
            [],
            ["free"],
            Terms({"alike": "share_alike", "secret": "confidential", "unstated": "unstated"}),
        ),
        (
            ["share-alike"],
            ["free", "alike"],
            Terms({"secret": "confidential", "unstated": "unstated"}, alike=("alike",)),
        ),
        (
            ["internal"],
            ["free", "unstated"],
            Terms({"alike": "share_alike", "secret": "confidential"}, internal=("unstated",)),
        ),
        (
            ["internal", "share-alike"],
            ["free", "alike", "unstated"],
            Terms({"secret": "confidential"}, internal=("unstated",), alike=("alike",)),
        ),
    ],
)
def test_which_sources_a_report_uses(accept: list[str], used: list[str], terms: Terms) -> None:
    assert _used(accept) == (used, terms)


def test_confidential_rows_of_a_free_dataset_are_not_used_and_withheld_ones_say_so() -> None:
    secret = _row("free", 77, area="CHN", conf_status="N")
    withheld = _row("free", None, breakdown="sex=F", missing_reason="withheld", conf_status="C")
    used, terms = permitted([*ROWS[:1], secret, withheld], VINTAGES, ["internal", "share-alike"])
    assert used == [ROWS[0], withheld]
    assert terms.left_out == {"free": "confidential"}


def test_what_is_made_of_rows_that_stay_stays(  # so no bloc figure is built on them
) -> None:
    made = _row("free", 60, area="IND", derived_from=(ROWS[3].obs_id,), derived_by="f@1")
    used, _ = permitted([*ROWS, made], VINTAGES, ["internal", "share-alike"])
    assert made not in used


@pytest.fixture
def said() -> Callable[..., str]:
    """The rows under the title as text."""

    def make(language: str, accept: list[str]) -> str:
        inputs = SimpleNamespace(words=Messages(language), terms=_used(accept)[1], vintages=VINTAGES)
        rows = meta_rows(inputs)  # type: ignore[arg-type]
        return "\n".join(
            f"{name}: " + "".join(run.text if isinstance(run, Code) else str(run) for run in runs)
            for name, runs in rows
        )

    return make


def test_the_first_page_says_what_is_not_used_and_how_to_use_it(said: Callable[..., str]) -> None:
    assert said("en", []) == (
        "Not used: The figures of “Table alike”: whatever holds them must be shared under the same terms (ODbL 1.0). "
        "To use them, write accept: [share-alike] under report in the study. "
        "The figures of “Table secret”: they are confidential. "
        "The figures of “Table unstated”: as far as its terms are known, they may not be passed on "
        "(No licence stated). "
        "To use them, write accept: [internal] under report in the study."
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_copy_that_may_not_be_published_says_so_in_every_language(said: Callable[..., str], language: str) -> None:
    words = Messages(language)
    text = said(language, ["internal", "share-alike"])
    for key in ("report.meta_left_out", "report.meta_internal", "report.meta_alike"):
        assert f"{words.plain(key)}: " in text
    assert text.count("Table unstated") == text.count("Table alike") == text.count("Table secret") == 1


def test_a_report_of_free_sources_says_nothing_about_terms() -> None:
    _, terms = permitted(ROWS[:1], VINTAGES, [])
    assert terms == Terms()
    inputs = SimpleNamespace(words=Messages("en"), terms=terms, vintages=VINTAGES)
    assert meta_rows(inputs) == []  # type: ignore[arg-type]


def test_the_study_keeps_what_it_accepts() -> None:
    text = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\nreport: {accept: [internal, internal]}\n"
    study = read_study(text)
    assert study.accept == ("internal",)
    assert study.as_data()["report"]["accept"] == ["internal"]
    assert read_study(study.as_yaml()).accept == ("internal",)
    assert "accept" not in read_study(text.replace("report: {accept: [internal, internal]}\n", "")).as_data()["report"]
    with pytest.raises(InputError, match="accept"):
        read_study(text.replace("internal, internal", "confidential"))
