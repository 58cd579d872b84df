"""The rows of one vintage as a Parquet file that never changes, written and read by DuckDB.

Rows are sorted by indicator, area, period and breakdown. They pass through a temporary CSV with declared types, in
which text is always quoted and null never is, so that an empty text, the word NULL and no value stay three things. NaN
and infinities are refused before. The *logical hash* of a vintage is the SHA-256 of its sorted `row_hash` list, one a
line: two writers may differ in bytes and still have said the same. Reading recomputes every row's hash and the logical
hash.

DuckDB is an engine here: it runs in memory, with one thread, and no file of its own is ever kept.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.canonical import number_text
from concordat.errors import SourceError, StateError, TrustError
from concordat.evidence.observation import COLUMNS, Observation, check_observation
from concordat.evidence.store import _files

if TYPE_CHECKING:
    import duckdb

_NUMBERS = ("value", "lower", "upper", "precision")
_TYPES = {
    **dict.fromkeys(_NUMBERS, "DOUBLE"),
    **dict.fromkeys(("period_start", "period_end", "known_from"), "DATE"),
    **dict.fromkeys(("unit_mult", "decimals"), "INTEGER"),
    "retrieved_at": "TIMESTAMP",
}
_TYPE_OF = {name: _TYPES.get(name, "VARCHAR") for name in COLUMNS}
_ROW_BYTES_MAX = 4 * 2**20
_ROWS_AT_ONCE = 20_000  # written as text; bounds the memory, not the result
_GROUP_ROWS = 20_480  # of a Parquet file: 126,371 rows then take 125 MB to write, with DuckDB's default 225 MB
_SEPARATOR = "\x1f"
_columns_of = attrgetter(*COLUMNS)
_order = attrgetter(
    "indicator_id", "area", "period_start", "period_end", "breakdown", "unit", "row_hash", "raw_locator"
)


def logical_hash(row_hashes: Iterable[str]) -> str:
    """SHA-256 of the sorted row hashes, one a line: what a vintage says, whatever the order of its rows."""
    return hashlib.sha256("".join(f"{h}\n" for h in sorted(row_hashes)).encode()).hexdigest()


def sort_rows(observations: Iterable[Observation]) -> list[Observation]:
    """The order in which rows are kept, whatever the order they come in."""
    rows = sorted(observations, key=_order)
    if any(a.row_hash == b.row_hash and a.raw_locator == b.raw_locator for a, b in pairwise(rows)):
        rows.sort(key=lambda o: (_order(o), repr(o)))  # the same said twice about one place: the rest decides
    return rows


def check_rows(observations: Sequence[Observation], *, where: str) -> None:
    """Check each row's invariants and that its hash is the hash of what it says.

    Raises:
        SourceError: a row breaks an invariant.
        TrustError: a row's hash is not its own.
    """
    for o in observations:
        check_observation(o)
    _check_hashes(
        [(o.obs_id, o.value, o.lower, o.upper, o.censoring, o.obs_status, o.conf_status) for o in observations],
        [o.row_hash for o in observations],
        where,
    )


def write_table(observations: Sequence[Observation], path: Path, tmp: Path) -> str:
    """Write sorted rows to `path`, whole or not at all; returns the SHA-256 of the file.

    Raises:
        SourceError: a row holds more text than the engine takes.
        StateError: disk full, no permission.
    """
    import duckdb

    csv, parquet = tmp / f"{path.stem}.csv", tmp / path.name
    try:
        with csv.open("wb") as file:
            for start in range(0, len(observations), _ROWS_AT_ONCE):
                file.write(_encode(observations[start : start + _ROWS_AT_ONCE]))
        source = f"""read_csv({quoted(csv)}, columns={_csv_columns()}, header=false, auto_detect=false, delim=',',
            quote='"', escape='"', nullstr='\\N', allow_quoted_nulls=false, new_line='\\n', parallel=false,
            max_line_size={_ROW_BYTES_MAX})"""
        select = ", ".join(_from_csv(name) for name in COLUMNS)
        with engine() as duck:
            how = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_GROUP_ROWS}"
            duck.execute(f"COPY (SELECT {select} FROM {source}) TO {_text(parquet)} ({how})")
        _files.flush_file(parquet)
        sha256 = hashlib.sha256(parquet.read_bytes()).hexdigest()
        _files.put_in_place(parquet, path)
    except duckdb.Error as error:
        for o in observations:
            if len(_csv([o]).encode()) > _ROW_BYTES_MAX:
                what = f"a row of over {_ROW_BYTES_MAX:,} bytes of text."
                raise SourceError(what, where=f"{o.dataset_id} {o.raw_locator}", code="row_too_long") from None
        raise _engine_error(error, path) from None
    except OSError as error:
        raise _files.disk_error(error, path) from None
    finally:
        csv.unlink(missing_ok=True)
        parquet.unlink(missing_ok=True)
    return sha256


def read_table(path: Path, *, expected: str, file_sha256: str, every_row: bool = True) -> list[Observation]:
    """All rows of a vintage, checked against the hash of the file, of each row, and of all rows together.

    Args:
        expected: the logical hash that the catalogue holds.
        file_sha256: the hash of the file as it was written; it covers the columns that `row_hash` does not.
        every_row: also compute each row's hash again. Where the file's own hash holds this finds only a forged
            catalogue, so everyday reading leaves it to `verify`, to `trace`, and to rebuilding a named release.

    Raises:
        TrustError: the file is missing or any part of it was changed.
    """
    check_file(path, file_sha256)
    columns = _read_columns(path)
    row_hashes = list(columns["row_hash"])
    if every_row:
        said = ("obs_id", "value", "lower", "upper", "censoring", "obs_status", "conf_status")
        _check_hashes(list(zip(*(columns[name] for name in said), strict=True)), row_hashes, str(path))
    found = logical_hash(row_hashes)
    if found != expected:
        raise _changed(path, "the list of rows", expected, found)
    return _build(columns)


def check_file(path: Path, file_sha256: str) -> None:
    """Check that a vintage's file is the one that was written.

    Raises:
        TrustError: the file is missing or was changed.
        StateError: it can't be read.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        found = "no file"
    except OSError as error:
        raise _files.disk_error(error, path) from None
    if found != file_sha256:
        raise _changed(path, "the file", file_sha256, found)


