"""The rules between members: who is bound to whom, on what, what is missing, and what one more signature would change.

Everything printed is a part of a record of `rulebook.record`: one over the members and, where countries are invited,
one with them, whose pairs are shown and not counted. Inputs are the rows of the packaged catalogue and the codings of
the study. An empty cell says "no instrument known to us", never "no rule".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from concordat.report import cells, rules_figures, rules_tables
from concordat.report.chapter import Block, Chapter, Code, Headline, Missing, Note, Num, Paragraph, Runs
from concordat.report.inputs import STUDY_FILE, Inputs

if TYPE_CHECKING:
    from concordat.evidence.provenance import Book, Derived
    from concordat.report.chapters.rulebook import Options
    from concordat.rulebook.assessment import RulebookSection
    from concordat.rulebook.model import CommitmentDraft

INSTRUMENTS, SEEDS = "concordat/rulebook/data/instruments.yaml", "concordat/rulebook/data/seeds.yaml"
ACCURACY = "concordat/rulebook/data/accuracy.yaml"
FUNCTION = "rulebook.record.section@1"
LOADED_MAX = 5  # instruments named as the most useful to load


class Rules:
    """The rules of one bloc as this report prints them.

    Attributes:
        record, found: over the members. wide_record, wide: with those invited; the same where nobody is.
        areas: members, then invited ones, each in the order of their names.
    """

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self.inputs, self.options = inputs, options
        who = inputs.who
        self.members = sorted(who.members, key=inputs.by_name)
        self.areas = [*self.members, *sorted(who.invited, key=inputs.by_name)]
        self.record, self.found = self._made(who.members)
        self.wide_record, self.wide = (self.record, self.found)
        if who.invited:
            self.wide_record, self.wide = self._made(who.all)
        self.cells = {frozenset((c.a, c.b)): c for c in self.wide.matrix}

    def _made(self, areas: Sequence[str]) -> tuple[Derived, RulebookSection]:
        from concordat.rulebook.record import section_of

        book, options = self.inputs.book, self.options
        ids, coded = known_facts(book, options)
        said: dict[str, Any] = {
            "members": sorted(areas),
            "on": self.inputs.who.on.isoformat(),
            "seed": options.seed,
            "first_year": options.first_year,
            "draws": options.draws,
            "coded": coded,
        }
        record = book.derive(FUNCTION, ids, said)
        from concordat.evidence.provenance import parts_of

        return record, section_of([parts_of(book[i]) for i in ids], record.parameters)

    def num(self, part: str, unit: str = "count", *, wide: bool = False, decimals: int | None = None) -> Num:
        """A part of the record, with its interval where it has one."""
        record = self.wide_record if wide else self.record
        parts = record.parts
        low, high = parts.get(f"{part}_lower"), parts.get(f"{part}_upper")
        return Num(parts[part], low, high, unit, record.id, part=part, decimals=decimals)

    def counted(self, a: str, b: str) -> bool:
        """Whether both are members."""
        members = self.inputs.who.members
        return a in members and b in members

    def pair_part(self, kind: str, a: str, b: str) -> str:
        """The name of a pair's part: `binding_BRA_CHN`."""
        one, other = sorted((a, b))
        return f"{kind}_{one}_{other}"

    def pair_num(self, kind: str, a: str, b: str) -> Num:
        """How many instruments of a kind are in force between two."""
        return self.num(self.pair_part(kind, a, b), wide=not self.counted(a, b))

    def pair_name(self, a: str, b: str) -> str:
        """`Brazil – China`, in the order of names."""
        one, other = sorted((a, b), key=self.inputs.by_name)
        name = self.inputs.area_name
        return self.inputs.words.plain("rules.pair_name", a=name(one), b=name(other))

    def instrument(self, name: str) -> str:
        """The short name of an instrument."""
        return self.wide.names.get(name, name)

    def named(self, names: Sequence[str]) -> str:
        """Short names in a list."""
        return self.inputs.words.listed(self.instrument(n) for n in names)

    def topic(self, code: str) -> str:
        """The name of a topic in the report's language."""
        return self.inputs.words.plain(f"rules.topic.{code}")

    def topics(self, codes: Sequence[str]) -> str:
        """Topics in a list; their names hold commas and "and" themselves."""
        return self.inputs.words.listed((self.topic(c) for c in codes), "page.list_semicolon")

    @property
    def most(self) -> tuple[str, str, int]:
        """The two members with most binding instruments between them, and how many; the first by code of several."""
        best = max(self.found.matrix, key=lambda c: len(c.binding))
        return best.a, best.b, len(best.binding)


