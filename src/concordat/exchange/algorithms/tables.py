"""Records of algorithms as tables and JSON of the Dutch and British registers: read as they come, written back.

Dutch: one row a record, columns by the field names of the publication standard 1.0; or JSON, one object or a list. A
cell of a list is a JSON array; other text in it is kept as it is. British: one row an attribute (`record, ref,
attribute, name, value`; a repeated attribute has several rows), or one row a record. Commas, semicolons and tabs are
told apart by the header that names most known fields. A column that no list knows is kept in `source_record`.

A record's id is the prefix and the register's own id (`lars`, else `source_id`), else its name in small letters; two
rows of one id are an error that names both. Source: exchange.md, section 7.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from concordat.errors import InputError, SourceError
from concordat.exchange.algorithms.crosswalk import crosswalk
from concordat.exchange.algorithms.record import AlgorithmRecord, Value, limit_faults

BYTES_MAX = 50_000_000
RECORDS_MAX = 100_000
CELL_MAX = 1_000_000  # characters
LONG = ("record", "ref", "attribute", "name", "value")
Rows = list[dict[str, Any]]


def read_nl(data: bytes, *, prefix: str = "nl", member: str = "", where: str = "register.csv") -> list[AlgorithmRecord]:
    """The records of a Dutch register, CSV or JSON.

    Raises:
        SourceError: it is neither, or names no field of the standard. InputError: two rows have one id.
    """
    return _records(_rows(data, "nl", where), AlgorithmRecord.from_nl, ("lars", "source_id"), prefix, member, where)


def read_uk(data: bytes, *, prefix: str = "uk", member: str = "", where: str = "register.csv") -> list[AlgorithmRecord]:
    """The records of a British register, CSV (long or wide) or JSON.

    Raises:
        SourceError: it is neither, or names no attribute of the standard. InputError: two rows have one id.
    """
    rows = _rows(data, "uk", where)
    if rows and {"attribute", "value"} <= set(rows[0]):
        rows = _joined(rows, where)
    return _records(rows, AlgorithmRecord.from_uk, (), prefix, member, where)


def nl_csv(records: Iterable[AlgorithmRecord]) -> str:
    """The records as a table of the Dutch standard.

    Raises:
        InputError: a required field is missing, or one is longer than the standard allows, with record and field.
    """
    columns = list(crosswalk().fields("nl"))
    rows = [{name: _cell(value) for name, value in nl_fields(record).items()} for record in records]
    extra = sorted({name for row in rows for name in row} - set(columns))
    return _csv([*columns, *extra], rows)


def nl_json(records: Iterable[AlgorithmRecord]) -> str:
    """The records as a JSON list of the Dutch standard.

    Raises:
        InputError: as `nl_csv`.
    """
    return json.dumps([nl_fields(record) for record in records], ensure_ascii=False, indent=1) + "\n"


def nl_fields(record: AlgorithmRecord) -> dict[str, Any]:
    """The record's fields of the Dutch standard, if they keep its limits.

    Raises:
        InputError: a required field is missing, or one is longer than the standard allows.
    """
    from concordat.exchange.algorithms.completeness import filled

    fields = record.to_nl()
    faults = []
    for name, part in crosswalk().fields("nl").items():
        if part.fields["nl"].required and not filled(fields.get(name)):
            faults.append(f"{name} is required.")
        if name in fields:
            faults += limit_faults(part.fields["nl"], fields[name])
    if faults:
        more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
        hint = "Fill or shorten it. See: concordat exchange algorithm show ID --completeness"
        raise InputError(f"{faults[0]}{more}", where=record.id, hint=hint, code="limits")
    return fields


def atrs_csv(records: Iterable[AlgorithmRecord]) -> str:
    """The records as a table of the British standard: one row an attribute, in the order of its sections."""
    parts = crosswalk().fields("uk")
    order = sorted(parts, key=lambda name: _section(parts[name].fields["uk"].ref))
    rows = []
    for record in records:
        fields = record.to_uk()
        for name in [*order, *sorted(set(fields) - set(order))]:
            ref = parts[name].fields["uk"].ref if name in parts else ""
            for value in _repeated(fields.get(name)):
                rows.append({"record": record.id, "ref": ref, "attribute": name, "name": record.name, "value": value})
    return _csv(list(LONG), rows)


# --- Reading --------------------------------------------------------------------------------------------------------


def _rows(data: bytes, standard: str, where: str) -> Rows:
    if len(data) > BYTES_MAX:
        raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, hint="Split the file.", code="too_large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"byte {error.start} is not UTF-8.", where=where, code="not_utf8") from None
    rows = _json_rows(text, where) if text.lstrip()[:1] in ("[", "{") else _csv_rows(text, standard, where)
    if len(rows) > RECORDS_MAX:
        raise InputError(f"over {RECORDS_MAX:,} rows.", where=where, hint="Split the file.", code="too_large")
    known = set(crosswalk().fields(standard)) | ({"attribute"} if standard == "uk" else set())
    if not any(known & set(row) for row in rows):
        title = crosswalk().standards[standard].title
        raise SourceError(f"no column is a field of {title}.", where=where, hint="Is it another form?", code="columns")
    return rows


def _json_rows(text: str, where: str) -> Rows:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"not JSON: {str(error)[:80]}.", where=where, code="not_json") from None
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(row, dict) for row in found):
        raise SourceError("not a list of objects.", where=where, hint="One object a record.", code="schema")
    return found


def _csv_rows(text: str, standard: str, where: str) -> Rows:
    known = {*crosswalk().fields(standard), *(LONG if standard == "uk" else ())}
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=lambda d: len(known & set(next(csv.reader([header], delimiter=d), []))))
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows: Rows = []
        for row in _long_cells(reader):
            if None in row or None in row.values():
                hint = "Quote cells that hold the separator."
                raise SourceError(
                    f"not {len(reader.fieldnames or ())} cells.", where=f"{where}, line {reader.line_num}", hint=hint
                )
            rows.append({name: _uncell(value, standard, name) for name, value in row.items()})
    except csv.Error as error:
        raise SourceError(f"not CSV: {error}.", where=where, code="not_csv") from None
    return rows


def _long_cells(reader: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows, read with cells of up to a million characters: the limit is the process's, so it is put back each time."""
    rows = iter(reader)
    while True:
        before = csv.field_size_limit(CELL_MAX)
        try:
            row = next(rows)
        except StopIteration:
            return
        finally:
            csv.field_size_limit(before)
        yield row


