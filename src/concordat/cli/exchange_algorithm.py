"""`concordat exchange algorithm`: import, show, compare and export records of this machine's register of algorithms."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli import _exchange_library as shared
from concordat.cli._exchange_library import DATA_DIR, JSON, counted, listed, plain
from concordat.cli._exchange_publish import register_algorithm
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.algorithms.record import AlgorithmRecord
    from concordat.exchange.algorithms.register import AlgorithmRegister

FILE = "algorithms.jsonl"
FORMS = ("nl", "uk", "core")
WARNINGS_SHOWN = 20
# form of an export -> what it is
EXPORTS = {
    "nl-csv": "NL publication standard 1.0 as a table",
    "nl-json": "NL publication standard 1.0 as JSON",
    "atrs": "UK ATRS, 2022 pilot, as a table",
    "cyclonedx": "CycloneDX 1.6, one record",
    "jsonld": "JSON-LD, one record",
    "annex-viii": "EU AI Act, Annex VIII, a sheet to fill in, unverified",
    "china": "filing in China, a sheet to fill in, unverified",
    "spdx": "SPDX 3 AI profile, a sheet to fill in, unverified",
}
SHEETS = {"annex-viii": "eu", "china": "cn", "spdx": "spdx"}

app = typer.Typer(
    help="Records of the algorithms that a member uses: import, show, compare, export.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

register_algorithm(app)


def register_of(data_dir: Path | None) -> AlgorithmRegister:
    """The register of this machine."""
    from concordat.exchange.algorithms.register import AlgorithmRegister

    return shared.load(shared.place_of(data_dir, FILE), AlgorithmRegister.parse)


@app.command("import")
def import_records(
    form: str = typer.Argument(..., metavar="FORM", help="nl, uk, or core (a file of schema concordat/algorithm@1)."),
    file: Path = typer.Argument(..., metavar="FILE", help="CSV or JSON of that register; YAML for core."),
    member: str = typer.Option("", "--member", help="Whose register it is, such as BRA."),
    prefix: str = typer.Option("", "--prefix", help="What ids begin with; default: nl or uk."),
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Take records into the register; one that says something else than before becomes the next version of its id."""
    from concordat.exchange.algorithms.register import AlgorithmRegister

    records = _read(form, file, member, prefix or form)
    place = shared.place_of(data_dir, FILE)
    with shared.changing(place) as write:
        register, said = shared.load(place, AlgorithmRegister.parse).add(records)
        write(register.to_bytes())
    warnings = [f"{record.id}: {warning}" for record in records for warning in record.warnings]
    if json:
        _print_json({"records": len(records), "said": said, "warnings": warnings})
        return
    counts = {word: list(said.values()).count(word) for word in ("new", "changed", "same")}
    print(f"{counted(len(records), 'record')}: {', '.join(f'{n} {word}' for word, n in counts.items())}.")
    for warning in warnings[:WARNINGS_SHOWN]:
        print(f"Warning: {plain(warning)}")
    if len(warnings) > WARNINGS_SHOWN:
        print(f"... and {len(warnings) - WARNINGS_SHOWN} more warnings; all of them with --json.")


@app.command("list")
def list_records(data_dir: Path | None = DATA_DIR, json: bool = JSON) -> None:
    """List the records, the newest version of each, with how far they are filled."""
    from concordat.exchange.algorithms.completeness import completeness

    records = list(register_of(data_dir).newest.values())
    if json:
        rows = [{"id": r.id, "version": r.version, "name": r.name, "sha256": r.sha256} for r in records]
        _print_json({"records": rows})
        return
    print(f"{counted(len(records), 'record')}.")
    for record in records:
        print(f"{record.id} v{record.version}  {plain(record.name)}  {completeness(record).text}")


