"""`concordat exchange case`: import, add, find, show, compare and split cases of this machine's library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli import _exchange_library as shared
from concordat.cli._exchange_home import AS, DEMO, HOME, PASSPHRASE, seat
from concordat.cli._exchange_library import DATA_DIR, JSON, counted, listed, plain
from concordat.cli._exchange_publish import register_case
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.cases.case import Case
    from concordat.exchange.cases.dpg import Imported
    from concordat.exchange.cases.duplicates import Duplicates
    from concordat.exchange.cases.library import Added, Library
    from concordat.exchange.cases.scrub import Removed
    from concordat.exchange.cases.standing import Standing

FILE = "cases.jsonl"
REGISTRIES = ("dpg",)
FACETS_SHOWN = 5

app = typer.Typer(
    help="Cases that others can do again: import, add, search, show, tell duplicates.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

register_case(app)


def library_of(data_dir: Path | None) -> Library:
    """The library of this machine."""
    from concordat.exchange.cases.library import Library

    return shared.load(shared.place_of(data_dir, FILE), Library.parse)


@app.command("import")
def import_cases(
    registry: str = typer.Argument(..., metavar="REGISTRY", help="dpg: the registry of Digital Public Goods."),
    file: Path = typer.Argument(..., metavar="FILE", help="Its entries: JSON Lines, or one JSON array."),
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Take the cases of a registry into the library, without contact details, and join those that are one case."""
    from concordat.exchange.cases.dpg import import_dpg
    from concordat.settings import nearest

    if registry not in REGISTRIES:
        close = nearest(registry, REGISTRIES)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(REGISTRIES)}."
        raise InputError(f'"{registry}" is not a registry that can be imported.', hint=hint, code="registry")
    imported = import_dpg(shared.read_input(file), where=str(file))
    added, found = _keep(data_dir, list(imported.cases))
    if json:
        _print_json(_import_facts(imported, added, found))
        return
    kept = counted(len(imported.cases), "case")
    print(f"{kept} of {counted(imported.rows, 'row')}: {_added_text(added)}.")
    print(_removed_text(imported.removed, imported.records_with_contacts))
    for left in imported.left:
        print(f"Left out: row {left.row} ({plain(left.slug)}): {plain(left.reason)}")
    _print_names("Unknown country", imported.countries)
    _print_names("Sector label without a DAC code", imported.labels)
    for note in imported.notes:
        print(f"Note: {plain(note)}")
    _print_duplicates(found)


