"""Bytes of a gravity panel -> `TradePanel`: one row an exporter, importer and year, with what may explain the flow.

    exporter,importer,year,trade,dist,cntg,lang,clny,rta
    ARG,ARG,1986,61288.59,533.9,0,0,0,0
    ARG,AUS,1986,27.76,12044.6,0,0,0,0

CSV, UTF-8, gzipped or not. Columns other than `COVARIATES` are left out. Pairs are made here, both directions one pair,
whatever a `pair_id` in the file says. A blank cell stays missing: it is refused, with its line, by the formula that
needs it and not before. Economies are ISO 3166-1 alpha-3 codes, `ROW`, or codes of countries that are no more (SUN).
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.trade_readers import FORMER_CODES, NOT_COUNTRIES, opened
from concordat.impact.trade_table import listed
from concordat.settings import nearest

Array = NDArray[np.float64]
Index = NDArray[np.intp]
KEYS = ("exporter", "importer", "year", "trade")
COVARIATES = ("dist", "cntg", "lang", "clny", "rta")
# ISO 3166-3, countries without one successor: a panel that goes back far has their rows.
NO_MORE = ("ANT", "CSK", "DDR", "SCG", "SUN", "YMD", "YUG")
BLANK = ("", "na", "nan", ".")


@dataclass(frozen=True, slots=True, eq=False)
class TradePanel:
    """n rows of bilateral trade.

    Attributes:
        economies: codes, sorted. exporter, importer: (n,) places among them. year: (n,). trade: (n,), NaN where blank.
        columns: covariate -> (n,), NaN where blank. lines: (n,) of the file.
        where: the file's name, for messages. sha256: of its bytes. source: what to cite. notes: what the reader did.
    """

    economies: tuple[str, ...]
    exporter: Index
    importer: Index
    year: NDArray[np.int64]
    trade: Array
    columns: Mapping[str, Array]
    lines: NDArray[np.int64]
    where: str
    sha256: str
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.trade)

    @property
    def years(self) -> tuple[int, ...]:
        """The years it has rows of."""
        return tuple(int(y) for y in np.unique(self.year))

    @property
    def pair(self) -> Index:
        """(n,) a number a pair, the same in both directions."""
        count = len(self.economies)
        low, high = np.minimum(self.exporter, self.importer), np.maximum(self.exporter, self.importer)
        found: Index = low * count + high
        return found

    @property
    def domestic(self) -> NDArray[np.bool_]:
        """(n,) whether a row is a delivery at home."""
        found: NDArray[np.bool_] = self.exporter == self.importer
        return found

    def column(self, name: str) -> Array:
        """A covariate.

        Raises:
            InputError: the file lacks it.
        """
        if name not in self.columns:
            hint = f"Add it; the file has {listed(self.columns) or 'no covariates'}."
            raise InputError(
                f'no column "{name}", which the formula needs.', where=self.where, hint=hint, code="column"
            )
        return self.columns[name]

    def refuse(self, wrong: NDArray[np.bool_], what: str, hint: str, code: str) -> None:
        """Refuse rows, with their lines.

        Raises:
            InputError: any is wrong.
        """
        if wrong.any():
            found = self.lines[wrong]
            place = f"{self.where}, line {found[0]}"
            more = f" {len(found):,} rows in all: lines {listed(str(n) for n in found)}." if len(found) > 1 else ""
            raise InputError(f"{what}.{more}", where=place, hint=hint, code=code)


def parse_trade_panel(
    data: bytes, *, where: str = "panel.csv", source: str = "", aliases: Mapping[str, str] | None = None
) -> TradePanel:
    """The panel in a file.

    Args:
        data: its bytes. where: its name. source: what to cite; the name where none is given.
        aliases: the file's own codes -> ISO alpha-3, besides former codes of the same country (ROM).

    Raises:
        InputError: a column that isn't there, an unknown code, a pair and year twice, a number that is none.
    """
    table, lines = _columns(opened(data, where), where)
    renamed = {**FORMER_CODES, **(aliases or {})}
    sides = {side: [renamed.get(code, code) for code in table[side]] for side in ("exporter", "importer")}
    economies = tuple(sorted({*sides["exporter"], *sides["importer"]}))
    _refuse_unknown(economies, sides, lines, where)
    place = {code: n for n, code in enumerate(economies)}
    exporter, importer = (np.array([place[c] for c in sides[s]], dtype=np.intp) for s in ("exporter", "importer"))
    numbers = {name: _numbers(table[name], name, lines, where) for name in table if name not in KEYS[:2]}
    year = numbers.pop("year")
    present = {old for side in ("exporter", "importer") for old in set(table[side]) & set(renamed)}
    panel = TradePanel(
        economies=economies,
        exporter=exporter,
        importer=importer,
        year=np.nan_to_num(year).astype(np.int64),
        trade=numbers.pop("trade"),
        columns=numbers,
        lines=lines,
        where=where,
        sha256=hashlib.sha256(data).hexdigest(),
        source=source or where,
        notes=tuple(f"{old} read as {renamed[old]}" for old in sorted(present)),
    )
    panel.refuse(~(year == np.floor(year)), "year is blank or no whole number", "Write it as 2006.", "year")
    _refuse_duplicates(panel)
    return panel


def _columns(data: bytes, where: str) -> tuple[dict[str, list[str]], NDArray[np.int64]]:
    """The cells of the columns we use, and the line of each row; blank rows are left out."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), strict=True))
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8."
        raise InputError(what, where=where, hint="Save it as UTF-8.", code="encoding") from None
    except csv.Error as error:
        raise InputError(f"no CSV: {error}.", where=where, hint="Save it as CSV with commas.", code="csv") from None
    head = [name.strip().lower() for name in rows[0]] if rows else []
    wanted = [name for name in (*KEYS, *COVARIATES) if name in head]
    for name in KEYS:
        if name not in head:
            close = nearest(name, head)
            hint = f'Is it "{close[0]}"? Rename it.' if close else f"It has {listed(head) or 'nothing'}."
            raise InputError(f'no column "{name}".', where=where, hint=hint, code="column")
    twice = next((name for name in wanted if head.count(name) > 1), None)
    if twice:
        raise InputError(f'two columns "{twice}".', where=where, hint="Remove one.", code="column")
    kept = [(n, row) for n, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)]
    short = next((n for n, row in kept if len(row) != len(head)), None)
    if short is not None:
        what = f"not {len(head)} cells, as the head has."
        raise InputError(what, where=f"{where}, line {short}", hint="Correct the line.", code="short")
    if not kept:
        raise InputError("no rows below the head.", where=where, hint="Give the flows.", code="empty")
    cells = {name: [row[head.index(name)].strip() for _, row in kept] for name in wanted}
    return cells, np.array([n for n, _ in kept], dtype=np.int64)


