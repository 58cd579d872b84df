"""Which cases answer a few words, among those that fit the filters, and how many have each facet?

    score(c|q) = sum over words w of q:  idf(w) tf (k1 + 1) / (tf + k1 (1 - b + b |c| / mean |c|))
    tf = 4 x in title + 4 x in aliases + 2 x in summary + 1 x in the rest;  |c| words in all;  k1 = 1.2, b = 0.75
    idf(w) = max(ln((N - n + 0.5) / (n + 0.5)), 0.000001), n of N cases hold w

BM25 with weighted fields (S. Robertson and H. Zaragoza, The Probabilistic Relevance Framework, 2009), in the form in
which SQLite's FTS5 computes it: FTS5 is the second method in the tests. Words are runs of letters, digits and marks,
compatibility form, case folded; Chinese is cut into pairs of neighbouring characters. No stemming, no synonyms:
"record" does not find "records". Any word is enough; more words rank higher. Equal scores stand by id. Without words
all cases that fit are given, by id.

Filters narrow what is searched; facets count the cases that were found, by value. Source: exchange.md, section 6.

    >>> search(Index([]), "vaccine records").total
    0
"""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.exchange.cases._parts import AREAS, KINDS
from concordat.exchange.cases.case import Case
from concordat.exchange.cases.sectors import dac_codes
from concordat.exchange.cases.standing import NOTHING_LOGGED, Standing, best_grade
from concordat.settings import nearest

K1, B = 1.2, 0.75
TITLE, SUMMARY, REST = 4, 2, 1
IDF_MIN = 1e-6  # as FTS5: a word that half of the cases hold still counts a little
QUERY_WORDS_MAX = 64
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+")
_ASCII = re.compile(r"[a-z0-9]+")

Floats = NDArray[np.float64]


# --- Words --------------------------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    """The words by which a text is found.

    >>> words("E-Health: Saúde, 疫苗记录")
    ['e', 'health', 'saúde', '疫苗', '苗记', '记录']
    """
    if text.isascii():
        return _ASCII.findall(text.lower())
    folded = unicodedata.normalize("NFKC", text).casefold()
    found: list[str] = []
    for run in _run().findall(folded):
        if _HAN.search(run):
            found += _han(run)
        else:
            found.append(run)
    return found


def _han(run: str) -> Iterable[str]:
    """Chinese characters by pairs, what stands between them as words."""
    end = 0
    for match in _HAN.finditer(run):
        if match.start() > end:
            yield run[end : match.start()]
        letters = match.group()
        yield from (letters[i : i + 2] for i in range(max(len(letters) - 1, 1)))
        end = match.end()
    if end < len(run):
        yield run[end:]


@cache
def _run() -> re.Pattern[str]:
    """Letters and digits with the marks that belong to them: Python's \\w leaves the vowel signs of Hindi out."""
    marks = "".join(chr(c) for c in range(0x300, min(0x1100, sys.maxunicode)) if unicodedata.category(chr(c))[0] == "M")
    return re.compile(rf"[^\W_](?:[^\W_]|[{re.escape(marks)}])*")


# --- The index ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filters:
    """What is searched among; empty or None: all.

    Attributes:
        kind: of case. sector: a label of the registry. dac: code, or its first digits. sdg: 1 to 17. country: ISO3 of
            the member or of a country where it is used. area: of fintech. licence: an SPDX id in the expression.
        grade: the least grade of evidence. since, until: years in which the case ran, or in which figures are.
    """

    kind: str = ""
    sector: str = ""
    dac: str = ""
    sdg: int | None = None
    country: str = ""
    area: str = ""
    licence: str = ""
    grade: int | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A case that was found, and its score (0 without words)."""

    case: Case
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        query: the words. hits: best first, at most the number asked for. total: how many in all. facets: name ->
            value -> number of cases found, most first. unknown: words that no case holds.
    """

    query: tuple[str, ...]
    hits: tuple[Hit, ...]
    total: int
    facets: Mapping[str, Mapping[str, int]]
    unknown: tuple[str, ...]


