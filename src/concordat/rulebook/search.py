"""Which articles answer a question put in plain words?

    score(u|q) = 0.3 z(cos of sentence vectors) + 0.6 sum_p P(p|q) P(p|u) + 0.1 z(BM25)

z is the place between the least and the most of the first 200 of each list. P(p|q) = softmax(4 (lex_p / 3 + cos(q,
definition_p) + the mean of q's cosines with p's three nearest own clauses)) over the three best provisions; P(p|u) are
the article's codings. BM25 weighs headings 4, chapter titles 2 and text 1 (S. Robertson and H. Zaragoza, The
Probabilistic Relevance Framework, 2009, as SQLite's FTS5 computes it). Words of the best provisions' terms in the other
languages are looked for as well, so that a question in English finds an article in Spanish.

The weights were fitted on every other of 36 everyday questions that share few words with the articles, and judged on
the rest (`benchmarks/search.py`); words keep a tenth, which those questions do not ask for, because names and quoted
words need them. Without sentence vectors provisions count 0.6 and words 0.4, questions are held against the definitions
by runs of letters, and the answer says so. Section 7 of the specification, which asks for this fit.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from concordat import clock
from concordat.errors import InputError
from concordat.rulebook._decisions import rejected
from concordat.rulebook.binds import legal_depth
from concordat.rulebook.catalogue import check_party
from concordat.rulebook.model import TYPES, Coding, Truth, Unit
from concordat.rulebook.status import TAKING_PART, european_union, standing
from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy
from concordat.settings import nearest

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

Array = NDArray[np.float64]
FIRST = 200
AT_ONCE = 64  # texts that become vectors between two words of progress
WEIGHTS = {"vectors": 0.3, "provisions": 0.6, "words": 0.1}
WEIGHTS_PLAIN = {"provisions": 0.6, "words": 0.4}
PROVISIONS = 3
CLAUSES = 3
SHARPNESS = 4.0
JOINED = (*TAKING_PART, "signatory")  # roles of those whose instrument it is; applicants and observers are not yet
_TOKEN = re.compile(r"\w+")
_PLAIN = re.compile(r"[\w\s\-']+")


class Encoder(Protocol):
    """What makes sentence vectors: `coder.minilm.MiniLM`."""

    sha256: str

    def embed(self, texts: Sequence[str]) -> Any:
        """A row of unit length for each text."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What articles are looked among; empty: all.

    Attributes:
        party: who joined or signed the instrument, by itself or as a member of the Union; not who applied or observes.
    """

    party: str = ""
    topic: str = ""
    depth: int = 0
    type: str = ""
    since: int | None = None
    until: int | None = None
    in_force_on: date | None = None
    instruments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that answers, with its parts of the score (None where a part was not there)."""

    unit: Unit
    score: float
    words: float
    provisions: float
    vectors: float | None
    codings: tuple[Coding, ...]
    quote: str


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, best first; which provisions the question was taken to be about; how it was searched."""

    query: str
    hits: tuple[Hit, ...]
    provisions: tuple[tuple[str, float], ...]
    how: str


def search(
    store: RuleStore,
    query: str,
    *,
    filters: Filters = Filters(),
    limit: int = 10,
    encoder: Encoder | None = None,
    taxonomy: Taxonomy | None = None,
) -> Found:
    """Articles for a question.

    Raises:
        InputError: an empty question, an unknown party, topic, type or instrument.
    """
    text = " ".join(query.split())
    if not _TOKEN.search(text):
        raise InputError("the question has no words.", hint="Write what you look for.", code="query")
    book = taxonomy or load_taxonomy()
    codings = _codings(store)
    among = _among(store, filters, book, codings)
    vectors: dict[str, float] = {}
    nearness: Array | None = None
    if encoder is not None and (units := store.units("", ("article", "annex"))):
        asked = np.asarray(encoder.embed([text]), dtype=np.float32)[0]
        vectors = among.of(_cosines(store, units, asked, encoder))
        nearness = _nearness(store, asked, book, encoder)
    about = provisions_of(text, book, nearness)
    lists: dict[str, dict[str, float]] = {"words": _words(store, text, about, book, among)}
    lists["provisions"] = among.of(_by_provision(codings, dict(about)))
    if vectors:
        lists["vectors"] = vectors
    weights = WEIGHTS if vectors else WEIGHTS_PLAIN
    scaled = {name: some if name == "provisions" else _scaled(some) for name, some in lists.items()}
    names = sorted(set().union(*(_top(some) for some in lists.values())))
    scores = {u: sum(weights[n] * some.get(u, 0.0) for n, some in scaled.items()) for u in names}
    hits: list[Hit] = []
    for name in sorted(names, key=lambda u: (-scores[u], u))[:limit]:
        unit, some = store.unit(name), codings.get(name, ())
        parts = [scaled[n].get(name, 0.0) for n in ("words", "provisions")]
        own = scaled["vectors"].get(name, 0.0) if "vectors" in scaled else None
        hits.append(Hit(unit, scores[name], parts[0], parts[1], own, some, _quote(unit, text, some, dict(about))))
    how = "words, provisions and sentence vectors" if vectors else "words and provisions; no sentence vectors here"
    return Found(text, tuple(hits), about, how)


def provisions_of(query: str, book: Taxonomy, nearness: Array | None = None) -> tuple[tuple[str, float], ...]:
    """What a question is about: the three best provisions with their probabilities.

    Args:
        nearness: of each provision by sentence vectors; without it, cosines of letters with the definitions.
    """
    from concordat.rulebook.coder.tfidf import fold

    lexicons, vectoriser, definitions = _questioner(book)
    hits: dict[str, int] = {}
    for lexicon in lexicons:
        for code, n in lexicon.score((fold(query),)).items():
            hits[code] = max(hits.get(code, 0), n)
    if nearness is None:
        nearness = np.asarray((vectoriser.transform([query]) @ definitions.T).todense()).ravel()
    score = np.array([hits.get(code, 0) / 3 for code in book.codes]) + nearness
    best = np.argsort(-score, kind="stable")[:PROVISIONS]
    weight = np.exp(SHARPNESS * (score[best] - score[best].max()))
    weight /= weight.sum()
    return tuple((book.codes[int(n)], float(w)) for n, w in zip(best, weight, strict=True))


@lru_cache(maxsize=4)
def _questioner(book: Taxonomy) -> tuple[tuple[Any, ...], Any, Any]:
    """What a question is held against: the terms of each language, and the definitions as rows of letters."""
    from concordat.rulebook.coder.lexicon import Lexicon
    from concordat.rulebook.coder.tfidf import fit_transform, letters

    languages = sorted({lang for p in book.provisions.values() for lang in p.terms})
    lexicons = tuple(
        Lexicon({code: p.terms[lang] for code, p in book.provisions.items() if lang in p.terms}) for lang in languages
    )
    texts = [f"{p.name}. {p.definition}" for p in book.provisions.values()]
    return (lexicons, *fit_transform(texts, letters(3, 5), df_min=1))


def _words(
    store: RuleStore, query: str, about: Sequence[tuple[str, float]], book: Taxonomy, among: Among
) -> dict[str, float]:
    """BM25 of the question's words and of plain terms of its provisions in all languages."""
    tokens = list(dict.fromkeys(_TOKEN.findall(query.casefold())))
    phrases = [f'"{t}"' for t in tokens]
    for code, sure in about:
        if sure >= 0.25:
            phrases += [f'"{p}"' for p in _plain_terms(book, code)]
    found = dict(store.match_words(" OR ".join(dict.fromkeys(phrases)), FIRST, among.instruments, among.units))
    if not query.isascii():
        for part in [t for t in tokens if not t.isascii()]:
            for name, score in store.match_part(part, FIRST, among.instruments, among.units):
                found[name] = max(found.get(name, 0.0), score)
    return found


