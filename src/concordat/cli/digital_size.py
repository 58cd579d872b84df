"""`concordat digital-size AREA`: how large the digital economy is, under each definition.

The output is always the whole ladder, five rungs, each with its definition, year, release, source and status: computed
from the files given with `--table`, published, or not available and why. A rung that a given file should have yielded
and did not ends the command with the exit code of its error, after everything was printed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli import _index_input as shared
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.impact.accounts.digital_sets import ProductSet
    from concordat.impact.accounts.inputs import LadderInputs
    from concordat.impact.accounts.ladder_records import LadderFigure, LadderRung

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="How large the digital economy is, under each definition: a ladder, not a number.",
)
CSV_COLUMNS = (
    "area", "rung", "title", "status", "label", ">year", ">percent", ">percent_low", ">percent_high", "of", ">amount",
    "amount_unit", "released", "mark", "source", "address", "sha256", "part", "notes", "reason", "needs",
)  # fmt: skip


@app.command()
def digital_size(
    area: str = typer.Argument(..., help="A country by code or name, WLD for the world, or a bloc: all its members."),
    year: int | None = typer.Option(None, "--year", help="Only figures of this year; and the year of the tables."),
    table: list[Path] = typer.Option([], "--table", help="A file to compute from; may be repeated."),
    digital_set: str = typer.Option("", "--digital-set", help="Which industries are digital: a set's id, or a file."),
    imports: str = typer.Option("", "--imports", help="proportional: where a table has no imports matrix."),
    tolerance: float = typer.Option(0.1, "--tolerance", help="Imbalance of a table that is let pass, in % of output."),
    on: str = typer.Option("", "--on", help="The day whose members of a bloc count; default: today."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    csv: bool = typer.Option(False, "--csv", help="Print a table as CSV."),
    out: Path | None = typer.Option(None, "--out", help="Write ladder.txt, ladder.csv and ladder.json to this folder."),
) -> None:
    """All rungs of the ladder, with definition, year, release, source and status."""
    from concordat.impact.accounts.inputs import read_inputs
    from concordat.impact.accounts.ladder import digital_ladder

    if imports not in ("", "proportional"):
        raise InputError(f'--imports "{imports}".', hint="The one rule is: proportional.", code="imports")
    if not 0 < tolerance < 100:
        raise InputError(f"--tolerance {tolerance:g}.", hint="Give a percentage, such as 0.1.", code="tolerance")
    areas = _areas(area, on)
    files = {str(path): _bytes(path) for path in table}
    if len(files) != len(table):
        raise InputError("a file is named twice.", hint="Name each once.", code="duplicate")
    sets = _sets(digital_set)
    ladders = []
    for code in areas:
        inputs = read_inputs(files, area=code, year=year, tolerance=tolerance / 100)
        rungs = digital_ladder(
            code, year=year, table=inputs.table, digital_set=sets, imports=imports,  # type: ignore[arg-type]
            ict=inputs.ict, growth=inputs.growth, shares=inputs.shares, services=inputs.services,
        )  # fmt: skip
        ladders.append((code, rungs, inputs))
    facts = {
        "asked": area,
        "year": year,
        "imports": imports or None,
        "tolerance_pct": tolerance,
        "files": [{"name": n, "kind": k, "sha256": h} for n, k, h in ladders[0][2].files],
        "ladders": [{"area": code, "rungs": [rung.to_value() for rung in rungs]} for code, rungs, _ in ladders],
    }
    sources: list[str] = []
    lines = [line for code, rungs, _ in ladders for line in (*_lines(code, year, rungs, sources), "")]
    lines += _foot([rung for _, rungs, _ in ladders for rung in rungs], sources, ladders[0][2])
    rows = (CSV_COLUMNS, [row for code, rungs, _ in ladders for row in _rows(code, rungs)])
    if out is None:
        shared.out(facts, lines, json=json, csv=csv, table=rows)
    else:
        _write(out, facts, lines, rows)
    _stop([rung for _, rungs, _ in ladders for rung in rungs])


# --- What was asked ---------------------------------------------------------------------------------------------------


def _areas(area: str, on: str) -> tuple[str, ...]:
    """The codes of the areas: one country, the world, or a bloc's members."""
    from concordat.world import bloc_ids, country, members

    if area.upper() == "WLD":
        return ("WLD",)
    if area.upper() in bloc_ids():
        from concordat import clock

        return tuple(members(area.upper(), on or clock.today().isoformat(), expand=True))
    if on:
        raise InputError("--on needs a bloc.", hint="Name a bloc, or leave it out.", code="who")
    return (country(area).iso3,)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"can't be read: {error.strerror}."
        raise InputError(what, where=str(path), hint="Check the path.", code="unreadable") from None


