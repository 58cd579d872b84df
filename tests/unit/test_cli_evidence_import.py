"""`concordat evidence import`: what it prints, what it stores, how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.evidence.store import open_store

Run = Callable[..., tuple[int, str, str]]
MAPPING = """\
schema: concordat/import@1
file: net.csv
dataset:
  {id: et-net, title: "Internet use", producer: "Office of Examples", published: 2026-05-02, licence: CC-BY-4.0,
   class: member_official, publisher: et-office}
columns: {area: {column: country, scheme: name}, period: {column: year}, value: {column: pct}}
value_is: {indicator: internet_users_pct, unit: percent}
"""
TABLE = "country,year,pct\nEthiopia,2021,25\nEthiopia,2022,30.5\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a scratch folder that holds `net.csv`, `map.yaml` and a Factbook of one country."""
    text = {"text": "17% (2021 est.)"}
    book = {"Communications": {"Internet users": {"percent of population": text}}}
    factbook = tmp_path / "factbook" / "africa"
    factbook.mkdir(parents=True)
    (factbook / "et.json").write_text(json.dumps(book), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CONCORDAT_FACTBOOK", str(tmp_path / "factbook"))
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")

    def import_(
        table: str = TABLE, *options: str, words: tuple[str, ...] = ("--map", "map.yaml")
    ) -> tuple[int, str, str]:
        (tmp_path / "net.csv").write_text(table, encoding="utf-8")
        code = main(["evidence", "import", "net.csv", *words, *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return import_


def test_it_says_what_was_stored_who_disagrees_and_what_to_run_next(run: Run) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    first, second, *rest = out.splitlines()
    assert first == "net.csv: 2 figures of 1 indicator for 1 area, 2021 to 2022."
    assert second.startswith("Stored as et-net/2026-05-02-")
    assert second.endswith(", source member_official.et-office.")
    assert rest == [
        "Quarantined: 0.",
        "Conflicts with what is loaded: 1.",
        "  internet_users_pct ETH 2021: 25 says member_official.et-office, 17 says cia_factbook",
        "Next: concordat assess BRICS",
    ]


def test_the_same_again_changes_nothing(run: Run) -> None:
    _, before, _ = run()
    code, after, _ = run()
    assert code == 0
    assert after.splitlines()[1] == before.splitlines()[1] + " It was there already; nothing changed."


def test_what_an_edition_leaves_out_is_told(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "map.yaml").write_text(MAPPING.replace("2026-05-02", "2026-06-02"), encoding="utf-8")
    code, out, _ = run("country,year,pct\nEthiopia,2022,31\n")
    assert code == 0
    (told,) = [line for line in out.splitlines() if line.startswith("In use instead of et-net/2026-05-02-")]
    assert told.endswith(": 1 of its figures are not in this one and go out of use.")


def test_an_edition_older_than_the_one_in_use_says_so(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "map.yaml").write_text(MAPPING.replace("2026-05-02", "2026-04-02"), encoding="utf-8")
    code, out, _ = run()
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("Not in use: et-net/2026-05-02-")]


def test_a_day_that_has_not_come_is_refused_and_nothing_stored(run: Run, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAPPING.replace("2026-05-02", "2031-05-02"), encoding="utf-8")
    code, out, err = run()
    assert (code, out) == (3, "")
    assert "published says 2031-05-02, which is after today" in err
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    assert run()[0] == 0


def test_rows_that_are_all_bad_are_named_although_bad_ones_may_be_skipped(run: Run) -> None:
    code, _, err = run("country,year,pct\nAtlantis,2024,88.8\n", "--skip-bad")
    assert code == 2
    assert "Atlantis" in err


def test_the_same_undated_table_another_day_is_the_same_vintage(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concordat import clock

    undated = MAPPING.replace(" published: 2026-05-02,", "")
    (tmp_path / "map.yaml").write_text(undated, encoding="utf-8")
    with clock.fixed("2026-06-01"):
        run()
    with clock.fixed("2026-07-01"):
        code, out, _ = run()
    assert code == 0
    assert "et-net/2026-06-01-" in out
    assert "It was there already" in out


def test_json_says_the_same(run: Run) -> None:
    code, out, _ = run(TABLE, "--json")
    facts = json.loads(out)
    assert code == 0
    assert (facts["figures"], facts["areas"], facts["years"], facts["new"]) == (2, 1, [2021, 2022], True)
    assert [c["sides"][0]["value"] for c in facts["conflicts"]] == [25.0]
    assert facts["next"] == "concordat assess BRICS"


ONE_BAD = TABLE + "Ethiopa,2023,35\n"
BAD_TEXT = 'row 4, country: "Ethiopa" is not a country I know. Did you mean "ETH" (Ethiopia)? '
ALIAS = "Add an alias in map.yaml under aliases."


def test_an_unknown_country_is_an_input_error_and_nothing_is_stored(run: Run, tmp_path: Path) -> None:
    code, out, err = run(ONE_BAD)
    assert (code, out) == (2, "")
    assert err == f"concordat: net.csv, {BAD_TEXT}{ALIAS}\n"
    with open_store(tmp_path / "data") as store:
        assert store.vintages() == []


def test_an_alias_repairs_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAPPING + "aliases: {Ethiopa: ETH}\n", encoding="utf-8")
    code, out, _ = run(ONE_BAD)
    assert code == 0
    assert out.startswith("net.csv: 3 figures")


def test_bad_rows_are_skipped_on_request_and_recorded_with_the_vintage(run: Run, tmp_path: Path) -> None:
    code, out, _ = run(ONE_BAD, "--skip-bad")
    assert code == 0
    assert "Bad rows left out and recorded: 1." in out.splitlines()
    assert f"  {BAD_TEXT}{ALIAS}" in out.splitlines()
    with open_store(tmp_path / "data") as store:
        vintage = next(v for v in store.vintages() if v.dataset_id == "et-net")
        assert [(p.rule, p.severity, p.where) for p in store.problems(vintage)] == [
            ("row_unread", "error", "row 4, country")
        ]


def test_many_bad_rows_are_all_listed_twenty_on_screen_and_all_in_a_file(run: Run, tmp_path: Path) -> None:
    table = TABLE + "".join(f"Ethiopia,{1990 + n},about {n}\n" for n in range(23))
    code, _, err = run(table)
    lines = err.splitlines()
    assert code == 2
    assert len(lines) == 22
    assert lines[0].startswith('net.csv, row 4, pct: "about 0" is not a number.')
    assert lines[20] == "... and 3 more. All 23 are listed in net-bad-rows.txt."
    assert lines[21].startswith("concordat: net.csv: 23 rows can't be read; nothing was stored. The first, row 4, pct:")
    listed = (tmp_path / "net-bad-rows.txt").read_text(encoding="utf-8").splitlines()
    assert len(listed) == 23
    assert listed[-1].startswith('row 26, pct: "about 22" is not a number.')


def test_a_key_that_stands_twice_is_stored_and_both_rows_are_quarantined(run: Run, tmp_path: Path) -> None:
    code, out, _ = run(TABLE + "Ethiopia,2022,31\n")
    assert code == 0
    assert "Quarantined: 2." in out.splitlines()
    assert "internet_users_pct of ETH in 2022 stands 2 times in vintage" in out
    with open_store(tmp_path / "data") as store:
        vintage = next(v for v in store.vintages() if v.dataset_id == "et-net")
        assert {rule for rule, _ in store.quarantine(vintage).values()} == {"duplicate_key"}


def test_a_figure_out_of_bounds_is_quarantined(run: Run) -> None:
    code, out, _ = run("country,year,pct\nEthiopia,2021,117\n")
    assert code == 0
    assert "  row 2, pct: internet_users_pct of ETH in 2021 is 117; it can be 0 to 100." in out.splitlines()


def test_without_a_mapping_it_says_how_to_get_one(run: Run) -> None:
    code, _, err = run(words=())
    assert code == 2
    assert err == (
        "concordat: net.csv: how is this file to be read? "
        "Make a mapping first: concordat evidence import net.csv --suggest > net.yaml\n"
    )


def test_a_suggestion_is_printed_and_nothing_is_imported(run: Run, tmp_path: Path) -> None:
    code, out, err = run(words=("--suggest",))
    assert (code, err) == (0, "")
    assert out.startswith("# A suggestion: read every line")
    assert not (tmp_path / "data").exists()


def test_a_mapping_for_another_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAPPING.replace("net.csv", "other.csv"), encoding="utf-8")
    code, _, err = run()
    assert code == 2
    assert err == (
        'concordat: net.csv: the mapping is for "other.csv". Name that file, or set file: net.csv in map.yaml.\n'
    )


def test_a_table_of_missing_figures_alone_is_stored_as_such(run: Run) -> None:
    code, out, _ = run("country,year,pct\nEthiopia,2021,\n")
    assert code == 0
    assert out.startswith("net.csv: 0 figures, 1 missing of 1 indicator")


def test_a_file_that_is_not_there_is_an_input_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").unlink()
    code, _, err = run()
    assert code == 2
    assert err == "concordat: map.yaml: can't be read: No such file or directory.\n"