class Index:
    """Cases made ready to be searched; built once, then only read."""

    def __init__(self, cases: Iterable[Case], standings: Mapping[str, Standing] | None = None) -> None:
        """Index cases; `standings` says what the log has of them, by id."""
        self.cases: Sequence[Case] = sorted(cases, key=lambda case: case.id)
        known = standings or {}
        grades = [best_grade(case, known.get(case.id, NOTHING_LOGGED)) for case in self.cases]
        lengths = array("i")
        postings: dict[str, tuple[array[int], array[int]]] = {}
        for place, case in enumerate(self.cases):
            counted, length = _counted(case)
            lengths.append(length)
            for word, count in counted.items():
                ids, counts = postings.setdefault(word, (array("i"), array("i")))
                ids.append(place)
                counts.append(count)
        self._postings = {
            word: (np.frombuffer(ids, np.int32), np.frombuffer(counts, np.int32))
            for word, (ids, counts) in postings.items()
        }
        sizes = np.asarray(lengths, np.float64)
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        self._norms: Floats = K1 * (1 - B + B * sizes / (mean or 1.0))
        self._worth: dict[str, Floats] = {}
        self._facets = {name: _Facet([values(case) for case in self.cases]) for name, values in _VALUES.items()}
        self._facets["grade"] = _Facet([[grade] for grade in grades])
        self._years = np.asarray([_years(case) for case in self.cases], np.int32).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self.cases)

    def scores(self, query: Sequence[str]) -> tuple[Floats, NDArray[np.bool_]]:
        """The score of every case, and which hold any of the words."""
        total = np.zeros(len(self), np.float64)
        held = np.zeros(len(self), np.bool_)
        for word in sorted(set(query)):
            if word not in self._postings:
                continue
            ids, _ = self._postings[word]
            total[ids] += query.count(word) * self._worth_of(word)
            held[ids] = True
        return total, held

    def _worth_of(self, word: str) -> Floats:
        """What a word adds to the score of each case that holds it; kept, since words are asked for again."""
        if word not in self._worth:
            ids, counts = self._postings[word]
            idf = max(math.log((len(self) - len(ids) + 0.5) / (len(ids) + 0.5)), IDF_MIN)
            self._worth[word] = idf * (counts * (K1 + 1)) / (counts + self._norms[ids])
        return self._worth[word]

    def holds(self, word: str) -> bool:
        """Whether any case holds the word."""
        return word in self._postings

    def fits(self, filters: Filters) -> NDArray[np.bool_]:
        """Which cases fit the filters.

        Raises:
            InputError: a kind, code, area, country or grade that there is not.
        """
        fits = np.ones(len(self), np.bool_)
        for name, value in _checked(filters).items():
            fits &= self._facets[name].holds(partial(_is_meant, name, value=value))
        if filters.since is not None:
            fits &= self._years[:, 1] >= filters.since
        if filters.until is not None:
            fits &= self._years[:, 0] <= filters.until
        return fits

    def facets(self, chosen: NDArray[np.bool_]) -> dict[str, dict[str, int]]:
        """How many of the chosen cases have each value, most first."""
        return {name: facet.counts(chosen) for name, facet in self._facets.items()}