def _sets(asked: str) -> str | Sequence[ProductSet]:
    """A set's id, or the industries' sets of a reviewed file."""
    if not asked.endswith((".yaml", ".yml")):
        return asked
    from concordat.impact.accounts.digital_sets import parse_product_sets

    path = Path(asked)
    found = [s for s in parse_product_sets(_bytes(path), where=asked).sets if s.kind == "industries"]
    if not found:
        raise InputError("no set of industries.", where=asked, hint="Add one with kind: industries.", code="no_set")
    return found


def _stop(rungs: Sequence[LadderRung]) -> None:
    """Ends with the code of the first error of a rung, if one should have been computed and was not."""
    one = len({rung.area for rung in rungs}) == 1
    # Of a bloc, members that a world table does not have are told in their ladder; of one country it is the answer.
    failed = [rung for rung in rungs if rung.error is not None and (one or rung.error.code != "country")]
    for rung in failed:
        print(f"concordat: {rung.area}, rung {rung.id}: {rung.error}", file=sys.stderr)
    if failed and failed[0].error is not None:
        raise typer.Exit(failed[0].error.exit_code)


# --- What is printed --------------------------------------------------------------------------------------------------


def _lines(code: str, year: int | None, rungs: Sequence[LadderRung], sources: list[str]) -> Iterator[str]:
    """One area's ladder: the table, why rungs are empty, and the terms and notes of its figures."""
    from concordat.world import area_name

    when = f", {year}" if year is not None else ""
    yield f"The digital economy of {area_name(code)} ({code}){when}: a ladder of definitions, not a number."
    yield ""
    rows = [row for rung in rungs for row in _table_rows(rung, sources)]
    head = ("rung", "what", ">year", ">%", "of", ">amount", "", "status", "released", "seen", "source")
    yield from shared.columns(head, rows)
    empty = [rung for rung in rungs if rung.reason]
    if empty:
        yield ""
        yield from (f"{rung.id} not available: {_sentence(rung.reason)} Needs {rung.needs}." for rung in empty)
    yield from _details(rungs)


def _foot(rungs: Sequence[LadderRung], sources: Sequence[str], inputs: LadderInputs) -> Iterator[str]:
    """What the rungs mean, once for all areas; the sources; the files."""
    yield "Rungs:"
    for rung in {rung.id: rung for rung in rungs}.values():
        yield f"  {rung.id}  {rung.title}: {rung.definition}."
        yield f"     {rung.formula}"
        yield from (f"     unverified: {_sentence(said)}" for said in rung.unverified)
    if sources:
        yield from ("", "Sources:", *(f"  [{n}] {source}" for n, source in enumerate(sources, start=1)))
    if inputs.files:
        yield from ("", "Files:", *(f"  {name} ({kind}) {sha256}" for name, kind, sha256 in inputs.files))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


