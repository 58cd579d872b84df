"""`concordat index`: run an index from its file, question it, compare editions, reproduce published ones.

The file says what is measured; the release, or a table given with `--data`, says the figures. Results go to standard
output, as a table to read or with `--json` or `--csv` for programs; what a step warns of goes to standard error.
"""

from __future__ import annotations

import csv as csv_
import io
import json as json_
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.observatory.panel import Panel
    from concordat.observatory.result import IndexResult
    from concordat.observatory.spec import IndexSpec
    from concordat.observatory.uncertainty import UncertaintyResult

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Run an index from its file, question it, compare editions, reproduce published ones.",
)

FILE = typer.Argument(..., metavar="FILE", help="An index file (YAML), or the id of a named one; see: index list")
RELEASE = typer.Option("", "--release", help="The release of evidence; default: what the file says, or the newest.")
DATA = typer.Option(None, "--data", help="Instead of a release: a table, long (unit,year,indicator,value) or wide.")
BLOC = typer.Option("", "--bloc", help="Instead of the units that the file names: a bloc's members.")
ON = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today.")
JSON = typer.Option(False, "--json", help="Print one JSON object.")
CSV = typer.Option(False, "--csv", help="Print a table as CSV.")
OUT = typer.Option(None, "--out", help="Write to this file instead of the screen.")
DATA_DIR = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings")
RUNS = typer.Option(0, "--runs", help="How many runs, where not all are enumerated; default: what the file says.")


@app.command(name="list")
def list_command(json: bool = JSON) -> None:
    """List the named indices that come with the program, each with its true status."""
    from concordat.observatory.named import named, named_ids

    found = [named(name) for name in named_ids()]
    rows = [(s.id, s.status, s.kind, s.edition, s.title) for s in found]
    keys = ("id", "status", "kind", "edition", "title")
    _out({"indices": [dict(zip(keys, r, strict=True)) for r in rows]}, _columns(keys, rows), json=json)


