"""Which articles answer a question, and which article answers to which: how often are we right, beside plain methods?

Search: nDCG@10 and the reciprocal rank of the first right article (MRR) on the shared plain-language questions
(`queries_dev.csv`) and on questions of our own in everyday words (`queries_everyday.yaml`), for BM25 alone, sentence
vectors alone, and `search`, among the labelled articles of the shared data: without headings ("strict", as the labels
follow from headings) and with them. An article is right if its code or another code of it is one that is asked for;
questions whose codes no article has are left out and counted. Codings are those of the shipped coder, which has seen
none of these articles.

Alignment: for each coded English article and each other agreement that holds its code, whether the most alike coded
article there has that code (12,558 pairs): TF-IDF cosine alone, and `similarity`; and whether `align` pairs it so.

Intervals (90%) draw questions, or agreements, with replacement.

    CONCORDAT_SHARED_DATA=... python benchmarks/search.py [--vectors FILE] [--json] [--write]
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import os
import pickle
import platform
import re
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from concordat.rulebook.align import align, similarity
from concordat.rulebook.coder import Coder, features, minilm, tfidf
from concordat.rulebook.evaluate import interval
from concordat.rulebook.model import OTHER, Instrument, ParsedInstrument, Source, Unit
from concordat.rulebook.search import search
from concordat.rulebook.store import RuleStore
from concordat.rulebook.taxonomy import load_taxonomy

HERE = Path(__file__).parent
RESULTS = HERE / "results"
ON = "2026-11-25"
DEPTH = 10
EVERYDAY = "everyday questions"
LIMITS = {
    "shared questions": {"nDCG@10": [0.93, 0.96], "MRR": [1.00, 1.00]},
    "everyday questions": {"nDCG@10": [0.78, 0.85], "MRR": [0.88, 0.93]},
    "alignment accuracy@1": [0.92, 0.95],
}
Row = dict[str, Any]
Question = tuple[str, tuple[str, ...]]
Ranking = Callable[[str], Sequence[str]]


# --- Data ---------------------------------------------------------------------------------------------------------


def labelled(folder: Path) -> list[Row]:
    """The labelled articles of the shared data."""
    return list(map(json.loads, (folder / "tota" / "articles_dev.jsonl").read_text(encoding="utf-8").splitlines()))


def questions(folder: Path) -> dict[str, list[Question]]:
    """Both sets: the words of each question, and the codes that answer it."""
    with (folder / "tota" / "queries_dev.csv").open(encoding="utf-8", newline="") as file:
        shared: list[Question] = [(row["query"], (row["relevant_code"],)) for row in csv.DictReader(file)]
    own = yaml.safe_load((HERE / "queries_everyday.yaml").read_text(encoding="utf-8"))["questions"]
    return {"shared questions": shared, EVERYDAY: [(row["question"], tuple(row["codes"])) for row in own]}


def parsed(rows: Sequence[Row], *, headings: bool) -> list[ParsedInstrument]:
    """The labelled articles as agreements of chapters and articles."""
    by: dict[str, list[Row]] = {}
    for row in rows:
        by.setdefault(row["agreement"], []).append(row)
    found = []
    for name, own in by.items():
        units: list[Unit] = []
        titles = {t: f"{name}/ch{n}" for n, t in enumerate(dict.fromkeys(r["chapter"] for r in own if r["chapter"]))}
        units += [_unit(key, name, "chapter", title, "", own[0]["lang"], len(units)) for title, key in titles.items()]
        for row in own:
            head, parent = row["heading"] if headings else "", titles.get(row["chapter"], "")
            units.append(_unit(row["id"], name, "article", head, row["text"], row["lang"], len(units), parent))
        found.append(ParsedInstrument(name, name, own[0]["lang"], tuple(units)))
    return found


def _unit(key: str, of: str, kind: str, heading: str, text: str, lang: str, order: int, parent: str = "") -> Unit:
    sha = hashlib.sha256(text.encode()).hexdigest()
    return Unit(key, of, kind, "", heading, text, lang, order, parent, sha, Source(sha))


def filled(rows: Sequence[Row], coder: Coder, *, headings: bool) -> RuleStore:
    """A store of these articles with the codings of a coder."""
    store = RuleStore.memory()
    for one in parsed(rows, headings=headings):
        head = (one.id, one.id, one.id, "trade_agreement_chapter", "", None, None, None, None, "", "mixed", "", ())
        store.put_instrument(Instrument(*head, "", "", True, ("shared data",), "unverified"))
        store.put_text(one, f"{one.id} {headings}".encode())
        store.add_codings(coder.code(one.units, coded_on=ON))
    return store


class Kept:
    """Sentence vectors, those that are known from a mapping that the coder fills as well."""

    def __init__(self, vectors: features.Vectors) -> None:
        self._vectors, self._model = vectors, minilm.load()
        self.sha256 = self._model.sha256

    def embed(self, texts: Sequence[str]) -> Any:
        keys = [(hashlib.sha256(text.encode()).hexdigest(), self.sha256) for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        made = np.asarray(self._model.embed(list(missing.values())), np.float32) if missing else ()
        self._vectors.update({key: row.tobytes() for key, row in zip(missing, made, strict=True)})
        return np.stack([np.frombuffer(self._vectors[key], np.float32) for key in keys])


# --- Search -------------------------------------------------------------------------------------------------------


def ndcg(ranked: Sequence[str], right: set[str]) -> float:
    """sum of 1 / log2(rank + 1) over the right ones among the first ten, over the most that it could be."""
    gains = [1 / math.log2(n + 2) for n in range(DEPTH)]
    best = sum(gains[: min(DEPTH, len(right))])
    return sum(g for g, name in zip(gains, ranked, strict=False) if name in right) / best


def reciprocal(ranked: Sequence[str], right: set[str]) -> float:
    """1 over the rank of the first right one; 0 if there is none among those given."""
    return next((1 / n for n, name in enumerate(ranked, 1) if name in right), 0.0)


def rankings(store: RuleStore, encoder: Kept | None) -> dict[str, Ranking]:
    """Ways to answer a question: ids of articles, best first."""

    def bm25(query: str) -> list[str]:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query.casefold()))
        return [name for name, _ in store.match_words(words, 100)]

    def ours(query: str) -> list[str]:
        return [hit.unit.id for hit in search(store, query, limit=100, encoder=encoder).hits]

    def plain(query: str) -> list[str]:
        return [hit.unit.id for hit in search(store, query, limit=100).hits]

    ways: dict[str, Ranking] = {"BM25": bm25, "search without vectors": plain}
    if encoder is not None:
        units = store.units("", ("article",))
        matrix = encoder.embed([u.text for u in units])

        def dense(query: str) -> list[str]:
            order = np.argsort(-(matrix @ encoder.embed([query])[0]), kind="stable")[:100]
            return [units[int(n)].id for n in order]

        ways |= {"vectors": dense, "search": ours}
    return ways


def searched(
    rows: Sequence[Row], asked: Sequence[Question], ways: Mapping[str, Ranking], draws: int, *, judging: bool
) -> list[Row]:
    """A line for each way to search: both figures with their intervals, also for the half that fitted nothing."""
    has = {row["id"]: {row["code"], *row["code_alt"]} - {OTHER} for row in rows}
    right = [{name for name, codes in has.items() if codes & set(wanted)} for _, wanted in asked]
    kept = [n for n, some in enumerate(right) if some]
    names = [str(n) for n in kept]
    lines = []
    for way, rank in ways.items():
        ranked = {n: rank(asked[n][0]) for n in kept}
        line: Row = {"way": way, "n": len(kept), "left out": len(asked) - len(kept)}
        for figure, measure in (("nDCG@10", ndcg), ("MRR", reciprocal)):
            values = [measure(ranked[n], right[n]) for n in kept]
            line[figure] = _mean(values, names, draws)
            if judging:
                line[f"{figure}, judging half"] = _mean(values[1::2], names[1::2], draws)
        lines.append(line)
    return lines


def _mean(values: Sequence[float], groups: Sequence[str], draws: int) -> list[float | None]:
    low, high = interval(groups, lambda at: sum(values[n] for n in at) / len(at), seed=0, draws=draws)
    return [round(sum(values) / len(values), 4), *(None if x is None else round(x, 4) for x in (low, high))]


# --- Alignment ----------------------------------------------------------------------------------------------------


def aligned(rows: Sequence[Row], coder: Coder, encoder: Kept | None, draws: int) -> list[Row]:
    """Share of (article, other agreement that holds its code) whose nearest article there has that code."""
    code = {r["id"]: r["code"] for r in rows if r["lang"] == "en" and r["code"] != OTHER}
    everything = parsed([r for r in rows if r["lang"] == "en"], headings=False)
    sides = [[u for u in one.units if u.id in code] for one in everything]
    titles = {u.id: u.heading for one in everything for u in one.units if u.kind == "chapter"}
    chapters = {u.id: titles.get(u.parent, "") for side in sides for u in side}
    known = [_probabilities(one, side, coder) for one, side in zip(everything, sides, strict=True)]
    dense = None if encoder is None else [encoder.embed([u.text for u in s]) if s else None for s in sides]
    _, terms = tfidf.fit_transform([u.text for side in sides for u in side], tfidf.words(1, 2))
    first = np.concatenate(([0], np.cumsum([len(side) for side in sides])))
    cosines = np.asarray((terms @ terms.T).todense())
    hits: dict[str, list[float]] = {"TF-IDF cosine": [], "similarity": [], "align": []}
    groups: list[str] = []
    for i, j in combinations([n for n, side in enumerate(sides) if side], 2):
        vectors = (dense[i], dense[j]) if dense is not None else None
        score = similarity(sides[i], sides[j], vectors=vectors, provisions=(known[i], known[j]), chapters=chapters)
        plain = cosines[first[i] : first[i + 1], first[j] : first[j + 1]]
        pairs = {p.a: p.b for p in align(sides[i], sides[j], score).pairs}
        back = {b: a for a, b in pairs.items()}
        for a, b, s, c, paired in (
            (sides[i], sides[j], score, plain, pairs), (sides[j], sides[i], score.T, plain.T, back)
        ):  # fmt: skip
            there = {code[u.id] for u in b}
            for n, unit in enumerate(a):
                if code[unit.id] not in there:
                    continue
                groups.append(unit.instrument)
                hits["TF-IDF cosine"].append(code[b[int(c[n].argmax())].id] == code[unit.id])
                hits["similarity"].append(code[b[int(s[n].argmax())].id] == code[unit.id])
                hits["align"].append(code.get(paired.get(unit.id, ""), "") == code[unit.id])
    return [{"way": way, "n": len(some), "accuracy@1": _mean(some, groups, draws)} for way, some in hits.items()]


def _probabilities(one: ParsedInstrument, side: Sequence[Unit], coder: Coder) -> Any:
    place, codes = {u.id: n for n, u in enumerate(side)}, {c: n for n, c in enumerate(load_taxonomy().codes)}
    found = np.zeros((len(side), len(codes)))
    for coding in coder.code(one.units, coded_on=ON):
        if coding.unit in place:
            found[place[coding.unit], codes[coding.provision]] = coding.probability or 0.0
    return found


# --- The whole ----------------------------------------------------------------------------------------------------


def measured(folder: Path, vectors: features.Vectors, draws: int) -> Row:
    """All tables."""
    rows = labelled(folder)
    encoder = Kept(vectors) if minilm.available() else None
    coder = Coder.load("shipped", vectors=vectors)
    found: Row = {"coder": coder.about.words(), "articles": len(rows)}
    for how in ("strict", "with headings"):
        with filled(rows, coder, headings=how == "with headings") as store:
            ways = rankings(store, encoder)
            for name, asked in questions(folder).items():
                found[f"{name}, {how}"] = searched(rows, asked, ways, draws, judging=name == EVERYDAY)
            start = time.perf_counter()
            search(store, "who may see my data?", encoder=encoder)
            found[f"one question {how}, s"] = round(time.perf_counter() - start, 3)
    found["alignment"] = aligned(rows, coder, encoder, draws)
    return found


def table(found: Row) -> str:
    """The figures as lines."""
    lines = []
    for name, rows in found.items():
        if not isinstance(rows, list):
            continue
        lines += ["", f"{name} (n = {rows[0]['n']})"]
        for row in rows:
            figures = [f"{k} {_words(v)}" for k, v in row.items() if isinstance(v, list)]
            lines.append(f"  {row['way']:24}{'  '.join(figures)}")
    return "\n".join(lines[1:])


def _words(value: Sequence[float | None]) -> str:
    point, low, high = value
    return f"{point:.3f}" if low is None or high is None else f"{point:.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print the result, not the table")
    parser.add_argument("--write", action="store_true", help="store the result")
    parser.add_argument("--vectors", type=Path, help="file of embeddings kept between runs (our own cache, a pickle)")
    parser.add_argument("--draws", type=int, default=1000)
    arguments = parser.parse_args()
    folder = Path(os.environ["CONCORDAT_SHARED_DATA"])
    vectors: features.Vectors = {}
    if arguments.vectors and arguments.vectors.exists():
        vectors = pickle.loads(arguments.vectors.read_bytes())
    report: Row = {"benchmark": "search", "version": version("concordat"), "limits": LIMITS}
    report |= measured(folder, vectors, arguments.draws)
    if arguments.vectors:
        arguments.vectors.write_bytes(pickle.dumps(vectors))
    system = f"{platform.system()}-{platform.machine()}".lower()
    report["machine"] = {
        "cores": os.cpu_count(), "system": system, "python": platform.python_version(), "numpy": version("numpy"),
        "sqlite": sqlite3.sqlite_version,
    }  # fmt: skip
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    print(text if arguments.json else table(report))
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"search-{system}-{os.cpu_count()}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