def _plain_terms(book: Taxonomy, code: str) -> list[str]:
    """Terms of a provision that are words and no patterns."""
    terms = [p.pattern for some in book[code].terms.values() for p in (*some.must, *some.any)]
    return [t for t in terms if _PLAIN.fullmatch(t)][:24]


def _codings(store: RuleStore) -> dict[str, tuple[Coding, ...]]:
    found: dict[str, list[Coding]] = {}
    for coding in store.codings():
        if not rejected(coding):
            found.setdefault(coding.unit, []).append(coding)
    return {unit: tuple(some) for unit, some in found.items()}


def _by_provision(codings: Mapping[str, Sequence[Coding]], about: Mapping[str, float]) -> dict[str, float]:
    """sum_p P(p|q) P(p|u) of the units that are coded as one of the question's provisions."""
    found = {}
    for unit, some in codings.items():
        score = sum(about.get(c.provision, 0.0) * (1.0 if c.probability is None else c.probability) for c in some)
        if score > 0:
            found[unit] = score
    return found


def _cosines(store: RuleStore, units: Sequence[Unit], asked: Any, encoder: Encoder) -> dict[str, float]:
    """Cosines of the question with every article."""
    texts = {u.sha256: u.text for u in units}
    cosine = dict(zip(texts, (_embedded(store, texts, encoder) @ asked).tolist(), strict=True))
    return {u.id: float(cosine[u.sha256]) for u in units}


