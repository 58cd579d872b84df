"""World tables from bytes: each layout gives the arrays it was written from, and what does not match is refused."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from concordat.errors import InputError, SourceError
from concordat.impact.mrio_icio import parse_icio_csv
from concordat.impact.mrio_readers import from_pymrio, mrio_kind, parse_mrio, parse_mrio_npz
from concordat.impact.mrio_sheet import parse_adb_xlsx

COUNTRIES, INDUSTRIES, USES = ("BRA", "ROM"), ("c1", "c2", "c3"), ("F1", "F2")
RANDOM = np.random.Generator(np.random.PCG64(7))
Z = RANDOM.integers(1, 9, (6, 6)).astype(float)
F = RANDOM.integers(50, 90, (6, 4)).astype(float)
F[0, 3] = -4.0  # a change in inventories
X = Z.sum(axis=1) + F.sum(axis=1)


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    whole = {"countries": np.array(COUNTRIES), "industries": np.array(INDUSTRIES), "Z": Z, "F": F, "x": X} | arrays
    np.savez_compressed(buffer, **{name: value for name, value in whole.items() if value is not None})
    return buffer.getvalue()


# --- npz ---


def test_npz_gives_its_arrays_and_todays_code_of_a_country() -> None:
    table = parse_mrio(npz(), year=2011, where="w.npz")
    assert table.countries == ("BRA", "ROU")
    assert table.industries == INDUSTRIES
    assert (table.year, table.unit, table.source, len(table.sha256)) == (2011, "USD million", "w.npz", 64)
    for found, wanted in ((table.z, Z), (table.f, F), (table.output, X)):
        np.testing.assert_array_equal(found, wanted)


def test_npz_may_say_its_year_and_hold_whole_numbers() -> None:
    table = parse_mrio_npz(npz(year=np.array(2011), Z=Z.astype(np.int32), countries=np.array([b"BRA", b"IND"])))
    assert (table.year, table.countries) == (2011, ("BRA", "IND"))
    assert table.z.dtype == np.float64


def test_python_objects_are_never_loaded() -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return pytest.fail, ("an object was loaded",)

    with pytest.raises(InputError, match="never loaded") as caught:
        parse_mrio_npz(npz(countries=np.array([Trap(), Trap()], dtype=object)), year=2011)
    assert caught.value.code == "pickle"


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"x": None}, InputError, 'no array "x"'),
        ({"F": F[:, :3]}, InputError, "F has 3 columns, which is no multiple of 2"),
        ({"Z": Z[:5, :5]}, InputError, r"z has \(5, 5\), and \(6, 6\) is needed"),
        ({"x": np.array(["1"] * 6)}, InputError, "x holds <U1, no numbers"),
        ({"F": np.where(F[1, 1] == F, np.nan, F)}, InputError, "empty or infinite cell"),
        ({"x": X * 1.002}, SourceError, "printed output and sales differ by 0.2 %"),
        ({"countries": np.array(["BRA", "BRA"])}, InputError, "countries BRA stand twice"),
        ({"year": np.array(2012)}, InputError, "it is of 2012, and 2011 was asked for"),
    ],
)
def test_an_npz_that_does_not_fit_is_refused(change: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        parse_mrio_npz(npz(**change), year=2011)


def test_what_is_no_npz_and_a_table_without_year() -> None:
    for data in (b"PK\x03\x04 broken", b"", npz()[:-40]):
        with pytest.raises(InputError):
            parse_mrio_npz(data, year=2011)
    with pytest.raises(InputError, match="does not say its year"):
        parse_mrio_npz(npz())


def test_an_imbalance_may_be_let_pass_by_name() -> None:
    assert parse_mrio_npz(npz(x=X * 1.002), year=2011, tolerance=0.01).year == 2011


# --- OECD ICIO ---

REGIONS = ("BRA", "CHN", "USA", "CN1", "CN2")
SECTORS = ("A01_02", "C26")
FINAL = ("HFCE", "GFCF")


def icio(change: Callable[[list[list[str]]], None] | None = None) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A table with China in two parts, and z and f as they must come out, summed by plain loops."""
    random = np.random.Generator(np.random.PCG64(3))
    sellers = [(r, s) for r in REGIONS for s in SECTORS]
    users = [(r, k) for r in REGIONS[:3] for k in FINAL]
    z = random.integers(1, 9, (10, 10)).astype(float)
    f = random.integers(50, 90, (10, 6)).astype(float)
    z[2:4], z[:, 2:4] = 0.0, 0.0  # the whole of China stands empty in the block, its parts are at the end
    f[2:4] = 0.0
    x = z.sum(axis=1) + f.sum(axis=1)
    tax = np.where(x > 0, 1.0, 0.0)
    lines = [["", *(f"{r}_{s}" for r, s in sellers), *(f"{r}_{k}" for r, k in users), "OUT"]]
    lines += [[f"{r}_{s}", *map(str, z[n]), *map(str, f[n]), str(x[n])] for n, (r, s) in enumerate(sellers)]
    lines.append(["TLS", *map(str, tax), *["0"] * 7])
    lines.append(["VA", *map(str, x - z.sum(axis=0) - tax), *[""] * 7])
    lines.append(["OUT", *map(str, x), *[""] * 7])
    if change:
        change(lines)
    whole = {"CN1": "CHN", "CN2": "CHN"}
    z_sum, f_sum = np.zeros((6, 6)), np.zeros((6, 6))
    for i, (r, s) in enumerate(sellers):
        row = REGIONS.index(whole.get(r, r)) * 2 + SECTORS.index(s)
        for j, (c, t) in enumerate(sellers):
            z_sum[row, REGIONS.index(whole.get(c, c)) * 2 + SECTORS.index(t)] += z[i, j]
        f_sum[row] += f[i]
    return "\n".join(",".join(line) for line in lines).encode(), z_sum, f_sum


