"""How does the bloc stand, in one screen? At most three sentences with numbers, the tile map, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from concordat.report.chapter import Missing, Note, Paragraph
from concordat.report.contents import CONTENTS
from concordat.web.pages._shared import BlocQuery, area_links, known_bloc
from concordat.web.site import Laid, Link, Page, Section, line

if TYPE_CHECKING:
    from concordat.report.chapter import Block, Figure, Runs, Table
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

SENTENCES_MAX, DEADLINES_MAX = 3, 3
LEAD = "internet_users_pct"  # the indicator of the first sentences
# A chapter's sentence leads to the page that shows it; the others have no page of their own yet.
PAGES = {"index": "index", "divide": "divide", "rules": "rules", "commitments": "commitments", "quality": "quality"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the first screen, and the chapter that says it."""

    chapter: str
    runs: Runs


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that is due: by whom, what, about which thing, until when in seconds."""

    members: tuple[str, ...]
    what: str
    subject: str
    until: int


@dataclass(frozen=True, slots=True)
class View:
    """The bloc on its day.

    Attributes:
        sentences: at most three, in English, most telling first. map: the numbers of the tile map; None without one.
        missing: chapters that are not there, each with what loads it. deadlines: the next three things that are due;
        None where no record of the council is loaded.
    """

    bloc: str
    on: str
    members: tuple[str, ...]
    invited: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    map: Table | None
    missing: tuple[tuple[str, str], ...]
    deadlines: tuple[Deadline, ...] | None = None


def view(reader: Reader, query: BlocQuery) -> View:
    """The answer."""
    brief = glance(reader, query)
    chapters = [reader.chapter(entry.id, brief.bloc) for entry in CONTENTS]
    missing = tuple((c.id, c.what_to_load) for c in chapters if isinstance(c, Missing))
    picture = _picture(reader, brief.bloc, "en")
    table = picture.table if picture else None
    return replace(brief, sentences=_sentences(reader, brief.bloc, "en"), map=table, missing=missing)


def glance(reader: Reader, query: BlocQuery) -> View:
    """The answer but for what is said in words: the layout says it in the reader's language."""
    bloc = known_bloc(reader, query.bloc)
    who = reader.inputs(bloc).who
    return View(bloc, who.on.isoformat(), who.members, who.invited, (), None, (), _deadlines(reader, bloc))


def _deadlines(reader: Reader, bloc: str) -> tuple[Deadline, ...] | None:
    """The next things that are due in the bloc's council, as of ledger time."""
    from concordat.council.due import due

    held = reader.council
    if held is None or held.bloc != bloc:
        return None
    owed: dict[tuple[int, str, str], list[str]] = {}
    for o in due(held.council, held.now):
        if o.until >= held.now:
            owed.setdefault((o.until, o.subject, o.what), []).append(o.member)
    found = sorted(owed)[:DEADLINES_MAX]
    return tuple(Deadline(tuple(sorted(owed[key])), key[2], key[1], key[0]) for key in found)


def _sentences(reader: Reader, bloc: str, language: str) -> tuple[Sentence, ...]:
    """The highest priority of each chapter, at most three: a screen holds no more.

    The most telling chapters are written first, and no more of them than it takes: behind three sentences, one that
    can't come before the third of them waits until a page of its own is asked for.
    """
    best: list[tuple[int, int, Sentence]] = []
    for place, entry in sorted(enumerate(CONTENTS), key=lambda found: (-found[1].telling, found[0])):
        if not entry.telling or (best[SENTENCES_MAX - 1 :] and best[SENTENCES_MAX - 1][:2] < (-entry.telling, place)):
            break
        brief = reader.brief(entry.id, bloc, language)
        if brief.headlines:
            headline = brief.headlines[0]
            best.append((-headline.priority, place, Sentence(entry.id, headline.runs)))
            best.sort(key=lambda found: found[:2])
    return tuple(s for _, _, s in best[:SENTENCES_MAX])


def _picture(reader: Reader, bloc: str, language: str) -> Figure | None:
    return reader.brief("standing", bloc, language).picture


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    inputs = reader.inputs(view.bloc, words.language)
    count = inputs.count(inputs.who.facts[a] for a in inputs.who.members)
    title = words.text("web.title_home", bloc=inputs.bloc_label, count=count)
    more = {} if view.bloc == reader.bloc else {"bloc": view.bloc}
    said: list[Block] = []
    for sentence in _sentences(reader, view.bloc, words.language):
        name = PAGES.get(sentence.chapter, "indicator")
        ids = {"indicator": LEAD, "index": reader.index_name(view.bloc)}
        to = {**more, **({"id": ids[name]} if name in ids else {})}
        link = Link(words.plain("web.more"), name, to)
        said.append(Paragraph(line(*sentence.runs, " ", link)))
    said += _due(view, reader, words)
    picture = _picture(reader, view.bloc, words.language)
    order = sorted(inputs.who.all, key=inputs.by_name)
    links = area_links(reader, order, words.language)
    places: list[Any] = []
    for area in order:
        places += [", ", links[area]] if places else [links[area]]
    lead = said[0].runs if said and isinstance(said[0], Paragraph) else ()
    sections = [
        Section("brief", tuple(said[1:] if lead else said)),
        Section("members", (Paragraph(line(*places)),), words.plain("web.members")),
    ]
    if picture:
        sections.append(Section("map", (picture,)))
    return Laid(
        title,
        tuple(sections),
        lead,
        main=picture.table if picture else None,
        links_rows=links,
        sources=reader.sources(reader.brief("standing", view.bloc, words.language).sources, view.bloc),
    )


def _due(view: View, reader: Reader, words: Words) -> Iterable[Block]:
    """The next deadlines, each with the thing that it is about; or why none is known."""
    from concordat.council.due import Owed
    from concordat.web.pages._council import duty, link_to, log_of, record, until

    if view.deadlines is None:
        return [Note(words.text("web.no_deadlines"))]
    log, council = log_of(reader, words.language), record(reader).council
    found: list[Block] = []
    for d in view.deadlines:
        owed = Owed(d.members[0], d.what, d.subject, d.until)
        told = {"name": log.names(d.members), "duty": duty(words, owed), "until": until(log, d.until)}
        link = link_to(council, d.subject) or d.subject
        found.append(Paragraph(line(*words.text("web.deadline", **told), " (", link, ")")))
    all_ = Link(words.plain("web.all_duties"), "due")
    if not found:
        return [Paragraph(line(*words.text("web.nothing_due"), " ", all_))]
    last = found[-1]
    assert isinstance(last, Paragraph)
    return [*found[:-1], Paragraph(line(*last.runs, " ", all_))]


def instances(_reader: Reader) -> Iterable[Mapping[str, str]]:
    """The bloc of the site."""
    return ({},)


PAGE = Page("home", "/", "know", BlocQuery, view, layout, 20, instances, ("evidence", "council"), glance=glance)
