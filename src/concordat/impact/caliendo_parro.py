"""The replication files of Caliendo and Parro (2015), from the user's own folder -> a base and the tariffs of 2005.

The authors published them without a licence, so none is shipped. Text matrices, numbers apart by tabs or blanks (with
20 tradable of J = 40 sectors, and N = 31 economies):

| file | rows x columns | what |
| --- | --- | --- |
| `xbilat1993` | 20 N x N | trade in thousand USD net of tariff; importers by sector, exporters across |
| `tariffs1993`, `tariffs2005` | 20 N x N | in percent, in the same order |
| `B` | J x N | value added over output |
| `GO` | J x N | gross output in USD; raised to exports where it is less, as the authors do |
| `IO` | J N x J | economy by economy: rows are inputs, columns users, each column adds up to 1 |
| `T` | 20 | elasticities theta, or their inverses |

Layout, units, order of economies and the elasticity of non-tradable sectors (8.22) as in the authors' `script.m`; there
`T` is read as theta, and inverted at once, so both readings of it are around. Here it is told apart by the published
values: petroleum (7th) has the largest theta, other transport (19th) the smallest. Where neither fits, say which it
is. Home deliveries are output less exports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_readers import FinalDemand, build_sectors
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
ECONOMIES = (
    "ARG", "AUS", "AUT", "BRA", "CAN", "CHL", "CHN", "DNK", "FIN", "FRA", "DEU", "GRC", "HUN", "IND", "IDN", "IRL",
    "ITA", "JPN", "KOR", "MEX", "NLD", "NZL", "NOR", "PRT", "ZAF", "ESP", "SWE", "TUR", "GBR", "USA", "ROW",
)  # fmt: skip
SECTORS = (
    "agriculture", "mining", "food", "textile", "wood", "paper", "petroleum", "chemicals", "plastic", "minerals",
    "basic metals", "metal products", "machinery", "office", "electrical", "communication", "medical", "auto",
    "other transport", "other", "electricity", "construction", "retail", "hotels", "land transport",
    "water transport", "air transport", "auxiliary transport", "post", "finance", "real estate", "renting",
    "computer", "research", "other business", "public", "education", "health", "other services", "private",
)  # fmt: skip
FILES = ("xbilat1993", "tariffs1993", "tariffs2005", "B", "GO", "IO", "T")
NON_TRADABLE_THETA = 8.22
LARGEST, SMALLEST = 6, 18  # places of petroleum and other transport among the tradable sectors
SUMS = 1e-3  # by how much a column of IO may miss 1, for the files are rounded
SOURCE = "Caliendo and Parro 2015, replication files"


@dataclass(frozen=True, slots=True, eq=False)
class Replication:
    """The base of 1993 and the tariffs of 2005, (J, N, N) as shares, by sector, importer, exporter."""

    model: SectorModel
    tariffs_2005: Array


def parse_caliendo_parro(
    folder_bytes: Mapping[str, bytes],
    *,
    economies: Sequence[str] | None = None,
    sectors: Sequence[str] | None = None,
    theta_file: Literal["recognise", "elasticity", "inverse"] = "recognise",
    final_demand: FinalDemand = "refuse",
) -> Replication:
    """The replication files as a base.

    Args:
        folder_bytes: file name -> bytes; names with or without `.txt`, others are left alone.
        economies, sectors: names; those of the paper where the files have its size.
        theta_file: what `T` holds.

    Raises:
        InputError: a file is missing, isn't a matrix of numbers of the right size, or is in other units.
        MethodError: as `SectorModel`.
    """
    found = {name: _matrix(folder_bytes, name) for name in FILES}
    kinds, count = found["B"].shape
    tradable = found["T"].size
    stacked = (tradable * count, count)
    wanted = {"GO": (kinds, count), "IO": (kinds * count, kinds)}
    wanted |= dict.fromkeys(("xbilat1993", "tariffs1993", "tariffs2005"), stacked)
    for name, shape in wanted.items():
        if found[name].shape != shape:
            what = (
                f"{found[name].shape} numbers, and {shape} are needed beside B of {(kinds, count)} and {tradable} in T."
            )
            raise InputError(what, where=name, hint="Rows are sector by sector.", code="shape")
    notes: list[str] = []
    names = _names(economies, ECONOMIES, count, "economies"), _names(sectors, SECTORS, kinds, "sectors")
    flows = _flows(found["xbilat1993"] / 1000, found["GO"] / 1e6, names, notes)
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(hashlib.sha256(_bytes(folder_bytes, name)).digest())
    model = build_sectors(
        *names, flows, found["B"], _inputs(found["IO"], kinds, count, notes),
        _theta(found["T"].ravel(), kinds, theta_file, notes), tariff=_tariffs(found["tariffs1993"], kinds, notes, 1993),
        final_demand=final_demand, year=1993, sha256=digest.hexdigest(), source=SOURCE, notes=notes,
    )  # fmt: skip
    kept = [names[1].index(sector) for sector in model.sectors]
    return Replication(model, _tariffs(found["tariffs2005"], kinds, [], 2005)[kept])


def _bytes(folder: Mapping[str, bytes], name: str) -> bytes:
    for known in (f"{name}.txt", name):
        if known in folder:
            return folder[known]
    hint = f"The folder must hold {', '.join(f'{f}.txt' for f in FILES)}."
    raise InputError(f"{name}.txt is missing.", where=SOURCE, hint=hint, code="missing_file")


def _matrix(folder: Mapping[str, bytes], name: str) -> Array:
    rows: list[list[float]] = []
    for number, line in enumerate(_bytes(folder, name).decode("utf-8-sig", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            where, hint = f"{name}, line {number}", "Numbers with a decimal point, apart by tabs or blanks."
            raise InputError(f"not a row of numbers: {line[:60]!r}.", where=where, hint=hint, code="number") from None
        if rows and len(row) != len(rows[0]):
            what = f"{len(row)} numbers, and {len(rows[0])} in the lines before."
            raise InputError(what, where=f"{name}, line {number}", hint="Every row has as many.", code="shape")
        rows.append(row)
    found = np.array(rows, dtype=np.float64)
    if not found.size or not np.isfinite(found).all():
        raise InputError(
            "empty, or a number is missing.", where=name, hint="Give 0 where there is none.", code="number"
        )
    return found


def _names(given: Sequence[str] | None, paper: tuple[str, ...], count: int, kind: str) -> tuple[str, ...]:
    names = tuple(given) if given is not None else paper
    if len(names) != count:
        what = f"{len(names)} names of {kind}, and the files have {count}."
        raise InputError(what, where=SOURCE, hint=f"Name them: {kind}=[...].", code="names")
    return names


def _flows(trade: Array, output: Array, names: tuple[tuple[str, ...], tuple[str, ...]], notes: list[str]) -> Array:
    """(J, N, N) in million USD, home deliveries on the diagonals."""
    kinds, count = output.shape
    flows = np.zeros((kinds, count, count))
    flows[: len(trade) // count] = trade.reshape(-1, count, count)
    at_home = np.arange(count)
    flows[:, at_home, at_home] = 0.0
    exports = flows.sum(axis=1)
    if exports.sum() > output[: len(trade) // count].sum():
        what = f"exports of {exports.sum():,.6g} million USD, but output of {output.sum():,.6g}."
        hint = "Trade must be in thousand USD, output (GO) in USD."
        raise InputError(what, where="xbilat1993", hint=hint, code="unit")
    less = exports > output * (1 + 1e-9)
    if less.any():
        cells = [f"{names[1][j]} of {names[0][n]}" for j, n in np.argwhere(less)]
        notes.append(f"output raised to exports in {len(cells)} cells, which deliver nothing at home: {listed(cells)}")
    flows[:, at_home, at_home] = np.maximum(output - exports, 0.0)
    return flows


def _tariffs(percent: Array, kinds: int, notes: list[str], year: int) -> Array:
    count = percent.shape[1]
    found = np.zeros((kinds, count, count))
    found[: len(percent) // count] = percent.reshape(-1, count, count) / 100
    at_home = np.arange(count)
    if found[:, at_home, at_home].any():
        notes.append(f"tariffs of {year} of economies on their own goods set to 0")
        found[:, at_home, at_home] = 0.0
    return found


def _inputs(stacked: Array, kinds: int, count: int, notes: list[str]) -> Array:
    """(N, J, J) economy by user by input, each adding up to 1."""
    found = stacked.reshape(count, kinds, kinds).transpose(0, 2, 1)
    total = found.sum(axis=2, keepdims=True)
    off = np.abs(np.where(total > 0, total, 1.0) - 1)
    if off.max() > SUMS:
        n, j = (int(k) for k in np.argwhere(off[:, :, 0] == off.max())[0])
        what = f"the shares of inputs of sector {j + 1} in economy {n + 1} add up to {float(total[n, j, 0]):.6g}."
        raise InputError(what, where="IO", hint="Rows are inputs, columns users; each column adds up to 1.", code="sum")
    if off.max() > 1e-9:
        notes.append(f"shares of inputs scaled to add up to 1; the largest gap was {off.max():.2g}")
    scaled: Array = found / np.where(total > 0, total, 1.0)
    return scaled


def _theta(values: Array, kinds: int, reading: str, notes: list[str]) -> Array:
    """(J,) elasticities of all sectors."""
    if not (values > 0).all():
        raise InputError(
            "an elasticity that is not above zero.", where="T", hint="Give theta, or 1/theta.", code="theta"
        )
    if reading == "recognise":
        ends = (int(np.argmax(values)), int(np.argmin(values)))
        known = {(LARGEST, SMALLEST): "elasticity", (SMALLEST, LARGEST): "inverse"}
        if ends not in known:
            what = "the largest and smallest values are not those of petroleum and other transport."
            hint = 'Say what T holds: theta_file="elasticity" or "inverse".'
            raise InputError(what, where="T", hint=hint, code="theta")
        reading = known[ends]
    if reading not in ("elasticity", "inverse"):
        raise InputError(f'"{reading}" is no reading of T.', where="T", hint="elasticity or inverse.", code="theta")
    notes.append(f"T read as {'theta' if reading == 'elasticity' else '1/theta'}")
    own = values if reading == "elasticity" else 1 / values
    return np.concatenate([own, np.full(kinds - own.size, NON_TRADABLE_THETA)])