def _numbers(cells: Sequence[str], name: str, lines: NDArray[np.int64], where: str) -> Array:
    """A column of numbers, NaN where it is blank."""
    try:
        plain = np.array(list(map(float, cells)))
        if np.isfinite(plain).all() and not any("_" in text for text in cells):
            return plain
    except ValueError:  # some cell is blank or wrong: look at each
        pass
    found = np.empty(len(cells))
    for n, text in enumerate(cells):
        try:
            found[n] = np.nan if text.lower() in BLANK else float(text)
        except ValueError:
            found[n] = np.inf
        if np.isinf(found[n]) or "_" in text:
            what = f'{name} "{text[:30]}" is no number.'
            raise InputError(what, where=f"{where}, line {lines[n]}", hint="Correct the cell.", code="number")
    return found


def _refuse_unknown(
    economies: Iterable[str], sides: Mapping[str, Sequence[str]], lines: NDArray[np.int64], where: str
) -> None:
    from concordat.world import countries

    known = {*(c.iso3 for c in countries()), *NOT_COUNTRIES, *NO_MORE}
    unknown = [code for code in economies if code not in known]
    if unknown:
        first = min(list(side).index(unknown[0]) for side in sides.values() if unknown[0] in side)
        close = nearest(unknown[0], known)
        others = f" Nor are {listed(unknown[1:])}." if unknown[1:] else ""
        said = f'Did you mean "{close[0]}"? ' if close else ""
        hint = f"{said}Economies are ISO alpha-3 codes, or ROW; give aliases for a file's own."
        what = f'"{unknown[0]}" is no economy I know.{others}'
        raise InputError(what, where=f"{where}, line {lines[first]}", hint=hint, code="code")


def _refuse_duplicates(panel: TradePanel) -> None:
    count = len(panel.economies)
    key = (panel.year * count + panel.exporter) * count + panel.importer
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), dtype=bool)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    panel.refuse(again, "the same exporter, importer and year again", "Keep one row of each.", "duplicate")
