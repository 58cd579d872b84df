"""Two or more agreements side by side: which provisions each holds, how hard, where, and how sure that is.

The matrix has a row a provision and a column an instrument; a cell is the hardest coding of that provision in it, with
its article, quotation, flags and probability. Beside it stand the difference of depth, the alignment of the articles of
the first two, and how stable the picture is: the share of cells whose probability lies in the band of review. Model
clauses: the articles of a provision at one depth fall into drafting families (average linkage at a TF-IDF cosine of
0.7), each shown by its medoid, with its first user and its variants. Section 7 of the specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.rulebook._decisions import rejected
from concordat.rulebook.align import Alignment, Array, align, similarity
from concordat.rulebook.binds import chosen, legal_depth
from concordat.rulebook.model import Coding, Unit
from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

REVIEW = (0.35, 0.65)
FAMILY = 0.7


@dataclass(frozen=True, slots=True)
class Cell:
    """A provision in an instrument."""

    depth: int
    textual: int
    ordinal: int | None
    flags: Mapping[str, bool]
    probability: float | None
    unit: str
    quote: str
    method: str
    state: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Instruments side by side.

    Attributes:
        instruments: in the order asked for. uncoded: those without a coded text, which have no cells.
        cells: by provision, one for each instrument, None where it has none.
        alignment: of the articles of the first two.
        stability: share of cells not in the band of review; None without cells.
    """

    instruments: tuple[str, ...]
    uncoded: tuple[str, ...]
    cells: Mapping[str, tuple[Cell | None, ...]]
    alignment: Alignment | None
    stability: float | None

    def differences(self) -> dict[str, int]:
        """Provisions on which the first two differ: the second's ordinal less the first's, 0 where one has none."""
        found = {}
        for code, (first, second) in ((c, row[:2]) for c, row in self.cells.items()):
            change = (second.ordinal or 0 if second else 0) - (first.ordinal or 0 if first else 0)
            if change:
                found[code] = change
        return found


