"""A user's own input-output table: what its cells mean, which accounts must agree, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import InputError, SourceError
from concordat.impact.accounts.io_csv import parse_io_csv
from concordat.impact.accounts.linkages import digital_linkages

DOMESTIC = """# kind: io_table
# area: BRA
# year: 2018
# unit: BRL million
# source: a table of our own
# digital: telecom, software
domestic,farms,telecom,software,other,final
farms,10,0,0,20,70
telecom,1,5,4,20,30
software,0,3,2,15,20
other,20,12,9,150,309
imports,9,8,5,45,
value_added,60,32,20,250,
output,100,60,40,500,
"""
# The same economy with imported inputs in the block: 9, 8, 5 and 45 of `other`, and 33 of its final uses.
TOTAL = """# kind: io_table
total,farms,telecom,software,other,final:households,final:exports,imports
farms,10,0,0,20,40,30,0
telecom,1,5,4,20,30,0,0
software,0,3,2,15,15,5,0
other,29,20,14,195,312,30,100
value_added:pay,30,16,10,150
value_added:rest,30,16,10,100
"""


def parse(text: str, **more: object):
    return parse_io_csv(text.encode(), area="BRA", **more)  # type: ignore[arg-type]


def test_a_domestic_table_is_read_with_what_it_says_of_itself() -> None:
    table = parse(DOMESTIC)
    assert table.industries == ("farms", "telecom", "software", "other")
    assert table.digital == ("telecom", "software")
    assert (table.area, table.year, table.unit, table.source) == ("BRA", 2018, "BRL million", "a table of our own")
    np.testing.assert_array_equal(table.output, [100, 60, 40, 500])
    np.testing.assert_array_equal(table.value_added, [60, 32, 20, 250])
    np.testing.assert_array_equal(table.final, [70, 30, 20, 309])
    assert len(table.sha256) == 1


@pytest.mark.parametrize(("a", "b"), [("60,32", "60,52"), ("60,32", "60,12"), ("imports,9,8,5,45,\n", "")])
def test_inputs_and_value_added_are_output(a: str, b: str) -> None:
    with pytest.raises(SourceError, match=r"output and inputs with value added.*most in (telecom|other).*--tolerance"):
        parse(DOMESTIC.replace(a, b))
    parse(DOMESTIC.replace(a, b), tolerance=0.2)


@pytest.mark.parametrize("left_out", ["value_added,", "output,"])
def test_one_of_two_rows_may_be_left_out(left_out: str) -> None:
    kept = "".join(line for line in DOMESTIC.splitlines(keepends=True) if not line.startswith(left_out))
    table = parse(kept)
    np.testing.assert_array_equal(table.output, [100, 60, 40, 500])
    np.testing.assert_array_equal(table.value_added, [60, 32, 20, 250])


def test_output_may_be_a_column_and_final_uses_left_out() -> None:
    lines = [line.rsplit(",", 1)[0] for line in DOMESTIC.splitlines() if not line.startswith("output")]
    for name, value in (
        ("domestic", "output"),
        ("farms", "100"),
        ("telecom", "60"),
        ("software", "40"),
        ("other", "500"),
    ):
        lines = [f"{line},{value}" if line.startswith(f"{name},") else line for line in lines]
    np.testing.assert_array_equal(parse("\n".join(lines)).final, [70, 30, 20, 309])


def test_total_flows_with_imports_and_exports_by_product() -> None:
    table = parse(TOTAL, year=2018)
    np.testing.assert_array_equal(table.output, [100, 60, 40, 500])  # what was sold, less imports
    np.testing.assert_array_equal(table.imports, [0, 0, 0, 100])
    np.testing.assert_array_equal(table.exports, [30, 0, 5, 30])
    np.testing.assert_array_equal(table.value_added, [60, 32, 20, 250])
    assert table.flows == "total"
    found = digital_linkages(table, ["telecom"], imports="proportional")
    assert found.forward == pytest.approx(32.0, rel=1e-12)


def test_negative_cells_are_kept_and_listed() -> None:
    text = DOMESTIC.replace("farms,10,0,0,20,70", "farms,10,-1,0,20,71").replace("imports,9,8", "imports,9,9")
    assert [str(k) for k in parse(text).kept] == ["negative domestic use: farms in telecom (-1)"]


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ("# kind: io_table", "# kind: iotable", InputError, 'says kind "iotable"; io_table is needed'),
        ("# kind: io_table\n", "", InputError, "does not say its kind"),
        ("# unit", "# units", InputError, 'Did you mean "unit"'),
        ("# area: BRA", "# area: IND", InputError, "it is of IND, not of BRA"),
        ("# year: 2018", "# year: MMXX", InputError, '"MMXX" is no year'),
        ("# unit: BRL million", "# year: 2018", InputError, "year stands twice"),
        ("# digital: telecom", "# digital: telekom", InputError, "names telekom, no industry"),
        ("domestic,farms", "industry,farms", InputError, "Begin it with domestic or total"),
        ("telecom,1,5", "phones,1,5", InputError, 'row "phones" stands where "telecom" should'),
        (",final\n", ",finale\n", InputError, 'row "imports" stands where "finale" should'),
        ("farms,10,0", "farms,10,", InputError, 'line 8: "" is no number. Write 0'),
        ("value_added,", "profits,", InputError, '"profits" is not a key I know'),
        ("farms,10,0", "farms,10,1 000", InputError, '"1 000" is no number'),
        ("output,100", "output,110", SourceError, "the row output and what was sold.*most in farms"),
        ("value_added,60", "value_added,66", SourceError, "output and inputs with value added.*most in farms"),
    ],
)
def test_what_does_not_fit_is_refused(old: str, new: str, error: type[Exception], said: str) -> None:
    assert old in DOMESTIC
    with pytest.raises(error, match=said):
        parse(DOMESTIC.replace(old, new))


def test_too_little_is_refused() -> None:
    no_output = DOMESTIC.replace(",final", "").replace(",70\n", "\n").replace(",30\n", "\n")
    no_output = no_output.replace(",20\noth", "\noth").replace(",309", "").replace("output,100,60,40,500,\n", "")
    with pytest.raises(InputError, match="output can't be known"):
        parse(no_output)
    neither = "".join(x for x in DOMESTIC.splitlines(keepends=True) if not x.startswith(("imports,", "value_added,")))
    with pytest.raises(InputError, match="value added can't be known"):
        parse(neither)
    with pytest.raises(InputError, match="a row imports in a total table"):
        parse(TOTAL + "imports,0,0,0,100\n", year=2018)


def test_the_year_must_be_known_and_agree() -> None:
    with pytest.raises(InputError, match=r"it is of 2018, and 2019 was asked for"):
        parse(DOMESTIC, year=2019)
    with pytest.raises(InputError, match="does not say its year"):
        parse(TOTAL)