def known_facts(book: Book, options: Options) -> tuple[list[str], list[str]]:
    """What is known of rules as facts of the book: instruments, then codings; and which instruments are coded."""
    ids = [*catalogue_facts(book)]
    for n, row in enumerate(options.instruments):
        ids.append(book.fact(STUDY_FILE, "", f"#/rules/instruments/{n}", {"row": dict(row)}))
    coded = sorted(options.codings or {})
    for name in coded:
        rows = [list(row) for row in (options.codings or {})[name]]
        ids.append(book.fact(STUDY_FILE, "", f"#/rules/codings/{name}", {"codings": rows}))
    return ids, coded


def catalogue_facts(book: Book) -> Iterator[str]:
    """The rows of the packaged catalogue as facts of the book."""
    rows, sha256 = _packaged("instruments.yaml")
    for n, row in enumerate(rows["instruments"]):
        yield book.fact(INSTRUMENTS, sha256, f"#/instruments/{n}", {"row": row})


@cache
def _packaged(name: str) -> tuple[Mapping[str, Any], str]:
    """A file of the rulebook as plain data, and its hash."""
    from concordat.evidence.provenance import text_hash
    from concordat.rulebook.taxonomy import DATA
    from concordat.settings import parse_yaml

    data = (DATA / name).read_bytes()
    return parse_yaml(data, where=name).value, text_hash(data)


def write(inputs: Inputs) -> Chapter | Missing:
    """The chapter; for one country the line that says why there is none.

    Raises:
        StateError: this machine's rulebook can't be read.
    """
    words = inputs.words
    title = words.plain("chapter.rules")
    if len(inputs.who.members) < 2:
        return Missing("rules", title, words.plain("rules.one"))
    assert inputs.rules is not None
    if inputs.rules.fault is not None:
        raise inputs.rules.fault
    rules = Rules(inputs, inputs.rules)
    blocks: list[Block] = [*_introduction(rules)]
    blocks += rules_figures.matrix(rules)
    blocks += rules_tables.instruments(rules)
    blocks += rules_tables.pairs(rules)
    blocks += rules_figures.network_of(rules)
    blocks += rules_figures.topics(rules)
    blocks += _gaps(rules)
    blocks += rules_tables.candidates(rules)
    blocks += rules_tables.pending(rules)
    blocks += rules_figures.years(rules)
    blocks += _coverage(rules)
    blocks += rules_tables.drafts(rules, _draft_facts(inputs.book))
    return Chapter("rules", title, tuple(blocks), tuple(_headlines(rules)))


def _introduction(rules: Rules) -> Iterator[Block]:
    from concordat.report.standing import long_date

    inputs, words = rules.inputs, rules.inputs.words
    told: dict[str, Any] = {name: rules.num(f"pairs_{name}") for name in ("binding", "soft", "none")}
    runs = words.text("rules.intro", pairs=rules.num("pairs"), on=long_date(inputs, inputs.who.on), **told)
    if inputs.who.invited:
        invited = words.text("rules.intro_invited", names=cells.names_of(inputs, inputs.who.invited))
        runs = words.sentences(runs, invited)
    yield Paragraph(runs)
    limits = words.text("rules.limits", instruments=rules.num("instruments"), incomplete=rules.num("incomplete"))
    yield Note(limits, "warning")


def _gaps(rules: Rules) -> Iterator[Block]:
    """Topics that nothing covers, soft instruments that all share, the links that stand apart, the mean depth."""
    words, found = rules.inputs.words, rules.found
    said: list[Runs] = []
    if found.topics_without:
        said.append(words.text("rules.without", names=rules.topics(found.topics_without)))
    if found.topics_soft_only:
        said.append(words.text("rules.soft_only", names=rules.topics(found.topics_soft_only)))
    if found.shared_soft:
        said.append(words.text("rules.shared", names=rules.named(found.shared_soft)))
    else:
        said.append(words.text("rules.shared_none"))
    yield Paragraph(words.sentences(*said))
    if found.metrics.depth.value is not None:
        yield Paragraph(words.sentences(*_depths(rules)))


def _depths(rules: Rules) -> Iterator[Runs]:
    words, links, turn = rules.inputs.words, rules.found.metrics.links, rules.found.metrics.convergence
    yield words.text("rules.depth", depth=rules.num("depth", "index_0_1"))
    if links.strongest is not None and links.weakest is not None:
        ends = {"strong": links.strongest, "weak": links.weakest}
        told: dict[str, Any] = {name: rules.pair_name(*pair) for name, pair in ends.items()}
        for name, pair in ends.items():
            told[f"{name}_depth"] = rules.num(rules.pair_part("depth", *pair), "index_0_1")
        yield words.text("rules.links", **told)
    else:
        few = sum(c.depth.value is not None for c in rules.found.matrix) < 3
        yield words.text("rules.links_none", reason=words.plain(f"rules.links.{'few' if few else 'same'}"))
    if turn.verdict in ("converging", "diverging"):
        first = next(y for y, h in zip(turn.years, turn.distance, strict=True) if h is not None)
        yield words.text(f"rules.{turn.verdict}", change=rules.num("change", "points"), first=str(first))