class _Facet:
    """Which cases have which values: pairs of a value and a case, as two arrays."""

    def __init__(self, values: Sequence[Sequence[object]]) -> None:
        """The values of each case, in the order of the cases."""
        self.names = sorted({str(v) for found in values for v in found})
        numbers = {name: number for number, name in enumerate(self.names)}
        pairs = [(numbers[name], place) for place, found in enumerate(values) for name in {str(v) for v in found}]
        self._cases = len(values)
        self._pairs = np.asarray(pairs, np.int32).reshape(-1, 2)

    def holds(self, meant: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Which cases have a value that is meant."""
        wanted = np.asarray([meant(name) for name in self.names] or [False], np.bool_)
        found = np.zeros(self._cases, np.bool_)
        if len(self._pairs):
            found[self._pairs[wanted[self._pairs[:, 0]], 1]] = True
        return found

    def counts(self, chosen: NDArray[np.bool_]) -> dict[str, int]:
        """How many of the chosen cases have each value, most first."""
        here = self._pairs[chosen[self._pairs[:, 1]], 0] if len(self._pairs) else self._pairs[:, 0]
        numbers = np.bincount(here, minlength=len(self.names)).tolist()
        ranked = sorted(zip(self.names, numbers, strict=True), key=lambda pair: (-pair[1], pair[0]))
        return {name: number for name, number in ranked if number}


def search(index: Index, query: str, filters: Filters = Filters(), *, limit: int = 10) -> Found:
    """Cases for some words.

    Raises:
        InputError: more than 64 words, or a filter that names what there is not.
    """
    asked = words(query)
    if len(asked) > QUERY_WORDS_MAX:
        raise InputError(
            f"{len(asked)} words; at most {QUERY_WORDS_MAX} are searched for.", hint="Say less.", code="query"
        )
    chosen = index.fits(filters)
    scores, held = index.scores(asked)
    if asked:
        chosen &= held
    places = np.flatnonzero(chosen)
    best = _best(places, scores, limit)
    hits = tuple(Hit(index.cases[place], float(scores[place])) for place in best)
    unknown = tuple(word for word in dict.fromkeys(asked) if not index.holds(word))
    return Found(tuple(asked), hits, len(places), index.facets(chosen), unknown)


def _best(places: NDArray[np.intp], scores: Floats, limit: int) -> NDArray[np.intp]:
    """The places of the best scores, ties in the order of the ids, in which cases stand."""
    if 0 < limit < len(places):  # only what is at least as good as the last of them need be sorted
        least = np.partition(scores[places], -limit)[-limit]
        places = places[scores[places] >= least]
    return places[np.argsort(-scores[places], kind="stable")][:limit]


# --- What a case is found by --------------------------------------------------------------------------------------


def _counted(case: Case) -> tuple[dict[str, int], int]:
    """Weighted number of each word, and how many words there are in all."""
    counted: Counter[str] = Counter()
    length = 0
    rest = [
        *case.problem.values(), *case.intervention.values(), *case.preconditions.values(),
        *([case.owner.name] if case.owner else []), *(o.name for o in case.organisations),
        *case.facets.dpg, *(dac_codes().get(code, "") for code in case.facets.dac),
        *(claim.text for claim in case.claims), *(result.indicator.replace("_", " ") for result in case.results),
    ]  # fmt: skip
    for weight, texts in (
        (TITLE, (*case.title.values(), *case.aliases)),
        (SUMMARY, case.summary.values()),
        (REST, rest),
    ):
        found = [word for text in texts for word in words(text)]
        length += len(found)
        for word, count in Counter(found).items():
            counted[word] += weight * count
    return counted, length


def _countries(case: Case) -> list[str]:
    return sorted({*case.countries.used, *([case.member] if case.member else [])})


def _licences(case: Case) -> list[str]:
    return sorted(set(re.sub(r"[()]", " ", case.reuse.licence).split()) - {"AND", "OR", "WITH"})


_VALUES: Mapping[str, Callable[[Case], Sequence[object]]] = {
    "kind": lambda case: [case.kind],
    "sector": lambda case: case.facets.dpg,
    "dac": lambda case: case.facets.dac,
    "sdg": lambda case: case.facets.sdgs,
    "country": _countries,
    "area": lambda case: case.facets.fintech_area,
    "licence": _licences,
}


def _years(case: Case) -> tuple[int, int]:
    """First and last year that a case speaks of; a case without any fits no period."""
    if case.period.start or case.period.end:
        first = int((case.period.start or "1900")[:4])
        return first, int(case.period.end[:4]) if case.period.end else 9999
    stated = [year for result in case.results for year in result.years]
    return (min(stated), max(stated)) if stated else (10_000, 0)


def _is_meant(name: str, known: str, value: str) -> bool:
    if name == "dac":
        return known.startswith(value)
    if name == "grade":
        return int(known) >= int(value)
    return known.casefold() == value.casefold()


def _checked(filters: Filters) -> dict[str, str]:
    """The filters that are set, as text."""
    found = {
        field.name: str(value)
        for field in fields(filters)
        if field.name not in ("since", "until") and (value := getattr(filters, field.name)) not in ("", None)
    }
    _known("kind", found, KINDS)
    _known("area", found, AREAS)
    if "dac" in found and not any(code.startswith(found["dac"]) for code in dac_codes()):
        _known("dac", found, dac_codes())
    if filters.sdg is not None and not 1 <= filters.sdg <= 17:
        raise InputError(f"{filters.sdg} is no development goal.", where="sdg", hint="1 to 17.", code="filter")
    if filters.grade is not None and not 0 <= filters.grade <= 4:
        raise InputError(f"{filters.grade} is no grade of evidence.", where="grade", hint="0 to 4.", code="filter")
    if "country" in found:
        from concordat.world import country

        found["country"] = country(found["country"], where="country").iso3
    return found


def _known(name: str, found: Mapping[str, str], known: Iterable[str]) -> None:
    if name not in found or found[name] in known:
        return
    close = nearest(found[name], known)
    hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(sorted(known)[:12])}."
    raise InputError(f'"{found[name]}" is no {name} of cases.', where=name, hint=hint, code="filter")
