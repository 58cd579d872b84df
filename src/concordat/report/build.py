"""From a study to the folder of a report: the order of the work, and nothing else.

Release of evidence -> figures chosen -> chapters -> first screen -> renderers -> one folder, written beside and swapped
in. A chapter that fails becomes a line that says so; a `TrustError` stops the report. No statistic is computed here.
A study's first language has every file, each other one its pages: `report.pt.html`, `report.pt.pdf`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from concordat import __version__
from concordat.errors import ConcordatError, TrustError
from concordat.evidence.provenance import Book
from concordat.report import cells
from concordat.report.chapter import Chapter, Code, Figure, Headline, Missing, Report, Runs, Source, tables_of
from concordat.report.contents import CONTENTS, READERS
from concordat.report.inputs import COUNCIL_FILE, EXCHANGE_FILE, IMPACT_FILE, Inputs, who_is_in
from concordat.report.permitted import meta_rows, permitted
from concordat.report.study import Study, Vintage

if TYPE_CHECKING:
    from concordat.council.record import Held
    from concordat.evidence.citation import Citation
    from concordat.evidence.resolve import Chosen
    from concordat.evidence.store import Release, Store
    from concordat.exchange.record import Held as ExchangeHeld
    from concordat.report.impact_held import Held as ImpactHeld
    from concordat.report.impact_held import Opened
    from concordat.settings import Settings

HEADLINES_MAX, HEADLINES_A_CHAPTER = 8, 2
LEAD_FIGURE = "dots"
STEPS = ("evidence", "chapters", "figures", "pages", "folder")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """What was built; the command line says it in a few lines."""

    folder: Path
    files: tuple[str, ...]
    study: Study
    report: Report
    inputs: Inputs


def build(
    study: Study,
    settings: Settings,
    folder: Path,
    *,
    force: bool = False,
    progress: Progress | None = None,
    factbook_2015: Path | None = None,
    council: Held | None = None,
    impact: Opened | None = None,
    exchange: ExchangeHeld | None = None,
) -> Built:
    """Write the whole report into a folder.

    Args:
        factbook_2015: the unpacked npm package of the Factbook of 2015, to load as an earlier release to compare with.
        council: what the export shows that the study names under `council`.
        impact: the files that the study names under `impact`.
        exchange: what the export shows that the study names under `exchange`.
        progress: told (steps done, steps in all, what is done now).

    Raises:
        InputError: the study, the bloc or the folder is wrong.
        StateError: the store or the disk can't be written, or the study's release can't be had here.
        TrustError: bytes, rows or a packaged text are not what their hashes say.
    """
    from concordat.evidence.store import open_store
    from concordat.report import bundle

    def tell(step: int) -> None:
        if progress is not None:
            progress(step, len(STEPS), STEPS[step] if step < len(STEPS) else "")

    bundle.check_place(folder, force=force)
    tell(0)
    book = Book()
    who = who_is_in(study, book)  # before the store is opened: a mistyped bloc writes nothing
    read_options(study)
    with open_store(settings.data_dir) as store:
        if factbook_2015 is not None:
            _load_2015(store, factbook_2015)
        inputs = gather(study, who, settings, store, book, council, impact, exchange)
        tell(1)
        citations = citations_of(inputs)
        report = compose(inputs, citations)
        others = [in_language(inputs, language) for language in inputs.study.languages[1:]]
        translated = [(other, compose(other, citations)) for other in others]
        tell(2)
        files = render(report, inputs, store, citations, tell)
        for other, pages in translated:
            files |= render_pages(pages, other)
    tell(4)
    bundle.write(folder, files, study_sha256=inputs.study.hash, release=inputs.release.name, force=force)
    tell(len(STEPS))
    return Built(folder, (*sorted(files), "manifest.json"), inputs.study, report, inputs)


def _load_2015(store: Store, path: Path) -> None:
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.sources.factbook_2015 import release_2015

    release_2015(store, load_catalogue(), path)


# --- Evidence -----------------------------------------------------------------------------------------------------


def read_options(study: Study) -> dict[str, object]:
    """The chapters' own keys of the study, checked and with their defaults."""
    options: dict[str, object] = {}
    for module in READERS:
        options |= importlib.import_module(f"concordat.report.chapters.{module}").read(study).as_data()
    return options


