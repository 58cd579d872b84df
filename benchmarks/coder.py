"""How long does it take to code an agreement, and how right is the coder, beside scikit-learn and a keyword coder?

    CONCORDAT_SHARED_DATA=... python benchmarks/coder.py \\
        [--speed] [--shipped] [--accuracy] [--wild] [--vectors FILE] [--write]

Speed: an agreement of about 500 articles, shipped mode; cold (nothing embedded), warm (embeddings known), without
MiniLM, lexicon alone; the fit itself beside scikit-learn's. Times are process and wall seconds, best of five, of this
process. Accuracy: the rows of section 16 of the specification that judge the coder. `--shipped --write` also writes
the figures of what ships beside its clauses and terms (`accuracy.yaml`). Parts that are not asked for keep the figures
that are stored. Embeddings are kept in a file between runs."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from concordat.rulebook import _wild, evaluate
from concordat.rulebook.accuracy import data_sha256
from concordat.rulebook.coder import Coder, Labelled, features, model
from concordat.rulebook.coder.examples import own_examples
from concordat.rulebook.model import ParsedInstrument
from concordat.rulebook.readers.tota import parse_tota
from concordat.rulebook.taxonomy import DATA, load_taxonomy

RUNS = 5
ON = "2026-11-25"
RESULTS = Path(__file__).parent / "results"
LIMITS = {"code_500_articles_s": 5.0, "lexicon_ms_an_article": 50.0, "fit_shipped_s": 3.0}


def labelled(folder: Path) -> list[Labelled]:
    """The labelled articles of the shared data."""
    rows = map(json.loads, (folder / "tota" / "articles_dev.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Labelled(
            r["id"], r["agreement"], int(r["year"]), r["lang"], r["chapter"], r["heading"], r["text"], r["code"],
            tuple(r["code_alt"]),
        )
        for r in rows
    ]  # fmt: skip


def agreements(folder: Path) -> list[ParsedInstrument]:
    """The whole agreements of the shared data."""
    files = sorted((folder / "tota" / "xml").glob("*.xml"))
    return [parse_tota(file.read_bytes(), name=file.name, id=file.stem) for file in files]


def timed(work: Callable[[], Any], runs: int = RUNS) -> dict[str, float]:
    """Best wall and process seconds."""
    wall, used = [], []
    for _ in range(runs):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        used.append(time.process_time() - cpu)
    return {"wall_s": round(min(wall), 4), "process_s": round(min(used), 4)}


def speed(folder: Path, vectors: features.Vectors) -> dict[str, Any]:
    """Times of the fit and of coding one agreement."""
    taxonomy = load_taxonomy()
    own = own_examples()
    Coder.load("shipped", vectors=vectors)
    parsed = min(agreements(folder), key=lambda p: abs(sum(u.kind == "article" for u in p.units) - 500))
    articles = [u for u in parsed.units if u.kind == "article"]
    known = dict(vectors)
    with_meaning, plain = Coder.load("shipped", vectors=known), Coder.load("shipped", use_minilm=False)
    before = set(known)

    def cold() -> None:
        for key in set(known) - before:
            del known[key]
        with_meaning.code(parsed.units, coded_on=ON)

    found: dict[str, Any] = {
        "articles": len(articles),
        "fit shipped, clauses embedded": timed(lambda: model.fit(own, taxonomy.codes, model.Settings(), vectors)),
        "code, nothing embedded": timed(cold, 2),
        "embedded": len(set(known) - before),
        "code, embeddings known": timed(lambda: with_meaning.code(parsed.units, coded_on=ON)),
        "code, without MiniLM": timed(lambda: plain.code(parsed.units, coded_on=ON)),
    }
    texts = [u.text for u in articles]
    for lang in ("en", "all six"):
        langs = ["en" if lang == "en" else "xx"] * len(texts)
        seconds = timed(lambda langs=langs: features.prepare(texts, langs, tidy=False))  # type: ignore[misc]
        found[f"lexicon {lang}, ms an article"] = round(seconds["wall_s"] / len(texts) * 1000, 3)
    try:
        found["scikit-learn fit"] = timed(_sklearn(own), 2)
    except ImportError:
        found["scikit-learn fit"] = None
    return found


def _sklearn(own: list[model.Example]) -> Callable[[], object]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    english = [e for e in own if e.text.lang == "en"]

    def work() -> object:
        rows = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(
            e.text.text for e in english
        )
        return LogisticRegression(C=30.0, class_weight="balanced", max_iter=2000).fit(rows, [e.code for e in english])

    return work


def accuracy(
    folder: Path, vectors: features.Vectors, draws: int, keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """The rows of section 16, each kept as soon as it is measured: all of them take a quarter of an hour and more."""
    every = labelled(folder)
    english = [a for a in every if a.lang == "en"]
    asked: dict[str, tuple[list[Labelled], dict[str, Any]]] = {
        "later texts": (english, {"split_year": 2011}),
        "folds by agreement": (english, {"cv": 5}),
        "folds by family": (english, {"cv": 5, "by": "family"}),
        "lexicon": (every, {"mode": "lexicon"}),
        "shipped": (every, {"mode": "shipped"}),
    }
    found: dict[str, Any] = {}
    found["Spanish, English training"] = spanish(every, english, vectors)
    for name, (rows, words) in asked.items():
        result = evaluate.evaluation(rows, vectors=vectors, draws=draws, **words)
        found[name] = [[r.name, r.n, _short(r.value), _short(r.low), _short(r.high)] for r in result.rows]
        print(name, result.words(), sep="\n", flush=True)
        keep(found)
    return found


def spanish(every: list[Labelled], english: list[Labelled], vectors: features.Vectors) -> list[float]:
    """Articles in Spanish, and the share that is right of a coder whose labelled texts are English."""
    judged = [a for a in every if a.lang == "es"]
    coder = Coder.fit(english, licence="CC BY-NC 4.0", vectors=vectors, calibrated=False)
    keys, titles = evaluate.chapter_keys(judged)
    p = coder.probabilities([a.text for a in judged], ["es"] * len(judged), chapters=keys, titles=titles)
    right = [coder.classes[k] == a.code for k, a in zip(p.argmax(axis=1), judged, strict=True)]
    print("Spanish, English training", len(right), sum(right) / len(right), flush=True)
    return [len(right), round(sum(right) / len(right), 4)]


def shipped(folder: Path, vectors: features.Vectors, draws: int) -> dict[str, Any]:
    """What `accuracy.yaml` holds: figures of the coders that ship, on all labelled articles."""
    every = labelled(folder)
    modes = []
    for mode, minilm in (("shipped", True), ("shipped", False), ("lexicon", False)):
        result = evaluate.evaluation(every, mode=mode, use_minilm=minilm, vectors=vectors, draws=draws)
        print(mode, minilm, result.words(), sep="\n", flush=True)
        told = [result[name] for name in ("macro F1", "micro F1", "digital F1")]
        figures = [
            {"name": f.name, "n": f.n, "value": _short(f.value), "low": _short(f.low), "high": _short(f.high)}
            for f in told
        ]
        modes.append({"mode": mode, "minilm": minilm, "figures": figures})
    agreements_ = len({a.agreement for a in every})
    names = {"en": "English", "es": "Spanish", "fr": "French", "pt": "Portuguese", "ru": "Russian", "zh": "Chinese"}
    langs = " and ".join(names.get(lang, lang) for lang in sorted({a.lang for a in every}))
    return {
        "schema": "concordat/rulebook-accuracy@1",
        "note": f"Written by benchmarks/coder.py --shipped --write; 90% intervals of {draws} draws of agreements.",
        "sha256": data_sha256(),
        "measured_on": f"{len(every):,} labelled articles of {agreements_} trade agreements, {langs}, "
        "headings as labels",
        "modes": modes,
    }


def whole(folder: Path, vectors: features.Vectors, draws: int) -> list[list[Any]]:
    """Every article of the English agreements."""
    english = [a for a in labelled(folder) if a.lang == "en"]
    texts = [p for p in agreements(folder) if p.lang == "en"]
    result, _ = _wild.wild(texts, english, vectors=vectors, draws=draws)
    print(result.words(), flush=True)
    return [[r.name, r.n, _short(r.value), _short(r.low), _short(r.high)] for r in result.rows]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("speed", "shipped", "accuracy", "wild", "write"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--vectors", type=Path, help="file of embeddings kept between runs (our own cache, a pickle)")
    parser.add_argument("--draws", type=int, default=evaluate.DRAWS)
    arguments = parser.parse_args()
    folder = Path(os.environ["CONCORDAT_SHARED_DATA"])
    vectors: features.Vectors = {}
    if arguments.vectors and arguments.vectors.exists():
        vectors = pickle.loads(arguments.vectors.read_bytes())
    system = f"{platform.system()}-{platform.machine()}".lower()
    stored = RESULTS / f"coder-{system}-{os.cpu_count()}-cores.json"

    def keep(part: str, work: Any) -> None:
        told = _report(stored, part, work)
        print(told, end="", flush=True)
        if arguments.vectors:
            arguments.vectors.write_bytes(pickle.dumps(vectors))
        if arguments.write:
            RESULTS.mkdir(exist_ok=True)
            stored.write_text(told, encoding="utf-8")

    if arguments.speed:
        keep("speed", speed(folder, vectors))
    if arguments.shipped:
        found = shipped(folder, vectors, arguments.draws)
        keep("shipped", found)
        if arguments.write:
            import yaml

            text = yaml.safe_dump(found, sort_keys=False, default_flow_style=None, width=110)
            (DATA / "accuracy.yaml").write_text(text, encoding="utf-8")
    if arguments.wild:
        keep("whole agreements", whole(folder, vectors, arguments.draws))
    if arguments.accuracy:
        accuracy(folder, vectors, arguments.draws, lambda rows: keep("accuracy", rows))


def _report(stored: Path, part: str, work: Any) -> str:
    """What is stored, with one part anew."""
    report = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    report |= {"benchmark": "coder", "version": version("concordat"), "limits": LIMITS, part: work}
    report["clauses and terms"] = report.get("clauses and terms", {}) | {part: data_sha256()}
    report["machine"] = {
        "cores": os.cpu_count(), "load": load, "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(), "numpy": version("numpy"),
    }  # fmt: skip
    return json.dumps(report, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    main()
