"""Search against other judges: the formula of BM25 that SQLite documents, and the shared plain-language questions.

Formula: SQLite, FTS5 Extension, section 5.1.1 "The bm25() function" (sqlite.org/fts5.html): k1 = 1.2, b = 0.75, IDF =
ln((N - n + 0.5) / (n + 0.5)), the frequency of a phrase weighted by the column it stands in, the length of a row that
of all its columns. Its source (fts5_aux.c) puts 1e-6 for an IDF that is not positive. Tolerance: rounding.

Questions: `queries_dev.csv`, 14, over the 1,214 labelled articles without headings. Specification, section 1: plain
BM25 nDCG@10 0.853, MRR 0.917 (its tokens are not told; tolerance 0.01). The floors of `search` are those of its parts
that need no sentence vectors, a point or two below what they reach (0.884 and 0.946). With vectors, which take minutes,
`benchmarks/search.py` tells.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from concordat.rulebook.coder import Coder
from concordat.rulebook.model import OTHER, ParsedInstrument, Source, Unit
from concordat.rulebook.search import search
from concordat.rulebook.store import RuleStore
from rulebook_build import instrument, store_of

K1, B = 1.2, 0.75
WEIGHTS = (4.0, 1.0, 2.0)  # heading, text, chapter
ROWS = [
    ("Electronic Commerce", "Each Party shall promote electronic commerce; commerce by other means is free.", "Trade"),
    ("Location of Servers", "No Party shall require that servers stand in its territory.", "Electronic Commerce"),
    ("", "Cada Parte promoverá el comercio. Each party shall, in commerce, act.", "Trade"),
    ("Spam", "Unsolicited messages. " * 6 + "The parties to electronic messages.", "Electronic Commerce"),
    ("Exceptions", "Nothing here.", ""),
    ("Trade in Goods", "Goods are free of electronic duties. A party is a state.", "Trade"),
]


def _units(name: str, rows: Sequence[tuple[str, str, str]]) -> tuple[Unit, ...]:
    """Articles (heading, text, chapter) under their chapters."""
    empty = hashlib.sha256(b"").hexdigest()
    titles = {t: f"{name}/ch{n}" for n, t in enumerate(dict.fromkeys(c for *_, c in rows if c))}
    units = [
        Unit(key, name, "chapter", "", title, "", "en", n, "", empty, Source(empty))
        for n, (title, key) in enumerate(titles.items())
    ]
    for n, (heading, text, chapter) in enumerate(rows):
        sha = hashlib.sha256(text.encode()).hexdigest()
        place, parent = len(units), titles.get(chapter, "")
        units.append(Unit(f"{name}/{n}", name, "article", str(n), heading, text, "en", place, parent, sha, Source(sha)))
    return tuple(units)


def _tokens(text: str) -> list[str]:
    plain = "".join(s for s in unicodedata.normalize("NFD", text) if not unicodedata.combining(s))
    return re.findall(r"[^\W_]+", plain.casefold())


def _bm25(rows: Sequence[Sequence[str]], phrases: Sequence[Sequence[str]]) -> list[float]:
    """The formula, in plain loops."""
    cut = [[_tokens(column) for column in row] for row in rows]
    lengths = [sum(len(column) for column in row) for row in cut]
    mean = sum(lengths) / len(lengths)

    def count(column: list[str], phrase: Sequence[str]) -> int:
        return sum(column[at : at + len(phrase)] == list(phrase) for at in range(len(column)))

    scores = [0.0] * len(rows)
    for phrase in phrases:
        counts = [[count(column, phrase) for column in row] for row in cut]
        holding = sum(any(row) for row in counts)
        idf = math.log((len(rows) - holding + 0.5) / (holding + 0.5))
        idf = idf if idf > 0 else 1e-6
        for at, row in enumerate(counts):
            f = sum(w * n for w, n in zip(WEIGHTS, row, strict=True))
            scores[at] += idf * f * (K1 + 1) / (f + K1 * (1 - B + B * lengths[at] / mean))
    return scores


@pytest.mark.parametrize(
    "phrases",
    [["servers"], ["electronic"], ["commerce", "servers"], ["electronic commerce"], ["promovera"], ["party", "spam"],
     ["electronic commerce", "messages", "goods", "duties"]],
)  # fmt: skip
def test_words_are_ranked_by_the_formula_that_sqlite_documents(phrases: list[str]) -> None:
    with store_of(instrument("a")) as store:
        store.put_text(ParsedInstrument("a", "a", "en", _units("a", ROWS)), b"a")
        found = store.match_words(" OR ".join(f'"{p}"' for p in phrases), 99)
    expected = _bm25(ROWS, [p.split() for p in phrases])
    assert found
    assert dict(found) == pytest.approx({f"a/{n}": s for n, s in enumerate(expected) if s > 0}, rel=1e-9)
    assert [name for name, _ in found] == sorted(dict(found), key=lambda u: (-dict(found)[u], u))


# --- The shared questions -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def articles(shared_data: Path) -> Iterator[tuple[RuleStore, dict[str, set[str]]]]:
    """The labelled articles without headings, coded by our own clauses without vectors, and the codes of each."""
    lines = (shared_data / "tota" / "articles_dev.jsonl").read_text(encoding="utf-8").splitlines()
    by: dict[str, list[dict[str, str]]] = {}
    for row in map(json.loads, lines):
        by.setdefault(row["agreement"].replace("_", "-"), []).append(row)
    coder = Coder.load("shipped", use_minilm=False)
    codes: dict[str, set[str]] = {}
    with store_of("".join(instrument(name) for name in by)) as store:
        for name, rows in by.items():
            units = _units(name, [("", row["text"], row["chapter"]) for row in rows])
            with store.together():
                store.put_text(ParsedInstrument(name, name, "en", units), name.encode())
                store.add_codings(coder.code(units, coded_on="2026-11-25"))
            codes |= {f"{name}/{n}": {row["code"], *row["code_alt"]} - {OTHER} for n, row in enumerate(rows)}
        yield store, codes


def _figures(shared_data: Path, codes: dict[str, set[str]], rank: Callable[[str], list[str]]) -> tuple[float, float]:
    """Means of nDCG@10 and of the reciprocal rank."""
    gains = [1 / math.log2(n + 2) for n in range(10)]
    with (shared_data / "tota" / "queries_dev.csv").open(encoding="utf-8", newline="") as file:
        asked = [(row["query"], row["relevant_code"]) for row in csv.DictReader(file)]
    assert len(asked) == 14
    sums = [0.0, 0.0]
    for query, code in asked:
        right = [code in codes[name] for name in rank(query)]
        best = sum(gains[: sum(code in some for some in codes.values())])
        sums[0] += sum(g for g, hit in zip(gains, right, strict=False) if hit) / best
        sums[1] += 1 / (right.index(True) + 1) if True in right else 0.0
    return sums[0] / len(asked), sums[1] / len(asked)


def test_bm25_alone_is_the_specifications(shared_data: Path, articles: tuple[RuleStore, dict[str, set[str]]]) -> None:
    store, codes = articles

    def rank(query: str) -> list[str]:
        return [u for u, _ in store.match_words(" OR ".join(f'"{t}"' for t in re.findall(r"\w+", query)), 100)]

    assert _figures(shared_data, codes, rank) == pytest.approx((0.853, 0.917), abs=0.01)


def test_search_without_vectors_holds_its_floor(
    shared_data: Path, articles: tuple[RuleStore, dict[str, set[str]]]
) -> None:
    store, codes = articles
    ndcg, mrr = _figures(shared_data, codes, lambda q: [h.unit.id for h in search(store, q, limit=100).hits])
    assert ndcg >= 0.87
    assert mrr >= 0.92