def _uncell(text: str, standard: str, name: str) -> Any:
    """What a cell says: a JSON array in a list's column, else the text. An empty cell is an empty text."""
    part = crosswalk().fields(standard).get(name)
    if part is None or not part.many or not text.startswith("["):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, list) else text


def _joined(rows: Rows, where: str) -> Rows:
    """The records of a table with one row an attribute; an attribute that is repeated is a list."""
    parts = crosswalk().fields("uk")
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, start=2):
        fields = found.setdefault(str(row.get("record") or ""), {})
        name, value = row["attribute"], row["value"]
        many = name in parts and parts[name].fields["uk"].many
        if many:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            hint = "Only suppliers, data and assessments may be repeated."
            raise InputError(f"{name} stands twice.", where=f"{where}, line {number}", hint=hint, code="twice")
        else:
            fields[name] = value
    return [{**fields, "record": key} if key else fields for key, fields in found.items()]


def _records(
    rows: Rows,
    make: Callable[..., AlgorithmRecord],
    own: Sequence[str],
    prefix: str,
    member: str,
    where: str,
) -> list[AlgorithmRecord]:
    found: dict[str, tuple[int, AlgorithmRecord]] = {}
    for number, row in enumerate(rows, start=1):
        key = _id(row, own, prefix)
        fields = {name: value for name, value in row.items() if name != "record"}
        record = make(fields, id=key, member=member)
        if key in found:
            first = found[key][0]
            what = f'records {first} and {number} have the id "{key}".'
            raise InputError(what, where=where, hint="Give them lars or source_id, or names that differ.", code="twice")
        found[key] = (number, record)
    return [record for _, record in found.values()]


def _id(row: Mapping[str, Any], own: Sequence[str], prefix: str) -> str:
    given = str(row.get("record") or "")
    if re.fullmatch(r"[a-z][a-z0-9._-]{0,127}", given):
        return given
    text = next((str(row[name]) for name in own if row.get(name)), "") or str(row.get("name") or "")
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80]
    return f"{prefix}-{slug or 'unnamed'}"


# --- Writing --------------------------------------------------------------------------------------------------------


def _section(ref: str) -> tuple[int, ...]:
    return tuple(int(step) for step in ref.split(".")) if ref else (0,)


def _repeated(value: Value | None) -> list[str]:
    if value is None:
        return []
    return [_cell(item) for item in value] if isinstance(value, list) else [value]


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
