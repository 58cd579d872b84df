"""`concordat evidence revisions`, `conflicts` and `show --as-of`, on a small store of two invented editions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.citation import Origin
from concordat.evidence.loading import load
from concordat.evidence.sources._base import Answer, Meta
from concordat.evidence.store import open_store

Run = Callable[..., tuple[int, str, str]]
EDITIONS = {
    date(2020, 10, 1): "IRQ,2015,58.0\nBRA,2015,58.3\nKEN,2015,45.6\n",
    date(2026, 3, 1): "IRQ,2015,15.2\nBRA,2015,58.3\nIND,2015,14.9\n",
}
ORIGIN = Origin(
    dataset_id="office",
    source_id="worldbank_wdi",
    producer="An office",
    title="A table",
    published="2026",
    packaged_in="",
    url="https://example.org/",
    licence="CC-BY-4.0",
)


def parse(body: bytes, meta: Meta) -> Iterator[object]:
    for number, line in enumerate(body.decode().splitlines(), 1):
        area, year, value = line.split(",")
        start, end = date(int(year), 1, 1), date(int(year), 12, 31)
        columns = {"area": area, "period_start": start, "period_end": end, "value": float(value), "unit": "percent"}
        yield meta.row(f"row {number}", indicator_id="internet_users_pct", **columns)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "data"
    with open_store(folder) as store:
        for known_from, text in EDITIONS.items():
            answer = Answer(text.encode(), "t.csv", "file:t.csv", datetime(2026, 11, 1, tzinfo=UTC))
            load(store, load_catalogue(), ORIGIN, [answer], parse, parser_version="1", published=known_from)  # type: ignore[arg-type]
        store.make_release("2024-11", store.vintages()[:1], "c", "b")
    return folder


@pytest.fixture
def run(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def evidence(*words: str) -> tuple[int, str, str]:
        code = main(["evidence", *words, "--data-dir", str(data_dir)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return evidence


@pytest.fixture
def newest(data_dir: Path) -> str:
    with open_store(data_dir) as store:
        return next(v.ref for v in store.vintages() if v.known_from == date(2026, 3, 1))


def test_revisions_between_a_release_and_a_vintage_count_each_kind(run: Run, newest: str) -> None:
    code, out, _ = run("revisions", "2024-11", newest)
    assert code == 0
    (row,) = [line.split() for line in out.splitlines() if line.startswith("office")]
    assert row == ["office", "internet_users_pct", "1", "1", "1", "0"]
    assert "IRQ   2015" in out
    assert "-42.8" in out


def test_revisions_as_json_hold_every_one_with_both_values(run: Run, newest: str) -> None:
    code, out, _ = run("revisions", "2024-11", newest, "--json")
    said = json.loads(out)
    assert code == 0
    assert said["counts"] == {"changed": 1, "added": 1, "withdrawn": 1, "restatused": 0}
    found = {r["area"]: (r["kind"], r["before"] and r["before"]["value"], r["after"] and r["after"]["value"])
             for r in said["revisions"]}  # fmt: skip
    assert found == {
        "IRQ": ("changed", 58.0, 15.2), "IND": ("added", None, 14.9), "KEN": ("withdrawn", 45.6, None)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "areas"),
    [
        (("--countries", "IRQ,BRA"), ["IRQ"]),
        (("--bloc", "BRICS", "--on", "2026-11-22"), ["IND"]),
        (("--indicator", "population"), []),
        (("--indicator", "internet_users_pct"), ["IND", "IRQ", "KEN"]),
    ],
)
def test_revisions_can_be_asked_for_some(run: Run, newest: str, options: tuple[str, ...], areas: list[str]) -> None:
    code, out, _ = run("revisions", "2024-11", newest, "--json", *options)
    assert code == 0
    assert [r["area"] for r in json.loads(out)["revisions"]] == areas


def test_a_vintage_against_itself_has_no_revision(run: Run, newest: str) -> None:
    assert run("revisions", newest, newest)[1].endswith("Nothing was revised.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("revisions", "2024-12", "2024-11"),
            '"2024-12" is neither a release nor a vintage here. Did you mean "2024-11"?',
        ),
        (("revisions", "2024-11", "xyz"), "See: concordat evidence releases; concordat evidence vintages"),
        (("revisions", "2024-11", "2024-11", "--indicator", "internet_user_pct"), 'Did you mean "internet_users_pct"?'),
        (("conflicts", "--indicator", "internet_user_pct"), 'Did you mean "internet_users_pct"?'),
        (("show", "internet_users_pct", "--as-of", "2019-01-01"), "nothing here was known on 2019-01-01."),
        (("show", "internet_users_pct", "--as-of", "last year"), '"last year" is not a day. Write it as 2026-11-22.'),
    ],
)
def test_a_wrong_word_is_refused_with_what_to_do(run: Run, words: tuple[str, ...], message: str) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(("day", "value"), [("2024-12-31", 58.0), ("2026-02-28", 58.0), ("2026-03-01", 15.2)])
def test_show_as_of_a_day_gives_what_was_known_then(run: Run, day: str, value: float) -> None:
    words = ("show", "internet_users_pct", "--countries", "IRQ", "--on", "2015-12-31", "--as-of", day)
    code, out, _ = run(*words, "--json")
    said = json.loads(out)
    assert code == 0
    assert said["as_of"] == day
    assert [f["value"] for f in said["figures"]] == [value]
    first = run(*words)[1].splitlines()[0]
    assert first.startswith(f"As known on {day}, from ")
    assert first.count("office/") == 1


def test_a_figure_that_was_withdrawn_is_shown_as_of_the_day_it_stood(run: Run) -> None:
    words = ("show", "internet_users_pct", "--countries", "KEN", "--on", "2015-12-31", "--json")
    assert json.loads(run(*words, "--as-of", "2024-01-01")[1])["figures"][0]["value"] == 45.6
    assert json.loads(run(*words, "--as-of", "2026-06-01")[1])["figures"][0]["value"] is None


def test_one_source_has_no_conflicts_and_says_how_to_load_another(run: Run) -> None:
    code, out, _ = run("conflicts", "--countries", "IRQ", "--as-of", "2024-01-01")
    assert code == 0
    assert "Only one source is loaded" in out
    assert "concordat evidence pull worldbank" in out


def test_conflicts_give_both_values_and_how_far_apart_they_may_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Factbook gives China 78 in 2023 (printed whole: 0.5), the invented office 90.6; tolerance 0.1."""
    with open_store(tmp_path / "data") as store:
        answer = Answer(b"CHN,2023,90.6\nBRA,2023,84.2\n", "t.csv", "file:t.csv", datetime(2026, 11, 1, tzinfo=UTC))
        load(store, load_catalogue(), ORIGIN, [answer], parse, parser_version="1")  # type: ignore[arg-type]
    words = ["evidence", "conflicts", "--bloc", "BRICS", "--data-dir", str(tmp_path / "data")]
    assert main([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (conflict,) = said["conflicts"]
    assert (conflict["area"], conflict["year"]) == ("CHN", 2023)
    assert [(s["source"], s["value"]) for s in conflict["sides"]] == [("worldbank_wdi", 90.6), ("cia_factbook", 78.0)]
    assert conflict["gap"] == pytest.approx(12.6)
    assert conflict["limit"] == pytest.approx(0.6)
    assert main(words) == 0
    assert "2 figures in more than one; 1 conflict." in capsys.readouterr().out