def compare(
    store: RuleStore,
    names: Sequence[str],
    *,
    topic: str = "",
    taxonomy: Taxonomy | None = None,
    vectors: Mapping[str, Array] | None = None,
) -> Comparison:
    """Set instruments side by side.

    Args:
        topic: only its provisions. vectors: sentence vectors of articles by their text's SHA-256, where there are any.

    Raises:
        InputError: fewer than two instruments, one twice, an unknown one.
        MethodError: none of them has a text.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError("name two or more different instruments.", hint="compare cptpp depa", code="compare")
    book = taxonomy or load_taxonomy()
    read = set(store.with_text())
    for name in names:
        _ = store[name]
    if not read & set(names):
        hint = f"Load one: concordat rulebook load FILE --as {names[0]}"
        raise MethodError("none of them has a text here.", where=" ".join(names), hint=hint, code="no_text")
    wanted = {p.code for p in (book.of(topic) if topic else book.provisions.values())}
    columns = [_cells(store, name, book) for name in names]
    codes = [c for c in book.codes if c in wanted and any(c in column for column in columns)]
    cells = {c: tuple(column.get(c) for column in columns) for c in codes}
    sure = [x.probability for row in cells.values() for x in row if x is not None and x.probability is not None]
    both = [n for n in names[:2] if n in read]
    return Comparison(
        instruments=tuple(names),
        uncoded=tuple(n for n, column in zip(names, columns, strict=True) if not column and not store.codings(n)),
        cells=cells,
        alignment=aligned(store, names[0], names[1], book, vectors) if len(both) == 2 else None,
        stability=1.0 - sum(REVIEW[0] <= p <= REVIEW[1] for p in sure) / len(sure) if sure else None,
    )


def _cells(store: RuleStore, name: str, book: Taxonomy) -> dict[str, Cell]:
    instrument, units = store[name], store.units_of_codings(name)
    found: dict[str, Cell] = {}
    for coding in chosen(store.codings(name), units):
        provision = book.provisions.get(coding.provision)
        if provision is None:
            continue
        depth = legal_depth(coding.depth or 0, instrument)
        ordinal = provision.ordinal(depth, coding.flags)
        cell = Cell(depth, coding.depth or 0, ordinal, dict(coding.flags), coding.probability, coding.unit,
                    quoted(units[coding.unit], coding), coding.method, coding.state)  # fmt: skip
        old = found.get(coding.provision)
        if old is None or (ordinal or 0, coding.probability or 0.0) > (old.ordinal or 0, old.probability or 0.0):
            found[coding.provision] = cell
    return found


def quoted(unit: Unit, coding: Coding, most: int = 400) -> str:
    """The words that a coding rests on, on one line."""
    text = unit.text[slice(*coding.span)] if coding.span is not None else unit.text[:most]
    return " ".join(text.split())


def aligned(
    store: RuleStore, a: str, b: str, book: Taxonomy | None = None, vectors: Mapping[str, Array] | None = None
) -> Alignment:
    """The articles of two instruments, paired.

    Raises:
        MethodError: one of them has no text.
    """
    taxonomy = book or load_taxonomy()
    sides = [store.units(name, ("article",)) for name in (a, b)]
    for name, side in zip((a, b), sides, strict=True):
        if not side:
            hint = f"Load it: concordat rulebook load FILE --as {name}"
            raise MethodError(f"{name} has no text with articles here.", where=name, hint=hint, code="no_text")
    chapters: dict[str, str] = {}
    for name, side in zip((a, b), sides, strict=True):
        titles = {u.id: u.heading for u in store.units(name, ("chapter", "annex"))}
        chapters |= {u.id: titles.get(u.parent, "") for u in side}
    probabilities = [_probabilities(store, name, side, taxonomy) for name, side in zip((a, b), sides, strict=True)]
    dense = None
    if vectors is not None and all(u.sha256 in vectors for side in sides for u in side):
        dense = (np.stack([vectors[u.sha256] for u in sides[0]]), np.stack([vectors[u.sha256] for u in sides[1]]))
    score = similarity(
        sides[0], sides[1], vectors=dense, provisions=(probabilities[0], probabilities[1]), chapters=chapters
    )
    paragraphs = tuple(store.units(name, ("paragraph",)) for name in (a, b))
    return align(sides[0], sides[1], score, (paragraphs[0], paragraphs[1]))


def _probabilities(store: RuleStore, name: str, units: Sequence[Unit], book: Taxonomy) -> Array:
    """Probabilities of provisions `[article, provision]`; 1 where a person coded, 0 where she rejected."""
    row = {u.id: n for n, u in enumerate(units)}
    column = {code: n for n, code in enumerate(book.codes)}
    found = np.zeros((len(units), len(column)))
    for coding in store.codings(name):
        if coding.unit in row and coding.provision in column and not rejected(coding):
            sure = 1.0 if coding.method == "human" or coding.probability is None else coding.probability
            found[row[coding.unit], column[coding.provision]] = sure
    return found


# --- Model clauses --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Family:
    """Articles of one drafting: the medoid stands for them; `first` signed it first; members by date."""

    provision: str
    depth: int
    medoid: str
    text: str
    first: str
    members: tuple[str, ...]


def clauses(store: RuleStore, code: str, *, taxonomy: Taxonomy | None = None) -> tuple[Family, ...]:
    """The drafting families of a provision, deepest and largest first.

    Raises:
        InputError: no such provision.
        MethodError: no loaded text holds it.
    """
    book = taxonomy or load_taxonomy()
    provision = book[code]
    by_depth: dict[int, list[Unit]] = {}
    for name in store.with_text():
        units = store.units_of_codings(name)
        for coding in chosen(store.codings(name), units):
            if coding.provision == code:
                by_depth.setdefault(coding.depth or 0, []).append(units[coding.unit])
    if not by_depth:
        what = f"no loaded text is coded {code} ({provision.name})."
        raise MethodError(what, hint="Load and code texts: concordat rulebook load, code.", code="no_text")
    signed = {name: _day(store, name) for name in store.with_text()}
    found = [f for depth, units in by_depth.items() for f in _families(code, depth, units, signed)]
    return tuple(sorted(found, key=lambda f: (-f.depth, -len(f.members), f.first)))


def _day(store: RuleStore, name: str) -> str:
    instrument = store[name]
    day = instrument.signed or instrument.adopted or instrument.in_force
    return day.text if day is not None else "9999"


def _families(code: str, depth: int, units: Sequence[Unit], signed: Mapping[str, str]) -> list[Family]:
    from concordat.rulebook.coder.tfidf import characters, fit_transform, words

    ordered = sorted(units, key=lambda u: (signed[u.instrument], u.id))
    analyser = characters(2, 3) if {u.lang for u in ordered} == {"zh"} else words(1, 2)
    _, rows = fit_transform([u.text for u in ordered], analyser, df_min=1)
    cosine = np.asarray((rows @ rows.T).todense())
    labels = _linked(cosine)
    made = []
    for label in sorted(set(labels)):
        some = [n for n, found in enumerate(labels) if found == label]
        middle = some[int(np.argmax(cosine[np.ix_(some, some)].sum(axis=1)))]
        members = tuple(ordered[n].id for n in some)
        made.append(Family(code, depth, ordered[middle].id, ordered[middle].text, members[0], members))
    return made


def _linked(cosine: Array) -> list[int]:
    """Clusters by average linkage, cut where the mean cosine falls below 0.7."""
    if len(cosine) < 2:
        return [0] * len(cosine)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distance = np.clip(1.0 - (cosine + cosine.T) / 2, 0.0, None)
    np.fill_diagonal(distance, 0.0)
    return [int(n) for n in fcluster(linkage(squareform(distance, checks=False), "average"), 1.0 - FAMILY, "distance")]