def _check_hashes(said: Sequence[tuple[Any, ...]], row_hashes: Sequence[str], where: str) -> None:
    """As `observation.row_hash_of`, for many rows: the text of each number is made once."""
    texts = _Texts({None: ""})
    sha256 = hashlib.sha256
    for (obs_id, value, lower, upper, *words), row_hash in zip(said, row_hashes, strict=True):
        text = _SEPARATOR.join((obs_id, texts[value], texts[lower], texts[upper], *words))
        found = sha256(text.encode()).hexdigest()[:32]
        if found != row_hash:
            raise _changed(where, f"the row {obs_id}", row_hash, found)


class _Texts(dict[float | None, str]):
    def __missing__(self, number: float) -> str:
        text = self[number] = number_text(float(number))
        return text


def _changed(path: Path | str, what: str, expected: str, found: str) -> TrustError:
    return TrustError(
        f"{what} is not what was stored: expected {expected}, found {found}.",
        where=str(path),
        hint="Restore the file from a copy, or begin a new store: set CONCORDAT_DATA_DIR to an empty folder.",
        code="vintage",
    )


# --- DuckDB -------------------------------------------------------------------------------------------------------


def engine() -> duckdb.DuckDBPyConnection:
    """DuckDB in memory, with one thread (so that sums come out the same) and without extensions."""
    import duckdb

    return duckdb.connect(
        ":memory:", config={"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )


def _engine_error(error: Exception, path: Path) -> StateError:
    text = str(error).splitlines()[0]
    if "No space left" in text or "disk full" in text.lower():
        return _files.disk_full(path)
    return StateError(f"DuckDB can't write or read this file: {text}", where=str(path), code="engine")


def _text(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def quoted(path: Path) -> str:
    """A path for DuckDB's readers, which take `*`, `?` and `[` for patterns."""
    return _text(re.sub(r"[\[*?]", r"[\g<0>]", str(path)))


def typed_nulls() -> str:
    """The columns without a row, each of its type."""
    kinds = {**_TYPE_OF, "derived_from": "VARCHAR[]"}
    return ", ".join(f"NULL::{kinds[name]} AS {name}" for name in COLUMNS)


def _csv_columns() -> str:
    return "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in _TYPE_OF.items()) + "}"


def _from_csv(name: str) -> str:
    if name != "derived_from":
        return name
    return f"CASE WHEN {name} = '' THEN []::VARCHAR[] ELSE string_split({name}, ',') END AS {name}"


def _csv(observations: Sequence[Observation]) -> str:
    """All rows as CSV. Column by column: most values repeat, and each is written once."""
    if not observations:
        return ""
    found = zip(COLUMNS, zip(*map(_columns_of, observations), strict=True), strict=True)
    columns = [_csv_column(name, values) for name, values in found]
    return "".join(",".join(row) + "\n" for row in zip(*columns, strict=True))


def _csv_column(name: str, values: Sequence[Any]) -> list[str]:
    """One column's cells; a value that repeats is written once."""
    if name in _NUMBERS:  # -0.0 and 0.0 are one key of a dictionary, and two numbers
        if values.count(None) == len(values):
            return ["\\N"] * len(values)
        odd = next((v for v in values if v is not None and not math.isfinite(v)), None)
        if odd is not None:
            number_text(odd)  # raises: there is no text for it
        return ["\\N" if value is None else repr(float(value)) for value in values]
    unique = set(values)
    if len(unique) == 1:
        return [_csv_field(name, values[0])] * len(values)
    texts = {value: _csv_field(name, value) for value in unique}
    return [texts[value] for value in values]


def _encode(observations: Sequence[Observation]) -> bytes:
    try:
        return _csv(observations).encode("utf-8")
    except UnicodeEncodeError as error:
        broken = ascii(error.object[max(0, error.start - 20) : error.end + 20])
        raise SourceError(f"the text {broken} is not Unicode (half a surrogate pair).", code="not_unicode") from None


def _csv_field(name: str, value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if name == "retrieved_at":
        assert value.tzinfo is not None, "retrieved_at must say its time zone"
        value = value.astimezone(UTC).replace(tzinfo=None)
    if name == "derived_from":
        return '"' + ",".join(value) + '"'
    return str(value)


def _read_columns(path: Path) -> dict[str, Sequence[Any]]:
    """All columns as sequences of equal length.

    Text is fetched as one string a column and split, which takes a quarter of the time of fetching cells; a column
    whose text holds the separator, or that has nulls, splits into another number and is fetched as a list.
    """
    import duckdb

    source = f"read_parquet({quoted(path)})"
    joined = [name for name in COLUMNS if _TYPE_OF[name] == "VARCHAR" and name != "missing_reason"]
    listed = [name for name in COLUMNS if name not in joined]
    asked = [f"string_agg({_as_text(name)}, chr(30))" for name in joined] + [f"list({name})" for name in listed]
    columns: dict[str, Sequence[Any]] = {}
    same: dict[str, str] = {}  # most texts stand in thousands of rows: each is kept once
    try:
        with engine() as duck:
            found = duck.execute(f"SELECT count(*), {', '.join(asked)} FROM {source}").fetchone()
            assert found is not None
            rows, *cells = found
            if rows == 0:
                return dict.fromkeys(COLUMNS, ())
            columns.update(zip((*joined, *listed), cells, strict=True))
            for name in joined:
                columns[name] = str(columns[name] or "").split("\x1e")
                if len(columns[name]) != rows:
                    again = duck.execute(f"SELECT list({_as_text(name)}) FROM {source}").fetchone()
                    columns[name] = again[0] if again else ()
                columns[name] = list(map(same.setdefault, columns[name], columns[name]))
    except duckdb.Error as error:
        what = f"not the Parquet file that was stored: {str(error).splitlines()[0]}"
        raise TrustError(what, where=str(path), code="vintage") from None
    moments = {moment: moment.replace(tzinfo=UTC) for moment in set(columns["retrieved_at"])}
    columns["retrieved_at"] = [moments[moment] for moment in columns["retrieved_at"]]
    lists = {text: tuple(text.split(",")) if text else () for text in set(columns["derived_from"])}
    columns["derived_from"] = [lists[text] for text in columns["derived_from"]]
    return columns


def _as_text(name: str) -> str:
    return "array_to_string(derived_from, ',')" if name == "derived_from" else name


def _build(columns: dict[str, Sequence[Any]]) -> list[Observation]:
    """Rows from columns. Slots are set directly: the frozen `__init__` takes 5 microseconds a row, this takes 2."""
    rows = [object.__new__(Observation) for _ in range(len(columns["obs_id"]))]
    for name in COLUMNS:
        setter = getattr(Observation, name).__set__
        deque(map(setter, rows, columns[name]), maxlen=0)
    return rows