def gather(
    study: Study,
    who: object,
    settings: Settings,
    store: Store,
    book: Book,
    council: Held | None = None,
    impact: Opened | None = None,
    exchange: ExchangeHeld | None = None,
) -> Inputs:
    """The release that the study names, and from it every chosen figure.

    Raises:
        InputError, TrustError: the council, the exchange, or a file of impact, is not the one that the study names.
        StateError: the release can't be had here.
    """
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.quality import check_quality
    from concordat.evidence.resolve import resolve
    from concordat.report.chapters.council import resolve as resolve_council
    from concordat.report.chapters.evidence import read
    from concordat.report.chapters.exchange import resolve as resolve_exchange
    from concordat.report.chapters.impact import resolve as resolve_impact
    from concordat.report.chapters.moved import Options as MovedOptions
    from concordat.report.chapters.moved import read as read_moved
    from concordat.report.chapters.rulebook import resolve as resolve_rules
    from concordat.report.earlier import read_earlier
    from concordat.report.inputs import Who
    from concordat.report.messages import Messages

    assert isinstance(who, Who)
    said_of_council = resolve_council(study, council).as_data()
    said_of_exchange = resolve_exchange(study, exchange).as_data()
    computed = _computed(study, impact)
    said_of_impact = resolve_impact(study, computed).as_data()
    catalogue = load_catalogue()
    release = release_of(study, settings, store)
    wanted = {(v.dataset_id, v.vintage_id) for v in release.vintages}
    vintages = [v for v in store.vintages() if (v.dataset_id, v.id) in wanted]
    again = study.release != "auto"  # a release made elsewhere or earlier: look at every row, not only at the files
    rows = {(v.dataset_id, v.id): store.observations(v, every_row=again) for v in vintages}
    observations, terms = permitted([o for found in rows.values() for o in found], vintages, study.accept)
    problems = {v.id: store.problems(v) for v in vintages}
    options = read(study)
    findings = check_quality(observations, catalogue, not_after=options.not_after, problems_of=problems)
    chosen = resolve(observations, catalogue, not_after=options.not_after, mode=options.mode, areas=who.members)  # type: ignore[arg-type]
    earlier = read_earlier(study, read_moved(study), options, release, store, catalogue, rows)
    moved = (earlier.options() if earlier else MovedOptions(None, None, ())).as_data()
    rules = resolve_rules(study, settings.data_dir)
    named = tuple(
        Vintage(dataset=v.dataset_id, vintage=v.vintage_id, logical_hash=v.logical_hash) for v in release.vintages
    )
    resolved = read_options(study) | moved | rules.as_data() | said_of_council | said_of_exchange | said_of_impact
    return Inputs(
        study=replace(study, release=release.name, vintages=named, resolved=resolved),
        who=who,
        book=book,
        catalogue=catalogue,
        release=release,
        observations=tuple(observations),
        chosen=chosen,
        findings=tuple(findings),
        world=_world(chosen),
        words=Messages(study.language),
        vintages=tuple(vintages),
        earlier=earlier,
        terms=terms,
        rules=rules,
        council=council,
        impact=computed,
        exchange=exchange,
    )


def _computed(study: Study, opened: Opened | None) -> ImpactHeld | None:
    """The runs that the study asks for; None where it names no file."""
    from concordat.report.chapters.impact import read
    from concordat.report.impact_held import compute

    options = read(study)
    return compute(options, opened) if options.asks and opened is not None else None


def _world(chosen: Mapping[tuple[str, str, str], Chosen]) -> tuple[str, ...]:
    """The areas that make up the world: every country and Kosovo for which the release has a population.

    Others are uninhabited, or their people are counted in another country's figures (Martinique in France's).
    """
    from concordat.world import countries

    areas = sorted([*(c.iso3 for c in countries()), "XKX"])
    people = {a: chosen.get(("population", a, "")) for a in areas}
    return tuple(a for a, found in people.items() if found is not None and not found.missing)