def test_icio_sums_the_parts_of_a_country() -> None:
    data, z, f = icio()
    for file in (data, gzip.compress(data)):
        table = parse_mrio(file, year=2018)
        assert table.countries == ("BRA", "CHN", "USA")
        assert table.industries == SECTORS
        assert table.final_uses == FINAL
        np.testing.assert_allclose(table.z, z, rtol=1e-15)
        np.testing.assert_allclose(table.f, f, rtol=1e-15)
        np.testing.assert_allclose(table.output, z.sum(1) + f.sum(1), rtol=1e-15)


def rename(old: str, new: str) -> Callable[[list[list[str]]], None]:
    def change(lines: list[list[str]]) -> None:
        for line in lines:
            line[:] = [new if cell == old else cell for cell in line]

    return change


def drop_last(lines: list[list[str]]) -> None:
    lines[3].pop()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (rename("TLS", "TXS"), InputError, "rows TXS are neither industries nor value added"),
        (rename("USA_GFCF", "DISC"), InputError, "columns DISC are neither"),
        (rename("USA_GFCF", "USA_INVNT"), InputError, "not the same in every country"),
        (rename("USA_C26", "USA_C27"), InputError, "not the same in every country"),
        (rename("CHN_C26", "CHN_C26 "), InputError, None),
        (drop_last, InputError, "row BRA_C26|has 17 cells"),
        (rename("VA", "OUTPUT"), InputError, None),
        (lambda lines: lines[2].__setitem__(1, "n.a."), InputError, 'column BRA_A01_02: "n.a." is no number'),
        (lambda lines: lines[2].__setitem__(1, "900"), SourceError, "differ by"),
        (lambda lines: lines[-2].__setitem__(1, "900"), SourceError, "inputs with value added differ"),
        (lambda lines: lines.append(lines[2]), InputError, "two rows"),
    ],
)
def test_an_icio_that_does_not_fit_is_refused(change: Any, error: type[Exception], said: str | None) -> None:
    data, _, _ = icio(change)
    if said is None:  # a blank behind a code is nothing; a second row of output is read, and not used
        assert parse_icio_csv(data, year=2018).year == 2018
        return
    with pytest.raises(error, match=said):
        parse_icio_csv(data, year=2018)


def test_a_part_without_its_whole_is_refused() -> None:
    def change(lines: list[list[str]]) -> None:
        for line in lines:
            line[:] = [cell.replace("CHN_", "CHL_") for cell in line]

    with pytest.raises(InputError, match="CN1 is there without CHN"):
        parse_icio_csv(icio(change)[0], year=2018)


# --- ADB and WIOD as XLSX ---


def workbook(*, sheet: str = "ADB MRIO 2011", change: Callable[[list[list[Any]]], None] | None = None) -> bytes:
    import xlsxwriter

    columns = [(c, i) for c in COUNTRIES for i in INDUSTRIES] + [(c, k) for c in COUNTRIES for k in USES]
    blank = ["", "", "", ""]
    lines: list[list[Any]] = [["Multi-regional table"], [], blank + [f"Industry {i}" for _, i in columns]]
    lines += [blank + [c for c, _ in columns] + ["ToT"], blank + [k for _, k in columns] + ["GO"]]
    body = np.hstack([Z, F, X[:, None]]).tolist()
    rows = [(c, i) for c in COUNTRIES for i in INDUSTRIES]
    lines += [["", f"Industry {i}", c, i, *body[n]] for n, (c, i) in enumerate(rows)]
    lines[6][5] = " " if Z[1, 1] == 0 else lines[6][5]
    lines += [
        ["", "Total", "ToT", "r60", *Z.sum(0).tolist()],
        ["", "Value added", "ToT", "r64", *(X - Z.sum(0)).tolist()],
    ]
    if change:
        change(lines)
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.add_worksheet("Legend").write(0, 0, "BRA")
        page = book.add_worksheet(sheet)
        for n, line in enumerate(lines):
            page.write_row(n, 0, line)
    return buffer.getvalue()