@app.command()
def show(
    record: str = typer.Argument(..., metavar="ID"),
    version: int = typer.Option(0, "--version", help="A version; default: the newest."),
    completeness: bool = typer.Option(
        False, "--completeness", help="What is filled of each standard, and what is not."
    ),
    supplier: bool = typer.Option(False, "--supplier", help="Records that may have the same supplier."),
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Show a record by concept; what of it is filled; who else may use its supplier."""
    register = register_of(data_dir)
    found = register.version(record, version)
    lines: list[str] = []
    facts: dict[str, Any] = {"record": found.to_value(), "sha256": found.sha256, "warnings": list(found.warnings)}
    if completeness:
        lines, facts["completeness"] = _filled(found)
    if supplier:
        more, facts["supplier"] = _suppliers(found, list(register.newest.values()))
        lines += more
    if json:
        _print_json(facts)
        return
    print(f"{found.id} v{found.version}  {plain(found.name)}  (from {found.source_standard}, sha256 {found.sha256})")
    for line in lines if completeness or supplier else _record_lines(found):
        print(line)


@app.command("diff")
def show_diff(
    record: str = typer.Argument(..., metavar="ID"),
    before: int = typer.Option(0, "--from", help="The earlier version; default: the one before."),
    after: int = typer.Option(0, "--to", help="The later version; default: the newest."),
    field: str = typer.Option("", "--field", help="One part through all versions, such as provider.name."),
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Show what changed between two versions, part by part and word by word, or how one part changed over time."""
    from concordat.exchange.algorithms.diff import diff, history
    from concordat.exchange.algorithms.record import as_text

    register = register_of(data_dir)
    if field:
        past = history(register.versions(record), field)
        if json:
            _print_json({"id": record, "field": field, "history": [{"version": v, "value": x} for v, x in past]})
            return
        for number, value in past:
            print(f"v{number}  {field}: {plain(as_text(value)) if value is not None else '(nothing)'}")
        return
    new = register.version(record, after)
    earlier = [r.version for r in register.versions(record) if r.version < new.version]
    if not before and not earlier:
        raise InputError(f"{record} has no version before {new.version}.", hint="Name two with --from and --to.")
    old = register.version(record, before or earlier[-1])
    changes = diff(old, new)
    if json:
        rows = [{"key": c.key, "how": c.how, "before": c.before, "after": c.after} for c in changes]
        _print_json({"id": record, "from": old.version, "to": new.version, "changes": rows})
        return
    print(f"{record} v{old.version} -> v{new.version}: {counted(len(changes), 'change')}.")
    for change in changes:
        print(f"  {plain(change.text)}")


@app.command()
def export(
    form: str = typer.Argument(..., metavar="FORM", help="nl-csv, nl-json, atrs, cyclonedx, jsonld, annex-viii, ..."),
    records: list[str] = typer.Argument(None, metavar="ID...", help="Which; none: all."),
    out: Path | None = typer.Option(None, "--out", help="A file; default: standard output."),
    data_dir: Path | None = DATA_DIR,
) -> None:
    """Write records in the form of a register or a bill of materials; what a form can't hold is said."""
    from concordat.settings import nearest

    if form not in EXPORTS:
        close = nearest(form, EXPORTS)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(EXPORTS)}."
        raise InputError(f'"{form}" is not a form of records.', hint=hint, code="form")
    register = register_of(data_dir)
    chosen = [register.version(key) for key in records or register.newest]
    if form not in ("nl-csv", "nl-json", "atrs") and len(chosen) != 1:
        raise InputError(f"{form} holds one record.", hint="Name its id.", code="one_record")
    text = _written(form, chosen)
    if out is None:
        print(text, end="")
    else:
        from concordat.cli._node_home import write

        write(out, text.encode())
        print(f"{counted(len(chosen), 'record')} to {out}: {EXPORTS[form]}.")
    for line in _left(form, chosen):
        print(line, file=_stderr())


# --- Reading and writing --------------------------------------------------------------------------------------------