def _table_rows(rung: LadderRung, sources: list[str]) -> Iterator[tuple[str, ...]]:
    if not rung.figures:
        yield (rung.id, rung.title, "", "-", "", "", "", rung.status, "", "", "")
    for figure in rung.figures:
        source = " ".join(word for word in (figure.source, figure.address) if word)
        if source not in sources:
            sources.append(source)
        yield (
            rung.id,
            figure.label,
            str(figure.year),
            _percent(figure),
            figure.of if _percent(figure) != "-" else "",
            ""
            if figure.amount is None
            else f"{figure.amount:,.6g}"
            if figure.amount < 1e5
            else f"{figure.amount:,.0f}",
            figure.amount_unit,
            figure.status,
            figure.released,
            figure.mark,
            f"[{sources.index(source) + 1}]",
        )


def _percent(figure: LadderFigure) -> str:
    if figure.percent is not None:
        return f"{figure.percent:.4f}" if figure.status == "computed" else f"{figure.percent:g}"
    if figure.percent_low is not None and figure.percent_high is not None:
        return f"{figure.percent_low:g}-{figure.percent_high:g}"
    return "-"


def _details(rungs: Sequence[LadderRung]) -> Iterator[str]:
    """The terms of computed figures, what was kept as it is, and notes."""
    figures = [figure for rung in rungs for figure in rung.figures]
    for figure in figures:
        if figure.parts:
            rows = [
                (name.replace("_", " "), "-" if percent is None else f"{percent:.4f}", f"{amount:,.10g}")
                for name, (percent, amount) in figure.parts.items()
            ]
            yield ""
            yield from shared.columns((f"terms of: {figure.label}", ">%", f">{figure.amount_unit}"), rows)
        if figure.status == "computed":
            yield from (f"  Kept as the source has it: {_sentence(kept)}" for kept in _grouped(figure.kept))
            yield from (f"  Note: {_sentence(note)}" for note in figure.notes)
    noted = [(f.label, f.year, f.notes) for f in figures if f.notes and f.status != "computed"]
    if noted:
        yield from ("", "Notes:", *(f"  {label}, {year}: {'; '.join(notes)}" for label, year, notes in noted))


def _grouped(kept: Sequence[str]) -> Iterator[str]:
    """Oddities of one kind in one line: `13 x negative domestic use: 111CA in GFGN (-478), ...`."""
    from concordat.impact.trade_table import listed

    kinds: dict[str, list[str]] = {}
    for one in kept:
        what, _, place = one.partition(": ")
        kinds.setdefault(what, []).append(place)
    for what, places in kinds.items():
        yield f"{len(places)} x {what}: {listed(places)}"


def _rows(code: str, rungs: Sequence[LadderRung]) -> Iterator[tuple[str, ...]]:
    """One row a figure, one a term of it, and one for a rung without figures."""
    for rung in rungs:
        same = (code, rung.id, rung.title)
        if not rung.figures:
            yield (*same, rung.status, *([""] * 15), rung.reason, rung.needs)
        for figure in rung.figures:
            value = figure.to_value()
            about = (figure.released, figure.mark, figure.source, figure.address, " ".join(figure.sha256))
            share = tuple(_cell(value[k]) for k in ("percent", "percent_low", "percent_high"))
            head = (*same, figure.status, figure.label, str(figure.year))
            notes = "; ".join((*figure.notes, *figure.kept))
            amount = (_cell(value["amount"]), figure.amount_unit)
            yield (*head, *share, figure.of, *amount, *about, "", notes, rung.reason, rung.needs)
            for name, part in value["parts"].items():
                shares = (_cell(part["percent"]), "", "")
                yield (*head, *shares, "GDP", _cell(part["amount"]), figure.amount_unit, *about, name, "", "", "")


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _write(folder: Path, facts: dict[str, Any], lines: Sequence[str], rows: Any) -> None:
    """The three forms of one answer in a folder; files of the same names are replaced."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"can't be made: {error.strerror}."
        raise InputError(what, where=str(folder), hint="Choose another place.", code="unwritable") from None
    shared.out(facts, lines, out=folder / "ladder.txt")
    shared.out(facts, lines, csv=True, table=rows, out=folder / "ladder.csv")
    shared.out(facts, lines, json=True, out=folder / "ladder.json")