def _nearness(store: RuleStore, asked: Any, book: Taxonomy, encoder: Encoder) -> Array:
    """cos(q, definition) and the mean cosine with the three nearest of our own clauses, added, for each provision."""
    texts, rows = _own_words(book)
    cosine = (_embedded(store, texts, encoder) @ asked).astype(np.float64)
    found = np.zeros(len(book.codes))
    for at, (definition, clauses) in enumerate(rows):
        nearest = np.sort(cosine[list(clauses)])[-CLAUSES:]
        found[at] = cosine[definition] + (nearest.mean() if nearest.size else 0.0)
    return found


@lru_cache(maxsize=4)
def _own_words(book: Taxonomy) -> tuple[dict[str, str], tuple[tuple[int, tuple[int, ...]], ...]]:
    """Definitions and English clauses by SHA-256; for each provision the places of its own (definition, clauses)."""
    from concordat.rulebook.exemplars import load_exemplars

    texts: dict[str, str] = {}
    place: dict[str, int] = {}

    def put(text: str) -> int:
        sha = hashlib.sha256(text.encode()).hexdigest()
        texts.setdefault(sha, text)
        return place.setdefault(sha, len(place))

    definitions = [put(f"{p.name}. {p.definition}") for p in book.provisions.values()]
    clauses: dict[str, list[int]] = {}
    for clause in load_exemplars():
        if clause.lang == "en" and clause.code in book.provisions:
            clauses.setdefault(clause.code, []).append(put(clause.text))
    own = [tuple(clauses.get(code, ())) for code in book.provisions]
    return texts, tuple(zip(definitions, own, strict=True))


def _embedded(store: RuleStore, texts: Mapping[str, str], encoder: Encoder) -> Any:
    """Sentence vectors of texts by SHA-256, a row each; what the store has not is made and kept."""
    kept = store.embeddings(texts, encoder.sha256)
    missing = [sha for sha in texts if sha not in kept]
    if missing:
        made = np.asarray(encoder.embed([texts[sha] for sha in missing]), dtype=np.float32)
        fresh = {sha: row.tobytes() for sha, row in zip(missing, made, strict=True)}
        store.put_embeddings(fresh, encoder.sha256)
        kept |= fresh
    return np.stack([np.frombuffer(kept[sha], dtype=np.float32) for sha in texts])


def index(
    store: RuleStore, encoder: Encoder, progress: Callable[[int, int, str], None] = lambda *_: None
) -> tuple[int, int]:
    """Make and keep the sentence vectors of everything that a search compares: (texts, of which new).

    A search makes what is missing by itself, while its reader waits; this makes it before.

    Args:
        progress: called with (done, all, note).
    """
    own, _ = _own_words(load_taxonomy())
    texts = {**own, **{u.sha256: u.text for u in store.units("", ("article", "annex"))}}
    missing = sorted(set(texts) - set(store.embeddings(texts, encoder.sha256)))
    for start in range(0, len(missing), AT_ONCE):
        progress(start, len(missing), "texts")
        _embedded(store, {sha: texts[sha] for sha in missing[start : start + AT_ONCE]}, encoder)
    progress(len(missing), len(missing), "texts")
    return len(texts), len(missing)


def _top(some: Mapping[str, float]) -> list[str]:
    return sorted(some, key=lambda u: (-some[u], u))[:FIRST]


def _scaled(some: Mapping[str, float]) -> dict[str, float]:
    """Between the least (0) and the most (1) of the first 200; further ones have 0."""
    first = _top(some)
    if not first:
        return {}
    low, high = some[first[-1]], some[first[0]]
    if high == low:
        return dict.fromkeys(first, 1.0)
    return {u: (some[u] - low) / (high - low) for u in first}