def _read(form: str, file: Path, member: str, prefix: str) -> list[AlgorithmRecord]:
    from concordat.exchange.algorithms.record import AlgorithmRecord
    from concordat.exchange.algorithms.tables import read_nl, read_uk
    from concordat.settings import nearest

    if form not in FORMS:
        close = nearest(form, FORMS)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(FORMS)}."
        raise InputError(f'"{form}" is not a form that can be imported.', hint=hint, code="form")
    data = shared.read_input(file, 50_000_000)
    if form == "core":
        return [AlgorithmRecord.load(data, where=str(file))]
    read = read_nl if form == "nl" else read_uk
    return read(data, prefix=prefix, member=member, where=str(file))


def _written(form: str, records: list[AlgorithmRecord]) -> str:
    from concordat.exchange.algorithms import export, tables

    if form in ("nl-csv", "nl-json", "atrs"):
        return {"nl-csv": tables.nl_csv, "nl-json": tables.nl_json, "atrs": tables.atrs_csv}[form](records)
    if form in SHEETS:
        return export.sheet(records[0], SHEETS[form])
    value = export.to_cyclonedx(records[0]) if form == "cyclonedx" else export.to_jsonld(records[0])
    return json_.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _left(form: str, records: list[AlgorithmRecord]) -> list[str]:
    """What a table has no field for, record by record."""
    standard = {"nl-csv": "nl", "nl-json": "nl", "atrs": "uk"}.get(form)
    if form in SHEETS:
        return ["This sheet was not checked against its source: status unverified. It is no filing."]
    left = [(r.id, r.written(standard).left) for r in records] if standard else []
    return [f"{key}: no field for {listed(list(parts), 8)}" for key, parts in left if parts]


# --- What is printed ------------------------------------------------------------------------------------------------


def _print_json(value: dict[str, Any]) -> None:
    from concordat.cli._node_home import print_json

    print_json(value)


def _stderr() -> Any:
    import sys

    return sys.stderr


def _record_lines(record: AlgorithmRecord) -> list[str]:
    from concordat.exchange.algorithms.crosswalk import crosswalk
    from concordat.exchange.algorithms.record import as_text

    lines = []
    for part in crosswalk().parts:
        text = as_text(record.values.get(part.key, ""))
        if text.strip():
            lines.append(f"{part.key}: {plain(text)}")
    return lines + [f"Warning: {plain(warning)}" for warning in record.warnings]


def _filled(record: AlgorithmRecord) -> tuple[list[str], dict[str, Any]]:
    from concordat.exchange.algorithms.completeness import STANDARDS, completeness
    from concordat.exchange.algorithms.crosswalk import crosswalk

    lines, facts = [], {}
    for standard in STANDARDS:
        found = completeness(record, standard)
        title = "Core" if standard == "core" else crosswalk().standards[standard].title
        lines.append(f"{title}: {found.text}")
        if found.missing:
            lines.append(f"  required and not filled: {', '.join(found.missing)}")
        if found.empty:
            lines.append(f"  not filled: {', '.join(found.empty)}")
        facts[standard] = {
            "filled": found.filled,
            "fields": found.fields,
            "required_filled": found.required_filled,
            "required": found.required,
            "missing": list(found.missing),
            "languages": dict(found.languages),
        }
    said = ", ".join(f"{language} {number}" for language, number in found.languages.items())
    lines += [f"Parts filled by language: {said}", "It measures filling, not truth."]
    return lines, facts


def _suppliers(record: AlgorithmRecord, others: list[AlgorithmRecord]) -> tuple[list[str], list[dict[str, str]]]:
    from concordat.exchange.algorithms.diff import same_supplier

    found = same_supplier(record, others)
    lines = [f"candidate: {c.record}  {plain(c.supplier)} (same {c.by})" for c in found]
    return lines or ["No other record has a supplier like it."], [
        {"record": c.record, "supplier": c.supplier, "by": c.by} for c in found
    ]
