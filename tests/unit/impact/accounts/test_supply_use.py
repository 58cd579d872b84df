"""Supply and use: tracing products to industries by hand, the satellite account, and the readers of the US layout."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from concordat.errors import InputError, MethodError, SourceError
from concordat.impact.accounts.readers import by_kind, file_kind, parse_supply_use
from concordat.impact.accounts.satellite import DigitalShares, parse_shares_csv, satellite_account
from concordat.impact.accounts.supply_use import industry_table

# Two industries, three products; S is scrap, made by none and used by A. All sides add up but for scrap (1 of 300).
MAKE = b"""code,P,Q,S,Total Industry Output
A,90,10,0,100
B,20,180,0,200
Total Commodity Output,110,190,0,300
"""
USE = b"""code,A,B,Total Intermediate,F010,F040,F050,Total Commodity Output
P,20,40,60,60,10,-20,110
Q,30,50,80,100,20,-10,190
S,0,0,0,0,0,0,0
V001,30,70,100,0,0,0,0
V002,5,10,15,0,0,0,0
V003,15,30,45,0,0,0,0
Total Industry Output,100,200,300,0,0,0,0
"""
IMPORT = b"""code,A,B,T001,F040,F010,F050
P,4,10,14,0,6,-20
Q,3,5,8,0,2,-10
S,0,0,0,0,0,0
"""


def parse(make: bytes = MAKE, use: bytes = USE, imported: bytes | None = IMPORT, **more: object):
    return parse_supply_use(make, use, imported, year=2020, **more)  # type: ignore[arg-type]


def test_products_are_traced_to_the_industries_that_make_them() -> None:
    table = industry_table(parse())
    # D = V diag(1/q): A makes 9/11 of P and 1/19 of Q; domestic use is use less imports.
    d = np.array([[9 / 11, 1 / 19], [2 / 11, 18 / 19]])
    np.testing.assert_allclose(table.z, d @ np.array([[16.0, 30.0], [27.0, 45.0]]), rtol=1e-14)
    np.testing.assert_array_equal(table.value_added, [50.0, 110.0])
    np.testing.assert_array_equal(table.output, [100.0, 200.0])
    assert (table.treatment, table.year, table.area, table.unit) == ("matrix", 2020, "USA", "USD million")
    assert len(table.sha256) == 3


def test_columns_are_found_by_their_codes_wherever_they_stand() -> None:
    shuffled = b"""code,B,F050,A,F010,F040,T001