# --- Filters and quotations -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Among:
    """What the filters leave: instruments, and units that are coded as asked for; None where they leave all."""

    instruments: frozenset[str] | None
    units: frozenset[str] | None

    def of(self, some: dict[str, float]) -> dict[str, float]:
        """Those of some units that are left."""
        return {
            u: score
            for u, score in some.items()
            if (self.instruments is None or u.split("/")[0] in self.instruments)
            and (self.units is None or u in self.units)
        }


def _among(store: RuleStore, filters: Filters, book: Taxonomy, codings: Mapping[str, Sequence[Coding]]) -> Among:
    """What is looked among. It is found before the lists are cut at 200, or few articles would be left of them."""
    return Among(_allowed(store, filters), _coded(store, filters, book, codings))


def _allowed(store: RuleStore, filters: Filters) -> frozenset[str] | None:
    """Instruments that the filters leave; None where they leave all."""
    if filters.party:
        check_party(filters.party)
    if filters.type and filters.type not in TYPES:
        close = nearest(filters.type, TYPES)
        hint = f'Did you mean "{close[0]}"?' if close else f"One of: {', '.join(TYPES)}."
        raise InputError(f'"{filters.type}" is not a type of instrument.', hint=hint, code="type")
    for name in filters.instruments:
        _ = store[name]
    whole = (filters.party, filters.type, filters.since, filters.until, filters.in_force_on, filters.instruments)
    if not any(w is not None and w not in ("", ()) for w in whole):
        return None
    found = set()
    for name in store.with_text():
        instrument = store[name]
        day = instrument.signed or instrument.adopted or instrument.in_force
        if filters.instruments and name not in filters.instruments:
            continue
        if filters.type and instrument.type != filters.type:
            continue
        if filters.since is not None and (day is None or day.last.year < filters.since):
            continue
        if filters.until is not None and (day is None or day.first.year > filters.until):
            continue
        if filters.party and not _takes_part(store, name, filters.party, filters.in_force_on or clock.today()):
            continue
        if filters.in_force_on is not None:
            who = [filters.party] if filters.party else sorted({p.party for p in store.of(name)})
            if not any(standing(store, name, p, filters.in_force_on).answer is Truth.YES for p in who):
                continue
        found.add(name)
    return frozenset(found)


def _takes_part(store: RuleStore, name: str, party: str, on: date) -> bool:
    """Whether an instrument is one of a party's: it, or the Union that it is a member of, has joined or signed it."""
    who = {party, *(("EU",) if party in european_union(on) else ())}
    return any(p.party in who and p.role in JOINED for p in store.of(name))


def _coded(
    store: RuleStore, filters: Filters, book: Taxonomy, codings: Mapping[str, Sequence[Coding]]
) -> frozenset[str] | None:
    """Units with a coding of the topic and depth asked for; None where neither is."""
    if not (filters.topic or filters.depth):
        return None
    wanted = {p.code for p in book.of(filters.topic)} if filters.topic else set(book.codes)
    instruments = store.instruments()

    def passes(unit: str, c: Coding) -> bool:
        depth = legal_depth(c.depth or 0, instruments[unit.split("/")[0]])
        return c.provision in wanted and depth >= filters.depth

    return frozenset(unit for unit, some in codings.items() if any(passes(unit, c) for c in some))


def _quote(unit: Unit, query: str, codings: Sequence[Coding], about: Mapping[str, float]) -> str:
    """The words of the coding that answers; else the sentence with most of the question's words."""
    spans = [(about.get(c.provision, 0.0), c.span) for c in codings if c.span is not None]
    best = max(spans, key=lambda s: s[0], default=(0.0, None))
    if best[0] > 0 and best[1] is not None:
        return " ".join(unit.text[slice(*best[1])].split())
    from concordat.rulebook._clean import sentences

    asked = set(_TOKEN.findall(query.casefold()))
    places = sentences(unit.text)
    if not places:
        return " ".join(unit.text.split())[:400]
    texts = [unit.text[start:end] for start, end in places]
    return " ".join(max(texts, key=lambda t: len(asked & set(_TOKEN.findall(t.casefold())))).split())