def test_a_workbook_gives_its_arrays_and_the_year_of_its_sheet() -> None:
    table = parse_mrio(workbook())
    assert table.countries == ("BRA", "ROU")
    assert table.industries == INDUSTRIES
    assert table.final_uses == USES
    assert table.year == 2011
    for found, wanted in ((table.z, Z), (table.f, F), (table.output, X)):
        np.testing.assert_array_equal(found, wanted)


def set_cell(row: int, column: int, value: object) -> Callable[[list[list[Any]]], None]:
    return lambda lines: lines[row].__setitem__(column, value)


def more_columns(lines: list[list[Any]]) -> None:
    for n in range(3, 11):
        lines[n].append("more" if n < 5 else 0.0)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (set_cell(4, 4, "d1"), InputError, "no sheet has codes c1, c2"),
        (set_cell(7, 3, "c9"), InputError, "row 8 is not BRA c3"),
        (set_cell(3, 8, "IND"), InputError, "column IND c2 stands where"),
        (set_cell(6, 5, "n.a."), InputError, 'row 7, column 6: "n.a." is no number'),
        (more_columns, InputError, "after the final uses stand 2 columns"),
        (set_cell(5, 14, float(X[0]) * 1.1), SourceError, "printed output and sales differ"),
    ],
)
def test_a_workbook_that_does_not_fit_is_refused(change: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        parse_adb_xlsx(workbook(change=change))


def test_a_blank_cell_is_zero_and_a_year_must_be_known() -> None:
    def change(lines: list[list[Any]]) -> None:
        lines[5][14] = float(X[0] - Z[0, 0])
        lines[5][4] = " "

    assert parse_adb_xlsx(workbook(change=change)).z[0, 0] == 0.0
    with pytest.raises(InputError, match="does not say its year"):
        parse_adb_xlsx(workbook(sheet="Table"))
    with pytest.raises(InputError, match="it is of 2011, and 2012 was asked for"):
        parse_adb_xlsx(workbook(), year=2012)
    with pytest.raises(InputError, match="no workbook"):
        parse_adb_xlsx(b"PK\x03\x04 broken")


# --- pymrio ---


class Frame(SimpleNamespace):
    """What of a data frame is used: labels and numbers."""

    def to_numpy(self, dtype: type) -> np.ndarray:
        return np.asarray(self.values, dtype=dtype)


def system(**more: Any) -> SimpleNamespace:
    pairs = [(c, i) for c in COUNTRIES for i in INDUSTRIES]
    finals = [(c, k) for c in COUNTRIES for k in USES]
    parts = {"Z": Frame(index=pairs, values=Z), "Y": Frame(columns=finals, values=F), "x": Frame(values=X[:, None])}
    return SimpleNamespace(**(parts | more))


def test_a_system_of_pymrio_gives_its_arrays() -> None:
    for given in (system(), system(x=None)):
        table = from_pymrio(given, year=2011, source="exiobase")
        np.testing.assert_array_equal(table.z, Z)
        np.testing.assert_array_equal(table.output, X)
        assert (table.countries, table.final_uses, table.source) == (COUNTRIES, USES, "exiobase")


def test_a_system_that_is_no_grid_or_does_not_add_up_is_refused() -> None:
    pairs = [("BRA", "c1"), ("BRA", "c2"), ("BRA", "c3"), ("ROM", "c1"), ("ROM", "c3"), ("ROM", "c2")]
    with pytest.raises(InputError, match="not the same in every region"):
        from_pymrio(system(Z=Frame(index=pairs, values=Z)), year=2011, source="s")
    with pytest.raises(SourceError, match="differ by"):
        from_pymrio(system(x=Frame(values=X[:, None] * 2)), year=2011, source="s")


# --- Which ---


def test_layouts_are_told_by_their_bytes() -> None:
    data, _, _ = icio()
    assert [mrio_kind(d) for d in (npz(), workbook(), data, b"a,b\n1,2\n", b"PK\x03\x04")] == [
        "npz",
        "xlsx",
        "icio",
        "",
        "",
    ]
    with pytest.raises(InputError, match="no layout of a multi-regional table"):
        parse_mrio(b"a,b\n1,2\n", year=2011)