Q,5,-10,3,2,0,8
S,0,0,0,0,0,0
P,10,-20,4,6,0,14
"""
    np.testing.assert_array_equal(industry_table(parse(imported=shuffled)).z, industry_table(parse()).z)


def test_gzip_is_opened_and_detailed_codes_are_read() -> None:
    use = USE.replace(b"V001", b"V00100").replace(b"F010", b"F01000").replace(b"F050", b"F05000")
    found = parse(gzip.compress(MAKE), gzip.compress(use))
    np.testing.assert_array_equal(found.value_added, parse().value_added)


def test_negative_domestic_use_is_kept_and_listed() -> None:
    # B imports 3 more of Q than it uses, and households so much less: all sums hold.
    imported = IMPORT.replace(b"Q,3,5,8,0,2,-10", b"Q,31,5,36,0,-26,-10")
    table = industry_table(parse(imported=imported))
    assert [str(k) for k in table.kept] == ["negative domestic use: Q in A (-1)"]


def test_a_product_made_nowhere_is_left_out_and_listed() -> None:
    use = USE.replace(b"S,0,0,0,0,0,0,0", b"S,0.1,0,0.1,0,0,0,0").replace(b"V003,15", b"V003,14.9")
    table = industry_table(parse(use=use))
    assert [str(k) for k in table.kept] == ["used at home but made nowhere, left out of Z: S (0.1)"]


def test_without_an_imports_matrix_a_rule_must_be_chosen() -> None:
    tables = parse(imported=None)
    with pytest.raises(MethodError, match=r"no imports matrix.*imports: proportional"):
        industry_table(tables)
    table = industry_table(tables, "proportional")
    # Home shares 1 - m / (q + m - e): P 1 - 20/120, Q 1 - 10/180.
    d = np.array([[9 / 11, 1 / 19], [2 / 11, 18 / 19]])
    use = np.array([[20.0, 40.0], [30.0, 50.0]]) * np.array([[5 / 6], [17 / 18]])
    np.testing.assert_allclose(table.z, d @ use, rtol=1e-14)
    assert table.treatment == "proportional"
    assert any(note.startswith("imports: proportional") for note in table.notes)


def test_without_final_uses_the_rule_can_not_be_applied() -> None:
    use = b"\n".join(b",".join(line.split(b",")[:4]) for line in USE.splitlines())
    with pytest.raises(MethodError, match="needs imports and exports"):
        industry_table(parse(use=use, imported=None), "proportional")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"use": USE.replace(b"V001,30", b"V001,31")}, SourceError, "industry output.*most in A: 100 and 101"),
        ({"use": USE.replace(b"Q,30,50,80,100", b"Q,30,50,80,101")}, SourceError, "product output.*most in Q"),
        ({"make": MAKE.replace(b"A,90,10,0,100", b"A,90,10,0,102")}, SourceError, "printed Total Industry Output"),
        ({"make": MAKE.replace(b"110,190,0,300", b"110,191,0,300")}, SourceError, "printed Total Commodity Output"),
        ({"use": USE.replace(b"F010", b"X010")}, InputError, "columns X010 of an unknown kind"),
        ({"use": USE.replace(b"S,0,0", b"R,0,0")}, InputError, "rows R of an unknown kind"),
        ({"use": USE.replace(b"V002", b"V003")}, InputError, "two rows V003"),
        ({"imported": IMPORT.replace(b"Q,", b"R,")}, InputError, "no row Q"),
        ({"imported": IMPORT.replace(b"code,A,B", b"code,A,C")}, InputError, "no column B"),
        ({"use": USE.replace(b"20,40", b"20,4o")}, InputError, 'row P, column B: "4o" is no number'),
        ({"use": USE.replace(b"20,40", b"20,nan")}, InputError, '"nan" is no number'),
        ({"make": b"code,P\nA"}, InputError, "row A has 0 numbers"),
        ({"make": b"code"}, InputError, "no rows of numbers"),
        ({"make": b"\xff\xfe"}, InputError, "not UTF-8"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        parse(**change)


def test_a_tolerance_lets_an_imbalance_pass() -> None:
    use = USE.replace(b"V001,30", b"V001,31")
    assert parse(use=use, tolerance=0.01).value_added[0] == 51.0


# --- Satellite ---


def test_satellite_by_hand() -> None:
    # v = (.5, .55); half of P is digital: .5 x (90 x .5 + 20 x .55) = 28.
    found = satellite_account(parse(), DigitalShares({"P": 0.5}, {}))
    assert found.value == pytest.approx(28.0, rel=1e-14)
    assert found.percent == pytest.approx(100 * 28 / 160, rel=1e-14)
    assert found.output == 55.0
    assert found.by_product == pytest.approx({"P": 28.0, "Q": 0.0, "S": 0.0})
    assert found.by_industry == pytest.approx({"A": 22.5, "B": 5.5})
    assert (found.named, found.products) == (1, 3)


def test_with_all_shares_one_it_is_gdp_and_a_maker_goes_before_its_product() -> None:
    tables = parse()
    assert satellite_account(tables, DigitalShares(dict.fromkeys("PQS", 1.0), {})).value == pytest.approx(
        160, rel=1e-14
    )
    found = satellite_account(tables, DigitalShares({"P": 1.0}, {("P", "B"): 0.0}))
    assert found.value == pytest.approx(45.0, rel=1e-14)


def test_shares_are_read_and_checked() -> None:
    good = b"# kind: digital_shares\n# source: ours\nproduct,industry,digital_share\nP,,0.5\nP,B,0\n"
    shares = parse_shares_csv(good)
    assert (shares.by_product, shares.by_maker, shares.source) == ({"P": 0.5}, {("P", "B"): 0.0}, "ours")
    for bad, said in (
        (good.replace(b"0.5", b"1.5"), "share is 1.5"),
        (good + b"P,,0.1\n", "P stands twice"),
        (good.replace(b"industry", b"industri"), 'Did you mean "industry"'),
    ):
        with pytest.raises(InputError, match=said):
            parse_shares_csv(bad)
    for shares in (DigitalShares({"PP": 1.0}, {}), DigitalShares({}, {("P", "C"): 1.0})):
        with pytest.raises(InputError, match="is not a key I know"):
            satellite_account(parse(), shares)


# --- Which file is which ---


def test_files_are_recognised_by_what_they_hold() -> None:
    files = {
        "x": USE,
        "y": MAKE,
        "z": gzip.compress(IMPORT),
        "s": b"# kind: digital_shares\nproduct,digital_share\nP,1\n",
    }
    assert {name: file_kind(data) for name, data in files.items()} == {
        "x": "use", "y": "make", "z": "import", "s": "digital_shares"
    }  # fmt: skip
    assert by_kind(files)["use"] == ("x", USE)


def test_two_files_of_one_kind_or_of_no_kind_are_refused() -> None:
    with pytest.raises(InputError, match=r"same kind \(make\) as a"):
        by_kind({"a": MAKE, "b": MAKE})
    with pytest.raises(InputError, match="no layout that I know"):
        by_kind({"a": b"hello,world\n1,2\n"})