@app.command()
def check(file: str = FILE, json: bool = JSON) -> None:
    """Check an index file: every name, unit, step and level, before anything runs."""
    spec = _spec(file)
    facts = {
        "index": spec.id,
        "spec_sha256": spec.hash,
        "status": spec.status,
        "indicators": list(spec.tree.names[: spec.tree.n_indicators]),
        "steps": [s.name for s in spec.steps],
        "factors": [v.path for v in spec.uncertainty.vary] if spec.uncertainty else [],
    }
    lines = [
        f"{spec.id}: {spec.title}",
        f"SHA-256 {spec.hash}",
        f"Status {spec.status}; {len(facts['indicators'])} indicators; steps: {', '.join(facts['steps'])}.",
        f"Varies: {', '.join(facts['factors']) or 'nothing'}.",
        "Nothing is wrong with the file.",
    ]
    _out(facts, lines, json=json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of an index file."""
    from concordat.observatory._spec_model import json_schema

    print(json_.dumps(json_schema(), ensure_ascii=False, indent=1, sort_keys=True))


@app.command()
def run(
    file: str = FILE,
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    runs: int = RUNS,
    sure: bool = typer.Option(False, "--no-uncertainty", help="Scores and ranks alone."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Run an index: each unit's rank and score, and how sure the rank is."""
    spec = _spec(file, bloc, on)
    result, name = _result(spec, release, data, data_dir)
    found = None if sure or spec.uncertainty is None or spec.kind == "dashboard" else _uncertainty(result, runs)
    facts = result.as_data() | {"release": name}
    if found is not None:
        facts["uncertainty"] = found.as_data()
    _warn(result)
    table = _ranking(result, found)
    _out(facts, [*_head(result, name), "", *_columns(*table), *_foot(found)], json=json, csv=csv, table=table, out=out)


@app.command()
def uncertainty(
    file: str = FILE,
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    runs: int = RUNS,
    json: bool = JSON,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Show what each assumption is worth: intervals of ranks, who is ahead of whom, what drives the doubt."""
    spec = _spec(file, bloc, on)
    if spec.uncertainty is None:
        hint = "Add uncertainty: {vary: ...}; see: concordat index schema"
        raise InputError("the file varies nothing.", where=spec.document.where, hint=hint, code="vary")
    result, name = _result(spec, release, data, data_dir)
    found = _uncertainty(result, runs)
    _warn(result)
    _out(found.as_data() | {"release": name}, [*_head(result, name), "", *found.lines()], json=json, out=out)


@app.command()
def provenance(
    file: str = FILE,
    unit: str = typer.Argument(..., help="A unit's code, such as BRA."),
    node: str = typer.Option("", "--node", help="Under this pillar alone."),
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Show what a score is made of: each figure, its observation, what was done to it, its weight and contribution."""
    from concordat.settings import nearest

    spec = _spec(file, bloc, on)
    result, name = _result(spec, release, data, data_dir)
    wanted = node or spec.id
    for word, known, what in ((unit, result.units, "unit"), (wanted, spec.tree.names, "node")):
        if word not in known:
            close = nearest(word, known)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(known)}."
            raise InputError(f'"{word}" is not a {what} of this index.', hint=hint, code=f"unknown_{what}")
    rows = result.provenance(unit, wanted)
    keys = ("indicator", "observation", "year", "value", "reason", "treated", "normalised", "weight", "contribution")
    table = (_right(keys), [tuple(_text(row[k]) for k in keys) for row in rows])
    facts = {"unit": unit, "node": wanted, "release": name, "rows": rows}
    _out(facts, _columns(*table), json=json, csv=csv, table=table, out=out)


@app.command()
def compare(
    later: str = typer.Argument(..., metavar="A", help="The later edition's file."),
    earlier: str = typer.Argument(..., metavar="B", help="The earlier edition's file."),
    release: str = RELEASE,
    earlier_release: str = typer.Option("", "--earlier-release", help="The earlier edition's release."),
    data: Path | None = DATA,
    earlier_data: Path | None = typer.Option(None, "--earlier-data", help="The earlier edition's table."),
    bloc: str = BLOC,
    on: str = ON,
    ranks: bool = typer.Option(False, "--ranks", help="Print the changes of rank; default: of score."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Explain each change between two editions: how much of it each cause has, adding up to the whole."""
    from concordat.observatory.compare import compare as set_beside

    first, first_name = _result(_spec(later, bloc, on), release, data, data_dir)
    second, second_name = _result(_spec(earlier, bloc, on), earlier_release or release, earlier_data or data, data_dir)
    comparison = set_beside(first, second)
    found = comparison.attribute()
    table_ = found.rank if ranks else found.score
    rows = [tuple(_text(v) for v in row.values()) for row in table_.rows()]
    table = (_right(("unit", "before", "after", "total", *table_.components)), rows)
    facts = {
        "later": {"index": first.spec.id, "spec_sha256": first.spec.hash, "release": first_name},
        "earlier": {"index": second.spec.id, "spec_sha256": second.spec.hash, "release": second_name},
        "entrants": list(comparison.entrants),
        "leavers": list(comparison.leavers),
        "merged": list(found.merged),
        "exact": table_.exact,
        "score": found.score.rows(),
        "rank": found.rank.rows(),
    }
    head = [f"{first.spec.id} against {second.spec.id}: change of {'rank' if ranks else 'score'} by cause.", ""]
    foot = [f"Could not be separated: {m}." for m in found.merged]
    foot += [f"In the later edition alone: {', '.join(comparison.entrants)}."] if comparison.entrants else []
    foot += [f"In the earlier edition alone: {', '.join(comparison.leavers)}."] if comparison.leavers else []
    if not table_.components:
        head, foot = [f"{first.spec.id} and {second.spec.id} do not differ in anything that is computed.", ""], []
    _out(facts, [*head, *_columns(*table), *foot], json=json, csv=csv, table=table, out=out)


@app.command()
def audit(
    file: str = FILE,
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    runs: int = RUNS,
    json: bool = JSON,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Audit an index along the ten steps of the OECD and JRC handbook: pass, warn or fail, with numbers."""
    from concordat.observatory.audit import audit as look

    spec = _spec(file, bloc, on)
    result, name = _result(spec, release, data, data_dir)
    found = None if spec.uncertainty is None or spec.kind == "dashboard" else _uncertainty(result, runs)
    report = look(result, found)
    _out(report.as_data() | {"release": name}, report.lines(), json=json, out=out)


@app.command()
def reproduce(
    file: str = FILE,
    table: Path = typer.Argument(..., help="A table: unit, the inputs, and a column with the published score."),
    published: str = typer.Option("published", "--published", help="The column with the published score."),
    tolerance: float = typer.Option(5e-4, "--tolerance", help="What counts as the same."),
    json: bool = JSON,
    out: Path | None = OUT,
) -> None:
    """Recompute published scores from published inputs, and print how far they differ."""
    from concordat.observatory.reproduce import reproduce as again

    found = again(_spec(file), _read(table), published=published, tolerance=tolerance, where=str(table))
    _out(found.as_data(), found.lines(), json=json, out=out)


@app.command()
def calibrate(
    pairs: Path = typer.Argument(..., help="A table with the columns value and score."),
    rounding: float = typer.Option(0.1, "--rounding", help="To what the scores were rounded."),
    scale: float = typer.Option(100.0, "--scale", help="The highest score."),
    json: bool = JSON,
    out: Path | None = OUT,
) -> None:
    """Find the goalposts that published scores imply, as intervals, with what they can't explain."""
    from concordat.observatory.calibrate import calibrate_goalposts

    rows = list(csv_.DictReader(io.StringIO(_read(pairs))))
    if not rows or not {"value", "score"} <= set(rows[0]):
        hint = "Begin with: value,score"
        raise InputError("the table has no columns value and score.", where=str(pairs), hint=hint, code="columns")
    values, scores = ([_float(r[k], pairs, n) for n, r in enumerate(rows, 2)] for k in ("value", "score"))
    found = calibrate_goalposts(values, scores, rounding=rounding, scale=scale)
    _out(found.as_data(), found.lines(), json=json, out=out)


# --- Reading ------------------------------------------------------------------------------------------------------


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        what = f"can't be read: {error.strerror}."
        raise InputError(what, where=str(path), hint="Check the path.", code="unreadable") from None
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where=str(path), code="not_utf8") from None


def _spec(file: str, bloc: str = "", on: str = "") -> IndexSpec:
    """The file, or a named index, with other units where they are asked for."""
    from concordat.observatory.spec import IndexSpec

    path = Path(file)
    if not path.exists() and "/" not in file and not file.endswith((".yaml", ".yml")):
        from concordat.observatory.named import named

        spec = named(file)
    else:
        spec = IndexSpec.from_yaml(_read(path), where=file, read=lambda name: _read(path.parent / name))
    return _with_units(spec, bloc, on) if bloc or on else spec


def _with_units(spec: IndexSpec, bloc: str, on: str) -> IndexSpec:
    from dataclasses import replace

    from concordat import clock
    from concordat.observatory.spec import Units
    from concordat.world import bloc as bloc_of

    if not bloc and (spec.units is None or not spec.units.bloc):
        raise InputError("--on needs a bloc.", hint="Add --bloc.", code="who")
    named = bloc_of(bloc).id if bloc else spec.units.bloc  # type: ignore[union-attr]
    day = on or clock.today().isoformat()
    return replace(spec, units=Units(bloc=named, as_of=day))


def _result(spec: IndexSpec, release: str, data: Path | None, data_dir: str | None) -> tuple[IndexResult, str]:
    """The index, run once, and what it was run on."""
    from concordat.observatory.run import run as compute

    if data is not None:
        if release:
            raise InputError("--data and --release can't go together.", hint="Give one.", code="data")
        from concordat.observatory.bind import from_table

        return compute(spec, from_table(spec, _read(data), where=str(data))), str(data)
    panel, name = _bound(spec, release, data_dir)
    return compute(spec, panel), name


def _bound(spec: IndexSpec, release: str, data_dir: str | None) -> tuple[Panel, str]:
    """The panel of a release: the one asked for, the file's, or the newest vintage of every dataset."""
    from concordat import clock
    from concordat.cli import evidence as shared
    from concordat.evidence.catalogue import load_catalogue
    from concordat.observatory.bind import bind, units_of

    units_of(spec)  # a mistyped bloc or country is told before anything is opened
    catalogue = load_catalogue()
    wanted = release or spec.data.release
    with shared._loaded(data_dir, None) as (store, newest):
        if wanted == "auto":
            vintages, name = newest, "newest: " + ", ".join(v.ref for v in newest)
        else:
            found = {(v.dataset_id, v.vintage_id) for v in store.release(wanted).vintages}
            vintages, name = [v for v in store.vintages() if (v.dataset_id, v.id) in found], wanted
        rows = [o for v in vintages for o in store.observations(v, every_row=False)]
    return bind(spec, rows, catalogue, not_after=clock.today().year), name


def _uncertainty(result: IndexResult, runs: int) -> UncertaintyResult:
    from concordat.observatory.uncertainty import uncertainty as question

    return question(result, runs=runs or None)


def _float(text: str, path: Path, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f'"{text}" is not a number.', where=f"{path}, line {line}", code="number") from None


# --- Printing -----------------------------------------------------------------------------------------------------


def _head(result: IndexResult, release: str) -> list[str]:
    spec, year = result.spec, result.panel.years[-1]
    units = int((~_isnan(result.scores)).sum())
    about = [f"{units} units", f"{spec.tree.n_indicators} indicators", f"imputed {100 * result.imputed_share:.0f} %"]
    return [f"{spec.title} ({spec.id}, spec {spec.hash[:8]}), {year}", f"{release}; {'; '.join(about)}"]


def _ranking(result: IndexResult, found: UncertaintyResult | None) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    head = [">rank", "unit", ">score"]
    if found is not None:
        head += ["90% ranks", f">P(top {found.top[0]})", "plateau"]
    rows: list[tuple[str, ...]] = []
    for u in result.order():
        ranked = not _isnan(result.scores)[u]
        row = [f"{result.ranks[u]:.0f}" if ranked else "-", result.units[u], _score(result.scores[u])]
        if found is not None:
            row += [found.interval_text(u), found.top_text(u), found.plateau_of(u)] if ranked else ["", "", ""]
        rows.append(tuple(row))
    return head, rows


def _foot(found: UncertaintyResult | None) -> list[str]:
    return [] if found is None else ["", *found.summary()]


def _warn(result: IndexResult) -> None:
    for note in result.notes:
        if note.warning:
            place = ", ".join(w for w in (note.indicator, note.unit, note.slice) if w)
            print(f"concordat: {note.stage}: {place + ': ' if place else ''}{note.text}.", file=sys.stderr)


def _isnan(values: Any) -> Any:
    import numpy as np

    return np.isnan(values)


def _score(value: float) -> str:
    return "-" if value != value else f"{value:.4g}" if abs(value) < 10 else f"{value:.1f}"


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _right(keys: Iterable[str]) -> list[str]:
    words = ("unit", "indicator", "observation", "reason")
    return [k if k in words else f">{k}" for k in keys]


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    from concordat.cli._evidence_tables import columns

    return columns(tuple(head), [tuple(r) for r in rows])


def _out(
    facts: Mapping[str, Any],
    lines: Iterable[str],
    *,
    json: bool = False,
    csv: bool = False,
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None,
    out: Path | None = None,
) -> None:
    """One answer, in the form that was asked for, to the screen or a file."""
    if json and csv:
        raise InputError("--json and --csv can't go together.", hint="Give one.", code="format")
    if json:
        text = json_.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    elif csv and table is not None:
        buffer = io.StringIO()
        writer = csv_.writer(buffer, lineterminator="\n")
        writer.writerow([name.removeprefix(">") for name in table[0]])
        writer.writerows(table[1])
        text = buffer.getvalue()
    else:
        text = "\n".join(lines) + "\n"
    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"can't be written: {error.strerror}."
        raise InputError(what, where=str(out), hint="Choose another place.", code="unwritable") from None
    print(f"Wrote {out}.", file=sys.stderr)