def release_of(study: Study, settings: Settings, store: Store) -> Release:
    """The release named by the study; for `auto` the latest vintage of every dataset in the store."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.embedded import latest_vintages, rebuild_release
    from concordat.evidence.store import ReleaseVintage
    from concordat.world import table_hash

    catalogue, blocs_hash = load_catalogue(), table_hash("blocs.yaml")
    if study.release != "auto":
        named = [ReleaseVintage(v.dataset, v.vintage, v.logical_hash) for v in study.vintages]
        return rebuild_release(
            store, study.release, catalogue, blocs_hash, vintages=named, factbook_path=settings.factbook
        )
    latest = latest_vintages(store, catalogue, settings.factbook)
    return store.make_release(None, latest, catalogue.hash, blocs_hash)


# --- The report ---------------------------------------------------------------------------------------------------


def compose(inputs: Inputs, citations: Mapping[str, Citation]) -> Report:
    """The chapters, the first screen and what stands under the title."""
    from concordat.evidence.citation import cite
    from concordat.evidence.trace import id_length

    chapters = tuple(_chapters(inputs))
    used = [d for c in chapters if isinstance(c, Chapter) for d in c.sources]
    order = [*dict.fromkeys(used), *sorted(set(citations) - set(used))]
    ids = {*(o.obs_id for o in inputs.observations), *inputs.book.ids()}
    return Report(
        title=inputs.study.title,
        subtitle=_subtitle(inputs),
        language=inputs.study.language,
        summary=tuple(h.runs for h in _first_screen(chapters)),
        meta=_meta(inputs),
        chapters=chapters,
        sources=tuple(Source(d, cite(citations[d])) for d in order),
        id_length=id_length(ids),
        stamp=f"{inputs.study.on.isoformat()}T00:00:00Z",
        lead_figure=_lead_figure(chapters),
        others=tuple(
            (language, page_name(inputs.study, language, "html"))
            for language in inputs.study.languages
            if language != inputs.study.language
        ),
    )


def in_language(inputs: Inputs, language: str) -> Inputs:
    """The same evidence in the same book, for the report in another of the study's languages."""
    from concordat.report.messages import Messages

    return replace(inputs, study=inputs.study.in_language(language), words=Messages(language))


def page_name(study: Study, language: str, kind: str) -> str:
    """`report.html` in the study's first language, `report.pt.html` in another."""
    return f"report.{kind}" if language == study.languages[0] else f"report.{language}.{kind}"


def _chapters(inputs: Inputs) -> Iterator[Chapter | Missing]:
    words = inputs.words
    for entry in CONTENTS:
        if not entry.module:
            yield Missing(entry.id, words.plain(f"chapter.{entry.id}"), words.plain("chapter.absent"))
            continue
        try:
            yield entry.write(inputs)
        except TrustError:
            raise
        except ConcordatError as error:
            title = words.plain(f"chapter.{entry.id}")
            yield Missing(entry.id, title, words.plain("chapter.failed", message=error.what), error.hint)


def _first_screen(chapters: tuple[Chapter | Missing, ...]) -> list[Headline]:
    """The sentences with the highest priorities, at most two a chapter and eight in all."""
    offered: list[Headline] = []
    for chapter in chapters:
        if isinstance(chapter, Chapter):
            offered += sorted(chapter.headlines, key=lambda h: -h.priority)[:HEADLINES_A_CHAPTER]
    return sorted(offered, key=lambda h: -h.priority)[:HEADLINES_MAX]


def _lead_figure(chapters: tuple[Chapter | Missing, ...]) -> Figure | None:
    figures = [b for c in chapters if isinstance(c, Chapter) for b in c.blocks if isinstance(b, Figure)]
    return next((f for f in figures if f.id == LEAD_FIGURE), figures[0] if figures else None)


def _subtitle(inputs: Inputs) -> str:
    from concordat.report.standing import long_date

    words, who = inputs.words, inputs.who
    on = long_date(inputs, who.on)
    if not who.id:
        if len(who.members) == 1:
            return words.plain("report.subtitle_one", name=inputs.area_name(who.members[0]), on=on)
        return words.plain("report.subtitle_countries", count=len(who.members), on=on)
    invited = ""
    if who.invited:
        names = cells.names_of(inputs, who.invited)
        invited = words.plain("report.subtitle_invited", count=len(who.invited), names=names)
    bloc = inputs.area_name(who.id)
    if who.inside:
        told = {"names": cells.names_of(inputs, who.inside), "invited": invited}
        return words.plain("report.subtitle_bodies", bloc=bloc, on=on, count=len(who.members), **told)
    return words.plain("report.subtitle_bloc", bloc=bloc, on=on, count=len(who.members), invited=invited)


