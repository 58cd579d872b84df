"""`concordat exchange report`: check a report of a series, publish it, list the series and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.cli._exchange_home import AS, DEMO, HOME, PASSPHRASE, seat
from concordat.cli._exchange_library import JSON, counted, read_input
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.cases.series import Report, Reproducible

FILE_BYTES_MAX = 500_000_000
FILE = typer.Argument(..., metavar="FILE", help="A file of schema concordat/report@1; its files lie beside it.")
REBUILT = typer.Option(None, "--rebuilt", help="A folder in which the report was made again by its command.")

app = typer.Typer(
    help="Reports of a series: check the bytes, publish, see which numbers are missing.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command()
def check(file: Path = FILE, rebuilt: Path | None = REBUILT, json: bool = JSON) -> None:
    """Check the files of a report against their hashes, and against a folder in which it was made again."""
    report, reproducible = _read(file, rebuilt)
    if json:
        _print_json(
            {"series": report.series, "files": {f.path: f.sha256 for f in report.files}, "reproducible": reproducible}
        )
        return
    print(_line(report))
    for one in report.files:
        print(f"  {one.sha256}  {one.path}")
    said = {"yes": "every file was made again with the same bytes", "not_tried": "not tried: give --rebuilt a folder"}
    print(f"Reproducible: {said[reproducible]}.")


@app.command()
def publish(
    file: Path = FILE,
    rebuilt: Path | None = REBUILT,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Publish a report: its description with all hashes is kept by the node, and its hash is logged."""
    from concordat.exchange.cases.series import published_body
    from concordat.exchange.events import check_said

    report, reproducible = _read(file, rebuilt)
    body = published_body(report, reproducible)
    with seat(home, passphrase_file, speaker, demo) as place:
        check_said("ReportPublished", body, place.member)
        place.node.store.put_blob(body["document"]["hash"], None, report.document())
        entry = place.say("ReportPublished", body)
    if json:
        _print_json({"entry": entry.id, "author": entry.author, "seq": entry.seq, "reproducible": reproducible})
    else:
        print(f"Published {_line(report)} Reproducible: {reproducible}. Logged as {entry.author} {entry.seq}.")


@app.command("list")
def list_series(
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """List the series that members publish, the numbers that are missing, and how many reports were rebuilt."""
    from concordat.exchange.cases.series import series_of

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        found = series_of(place.exchange)
    if json:
        rows = [
            {
                "member": s.member,
                "series": s.series,
                "numbers": [list(pair) for pair in s.numbers],
                "missing": list(s.missing),
                "reproducible": s.reproducible,
                "entries": list(s.entries),
            }
            for s in found
        ]
        _print_json({"series": rows})
        return
    print(f"{counted(len(found), 'series', 'series')}; counts are of what was logged.")
    for one in found:
        span = f"{one.numbers[0][0]}-{one.numbers[-1][0]}" if one.numbers else "no numbers"
        missing = f", missing: {', '.join(map(str, one.missing))}" if one.missing else ""
        reports = counted(len(one.entries), "report")
        print(f"{one.member} {one.series}: {reports} ({span}), {one.reproducible} rebuilt to the same bytes{missing}")


def _read(file: Path, again: Path | None) -> tuple[Report, Reproducible]:
    """The report with the hashes of its files, and whether it was rebuilt."""
    from concordat.exchange.cases.series import Report, rebuilt

    report = Report.load(read_input(file, 5_000_000), where=str(file))
    report = report.with_hashes(_hashes(report, file.parent))
    if again is None:
        return report, "not_tried"
    if not again.is_dir():
        raise InputError("no such folder.", where=str(again), code="unreadable")
    return report, rebuilt(report, _hashes(report, again))


def _hashes(report: Report, folder: Path) -> dict[str, str]:
    """SHA-256 of the report's files that lie in a folder, and nowhere outside it."""
    from concordat.exchange.cases.series import file_hashes

    found = {}
    for one in report.files:
        path = folder / one.path
        if not path.resolve().is_relative_to(folder.resolve()):
            hint = "Put it beside the description, or below."
            raise InputError("the file is outside the report's folder.", where=one.path, hint=hint, code="outside")
        if path.is_file():
            found |= file_hashes({one.path: read_input(path, FILE_BYTES_MAX)})
    return found


def _line(report: Report) -> str:
    issn = f", ISSN {report.issn}" if report.issn else ""
    return (
        f"{report.series} {report.year}/{report.number} v{report.version}: {counted(len(report.files), 'file')}{issn}."
    )


def _print_json(value: dict[str, object]) -> None:
    from concordat.cli._node_home import print_json

    print_json(value)
