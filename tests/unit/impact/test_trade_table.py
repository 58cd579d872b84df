"""Trade tables and their files: what is read, and what is refused with its lines."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.impact.trade_readers import pair_columns, parse_trade_csv
from concordat.impact.trade_table import TradeTable
from impact_kit import CODES, FLOWS, small

HEAD = "exporter,importer,year,trade,dist\n"
ROWS = ["ARG,ARG,2002,100,5", "ARG,BRA,2002,10,20", "BRA,ARG,2002,12,20", "BRA,BRA,2002,200,9"]


def file(*rows: str, head: str = HEAD) -> bytes:
    return (head + "\n".join(rows) + "\n").encode()


def test_rows_are_exporters_and_margins_are_sums() -> None:
    table = parse_trade_csv(file(*ROWS), where="t.csv")
    assert table.economies == ("ARG", "BRA")
    assert table.flows.tolist() == [[100, 10], [12, 200]]
    assert table.output.tolist() == [110, 212]
    assert table.expenditure.tolist() == [112, 210]
    assert (table.year, table.unit, table.zeros, len(table.sha256)) == (2002, "USD million", 0, 64)


@pytest.mark.parametrize("pack", [lambda d: d, lambda d: gzip.compress(d, mtime=0), lambda d: b"\xef\xbb\xbf" + d])
def test_order_of_rows_packing_and_a_byte_order_mark_change_nothing(pack: Any) -> None:
    table = parse_trade_csv(pack(file(*reversed(ROWS), "", "  ,,,,")), where="t.csv")
    assert np.array_equal(table.flows, parse_trade_csv(file(*ROWS)).flows)


def test_an_archive_of_several_members_is_read_whole() -> None:
    data = file(*ROWS)
    packed = gzip.compress(data[:30], mtime=0) + gzip.compress(data[30:], mtime=0)
    assert np.array_equal(parse_trade_csv(packed).flows, parse_trade_csv(data).flows)
    with pytest.raises(InputError, match=r"cut off|broken"):
        parse_trade_csv(packed[:-9])


def test_a_former_code_is_read_as_todays_and_said() -> None:
    table = parse_trade_csv(file(*(row.replace("ARG", "ROM") for row in ROWS)))
    assert table.economies == ("BRA", "ROU")
    assert table.notes == ("ROM read as ROU",)


def test_the_rest_of_the_world_and_own_codes_by_alias() -> None:
    rows = [row.replace("BRA", "ROW").replace("ARG", "A1") for row in ROWS]
    assert parse_trade_csv(file(*rows), aliases={"A1": "ARG"}).economies == ("ARG", "ROW")


def test_a_missing_pair_is_refused_or_zero_by_rule() -> None:
    with pytest.raises(InputError, match="1 pairs have no row: ARG to BRA"):
        parse_trade_csv(file(ROWS[0], *ROWS[2:]))
    table = parse_trade_csv(file(ROWS[0], *ROWS[2:]), missing="zero")
    assert table.flows[0, 1] == 0
    assert table.notes == ("1 pairs without a row taken as zero",)


def test_deliveries_at_home_follow_from_output() -> None:
    output = b"economy,year,output\nARG,2002,110\nBRA,2002,212\n"
    table = parse_trade_csv(file(*ROWS[1:3]), output=output)
    assert table.flows.tolist() == [[100, 10], [12, 200]]
    assert "gross output less exports" in table.notes[0]
    with pytest.raises(InputError, match=r"no deliveries at home are left for ARG \(-1\)"):
        parse_trade_csv(file(*ROWS[1:3]), output=output.replace(b"110", b"9"))
    with pytest.raises(InputError, match="no output for BRA"):
        parse_trade_csv(file(*ROWS[1:3]), output=b"economy,year,output\nARG,2002,110\n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (file(*ROWS[1:3]), "no deliveries at home"),
        (file(*ROWS, ROWS[1]), r"line 6: ARG to BRA again \(first in line 3\)"),
        (file(*ROWS[:3], "BRA,BRA,2002,-3,9"), 'line 5: trade "-3" is no amount of zero or more'),
        (file(*ROWS[:3], "BRA,BRA,2002,nan,9"), 'line 5: trade "nan"'),
        (file(*ROWS[:3], "BRA,BRA,2002,,9"), 'line 5: trade ""'),
        (file(*ROWS[:3], "BRA,BRA,2002,1e999,9"), 'line 5: trade "1e999"'),
        (file(*ROWS[:3], "BRA,BRR,2002,3,9", "BRA,XXQ,2002,3,9"), 'line 5: "BRR" is no economy.*1 others'),
        (file(*ROWS[:3], "BRA,BRA,2002"), "line 5: has 3 cells of 5"),
        (file(*ROWS, head=HEAD.replace("trade", "flow")), 'no column "trade"'),
        (file(*ROWS, head=HEAD.replace("dist", "trade")), 'two columns "trade"'),
        (file(*ROWS, "BRA,BRA,2003,3,9"), "several years, and none was named"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"", 'no column "exporter"'),
        (HEAD.encode(), "several years|no rows"),
        (b"\x1f\x8b\x08\x00broken", "the archive is"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused_with_its_lines(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_trade_csv(data, where="t.csv")


def test_a_year_that_isnt_there() -> None:
    with pytest.raises(InputError, match=r"t.csv: no rows of 1999. It has 2002"):
        parse_trade_csv(file(*ROWS), where="t.csv", year=1999)


def test_further_columns_as_matrices() -> None:
    data = file(*ROWS)
    found = pair_columns(data, parse_trade_csv(data), ["dist"])
    assert found["dist"].tolist() == [[5, 20], [20, 9]]
    with pytest.raises(InputError, match='no column "cntg"'):
        pair_columns(data, parse_trade_csv(data), ["cntg"])


@pytest.mark.parametrize(
    ("economies", "flows", "said"),
    [
        (("AAA",), [[1.0]], "1 economies"),
        (("AAA", "BBB"), [[1.0]], "2 economies, but flows of"),
        (("AAA", "AAA"), [[1.0, 1], [1, 1]], "AAA twice"),
        (("AAA", "BBB"), [[1.0, -1], [1, 1]], r"1 flows are negative or no number: AAA to BBB \(-1\)"),
        (("AAA", "BBB"), [[1.0, np.nan], [1, 1]], "AAA to BBB"),
        (("AAA", "BBB"), [[1.0, 1], [1, 0]], "no deliveries at home for BBB"),
        (("AAA", "BBB"), [[1e200, 1], [1, 1]], "can't be computed with"),
        (("AAA", "BBB"), [[1e-200, 0], [0, 1e-200]], "can't be computed with"),
    ],
)
def test_a_table_that_cant_be(economies: tuple[str, ...], flows: list[list[float]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        TradeTable(economies, np.array(flows), 2002)


def test_a_table_keeps_its_own_numbers() -> None:
    flows = FLOWS.copy()
    table = TradeTable(CODES, flows, 2002)
    flows[0, 0] = 1
    assert table.flows[0, 0] == 700
    with pytest.raises(ValueError, match="read-only"):
        table.flows[0, 0] = 1


def test_an_unknown_economy_gets_the_nearest() -> None:
    with pytest.raises(InputError, match='"AAB" is not in the trade data of 2002\\. Did you mean "AAA"'):
        small().index("AAB")
    with pytest.raises(InputError, match="AAA named twice"):
        small().indices(["AAA", "AAA"])