def _coverage(rules: Rules) -> Iterator[Block]:
    """What the depths rest on, and what to load."""
    words, rests = rules.inputs.words, rules.found.coverage
    said = [words.text("rules.coverage", coded=rules.num("coded"), in_force=rules.num("in_force"))]
    if rests.codings:
        told = {"codings": rules.num("codings")}
        if rests.by_hand == 1:
            said.append(words.text("rules.coverage_hand", **told))
        else:
            by_hand = rules.num("by_hand", "percent")
            said.append(words.text("rules.coverage_codings", **told, by_hand=by_hand, mode=rests.mode))
            said += _measured(rules)
    if rules.options.left_out:
        count = rules.options.left_out
        said.append(words.text("rules.left_out", count=Num(count, unit="count", id=_left_out(rules))))
    yield Paragraph(words.sentences(*said))
    if rules.found.to_load:
        first = rules.found.to_load[:LOADED_MAX]
        load = Code(f"concordat rulebook load FILE --as {first[0].instrument}")
        code = Code(f"concordat rulebook code {first[0].instrument}")
        names = rules.named([t.instrument for t in first])
        yield Note(words.text("rules.to_load", names=names, load=load, code=code))


def _measured(rules: Rules) -> Iterator[Runs]:
    """How right the shipped coder was measured to be, where it made codings of this report."""
    if "shipped" not in rules.found.coverage.mode.split(", "):
        return
    kept, sha256 = _packaged("accuracy.yaml")
    told: dict[str, Num] = {}
    for m, mode in enumerate(kept["modes"]):
        if mode["mode"] != "shipped":
            continue
        n, row = next((n, f) for n, f in enumerate(mode["figures"]) if f["name"] == "macro F1")
        parts = {"n": row["n"], "value": row["value"]}
        fact = rules.inputs.book.fact(ACCURACY, sha256, f"#/modes/{m}/figures/{n}", parts)
        told["meaning" if mode["minilm"] else "plain"] = Num(row["value"], unit="index_0_1", id=fact, decimals=2)
        told["count"] = Num(row["n"], unit="count", id=fact, part="n")
    if len(told) == 3:
        yield rules.inputs.words.text("rules.measured", **told)


def _left_out(rules: Rules) -> str:
    """The line of the study that says how many codings their licence kept out."""
    return rules.inputs.book.fact(STUDY_FILE, "", "#/rules/left_out", {"value": rules.options.left_out})


def _draft_facts(book: Book) -> Iterator[tuple[str, str, list[tuple[CommitmentDraft | None, bool, str]]]]:
    """Of each source document its id and name; of each item its draft, if it is for the first agenda, its record."""
    from concordat.rulebook.seeds import load_seeds

    seeds = load_seeds()
    drafts = {d.id: d for d in seeds.drafts()}
    rows, sha256 = _packaged("seeds.yaml")
    for n, (row, document) in enumerate(zip(rows["documents"], seeds.documents, strict=True)):
        items = []
        for m, item in enumerate(row["items"]):
            fact = book.fact(SEEDS, sha256, f"#/documents/{n}/items/{m}", {"id": item["id"]})
            items.append((drafts.get(item["id"]), bool(item["agenda"]), fact))
        yield row["id"], document.instrument.short_name, items


def _headlines(rules: Rules) -> Iterator[Headline]:
    words, bloc = rules.inputs.words, cells.bloc_name(rules.inputs)
    a, b, most = rules.most
    if not most:
        yield Headline(62, words.text("rules.headline_none", bloc=bloc))
        return
    name = rules.inputs.area_name
    one, other = sorted((a, b), key=rules.inputs.by_name)
    told: dict[str, Any] = {"binding": rules.num("pairs_binding"), "pairs": rules.num("pairs"), "bloc": bloc}
    most_num = rules.pair_num("binding", a, b)
    yield Headline(62, words.text("rules.headline", a=name(one), b=name(other), most=most_num, **told))
    bare = (*rules.found.topics_without, *rules.found.topics_soft_only)
    if bare:
        ordered = [t for t in rules.found.metrics.depth_by_topic if t in bare]
        yield Headline(42, words.text("rules.headline_gaps", bloc=bloc, names=rules.topics(ordered)))