@app.command()
def add(
    file: Path = typer.Argument(..., metavar="FILE", help="A file of schema concordat/case@1."),
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Take a case of your own into the library, without contact details."""
    from concordat.exchange.cases.case import read_case

    read = read_case(shared.read_input(file, 5_000_000), where=str(file))
    added, found = _keep(data_dir, [read.case])
    mine = [m for m in (*found.merged, *found.related) if read.case.id in m.ids]
    if json:
        about = {"id": read.case.id, "version": read.case.version, "sha256": read.case.sha256}
        removed = {"removed": read.removed.by_kind(), "fields": list(read.removed.fields), "notes": list(read.notes)}
        alike = [{"ids": list(m.ids), "reasons": list(m.reasons)} for m in mine]
        _print_json({**about, **removed, "added": _added_text(added), "alike": alike})
        return
    print(f"{read.case.id} v{read.case.version}: {_added_text(added)}; sha256 {read.case.sha256}.")
    print(_removed_text(read.removed, 1))
    for note in read.notes:
        print(f"Note: {note}")
    for match in mine:
        print(f"Alike: {' and '.join(match.ids)} ({', '.join(match.reasons)})")


@app.command()
def search(
    query: list[str] = typer.Argument(None, metavar="WORDS...", help="What to look for; none: all that fit."),
    kind: str = typer.Option("", "--kind", help="practice, regulatory, research_output, policy_note, guidance, ..."),
    sector: str = typer.Option("", "--sector", help="A sector label of the Digital Public Goods registry."),
    dac: str = typer.Option("", "--dac", help="A DAC sector or purpose code, or its first digits."),
    sdg: int | None = typer.Option(None, "--sdg", help="A development goal, 1 to 17."),
    country: str = typer.Option("", "--country", help="Whose it is, or where it is used."),
    area: str = typer.Option("", "--area", help="A fintech area: crowd_p2p, third_party_payment, ..."),
    licence: str = typer.Option("", "--licence", help="An SPDX id, such as MIT."),
    grade: int | None = typer.Option(None, "--grade", help="The least grade of evidence, 0 to 4."),
    since: int | None = typer.Option(None, "--since", help="Still running in this year, or later."),
    until: int | None = typer.Option(None, "--until", help="Begun by this year."),
    limit: int = typer.Option(10, "--limit", min=0, max=1000, help="How many to show."),
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Find cases by words and filters; with how many have each value."""
    from concordat.exchange.cases.search import Filters, Index
    from concordat.exchange.cases.search import search as look

    filters = Filters(kind, sector, dac, sdg, country, area, licence, grade, since, until)
    cases = library_of(data_dir).cases
    found = look(Index(cases.values()), " ".join(query or []), filters, limit=limit)
    if json:
        hits = [{"id": h.case.id, "score": round(h.score, 6), "title": h.case.words("title")} for h in found.hits]
        _print_json({"total": found.total, "hits": hits, "facets": found.facets, "unknown": list(found.unknown)})
        return
    print(f"{counted(found.total, 'case')} of {len(cases):,}.")
    for word in found.unknown:
        print(f'No case holds "{plain(word)}".')
    for hit in found.hits:
        print(f"{hit.score:8.3f}  {hit.case.id}  {plain(hit.case.words('title'))}")
        print(f"          {_short(plain(hit.case.words('summary')))}")
    for name, values in found.facets.items():
        shown = [f"{plain(value)} {count}" for value, count in values.items()]
        if shown:
            print(f"{name}: {listed(shown, FACETS_SHOWN)}")


@app.command()
def show(
    case: str = typer.Argument(..., metavar="ID", help="The id of a case, or of a record that it stands for."),
    log: bool = typer.Option(False, "--log", help="With the grades and reuses that this node's logs hold."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    on: str = typer.Option("", "--on", help="The day on which its age is asked for; default: today."),
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Show a case, its results with their grades, and how much of what one needs to do it again is there."""
    from concordat import clock
    from concordat.exchange.cases.replicability import replicability
    from concordat.world._dates import as_day

    found = library_of(data_dir).case(case)
    day = as_day(on, where="--on") if on else clock.today()
    standing = _logged(found, log, home, passphrase_file, speaker, demo)
    score = replicability(found, standing, on=day)
    if json:
        items = [{"name": i.name, "weight": i.weight, "holds": i.holds, "why": i.why} for i in score.items]
        about = {"low": score.low, "high": score.high, "items": items}
        _print_json({"case": found.to_value(), "ids": list(found.ids), "sha256": found.sha256, "replicability": about})
        return
    for line in _case_lines(found, standing):
        print(line)
    print(f"replicability: {score.text} (our weights; what is not stated makes the interval)")
    signs = {True: "yes", False: "no", None: "?"}
    for item in score.items:
        print(f"  {signs[item.holds]:3}  {item.weight:2}  {item.name}: {plain(item.why)}")


@app.command("duplicates")
def show_duplicates(data_dir: Path | None = DATA_DIR, json: bool = JSON) -> None:
    """Show which records are one case, which are only related, and why."""
    library = library_of(data_dir)
    found = library.found_duplicates()
    if json:
        _print_json({**_duplicate_facts(found), "apart": [list(ids) for ids in library.apart]})
        return
    _print_duplicates(found)
    for ids in library.apart:
        print(f"Split by hand: {', '.join(ids)}")


@app.command()
def split(
    records: list[str] = typer.Argument(..., metavar="ID...", help="Two or more records of one case."),
    data_dir: Path | None = DATA_DIR,
) -> None:
    """Undo a merge: the records are cases of their own, also after every later import."""
    from concordat.exchange.cases.library import Library

    place = shared.place_of(data_dir, FILE)
    with shared.changing(place) as write:
        library = shared.load(place, Library.parse).split(records)
        write(library.to_bytes())
    print(f"Split: {', '.join(sorted(set(records)))}. Later imports leave them apart.")


# --- What is kept ---------------------------------------------------------------------------------------------------


def _keep(data_dir: Path | None, cases: list[Case]) -> tuple[Added, Duplicates]:
    from concordat.exchange.cases.library import Library

    place = shared.place_of(data_dir, FILE)
    with shared.changing(place) as write:
        library, added = shared.load(place, Library.parse).add(cases)
        library, found = library.join_duplicates()
        write(library.to_bytes())
    return added, found


# --- What is printed ------------------------------------------------------------------------------------------------


def _print_json(value: dict[str, Any]) -> None:
    from concordat.cli._node_home import print_json

    print_json(value)


def _added_text(added: Added) -> str:
    return f"{len(added.new)} new, {len(added.changed)} changed, {len(added.same)} known already"


def _removed_text(removed: Removed, records: int) -> str:
    if not removed:
        return "No contact details found."
    kinds = ", ".join(f"{number} {kind}" for kind, number in removed.by_kind().items())
    fields = sorted({path.split(": ")[-1] for path in removed.fields})
    where = f"{counted(records, 'record')}; {listed(fields)}"
    return f"{counted(removed.total, 'contact detail')} removed ({kinds}; {where})."


def _print_names(what: str, names: Mapping[str, Iterable[str]]) -> None:
    for name, ids in names.items():
        print(f"{what}: {plain(name)} ({listed(sorted(ids), 3)})")


def _print_duplicates(found: Duplicates) -> None:
    print(f"{counted(len(found.groups), 'case')} with several ids, {counted(len(found.related), 'related pair')}.")
    for match in found.merged:
        print(f"One case: {' and '.join(match.ids)} ({', '.join(match.reasons)})")
    for match in found.related:
        print(f"Related, not merged: {' and '.join(match.ids)} ({', '.join(match.reasons)})")


def _duplicate_facts(found: Duplicates) -> dict[str, Any]:
    pairs = {"merged": found.merged, "related": found.related}
    said = {name: [{"ids": list(m.ids), "reasons": list(m.reasons)} for m in some] for name, some in pairs.items()}
    return {"groups": [list(ids) for ids in found.groups], **said}


def _import_facts(imported: Imported, added: Added, found: Duplicates) -> dict[str, Any]:
    return {
        "rows": imported.rows,
        "cases": len(imported.cases),
        "new": list(added.new),
        "changed": list(added.changed),
        "left": [{"row": left.row, "slug": left.slug, "reason": left.reason} for left in imported.left],
        "removed": imported.removed.by_kind(),
        "removed_from": list(imported.removed.fields),
        "countries": {name: list(ids) for name, ids in imported.countries.items()},
        "labels": {name: list(ids) for name, ids in imported.labels.items()},
        "notes": list(imported.notes),
        **_duplicate_facts(found),
    }


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


def _logged(
    case: Case, log: bool, home: Path | None, passphrase_file: Path | None, speaker: str, demo: Path
) -> Standing:
    """What the logs of this node say of a case; nothing unless they are asked."""
    from concordat.exchange.cases.standing import NOTHING_LOGGED, standing_of

    if not log or case.member is None:
        return NOTHING_LOGGED
    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        return standing_of(place.exchange, case.member, case.id, case.version)


def _case_lines(case: Case, standing: Standing) -> Iterable[str]:
    from concordat.exchange.cases.sectors import dac_codes
    from concordat.exchange.cases.standing import grade_text

    yield f"{case.id} v{case.version}  {case.kind}  {plain(case.words('title'))}"
    if len(case.ids) > 1:
        yield f"ids: {', '.join(map(plain, case.ids))}"
    whose = f"{case.member}, {plain(case.owner.name)} ({case.owner.type})" if case.owner else ""
    places = {"made in": case.countries.made, "used in": case.countries.used}
    named = {f"{k} {dac_codes()[k]}" if k in dac_codes() else k for k in case.facets.dac}
    for name, value in (
        ("owner", whose),
        ("summary", plain(case.words("summary"))),
        ("languages", ", ".join(case.languages)),
        ("sectors", ", ".join(map(plain, [*case.facets.dpg, *sorted(named)]))),
        ("goals", ", ".join(map(str, case.facets.sdgs))),
        *((name, ", ".join(codes)) for name, codes in places.items()),
        ("licence", plain(case.reuse.licence)),
        ("repository", case.reuse.repository or ""),
    ):
        if value:
            yield f"{name}: {value}"
    for place, result in enumerate(case.results):
        before = f"{result.baseline} -> " if result.baseline is not None else ""
        years = "-".join(map(str, result.years))
        grade = grade_text(standing.grades(place))
        yield f"result {place}: {plain(result.indicator)} {before}{result.value} ({years}), grade {grade}"
    for claim in case.claims:
        yield f"claim: goal {claim.sdg}, grade {claim.grade}: {_short(plain(claim.text or claim.source_url))}"
