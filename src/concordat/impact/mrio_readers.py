"""Bytes of a multi-regional input-output table -> `MrioTable`: who publishes one, and in which layout.

- npz: arrays `countries`, `industries`, `Z`, `F`, `x`, as a packager of WIOD 2013 made them. Checked on the real table.
- CSV of the OECD (ICIO): see `mrio_icio`. XLSX of ADB, or of WIOD 2013: see `mrio_sheet`. Both layouts are
  **unverified**: written from what public readers of these files say; no real file was opened.

Whatever does not match its layout is refused by name: a row or column of an unknown kind, industries that differ
between countries, a table whose rows do not add up to its printed output. Python objects in an npz are never loaded.
Other tables come through pymrio (extra `[mrio]`) and `from_pymrio`. A former code of a country (ROM) is read as
today's; the rest of the world keeps its source's name. Negative cells stay as they are.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.balance import TOLERANCE
from concordat.impact.mrio_checks import UNIT, agreed_year, checked
from concordat.impact.mrio_table import MrioTable
from concordat.impact.trade_readers import BYTES_MAX, FORMER_CODES, opened
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
# What the libraries say of a damaged archive: a length, a method or a header that can't be.
BROKEN = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, NotImplementedError, RuntimeError, MemoryError,
    OverflowError, SyntaxError, TypeError,
)  # fmt: skip
ICIO_HEAD = re.compile(r"[A-Z][A-Z0-9]{2}_\w+")


def parse_mrio(
    data: bytes, *, year: int | None = None, where: str = "table", source: str = "", tolerance: float = TOLERANCE
) -> MrioTable:
    """A table in any of the layouts above, recognised by its first bytes.

    Raises:
        InputError: it is none of them, or does not match its own. SourceError: it does not add up.
    """
    kind = mrio_kind(data)
    if kind == "npz":
        return parse_mrio_npz(data, year=year, where=where, source=source, tolerance=tolerance)
    if kind == "xlsx":
        from concordat.impact.mrio_sheet import parse_adb_xlsx

        return parse_adb_xlsx(data, year=year, where=where, source=source, tolerance=tolerance)
    if kind == "icio":
        from concordat.impact.mrio_icio import parse_icio_csv

        return parse_icio_csv(data, year=year, where=where, source=source, tolerance=tolerance)
    hint = "Known layouts: npz of WIOD, OECD ICIO as CSV, ADB MRIO as XLSX; see the reference page of the ladder."
    raise InputError("no layout of a multi-regional table that I know.", where=where, hint=hint, code="layout")


def mrio_kind(data: bytes) -> str:
    """`npz`, `xlsx`, `icio`, or "" for anything else."""
    if data.startswith(b"PK"):
        try:
            names = zipfile.ZipFile(io.BytesIO(data)).namelist()
        except BROKEN:
            return ""
        return "xlsx" if "[Content_Types].xml" in names else "npz" if any(n.endswith(".npy") for n in names) else ""
    labels = opened(data, "table")[:4000].decode("utf-8", errors="replace").split("\n", 1)[0].split(",")[1:3]
    return "icio" if labels and all(ICIO_HEAD.fullmatch(x.strip().strip('"')) for x in labels) else ""


# --- npz --------------------------------------------------------------------------------------------------------------


def parse_mrio_npz(
    data: bytes,
    *,
    year: int | None = None,
    where: str = "table.npz",
    unit: str = UNIT,
    source: str = "",
    tolerance: float = TOLERANCE,
) -> MrioTable:
    """A table kept as NumPy arrays: `countries` (C,), `industries` (I,), `Z` (CI, CI), `F` (CI, CK), `x` (CI,).

    Args:
        data: the file. year: of the table; may be left out where the file has a number `year`.
        tolerance: by how much `x` may differ from the sum of its row, as a share of all output.

    Raises:
        InputError: an array that is missing, of a wrong shape, or made of Python objects. SourceError: unbalanced.
    """
    arrays = _arrays(data, where)
    for name in ("countries", "industries", "Z", "F", "x"):
        if name not in arrays:
            what, hint = f'no array "{name}".', f"It has {listed(sorted(arrays)) or 'none'}."
            raise InputError(what, where=where, hint=hint, code="array")
    countries = tuple(FORMER_CODES.get(c, c) for c in _names(arrays["countries"]))
    industries = tuple(_names(arrays["industries"]))
    f = np.atleast_2d(_numbers(arrays["F"], "F", where))
    kinds, left = divmod(f.shape[1], max(len(countries), 1))
    if left or not kinds:
        what = f"F has {f.shape[1]} columns, which is no multiple of {len(countries)} countries."
        raise InputError(what, where=where, hint="Final uses come country by country.", code="shape")
    said = int(arrays["year"]) if "year" in arrays and arrays["year"].size == 1 else None
    table = MrioTable(
        countries,
        industries,
        tuple(f"f{n + 1}" for n in range(kinds)),
        _numbers(arrays["Z"], "Z", where),
        f,
        _numbers(arrays["x"], "x", where),
        unit,
        agreed_year(year, said, where),
        hashlib.sha256(data).hexdigest(),
        source or where,
    )
    return checked(table, where, tolerance)


def _arrays(data: bytes, where: str) -> Mapping[str, NDArray[Any]]:
    try:
        size = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(data)).infolist())
        if size > BYTES_MAX:
            what = f"{size:,} bytes once opened; at most {BYTES_MAX:,} are read."
            raise InputError(what, where=where, hint="Give the part that is needed.", code="size")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except BROKEN as error:
        said = str(error) or type(error).__name__
        raise InputError(
            f"no npz file, or a broken one: {said}.", where=where, hint="Get it again.", code="npz"
        ) from None
    except ValueError as error:
        hint = "Save plain arrays of numbers and text; Python objects are never loaded, as they may run code."
        raise InputError(f"can't be read: {error}.", where=where, hint=hint, code="pickle") from None


def _names(array: NDArray[Any]) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in array.ravel().tolist()]


def _numbers(array: NDArray[Any], name: str, where: str) -> Array:
    if array.dtype.kind not in "iuf":
        hint = "Save whole numbers or floats."
        raise InputError(f"{name} holds {array.dtype}, no numbers.", where=where, hint=hint, code="number")
    return np.ascontiguousarray(array, dtype=np.float64)


# --- pymrio -----------------------------------------------------------------------------------------------------------


def from_pymrio(system: Any, *, year: int, source: str, unit: str = UNIT, tolerance: float = TOLERANCE) -> MrioTable:
    """A table that pymrio parsed (`parse_exiobase3`, `parse_wiod`, ...), of industries in both directions.

    Args:
        system: a `pymrio.IOSystem` with `Z`, `Y` and, if it was computed, `x`.

    Raises:
        InputError: its labels are no grid of regions and sectors. SourceError: unbalanced.
    """
    pairs = [f"{region}_{sector}" for region, sector in system.Z.index]
    countries = list(dict.fromkeys(str(region) for region, _ in system.Z.index))
    industries = list(dict.fromkeys(str(sector) for _, sector in system.Z.index))
    kinds = list(dict.fromkeys(str(kind) for _, kind in system.Y.columns))
    finals = [f"{region}_{kind}" for region, kind in system.Y.columns]
    if pairs != _product(countries, industries) or finals != _product(countries, kinds):
        what = "its sectors or final uses are not the same in every region, or not region by region."
        raise InputError(what, where=source, hint="Aggregate it with pymrio first.", code="layout")
    z, f = system.Z.to_numpy(dtype=np.float64), system.Y.to_numpy(dtype=np.float64)
    given = getattr(system, "x", None)
    output = z.sum(axis=1) + f.sum(axis=1) if given is None else given.to_numpy(dtype=np.float64).reshape(-1)
    digest = hashlib.sha256(z.tobytes() + f.tobytes() + output.tobytes()).hexdigest()
    names = (tuple(countries), tuple(industries), tuple(kinds))
    return checked(MrioTable(*names, z, f, output, unit, year, digest, source), source, tolerance)


def _product(first: Iterable[str], second: Sequence[str]) -> list[str]:
    return [f"{a}_{b}" for a in first for b in second]
