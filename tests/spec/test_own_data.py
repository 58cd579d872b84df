"""The user's own figure in the yearly report: it stands beside the agency's, with the conflict shown and traced.

China's internet use in 2023 is 78 in the Factbook and 90.6 in other sources, which moves the average of the ten members
of BRICS from 68.13 to 72.71, and with the invited member to 72.97 (specification of evidence, sections 1 and 10).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.cli import main
from concordat.evidence.store import open_store

TODAY = "2026-11-22"
TABLE = "country;year;pct\nCHN;2023;90,6\nCHN;2022;75,6\n"
MAPPING = """\
schema: concordat/import@1
file: network.csv
dataset:
  id: cn-network-2025
  title: "Network statistics 2025"
  producer: "An office of examples"
  published: 2026-05-02
  licence: CC-BY-4.0
  class: member_official
  publisher: cn-office
format: {delimiter: ";", decimal: ","}
columns:
  area: {column: country, scheme: iso3}
  period: {column: year}
  value: {column: pct, precision: printed}
value_is: {indicator: internet_users_pct, unit: percent}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The data directory, and the report on BRICS that was made after the import."""
    return make(tmp_path_factory.mktemp("own"), MAPPING)


def make(folder: Path, mapping: str) -> tuple[Path, Path]:
    (folder / "network.csv").write_text(TABLE, encoding="utf-8")
    (folder / "map.yaml").write_text(mapping, encoding="utf-8")
    data = ["--data-dir", str(folder / "data")]
    with clock.fixed(TODAY):
        words = ["evidence", "import", str(folder / "network.csv"), "--map", str(folder / "map.yaml")]
        assert main([*words, *data]) == 0
        assert main(["assess", "BRICS", "--out", str(folder / "report"), *data, "--quiet"]) == 0
    return folder / "data", folder / "report"


def provenance(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((report / "provenance.json").read_text(encoding="utf-8"))
    return found


def printed(report: Path, cell: str) -> dict[str, Any]:
    """The parts of the record that a cell prints."""
    said = provenance(report)
    record = said["records"][said["cells"][cell]["id"]]
    return dict(record.get("parts", record))


def cell_of(report: Path, row: str, column: str) -> str:
    """The cell of a row and a column: of table 2, where the members stand, or of the only table that has it."""
    found = [name for name in provenance(report)["cells"] if re.fullmatch(rf"T\d+:{row}:{column}", name)]
    return next((name for name in found if name.startswith("T2:")), found[0])


def test_the_release_holds_the_agency_s_and_the_user_s_vintage(made: tuple[Path, Path]) -> None:
    data, report = made
    with open_store(data) as store:
        stored = {v.dataset_id for v in store.vintages()}
    assert stored == {"cia_factbook", "cn-network-2025"}
    assert {v["dataset"] for v in provenance(report)["release"]["vintages"]} == stored


def test_the_member_s_own_figure_is_used_and_its_interval_spans_both(made: tuple[Path, Path]) -> None:
    parts = printed(made[1], cell_of(made[1], "CHN", "internet_users_pct"))
    assert (parts["value"], parts["other_1"], parts["year"]) == (90.6, 78.0, 2023)
    assert (parts["lower"], parts["upper"]) == (78.0, pytest.approx(90.65))


@pytest.mark.parametrize(
    ("row", "part", "value"),
    [
        (r"BRICS\.weighted", "value", 72.71),
        (r"BRICS\+invited\.weighted", "value", 72.97),
        (r"BRICS\.unweighted", "mean", 73.76),
        (r"BRICS\+invited\.unweighted", "mean", 76.15),
    ],
)
def test_the_bloc_s_figures_move_as_the_specification_says(
    made: tuple[Path, Path], row: str, part: str, value: float
) -> None:
    assert printed(made[1], cell_of(made[1], row, "internet_users_pct"))[part] == pytest.approx(value, abs=0.005)


def test_the_annex_shows_both_values_and_what_the_other_would_give(made: tuple[Path, Path]) -> None:
    row = r"CHN\.internet_users_pct\.2023"
    first = printed(made[1], cell_of(made[1], row, "first"))
    second = printed(made[1], cell_of(made[1], row, "second"))
    assert (first["value"], second["value"]) == (90.6, 78.0)
    assert printed(made[1], cell_of(made[1], row, "with_other"))["value"] == pytest.approx(68.13, abs=0.005)


def test_the_report_cites_the_user_s_dataset_from_the_mapping(made: tuple[Path, Path]) -> None:
    page = (made[1] / "report.html").read_text(encoding="utf-8")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert (
        "An office of examples (2026-05-02). Network statistics 2025, 2026-05-02. Retrieved 2026-11-22. "
        "CC BY 4.0. [" in text
    )
    assert "{An office of examples}" in (made[1] / "sources.bib").read_text(encoding="utf-8")


def test_the_licence_of_the_user_s_dataset_is_in_the_table_of_licences(made: tuple[Path, Path]) -> None:
    page = (made[1] / "report.html").read_text(encoding="utf-8")
    row = next(r for r in re.findall(r"<tr.*?</tr>", page, re.S) if "Network statistics 2025" in r)
    assert "CC BY 4.0" in row


def test_the_number_is_traced_to_the_cell_of_the_user_s_file(
    made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data, report = made
    cell = cell_of(report, "CHN", "internet_users_pct")
    assert main(["evidence", "trace", cell, "--report", str(report), "--data-dir", str(data)]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "place:      row 2, pct" in lines
    assert lines[lines.index("place:      row 2, pct") + 1] == "text:       90,6"


def test_everything_stored_is_still_what_was_stored(
    made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "verify", "--data-dir", str(made[0])]) == 0


def test_the_report_is_rebuilt_from_its_study_to_the_same_bytes(made: tuple[Path, Path], tmp_path: Path) -> None:
    data, report = made
    words = ["assess", "--study", str(report / "study.yaml"), "--out", str(tmp_path / "again")]
    with clock.fixed(TODAY):
        assert main([*words, "--data-dir", str(data), "--quiet"]) == 0
    for path in sorted(report.rglob("*")):
        if path.is_file():
            again = tmp_path / "again" / path.relative_to(report)
            assert again.read_bytes() == path.read_bytes(), path.name


def test_what_the_mapping_calls_confidential_stays_out_of_the_report_and_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, report = make(tmp_path, MAPPING.replace("CC-BY-4.0", "member-confidential"))
    said = capsys.readouterr().out.splitlines()
    assert "Its licence, member-confidential, keeps these figures out of every report." in said
    assert printed(report, cell_of(report, r"BRICS\.weighted", "internet_users_pct"))["value"] == pytest.approx(
        68.13, abs=0.005
    )
    assert not [r for r in provenance(report)["records"].values() if r.get("value") == 90.6]
