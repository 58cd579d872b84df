"""`concordat exchange skills`: what people can't do yet beside the courses that teach it, and courses for others."""

from __future__ import annotations

import json as json_
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._node_home import JSON, plain, print_json, read
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.inclusion.skills import Course, Figure, Gap

INDICATOR = "ict_skills_pct"

app = typer.Typer(
    help="Digital skills: gaps by member beside courses and their languages; courses as schema.org.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command()
def gaps(
    courses: list[Path] = typer.Argument(None, help="Files of courses (concordat/course@1), or folders of them."),
    bloc: str = typer.Option("", "--bloc", help="The members of this bloc."),
    countries: str = typer.Option("", "--countries", help="These countries instead: BRA,IND."),
    on: str = typer.Option("", "--on", help="The day of the membership; no later figure is taken. Default: today."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where the store of evidence is."),
    json: bool = JSON,
) -> None:
    """For each member and skill: the share of people who lack it, courses that teach it, and in which languages."""
    from concordat.exchange.inclusion import skills

    members, figures = _figures(bloc, countries, on, data_dir)
    loaded = _courses(courses or [])
    found = skills.gaps(members, figures, loaded)
    if json:
        print_json(_facts(found))
        return
    print("\n".join(_lines(found, len(loaded))))


@app.command()
def course(
    file: Path = typer.Argument(..., help="The course (concordat/course@1)."),
) -> None:
    """Print a course as schema.org JSON-LD."""
    from concordat.exchange.inclusion.skills import course_jsonld, load_course

    print(json_.dumps(course_jsonld(load_course(read(file), where=str(file))), ensure_ascii=False, indent=1))


@app.command()
def codes(
    framework: str = typer.Argument("", help="digcomp, ict-cft or sdg441; without it all are listed."),
    json: bool = JSON,
) -> None:
    """List the codes of a framework with their status."""
    from concordat.exchange.inclusion.skills import between, frameworks

    known = frameworks()
    if framework and framework not in known:
        hint = f"There are: {', '.join(known)}."
        raise InputError(f'"{framework[:40]}" is not a framework.', hint=hint, code="unknown_framework")
    some = [known[framework]] if framework else list(known.values())
    status, table = between()
    if json:
        facts = {f.id: {"codes": dict(f.codes), "name": f.name, "status": f.status} for f in some}
        print_json(
            {"between": {"status": status, "table": {k: list(v) for k, v in table.items()}}, "frameworks": facts}
        )
        return
    for one in some:
        print(f"{one.id}: {one.name} [{one.status}]")
        for code, words in one.codes.items():
            more = f" -> digcomp {', '.join(table[code])} [{status}]" if one.id == "sdg441" else ""
            print(f"  {code:6} {words}{more}")


def _courses(paths: Sequence[Path]) -> list[Course]:
    from concordat.exchange.inclusion.aid import check_twice
    from concordat.exchange.inclusion.skills import load_course

    files = [f for path in paths for f in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    loaded = [load_course(read(file), where=str(file)) for file in files]
    check_twice([c.key for c in loaded], "course")
    return loaded


def _figures(bloc: str, countries: str, on: str, data_dir: str | None) -> tuple[tuple[str, ...], list[Figure]]:
    """The members, and the newest figure of each activity for both sexes, as a report chooses them."""
    from concordat.cli._divide_store import Whom, _opened
    from concordat.evidence.resolve import resolve
    from concordat.exchange.inclusion.skills import Figure

    whom = Whom(bloc, countries, on, data_dir=data_dir)
    if not whom.named:
        raise InputError("whose skills?", hint="Name a --bloc, or --countries.", code="who")
    with _opened(INDICATOR, whom) as (catalogue, areas, rows):
        found = resolve([o for o in rows if o.indicator_id == INDICATOR], catalogue, not_after=areas.on.year)
    members = tuple(whom.members(areas))
    made = []
    for (_, area, split), chosen in sorted(found.items()):
        key, _, skill = split.partition("=")
        if area in members and key == "skill" and ";" not in split and chosen.value is not None:
            value, name = float(chosen.value), chosen.observation.obs_id
            made.append(Figure(area, skill, value, chosen.lower, chosen.upper, chosen.year, name))
    return members, made


def _facts(found: Sequence[Gap]) -> dict[str, Any]:
    from concordat.exchange.inclusion.skills import between, headlines

    rows = [
        {
            "courses": list(g.courses), "gap_pct": g.gap, "high": g.high, "languages": list(g.languages), "low": g.low,
            "member": g.member, "observation": g.observation or None, "own_language": list(g.own), "skill": g.skill,
            "year": g.year,
        }
        for g in found
    ]  # fmt: skip
    return {"gaps": rows, "headlines": list(headlines(found)), "table_status": between()[0]}


def _lines(found: Sequence[Gap], courses: int) -> Iterator[str]:
    from concordat.exchange.inclusion.skills import SDG, frameworks, headlines

    yield from headlines(found)
    yield f"Share of people who did not do it (100 - {INDICATOR}), beside {courses} courses. No causal claim."
    names = frameworks()[SDG].codes
    without = sorted({g.member for g in found} - {g.member for g in found if g.gap is not None})
    for gap in found:
        if gap.gap is None:
            continue
        interval = f" ({gap.low:.1f} to {gap.high:.1f})" if gap.low is not None and gap.high is not None else ""
        own = f"{len(gap.own)} in a language of {gap.member}" if gap.courses else ""
        taught = f"{len(gap.courses)} courses ({', '.join(gap.languages)}), {own}" if gap.courses else "no course"
        yield f"{gap.member} {gap.skill:5} {gap.gap:5.1f} %{interval} {gap.year}  {plain(names[gap.skill])}: {taught}"
    if without:
        hint = "load one: concordat evidence pull un_sdg"
        yield f"No figure of {INDICATOR} for {', '.join(without)}; {hint}."
    yield "What the codes mean, and which courses they lead to, is unverified; see: concordat exchange skills codes"