def _meta(inputs: Inputs) -> tuple[tuple[str, Runs], ...]:
    from concordat.report.standing import long_date

    words, who, study = inputs.words, inputs.who, inputs.study
    vintages = ", ".join(f"{v.dataset_id} {v.vintage_id}" for v in inputs.release.vintages)
    rows: list[tuple[str, Runs]] = []
    if not who.large:
        rows.append((words.plain("report.meta_members"), (cells.names_of(inputs, who.members),)))
    if who.id:
        as_of = words.text("standing.as_of", as_of=long_date(inputs, who.as_of), on=long_date(inputs, who.on))
        rows.append((words.plain("report.meta_who"), as_of))
    release = words.text("report.released", name=Code(inputs.release.name), vintages=Code(vintages))
    rows.append((words.plain("report.meta_release"), release))
    rows.append((words.plain("report.meta_study"), (Code(f"study.yaml, SHA-256 {study.hash[:16]}"),)))
    rows.append((words.plain("report.meta_version"), (f"Concordat {__version__}",)))
    rows.append((words.plain("report.meta_rebuild"), (Code("concordat assess --study study.yaml"),)))
    rows += meta_rows(inputs)
    if words.unread:
        rows.append((words.plain("report.meta_translation"), words.text("report.translation_unread")))
    return tuple(rows)


# --- The files ----------------------------------------------------------------------------------------------------


def citations_of(inputs: Inputs) -> dict[str, Citation]:
    """A citation of every dataset in the release, and of those that only the release compared with has."""
    from concordat.evidence.citation import citation_of

    earlier = inputs.earlier.vintages if inputs.earlier else ()
    return {v.dataset_id: citation_of(v) for v in (*earlier, *inputs.vintages)}


def render(
    report: Report, inputs: Inputs, store: Store, citations: Mapping[str, Citation], tell: Callable[[int], None]
) -> dict[str, bytes]:
    """Every file of the folder but the manifest, by name."""
    from concordat.canonical import dumps
    from concordat.evidence.citation import bibtex, csl_json
    from concordat.evidence.prov import provenance
    from concordat.figures.render import svg
    from concordat.report import render_csv, render_html, render_pdf, render_xlsx
    from concordat.report.outline import Outline

    files: dict[str, bytes] = {}
    pictures: dict[str, str] = {}
    for figure in Outline(report).figures():
        pictures[figure.id] = svg(figure.spec, figure.id, report.id_length)
        files[f"figures/{figure.id}.svg"] = pictures[figure.id].encode()
        files[f"figures/{figure.id}.vl.json"] = dumps(dict(figure.spec), floats=True) + b"\n"
    tell(3)
    files["report.html"] = render_html.render(report, inputs.words, pictures)
    files["report.pdf"] = render_pdf.render(report, inputs.words, pictures)
    files["data.xlsx"] = render_xlsx.render(report, inputs.words)
    files["data.csv"] = render_csv.render(report)
    files["study.yaml"] = inputs.study.as_yaml()
    files["sources.bib"] = bibtex(citations.values()).encode()
    files["sources.csl.json"] = csl_json(citations.values())
    if inputs.council is not None:
        files[COUNCIL_FILE] = inputs.council.data
    if inputs.exchange is not None:
        files[EXCHANGE_FILE] = inputs.exchange.data
    if inputs.impact is not None:
        files[IMPACT_FILE] = inputs.impact.data
    earlier = inputs.earlier.observations if inputs.earlier else ()
    files["provenance.json"] = provenance(
        inputs.book,
        cells=cell_names(report),
        store=store,
        observations=(*earlier, *inputs.observations),
        release=inputs.release,
    )
    return files


def render_pages(report: Report, inputs: Inputs) -> dict[str, bytes]:
    """The pages of the report in another language; its tables and pictures are those of the first."""
    from concordat.figures.render import svg
    from concordat.report import render_html, render_pdf
    from concordat.report.outline import Outline

    study = inputs.study
    pictures = {f.id: svg(f.spec, f.id, report.id_length) for f in Outline(report).figures()}
    return {
        page_name(study, study.language, "html"): render_html.render(report, inputs.words, pictures),
        page_name(study, study.language, "pdf"): render_pdf.render(report, inputs.words, pictures),
    }


def cell_names(report: Report) -> dict[str, object]:
    """What each number of a cell is: `T3:BRA:internet_users_pct`, and with `:year`, `:rank:upper` ... behind."""
    from concordat.evidence.prov import Cell
    from concordat.report.outline import numbers_of

    return {
        f"T{number}:{row.id}:{column.id}{suffix}": Cell(num.id, part)
        for number, _, table in tables_of(report)
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        for suffix, num, part, _ in numbers_of(cell)
    }
