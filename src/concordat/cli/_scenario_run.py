"""`concordat scenario run`, `check` and `parameters`: read the files, ask the room, print."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _scenario_files as shared
from concordat.cli import _scenario_tables as tables
from concordat.cli._evidence_tables import columns
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.impact.compare import Comparison
    from concordat.impact.parameters import ParameterBook
    from concordat.impact.results import ScenarioResult


def run(files: Sequence[Path], *, json: bool, csv: bool, out: Path | None, tell: bool) -> None:
    """Run every file, and compare each further one with the first."""
    from concordat.impact.compare import compare
    from concordat.impact.results import SUMMARY_HEAD
    from concordat.impact.run import run as compute

    results: list[ScenarioResult] = []
    for file in files:
        scenario, given = shared.opened(file)
        if scenario.id in [r.scenario.id for r in results]:
            what = f'a second scenario is called "{scenario.id}".'
            raise InputError(
                what, where=str(file), hint="Give each its own name, to tell them apart.", code="duplicate"
            )
        results.append(compute(scenario, given, progress=_progress(scenario.id) if tell else None))
    compared = [compare(results[0], other) for other in results[1:]]
    lines: list[str] = []
    for result in results:
        lines += [*([""] if lines else []), *tables.result_lines(result)]
    for found, other in zip(compared, results[1:], strict=True):
        lines += tables.compared_lines(found, tuple(dict.fromkeys((*results[0].members, *other.members))))
    facts = results[0].to_value() if len(results) == 1 else _several(results, compared)
    table = (SUMMARY_HEAD, [row for result in results for row in result.summary_rows()])
    more = _more(results, files) if out is not None else None
    shared.answer(facts, lines, table, json=json, csv=csv, out=out, name="result", more=more)


def _several(results: Sequence[ScenarioResult], compared: Sequence[Comparison]) -> dict[str, Any]:
    return {"results": [r.to_value() for r in results], "comparisons": [c.to_value() for c in compared]}


def _more(results: Sequence[ScenarioResult], files: Sequence[Path]) -> dict[str, Iterable[str]]:
    """The long table of every draw, the certificates, and the scenario files themselves."""
    from concordat.impact.results import LONG_HEAD

    head = [f">{name}" if name == "value" else name for name in LONG_HEAD]
    rows = (row for result in results for row in result.long_rows())
    found: dict[str, Iterable[str]] = {"draws.csv": shared.csv_lines((head, rows))}
    for result, file in zip(results, files, strict=True):
        stamped = {"scenario": result.scenario.id, "stamp": result.stamp or None, **result.certificate.to_value()}
        found[f"certificate-{result.scenario.id}.json"] = json_.dumps(stamped, sort_keys=True, indent=1) + "\n"
        found[f"scenario-{result.scenario.id}.yaml"] = shared.read(file).decode("utf-8")
    return found


def _progress(name: str) -> Callable[[int, int, str], None]:
    def told(done: int, of: int, note: str) -> None:
        end = "\n" if done == of else ""
        print(f"\r{name}: {done:,} of {of:,} {note}", end=end, file=sys.stderr, flush=True)

    return told


# --- Check ------------------------------------------------------------------------------------------------------------


def check(file: Path, *, json: bool, csv: bool, out: Path | None) -> None:
    """What a scenario would do."""
    from concordat.impact.checked import checked

    scenario, given = shared.opened(file)
    found = checked(scenario, given)
    head = ("shock", ">pairs", "parameter", ">value", "spread", "grade", "mark", "place")
    rows = [(s.kind, s.pairs, s.parameter, s.value, s.spread, s.grade, s.mark, s.place) for s in found.shocks]
    shown = [
        (r[0], f"{r[1]:,}" if r[1] else "", r[2], "" if r[3] is None else f"{r[3]:g}", r[4], r[5], r[6]) for r in rows
    ]
    base = f"{scenario.base.file}, {scenario.base.year}, {scenario.base.flows}, {found.economies} economies"
    missing = f"; no trade data: {', '.join(found.missing)}" if found.missing else ""
    stamped = ": every output will be stamped UNVERIFIED" if found.unverified else ""
    lines = [
        f"{scenario.id}: {scenario.title}",
        f"SHA-256 {scenario.sha256}",
        f"Base: {base}, SHA-256 {found.base_sha256}",
        f"Members: {', '.join(found.members)}{missing}",
        f"{scenario.model}, {found.rule}, {scenario.draws:,} draws, seed {scenario.seed}",
        "",
        *columns(head[:7], shown),
        "",
        *found.notes,
        f"Grades {', '.join(found.grades)}{stamped}.",
        "Nothing is wrong with the file.",
    ]
    shared.answer(found.to_value(), lines, (head, rows), json=json, csv=csv, out=out, name="check")


# --- Parameters -------------------------------------------------------------------------------------------------------


def _book(own: Sequence[Path]) -> ParameterBook:
    from concordat.impact.parameter_file import parse_parameters
    from concordat.impact.parameters import load_parameters

    book = load_parameters()
    for path in own:
        book = book.plus(parse_parameters(shared.read(path), where=str(path)))
    return book


def parameters(own: Sequence[Path], *, json: bool, csv: bool, out: Path | None) -> None:
    """All records."""
    book = _book(own)
    some = list(book)
    facts = {"parameters": [p.to_value() for p in some], "files": dict(book.files)}
    table = (tables.PARAMETER_HEAD, tables.parameter_rows(some))
    lines = tables.parameter_list(some)
    shared.answer(facts, lines, table, json=json, csv=csv, out=out, name="parameters")


def parameter(name: str, own: Sequence[Path], *, json: bool, csv: bool, out: Path | None) -> None:
    """One record."""
    found = _book(own).get(name)
    table = (tables.PARAMETER_HEAD, tables.parameter_rows([found]))
    lines = tables.parameter_lines(found)
    shared.answer(found.to_value(), lines, table, json=json, csv=csv, out=out, name=found.id)
